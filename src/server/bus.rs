//! The event bus: bounded, replayable history of each thread, and everybody who follows it now.

#[cfg(test)]
mod conformance;
pub mod memory;
pub mod redis;
pub mod replay;

use crate::domain::{
    ids::{Cursor, CustomerId, EventId, ThreadId},
    live::{LiveEvent, StreamEvent},
    message::Message,
    thread::{Seen, Status},
    time::At,
};
use bytes::Bytes;
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// What the webhook intake gives to the bus.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The thread it is about.
    pub thread_id: ThreadId,
    /// The customer whom the thread belongs to, where the webhook tells. The bus remembers it, and tells nobody.
    pub customer: Option<CustomerId>,
    /// Plain's name of the event.
    pub event_type: String,
    /// Plain's id of the event: the key for deduplication.
    pub event_id: EventId,
    /// When it happened at Plain.
    pub at: At,
    /// The message, already through the gate.
    pub entry: Option<Message>,
    /// The thread's state, where the webhook tells it.
    pub status: Option<Status>,
    /// That the team saw the visitor's last message, where the webhook tells it.
    pub seen: Option<Seen>,
}

/// One event of a thread's history, encoded once and shared by all its streams.
#[derive(Debug)]
pub struct LiveFrame {
    /// The event's own place.
    pub cursor: Cursor,
    /// The place of the event before it in the same thread.
    pub prev: Cursor,
    /// The whole SSE frame, `id:` line to blank line.
    pub sse: Bytes,
}

/// What became of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It is in the history, and `listeners` streams of this instance were given it.
    New {
        /// Its place.
        cursor: Cursor,
        /// How many local streams it went to.
        listeners: usize,
    },
    /// An event with this id is in the history already, or was.
    Duplicate,
    /// The thread or its customer was removed: nothing is kept, and nobody is told.
    Removed,
}

/// What [`EventBus::forget`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The threads that were known to be the customer's and are gone now.
    pub threads: Vec<ThreadId>,
    /// How many local streams were ended.
    pub listeners: usize,
    /// Whether this customer was not forgotten before.
    pub first: bool,
}

/// The bus cannot take or give events now. Plain's delivery is to be refused with 503, so that it comes again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the event bus is unavailable: {0}")]
pub struct BusError(pub String);

/// A boxed future, so that the trait stays object safe.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BusError>> + Send + 'a>>;

/// A thread's events from a place on.
#[derive(Debug)]
pub struct Subscription {
    /// The place from which `replay` goes on, and what `connected` tells: the wanted place (or the thread's event
    /// before it), where history proves itself whole; where it does not, or nothing was wanted, the thread's head.
    /// Never ahead of `replay`: a client that is cut off in the middle of it must not believe that it has it all.
    pub cursor: Cursor,
    /// Whether something between the wanted place and `replay` may be missing.
    pub gap: bool,
    /// What happened after the wanted place, oldest first.
    pub replay: Vec<Arc<LiveFrame>>,
    /// What happens from now on. Contiguous with `replay`.
    pub live: LiveReceiver,
}

/// The live end of a subscription. Dropping it ends the subscription.
#[derive(Debug)]
pub struct LiveReceiver(pub(super) replay::Follower);

impl LiveReceiver {
    /// The next event; none when this reader was too slow for its bounded queue, or the bus is gone: end the
    /// stream then, and the client comes back with its cursor and is given what it missed.
    pub async fn next(&mut self) -> Option<Arc<LiveFrame>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next event or whisper; none as with [`LiveReceiver::next`].
    pub fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Option<replay::Told>> {
        self.0.poll_told(cx)
    }

    /// The same as [`LiveReceiver::next`] for hand-written streams: whispers are passed over.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arc<LiveFrame>>> {
        self.0.poll_next(cx)
    }

    /// Whether the thread is gone for good: do not show what is left of a replay, and do not come back.
    pub fn is_removed(&self) -> bool {
        self.0.is_removed()
    }
}

impl LiveFrame {
    /// Encodes an event once for all its readers.
    pub fn encode(event: NewEvent, cursor: Cursor, prev: Cursor) -> Result<Self, BusError> {
        let live = StreamEvent::Webhook(Box::new(LiveEvent {
            thread_id: event.thread_id,
            event_type: event.event_type,
            event_id: event.event_id,
            prev: prev.clone(),
            entry: event.entry,
            status: event.status,
            seen: event.seen,
            at: event.at,
        }));
        let sse = sse(Some(&cursor), &live)?;
        Ok(Self { cursor, prev, sse })
    }
}

