//! What every engine of the bus must do, whatever it is made of. An engine's tests call [`all`].

use super::{EventBus, LiveFrame, NewEvent, Published, replay::Told};
use crate::{
    domain::{
        ids::{Cursor, CustomerId, EntryId, EventId, ThreadId},
        live::{LiveEvent, StreamEvent},
        message::{Author, Message, Role},
        time::At,
    },
    server::clock::FixedClock,
};
use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};

/// How the suite wants a bus to be made. Each call of the factory gives an empty bus of its own.
pub struct Tuning {
    /// Events kept of each thread, exactly.
    pub history: usize,
    /// How long an event id counts.
    pub dedupe_ttl: Duration,
    /// What `dedupe_ttl` is measured with.
    pub clock: Arc<FixedClock>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            history: 64,
            dedupe_ttl: Duration::from_secs(6 * 24 * 3600),
            clock: Arc::new(FixedClock::at(1_800_000_000_000)),
        }
    }
}

/// A thread id for each number.
pub fn thread(n: u32) -> ThreadId {
    ThreadId::parse(format!("th_{n:026}")).unwrap()
}

/// A customer id for each number.
pub fn customer(n: u32) -> CustomerId {
    CustomerId::parse(format!("c_{n:026}")).unwrap()
}

/// An event, number `n`, of thread `of`.
pub fn event(of: u32, n: u32) -> NewEvent {
    let at = At::from_millis(1_800_000_000_000 + i64::from(n));
    NewEvent {
        thread_id: thread(of),
        customer: None,
        event_type: "thread.chat_sent".into(),
        event_id: EventId::parse(format!("pEv_{n:026}")).unwrap(),
        at: at.clone(),
        entry: Some(Message {
            id: EntryId::parse(format!("t_{n:026}")).unwrap(),
            source_id: None,
            author: Author { name: String::new(), role: Role::Agent, me: false, avatar_url: None },
            text: format!("line one of {n}\nline two: \u{1F44B}"),
            html: None,
            at: at.clone(),
            updated_at: at,
            edited: false,
            deleted: false,
            attachments: Vec::new(),
            reactions: Vec::new(),
            turned: None,
        }),
        status: None,
        seen: None,
    }
}

/// Reads a frame as a browser would.
pub fn decode(frame: &LiveFrame) -> LiveEvent {
    let text = std::str::from_utf8(&frame.sse).unwrap();
    let body = text.strip_suffix("\n\n").expect("a blank line ends the frame");
    let (id, data) = body.split_once('\n').expect("two lines");
    assert!(!data.contains(['\n', '\r']), "one data line: {data:?}");
    assert_eq!(id, format!("id: {}", frame.cursor));
    match serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap() {
        StreamEvent::Webhook(event) => {
            assert_eq!(event.prev, frame.prev);
            *event
        }
        other => panic!("not a webhook event: {other:?}"),
    }
}

fn ids(frames: &[Arc<LiveFrame>]) -> Vec<EventId> {
    frames.iter().map(|frame| decode(frame).event_id).collect()
}

fn wanted(numbers: impl IntoIterator<Item = u32>) -> Vec<EventId> {
    numbers.into_iter().map(|n| event(1, n).event_id).collect()
}

async fn next(live: &mut super::LiveReceiver) -> Option<Arc<LiveFrame>> {
    tokio::time::timeout(Duration::from_secs(20), live.next()).await.expect("an event, or the end")
}

