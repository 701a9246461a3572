//! How it is reached, in all its shapes.

use crate::server::{Kind, RedisCluster, RedisServer};
use hotline::server::redis::{Redis, RedisSettings, Script};
use std::time::Duration;

async fn works(settings: &RedisSettings) {
    let redis = Redis::connect(settings).await.unwrap();
    redis.ping().await.unwrap();
    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1]) + ARGV[2]");
    for n in 1..=20 {
        let keys = [redis.key(&format!("{{{n}}}:sum"))];
        assert_eq!(redis.eval::<i64>(&script, &keys, (n, 1)).await, Ok(n + 1));
    }
}

#[tokio::test]
async fn a_single_node() {
    works(&RedisSettings::new(RedisServer::start().url())).await;
}

#[tokio::test]
async fn behind_tls_with_a_password() {
    let server = RedisServer::of(Kind { password: "s3cret", tls: true, ..Kind::default() });
    let settings =
        RedisSettings { ca_file: Some(server.ca_file()), ..RedisSettings::new(server.url()) };
    works(&settings).await;

    let stranger = RedisSettings { ca_file: None, ..settings.clone() };
    assert!(Redis::connect(&stranger).await.is_err(), "signed by nobody we know");
    let wrong = server.url().replace("s3cret", "wr0ng");
    let settings = RedisSettings { ca_file: settings.ca_file, ..RedisSettings::new(wrong) };
    let fault = Redis::connect(&settings).await.unwrap_err().to_string();
    assert!(fault.contains("127.0.0.1"), "{fault}");
    assert!(!fault.contains("wr0ng") && !format!("{settings:?}").contains("wr0ng"), "{fault}");
}

#[tokio::test]
async fn a_cluster() {
    let cluster = RedisCluster::start();
    works(&RedisSettings::new(cluster.url())).await;
    // One node's address is enough, and it need not be the first.
    let redis = Redis::connect(&RedisSettings::new(cluster.nodes[1].url())).await.unwrap();
    assert!(redis.is_cluster());
    let dead_first = format!("redis://127.0.0.1:1,{}", cluster.nodes[2].url());
    assert!(Redis::connect(&RedisSettings::new(dead_first)).await.unwrap().is_cluster());
}

#[tokio::test]
async fn no_call_hangs_and_nothing_needs_a_restart() {
    let mut server = RedisServer::start();
    let patience = Duration::from_millis(300);
    let redis =
        Redis::connect(&RedisSettings { patience, ..RedisSettings::new(server.url()) }).await;
    let redis = redis.unwrap();
    redis.ping().await.unwrap();
    server.hold();
    assert!(redis.ping().await.is_err());
    server.go_on();
    until_it_answers(&redis).await;
    server.kill();
    assert!(redis.ping().await.is_err());
    server.start_again();
    until_it_answers(&redis).await;
}

async fn until_it_answers(redis: &Redis) {
    let again = async {
        while redis.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
}
