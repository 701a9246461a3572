//! A cluster: each thread on its node.

use crate::{
    people::{Reader, deliver, event, id, ids, instance, publish},
    server::RedisCluster,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_thread_is_heard_where_it_is_kept() {
    let cluster = RedisCluster::start();
    let (one, other) = (instance(&cluster.url()).await, instance(&cluster.nodes[2].url()).await);
    let mut readers = Vec::new();
    for of in 1..=30 {
        readers.push(Reader::of(&other, of).await);
    }
    for n in 1..=5 {
        for of in 1..=30 {
            publish(&one, event(of, of * 100 + n)).await;
        }
    }
    for (of, reader) in (1..).zip(&mut readers) {
        assert_eq!(reader.hear(5).await, ids(of * 100 + 1..=of * 100 + 5));
        assert_eq!((reader.gaps, reader.ends), (0, 0));
    }
    for node in &cluster.nodes {
        let channels = node.ask("PUBSUB SHARDCHANNELS").lines().count();
        assert!((1..30).contains(&channels), "every node has a share, none has all: {channels}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_falls_takes_only_its_own_threads() {
    let mut cluster = RedisCluster::start();
    let (one, other) = (instance(&cluster.url()).await, instance(&cluster.url()).await);
    let mut readers = Vec::new();
    for of in 1..=12 {
        deliver(&one, event(of, of * 100)).await;
        readers.push(Reader::of(&other, of).await);
    }
    cluster.nodes[0].start_again_empty();
    cluster.settle();
    // The node's threads begin anew, the others go on.
    let (mut anew, mut on) = (0, 0);
    for (of, reader) in (1..).zip(&mut readers) {
        let key = format!("EXISTS hotline:{{{}}}:log", crate::people::thread(of));
        if cluster.nodes[1..].iter().any(|node| node.ask(&key) == "1") {
            deliver(&one, event(of, of * 100 + 1)).await;
            assert_eq!(reader.next().await, id(of * 100 + 1));
            assert_eq!((reader.gaps, reader.ends), (0, 0));
            on += 1;
        } else {
            reader.end().await;
            reader.open().await;
            deliver(&one, event(of, of * 100 + 1)).await;
            assert_eq!(reader.next().await, id(of * 100 + 1));
            assert_eq!(reader.gaps, 1);
            anew += 1;
        }
    }
    assert!(anew > 0 && on > 0, "{anew} {on}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_are_followed() {
    let cluster = RedisCluster::start();
    let (one, other) = (instance(&cluster.url()).await, instance(&cluster.url()).await);
    let mut reader = Reader::of(&other, 1).await;
    let start = reader.place.clone();
    // Its slot, which holds no keys but this thread's, goes to the next node.
    let tag = format!("{{{}}}", crate::people::thread(1));
    let slot = cluster.nodes[0].ask(&format!("CLUSTER KEYSLOT {tag}"));
    let from = cluster
        .nodes
        .iter()
        .position(|node| node.ask(&format!("CLUSTER COUNTKEYSINSLOT {slot}")) == "1")
        .expect("its node");
    let (from, to) = (&cluster.nodes[from], &cluster.nodes[(from + 1) % 3]);
    let to_id = to.ask("CLUSTER MYID");
    let from_id = from.ask("CLUSTER MYID");
    assert_eq!(to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_id}")), "OK");
    assert_eq!(from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_id}")), "OK");
    let moved = from.ask(&format!("MIGRATE 127.0.0.1 {} hotline:{tag}:meta 0 5000", to.port()));
    assert_eq!(moved, "OK");
    for node in [to, from].into_iter().chain(&cluster.nodes) {
        assert_eq!(node.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_id}")), "OK");
    }
    for n in 1..=5 {
        deliver(&one, event(1, n)).await;
    }
    assert_eq!(reader.hear(5).await, ids(1..=5));
    assert_eq!((reader.gaps, reader.ends), (0, 0));
    assert!(reader.place != start);
    assert_eq!(to.ask(&format!("EXISTS hotline:{tag}:log")), "1");
}
