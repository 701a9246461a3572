//! At most so many streams a session.

use crate::{
    house::{Form, House, PATIENCE},
    live::{Frame, Reader},
};
use serde_json::Value;
use tokio::time::timeout;

/// The next frame that is wanted, passing over all others. Heartbeats alone do not keep the test waiting for ever.
pub async fn heard(stream: &mut Reader, wanted: impl Fn(&Value) -> bool) -> Frame {
    let search = async {
        loop {
            let frame = stream.next().await.expect("it goes on");
            if wanted(&frame.data) {
                return frame;
            }
            assert_ne!(frame.data["type"], "bye");
        }
    };
    timeout(PATIENCE, search).await.expect("it comes in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_twenty_first_stream_of_a_session_closes_its_oldest() {
    let house = House::open().await;
    let (mut dana, mut eve) = (house.visitor(), house.visitor());
    let first = dana.ask(&Form::new("limits-crowd-1")).await;
    let second = dana.ask(&Form::new("limits-crowd-2")).await;
    let other = eve.ask(&Form::new("limits-crowd-3")).await;
    let (mut of_eve, _) = eve.follow(&other, None).await;

    let mut streams = Vec::new();
    for n in 0..20 {
        // It is the session that counts, not the thread.
        streams.push(dana.follow(if n == 0 { &first } else { &second }, None).await.0);
    }
    let (mut newest, _) = dana.follow(&second, None).await;
    let mut oldest = streams.remove(0);
    let bye = heard(&mut oldest, |data| data["type"] == "bye").await;
    assert_eq!(bye.data["reason"], "replaced");
    let after = bye.data["afterMs"].as_u64().unwrap();
    assert!((45_000..=75_000).contains(&after), "{after}");
    assert!(oldest.next().await.is_none(), "it is closed");

    // All the others hear what happens.
    house.agent.answer(&second, "for twenty", "chat").await;
    house.agent.answer(&other, "for Eve", "chat").await;
    for stream in streams.iter_mut().chain([&mut newest]) {
        heard(stream, |data| data["entry"]["text"] == "for twenty").await;
    }
    heard(&mut of_eve, |data| data["entry"]["text"] == "for Eve").await;

    let metric = |body: &str| {
        let line = body.lines().find(|line| line.starts_with("hotline_streams_replaced_total "));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or_default()
    };
    assert!(metric(&dana.get("/metrics").await.body) >= 1);
}
