//! What the product does with Plain: open a thread, reply, read conversations, hand out files.
//!
//! Plain is the system of record. The desk keeps five things only, all bounded and all of them allowed to be
//! lost: the newest page of threads that are being watched ([`conversation`]), what was sent under which
//! idempotency key ([`memory`]), which customer a thread belongs to, which files older pages had ([`files`]), and
//! which versions of messages were announced to those who watch ([`repair`]).
//!
//! Three writes at Plain cannot be repeated safely, `createThread`, `sendCustomerChat` and `replyToThread`. When it is not
//! known whether one was executed, the desk reads back before anything is sent again.

mod conversation;
mod errors;
mod files;
pub mod gate;
mod mapping;
pub mod memory;
mod open;
mod page;
mod rating;
mod receipt;
mod removal;
pub mod repair;
mod reply;
mod seen;
mod solve;
pub mod transcript;
pub mod uploads;

use self::{
    conversation::Slot,
    memory::{LocalMemory, Memory, Turns},
    repair::{RepairSettings, watched::Watched},
};
use super::{
    bus::EventBus,
    markup,
    plain::{
        PlainClient,
        operations::{
            Channel, SlackChannel, ThreadRecord, Timeline,
            conversation::{Signs, wire::Item},
        },
    },
    topics::Topics,
};
use crate::domain::{
    error::{Code, DeskError},
    ids::ThreadId,
    sentence::Sentence,
    thread::{LastMessage, Thread},
};
use std::{
    collections::HashSet,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// The desk's settings.
#[derive(Debug, Clone)]
pub struct DeskSettings {
    /// The longest time for which a conversation is shown without asking Plain, when no event says that it changed.
    pub cache_ttl: Duration,
    /// The same for whoever opens a page: a reload shows what no event told of.
    pub page_ttl: Duration,
    /// How many conversations are kept.
    pub cache_threads: u64,
    /// How long a sent message is remembered under its idempotency key.
    pub memory_ttl: Duration,
    /// How long an answer of [`Desk::ready`] holds.
    pub ready_ttl: Duration,
    /// How long to let a lost write settle at Plain before reading back.
    pub settle: Duration,
    /// How far back to look at Plain for a message whose key may have been forgotten.
    pub look_back: Duration,
    /// How long a key that is worked on stays claimed after its instance died.
    pub lease: Duration,
    /// How long to wait for another instance that works on the same key.
    pub busy_wait: Duration,
    /// How lost webhooks are made good.
    pub repair: RepairSettings,
    /// The most bytes that the files of one message may have together.
    pub upload_bytes: u64,
    /// The connected Slack channel that threads are opened in; none: they are chats.
    pub slack: Option<SlackChannel>,
    /// How long to look for a message that Plain took without telling its id.
    pub find_sent: Duration,
    /// What visitors can choose, and what it means to the team.
    pub topics: Topics,
}

impl Default for DeskSettings {
    fn default() -> Self {
        Self {
            cache_ttl: Duration::from_secs(30),
            page_ttl: Duration::from_secs(3),
            cache_threads: 2000,
            memory_ttl: Duration::from_secs(24 * 3600),
            ready_ttl: Duration::from_secs(5),
            settle: Duration::from_millis(500),
            look_back: Duration::from_secs(120),
            lease: Duration::from_secs(10),
            busy_wait: Duration::from_secs(30),
            repair: RepairSettings::default(),
            upload_bytes: 100_000_000,
            slack: None,
            find_sent: Duration::from_secs(3),
            topics: Topics::default(),
        }
    }
}

/// Entries that a list reads of each end of a thread: the newest may be one that was taken back.
const LISTED: u8 = 3;
/// How much of a message a list shows, in characters.
const LISTED_CHARACTERS: usize = 140;

/// The desk. Cheap to clone; all clones share what they know.
#[derive(Debug, Clone)]
pub struct Desk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    plain: PlainClient,
    bus: Arc<dyn EventBus>,
    settings: DeskSettings,
    slots: moka::future::Cache<ThreadId, Arc<Slot>>,
    order: page::Learned,
    machine_user: tokio::sync::OnceCell<String>,
    customers: moka::future::Cache<ThreadId, String>,
    channels: moka::future::Cache<ThreadId, Channel>,
    files: files::Files,
    memory: Arc<dyn Memory>,
    turns: Turns,
    watched: Watched,
    readiness: tokio::sync::Mutex<Option<(Instant, Result<(), DeskError>)>>,
}

impl Desk {
    /// A desk over a client and a bus. Connects to nothing yet.
    pub fn new(plain: PlainClient, bus: Arc<dyn EventBus>, settings: DeskSettings) -> Self {
        let memory = Arc::new(LocalMemory::new(settings.memory_ttl));
        Self::with_memory(plain, bus, settings, memory)
    }