/// The whole suite.
pub async fn all<F, B>(factory: F)
where
    F: Fn(Tuning) -> B,
    B: Future<Output = Arc<dyn EventBus>>,
{
    what_is_published_is_heard_once(&*factory(Tuning::default()).await).await;
    a_whisper_is_heard_now_or_never(&*factory(Tuning { history: 4, ..Tuning::default() }).await)
        .await;
    an_audience_is_counted_while_it_listens(&*factory(Tuning::default()).await).await;
    heads_change_with_their_own_thread_only(&*factory(Tuning::default()).await).await;
    resuming_gives_what_was_missed(&*factory(Tuning::default()).await).await;
    a_dropped_past_is_a_gap(&*factory(Tuning { history: 4, ..Tuning::default() }).await).await;
    foreign_places_are_gaps(&*factory(Tuning::default()).await, &*factory(Tuning::default()).await)
        .await;
    duplicates_go_nowhere(&*factory(Tuning::default()).await).await;
    an_id_counts_for_its_time(&factory).await;
    the_same_id_in_parallel_is_new_once(factory(Tuning::default()).await).await;
    a_removed_customer_leaves_nothing(&*factory(Tuning::default()).await).await;
    slow_readers_end(&*factory(Tuning { history: 8, ..Tuning::default() }).await).await;
    nothing_is_lost_or_doubled_in_a_storm(
        factory(Tuning { history: 4096, ..Tuning::default() }).await,
    )
    .await;
    factory(Tuning::default()).await.health().await.unwrap();
}

async fn what_is_published_is_heard_once(bus: &dyn EventBus) {
    let mut first = bus.subscribe(&thread(1), None).await.unwrap();
    let mut second = bus.subscribe(&thread(1), None).await.unwrap();
    let mut other = bus.subscribe(&thread(2), None).await.unwrap();
    assert!(!first.gap && first.replay.is_empty());
    let Published::New { cursor, listeners } = bus.publish(event(1, 1)).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!(listeners, 2);
    for subscription in [&mut first, &mut second] {
        let frame = next(&mut subscription.live).await.unwrap();
        assert_eq!(frame.cursor, cursor);
        assert_eq!(frame.prev, subscription.cursor);
        let heard = decode(&frame);
        assert_eq!(heard.entry, event(1, 1).entry);
        assert_eq!(heard.thread_id, thread(1));
        assert_eq!(heard.at, event(1, 1).at);
    }
    drop(second);
    let again = bus.publish(event(1, 2)).await.unwrap();
    assert!(matches!(again, Published::New { listeners: 1, .. }), "{again:?}");
    assert_eq!(next(&mut first.live).await.unwrap().prev, cursor);
    // The other thread heard nothing of all this: its first event is its own.
    bus.publish(event(2, 3)).await.unwrap();
    assert_eq!(decode(&next(&mut other.live).await.unwrap()).thread_id, thread(2));
}

/// Somebody types, for so many milliseconds.
fn typing(of: u32, for_ms: u32) -> StreamEvent {
    StreamEvent::Typing { thread_id: thread(of), name: "Ines\nm".into(), for_ms }
}

/// What is told next: an event's number of milliseconds, or a place.
async fn told(live: &mut super::LiveReceiver) -> Result<u32, Arc<LiveFrame>> {
    let next = std::future::poll_fn(|cx| live.poll_told(cx));
    let next = tokio::time::timeout(Duration::from_secs(20), next).await.expect("something");
    match next.expect("the stream goes on") {
        Told::Frame(frame) => Err(frame),
        Told::Whisper(frame) => {
            let text = std::str::from_utf8(&frame).unwrap();
            let data = text.strip_prefix("data: ").and_then(|it| it.strip_suffix("\n\n")).unwrap();
            assert!(!data.contains('\n'), "{data}");
            match serde_json::from_str(data).unwrap() {
                StreamEvent::Typing { for_ms, .. } => Ok(for_ms),
                other => panic!("not what was whispered: {other:?}"),
            }
        }
    }
}