/// One SSE frame: the `id:` line where a place is given, one `data:` line (JSON has no raw line ends), a blank line.
pub fn sse(id: Option<&Cursor>, event: &StreamEvent) -> Result<Bytes, BusError> {
    let mut frame = Vec::with_capacity(512);
    if let Some(id) = id {
        frame.extend_from_slice(b"id: ");
        frame.extend_from_slice(id.as_str().as_bytes());
        frame.push(b'\n');
    }
    frame.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut frame, event).map_err(|error| BusError(error.to_string()))?;
    frame.extend_from_slice(b"\n\n");
    Ok(frame.into())
}

/// The bus. Engines: [`memory::MemoryBus`] for one instance, [`redis::RedisBus`] for several.
///
/// # Another engine
///
/// One more file beside them (NATS, Postgres, …) whose test calls `conformance::all` with a factory of empty buses, and
/// one arm in `server::start`. [`replay::Feed`] is there to be used: history, followers and their wakers of one thread.
/// What the suite demands of every engine, whatever it is made of:
///
/// - **Places.** Every event of a thread has a [`Cursor`] of its own, and names the one before it (`prev`): the chain is
///   whole from any replay into what is live. [`EventBus::head`] is where the chain ends; it stays as it is, whoever
///   looks or listens, until something is published for this very thread.
/// - **Replay.** From any place that was given out, everything after it, in order, once, with nothing between replay
///   and live end: subscribe first, then read, then drop what came twice. Cut off in the middle of a replay, a reader
///   goes on from where they were.
/// - **Gaps are told.** Where the past was dropped (exactly the wanted number of events is kept), for a place of another
///   epoch (a bus that lost its memory draws a new one), one not given out yet, and any text that is no place: `gap`, no
///   replay, the head. It may be told where nothing was missed; never be left out where something was.
/// - **Once.** Deduplicating, appending and telling are one step: of fifty publications of an event at once, one is
///   [`Published::New`]. An id counts for its time by the given clock, and then no more.
/// - **No reader holds up another.** A reader slower than the bounded history is ended, not skipped and not waited for.
/// - **Removal.** After [`EventBus::forget`], nothing of the customer's threads is to be had, by whatever place: their
///   streams end and tell so, what is published later is [`Published::Removed`], and a thread that turns out to be
///   theirs only then is removed as well. Twice does no harm.
/// - **Whispers.** [`EventBus::whisper`] reaches who follows just now, on every instance, in its turn among the events,
///   and leaves no trace: no place, no history, no `prev`. A reader who is too slow for it misses it and goes on.
/// - **A storm.** Publishers and readers who come and go at once: what all visits of a reader gave, put together, is the
///   history.
///
/// And what no suite can show: every call ends in bounded time; an error promises nothing, `Ok` means that it is held;
/// when the engine's own server comes back, so does the bus; memory and storage are bounded.
pub trait EventBus: Send + Sync + std::fmt::Debug + 'static {
    /// Deduplicates, appends and fans out, as one step. When this answers `Ok`, the event is held.
    fn publish(&self, event: NewEvent) -> Answer<'_, Published>;

    /// Follows a thread from a place on (none: from now). Nothing is lost between the replay and the live end.
    fn subscribe<'a>(
        &'a self,
        thread: &'a ThreadId,
        after: Option<&'a Cursor>,
    ) -> Answer<'a, Subscription>;

    /// Tells everybody who follows the thread now, on all instances, something that is worth nothing later: no history,
    /// no cursor, no replay. `Ok` promises nothing.
    fn whisper<'a>(&'a self, thread: &'a ThreadId, what: &'a StreamEvent) -> Answer<'a, ()>;

    /// Where the history of a thread stands. Changes exactly when something is published for the thread (or its
    /// history is lost).
    fn head<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, Cursor>;

    /// Notes whom a thread belongs to, for as long as anything of the thread is kept. False if that customer was
    /// removed: then the thread is, too, and nothing of it may be kept.
    fn belongs<'a>(&'a self, thread: &'a ThreadId, customer: &'a CustomerId) -> Answer<'a, bool>;

    /// Removes a customer: the history of every thread known to be theirs, its streams
    /// ([`LiveReceiver::is_removed`]), and whatever is still published for them, as far as memory is bounded.
    /// Doing it twice does no harm.
    fn forget<'a>(&'a self, customer: &'a CustomerId) -> Answer<'a, Forgotten>;

    /// How many live streams follow a thread: on this instance exactly, or, where there are none, a positive number if
    /// another instance has some, as far as the engine can tell.
    fn audience<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, usize>;

    /// Whether a thread was removed. A removed thread can still be subscribed to: it tells so and nothing else.
    fn removed<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, bool>;

    /// Whether the bus can take events now.
    fn health(&self) -> Answer<'_, ()>;
}
