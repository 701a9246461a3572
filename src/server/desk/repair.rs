//! Making good what lost webhooks leave out.
//!
//! A webhook that never comes (a target that is switched off, a secret that is wrong, a network that was away for longer than
//! Plain's patience) would leave an open page without the answer. So while somebody watches a thread, the desk reads it
//! from Plain now and then, compares it with what the bus announced, and announces what nobody else did: as an event
//! [`EVENT_TYPE`] with the message and the thread's state, which every open page shows at once, like any other.
//!
//! | when | how often |
//! |---|---|
//! | a stream is opened, and nobody looked in the last seconds | once a thread, however many streams are opened |
//! | while it is watched | [`RepairSettings::every`]; each time nothing has happened twice as long, up to [`RepairSettings::longest`] |
//! | something looks as if it was missed | once more when its webhook has had time enough to come |
//!
//! A look uses what was read for viewers, and what is read for a look is there for viewers: one read a thread at a time,
//! whoever wants it. All looks together are at most [`RepairSettings::per_second`]; those for somebody who just came go
//! first. While Plain fails, one look at a time finds out whether it is back, more and more seldom.
//!
//! Events have ids made of the message and its version, so that of several instances that miss the same thing one is heard,
//! and what is known of a thread is shared through the [`Memory`](super::memory::Memory), so that a visitor who comes back
//! to another instance misses nothing either. The only task is [`Desk::keep_repaired`].

mod known;
pub(super) mod watched;

use self::{
    known::{Known, Missed, Patience},
    watched::{Look, Looked, Next},
};
use super::{
    Desk,
    conversation::{Read, is_nowhere},
    memory,
};
use crate::{
    domain::{
        error::{Code, DeskError},
        ids::{CustomerId, EventId, ThreadId},
        live::{LiveEvent, StreamEvent},
        time::At,
    },
    server::{
        bus::{BusError, LiveFrame, NewEvent, Published},
        stream::Watch,
    },
};
use futures::future::BoxFuture;
use metrics::counter;
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// The name under which browsers are told of what no webhook announced.
pub const EVENT_TYPE: &str = "timeline.repaired";

/// Looks under way at once.
const AT_ONCE: usize = 8;
/// What was read so shortly ago for somebody else will do.
const RECENT: Duration = Duration::from_secs(5);
/// How long nothing is looked at after a failure; doubled each time, up to the second one.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// When to look, and how patient to be.
#[derive(Debug, Clone)]
pub struct RepairSettings {
    /// How often a watched thread is looked at. Zero: nothing is ever looked at.
    pub every: Duration,
    /// The longest wait between two looks.
    pub longest: Duration,
    /// How old something has to be before its webhook counts as lost.
    pub settle: Duration,
    /// Whoever opens a stream so shortly after a look is no reason for another.
    pub fresh: Duration,
    /// How long to wait after a stream was opened, so that its page can read first, ±25 %.
    pub delay: Duration,
    /// Looks a second, of all threads together.
    pub per_second: u32,
}

impl Default for RepairSettings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(60),
            longest: Duration::from_secs(900),
            settle: Duration::from_secs(10),
            fresh: Duration::from_secs(10),
            delay: Duration::from_secs(1),
            per_second: 4,
        }
    }
}

impl RepairSettings {
    fn patience(&self) -> Patience {
        let settle = i64::try_from(self.settle.as_millis()).unwrap_or(i64::MAX);
        Patience { settle, confirm: settle.min(1_000) }
    }
}

impl Watch for Desk {
    fn begin(&self, thread: &ThreadId) {
        if !self.0.settings.repair.every.is_zero() {
            self.0.watched.begin(thread, Instant::now());
        }
    }

    fn end(&self, thread: &ThreadId) {
        self.0.watched.end(thread, Instant::now());
    }

    fn gap<'a>(&'a self, thread: &'a ThreadId) -> BoxFuture<'a, ()> {
        // A page that fits where this bus stands may still lack what another one told of: the one of the instance before.
        Box::pin(self.invalidate(thread))
    }
}

