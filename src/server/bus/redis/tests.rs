//! The suite that every engine passes, over a real Redis in each of its shapes.

use super::{
    super::conformance::{self, Tuning},
    *,
};
use crate::server::redis::{
    RedisSettings,
    testing::{Kind, RedisCluster, RedisServer},
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bus of its own in a shared Redis: by the prefix.
async fn bus(at: &RedisSettings, number: usize, tuning: Tuning) -> Arc<dyn EventBus> {
    let at = RedisSettings {
        prefix: format!("hotline-{number}:"),
        // The machine may be busy.
        patience: Duration::from_secs(20),
        ..at.clone()
    };
    let settings = RedisBusSettings {
        history_per_thread: tuning.history,
        bytes_per_thread: usize::MAX,
        dedupe_ttl: tuning.dedupe_ttl,
        ..RedisBusSettings::default()
    };
    let redis = Redis::connect(&at).await.unwrap();
    Arc::new(RedisBus::start(redis, settings, tuning.clock).await.unwrap())
}

async fn suite(at: RedisSettings) {
    let number = AtomicUsize::new(0);
    conformance::all(|tuning| bus(&at, number.fetch_add(1, Ordering::Relaxed), tuning)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms_on_a_single_node() {
    let server = RedisServer::start();
    suite(RedisSettings::new(server.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms_on_a_cluster() {
    let cluster = RedisCluster::start();
    suite(RedisSettings::new(cluster.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn conforms_behind_tls_and_a_password() {
    let server = RedisServer::of(Kind { password: "s3cret", tls: true, ..Kind::default() });
    let ca_file = Some(server.ca_file());
    suite(RedisSettings { ca_file, ..RedisSettings::new(server.url()) }).await;
}
