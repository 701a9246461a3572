//! 10,000 messages to 200 streams over two instances that share a Redis, while every stream is cut about every two
//! seconds and the instances are ended in turn, politely and not: nothing is lost, nothing comes twice, order is kept.
//!
//! The messages are signed webhooks, posted as Plain posts them: to either instance, again until one says 2xx, some
//! of them more often than needed. `HOTLINE_SOAK_SEED` repeats a run's dice; the counts are printed at the end
//! (`cargo test --test soak -- --nocapture`).
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "../benches/support/delivery.rs"]
mod delivery;
#[path = "soak/dice.rs"]
mod dice;
#[path = "support/live.rs"]
mod live;
#[path = "soak/post.rs"]
mod post;
#[path = "soak/program.rs"]
mod program;
#[path = "support/redis.rs"]
mod redis;
#[path = "soak/visitor.rs"]
mod visitor;

use dice::Dice;
use post::Post;
use program::{End, Instance, Plain};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use visitor::{Heard, Visitor};

const THREADS: usize = 50;
const STREAMS_A_THREAD: usize = 4;
const MESSAGES_A_THREAD: usize = 200;
/// When all is sent, a stream that still misses something waits no longer than this for anything more.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_survive_it_all() {
    let seed = std::env::var("HOTLINE_SOAK_SEED").ok().and_then(|text| text.parse().ok());
    let dice = Dice::new(seed.unwrap_or_else(|| getrandom::u64().unwrap()));
    println!("HOTLINE_SOAK_SEED={}", dice.seed());

    let redis = redis::RedisServer::start();
    let plain = Plain::start();
    let mut instances = [Instance::new(&plain, &redis.url()), Instance::new(&plain, &redis.url())];
    for instance in &mut instances {
        instance.start().await;
    }
    let portals = instances.each_ref().map(|instance| instance.portal.clone());

    // Everybody has a conversation open before the first message.
    let mut visitors = Vec::new();
    for n in 0..THREADS {
        visitors.push(Visitor::ask(&portals, n).await);
    }
    let began = Instant::now();
    let sent_all = Arc::new(AtomicBool::new(false));
    let mut streams = Vec::new();
    for (n, visitor) in visitors.iter().enumerate() {
        let start = visitor.place().await;
        for m in 0..STREAMS_A_THREAD {
            let dice = dice.of("stream", n * STREAMS_A_THREAD + m);
            let (visitor, start, sent_all) = (visitor.clone(), start.clone(), sent_all.clone());
            streams.push(tokio::spawn(async move {
                visitor.follow(start, MESSAGES_A_THREAD, &sent_all, dice).await
            }));
        }
    }
    let posts: Vec<_> = visitors
        .iter()
        .enumerate()
        .map(|(n, visitor)| {
            let post = Post::new(&portals, &visitor.thread, n);
            tokio::spawn(post.send(MESSAGES_A_THREAD, dice.of("post", n)))
        })
        .collect();

    let over = Arc::new(AtomicBool::new(false));
    let restarts = tokio::spawn(keep_restarting(instances, over.clone()));
    let mut sent = post::Sent::default();
    for post in posts {
        sent += post.await.unwrap();
    }
    sent_all.store(true, Ordering::Relaxed);
    let mut heard = Vec::new();
    for stream in streams {
        heard.push(stream.await.unwrap());
    }
    let took = began.elapsed();
    over.store(true, Ordering::Relaxed);
    let (terminated, killed) = restarts.await.unwrap();

    let all = Heard::sum(&heard);
    println!(
        "{} messages ({} posts, {} refused or unanswered and posted again, {} posted twice on purpose: {} told duplicate)\n\
         {} streams, cut {} times, refused {} times, {} byes; {} instances ended by SIGTERM, {} by SIGKILL\n\
         {} deliveries in {:.1} s: {} lost, {} twice, {} out of order, {} broken chains, {} gaps",
        THREADS * MESSAGES_A_THREAD,
        sent.posts,
        sent.again,
        sent.doubled,
        sent.duplicates,
        heard.len(),
        all.cuts,
        all.refused,
        all.byes,
        terminated,
        killed,
        all.messages,
        took.as_secs_f64(),
        all.lost,
        all.twice,
        all.disorder,
        all.holes,
        all.gaps,
    );
    assert_eq!(all.messages, THREADS * MESSAGES_A_THREAD * STREAMS_A_THREAD);
    assert_eq!((all.lost, all.twice, all.disorder, all.holes, all.gaps), (0, 0, 0, 0, 0));
    assert!(all.cuts > heard.len(), "the streams were cut while it lasted");
    assert!(terminated > 0 && killed > 0, "both ways to end an instance were tried");
    assert!(sent.doubled > 0);
}

/// Ends one instance after the other, and starts it again; how many ended in which way.
async fn keep_restarting(mut instances: [Instance; 2], over: Arc<AtomicBool>) -> (u32, u32) {
    let mut ended = (0, 0);
    for turn in 0.. {
        for _ in 0..30 {
            if over.load(Ordering::Relaxed) {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let how = if turn % 4 < 2 { End::Kill } else { End::Terminate };
        let instance = &mut instances[turn % 2];
        instance.end(how).await;
        instance.start().await;
        match how {
            End::Terminate => ended.0 += 1,
            End::Kill => ended.1 += 1,
        }
    }
    ended
}