    /// The same with a memory that is shared with other instances.
    pub fn with_memory(
        plain: PlainClient,
        bus: Arc<dyn EventBus>,
        settings: DeskSettings,
        memory: Arc<dyn Memory>,
    ) -> Self {
        let slots = moka::future::Cache::builder()
            .max_capacity(settings.cache_threads)
            .time_to_idle(settings.cache_ttl.max(Duration::from_secs(1)) * 4)
            .build();
        // As long and as many as what is remembered of threads: what cannot be found cannot be removed.
        let customers = moka::future::Cache::builder()
            .max_capacity(100_000)
            .time_to_live(settings.memory_ttl.max(Duration::from_secs(3600)))
            .build();
        let channels = moka::future::Cache::builder().max_capacity(100_000).build();
        let watched = Watched::new(settings.repair.clone());
        Self(Arc::new(Inner {
            plain,
            bus,
            settings,
            slots,
            order: page::Learned::default(),
            machine_user: tokio::sync::OnceCell::new(),
            customers,
            channels,
            files: files::Files::default(),
            memory,
            turns: Turns::default(),
            watched,
            readiness: tokio::sync::Mutex::new(None),
        }))
    }

    /// Those of the given threads that Plain knows and that were not removed, newest activity first. No ids, no call. They
    /// are [`unread`](Thread::unread) where the team wrote last; whether that was read is not known here.
    pub async fn threads(&self, ids: &[ThreadId]) -> Result<Vec<Thread>, DeskError> {
        let wanted: HashSet<&str> = ids.iter().map(ThreadId::as_str).collect();
        let mut list: Vec<&str> = wanted.iter().copied().collect();
        list.sort_unstable();
        let types = gate::MESSAGE_TYPES;
        let mut threads: Vec<Thread> = Vec::with_capacity(list.len());
        for chunk in list.chunks(100) {
            let mut after = None;
            // One page holds the whole chunk; a desk that hands out smaller pages is followed for a while.
            for _ in 0..chunk.len() {
                let ids = chunk.iter().map(|id| (*id).to_owned()).collect();
                let page = self.0.plain.overview(ids, after, types, LISTED).await;
                let page = page.map_err(errors::for_visitor)?;
                for (record, items) in page.threads {
                    let Some(mut thread) = mapping::thread(&record) else { continue };
                    if wanted.contains(thread.id.as_str()) {
                        thread.unread = mapping::is_answered(&record);
                        thread.last_message = self.last_message(record, items).await;
                        threads.push(thread);
                    }
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        threads.sort_by(|a, b| {
            b.last_activity_at.cmp(&a.last_activity_at).then_with(|| b.id.cmp(&a.id))
        });
        threads.dedup_by(|a, b| a.id == b.id);
        let mut present = Vec::with_capacity(threads.len());
        for thread in threads {
            if !self.is_removed(&thread.id).await {
                present.push(thread);
            }
        }
        Ok(present)
    }

    /// The newest message of those that were read, as a list shows it.
    async fn last_message(&self, record: ThreadRecord, items: Vec<Item>) -> Option<LastMessage> {
        let items = items.into_iter().map(|item| (String::new(), item)).collect();
        let timeline = Timeline {
            thread: record,
            signs: Signs::default(),
            items,
            has_next: false,
            has_previous: false,
        };
        let machine_user = self.machine_user_for(&timeline).await;
        let messages = mapping::messages(timeline, machine_user.as_deref());
        let last =
            messages.into_iter().rfind(|message| !message.deleted && message.turned.is_none())?;
        let text = markup::one_line(&last.text, last.html.as_deref(), LISTED_CHARACTERS);
        let file = last.attachments.first().map(|file| file.file_name.clone());
        let name = if last.author.me { String::new() } else { last.author.name };
        let text = Some(text).filter(|text| !text.is_empty()).or(file).unwrap_or_default();
        Some(LastMessage { name, me: last.author.me, text })
    }

    /// What visitors can choose in the form.
    pub fn topics(&self) -> &Topics {
        &self.0.settings.topics
    }

    /// Whether Plain can be reached with this key. Cheap: an answer holds for [`DeskSettings::ready_ttl`], and
    /// however many ask, one asks Plain.
    pub async fn ready(&self) -> Result<(), DeskError> {
        let mut last = self.0.readiness.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < self.0.settings.ready_ttl
        {
            return answer.clone();
        }
        let question = self.0.plain.my_machine_user();
        let answer = match tokio::time::timeout(Duration::from_secs(4), question).await {
            Ok(Ok(id)) => {
                let _ = self.0.machine_user.set(id);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(DeskError::unavailable()),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

impl Desk {
    /// For [`memory::alone`].
    fn patience(&self) -> (Duration, Duration) {
        (self.0.settings.lease, self.0.settings.busy_wait)
    }
}

/// Runs a write to its end, even if the visitor goes away in the middle of it.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, DeskError>> + Send + 'static,
) -> Result<T, DeskError> {
    tokio::spawn(work.in_current_span())
        .await
        .unwrap_or_else(|_| Err(DeskError::of(Code::Internal, Sentence::Internal)))
}
