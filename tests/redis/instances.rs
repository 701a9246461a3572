//! Two instances, one Redis, nothing fails.

use crate::{
    people::{
        PATIENCE, Reader, connect, deliver, event, id, ids, instance, publish, publish_unheard,
        thread, with,
    },
    server::RedisServer,
};
use hotline::{
    domain::{ids::CustomerId, live::StreamEvent},
    server::bus::{EventBus, NewEvent, Published, redis::RedisBusSettings, replay::Told},
};
use std::{future::poll_fn, sync::Arc, time::Duration};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_is_told_all_tell() {
    let server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    let mut here = Reader::of(&one, 1).await;
    let mut there = Reader::of(&other, 1).await;
    let start = there.place.clone();
    assert_eq!(here.place, start, "one sequence of places");
    for n in 1..=50 {
        publish(if n % 2 == 0 { &one } else { &other }, event(1, n)).await;
    }
    assert_eq!(here.hear(50).await, ids(1..=50));
    assert_eq!(there.hear(50).await, ids(1..=50));
    assert_eq!(here.place, there.place);
    assert_eq!(one.head(&thread(1)).await.unwrap(), there.place);
    // Whoever comes back comes to any of them.
    for bus in [&one, &other] {
        let mut late = Reader::of(bus, 1).await;
        late.place = start.clone();
        late.open().await;
        assert_eq!(late.hear(50).await, ids(1..=50));
        assert_eq!(late.gaps, 0);
    }
    assert_eq!((here.ends, there.ends), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_to_all_of_them_is_one_event() {
    let server = RedisServer::start();
    let buses = [instance(&server.url()).await, instance(&server.url()).await];
    let mut here = Reader::of(&buses[0], 1).await;
    let mut there = Reader::of(&buses[1], 1).await;
    for n in 1..=20 {
        let start = Arc::new(tokio::sync::Barrier::new(10));
        let deliveries = (0..10).map(|at| {
            let (bus, start) = (buses[at % 2].clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                bus.publish(event(1, n)).await.unwrap()
            })
        });
        let mut new = 0;
        for delivery in deliveries.collect::<Vec<_>>() {
            new += usize::from(matches!(delivery.await.unwrap(), Published::New { .. }));
        }
        assert_eq!(new, 1, "event {n}");
    }
    publish(&buses[0], event(1, 21)).await;
    assert_eq!(here.hear(21).await, ids(1..=21));
    assert_eq!(there.hear(21).await, ids(1..=21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_did_not_come_is_read() {
    let server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    let redis = connect(&server.url()).await;
    let mut here = Reader::of(&one, 1).await;
    let mut there = Reader::of(&other, 1).await;
    publish(&one, event(1, 1)).await;
    for n in [2, 3] {
        publish_unheard(&redis, 1, n).await;
    }
    publish(&one, event(1, 4)).await;
    assert_eq!(here.hear(4).await, ids(1..=4));
    assert_eq!(there.hear(4).await, ids(1..=4));
    assert_eq!((here.ends, there.ends), (0, 0), "without the streams noticing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_there_is_there_for_all() {
    let server = RedisServer::start();
    let settings = || RedisBusSettings { linger: Duration::from_millis(50), ..Default::default() };
    let here = with(&server.url(), settings()).await;
    let there = with(&server.url(), settings()).await;
    assert_eq!(here.audience(&thread(1)).await.unwrap(), 0);
    let visitor = there.subscribe(&thread(1), None).await.unwrap();
    assert_eq!(there.audience(&thread(1)).await.unwrap(), 1);
    assert!(here.audience(&thread(1)).await.unwrap() > 0);
    assert_eq!(here.audience(&thread(2)).await.unwrap(), 0);
    drop(visitor);
    let gone = async {
        while here.audience(&thread(1)).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("nobody is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_types_at_one_is_shown_at_all() {
    let server = RedisServer::start();
    let (here, there) = (instance(&server.url()).await, instance(&server.url()).await);
    let mut streams = Vec::new();
    for bus in [&here, &there] {
        streams.push(bus.subscribe(&thread(1), None).await.unwrap());
    }
    let mut other = there.subscribe(&thread(2), None).await.unwrap();
    let types =
        |name: &str| StreamEvent::Typing { thread_id: thread(1), name: name.into(), for_ms: 5000 };
    for (bus, name) in [(&here, "Ines"), (&there, "Robin")] {
        bus.whisper(&thread(1), &types(name)).await.unwrap();
        for stream in &mut streams {
            let told = poll_fn(|cx| stream.live.poll_told(cx));
            let told = tokio::time::timeout(PATIENCE, told).await.expect("somebody types");
            let Some(Told::Whisper(frame)) = told else { panic!("not a whisper: {told:?}") };
            assert!(std::str::from_utf8(&frame).unwrap().contains(name), "{frame:?}");
        }
    }
    publish(&here, event(2, 1)).await;
    let told = poll_fn(|cx| other.live.poll_told(cx)).await;
    assert!(matches!(told, Some(Told::Frame(_))), "nobody types there: {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_ahead_of_an_instance_is_told_of_no_gap() {
    let server = RedisServer::start();
    let (a, redis) = (instance(&server.url()).await, connect(&server.url()).await);
    // Somebody follows here, so that the channel is heard; but of this event it says nothing.
    let mut reader = Reader::of(&a, 1).await;
    publish(&a, event(1, 1)).await;
    assert_eq!(reader.next().await, id(1));
    publish_unheard(&redis, 1, 2).await;
    let ahead = a.head(&thread(1)).await.unwrap();
    let late = a.subscribe(&thread(1), Some(&ahead)).await.unwrap();
    assert!(!late.gap && late.replay.is_empty());
    assert_eq!(late.cursor, ahead);
    assert_eq!(reader.next().await, id(2), "and others hear by it what they missed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_that_cannot_be_filled_is_told() {
    let server = RedisServer::start();
    let settings = RedisBusSettings { history_per_thread: 4, ..RedisBusSettings::default() };
    let one = with(&server.url(), settings.clone()).await;
    let other = with(&server.url(), settings).await;
    let redis = connect(&server.url()).await;
    let mut there = Reader::of(&other, 1).await;
    publish(&one, event(1, 1)).await;
    assert_eq!(there.hear(1).await, ids([1]));
    for n in 2..=6 {
        publish_unheard(&redis, 1, n).await;
    }
    // Keeps four: 4, 5, 6, 7. Nobody can tell of 2 and 3 any more.
    publish(&one, event(1, 7)).await;
    there.end().await;
    there.open().await;
    assert_eq!(there.gaps, 1);
    publish(&one, event(1, 8)).await;
    assert_eq!(there.next().await, id(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_customer_is_gone_everywhere() {
    let server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    let customer = CustomerId::parse(format!("c_{:026}", 1)).unwrap();
    let theirs = |of, n| NewEvent { customer: Some(customer.clone()), ..event(of, n) };
    publish(&one, theirs(1, 1)).await;
    assert!(other.belongs(&thread(2), &customer).await.unwrap());
    let mut first = Reader::of(&other, 1).await;
    let mut second = Reader::of(&one, 2).await;
    let mut stranger = Reader::of(&other, 3).await;

    let forgotten = one.forget(&customer).await.unwrap();
    let mut threads = forgotten.threads;
    threads.sort();
    assert_eq!(threads, [thread(1), thread(2)]);
    assert!(forgotten.first);
    for reader in [&mut first, &mut second] {
        let live = async {
            while !reader.is_removed() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), live).await.unwrap();
    }
    for bus in [&one, &other] {
        assert_eq!(bus.publish(theirs(1, 2)).await.unwrap(), Published::Removed);
        assert_eq!(bus.publish(theirs(4, 3)).await.unwrap(), Published::Removed);
        assert!(!bus.belongs(&thread(5), &customer).await.unwrap());
        for n in [1, 2, 4, 5] {
            assert!(bus.removed(&thread(n)).await.unwrap(), "{n}");
            assert!(bus.subscribe(&thread(n), None).await.unwrap().live.is_removed());
        }
        assert!(!bus.forget(&customer).await.unwrap().first);
    }
    publish(&one, event(3, 4)).await;
    assert_eq!(stranger.next().await, id(4));
    // Nothing of them is left in Redis but the marks.
    let left = server.ask("KEYS *");
    let telling = left.lines().filter(|key| key.contains(":log") || key.contains(":threads"));
    assert_eq!(telling.collect::<Vec<_>>(), [format!("hotline:{{{}}}:log", thread(3))]);
}

/// Publishing and removing at the same time: whichever comes first, nothing stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removal_wins_every_race() {
    let server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    for n in 1..=50 {
        let customer = CustomerId::parse(format!("c_{n:026}")).unwrap();
        let event = NewEvent { customer: Some(customer.clone()), ..event(n, n) };
        let (published, forgotten) =
            tokio::join!(one.publish(event), async { other.forget(&customer).await });
        published.unwrap();
        forgotten.unwrap();
        let log = format!("EXISTS hotline:{{{}}}:log", thread(n));
        assert_eq!(server.ask(&log), "0", "round {n}");
        assert!(one.removed(&thread(n)).await.unwrap() || !published_anything(&one, n).await);
    }
}

async fn published_anything(bus: &hotline::server::bus::redis::RedisBus, n: u32) -> bool {
    !bus.subscribe(&thread(n), None).await.unwrap().cursor.as_str().ends_with("-0")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_in_redis_for_ever() {
    let server = RedisServer::start();
    let bus = instance(&server.url()).await;
    let customer = CustomerId::parse(format!("c_{:026}", 1)).unwrap();
    for n in 1..=20 {
        publish(&bus, NewEvent { customer: Some(customer.clone()), ..event(n, n) }).await;
    }
    bus.head(&thread(100)).await.unwrap();
    bus.belongs(&thread(101), &customer).await.unwrap();
    bus.forget(&customer).await.unwrap();
    publish(&bus, event(102, 102)).await;
    let keys = server.ask("KEYS *");
    assert!(keys.lines().count() > 40, "{keys}");
    for key in keys.lines() {
        assert!(key.starts_with("hotline:"), "{key}");
        let left: i64 = server.ask(&format!("TTL {key}")).parse().unwrap();
        assert!(left > 0, "{key} stays");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_is_bounded_by_bytes_too() {
    let server = RedisServer::start();
    let settings = RedisBusSettings { bytes_per_thread: 1000, ..RedisBusSettings::default() };
    let bus = with(&server.url(), settings).await;
    for n in 1..=100 {
        publish(&bus, event(1, n)).await;
    }
    let log = format!("hotline:{{{}}}", thread(1));
    let length: usize = server.ask(&format!("XLEN {log}:log")).parse().unwrap();
    let bytes: usize = server.ask(&format!("HGET {log}:meta bytes")).parse().unwrap();
    assert!((1..10).contains(&length) && bytes <= 1000, "{length} events, {bytes} bytes");
}

/// A thread that nobody follows is not listened to; who comes at that very moment misses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_are_heard_only_while_somebody_follows() {
    let server = RedisServer::start();
    let linger = Duration::from_millis(40);
    let settings = RedisBusSettings { linger, ..RedisBusSettings::default() };
    let listening = with(&server.url(), settings).await;
    let telling = instance(&server.url()).await;
    let mut place = telling.head(&thread(1)).await.unwrap();
    for n in 1..=40 {
        let mut reader = Reader::of(&listening, 1).await;
        reader.place = place;
        reader.open().await;
        deliver(&telling, event(1, n)).await;
        assert_eq!(reader.next().await, id(n));
        assert_eq!(reader.gaps, 0);
        place = reader.place.clone();
        drop(reader);
        // Around the time at which it is given up.
        tokio::time::sleep(Duration::from_millis(u64::from(30 + n % 20))).await;
    }
    let silent = async {
        while !server.ask("PUBSUB SHARDCHANNELS").is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), silent).await.expect("nobody listens");
}
