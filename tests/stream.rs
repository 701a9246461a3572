//! The stream over real sockets: nothing lost, nothing twice, whatever happens to the connection.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "support/live.rs"]
mod live;

use hotline::server::{bus::memory::MemoryBusSettings, stream::StreamSettings};
use live::{Portal, Setup, THREAD, chat_sent, event_id};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Waits for something that happens on its own.
async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("it happens in time");
}

#[tokio::test]
async fn an_event_reaches_the_stream() {
    let portal = Portal::start().await;
    let mut reader = portal.follow(None, None).await;
    let headers = reader.response.headers();
    assert_eq!(headers["content-type"], "text/event-stream");
    assert_eq!(headers["cache-control"], "no-store, no-transform");
    assert_eq!(headers["x-accel-buffering"], "no");
    assert!(!headers.contains_key("content-length"));
    assert!(!headers.contains_key("content-encoding"));

    let connected = reader.next().await.unwrap();
    assert!((1400..=2600).contains(&connected.retry.unwrap()));
    assert_eq!(connected.data["type"], "connected");
    assert_eq!(connected.data["threadId"], THREAD);
    assert_eq!(connected.data["gap"], false);
    assert_eq!(connected.data["heartbeatMs"], 15_000);
    assert_eq!(connected.data["cursor"], json!(connected.id));

    let taken = portal.post(&chat_sent(1, "We found\nthe cause. \u{1F389}")).await;
    assert_eq!(taken, (200, json!({"received": true, "outcome": "published"})));
    let event = reader.expect("webhook").await;
    assert_eq!(event.data["eventType"], "thread.chat_sent");
    assert_eq!(event.data["eventId"], event_id(1));
    assert_eq!(event.data["prev"], connected.data["cursor"]);
    assert_eq!(event.data["entry"]["text"], "We found\nthe cause. \u{1F389}");
    assert_eq!(
        event.data["entry"]["author"],
        json!({"name": "Ines", "role": "agent", "me": false})
    );
    assert_eq!(event.data["at"], "2026-05-04T09:12:03.410Z");
    assert_ne!(event.id, connected.id);
}

#[tokio::test]
async fn three_missed_events_come_once_and_in_order() {
    let portal = Portal::start().await;
    let mut reader = portal.follow(None, None).await;
    let first_url_cursor = reader.next().await.unwrap().id.unwrap();
    portal.post(&chat_sent(1, "seen")).await;
    let seen = reader.expect("webhook").await.id.unwrap();
    drop(reader);
    until(|| portal.streams.open_streams() == 0).await;
    for n in 2..=4 {
        portal.post(&chat_sent(n, "missed")).await;
    }
    // A browser reconnects with the first URL and the newest id: the header wins.
    let mut reader = portal.follow(Some(&first_url_cursor), Some(&seen)).await;
    let connected = reader.next().await.unwrap();
    assert_eq!(connected.data["gap"], false);
    assert_eq!(connected.id.as_deref(), Some(seen.as_str()), "not ahead of the replay");
    let mut prev = seen;
    for n in 2..=4 {
        let event = reader.expect("webhook").await;
        assert_eq!(event.data["eventId"], event_id(n));
        assert_eq!(event.data["prev"], prev);
        prev = event.id.unwrap();
    }
    portal.post(&chat_sent(5, "live again")).await;
    let event = reader.expect("webhook").await;
    assert_eq!(event.data["eventId"], event_id(5));
    assert_eq!(event.data["prev"], prev);
    // The query's cursor serves where there is no header: all five.
    let mut reader = portal.follow(Some(&first_url_cursor), None).await;
    reader.expect("connected").await;
    for n in 1..=5 {
        assert_eq!(reader.expect("webhook").await.data["eventId"], event_id(n));
    }
}

