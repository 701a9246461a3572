//! Resuming: the bus against a model that keeps everything.

use axum::http::{HeaderMap, HeaderValue};
use futures::{StreamExt, future::FutureExt};
use hotline::{
    domain::{
        ids::{Cursor, EventId, ThreadId},
        time::At,
    },
    server::{
        bus::{
            EventBus, LiveFrame, NewEvent, Published,
            memory::{MemoryBus, MemoryBusSettings},
        },
        clock::FixedClock,
        shutdown::Shutdown,
        stream::{StreamContext, StreamQuery, StreamSettings, Wanted, open},
    },
};
use std::{collections::HashSet, sync::Arc};

/// How many threads there are; the bus remembers fewer.
const THREADS: u8 = 5;

/// Reads the script byte by byte.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// Up to this many bytes.
    fn bytes(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// What was published: number, thread, place.
type History = Vec<(u64, u8, Cursor)>;

/// Runs a script of publications and subscriptions.
pub fn resume(script: &[u8]) {
    crate::block_on(act(Script(script)));
}

async fn act(mut script: Script<'_>) {
    let clock = Arc::new(FixedClock::at(1_777_885_924_000));
    let settings = MemoryBusSettings {
        history_per_thread: 4,
        bytes_per_thread: 2048,
        max_threads: 3,
        max_bytes: 4096,
        dedupe_capacity: 8,
        ..MemoryBusSettings::default()
    };
    let bus = Arc::new(MemoryBus::new(settings, clock.clone()));
    let streams =
        StreamContext::new(bus.clone(), Shutdown::new(), clock.clone(), StreamSettings::default());
    let mut history = History::new();
    while let Some(step) = script.byte() {
        let Some(choice) = script.byte() else { break };
        let number = choice % THREADS;
        let thread = thread(number);
        match step % 4 {
            // Mostly publications, so that rings and threads overflow.
            0 | 1 => publish(&*bus, &mut history, number, script.byte().unwrap_or_default()).await,
            2 => {
                let text = place(&mut script, &history, &*bus, &thread).await;
                follow(&*bus, &history, number, &text).await;
            }
            _ => {
                let bytes = script.bytes(usize::from(choice % 80));
                header(&streams, thread, bytes).await;
            }
        }
    }
}

fn thread(number: u8) -> ThreadId {
    ThreadId::parse(format!("th_{number:026}")).expect("an id")
}

async fn publish(bus: &MemoryBus, history: &mut History, number: u8, key: u8) {
    let event = NewEvent {
        seen: None,
        thread_id: thread(number),
        event_type: "thread.chat_sent".into(),
        // A few keys only, so that some come twice while they are remembered.
        event_id: EventId::parse(format!("pEv_{:026}", key % 32)).expect("an id"),
        at: At::from_millis(0),
        entry: None,
        status: None,
        customer: None,
    };
    if let Published::New { cursor, .. } = bus.publish(event).await.expect("it is in memory") {
        history.push((seq(&cursor), number, cursor));
    }
}

fn seq(cursor: &Cursor) -> u64 {
    cursor.as_str().rsplit_once('-').and_then(|(_, digits)| digits.parse().ok()).expect("a number")
}

/// A place as a client may name it: one that was given out, one of the same epoch, or any text.
async fn place(
    script: &mut Script<'_>,
    history: &History,
    bus: &MemoryBus,
    thread: &ThreadId,
) -> String {
    let how = script.byte().unwrap_or_default();
    let head = bus.head(thread).await.expect("it is in memory");
    let epoch = head.as_str().rsplit_once('-').expect("an epoch").0.to_owned();
    match how % 4 {
        0 if !history.is_empty() => {
            let at = usize::from(script.byte().unwrap_or_default()) % history.len();
            history[at].2.to_string()
        }
        1 => format!("{epoch}-{}", script.byte().unwrap_or_default()),
        2 => format!("{epoch}-{}", String::from_utf8_lossy(script.bytes(24))),
        _ => String::from_utf8_lossy(script.bytes(70)).into_owned(),
    }
}

async fn follow(bus: &MemoryBus, history: &History, number: u8, text: &str) {
    let Ok(wanted) = Cursor::parse(text) else {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        assert!(!(1..=64).contains(&text.len()) || !text.bytes().all(fits), "a cursor was refused");
        return;
    };
    let head = bus.head(&thread(number)).await.expect("it is in memory");
    let epoch = head.as_str().rsplit_once('-').expect("an epoch").0;
    let last = history.last().map_or(0, |(seq, ..)| *seq);
    let known = wanted
        .as_str()
        .strip_prefix(epoch)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|digits| digits.parse::<u64>().ok().filter(|seq| seq.to_string() == digits))
        .filter(|seq| *seq <= last);
    let mut subscription =
        bus.subscribe(&thread(number), Some(&wanted)).await.expect("it is in memory");
    let replayed: Vec<u64> = subscription.replay.iter().map(|frame| seq(&frame.cursor)).collect();
    let Some(after) = known else {
        assert!(subscription.gap && replayed.is_empty(), "{wanted} was never given out");
        return;
    };
    assert!(replayed.iter().all(|seq| *seq > after), "{wanted}: {replayed:?} is not after it");
    assert_eq!(replayed.iter().collect::<HashSet<_>>().len(), replayed.len(), "replayed twice");
    if subscription.gap {
        assert!(replayed.is_empty(), "a gap comes without a replay");
        return;
    }
    let missed: Vec<u64> = history
        .iter()
        .filter(|(seq, of, _)| *of == number && *seq > after)
        .map(|(seq, ..)| *seq)
        .collect();
    assert_eq!(replayed, missed, "{wanted}: no gap was declared");
    let mut prev = subscription.cursor.clone();
    for frame in &subscription.replay {
        chained(&prev, frame);
        prev = frame.cursor.clone();
    }
    assert!(subscription.live.next().now_or_never().is_none(), "nothing happened since");
}

fn chained(prev: &Cursor, frame: &LiveFrame) {
    assert_eq!(frame.prev, *prev, "a hole before {}", frame.cursor);
}

/// The stream route with these bytes as `Last-Event-ID`: it must greet, whatever they are.
async fn header(streams: &StreamContext, thread: ThreadId, bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        headers.insert("last-event-id", value);
    }
    let query = format!("threadId={thread}&after={}", String::from_utf8_lossy(bytes));
    let mut asked = StreamQuery::read(&query, &headers).threads;
    // What else is in the query may name further threads; who may follow them is not the question here.
    let (_, place) = asked.swap_remove(0);
    let response = open(streams, None, Wanted::one(thread, place)).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body().into_data_stream();
    let first = body.next().await.expect("a first frame").expect("no error");
    let text = std::str::from_utf8(&first).expect("UTF-8");
    assert!(text.contains("\"type\":\"connected\""), "{text}");
    drop(body);
    assert_eq!(streams.open_streams(), 0);
}
