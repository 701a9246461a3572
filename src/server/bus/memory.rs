//! The bus of a single instance: everything in memory, everything bounded.
//!
//! One number counts all events of the process. A cursor is `<epoch>-<number>`; the epoch is drawn at random when the
//! bus is made, so a cursor from before a restart is recognised. A place is answered like this:
//!
//! | wanted place | answer |
//! |---|---|
//! | none | from now on, no gap |
//! | of this epoch, nothing after it ever dropped | replay of what came after it (often nothing), no gap |
//! | of this epoch, but something after it may have been dropped (a full ring, an evicted thread) | gap |
//! | of this epoch, a number not given out yet | gap |
//! | of another epoch, or not of this engine's making | gap |
//!
//! A removed customer's threads have no places any more; who asks for one is told that it is gone. Which threads are
//! whose is kept with their history, so that whatever can be shown can also be found and removed.
//!
//! A gap comes with no replay and the thread's head: the client reads the conversation once and goes on from there.
//! It is sometimes declared where nothing was missed; it is never left out where something was.

use super::{
    Answer, BusError, EventBus, Forgotten, LiveFrame, LiveReceiver, NewEvent, Published,
    Subscription,
    replay::{Bounds, Feed},
};
use crate::{
    domain::{
        ids::{Cursor, CustomerId, EventId, ThreadId},
        live::StreamEvent,
    },
    server::clock::Clock,
};
use metrics::counter;
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    future::ready,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How much the bus may remember.
#[derive(Debug, Clone)]
pub struct MemoryBusSettings {
    /// Events of each thread.
    pub history_per_thread: usize,
    /// Bytes of events of each thread.
    pub bytes_per_thread: usize,
    /// Threads; those that nobody follows go first, the longest unused before others.
    pub max_threads: usize,
    /// Bytes of events of all threads; over it, threads go as above.
    pub max_bytes: usize,
    /// Event ids, against duplicates; the oldest go first.
    pub dedupe_capacity: usize,
    /// How long an event id counts. Plain retries for five days.
    pub dedupe_ttl: Duration,
    /// Removed customers, and as many of their threads; the oldest go first. Plain then knows nothing of them either.
    pub max_removed: usize,
}

impl Default for MemoryBusSettings {
    fn default() -> Self {
        Self {
            history_per_thread: 256,
            bytes_per_thread: 256 * 1024,
            max_threads: 20_000,
            max_bytes: 128 * 1024 * 1024,
            dedupe_capacity: 200_000,
            dedupe_ttl: Duration::from_secs(6 * 24 * 3600),
            max_removed: 50_000,
        }
    }
}

/// The engine.
#[derive(Debug)]
pub struct MemoryBus {
    settings: MemoryBusSettings,
    clock: Arc<dyn Clock>,
    epoch: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last event.
    seq: u64,
    /// The largest number that any evicted thread had: below it, nothing is known of threads that are not here.
    floor: u64,
    threads: HashMap<Arc<ThreadId>, Topic>,
    /// Threads by when they were last used.
    by_use: BTreeMap<u64, Arc<ThreadId>>,
    uses: u64,
    /// Bytes that all feeds hold.
    bytes: usize,
    seen: Seen,
    removed: Removed,
}

#[derive(Debug)]
struct Topic {
    feed: Arc<Feed>,
    owner: Option<CustomerId>,
    used: u64,
    bytes: usize,
}

/// How many threads that are in use are passed over to find one that can go; they move to the back of the line, so
/// the next search starts after them.
const EVICTION_REACH: usize = 64;

