//! What people do besides writing: typing, and reading. Each side is told of the other, and nothing is made up where
//! nobody says anything.
//!
//! | what happened | who tells | who is told |
//! |---|---|---|
//! | an agent types | agents' own tools, signed: `POST /api/support/typing` ([`typing`]) | the visitor's open tabs, at once and never later |
//! | the visitor types | their tab: the same route, by its cookie | who asks: the answer of `POST /api/support/presence` |
//! | the visitor has read up to an entry | their tab: `POST /api/support/read` ([`reading`]) | the visitor's other screens, and agents by one thread event a batch |
//!
//! Plain has none of this for portals. What was read is kept here ([`marks`]), over restarts; who types is kept nowhere
//! for longer than [`TYPING_MS`](crate::domain::live::TYPING_MS).

pub mod marks;
pub mod reading;
pub mod typing;

use super::{
    bus::{BusError, EventBus},
    desk::Desk,
    state::AppState,
    webhook::Intake,
};
use crate::domain::{
    ids::{EntryId, ThreadId},
    live::{StreamEvent, TYPING_MS},
    time::At,
};
use axum::{Router, routing::post};
use marks::Marks;
use reading::Receipts;
use std::sync::Arc;
use typing::{Typists, shown_name};

/// How long a sign of typing counts unless another comes, in milliseconds: two are lost before it ends too early.
const SHOWN_MS: u32 = 8_000;
const _: () = assert!(SHOWN_MS <= TYPING_MS);

/// So much younger than a message its thread's record of it may be, in milliseconds.
const SLACK_MS: i64 = 1_000;

/// All of it. Clones are the same.
#[derive(Debug, Clone)]
pub struct Signals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bus: Arc<dyn EventBus>,
    desk: Desk,
    typists: Typists,
    marks: Arc<dyn Marks>,
    receipts: Receipts,
}

impl Signals {
    /// Over a bus and a desk, with what remembers.
    pub fn new(
        bus: Arc<dyn EventBus>,
        desk: Desk,
        typists: Typists,
        marks: Arc<dyn Marks>,
        receipts: Receipts,
    ) -> Self {
        Self(Arc::new(Inner { bus, desk, typists, marks, receipts }))
    }

    /// Tells whoever follows the thread that somebody of the team types, or stopped.
    pub async fn agent_types(
        &self,
        thread: &ThreadId,
        name: &str,
        typing: bool,
    ) -> Result<(), BusError> {
        let for_ms = if typing { SHOWN_MS } else { 0 };
        let event =
            StreamEvent::Typing { thread_id: thread.clone(), name: shown_name(name), for_ms };
        self.0.bus.whisper(thread, &event).await
    }

    /// Notes that the visitor types, or stopped. Where it cannot be noted, nobody is told.
    pub async fn visitor_types(&self, thread: &ThreadId, typing: bool) {
        self.0.typists.note(thread, typing).await;
    }

    /// Whether the visitor types right now.
    pub async fn is_typing(&self, thread: &ThreadId) -> bool {
        self.0.typists.has(thread).await
    }

    /// The newest entry that the visitor has read on any screen. None where that is not known now.
    pub async fn read_to(&self, thread: &ThreadId) -> Option<EntryId> {
        match self.0.marks.of(thread).await {
            Ok(mark) => mark.map(|mark| mark.entry),
            Err(error) => {
                tracing::warn!(%thread, %error, "cannot tell what was read");
                None
            }
        }
    }

    /// Whether the visitor has read, on any screen, what was written until then. Plain's record of the last message may be
    /// some moments younger than the message itself.
    pub async fn has_read(&self, thread: &ThreadId, until: &At) -> bool {
        let mark = self.0.marks.of(thread).await.ok().flatten();
        let until = until.as_str().parse::<jiff::Timestamp>().ok();
        mark.zip(until).is_some_and(|(mark, until)| mark.at + SLACK_MS >= until.as_millisecond())
    }

    /// Forgets what is known of threads that were removed.
    pub async fn forget(&self, threads: &[ThreadId]) -> std::io::Result<()> {
        self.0.receipts.forget(threads);
        self.0.marks.forget(threads).await
    }
}

/// The routes.
pub fn routes(state: AppState, intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/api/support/typing", post(typing::post))
        .with_state((state.clone(), intake))
        .merge(Router::new().route("/api/support/read", post(reading::post)).with_state(state))
}
