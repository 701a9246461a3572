//! The live stream of a visitor's threads: `GET /api/support/stream`, Server-Sent Events, and the same in slices for
//! whom no stream reaches: `GET /api/support/poll`; or over a WebSocket ([`socket`]).
//!
//! The body is polled by the connection itself: no task, one timer and one waker a stream, and every frame that is
//! the same for all (events, heartbeats) is encoded once and shared. Who may follow which thread is decided by
//! the caller, before.

mod body;
mod crowd;
mod lines;
mod poll;
pub mod socket;
mod wanted;

pub use poll::poll;
pub use wanted::{MOST_THREADS, Place, StreamQuery, Wanted};

use crate::{
    domain::{
        error::{Code, DeskError},
        ids::ThreadId,
        live::StreamEvent,
        sentence::Sentence,
        time::At,
    },
    server::{
        bus::{self, BusError, EventBus, Subscription},
        clock::Clock,
        guard::error_response,
        listen::TakeOver,
        shutdown::Shutdown,
    },
};
use axum::{
    Extension,
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use body::LiveBody;
use bytes::Bytes;
use crowd::Crowd;
use futures::future::{BoxFuture, try_join_all};
use lines::{Line, Lines};
use metrics::{counter, gauge};
use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// How streams behave.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// Something is sent at least this often; each pause is a little shorter, by chance.
    pub heartbeat: Duration,
    /// How long one connection lives, ±20 %.
    pub lifetime: Duration,
    /// The reconnection time told to the client, ±30 %.
    pub retry: Duration,
    /// At most so many at once; one more is answered 503.
    pub max_streams: usize,
    /// At most so many at once for one session; one more, and the oldest says goodbye.
    pub per_session: usize,
    /// When one that made room may come back, ±25 %: not so soon that too many tabs chase each other.
    pub replaced_return: Duration,
    /// When draining, streams end spread over this time.
    pub drain_spread: Duration,
    /// After a `bye` of a restart, clients come back spread over this time.
    pub return_spread: Duration,
    /// How long a poll waits for something to tell, at most.
    pub poll_wait: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            lifetime: Duration::from_secs(600),
            retry: Duration::from_millis(2000),
            max_streams: 10_000,
            per_session: 20,
            replaced_return: Duration::from_secs(60),
            drain_spread: Duration::from_secs(1),
            return_spread: Duration::from_secs(3),
            poll_wait: Duration::from_secs(20),
        }
    }
}

/// Who wants to know which threads are being followed.
pub trait Watch: Send + Sync + std::fmt::Debug {
    /// A stream (or a poll that waits) follows the thread from now on: what is published now reaches it.
    fn begin(&self, thread: &ThreadId);
    /// It does not any more. Called exactly once for each [`Watch::begin`].
    fn end(&self, thread: &ThreadId);
    /// Somebody comes from a place that this bus does not know, and may have been told of what it never was. Over before
    /// they are told of the gap, upon which they read anew.
    fn gap<'a>(&'a self, thread: &'a ThreadId) -> BoxFuture<'a, ()>;
}

/// What all streams share. Clones are the same.
#[derive(Debug, Clone)]
pub struct StreamContext(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bus: Arc<dyn EventBus>,
    shutdown: Shutdown,
    clock: Arc<dyn Clock>,
    settings: StreamSettings,
    open: AtomicUsize,
    crowd: Arc<Crowd>,
    watch: OnceLock<Arc<dyn Watch>>,
    /// The newest heartbeat and its moment: streams that beat in the same instant send the same bytes.
    beat: Mutex<(i64, Bytes)>,
}

/// How old a heartbeat's time may be, in milliseconds.
const BEAT_AGE: i64 = 250;

impl StreamContext {
    /// Streams over a bus, that end when the process drains.
    pub fn new(
        bus: Arc<dyn EventBus>,
        shutdown: Shutdown,
        clock: Arc<dyn Clock>,
        settings: StreamSettings,
    ) -> Self {
        let beat = Mutex::new((i64::MIN, Bytes::new()));
        let open = AtomicUsize::new(0);
        let crowd = Crowd::new(settings.per_session);
        let watch = OnceLock::new();
        Self(Arc::new(Shared { bus, shutdown, clock, settings, open, crowd, watch, beat }))
    }