async fn a_whisper_is_heard_now_or_never(bus: &dyn EventBus) {
    // To nobody.
    bus.whisper(&thread(1), &typing(1, 99)).await.unwrap();
    let start = bus.head(&thread(1)).await.unwrap();
    let mut first = bus.subscribe(&thread(1), None).await.unwrap();
    let mut other = bus.subscribe(&thread(2), None).await.unwrap();
    bus.whisper(&thread(1), &typing(1, 1)).await.unwrap();
    bus.whisper(&thread(2), &typing(2, 7)).await.unwrap();
    assert_eq!(told(&mut first.live).await.unwrap(), 1);
    assert_eq!(told(&mut other.live).await.unwrap(), 7, "its own thread's, and no other's");
    // No place, no history, no link in the chain.
    assert_eq!(bus.head(&thread(1)).await.unwrap(), start);
    let mut second = bus.subscribe(&thread(1), Some(&start)).await.unwrap();
    assert!(!second.gap && second.replay.is_empty());
    bus.publish(event(1, 1)).await.unwrap();
    let frame = told(&mut second.live).await.unwrap_err();
    assert_eq!(frame.prev, start);
    assert_eq!(told(&mut first.live).await.unwrap_err().cursor, frame.cursor);
    let resumed = bus.subscribe(&thread(1), Some(&start)).await.unwrap();
    assert_eq!(resumed.replay.len(), 1);
    // However many: who does not read them is not ended for it.
    for n in 0..200 {
        bus.whisper(&thread(1), &typing(1, n)).await.unwrap();
    }
    bus.publish(event(1, 2)).await.unwrap();
    while told(&mut second.live).await.is_ok() {}
    assert_eq!(decode(&next(&mut first.live).await.unwrap()).event_id, event(1, 2).event_id);
}