impl MemoryBus {
    /// An empty bus with an epoch of its own.
    pub fn new(settings: MemoryBusSettings, clock: Arc<dyn Clock>) -> Self {
        let random =
            getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(clock.now_ms()));
        Self { settings, clock, epoch: format!("{random:016x}"), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No step below can panic between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cursor(&self, seq: u64) -> Result<Cursor, BusError> {
        Cursor::parse(format!("{}-{seq}", self.epoch)).map_err(|error| BusError(error.to_string()))
    }

    /// The number in a cursor, if it is one that this bus gave out.
    fn number(&self, cursor: &Cursor, last: u64) -> Option<u64> {
        let digits = cursor.as_str().strip_prefix(self.epoch.as_str())?.strip_prefix('-')?;
        let number: u64 = digits.parse().ok()?;
        // One spelling only: `+7` and `007` parse, but were never given out.
        (number <= last && digits == number.to_string()).then_some(number)
    }

    fn append(&self, event: NewEvent) -> Result<Published, BusError> {
        let now = self.clock.now_ms();
        let mut state = self.lock();
        if state.seen.contains(&event.event_id, now) {
            return Ok(Published::Duplicate);
        }
        if state.is_removed(&event.thread_id, event.customer.as_ref(), &self.settings) {
            return Ok(Published::Removed);
        }
        let seq = state.seq + 1;
        let cursor = self.cursor(seq)?;
        let event_id = event.event_id.clone();
        let bounds = Bounds {
            frames: self.settings.history_per_thread,
            bytes: self.settings.bytes_per_thread,
        };
        let topic = state.topic(&event.thread_id);
        if let Some(customer) = &event.customer {
            topic.owner = Some(customer.clone());
        }
        let pushed = topic.feed.push(seq, bounds, |prev| {
            LiveFrame::encode(event, cursor.clone(), self.cursor(prev)?).map(Arc::new)
        })?;
        topic.bytes = topic.bytes.saturating_add_signed(pushed.grown);
        state.bytes = state.bytes.saturating_add_signed(pushed.grown);
        state.seq = seq;
        let ttl = i64::try_from(self.settings.dedupe_ttl.as_millis()).unwrap_or(i64::MAX);
        let early = state.seen.insert(event_id, now, ttl, self.settings.dedupe_capacity);
        let say = early > 0 && state.seen.may_complain(now);
        state.evict(&self.settings);
        drop(state);
        counter!("hotline_dedupe_evicted_total").increment(early);
        if say {
            tracing::warn!(
                capacity = self.settings.dedupe_capacity,
                "Event ids are forgotten before their time: a late retry would be published again. Raise \
                 HOTLINE_DEDUPE_EVENTS"
            );
        }
        Ok(Published::New { cursor, listeners: pushed.listeners })
    }

    fn follow(&self, thread: &ThreadId, after: Option<&Cursor>) -> Result<Subscription, BusError> {
        let mut state = self.lock();
        let last = state.seq;
        if state.removed.threads.contains(thread) {
            let feed = Arc::new(Feed::new(last));
            feed.remove();
            let (head, follower) = feed.follow();
            return Ok(Subscription {
                cursor: self.cursor(head)?,
                gap: true,
                replay: Vec::new(),
                live: LiveReceiver(follower),
            });
        }
        let feed = state.topic(thread).feed.clone();
        let wanted = after.map(|cursor| self.number(cursor, last));
        let subscription = match wanted {
            Some(Some(number)) => {
                let resumed = feed.resume(number);
                Subscription {
                    cursor: self.cursor(resumed.at)?,
                    gap: resumed.gap,
                    replay: resumed.replay,
                    live: LiveReceiver(resumed.follower),
                }
            }
            unknown => {
                let (head, follower) = feed.follow();
                Subscription {
                    cursor: self.cursor(head)?,
                    gap: unknown.is_some(),
                    replay: Vec::new(),
                    live: LiveReceiver(follower),
                }
            }
        };
        // After the following began, so that it is not this thread that goes.
        state.evict(&self.settings);
        Ok(subscription)
    }

    fn learn(&self, thread: &ThreadId, customer: &CustomerId) -> bool {
        let mut state = self.lock();
        if state.is_removed(thread, Some(customer), &self.settings) {
            return false;
        }
        state.topic(thread).owner = Some(customer.clone());
        state.evict(&self.settings);
        true
    }

    /// Looks through all threads: deletions are few, and an index by customer would cost every event.
    fn erase(&self, customer: &CustomerId) -> Forgotten {
        let mut state = self.lock();
        let first = state.removed.customers.insert(customer.clone(), self.settings.max_removed);
        let theirs =
            state.threads.iter().filter(|(_, topic)| topic.owner.as_ref() == Some(customer));
        let threads: Vec<ThreadId> = theirs.map(|(thread, _)| ThreadId::clone(thread)).collect();
        let remove = |thread| state.remove(thread, &self.settings);
        let listeners = threads.iter().map(remove).sum();
        Forgotten { threads, listeners, first }
    }

    fn place(&self, thread: &ThreadId) -> Result<Cursor, BusError> {
        let state = self.lock();
        let seq = state.threads.get(thread).map_or(state.floor, |topic| topic.feed.head());
        self.cursor(seq)
    }
}

impl State {
    /// The thread's topic, made if need be, and moved to the fresh end of the line.
    fn topic(&mut self, thread: &ThreadId) -> &mut Topic {
        self.uses += 1;
        let (uses, floor) = (self.uses, self.floor);
        let key = match self.threads.get_key_value(thread) {
            Some((key, topic)) => {
                self.by_use.remove(&topic.used);
                key.clone()
            }
            None => Arc::new(thread.clone()),
        };
        self.by_use.insert(uses, key.clone());
        let topic = self.threads.entry(key).or_insert_with(|| Topic {
            feed: Arc::new(Feed::new(floor)),
            owner: None,
            used: uses,
            bytes: 0,
        });
        topic.used = uses;
        topic
    }