    /// Tells this one of every thread that is followed from now on; whoever was named first stays.
    pub fn watched_by(self, watch: Arc<dyn Watch>) -> Self {
        let _ = self.0.watch.set(watch);
        self
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }
}

/// Opens a stream. The caller has made sure that this visitor may follow these threads.
///
/// `session` names the session whose streams are counted together; without one nothing is.
///
/// Answers 200 with an endless `text/event-stream`, 204 if all threads are removed (an `EventSource` then never comes
/// back), or 503 with a JSON error if there are too many streams or the bus is away.
///
/// Every thread is first told of as `connected`, then comes what was missed, then what is new. Where the client asked
/// for several threads, one that is removed, now or later, ends with a `bye` that names it, and so does each
/// of [`Wanted::denied`].
pub async fn open(ctx: &StreamContext, session: Option<&str>, wanted: Wanted) -> Response {
    let (seat, opened) = match connect(ctx, wanted).await {
        Ok(connected) => connected,
        Err(answer) => return *answer,
    };
    counter!("hotline_streams_opened_total").increment(1);
    let member = session.map(|session| Crowd::join(&ctx.0.crowd, session));
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
            (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        ],
        Extension(TakeOver),
        Body::from_stream(LiveBody::new(opened, member, seat)),
    )
        .into_response()
}

/// Takes a seat and subscribes to all threads, or says why not.
async fn connect(ctx: &StreamContext, wanted: Wanted) -> Result<(Seat, Opened), Box<Response>> {
    let Some(seat) = Seat::take(&ctx.0) else {
        counter!("hotline_streams_refused_total").increment(1);
        return Err(Box::new(unavailable(Sentence::NoPlace)));
    };
    match Opened::new(&ctx.0, wanted).await {
        Ok(Some(opened)) => Ok((seat, opened)),
        Ok(None) => {
            let gone = (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]);
            Err(Box::new(gone.into_response()))
        }
        Err(error) => {
            tracing::warn!(%error, "Cannot open a stream");
            Err(Box::new(unavailable(Sentence::NoLive)))
        }
    }
}

fn unavailable(sentence: Sentence) -> Response {
    let error = DeskError { retry_after: Some(5), ..DeskError::of(Code::Unavailable, sentence) };
    error_response(&error)
}

/// Threads that are followed, and the first words about them.
struct Opened {
    /// The reconnection time, a `connected` for each thread, a `bye` for each that cannot be followed.
    first: Bytes,
    /// Whether `first` tells something that the client has to act upon.
    urgent: bool,
    lines: Lines,
}

impl Opened {
    /// None if no thread is left to follow.
    async fn new(shared: &Arc<Shared>, wanted: Wanted) -> Result<Option<Self>, BusError> {
        let several = wanted.several();
        let settings = &shared.settings;
        let mut first = Vec::with_capacity(256);
        let retry = spread(settings.retry, 0.7, 1.3).as_millis();
        first.extend_from_slice(format!("retry: {retry}\n").as_bytes());
        let mut urgent = false;
        let mut ended: Vec<_> =
            wanted.denied.into_iter().map(|thread| (StreamEvent::DENIED, thread)).collect();
        let mut lines = Vec::with_capacity(wanted.threads.len());
        let bus = &shared.bus;
        let subscribed =
            wanted.threads.iter().map(|(thread, place)| bus.subscribe(thread, place.cursor()));
        let subscribed = try_join_all(subscribed).await?;
        for ((thread, place), subscription) in wanted.threads.into_iter().zip(subscribed) {
            let Subscription { cursor, gap, replay, live } = subscription;
            if live.is_removed() {
                ended.push((StreamEvent::REMOVED, thread));
                continue;
            }
            let gap = gap || place == Place::Unknown;
            urgent |= gap;
            if gap && let Some(watch) = shared.watch.get() {
                watch.gap(&thread).await;
            }
            counter!("hotline_stream_gaps_total").increment(u64::from(gap));
            counter!("hotline_events_replayed_total").increment(replay.len() as u64);
            let connected = StreamEvent::Connected {
                thread_id: thread.clone(),
                cursor: cursor.clone(),
                gap,
                heartbeat_ms: millis(settings.heartbeat),
            };
            first.extend_from_slice(&bus::sse(Some(&cursor), &connected)?);
            lines.push(Line::new(replay, live, Watched::begin(shared, thread)));
        }
        if lines.is_empty() {
            return Ok(None);
        }
        urgent |= !ended.is_empty();
        for (reason, thread) in ended {
            first.extend_from_slice(&bye(reason, Some(thread), Duration::ZERO)?);
        }
        Ok(Some(Self { first: first.into(), urgent, lines: Lines::new(lines, several) }))
    }
}

