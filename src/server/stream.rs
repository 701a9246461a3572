//! The live stream of a thread: `GET /api/support/stream`, Server-Sent Events.
//!
//! The body is polled by the connection itself: no task, one timer and one waker a stream, and every frame that is
//! the same for all (events, heartbeats) is encoded once and shared. Who may follow the thread is decided by the
//! caller, before.

mod crowd;

use crate::{
    domain::{
        error::{Code, DeskError},
        ids::{Cursor, ThreadId},
        live::StreamEvent,
        time::At,
    },
    server::{
        bus::{self, BusError, EventBus, LiveFrame, LiveReceiver},
        clock::Clock,
        listen::TakeOver,
        shutdown::Shutdown,
    },
};
use axum::{
    Extension, Json,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use crowd::{Crowd, Member};
use futures::Stream;
use metrics::{counter, gauge};
use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

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
        }
    }
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
        Self(Arc::new(Shared { bus, shutdown, clock, settings, open, crowd, beat }))
    }

    /// How many streams are open.
    pub fn open_streams(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }
}

/// Opens the stream of a thread. The caller has made sure that this visitor may follow it.
///
/// `after` is the query's cursor; a `Last-Event-ID` header wins over it, because a browser that reconnects sends the
/// first URL again. Both are outside input: what is not a cursor counts as a place that nothing is known about, so
/// the client is told of a gap.
///
/// `session` names the session whose streams are counted together; without one nothing is.
///
/// Answers 200 with an endless `text/event-stream`, 204 for a removed thread (an `EventSource` then never comes back),
/// or 503 with a JSON error if there are too many streams or the bus is away.
pub async fn open(
    ctx: &StreamContext,
    session: Option<&str>,
    thread: ThreadId,
    headers: &HeaderMap,
    after: Option<&str>,
) -> Response {
    let Some(seat) = Seat::take(&ctx.0) else {
        counter!("hotline_streams_refused_total").increment(1);
        return unavailable(
            "Too many live connections right now. The page works without; please reload later.",
        );
    };
    match connect(seat, session, thread, wanted(headers, after)).await {
        Ok(None) => (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response(),
        Ok(Some(body)) => (
            [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
                (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
            ],
            Extension(TakeOver),
            Body::from_stream(body),
        )
            .into_response(),
        Err(error) => {
            tracing::warn!(%error, "Cannot open a stream");
            unavailable("Live updates are unavailable right now.")
        }
    }
}

fn unavailable(sentence: &str) -> Response {
    let error = DeskError::new(Code::Unavailable, sentence);
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], Json(error)).into_response()
}

/// The place that the client asks for: none, a cursor, or something that is not one.
fn wanted(headers: &HeaderMap, after: Option<&str>) -> Option<Result<Cursor, ()>> {
    let header = headers.get("last-event-id").filter(|value| !value.is_empty());
    match (header, after) {
        (Some(value), _) => Some(value.to_str().map_err(drop).and_then(|text| place(text.trim()))),
        (None, Some(text)) => Some(place(text)),
        (None, None) => None,
    }
}

fn place(text: &str) -> Result<Cursor, ()> {
    Cursor::parse(text).map_err(drop)
}

/// None for a removed thread.
async fn connect(
    seat: Seat,
    session: Option<&str>,
    thread: ThreadId,
    wanted: Option<Result<Cursor, ()>>,
) -> Result<Option<LiveBody>, BusError> {
    let shared = seat.0.clone();
    let after = wanted.as_ref().and_then(|place| place.as_ref().ok());
    let subscription = shared.bus.subscribe(&thread, after).await?;
    if subscription.live.is_removed() {
        return Ok(None);
    }
    let gap = subscription.gap || matches!(wanted, Some(Err(())));
    let settings = &shared.settings;

    let mut first = BytesMut::with_capacity(256);
    let retry = spread(settings.retry, 0.7, 1.3).as_millis();
    first.put_slice(format!("retry: {retry}\n").as_bytes());
    first.put_slice(&bus::sse(
        Some(&subscription.cursor),
        &StreamEvent::Connected {
            thread_id: thread,
            cursor: subscription.cursor.clone(),
            gap,
            heartbeat_ms: millis(settings.heartbeat),
        },
    )?);

    counter!("hotline_streams_opened_total").increment(1);
    counter!("hotline_stream_gaps_total").increment(u64::from(gap));
    counter!("hotline_events_replayed_total").increment(subscription.replay.len() as u64);
    let now = Instant::now();
    let pause = spread(settings.heartbeat, 0.8, 1.0);
    let ends = now + spread(settings.lifetime, 0.8, 1.2);
    Ok(Some(LiveBody {
        first: Some(first.freeze()),
        replay: subscription.replay.into_iter(),
        live: subscription.live,
        timer: Box::pin(tokio::time::sleep_until(ends.min(now + pause))),
        stop: Some(Box::pin(shared.shutdown.token().cancelled_owned())),
        spoke: now,
        pause,
        ends,
        over: false,
        member: session.map(|session| Crowd::join(&shared.crowd, session)),
        seat,
    }))
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
}