#[tokio::test]
async fn what_cannot_be_proven_is_a_gap() {
    let bus = MemoryBusSettings { history_per_thread: 2, ..Default::default() };
    let portal = Portal::with(Setup { bus, ..Default::default() }).await;
    let start = portal.follow(None, None).await.next().await.unwrap().id.unwrap();
    for n in 1..=3 {
        portal.post(&chat_sent(n, "x")).await;
    }
    let other_epoch = Portal::start().await.follow(None, None).await.next().await.unwrap();
    for place in [start, other_epoch.id.unwrap(), "garbage".into(), "%00%0aid:1".into()] {
        let mut reader = portal.follow(Some(&place), None).await;
        let connected = reader.next().await.unwrap();
        assert_eq!(connected.data["gap"], true, "{place}");
        portal.post(&chat_sent(100, "after the gap")).await;
        drop(reader);
    }
    let mut reader = portal.follow(None, Some("no cursor at all")).await;
    let connected = reader.next().await.unwrap();
    assert_eq!(connected.data["gap"], true);
    portal.post(&chat_sent(101, "goes on")).await;
    let event = reader.expect("webhook").await;
    assert_eq!(event.data["eventId"], event_id(101), "no replay after a gap");
    assert_eq!(event.data["prev"], json!(connected.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_that_come_and_go_miss_nothing() {
    const EVENTS: u32 = 300;
    let bus = MemoryBusSettings {
        history_per_thread: 1000,
        bytes_per_thread: usize::MAX,
        ..Default::default()
    };
    let portal = Arc::new(Portal::with(Setup { bus, ..Default::default() }).await);
    let start = portal.follow(None, None).await.next().await.unwrap().id.unwrap();
    let readers: Vec<_> = (0..4usize)
        .map(|reader| {
            let (portal, mut place) = (portal.clone(), start.clone());
            tokio::spawn(async move {
                let mut heard = Vec::new();
                let mut visit = reader;
                while heard.len() < EVENTS as usize {
                    visit += 1;
                    let mut stream = portal.follow(None, Some(&place)).await;
                    let connected = stream.next().await.unwrap();
                    assert_eq!(connected.data["gap"], false);
                    assert_eq!(connected.id.as_ref(), Some(&place));
                    for _ in 0..1 + visit * 5 % 17 {
                        if heard.len() == EVENTS as usize {
                            break;
                        }
                        let event = stream.expect("webhook").await;
                        assert_eq!(event.data["prev"], place, "the chain is whole");
                        heard.push(event.data["eventId"].as_str().unwrap().to_owned());
                        place = event.id.unwrap();
                    }
                }
                heard
            })
        })
        .collect();
    let publishers: Vec<_> = (0..3)
        .map(|publisher| {
            let portal = portal.clone();
            tokio::spawn(async move {
                for n in 0..EVENTS / 3 {
                    let body = chat_sent(publisher * (EVENTS / 3) + n, "x");
                    assert_eq!(portal.post(&body).await.0, 200);
                    // Plain may deliver twice.
                    assert_eq!(portal.post(&body).await.1["outcome"], "duplicate");
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let mut orders = Vec::new();
    for reader in readers {
        orders.push(reader.await.unwrap());
    }
    let mut sorted = orders[0].clone();
    sorted.sort();
    assert_eq!(sorted, (0..EVENTS).map(event_id).collect::<Vec<_>>());
    assert!(orders.iter().all(|order| *order == orders[0]), "all heard the same order");
}

#[tokio::test]
async fn silence_is_filled_with_heartbeats() {
    let stream = StreamSettings { heartbeat: Duration::from_millis(40), ..Default::default() };
    let portal = Portal::with(Setup { stream, ..Default::default() }).await;
    let mut reader = portal.follow(None, None).await;
    assert_eq!(reader.next().await.unwrap().data["heartbeatMs"], 40);
    for _ in 0..3 {
        let beat = reader.next().await.unwrap();
        assert_eq!(beat.data, json!({"type": "heartbeat", "now": "2026-05-04T09:12:04.000Z"}));
        assert_eq!(beat.id, None, "a heartbeat moves no cursor");
    }
}

#[tokio::test]
async fn a_life_is_limited_and_nothing_is_lost_at_its_end() {
    let stream = StreamSettings { lifetime: Duration::from_millis(50), ..Default::default() };
    let portal = Portal::with(Setup { stream, ..Default::default() }).await;
    let mut reader = portal.follow(None, None).await;
    let cursor = reader.next().await.unwrap().id.unwrap();
    let bye = reader.expect("bye").await;
    assert_eq!(bye.data["reason"], "lifetime");
    assert!(bye.data["afterMs"].as_u64().unwrap() <= 1000);
    assert!(reader.next().await.is_none());
    portal.post(&chat_sent(1, "between two lives")).await;
    let mut reader = portal.follow(None, Some(&cursor)).await;
    assert_eq!(reader.next().await.unwrap().data["gap"], false);
    assert_eq!(reader.expect("webhook").await.data["eventId"], event_id(1));
}

#[tokio::test]
async fn a_drain_says_goodbye_and_the_server_ends() {
    let stream = StreamSettings {
        drain_spread: Duration::from_millis(200),
        return_spread: Duration::from_millis(1000),
        ..Default::default()
    };
    let portal = Portal::with(Setup { stream, ..Default::default() }).await;
    let mut readers = Vec::new();
    for _ in 0..10 {
        let mut reader = portal.follow(None, None).await;
        reader.next().await.unwrap();
        readers.push(reader);
    }
    assert_eq!(portal.streams.open_streams(), 10);
    portal.shutdown.begin();
    let mut delays = Vec::new();
    for mut reader in readers {
        let bye = reader.expect("bye").await;
        assert_eq!(bye.data["reason"], "restart");
        delays.push(bye.data["afterMs"].as_u64().unwrap());
        assert!(reader.next().await.is_none());
    }
    assert!(delays.iter().all(|delay| (300..=1300).contains(delay)), "{delays:?}");
    delays.sort_unstable();
    delays.dedup();
    assert!(delays.len() > 5, "each has a delay of its own: {delays:?}");
    until(|| portal.streams.open_streams() == 0).await;
    let Portal { served, client, .. } = portal;
    drop(client);
    tokio::time::timeout(Duration::from_secs(20), served).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn streams_are_counted_and_bounded() {
    let stream = StreamSettings { max_streams: 2, ..Default::default() };
    let portal = Portal::with(Setup { stream, ..Default::default() }).await;
    let first = portal.follow(None, None).await;
    let _second = portal.follow(None, None).await;
    let url = portal.url(&format!("/api/support/stream?threadId={THREAD}"));
    let refused = portal.client.get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["code"], "unavailable");
    drop(first);
    until(|| portal.streams.open_streams() == 1).await;
    portal.follow(None, None).await;
}

#[tokio::test]
async fn only_reading_and_only_threads() {
    let portal = Portal::start().await;
    let url = portal.url(&format!("/api/support/stream?threadId={THREAD}"));
    assert_eq!(portal.client.post(&url).send().await.unwrap().status(), 405);
    let head = portal.client.head(&url).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    until(|| portal.streams.open_streams() == 0).await;
    let bad = portal.url("/api/support/stream?threadId=th_nothing");
    assert_eq!(portal.client.get(&bad).send().await.unwrap().status(), 404);
    let elsewhere = portal.url("/api/support/streams");
    assert_eq!(portal.client.get(&elsewhere).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_reading_holds_nobody_up() {
    let bus = MemoryBusSettings { history_per_thread: 8, ..Default::default() };
    let portal = Arc::new(Portal::with(Setup { bus, ..Default::default() }).await);
    let stuck = portal.follow(None, None).await;
    let mut quick = portal.follow(None, None).await;
    quick.expect("connected").await;
    // Far more than all buffers between the two hold: 600 events of 40 KB.
    let text = "x".repeat(40_000);
    let done = Arc::new(AtomicBool::new(false));
    let publishing = {
        let (portal, done, text) = (portal.clone(), done.clone(), text.clone());
        tokio::spawn(async move {
            for n in 0..600 {
                assert_eq!(portal.post(&chat_sent(n, &text)).await.0, 200);
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    let mut heard = 0;
    while heard < 600 {
        // The quick one may itself fall behind a ring of eight; it comes back like any browser.
        match quick.next().await {
            Some(frame) if frame.data["type"] == "webhook" => heard += 1,
            Some(_) => {}
            None => break,
        }
        if done.load(Ordering::SeqCst) && heard >= 8 {
            break;
        }
    }
    publishing.await.unwrap();
    assert!(heard > 0);
    // Once it reads again, the stuck one gets what was in flight, and then its end, not a hole in silence.
    let mut stuck = stuck;
    let mut prev = stuck.next().await.unwrap().id.unwrap();
    let mut late = 0;
    // Who did not read for very long is cut off in the middle of a word.
    while let Ok(Some(frame)) = stuck.try_next().await {
        if frame.data["type"] == "webhook" {
            assert_eq!(frame.data["prev"], prev);
            prev = frame.id.unwrap();
            late += 1;
        }
    }
    assert!(late < 600, "it was cut off");
}
