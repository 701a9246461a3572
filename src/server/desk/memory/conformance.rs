//! What every memory must do. An engine passes by running [`conforms`] over two handles of the same fresh memory, as two
//! instances would have them.

use super::{LocalMemory, Memory, doubled::Doubled, redis::RedisMemory};
use crate::{
    domain::ids::ThreadId,
    server::redis::{
        Redis, RedisSettings,
        testing::{RedisCluster, RedisServer},
    },
};
use std::{sync::Arc, time::Duration};

const LEASE: Duration = Duration::from_secs(60);

fn thread(n: u32) -> ThreadId {
    ThreadId::parse(format!("th_{n:026}")).unwrap()
}

pub(super) async fn conforms(one: Arc<dyn Memory>, two: Arc<dyn Memory>) {
    what_one_keeps_the_other_recalls(&*one, &*two).await;
    a_thread_is_forgotten_whole_and_alone(&*one, &*two).await;
    a_key_has_one_owner(&*one, &*two).await;
    a_lease_ends_by_itself(&*one, &*two).await;
    of_many_who_claim_at_once_one_gets_it(one, two).await;
}

async fn what_one_keeps_the_other_recalls(one: &dyn Memory, two: &dyn Memory) {
    assert_eq!(one.recall("k").await.unwrap(), None);
    one.keep("k", &thread(1), "begun".into()).await.unwrap();
    assert_eq!(two.recall("k").await.unwrap().as_deref(), Some("begun"));
    two.keep("k", &thread(1), "done: {\"ä\": \"\\n\"}".into()).await.unwrap();
    for memory in [one, two] {
        assert_eq!(memory.recall("k").await.unwrap().as_deref(), Some("done: {\"ä\": \"\\n\"}"));
        assert_eq!(memory.recall("K").await.unwrap(), None);
    }
}

async fn a_thread_is_forgotten_whole_and_alone(one: &dyn Memory, two: &dyn Memory) {
    for (key, n) in [("a", 1), ("b", 1), ("c", 2)] {
        one.keep(key, &thread(n), key.to_uppercase()).await.unwrap();
    }
    two.forget(&thread(1)).await.unwrap();
    two.forget(&thread(3)).await.unwrap();
    for key in ["k", "a", "b"] {
        assert_eq!(two.recall(key).await.unwrap(), None, "{key}");
    }
    assert_eq!(one.recall("c").await.unwrap().as_deref(), Some("C"));
    // What is kept afterwards is kept.
    one.keep("a", &thread(1), "again".into()).await.unwrap();
    assert_eq!(two.recall("a").await.unwrap().as_deref(), Some("again"));
}

async fn a_key_has_one_owner(one: &dyn Memory, two: &dyn Memory) {
    assert!(one.claim("x", "t1", LEASE).await.unwrap());
    assert!(!two.claim("x", "t2", LEASE).await.unwrap());
    assert!(two.claim("y", "t2", LEASE).await.unwrap());
    assert!(one.claim("x", "t1", LEASE).await.unwrap(), "its owner renews it");
    // Nobody gives back what is not theirs.
    two.release("x", "t2").await.unwrap();
    assert!(!two.claim("x", "t2", LEASE).await.unwrap());
    one.release("x", "t1").await.unwrap();
    assert!(two.claim("x", "t2", LEASE).await.unwrap());
    // A claim is no memory.
    assert_eq!(one.recall("x").await.unwrap(), None);
}

async fn a_lease_ends_by_itself(one: &dyn Memory, two: &dyn Memory) {
    let short = Duration::from_millis(50);
    assert!(one.claim("z", "t1", short).await.unwrap());
    while !two.claim("z", "t2", LEASE).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!one.claim("z", "t1", LEASE).await.unwrap(), "it is another's now");
    one.release("z", "t1").await.unwrap();
    assert!(!one.claim("z", "t1", LEASE).await.unwrap());
}

async fn of_many_who_claim_at_once_one_gets_it(one: Arc<dyn Memory>, two: Arc<dyn Memory>) {
    let claims = (0..40).map(|n| {
        let memory = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move { memory.claim("w", &format!("t{n}"), LEASE).await.unwrap() })
    });
    let won = futures::future::join_all(claims).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
}

#[tokio::test]
async fn local() {
    let memory = Arc::new(LocalMemory::new(LEASE));
    conforms(memory.clone(), memory).await;
}

#[tokio::test]
async fn doubled() {
    let far: Arc<dyn Memory> = Arc::new(LocalMemory::new(LEASE));
    let double = || Arc::new(Doubled::new(far.clone(), LEASE));
    conforms(double(), double()).await;
}

async fn redis(url: String) -> Arc<dyn Memory> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Arc::new(RedisMemory::new(Redis::connect(&RedisSettings::new(url)).await.unwrap(), LEASE))
}

#[tokio::test]
async fn redis_on_one_node() {
    let server = RedisServer::start();
    conforms(redis(server.url()).await, redis(server.url()).await).await;
    // Everything goes away by itself.
    for key in server.ask("KEYS *").lines() {
        assert!(key.starts_with("hotline:"), "{key}");
        assert!(server.ask(&format!("PTTL {key}")).parse::<i64>().unwrap() > 0, "{key}");
    }
}

#[tokio::test]
async fn redis_in_a_cluster() {
    let cluster = RedisCluster::start();
    conforms(redis(cluster.url()).await, redis(cluster.url()).await).await;
}

#[tokio::test]
async fn redis_doubled() {
    let server = RedisServer::start();
    let double = async || Arc::new(Doubled::new(redis(server.url()).await, LEASE));
    conforms(double().await, double().await).await;
}

#[tokio::test]
async fn a_redis_that_is_down_is_an_error_and_not_forgotten() {
    let mut server = RedisServer::start();
    let memory = redis(server.url()).await;
    memory.keep("a", &thread(1), "A".into()).await.unwrap();
    server.kill();
    assert!(memory.recall("a").await.is_err());
    assert!(memory.keep("a", &thread(1), "B".into()).await.is_err());
    assert!(memory.claim("a", "t", LEASE).await.is_err());
    assert!(memory.forget(&thread(1)).await.is_err());
    server.start_again();
    // As soon as it answers again, so does this, without anything being restarted.
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while memory.recall("a").await.is_err() {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