/// What the connection polls: first words, what was missed, what is new, heartbeats, a goodbye.
#[derive(Debug)]
struct LiveBody {
    first: Option<Bytes>,
    replay: std::vec::IntoIter<Arc<LiveFrame>>,
    live: LiveReceiver,
    timer: Pin<Box<Sleep>>,
    /// None once the drain has begun.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// When something was sent last.
    spoke: Instant,
    /// After how much silence a heartbeat is due.
    pause: Duration,
    /// When to say goodbye.
    ends: Instant,
    over: bool,
    /// None where nobody counts.
    member: Option<Member>,
    seat: Seat,
}

impl LiveBody {
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.over {
            return Poll::Ready(None);
        }
        // Before anything else: what is left to replay is not to be read any more.
        if self.live.is_removed() {
            return Poll::Ready(self.goodbye());
        }
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if let Some(frame) = self.replay.next() {
            return Poll::Ready(Some(frame.sse.clone()));
        }
        let now = Instant::now();
        if let Some(stop) = &mut self.stop
            && stop.as_mut().poll(cx).is_ready()
        {
            self.stop = None;
            self.ends = self.ends.min(now + spread(self.seat.0.settings.drain_spread, 0.0, 1.0));
        }
        if now >= self.ends {
            return Poll::Ready(self.goodbye());
        }
        if self.member.as_ref().is_some_and(|member| member.must_go(cx)) {
            let after = spread(self.seat.0.settings.replaced_return, 0.75, 1.25);
            return Poll::Ready(self.bye(StreamEvent::REPLACED, after));
        }
        match self.live.poll_next(cx) {
            Poll::Ready(Some(frame)) => {
                self.spoke = now;
                return Poll::Ready(Some(frame.sse.clone()));
            }
            Poll::Ready(None) if self.live.is_removed() => return Poll::Ready(self.goodbye()),
            Poll::Ready(None) => {
                // Too slow, or the bus is gone. The client comes back with its place and is given the rest.
                counter!("hotline_streams_cut_total").increment(1);
                self.over = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {}
        }
        loop {
            // Events do not touch the timer; when it fires, it learns whether there was silence.
            let due = self.ends.min(self.spoke + self.pause);
            if self.timer.deadline() != due {
                self.timer.as_mut().reset(due);
            }
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            if now >= self.ends {
                return Poll::Ready(self.goodbye());
            }
            if now >= self.spoke + self.pause {
                self.spoke = now;
                self.pause = spread(self.seat.0.settings.heartbeat, 0.8, 1.0);
                if let Some(beat) = self.seat.0.heartbeat() {
                    return Poll::Ready(Some(beat));
                }
            }
        }
    }

    fn goodbye(&mut self) -> Option<Bytes> {
        let settings = &self.seat.0.settings;
        let (reason, after) = if self.live.is_removed() {
            // For good: a client that comes back all the same is answered 204.
            (StreamEvent::REMOVED, Duration::ZERO)
        } else if self.seat.0.shutdown.is_draining() {
            ("restart", Duration::from_millis(300) + spread(settings.return_spread, 0.0, 1.0))
        } else {
            // Nothing is wrong: come back at once, only not all together.
            ("lifetime", spread(settings.retry, 0.0, 0.5))
        };
        self.bye(reason, after)
    }

    fn bye(&mut self, reason: &str, after: Duration) -> Option<Bytes> {
        self.over = true;
        let bye = StreamEvent::Bye { reason: reason.into(), after_ms: millis(after) };
        bus::sse(None, &bye).ok()
    }
}

impl Stream for LiveBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_bytes(cx).map(|bytes| bytes.map(Ok))
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

    fn headers(last_event_id: Option<&[u8]>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(value) = last_event_id {
            headers.insert("last-event-id", HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    #[test]
    fn the_header_wins_and_nonsense_is_no_cursor() {
        let cursor = |text: &str| Some(Ok(Cursor::parse(text).unwrap()));
        assert_eq!(wanted(&headers(None), None), None);
        assert_eq!(wanted(&headers(None), Some("e-1")), cursor("e-1"));
        assert_eq!(wanted(&headers(Some(b"e-2")), Some("e-1")), cursor("e-2"));
        assert_eq!(wanted(&headers(Some(b"")), Some("e-1")), cursor("e-1"));
        assert_eq!(wanted(&headers(Some(b"e 2")), Some("e-1")), Some(Err(())));
        assert_eq!(wanted(&headers(Some(b"\xff")), None), Some(Err(())));
        assert_eq!(wanted(&headers(None), Some("")), Some(Err(())));
        assert_eq!(wanted(&headers(None), Some("a\nid: 9")), Some(Err(())));
    }

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