impl Desk {
    /// Looks at what is watched, until the token is cancelled. One of these runs for a desk.
    pub async fn keep_repaired(self, stop: CancellationToken) {
        let settings = &self.0.settings.repair;
        if settings.every.is_zero() {
            return;
        }
        counter!("hotline_missed_webhooks_total").increment(0);
        let pace = Duration::from_secs(1) / settings.per_second.max(1);
        let mut looks: JoinSet<(bool, Option<Duration>)> = JoinSet::new();
        let mut not_before = Instant::now();
        let mut trouble: Option<Duration> = None;
        loop {
            let most = if trouble.is_some() { 1 } else { AT_ONCE };
            let now = Instant::now();
            let next = match looks.len() < most && now >= not_before {
                true => self.0.watched.next(now),
                // Whatever is next has to wait for that.
                false => Next::At(not_before),
            };
            let wake = match next {
                Next::Look(look) => {
                    not_before = now + pace;
                    let (desk, before) = (self.clone(), trouble);
                    let pause = before.unwrap_or(PAUSES.0);
                    looks.spawn(async move { (desk.look_and_plan(*look, pause).await, before) });
                    continue;
                }
                Next::At(at) => Some(at),
                Next::Nothing => None,
            };
            let full = looks.len() >= most;
            tokio::select! {
                () = stop.cancelled() => return,
                Some(done) = looks.join_next() => match done {
                    Ok((true, _)) => trouble = None,
                    // Of several that were under way, one is enough to know.
                    Ok((false, before)) if before == trouble => {
                        let pause = trouble.map_or(PAUSES.0, |pause| (pause * 2).min(PAUSES.1));
                        trouble = Some(pause);
                        not_before = Instant::now() + spread(pause);
                    }
                    Ok((false, _)) => {}
                    Err(error) => tracing::error!(%error, "a look at a thread broke off"),
                },
                () = self.0.watched.sooner.notified(), if !full => {}
                () = tokio::time::sleep_until(wake.unwrap_or(now)), if !full && wake.is_some() => {}
            }
        }
    }

    /// Whether Plain and the bus could be asked.
    async fn look_and_plan(&self, look: Look, pause: Duration) -> bool {
        let Look { thread, known, read_again } = look;
        let result = self.look(&thread, known.clone(), read_again).await;
        let now = Instant::now();
        let watched = &self.0.watched;
        let outcome = match &result {
            Ok(_) => "fine",
            Err(Failed::Gone) => "gone",
            Err(Failed::Away) => "failed",
        };
        counter!("hotline_repair_looks_total", "outcome" => outcome).increment(1);
        match result {
            Ok((looked, missed)) => {
                if watched.looked(&thread, looked, now) {
                    tracing::warn!(
                        threadId = %thread,
                        missed,
                        "No webhook told of what Plain has; those who watch were told now. Is the webhook target enabled, \
                         and does its secret fit?"
                    );
                }
            }
            Err(Failed::Gone) => {
                let _ = watched.looked(&thread, Looked::default(), now);
            }
            Err(Failed::Away) => {
                watched.failed(&thread, known, pause, now);
                return false;
            }
        }
        true
    }

    /// Compares a thread with what is known of it. What was missed is announced; how much it was comes with the outcome.
    async fn look(
        &self,
        thread: &ThreadId,
        known: Option<Known>,
        read_again: bool,
    ) -> Result<(Looked, u64), Failed> {
        let settings = &self.0.settings.repair;
        let shared = match known {
            Some(known) => Some(known),
            None => {
                let recalled = self.recalled(thread).await;
                let young = now_ms() - i64::try_from(settings.fresh.as_millis()).unwrap_or(0);
                match recalled {
                    // Another instance has just looked.
                    Some(known) if known.read_at > young && !known.is_open() => {
                        return Ok((Looked { known: Some(known), ..Looked::default() }, 0));
                    }
                    recalled => recalled,
                }
            }
        };
        let first = shared.is_none();
        let shared = match shared {
            // What the pages of those who watch were made of. A reading of our own may have more, and they were not told.
            None => self
                .last_read(thread)
                .await
                .filter(|read| !is_nowhere(&read.page.cursor))
                .map(|read| Known::first(&read.page, began_at(&read))),
            known => known,
        };
        let age = match &shared {
            _ if read_again => Duration::ZERO,
            Some(known) if known.is_open() => settings.fresh.max(settings.settle * 2),
            _ => settings.fresh.min(RECENT),
        };
        let read = self.within(thread, age).await?;
        if is_nowhere(&read.page.cursor) {
            return Err(Failed::Away);
        }
        let read_at = began_at(&read);
        let after = shared.as_ref().map(|known| &known.cursor);
        let subscription = self.0.bus.subscribe(thread, after.or(Some(&read.page.cursor))).await?;
        if subscription.live.is_removed() {
            return Err(Failed::Gone);
        }
        // After a hole in the history, everybody who was away is told of a gap and reads anew.
        let Some(known) = shared.filter(|_| !subscription.gap) else {
            if subscription.gap && subscription.cursor != read.page.cursor {
                // The page was read while the bus was away, or is older than the history.
                let again = Some(settings.delay);
                return Ok((
                    Looked { lively: true, again, read_again: true, ..Looked::default() },
                    0,
                ));
            }
            let known = Known::first(&read.page, read_at);
            self.share(thread, &known).await;
            return Ok((Looked { known: Some(known), ..Looked::default() }, 0));
        };
        let announced: Vec<LiveEvent> =
            subscription.replay.iter().filter_map(|frame| event(frame)).collect();
        drop(subscription);
        let verdict = known.judge(
            &read.page,
            read.turned.as_ref(),
            &announced,
            (read_at, now_ms()),
            settings.patience(),
        );
        let mut missed = 0;
        // Each event tells the state as well.
        let words = verdict.missed.iter().any(|what| *what != Missed::Status);
        for what in verdict.missed.iter().filter(|what| !words || **what != Missed::Status) {
            match self.0.bus.publish(self.repaired(thread, what, &read).await).await? {
                Published::New { listeners, .. } => {
                    missed += 1;
                    counter!("hotline_missed_webhooks_total").increment(1);
                    tracing::info!(eventType = EVENT_TYPE, threadId = %thread, listeners, "Emitted event");
                }
                // Another instance was faster.
                Published::Duplicate => {}
                Published::Removed => return Err(Failed::Gone),
            }
        }
        if first || verdict.known != known {
            self.share(thread, &verdict.known).await;
        }
        let again = verdict.look_again.map(|left| Duration::from_millis(left.unsigned_abs() + 1));
        let looked = Looked {
            lively: !announced.is_empty() || !verdict.missed.is_empty(),
            again,
            read_again: verdict.read_again,
            missed: missed > 0,
            known: Some(verdict.known),
        };
        Ok((looked, missed))
    }

