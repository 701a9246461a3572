//! Reading conversations: however many viewers, one event leads to one read from Plain.
//!
//! A kept page is tagged with where the bus stood *before* Plain was asked. It is shown only while the bus still
//! stands there, so a page can never be older than an event that its viewer knows of. That works over any number
//! of instances, because the bus is what they share.

use super::{
    Desk, errors, mapping,
    page::{Order, PageCursor},
};
use crate::{
    domain::{
        error::{Code, DeskError},
        ids::{Cursor, ThreadId},
        thread::Conversation,
    },
    server::plain::{PlainError, operations::Timeline},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// Messages a page.
const PAGE: u8 = 50;

/// What is kept of one thread.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Held while Plain is read: the single flight.
    state: tokio::sync::Mutex<State>,
    /// Counts our own replies; a page from before the last one is not shown.
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<Kept>,
    /// When the last read failed, and how: those who waited for it share its end.
    failed: Option<(Instant, DeskError)>,
}

#[derive(Debug)]
struct Kept {
    page: Arc<Conversation>,
    generation: u64,
    began: Instant,
}

impl Desk {
    /// The newest 50 messages. `cursor` is where the live history stood before they were read.
    pub async fn conversation(&self, thread: &ThreadId) -> Result<Arc<Conversation>, DeskError> {
        let arrived = Instant::now();
        self.present(thread).await?;
        let slot = self.slot(thread).await;
        let head = self.head(thread).await?;
        let mut state = slot.state.lock().await;
        if let Some(page) = self.fresh(&slot, &state, &head) {
            return Ok(page);
        }
        if let Some((ended, error)) = &state.failed
            && *ended >= arrived
        {
            return Err(error.clone());
        }
        // While this caller waited, others may have read for a later event.
        let generation = slot.generation.load(Ordering::SeqCst);
        let head = self.head(thread).await?;
        if let Some(page) = self.fresh(&slot, &state, &head) {
            return Ok(page);
        }
        metrics::counter!("hotline_conversations_total", "from" => "plain").increment(1);
        let began = Instant::now();
        match self.read_newest(thread, head).await {
            Ok(page) => {
                let page = Arc::new(page);
                *state = State {
                    kept: Some(Kept { page: page.clone(), generation, began }),
                    failed: None,
                };
                Ok(page)
            }
            Err(error) => {
                *state = State { kept: None, failed: Some((Instant::now(), error.clone())) };
                Err(error)
            }
        }
    }

    /// The page before. `before` is [`Conversation::older`] of a page, as a browser gives it back.
    pub async fn older(&self, thread: &ThreadId, before: &str) -> Result<Conversation, DeskError> {
        let place = PageCursor::decode(before).ok_or_else(bad_page)?;
        self.present(thread).await?;
        let head = self.head(thread).await?;
        let id = thread.as_str();
        let timeline = self.read(id, place.older()).await?;
        let order = place.order();
        let older = if order.has_older(&timeline) { order.oldest(&timeline) } else { None };
        let page = self.page(thread, timeline, older, head).await?;
        self.0.files.note(&page).await;
        Ok(page)
    }

    /// What came after a place: `after` is [`Conversation::older`] of a page; the answer starts with the message
    /// after the one it stands for.
    pub async fn newer(&self, thread: &ThreadId, after: &str) -> Result<Conversation, DeskError> {
        let place = PageCursor::decode(after).ok_or_else(bad_page)?;
        self.present(thread).await?;
        let head = self.head(thread).await?;
        let timeline = self.read(thread.as_str(), place.newer()).await?;
        // The entry of the place itself is older than all of these.
        let older = place.order().oldest(&timeline).unwrap_or(place);
        self.page(thread, timeline, Some(older), head).await
    }

