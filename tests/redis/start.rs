//! The whole server with `REDIS_URL`.

use crate::server::{Kind, RedisServer};
use hotline::server::{
    config::{Config, Sources},
    start,
    telemetry::Metrics,
};
use std::{
    collections::BTreeMap,
    sync::OnceLock,
    time::{Duration, Instant},
};

fn metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| Metrics::install().unwrap()).clone()
}

fn config(folder: &std::path::Path, redis: &str) -> Config {
    let folder = folder.display().to_string();
    let env = [
        ("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0"),
        ("HOTLINE_SANDBOX_DATA", ":memory:"),
        ("HOTLINE_DATA_DIR", folder.as_str()),
        ("REDIS_URL", redis),
    ];
    let env: BTreeMap<_, _> =
        env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let file =
        "[package.metadata.leptos]\noutput-name = \"hotline\"\nsite-addr = \"127.0.0.1:0\"\n";
    Config::load(&Sources::from_parts(BTreeMap::new(), env, Some(file.into())).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_redis_fails_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let server = RedisServer::of(Kind { password: "s3cret", ..Kind::default() });
    let wrong = server.url().replace("s3cret", "wr0ng-pw");
    for (url, word) in [("redis://:wr0ng-pw@127.0.0.1:1", "refused"), (&wrong, "WRONGPASS")] {
        let fault = start(&config(folder.path(), url), metrics()).await.unwrap_err().to_string();
        assert!(fault.starts_with("REDIS_URL: 127.0.0.1:"), "{fault}");
        assert!(fault.contains(word), "{fault}");
        assert!(!fault.contains("wr0ng-pw"), "{fault}");
    }
}

async fn ready(base: &str) -> serde_json::Value {
    reqwest::get(format!("{base}/readyz")).await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_redis() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = RedisServer::start();
    let running = start(&config(folder.path(), &server.url()), metrics()).await.unwrap();
    let base = format!("http://{}", running.addr);
    let until = async |wanted: bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while ready(&base).await["checks"]["bus"] != wanted {
            assert!(Instant::now() < deadline, "never {wanted}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until(true).await;
    server.kill();
    until(false).await;
    server.start_again();
    until(true).await;
    running.shutdown.begin();
    running.wait(Duration::from_secs(20)).await.unwrap();
}
