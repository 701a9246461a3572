//! Reading conversations: however many viewers, one event leads to one read from Plain.
//!
//! A kept page is tagged with where the bus stood *before* Plain was asked. It is shown only while the bus still
//! stands there, so a page can never be older than an event that its viewer knows of. That works over any number
//! of instances, because the bus is what they share.

use super::{
    Desk, errors, mapping,
    page::{Order, PageCursor},
    seen::Evidence,
};
use crate::{
    domain::{
        error::{Code, DeskError},
        ids::{Cursor, ThreadId},
        sentence::Sentence,
        thread::{Conversation, Status},
        time::At,
    },
    server::{
        bus::BusError,
        plain::{PlainError, operations::Timeline},
    },
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Messages a page, at most.
const PAGE: usize = 50;
/// Entries a page: lines about the thread's state stand between the messages, and do not count. It is the most that Plain
/// hands out.
const ENTRIES: u8 = 100;

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

/// How new a page has to be for somebody.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    arrived: Instant,
    age: Duration,
}

/// A page as it was read.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub page: Arc<Conversation>,
    /// When the thread last changed its state, if that can be read.
    pub turned: Option<At>,
    /// When the reading began.
    pub began: Instant,
}

#[derive(Debug)]
struct Kept {
    read: Read,
    generation: u64,
}

/// A place that no bus ever gave out: it has no epoch.
const NOWHERE: &str = "nowhere";
/// For so long callers share a read while the bus cannot tell whether anything happened.
const BLIND: Duration = Duration::from_secs(1);
/// How long the bus may take to tell where a thread stands.
const HEAD_PATIENCE: Duration = Duration::from_secs(2);

impl Desk {
    /// The newest 50 messages. `cursor` is where the live history stood before they were read.
    ///
    /// While the bus is away they are read from Plain, at most about once a second, and `cursor` is one that no bus ever
    /// gave out: a stream that asks for it is told of a gap, and the page reads once more.
    pub async fn conversation(&self, thread: &ThreadId) -> Result<Arc<Conversation>, DeskError> {
        self.within(thread, self.0.settings.cache_ttl).await.map(|read| read.page)
    }

    /// The same for whoever opens the page: read from Plain in the last few seconds ([`page_ttl`]), so that it shows also
    /// what no event told of.
    ///
    /// [`page_ttl`]: super::DeskSettings::page_ttl
    pub async fn opened(&self, thread: &ThreadId) -> Result<Arc<Conversation>, DeskError> {
        let settings = &self.0.settings;
        self.within(thread, settings.page_ttl.min(settings.cache_ttl)).await.map(|read| read.page)
    }

    /// Read no longer ago than `age`.
    pub(super) async fn within(&self, thread: &ThreadId, age: Duration) -> Result<Read, DeskError> {
        let arrived = Instant::now();
        // At once: where the bus is away, that takes its time to show.
        let (present, head) = tokio::join!(self.present(thread), self.head(thread));
        present?;
        let slot = self.slot(thread).await;
        let mut state = slot.state.lock().await;
        let wanted = Wanted { arrived, age };
        if let Some(read) = self.fresh(&slot, &state, head.as_ref(), wanted) {
            return Ok(read);
        }
        if let Some((ended, error)) = &state.failed
            && (*ended >= arrived || head.is_none() && ended.elapsed() < BLIND)
        {
            return Err(error.clone());
        }
        // While this caller waited, others may have read for a later event.
        let generation = slot.generation.load(Ordering::SeqCst);
        let head = match head {
            Some(_) => self.head(thread).await,
            None => None,
        };
        if let Some(read) = self.fresh(&slot, &state, head.as_ref(), wanted) {
            return Ok(read);
        }
        metrics::counter!("hotline_conversations_total", "from" => "plain").increment(1);
        let began = Instant::now();
        match self.read_newest(thread, head.unwrap_or_else(nowhere)).await {
            Ok((page, turned)) => {
                let read = Read { page: Arc::new(page), turned, began };
                let kept = Some(Kept { read: read.clone(), generation });
                *state = State { kept, failed: None };
                Ok(read)
            }
            Err(error) => {
                *state = State { kept: None, failed: Some((Instant::now(), error.clone())) };
                Err(error)
            }
        }
    }