    /// Whether a thread was removed, by itself or with its customer.
    fn is_removed(
        &mut self,
        thread: &ThreadId,
        customer: Option<&CustomerId>,
        settings: &MemoryBusSettings,
    ) -> bool {
        if self.removed.threads.contains(thread) {
            return true;
        }
        let with_customer = customer.is_some_and(|it| self.removed.customers.contains(it));
        if with_customer {
            self.remove(thread, settings);
        }
        with_customer
    }

    /// Ends a thread for good; how many followed it.
    fn remove(&mut self, thread: &ThreadId, settings: &MemoryBusSettings) -> usize {
        self.removed.threads.insert(thread.clone(), settings.max_removed);
        let Some(topic) = self.threads.remove(thread) else { return 0 };
        self.by_use.remove(&topic.used);
        self.floor = self.floor.max(topic.feed.head());
        self.bytes = self.bytes.saturating_sub(topic.bytes);
        topic.feed.remove()
    }

    fn evict(&mut self, settings: &MemoryBusSettings) {
        let mut reach = EVICTION_REACH;
        while reach > 0
            && (self.threads.len() > settings.max_threads || self.bytes > settings.max_bytes)
        {
            reach -= 1;
            let Some((_, key)) = self.by_use.pop_first() else { return };
            let Some(topic) = self.threads.get_mut(&key) else { continue };
            if topic.feed.listeners() > 0 {
                self.uses += 1;
                topic.used = self.uses;
                self.by_use.insert(self.uses, key);
                continue;
            }
            // From now on this thread's past is unknown: a place before its last event can prove nothing.
            self.floor = self.floor.max(topic.feed.head());
            self.bytes = self.bytes.saturating_sub(topic.bytes);
            self.threads.remove(&key);
        }
    }
}

/// The ids of events that were published: bounded, and each only for its time.
#[derive(Debug, Default)]
struct Seen {
    until: HashMap<Arc<EventId>, i64>,
    in_order: VecDeque<(i64, Arc<EventId>)>,
    /// When it was last said that the capacity is too small.
    complained: Option<i64>,
}

/// How often it is said that event ids are forgotten too early, in milliseconds.
const COMPLAINT_PAUSE: i64 = 600_000;

impl Seen {
    fn contains(&self, id: &EventId, now: i64) -> bool {
        self.until.get(id).is_some_and(|until| now < *until)
    }

    /// Whether enough time has passed to say it again.
    fn may_complain(&mut self, now: i64) -> bool {
        let due = self.complained.is_none_or(|last| now.saturating_sub(last) >= COMPLAINT_PAUSE);
        if due {
            self.complained = Some(now);
        }
        due
    }

    /// Tells how many ids had to go although they still counted.
    fn insert(&mut self, id: EventId, now: i64, ttl: i64, capacity: usize) -> u64 {
        let mut early = 0;
        let id = Arc::new(id);
        let until = now.saturating_add(ttl);
        self.until.insert(id.clone(), until);
        self.in_order.push_back((until, id));
        while self.in_order.len() > capacity.max(1)
            || self.in_order.front().is_some_and(|(until, _)| *until <= now)
        {
            let Some((until, id)) = self.in_order.pop_front() else { return early };
            // An id that came again after its time has a later entry behind this one.
            if self.until.get(&id) == Some(&until) {
                self.until.remove(&id);
                early += u64::from(now < until);
            }
        }
        early
    }
}

/// Who and what was removed.
#[derive(Debug, Default)]
struct Removed {
    customers: Recent<CustomerId>,
    threads: Recent<ThreadId>,
}

/// The newest of many.
#[derive(Debug)]
struct Recent<T> {
    all: HashSet<Arc<T>>,
    in_order: VecDeque<Arc<T>>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { all: HashSet::new(), in_order: VecDeque::new() }
    }
}

impl<T: Eq + Hash> Recent<T> {
    fn contains(&self, value: &T) -> bool {
        self.all.contains(value)
    }

    /// Whether it was not there.
    fn insert(&mut self, value: T, capacity: usize) -> bool {
        let value = Arc::new(value);
        if !self.all.insert(value.clone()) {
            return false;
        }
        self.in_order.push_back(value);
        while self.in_order.len() > capacity.max(1)
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.all.remove(&oldest);
        }
        true
    }
}

