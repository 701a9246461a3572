//! Redis fails: nothing that was taken is lost, and what Redis itself lost is told.

use crate::{
    people::{
        PATIENCE, Reader, connect, deliver, event, id, ids, instance, lose_the_last, publish,
        thread, with,
    },
    server::{Kind, RedisServer},
};
use hotline::server::bus::{EventBus, redis::RedisBusSettings};
use std::{future::Future, time::Duration};

async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it happens in the end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_are_made_up_for() {
    let server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    let mut here = Reader::of(&one, 1).await;
    let mut there = Reader::of(&other, 1).await;
    for n in 1..=30 {
        if n % 3 == 0 {
            server.ask("CLIENT KILL TYPE pubsub");
        }
        if n % 7 == 0 {
            server.ask("CLIENT KILL TYPE normal");
        }
        deliver(&one, event(1, n)).await;
    }
    assert_eq!(here.hear(30).await, ids(1..=30));
    assert_eq!(there.hear(30).await, ids(1..=30));
    assert_eq!((here.gaps, there.gaps), (0, 0));
    assert_eq!((here.ends, there.ends), (0, 0), "a short absence ends no stream");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_for_some_seconds() {
    let server = RedisServer::start();
    let settings = RedisBusSettings { grace: Duration::from_secs(1), ..Default::default() };
    let one = with(&server.url(), settings.clone()).await;
    let other = with(&server.url(), settings).await;
    let mut here = Reader::of(&one, 1).await;
    let mut there = Reader::of(&other, 1).await;
    deliver(&one, event(1, 1)).await;
    assert_eq!(here.next().await, id(1));
    assert_eq!(there.next().await, id(1));
    server.hold();
    let held = {
        let one = one.clone();
        tokio::spawn(async move { deliver(&one, event(1, 2)).await })
    };
    // Nobody waits for ever: the streams end, so that browsers know.
    here.end().await;
    there.end().await;
    assert!(one.health().await.is_err());
    assert!(one.subscribe(&thread(1), None).await.is_err());
    assert!(one.head(&thread(1)).await.is_err());
    server.go_on();
    assert!(held.await.unwrap(), "it was refused, and taken later");
    for n in 3..=5 {
        deliver(&other, event(1, n)).await;
    }
    assert_eq!(here.hear(4).await, ids(2..=5));
    assert_eq!(there.hear(4).await, ids(2..=5));
    assert_eq!((here.gaps, there.gaps), (0, 0));
    until(|| async { one.health().await.is_ok() && other.health().await.is_ok() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_back_with_its_data() {
    let mut server = RedisServer::of(Kind { durable: true, ..Kind::default() });
    let settings = RedisBusSettings { grace: Duration::from_millis(300), ..Default::default() };
    let one = with(&server.url(), settings.clone()).await;
    let other = with(&server.url(), settings).await;
    let mut here = Reader::of(&one, 1).await;
    let mut there = Reader::of(&other, 1).await;
    for round in 0..3 {
        let first = 1 + round * 10;
        for n in first..first + 5 {
            deliver(&one, event(1, n)).await;
        }
        server.kill();
        assert!(one.publish(event(1, first + 5)).await.is_err());
        let deliveries = {
            let (one, other) = (one.clone(), other.clone());
            tokio::spawn(async move {
                for n in first + 5..first + 10 {
                    deliver(if n % 2 == 0 { &one } else { &other }, event(1, n)).await;
                }
            })
        };
        server.start_again();
        deliveries.await.unwrap();
        assert_eq!(here.hear(10).await, ids(first..first + 10));
        assert_eq!(there.hear(10).await, ids(first..first + 10));
    }
    assert_eq!((here.gaps, there.gaps), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_emptied() {
    let mut server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    let mut there = Reader::of(&other, 1).await;
    for n in 1..=3 {
        deliver(&one, event(1, n)).await;
    }
    assert_eq!(there.hear(3).await, ids(1..=3));
    let old = there.place.clone();
    server.start_again_empty();
    // Even though its connection is soon back: what it knew is worth nothing.
    there.end().await;
    there.open().await;
    assert_eq!(there.gaps, 1);
    for n in 4..=7 {
        deliver(&one, event(1, n)).await;
    }
    assert_eq!(there.hear(4).await, ids(4..=7));
    // The old place's number is reached again; it is not taken for a place of this history.
    assert!(one.subscribe(&thread(1), Some(&old)).await.unwrap().gap);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lagged_takes_over() {
    let server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    let redis = connect(&server.url()).await;
    let mut there = Reader::of(&other, 1).await;
    let mut places = Vec::new();
    for n in 1..=5 {
        places.push(publish(&one, event(1, n)).await);
    }
    assert_eq!(there.hear(5).await, ids(1..=5));
    lose_the_last(&redis, 1, 2).await;
    // Before anything new: the place is ahead of the history.
    let fresh = instance(&server.url()).await;
    assert!(fresh.subscribe(&thread(1), places.last()).await.unwrap().gap);
    assert!(!fresh.subscribe(&thread(1), places.get(2)).await.unwrap().gap);
    // The numbers are given out again, to other events.
    publish(&one, event(1, 6)).await;
    there.end().await;
    for n in 7..=8 {
        publish(&one, event(1, n)).await;
    }
    for bus in [&one, &other, &fresh] {
        for lost in &places[3..] {
            assert!(bus.subscribe(&thread(1), Some(lost)).await.unwrap().gap, "{lost}");
        }
        let kept = bus.subscribe(&thread(1), places.get(2)).await.unwrap();
        assert!(!kept.gap);
        assert_eq!(kept.replay.len(), 3);
    }
    there.open().await;
    assert_eq!(there.gaps, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lagged_takes_over_in_silence() {
    let server = RedisServer::start();
    let (one, other) = (instance(&server.url()).await, instance(&server.url()).await);
    let redis = connect(&server.url()).await;
    let mut there = Reader::of(&other, 1).await;
    for n in 1..=5 {
        publish(&one, event(1, n)).await;
    }
    assert_eq!(there.hear(5).await, ids(1..=5));
    lose_the_last(&redis, 1, 2).await;
    // All that is seen of it is that the connection was lost.
    server.ask("CLIENT KILL TYPE pubsub");
    there.end().await;
    there.open().await;
    assert_eq!(there.gaps, 1);
    publish(&one, event(1, 6)).await;
    assert_eq!(there.next().await, id(6));
}
