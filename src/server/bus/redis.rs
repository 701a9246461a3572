//! The bus of several instances: history, numbers and duplicates are kept in Redis; each instance listens to the
//! channels of the threads that somebody follows there.
//!
//! # How nothing gets lost
//!
//! Publishing is one [script](script::PUBLISH): deduplicate, number, append, tell the channel. Who follows a thread
//! has a local copy of its history, made after its channel is heard: first listen, then read, then what came
//! meanwhile. A message whose number does not fit, and a connection that was lost, make it read the Stream from its
//! own head; it never skips. What Redis itself lost (it was emptied; a replica that lagged took over) is seen by the
//! epoch and the tag in every [place](entry::Place): then the streams end, and who comes back is told of a gap.
//!
//! # While Redis is away
//!
//! Every call answers with an error in bounded time, so that Plain delivers again. Streams go on for a moment, then
//! they end, and are refused until it is back. Nothing has to be restarted.
//!
//! # Removal
//!
//! A customer's mark and threads are in another place than the threads themselves, so removing is no single step.
//! Whose a thread is gets [noted](script::NOTE) before anything of it is kept, in one step with asking for the mark;
//! whoever sets the mark then finds every noted thread, and what was not noted yet is refused.

mod entry;
mod lanes;
mod script;
mod topic;