async fn an_audience_is_counted_while_it_listens(bus: &dyn EventBus) {
    assert_eq!(bus.audience(&thread(1)).await.unwrap(), 0);
    let first = bus.subscribe(&thread(1), None).await.unwrap();
    let second = bus.subscribe(&thread(1), None).await.unwrap();
    assert_eq!(bus.audience(&thread(1)).await.unwrap(), 2);
    assert_eq!(bus.audience(&thread(2)).await.unwrap(), 0);
    drop(first);
    assert_eq!(bus.audience(&thread(1)).await.unwrap(), 1);
    drop(second);
    // An engine that lets go later may say so later.
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while bus.audience(&thread(1)).await.unwrap() > 0 {
        assert!(std::time::Instant::now() < deadline, "nobody is left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn heads_change_with_their_own_thread_only(bus: &dyn EventBus) {
    let start = bus.head(&thread(1)).await.unwrap();
    assert_eq!(bus.head(&thread(1)).await.unwrap(), start);
    bus.publish(event(2, 1)).await.unwrap();
    drop(bus.subscribe(&thread(1), None).await.unwrap());
    assert_eq!(bus.head(&thread(1)).await.unwrap(), start);
    let Published::New { cursor, .. } = bus.publish(event(1, 2)).await.unwrap() else {
        panic!("it is new")
    };
    assert_eq!(bus.head(&thread(1)).await.unwrap(), cursor);
    assert_ne!(cursor, start);
    assert_eq!(bus.publish(event(1, 2)).await.unwrap(), Published::Duplicate);
    assert_eq!(bus.head(&thread(1)).await.unwrap(), cursor);
}

async fn resuming_gives_what_was_missed(bus: &dyn EventBus) {
    // The usual case: a page is rendered, nothing happens, the stream opens.
    let rendered = bus.head(&thread(1)).await.unwrap();
    bus.publish(event(2, 100)).await.unwrap();
    let quiet = bus.subscribe(&thread(1), Some(&rendered)).await.unwrap();
    assert!(!quiet.gap && quiet.replay.is_empty());
    assert_eq!(quiet.cursor, rendered);
    drop(quiet);

    let mut places = vec![rendered];
    for n in 1..=5 {
        bus.publish(event(2, 200 + n)).await.unwrap();
        bus.publish(event(1, n)).await.unwrap();
        places.push(bus.head(&thread(1)).await.unwrap());
    }
    assert_eq!(places.iter().collect::<HashSet<_>>().len(), 6);
    for (first_missed, place) in (1u32..).zip(&places) {
        let resumed = bus.subscribe(&thread(1), Some(place)).await.unwrap();
        assert!(!resumed.gap);
        assert_eq!(ids(&resumed.replay), wanted(first_missed..=5));
        assert_eq!(&resumed.cursor, place, "never ahead of the replay");
    }
    // From the replay into what is live, the chain is whole.
    let mut resumed = bus.subscribe(&thread(1), places.get(2)).await.unwrap();
    bus.publish(event(1, 6)).await.unwrap();
    resumed.replay.push(next(&mut resumed.live).await.unwrap());
    assert_eq!(ids(&resumed.replay), wanted(3..=6));
    let mut prev = resumed.cursor.clone();
    for frame in &resumed.replay {
        assert_eq!(frame.prev, prev);
        prev = frame.cursor.clone();
    }
    // Another thread's place is a moment like any other: what happened here after it comes.
    let elsewhere = bus.head(&thread(2)).await.unwrap();
    bus.publish(event(1, 7)).await.unwrap();
    let resumed = bus.subscribe(&thread(1), Some(&elsewhere)).await.unwrap();
    assert!(resumed.gap || ids(&resumed.replay).ends_with(&wanted([7])));
}

async fn a_dropped_past_is_a_gap(bus: &dyn EventBus) {
    let start = bus.head(&thread(1)).await.unwrap();
    let mut places = vec![start];
    for n in 1..=10 {
        bus.publish(event(1, n)).await.unwrap();
        places.push(bus.head(&thread(1)).await.unwrap());
    }
    // Four are kept: 7, 8, 9, 10. So event 6's place is the oldest that proves itself whole.
    for (n, place) in places.iter().enumerate() {
        let mut resumed = bus.subscribe(&thread(1), Some(place)).await.unwrap();
        assert_eq!(resumed.gap, n < 6, "place {n}");
        if resumed.gap {
            assert!(resumed.replay.is_empty());
            assert_eq!(Some(&resumed.cursor), places.last());
        } else {
            assert_eq!(ids(&resumed.replay), wanted(u32::try_from(n).unwrap() + 1..=10));
        }
        if n == 0 {
            bus.publish(event(2, 50)).await.unwrap();
            let none = tokio::time::timeout(Duration::ZERO, resumed.live.next()).await;
            assert!(none.is_err(), "nothing new for this thread");
        }
    }
}

async fn foreign_places_are_gaps(bus: &dyn EventBus, before_the_restart: &dyn EventBus) {
    for n in 1..=3 {
        bus.publish(event(1, n)).await.unwrap();
        before_the_restart.publish(event(1, n)).await.unwrap();
    }
    let old = before_the_restart.head(&thread(1)).await.unwrap();
    let head = bus.head(&thread(1)).await.unwrap();
    assert_ne!(old, head, "every epoch has its own cursors");
    let future = {
        // A place that was not reached yet, in this engine's own spelling: the head with a larger number.
        let text = head.as_str();
        let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
        Cursor::parse(format!("{stem}999999999")).unwrap()
    };
    for text in [old.as_str(), future.as_str(), "0", "x", "-", "----", &"9".repeat(64)] {
        let place = Cursor::parse(text).unwrap();
        let resumed = bus.subscribe(&thread(1), Some(&place)).await.unwrap();
        assert!(resumed.gap, "{text}");
        assert!(resumed.replay.is_empty());
        assert_eq!(resumed.cursor, head);
    }
}

async fn duplicates_go_nowhere(bus: &dyn EventBus) {
    let mut live = bus.subscribe(&thread(1), None).await.unwrap().live;
    bus.publish(event(1, 1)).await.unwrap();
    assert_eq!(bus.publish(event(1, 1)).await.unwrap(), Published::Duplicate);
    // The id decides, not the words. (Not over two threads: Plain's event is one thread's, and where threads are kept
    // on different machines nobody could compare in one step.)
    assert_eq!(
        bus.publish(NewEvent {
            event_type: "thread.email_sent".into(),
            entry: None,
            ..event(1, 1)
        })
        .await
        .unwrap(),
        Published::Duplicate
    );
    bus.publish(event(1, 2)).await.unwrap();
    assert_eq!(decode(&next(&mut live).await.unwrap()).event_id, event(1, 1).event_id);
    assert_eq!(decode(&next(&mut live).await.unwrap()).event_id, event(1, 2).event_id);
}

async fn an_id_counts_for_its_time<F, B>(factory: &F)
where
    F: Fn(Tuning) -> B,
    B: Future<Output = Arc<dyn EventBus>>,
{
    let clock = Arc::new(FixedClock::at(1_800_000_000_000));
    let dedupe_ttl = Duration::from_secs(3600);
    let bus = factory(Tuning { dedupe_ttl, clock: clock.clone(), ..Tuning::default() }).await;
    bus.publish(event(1, 1)).await.unwrap();
    clock.advance(3_599_999);
    assert_eq!(bus.publish(event(1, 1)).await.unwrap(), Published::Duplicate);
    clock.advance(1);
    let late = bus.publish(event(1, 1)).await.unwrap();
    assert!(matches!(late, Published::New { .. }), "an expired id counts as absent");
    assert_eq!(bus.publish(event(1, 1)).await.unwrap(), Published::Duplicate);
}

async fn the_same_id_in_parallel_is_new_once(bus: Arc<dyn EventBus>) {
    let mut live = bus.subscribe(&thread(1), None).await.unwrap().live;
    for round in 0..20 {
        let start = Arc::new(tokio::sync::Barrier::new(50));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (bus, start) = (bus.clone(), start.clone());
                tokio::spawn(async move {
                    start.wait().await;
                    bus.publish(event(1, round)).await.unwrap()
                })
            })
            .collect();
        let mut new = 0;
        for task in tasks {
            new += usize::from(matches!(task.await.unwrap(), Published::New { .. }));
        }
        assert_eq!(new, 1);
        assert_eq!(decode(&next(&mut live).await.unwrap()).event_id, event(1, round).event_id);
    }
}

