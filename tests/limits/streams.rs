//! At most so many streams a session.

use crate::house::{Form, House};

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
    let bye = loop {
        let frame = oldest.next().await.expect("a goodbye");
        if frame.data["type"] == "bye" {
            break frame;
        }
    };
    assert_eq!(bye.data["reason"], "replaced");
    let after = bye.data["afterMs"].as_u64().unwrap();
    assert!((45_000..=75_000).contains(&after), "{after}");
    assert!(oldest.next().await.is_none(), "it is closed");

    // All the others hear what happens.
    house.agent.answer(&second, "for twenty", "chat").await;
    house.agent.answer(&other, "for Eve", "chat").await;
    for stream in streams.iter_mut().chain([&mut newest]) {
        loop {
            let frame = stream.next().await.expect("it goes on");
            assert_ne!(frame.data["type"], "bye");
            if frame.data["entry"]["text"] == "for twenty" {
                break;
            }
        }
    }
    while of_eve.next().await.expect("it goes on").data["entry"]["text"] != "for Eve" {}

    // Where one has left, one more may come without anybody's leaving.
    drop(newest);
    let metric = |body: &str| {
        let line = body.lines().find(|line| line.starts_with("hotline_streams_replaced_total "));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or_default()
    };
    assert!(metric(&dana.get("/metrics").await.body) >= 1);
}