use super::{
    Answer, BusError, EventBus, Forgotten, LiveReceiver, NewEvent, Published, Subscription,
    replay::Bounds,
};
use crate::{
    domain::{
        ids::{Cursor, CustomerId, ThreadId},
        live::StreamEvent,
    },
    server::{
        clock::Clock,
        redis::{Redis, RedisFault, slot, within},
    },
};
use entry::Entry;
use futures::StreamExt;
use lanes::{Lane, Lanes, Up};
use metrics::counter;
use script::{
    AUDIENCE, FORGET, NOTE, OWN, Outcome, PUBLISH, READ, REMOVE, Snapshot, ThreadKeys, WHISPER,
    WHISPERED, customer_keys,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use topic::{Followed, Then, Topic};

/// How much Redis may remember, and for how long.
#[derive(Debug, Clone)]
pub struct RedisBusSettings {
    /// Events of each thread.
    pub history_per_thread: usize,
    /// Bytes of events of each thread.
    pub bytes_per_thread: usize,
    /// How long a thread's history is kept after its last use.
    pub keep: Duration,
    /// How long an event id counts. Plain retries for five days.
    pub dedupe_ttl: Duration,
    /// How long it is remembered who was removed. Plain then knows nothing of them either.
    pub removed_ttl: Duration,
    /// How long a lost connection may be away before local streams end.
    pub grace: Duration,
    /// How long a thread is listened to after its last follower left. So long other instances believe that somebody is
    /// there.
    pub linger: Duration,
}

impl Default for RedisBusSettings {
    fn default() -> Self {
        Self {
            history_per_thread: 256,
            bytes_per_thread: 256 * 1024,
            keep: DAY * 8,
            dedupe_ttl: DAY * 6,
            removed_ttl: DAY * 30,
            grace: Duration::from_secs(2),
            linger: Duration::from_secs(15),
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
/// How old the note of a thread's owner may be before it is made again, so that it outlives the thread's history.
const RENEW_NOTE: Duration = DAY;
/// How many threads are read at once after a connection was lost.
const READERS: usize = 64;
/// How often reading is tried again while messages come quicker than it reads.
const ROUNDS: usize = 8;

/// The engine.
#[derive(Debug)]
pub struct RedisBus {
    shared: Arc<Shared>,
}

/// What the listening connections and the bus share.
#[derive(Debug)]
pub struct Shared {
    redis: Redis,
    settings: RedisBusSettings,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
    topics: Mutex<HashMap<ThreadId, Arc<Topic>>>,
    lanes: Arc<Lanes>,
    to_read: mpsc::UnboundedSender<Arc<Topic>>,
}

impl From<RedisFault> for BusError {
    fn from(fault: RedisFault) -> Self {
        Self(fault.to_string())
    }
}

impl RedisBus {
    /// Begins to listen. Its tasks end with it.
    pub async fn start(
        redis: Redis,
        settings: RedisBusSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BusError> {
        let (to_read, mut wanted) = mpsc::unbounded_channel::<Arc<Topic>>();
        let bounds =
            Bounds { frames: settings.history_per_thread, bytes: settings.bytes_per_thread };
        let shared = Arc::new_cyclic(|shared| Shared {
            lanes: Arc::new(Lanes::new(redis.clone(), Weak::clone(shared), settings.grace)),
            redis,
            settings,
            clock,
            bounds,
            topics: Mutex::default(),
            to_read,
        });
        shared.lanes.refresh().await?;
        within(shared.redis.patience(), shared.lanes.all_up()).await?;
        let reader = Arc::downgrade(&shared);
        tokio::spawn(async move {
            let topics = futures::stream::poll_fn(|cx| wanted.poll_recv(cx));
            topics.for_each_concurrent(READERS, |topic| reread(reader.clone(), topic)).await;
        });
        tokio::spawn(sweep(Arc::downgrade(&shared), shared.settings.linger));
        Ok(Self { shared })
    }
}

/// Reads the Stream of a thread that is followed here and not heard, or has a hole. A connection that is lost once more
/// meanwhile is no reason to end its streams; one that stays away is.
async fn reread(shared: Weak<Shared>, topic: Arc<Topic>) {
    let began = Instant::now();
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let work = async {
            let _turn = topic.turn.lock().await;
            if topic.listeners() == 0 {
                topic.end();
                return Ok(());
            }
            shared.bring_up(&topic).await.map(drop).map_err(|error| RedisFault(error.0))
        };
        let Err(fault) = within(shared.redis.patience(), work).await else { return };
        tracing::debug!(%fault, "Cannot read a thread's past");
        if began.elapsed() >= shared.settings.grace {
            topic.end();
            return;
        }
        drop(shared);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Gives up what nobody follows.
async fn sweep(shared: Weak<Shared>, linger: Duration) {
    let pause = (linger / 4).max(Duration::from_millis(10));
    loop {
        tokio::time::sleep(pause).await;
        let Some(shared) = shared.upgrade() else { return };
        let since = Instant::now().checked_sub(linger);
        let topics: Vec<_> = shared.lock().values().cloned().collect();
        for topic in topics {
            if since.is_some_and(|since| topic.is_idle(since)) {
                shared.give_up(&topic).await;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<ThreadId, Arc<Topic>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn there(&self, thread: &ThreadId) -> Option<Arc<Topic>> {
        self.lock().get(thread).cloned()
    }

    fn topic(&self, thread: &ThreadId) -> Arc<Topic> {
        let mut topics = self.lock();
        if let Some(topic) = topics.get(thread) {
            return topic.clone();
        }
        let keys = ThreadKeys::new(&self.redis, thread);
        let slot = slot(&keys.channel);
        let topic = Arc::new(Topic::new(thread.clone(), keys, slot));
        topics.insert(thread.clone(), topic.clone());
        topic
    }

    /// Makes sure that everything is heard and known, over the connection that it answers. Only in the topic's turn.
    async fn bring_up(&self, topic: &Topic) -> Result<u64, BusError> {
        let mut moves = 0;
        let up = loop {
            let lane =
                self.lanes.of(topic.slot).ok_or_else(|| BusError("nobody listens".into()))?;
            let up = lane.up().await?;
            if topic.is_live(up.number) {
                return Ok(up.number);
            }
            match up.subscribe(&topic.keys.channel).await {
                Ok(()) => break up,
                // Its slot went to another node.
                Err(error) if error.redirect_node().is_some() && moves < 3 => {
                    moves += 1;
                    self.lanes.refresh().await?;
                }
                Err(error) => return Err(RedisFault::from(error).into()),
            }
        };
        self.catch_up(topic, up.number).await?;
        Ok(up.number)
    }

    /// Reads what Redis has and this instance has not. Only in the topic's turn.
    async fn catch_up(&self, topic: &Topic, connection: u64) -> Result<(), BusError> {
        for _ in 0..ROUNDS {
            let after = topic.begin_reading(connection);
            counter!("hotline_bus_reads_total").increment(1);
            let snapshot = self.read(&topic.keys, Some(after)).await?;
            if topic.merge(snapshot, self.bounds) == Then::Nothing {
                return Ok(());
            }
        }
        topic.end();
        Err(BusError("a thread's history does not hold still".into()))
    }

    async fn read(&self, keys: &ThreadKeys, after: Option<u64>) -> Result<Snapshot, RedisFault> {
        let after = after.map(|seq| seq.to_string()).unwrap_or_default();
        let keep = millis(self.settings.keep);
        self.redis.eval(&READ, &[&keys.meta, &keys.log], (epoch(), keep, after)).await
    }

    /// A message from a channel.
    fn hear(&self, channel: &str, message: &[u8]) {
        let Some(topic) = self.by_channel(channel) else { return };
        match Entry::read(message) {
            Some(entry) => {
                if topic.take(entry, self.bounds) == Then::Read {
                    counter!("hotline_bus_holes_total").increment(1);
                    let _ = self.to_read.send(topic);
                }
            }
            None if message == b"removed" => topic.remove(),
            None => {
                if let Some(what) = message.strip_prefix(WHISPERED) {
                    topic.whisper(what);
                }
            }
        }
    }

    /// Whether a channel is to be heard here.
    fn wants(&self, channel: &str) -> bool {
        self.by_channel(channel).is_some_and(|topic| !topic.is_dead())
    }

    fn by_channel(&self, channel: &str) -> Option<Arc<Topic>> {
        let thread = channel.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}'))?;
        self.there(&ThreadId::parse(thread).ok()?)
    }

    /// After a connection was made: reads what was missed.
    fn look_again(&self) {
        for topic in self.lock().values() {
            let number = self.lanes.of(topic.slot).map_or(0, |lane| lane.number());
            if number != 0 && !topic.is_live(number) && topic.listeners() > 0 {
                let _ = self.to_read.send(topic.clone());
            }
        }
    }

    /// A connection stays away; how many streams end.
    fn end_lane(&self, lane: &Arc<Lane>) -> usize {
        let topics: Vec<_> = self.lock().values().cloned().collect();
        let of_lane = |topic: &&Arc<Topic>| {
            self.lanes.of(topic.slot).is_none_or(|own| Arc::ptr_eq(&own, lane))
        };
        let mut ended = 0;
        for topic in topics.iter().filter(of_lane) {
            ended += topic.listeners();
            topic.end();
        }
        ended
    }

    /// Stops listening to a thread.
    async fn give_up(&self, topic: &Arc<Topic>) {
        let Ok(_turn) = topic.turn.try_lock() else { return };
        if !topic.give_up() {
            return;
        }
        let lane = self.lanes.of(topic.slot);
        let up: Option<Up> = match &lane {
            Some(lane) if lane.number() != 0 => lane.up().await.ok(),
            _ => None,
        };
        if let Some(up) = up {
            // Confirmed before the next one may subscribe; a lost connection hears nothing anyway.
            let _ = up.unsubscribe(&topic.keys.channel).await;
        }
        self.lock().remove(&topic.thread);
    }

    async fn follow(
        &self,
        thread: &ThreadId,
        after: Option<&Cursor>,
    ) -> Result<Subscription, BusError> {
        let mut asked = false;
        loop {
            let topic = self.topic(thread);
            let _turn = topic.turn.lock().await;
            if topic.is_dead() {
                continue;
            }
            let connection = self.bring_up(&topic).await?;
            match topic.follow(after, connection)? {
                // Who comes from another instance may be ahead of what was heard here.
                Followed::From { gap: true, .. } if after.is_some() && !asked => {
                    asked = true;
                    self.catch_up(&topic, connection).await?;
                }
                Followed::From { cursor, gap, resumed } => {
                    let live = LiveReceiver(resumed.follower);
                    return Ok(Subscription { cursor, gap, replay: resumed.replay, live });
                }
                Followed::Removed => {
                    return Ok(Subscription {
                        cursor: nowhere()?,
                        gap: true,
                        replay: Vec::new(),
                        live: LiveReceiver(topic::gone()),
                    });
                }
                Followed::Not => {}
            }
        }
    }

    async fn append(&self, event: NewEvent) -> Result<Published, BusError> {
        let thread = event.thread_id.clone();
        let customer = event.customer.clone();
        let keys = ThreadKeys::new(&self.redis, &thread);
        let seen = keys.seen(&event.event_id);
        let id = event.event_id.clone();
        let json = entry::encode(event)?;
        let owner = customer.as_ref().map_or("", CustomerId::as_str);
        let (ttl, keep) = (millis(self.settings.dedupe_ttl), millis(self.settings.keep));
        let mut noted = false;
        loop {
            let args = (
                (self.clock.now_ms(), ttl, json.as_slice(), id.as_str(), epoch()),
                (self.bounds.frames, self.bounds.bytes.min(LUA_LIMIT), keep),
                (keys.channel.as_str(), owner, u8::from(noted), millis(RENEW_NOTE)),
            );
            let all = [&keys.meta, &keys.log, &seen];
            match self.redis.eval(&PUBLISH, &all, args).await? {
                Outcome::New(place, prev) => {
                    let cursor = place.cursor()?;
                    let entry = Entry { place, prev, json };
                    let topic = self.there(&thread);
                    let listeners = topic.map_or(0, |topic| topic.take_own(&entry, self.bounds));
                    return Ok(Published::New { cursor, listeners });
                }
                Outcome::Duplicate => return Ok(Published::Duplicate),
                Outcome::Removed => return Ok(Published::Removed),
                Outcome::Whose => {
                    let Some(customer) = &customer else {
                        return Err(BusError("an unknown answer".into()));
                    };
                    if !self.note(&thread, customer).await? {
                        self.remove(&thread).await?;
                        return Ok(Published::Removed);
                    }
                    noted = true;
                }
            }
        }
    }

    /// False if the customer was removed.
    async fn note(&self, thread: &ThreadId, customer: &CustomerId) -> Result<bool, BusError> {
        // Longer than the thread's history, however long that is used.
        let keep =
            millis(self.settings.keep + 2 * RENEW_NOTE).max(millis(self.settings.removed_ttl));
        let keys = customer_keys(&self.redis, customer);
        Ok(self.redis.eval(&NOTE, &keys, (thread.as_str(), keep)).await?)
    }

    async fn remove(&self, thread: &ThreadId) -> Result<usize, BusError> {
        let topic = self.there(thread);
        let listeners = topic.as_ref().map_or(0, |topic| topic.listeners());
        let keys = ThreadKeys::new(&self.redis, thread);
        let args = (millis(self.settings.removed_ttl), keys.channel.as_str());
        self.redis.eval::<()>(&REMOVE, &[&keys.meta, &keys.log], args).await?;
        // As above: somebody may have come since.
        if let Some(topic) = self.there(thread) {
            topic.remove();
        }
        Ok(listeners)
    }

    async fn learn(&self, thread: &ThreadId, customer: &CustomerId) -> Result<bool, BusError> {
        if !self.note(thread, customer).await? {
            self.remove(thread).await?;
            return Ok(false);
        }
        let keys = ThreadKeys::new(&self.redis, thread);
        let args = (epoch(), millis(self.settings.keep), customer.as_str(), self.clock.now_ms());
        Ok(self.redis.eval(&OWN, &[&keys.meta, &keys.log], args).await?)
    }

    async fn erase(&self, customer: &CustomerId) -> Result<Forgotten, BusError> {
        let keys = customer_keys(&self.redis, customer);
        let args = (millis(self.settings.removed_ttl),);
        let (first, ids): (bool, Vec<String>) = self.redis.eval(&FORGET, &keys, args).await?;
        let threads: Vec<ThreadId> = ids.into_iter().filter_map(|id| id.parse().ok()).collect();
        let mut listeners = 0;
        for thread in &threads {
            listeners += self.remove(thread).await?;
        }
        // Only now: if this fails half-way, the next try finds the rest.
        let [_, own] = &keys;
        self.redis.run::<()>(::redis::cmd("DEL").arg(own)).await?;
        Ok(Forgotten { threads, listeners, first })
    }

    async fn head(&self, thread: &ThreadId) -> Result<Cursor, BusError> {
        let keys = ThreadKeys::new(&self.redis, thread);
        match self.read(&keys, None).await? {
            Snapshot::Here { head, .. } => head.cursor(),
            Snapshot::Removed => nowhere(),
        }
    }

    /// To everybody by way of the channel, this instance's own followers among them.
    async fn whisper(&self, thread: &ThreadId, what: &StreamEvent) -> Result<(), BusError> {
        let keys = ThreadKeys::new(&self.redis, thread);
        let message = [WHISPERED, &super::sse(None, what)?].concat();
        let args = (keys.channel.as_str(), message);
        Ok(self.redis.eval(&WHISPER, &[&keys.meta], args).await?)
    }

    async fn is_removed(&self, thread: &ThreadId) -> Result<bool, BusError> {
        let keys = ThreadKeys::new(&self.redis, thread);
        Ok(self.redis.run(::redis::cmd("HEXISTS").arg(keys.meta).arg("removed")).await?)
    }

    /// Instances are counted where streams are not known.
    async fn audience(&self, thread: &ThreadId) -> Result<usize, BusError> {
        let topic = self.there(thread);
        let listeners = topic.as_ref().map_or(0, |topic| topic.listeners());
        if listeners > 0 {
            return Ok(listeners);
        }
        let keys = ThreadKeys::new(&self.redis, thread);
        let all: usize =
            self.redis.eval(&AUDIENCE, &[&keys.meta], (keys.channel.as_str(),)).await?;
        // This instance goes on listening for a while after the last one left.
        let own = topic.is_some_and(|topic| {
            self.lanes.of(topic.slot).is_some_and(|lane| topic.is_live(lane.number()))
        });
        Ok(all.saturating_sub(usize::from(own)))
    }

    async fn is_well(&self) -> Result<(), BusError> {
        self.redis.ping().await?;
        if self.lanes.are_up() { Ok(()) } else { Err(BusError("not listening to Redis".into())) }
    }
}

/// The place of a thread that is gone.
fn nowhere() -> Result<Cursor, BusError> {
    Cursor::parse("0").map_err(|error| BusError(error.to_string()))
}

/// Lua counts in doubles.
const LUA_LIMIT: usize = 1 << 50;

fn epoch() -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0));
    format!("{random:016x}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl EventBus for RedisBus {
    fn publish(&self, event: NewEvent) -> Answer<'_, Published> {
        Box::pin(self.shared.append(event))
    }

    fn subscribe<'a>(
        &'a self,
        thread: &'a ThreadId,
        after: Option<&'a Cursor>,
    ) -> Answer<'a, Subscription> {
        Box::pin(async move {
            let patience = self.shared.redis.patience();
            let late = || BusError(format!("Redis is away for {} ms", patience.as_millis()));
            let follow = self.shared.follow(thread, after);
            tokio::time::timeout(patience, follow).await.unwrap_or_else(|_| Err(late()))
        })
    }

    fn whisper<'a>(&'a self, thread: &'a ThreadId, what: &'a StreamEvent) -> Answer<'a, ()> {
        Box::pin(self.shared.whisper(thread, what))
    }

    fn head<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, Cursor> {
        Box::pin(self.shared.head(thread))
    }

    fn audience<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, usize> {
        Box::pin(self.shared.audience(thread))
    }

    fn belongs<'a>(&'a self, thread: &'a ThreadId, customer: &'a CustomerId) -> Answer<'a, bool> {
        Box::pin(self.shared.learn(thread, customer))
    }

    fn forget<'a>(&'a self, customer: &'a CustomerId) -> Answer<'a, Forgotten> {
        Box::pin(self.shared.erase(customer))
    }

    fn removed<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, bool> {
        Box::pin(self.shared.is_removed(thread))
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(self.shared.is_well())
    }
}

#[cfg(test)]
mod tests;