    /// The event that tells of something missed.
    async fn repaired(&self, thread: &ThreadId, missed: &Missed, read: &Read) -> NewEvent {
        let page = &read.page.thread;
        let turned = read.turned.clone().unwrap_or_else(|| page.last_activity_at.clone());
        let (entry, at, parts) = match missed {
            Missed::Message(message) => {
                let reactions = known::reactions(message);
                let files = message.attachments.len();
                let version = format!("{} {files} {reactions}", message.deleted);
                let parts =
                    vec![message.id.to_string(), message.updated_at.as_str().to_owned(), version];
                let at = message.updated_at.clone().max(turned);
                (Some((**message).clone()), at, parts)
            }
            Missed::Gone(number) => {
                (None, At::from_millis(now_ms()), vec!["gone".into(), number.to_string()])
            }
            Missed::Status => {
                let status = page.status.word().to_owned();
                let parts = vec![thread.to_string(), status, turned.as_str().to_owned()];
                (None, turned, parts)
            }
        };
        let customer = self.0.customers.get(thread).await;
        NewEvent {
            thread_id: thread.clone(),
            customer: customer.and_then(|id| CustomerId::parse(id).ok()),
            event_type: EVENT_TYPE.into(),
            event_id: event_id(&parts),
            at,
            entry,
            status: Some(page.status),
            seen: None,
        }
    }

    /// What any instance knows of a thread.
    async fn recalled(&self, thread: &ThreadId) -> Option<Known> {
        let told = self.0.memory.recall(&known_key(thread)).await.ok()??;
        serde_json::from_str(&told).ok()
    }

    /// Tells all instances. Where that fails, each of them knows what it read itself.
    async fn share(&self, thread: &ThreadId, known: &Known) {
        if let Ok(told) = serde_json::to_string(known) {
            let _ = self.0.memory.keep(&known_key(thread), thread, told).await;
        }
    }
}

/// Why a look was in vain.
#[derive(Debug)]
enum Failed {
    /// There is no such thread any more.
    Gone,
    /// Plain or the bus cannot be asked.
    Away,
}

impl From<DeskError> for Failed {
    fn from(error: DeskError) -> Self {
        match error.code {
            Code::NotFound | Code::Removed => Self::Gone,
            _ => Self::Away,
        }
    }
}

impl From<BusError> for Failed {
    fn from(_: BusError) -> Self {
        Self::Away
    }
}

fn known_key(thread: &ThreadId) -> String {
    memory::key("known", &[thread.as_str()])
}

/// The event in a frame.
fn event(frame: &LiveFrame) -> Option<LiveEvent> {
    let lines = frame.sse.split(|byte| *byte == b'\n');
    let data = lines.into_iter().find_map(|line| line.strip_prefix(b"data: "))?;
    match serde_json::from_slice(data).ok()? {
        StreamEvent::Webhook(event) => Some(*event),
        _ => None,
    }
}

/// An id of Plain's shape that is the same wherever the same thing is missed, and that Plain's own never are.
fn event_id(parts: &[String]) -> EventId {
    use sha2::{Digest, Sha256};
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let letters =
        hash.finalize().iter().take(26).map(|byte| LETTERS[usize::from(byte & 31)]).collect();
    let letters = String::from_utf8(letters).unwrap_or_default();
    EventId::parse(format!("repaired_{letters}")).expect("it has the shape of one")
}

/// When a reading began, in milliseconds since 1970.
fn began_at(read: &Read) -> i64 {
    now_ms() - i64::try_from(read.began.elapsed().as_millis()).unwrap_or(0)
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// ±25 %, by chance.
fn spread(duration: Duration) -> Duration {
    let chance = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    duration.mul_f64(0.75 + chance / 2.0)
}