impl EventBus for MemoryBus {
    fn publish(&self, event: NewEvent) -> Answer<'_, Published> {
        Box::pin(async move { self.append(event) })
    }

    fn subscribe<'a>(
        &'a self,
        thread: &'a ThreadId,
        after: Option<&'a Cursor>,
    ) -> Answer<'a, Subscription> {
        Box::pin(async move { self.follow(thread, after) })
    }

    fn whisper<'a>(&'a self, thread: &'a ThreadId, what: &'a StreamEvent) -> Answer<'a, ()> {
        Box::pin(async move {
            let feed = self.lock().threads.get(thread).map(|topic| topic.feed.clone());
            if let Some(feed) = feed {
                feed.whisper(super::sse(None, what)?);
            }
            Ok(())
        })
    }

    fn head<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, Cursor> {
        Box::pin(async move { self.place(thread) })
    }

    fn audience<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, usize> {
        let listeners = self.lock().threads.get(thread).map_or(0, |topic| topic.feed.listeners());
        Box::pin(ready(Ok(listeners)))
    }

    fn belongs<'a>(&'a self, thread: &'a ThreadId, customer: &'a CustomerId) -> Answer<'a, bool> {
        Box::pin(async move { Ok(self.learn(thread, customer)) })
    }

    fn forget<'a>(&'a self, customer: &'a CustomerId) -> Answer<'a, Forgotten> {
        Box::pin(async move { Ok(self.erase(customer)) })
    }

    fn removed<'a>(&'a self, thread: &'a ThreadId) -> Answer<'a, bool> {
        Box::pin(async move { Ok(self.lock().removed.threads.contains(thread)) })
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::conformance, *};
    use crate::server::{bus::conformance::event, clock::FixedClock};

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn conforms() {
        conformance::all(|tuning| async move {
            let settings = MemoryBusSettings {
                history_per_thread: tuning.history,
                bytes_per_thread: usize::MAX,
                dedupe_ttl: tuning.dedupe_ttl,
                ..Default::default()
            };
            Arc::new(MemoryBus::new(settings, tuning.clock)) as Arc<dyn EventBus>
        })
        .await;
    }

    fn bus(settings: MemoryBusSettings) -> MemoryBus {
        MemoryBus::new(settings, Arc::new(FixedClock::at(1_000)))
    }

    fn thread(n: u32) -> ThreadId {
        conformance::thread(n)
    }

    #[tokio::test]
    async fn an_evicted_thread_never_looks_complete() {
        let bus = bus(MemoryBusSettings { max_threads: 2, ..Default::default() });
        let before = bus.head(&thread(1)).await.unwrap();
        bus.publish(event(1, 1)).await.unwrap();
        let after = bus.head(&thread(1)).await.unwrap();
        bus.publish(event(2, 2)).await.unwrap();
        bus.publish(event(3, 3)).await.unwrap();
        assert_eq!(bus.lock().threads.len(), 2);
        assert!(!bus.lock().threads.contains_key(&thread(1)));

        let lost = bus.subscribe(&thread(1), Some(&before)).await.unwrap();
        assert!(lost.gap, "event 1 came after this place and is gone");
        drop(lost);
        let whole = bus.subscribe(&thread(1), Some(&after)).await.unwrap();
        assert!(!whole.gap, "nothing of thread 1 came after this place");
        assert!(whole.replay.is_empty());

        // Made anew, it still does not forget that something was forgotten.
        bus.publish(event(1, 4)).await.unwrap();
        assert!(bus.subscribe(&thread(1), Some(&before)).await.unwrap().gap);
        assert_eq!(bus.subscribe(&thread(1), Some(&after)).await.unwrap().replay.len(), 1);
    }

    #[tokio::test]
    async fn followed_threads_stay_and_the_longest_unused_goes() {
        let bus = bus(MemoryBusSettings { max_threads: 3, ..Default::default() });
        let followed = bus.subscribe(&thread(1), None).await.unwrap();
        for n in 2..50 {
            bus.publish(event(n, n)).await.unwrap();
            let state = bus.lock();
            assert!(state.threads.len() <= 3);
            assert_eq!(state.by_use.len(), state.threads.len());
            assert!(state.threads.contains_key(&thread(1)));
            assert!(state.threads.contains_key(&thread(n)));
        }
        drop(followed);
        for n in 50..60 {
            bus.publish(event(n, n)).await.unwrap();
        }
        assert!(!bus.lock().threads.contains_key(&thread(1)));
    }

    #[tokio::test]
    async fn bytes_are_bounded_over_all_threads() {
        let settings = MemoryBusSettings { max_bytes: 4000, ..Default::default() };
        let bus = bus(settings);
        for n in 1..200 {
            bus.publish(event(n % 20, n)).await.unwrap();
            let state = bus.lock();
            assert!(state.bytes <= 4000, "{}", state.bytes);
            assert_eq!(state.bytes, state.threads.values().map(|topic| topic.bytes).sum::<usize>());
        }
    }

    #[tokio::test]
    async fn the_dedupe_store_is_bounded_and_keeps_the_newest() {
        let bus = bus(MemoryBusSettings { dedupe_capacity: 10, ..Default::default() });
        for n in 1..=100 {
            bus.publish(event(1, n)).await.unwrap();
        }
        assert_eq!(bus.lock().seen.until.len(), 10);
        assert_eq!(bus.lock().seen.in_order.len(), 10);
        assert_eq!(bus.publish(event(1, 100)).await.unwrap(), Published::Duplicate);
        assert!(matches!(bus.publish(event(1, 1)).await.unwrap(), Published::New { .. }));
    }

    #[test]
    fn an_id_that_comes_again_after_its_time_is_kept_anew() {
        let mut seen = Seen::default();
        let id = event(1, 1).event_id;
        assert_eq!(seen.insert(id.clone(), 0, 100, 10), 0);
        assert!(seen.contains(&id, 99));
        assert!(!seen.contains(&id, 100));
        // A clock that was set back, so that the first entry is not swept yet.
        seen.insert(id.clone(), 50, 1000, 10);
        seen.insert(event(1, 2).event_id, 200, 1000, 10);
        assert!(seen.contains(&id, 200));
        seen.insert(event(1, 3).event_id, 5000, 1000, 10);
        assert_eq!(seen.until.len(), 1);
    }

    #[test]
    fn ids_that_go_early_are_counted_and_told_once_in_a_while() {
        let mut seen = Seen::default();
        assert_eq!(seen.insert(event(1, 1).event_id, 0, 100, 2), 0);
        assert_eq!(seen.insert(event(1, 2).event_id, 0, 100, 2), 0);
        assert_eq!(seen.insert(event(1, 3).event_id, 99, 100, 2), 1, "the first still counted");
        assert_eq!(seen.insert(event(1, 4).event_id, 100, 100, 2), 0, "the second's time was over");
        assert!(seen.may_complain(0));
        assert!(!seen.may_complain(COMPLAINT_PAUSE - 1));
        assert!(seen.may_complain(COMPLAINT_PAUSE));
    }

    #[tokio::test]
    async fn removal_keeps_the_books_and_is_bounded() {
        let bus = bus(MemoryBusSettings { max_removed: 2, ..Default::default() });
        let owned = |n: u32| NewEvent { customer: Some(conformance::customer(n)), ..event(n, n) };
        for n in 1..=4 {
            bus.publish(owned(n)).await.unwrap();
        }
        for n in 1..=3 {
            let gone = bus.forget(&conformance::customer(n)).await.unwrap();
            assert_eq!(gone.threads, [thread(n)]);
        }
        let state = bus.lock();
        assert_eq!(state.threads.len(), 1);
        assert_eq!(state.by_use.len(), 1);
        assert_eq!(state.bytes, state.threads.values().map(|topic| topic.bytes).sum::<usize>());
        assert_eq!(state.removed.threads.all.len(), 2);
        assert_eq!(state.removed.customers.in_order.len(), 2);
        assert!(state.removed.threads.contains(&thread(3)), "the newest are known");
        assert!(!state.removed.threads.contains(&thread(1)));
    }

    /// More than the suite asks: here all threads are in one place.
    #[tokio::test]
    async fn an_event_is_one_threads_only() {
        let bus = bus(MemoryBusSettings::default());
        bus.publish(event(1, 1)).await.unwrap();
        let other = NewEvent { thread_id: thread(2), ..event(1, 1) };
        assert_eq!(bus.publish(other).await.unwrap(), Published::Duplicate);
    }

    #[tokio::test]
    async fn only_numbers_that_were_given_out_count() {
        let bus = bus(MemoryBusSettings::default());
        bus.publish(event(1, 1)).await.unwrap();
        let epoch = bus.epoch.clone();
        for (digits, known) in
            [("0", true), ("1", true), ("2", false), ("01", false), ("", false), ("-1", false)]
        {
            let cursor = Cursor::parse(format!("{epoch}-{digits}")).unwrap();
            assert_eq!(bus.number(&cursor, 1).is_some(), known, "{digits:?}");
        }
        assert!(bus.number(&Cursor::parse(epoch).unwrap(), 1).is_none());
    }
}