    /// Forgets the kept page, also one that is being read now.
    pub(super) async fn invalidate(&self, thread: &ThreadId) {
        if let Some(slot) = self.0.slots.get(thread).await {
            slot.generation.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The newest page of the timeline and the order that Plain keeps it in.
    pub(super) async fn newest(&self, thread: &ThreadId) -> Result<(Timeline, Order), PlainError> {
        let learned = &self.0.order;
        let mut order = learned.get();
        let mut timeline = self.timeline(thread.as_str(), order.newest()).await?;
        if let Some(shown) = shown_order(&timeline)
            && shown != order
        {
            let wrong_end = order.has_older(&timeline);
            learned.set(shown);
            if wrong_end {
                timeline = self.timeline(thread.as_str(), shown.newest()).await?;
            } else {
                // All of it is here, so there is nothing older in either direction.
                timeline.has_next = false;
                timeline.has_previous = false;
            }
            order = shown;
        }
        Ok((timeline, order))
    }

    async fn slot(&self, thread: &ThreadId) -> Arc<Slot> {
        self.0.slots.get_with(thread.clone(), async { Arc::new(Slot::default()) }).await
    }

    async fn head(&self, thread: &ThreadId) -> Result<Cursor, DeskError> {
        self.0.bus.head(thread).await.map_err(|error| {
            tracing::warn!(%thread, %error, "cannot read the head of the live history");
            DeskError::unavailable()
        })
    }

    fn fresh(&self, slot: &Slot, state: &State, head: &Cursor) -> Option<Arc<Conversation>> {
        let kept = state.kept.as_ref()?;
        let fresh = kept.page.cursor == *head
            && kept.generation == slot.generation.load(Ordering::SeqCst)
            && kept.began.elapsed() < self.0.settings.cache_ttl;
        if fresh {
            metrics::counter!("hotline_conversations_total", "from" => "cache").increment(1);
        }
        fresh.then(|| kept.page.clone())
    }

    async fn read_newest(
        &self,
        thread: &ThreadId,
        head: Cursor,
    ) -> Result<Conversation, DeskError> {
        let (timeline, order) = self.newest(thread).await.map_err(errors::for_holder)?;
        let older = if order.has_older(&timeline) { order.oldest(&timeline) } else { None };
        self.page(thread, timeline, older, head).await
    }

    /// A page at a place from outside: what Plain finds wrong with it is the visitor's fault.
    async fn read(
        &self,
        thread: &str,
        page: crate::server::plain::operations::Page,
    ) -> Result<Timeline, DeskError> {
        self.timeline(thread, page).await.map_err(|error| match error {
            PlainError::Query { codes } if codes.iter().any(|c| c == "BAD_USER_INPUT") => {
                bad_page()
            }
            error => errors::for_holder(error),
        })
    }

    async fn timeline(
        &self,
        thread: &str,
        page: crate::server::plain::operations::Page,
    ) -> Result<Timeline, PlainError> {
        self.0.plain.conversation(thread, &super::gate::ENTRY_TYPES, page, PAGE).await
    }

    async fn page(
        &self,
        thread: &ThreadId,
        timeline: Timeline,
        older: Option<PageCursor>,
        cursor: Cursor,
    ) -> Result<Conversation, DeskError> {
        // Plain answered for the thread we asked for, or this is not an answer.
        let about = mapping::thread(&timeline.thread).filter(|about| about.id == *thread);
        let Some(about) = about else {
            tracing::warn!(%thread, "Plain's answer is about something else");
            return Err(DeskError::unavailable());
        };
        self.learn(thread, &timeline.thread.customer_id).await?;
        let machine_user = self.machine_user_for(&timeline).await;
        let messages = mapping::messages(timeline, machine_user.as_deref());
        Ok(Conversation {
            thread: about,
            messages,
            older: older.map(|place| place.encode()),
            cursor,
        })
    }

    /// Who we are at Plain. Asked only where it matters, once.
    pub(super) async fn machine_user_for(&self, timeline: &Timeline) -> Option<String> {
        if !mapping::needs_machine_user(timeline) {
            return None;
        }
        let known = self.0.machine_user.get_or_try_init(|| self.0.plain.my_machine_user()).await;
        known.ok().cloned()
    }
}

fn shown_order(timeline: &Timeline) -> Option<Order> {
    let times: Vec<_> = timeline
        .items
        .iter()
        .filter_map(|(_, item)| mapping::at(&item.timestamp.iso8601))
        .collect();
    Order::shown_by(&times)
}

fn bad_page() -> DeskError {
    DeskError::new(Code::BadRequest, "This page of the conversation does not exist. Please reload.")
}