async fn a_removed_customer_leaves_nothing(bus: &dyn EventBus) {
    let (gone, stays) = (customer(1), customer(2));
    let of = |customer: &CustomerId, event: NewEvent| NewEvent {
        customer: Some(customer.clone()),
        ..event
    };
    let start = bus.head(&thread(1)).await.unwrap();
    // Known by an event, and known by being told.
    bus.publish(of(&gone, event(1, 1))).await.unwrap();
    bus.publish(of(&stays, event(2, 2))).await.unwrap();
    assert!(bus.belongs(&thread(3), &gone).await.unwrap());
    // An event that does not say whose it is takes nothing back.
    bus.publish(event(3, 3)).await.unwrap();
    let mut first = bus.subscribe(&thread(1), Some(&start)).await.unwrap();
    let mut third = bus.subscribe(&thread(3), None).await.unwrap();
    let mut other = bus.subscribe(&thread(2), None).await.unwrap();
    assert!(!bus.removed(&thread(1)).await.unwrap());

    let mut forgotten = bus.forget(&gone).await.unwrap();
    forgotten.threads.sort();
    assert_eq!(forgotten.threads, [thread(1), thread(3)]);
    assert_eq!((forgotten.listeners, forgotten.first), (2, true));
    for subscription in [&mut first, &mut third] {
        assert!(next(&mut subscription.live).await.is_none());
        assert!(subscription.live.is_removed());
    }
    assert!(!other.live.is_removed());

    // Neither the past nor the future of it is to be had, by whatever place.
    for place in [None, Some(&start), Some(&first.cursor)] {
        let mut again = bus.subscribe(&thread(1), place).await.unwrap();
        assert!(again.live.is_removed() && again.replay.is_empty());
        assert!(next(&mut again.live).await.is_none());
    }
    assert_eq!(bus.publish(event(1, 4)).await.unwrap(), Published::Removed);
    // A thread that was not known to be theirs is found out late.
    assert_eq!(bus.publish(of(&gone, event(4, 5))).await.unwrap(), Published::Removed);
    assert!(!bus.belongs(&thread(5), &gone).await.unwrap());
    let mut stranger = bus.subscribe(&thread(6), None).await.unwrap();
    assert!(!bus.belongs(&thread(6), &gone).await.unwrap());
    assert!(next(&mut stranger.live).await.is_none() && stranger.live.is_removed());
    for n in [1, 3, 4, 5, 6] {
        assert!(bus.removed(&thread(n)).await.unwrap(), "{n}");
    }

    let again = bus.forget(&gone).await.unwrap();
    assert_eq!((again.threads.len(), again.listeners, again.first), (0, 0, false));
    bus.publish(of(&stays, event(2, 6))).await.unwrap();
    assert_eq!(decode(&next(&mut other.live).await.unwrap()).event_id, event(2, 6).event_id);
    assert!(!bus.removed(&thread(2)).await.unwrap());
}