    /// What was read last for whomever, however long ago and whatever happened since.
    pub(super) async fn last_read(&self, thread: &ThreadId) -> Option<Read> {
        let slot = self.0.slots.get(thread).await?;
        let state = slot.state.lock().await;
        state.kept.as_ref().map(|kept| kept.read.clone())
    }

    /// The page before. `before` is [`Conversation::older`] of a page, as a browser gives it back.
    pub async fn older(&self, thread: &ThreadId, before: &str) -> Result<Conversation, DeskError> {
        let place = PageCursor::decode(before).ok_or_else(bad_page)?;
        self.present(thread).await?;
        let head = self.head(thread).await.unwrap_or_else(nowhere);
        let id = thread.as_str();
        let mut timeline = self.read(id, place.older()).await?;
        let order = place.order();
        order.keep_newest(&mut timeline, PAGE, mapping::is_message);
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
        let head = self.head(thread).await.unwrap_or_else(nowhere);
        let mut timeline = self.read(thread.as_str(), place.newer()).await?;
        place.order().keep_oldest(&mut timeline, PAGE, mapping::is_message);
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
        self.0.channels.insert(thread.clone(), timeline.thread.channel).await;
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
        order.keep_newest(&mut timeline, PAGE, mapping::is_message);
        Ok((timeline, order))
    }

    async fn slot(&self, thread: &ThreadId) -> Arc<Slot> {
        self.0.slots.get_with(thread.clone(), async { Arc::new(Slot::default()) }).await
    }

    /// Where the live history of a thread stands; none while the bus cannot tell.
    async fn head(&self, thread: &ThreadId) -> Option<Cursor> {
        let head = tokio::time::timeout(HEAD_PATIENCE, self.0.bus.head(thread)).await;
        let head = head.unwrap_or_else(|_| Err(BusError("no answer in time".into())));
        head.inspect_err(|error| {
            tracing::warn!(%thread, %error, "cannot read the head of the live history; showing what Plain has");
        })
        .ok()
    }

    fn fresh(
        &self,
        slot: &Slot,
        state: &State,
        head: Option<&Cursor>,
        wanted: Wanted,
    ) -> Option<Read> {
        let kept = state.kept.as_ref()?;
        // Whoever was here before the read began is served by it, however long it took.
        let age = wanted.arrived.saturating_duration_since(kept.read.began);
        let fresh = kept.generation == slot.generation.load(Ordering::SeqCst)
            && age < wanted.age
            && match head {
                Some(head) => kept.read.page.cursor == *head,
                None => age < BLIND,
            };
        if fresh {
            metrics::counter!("hotline_conversations_total", "from" => "cache").increment(1);
        }
        fresh.then(|| kept.read.clone())
    }

    async fn read_newest(
        &self,
        thread: &ThreadId,
        head: Cursor,
    ) -> Result<(Conversation, Option<At>), DeskError> {
        let (timeline, order) = self.newest(thread).await.map_err(errors::for_holder)?;
        let older = if order.has_older(&timeline) { order.oldest(&timeline) } else { None };
        let turned = mapping::at(&timeline.thread.status_changed_at);
        let signs = Evidence::of(&timeline, turned.clone());
        let mut page = self.page(thread, timeline, older, head).await?;
        page.seen = signs.seen(&page.messages);
        if page.thread.status == Status::Done {
            page.rating = self.shown_rating(thread).await;
        }
        Ok((page, turned))
    }

    /// The page of a conversation at a place that Plain gave us.
    pub(super) async fn page_at(
        &self,
        thread: &ThreadId,
        page: crate::server::plain::operations::Page,
    ) -> Result<(Conversation, Option<PageCursor>), DeskError> {
        let order = self.0.order.get();
        let timeline = self.timeline(thread.as_str(), page).await.map_err(errors::for_holder)?;
        let newer = order.next_newer(&timeline);
        Ok((self.page(thread, timeline, None, nowhere()).await?, newer))
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
        self.0.plain.conversation(thread, &super::gate::ENTRY_TYPES, page, ENTRIES).await
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
            rating: None,
            read_to: None,
            seen: None,
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

fn nowhere() -> Cursor {
    Cursor::parse(NOWHERE).expect("it has the shape of one")
}

/// Whether a page was read while the bus was away.
pub(super) fn is_nowhere(cursor: &Cursor) -> bool {
    cursor.as_str() == NOWHERE
}

fn bad_page() -> DeskError {
    DeskError::of(Code::BadRequest, Sentence::NoPage)
}
