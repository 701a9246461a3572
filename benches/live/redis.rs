//! The same over Redis, with two portals: webhooks come to one, streams are at the other.

use crate::{
    audience::Audience,
    measures::{of_spaced_events, one_to_all, settle, through},
    redis_server::RedisServer,
    stage::Stage,
    table::{Table, count, percentiles},
};

pub async fn two_instances(table: &mut Table) {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().unwrap();
    let url = redis.url();
    let portals = |prefix: &str| {
        let more = [("REDIS_URL", url.as_str()), ("REDIS_PREFIX", prefix)];
        ["one", "two"].map(|name| Stage::beside(&format!("{prefix}{name}"), folder.path(), &more))
    };

    const HOW: &str = " over Redis, two instances";
    for streams in [1, 1_000] {
        let [posted_to, followed] = portals(&format!("latency{streams}:"));
        let mut audience = Audience::new();
        audience.open(followed.at, streams, streams).await;
        settle().await;
        let times = of_spaced_events(&audience.board, posted_to.at, streams).await;
        let written = count(streams as f64);
        table.add(
            format!("webhook in → frame out, {written} streams, 500 events/s{HOW}"),
            percentiles(times),
        );
        audience.leave().await;
    }

    let [posted_to, followed] = portals("fanout:");
    let mut audience = Audience::new();
    audience.open(followed.at, 1_000, 1).await;
    settle().await;
    one_to_all(table, &audience.board, &posted_to, 1_000, 200, HOW).await;
    audience.leave().await;

    const THREADS: usize = 2_000;
    let [posted_to, followed] = portals("threads:");
    let mut audience = Audience::new();
    audience.open(followed.at, THREADS, THREADS).await;
    settle().await;
    let figure = through(&audience.board, &posted_to, THREADS, 20_000).await;
    table.add(format!("events in → out over 2,000 threads{HOW}"), figure);
    audience.leave().await;
}