async fn slow_readers_end(bus: &dyn EventBus) {
    let mut slow = bus.subscribe(&thread(1), None).await.unwrap();
    let mut quick = bus.subscribe(&thread(1), None).await.unwrap();
    const ALL: u32 = 2000;
    for n in 0..ALL {
        bus.publish(event(1, n)).await.unwrap();
        assert_eq!(
            decode(&next(&mut quick.live).await.unwrap()).event_id,
            event(1, n).event_id,
            "others are not held up"
        );
    }
    let mut heard = 0;
    while next(&mut slow.live).await.is_some() {
        heard += 1;
        assert!(heard < ALL, "a bounded queue cannot hold them all");
    }
}

/// Publishers, and readers that come and go: what all visits of one reader gave, put together, is the history.
async fn nothing_is_lost_or_doubled_in_a_storm(bus: Arc<dyn EventBus>) {
    const PUBLISHERS: u32 = 4;
    const EACH: u32 = 250;
    let start = bus.head(&thread(1)).await.unwrap();
    let readers: Vec<_> = (0..6u32)
        .map(|reader| {
            let (bus, start) = (bus.clone(), start.clone());
            tokio::spawn(async move {
                let mut place = start;
                let mut heard = Vec::new();
                let mut visit = reader;
                while heard.len() < (PUBLISHERS * EACH) as usize {
                    visit += 1;
                    let mut subscription = bus.subscribe(&thread(1), Some(&place)).await.unwrap();
                    assert!(!subscription.gap);
                    assert_eq!(subscription.cursor, place);
                    // Some visits end inside the replay, some a little later.
                    let mut patience = 1 + (visit * 7) % 23;
                    let mut replay = subscription.replay.into_iter();
                    while patience > 0 && heard.len() < (PUBLISHERS * EACH) as usize {
                        let frame = match replay.next() {
                            Some(frame) => frame,
                            None => next(&mut subscription.live).await.unwrap(),
                        };
                        patience -= 1;
                        assert_eq!(frame.prev, place, "the chain is whole");
                        place = frame.cursor.clone();
                        heard.push(decode(&frame).event_id);
                    }
                }
                heard
            })
        })
        .collect();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let bus = bus.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    bus.publish(event(1, publisher * EACH + n)).await.unwrap();
                    bus.publish(event(2, 10_000 + publisher * EACH + n)).await.unwrap();
                    if n % 16 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let history = ids(&bus.subscribe(&thread(1), Some(&start)).await.unwrap().replay);
    assert_eq!(history.len(), (PUBLISHERS * EACH) as usize);
    assert_eq!(history.iter().collect::<HashSet<_>>().len(), history.len());
    for reader in readers {
        assert_eq!(reader.await.unwrap(), history);
    }
}