/// The last words about a thread, or about all.
fn bye(reason: &str, thread_id: Option<ThreadId>, after: Duration) -> Result<Bytes, BusError> {
    let reason = reason.into();
    bus::sse(None, &StreamEvent::Bye { reason, thread_id, after_ms: millis(after) })
}

/// One of the bounded number of streams; given back when dropped.
#[derive(Debug)]
struct Seat(Arc<Shared>);

impl Seat {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        // Taken first and given back if it was one too many: at the edge two may be refused where one would do,
        // and never one admitted too many.
        if shared.open.fetch_add(1, Ordering::Relaxed) >= shared.settings.max_streams {
            shared.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        gauge!("hotline_streams").increment(1.0);
        Some(Self(shared.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        gauge!("hotline_streams").decrement(1.0);
    }
}

/// A thread that is followed, which whoever watches knows until this is dropped.
#[derive(Debug)]
struct Watched {
    thread: ThreadId,
    watch: Option<Arc<dyn Watch>>,
}

impl Watched {
    fn begin(shared: &Shared, thread: ThreadId) -> Self {
        let watch = shared.watch.get().cloned();
        if let Some(watch) = &watch {
            watch.begin(&thread);
        }
        Self { thread, watch }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(watch) = &self.watch {
            watch.end(&self.thread);
        }
    }
}

impl Shared {
    fn heartbeat(&self) -> Option<Bytes> {
        let now = self.clock.now_ms();
        let mut beat = self.beat.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(beat.0).unsigned_abs() > BEAT_AGE.unsigned_abs() {
            let event = StreamEvent::Heartbeat { now: At::from_millis(now) };
            *beat = (now, bus::sse(None, &event).ok()?);
        }
        Some(beat.1.clone())
    }

    /// Why everything ends now, and when to come back.
    fn farewell(&self) -> (&'static str, Duration) {
        if self.shutdown.is_draining() {
            let after = spread(self.settings.return_spread, 0.0, 1.0);
            ("restart", Duration::from_millis(300) + after)
        } else {
            // Nothing is wrong: come back at once, only not all together.
            ("lifetime", spread(self.settings.retry, 0.0, 0.5))
        }
    }

    /// When a stream that made room for a newer one may come back.
    fn replaced(&self) -> (&'static str, Duration) {
        (StreamEvent::REPLACED, spread(self.settings.replaced_return, 0.75, 1.25))
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// A duration between `from` and `to` times the given one, by chance.
fn spread(duration: Duration, from: f64, to: f64) -> Duration {
    let chance = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    duration.mul_f64(from + (to - from) * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_stays_within_its_bounds() {
        let base = Duration::from_millis(1000);
        for _ in 0..1000 {
            let chosen = spread(base, 0.7, 1.3);
            assert!((700..=1300).contains(&chosen.as_millis()), "{chosen:?}");
        }
        assert_eq!(spread(Duration::ZERO, 0.0, 1.0), Duration::ZERO);
    }
}
