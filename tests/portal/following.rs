//! The open page: what comes over the stream, what a reconnection brings, and what it costs Plain.

use crate::{
    house::{Form, House, PATIENCE, said, until},
    live::{Frame, Reader},
    wire::Bend,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// The next frame that brings a message with this text, passing over all others.
pub async fn message(reader: &mut Reader, text: &str) -> Frame {
    let search = async {
        loop {
            let frame = reader.next().await.expect("the stream goes on");
            if frame.data["entry"]["text"] == text {
                return frame;
            }
        }
    };
    timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("`{text}` on the stream"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_comes_at_once() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("following-0001")).await;
    let (mut stream, connected) = dana.follow(&thread, None).await;
    assert_eq!(connected["threadId"], thread.as_str());
    assert_eq!(connected["gap"], false);

    let entry = house.agent.answer(&thread, "Found it.", "chat").await;
    // Much more than it takes, and much less than any polling would.
    let frame = timeout(Duration::from_secs(5), message(&mut stream, "Found it.")).await.unwrap();
    assert_eq!(frame.data["type"], "webhook");
    assert_eq!(frame.data["eventType"], "thread.chat_sent");
    assert_eq!(frame.data["threadId"], thread.as_str());
    assert_eq!(frame.data["entry"]["id"], entry.as_str());
    assert_eq!(frame.data["entry"]["author"]["role"], "agent");
    assert!(frame.id.is_some() && frame.data["prev"].is_string(), "{frame:?}");

    // The page that is fetched because of the event holds it: no viewer sees less than he was told.
    let page = dana.messages(&thread).await;
    assert_eq!(page.status, 200, "{page:?}");
    let read = page.json();
    let newest = said(&read).pop().unwrap();
    assert_eq!(
        (newest["id"].as_str(), newest["text"].as_str()),
        (Some(&*entry), Some("Found it."))
    );
    assert!(page.header("content-type").starts_with("application/json"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_gets_what_was_missed_and_nothing_twice() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let form = Form::new("following-0002");
    let question = form.message.as_str();
    let thread = dana.ask(&form).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    house.agent.answer(&thread, "one", "chat").await;
    let seen = message(&mut stream, "one").await;
    drop(stream);

    // A second pair of eyes tells when the portal has them.
    let (mut witness, _) = dana.follow(&thread, None).await;
    for text in ["two", "three"] {
        house.agent.answer(&thread, text, "chat").await;
        message(&mut witness, text).await;
    }
    let (mut stream, connected) = dana.follow(&thread, seen.id.as_deref()).await;
    assert_eq!(connected["gap"], false);
    house.agent.answer(&thread, "four", "chat").await;
    let mut texts = Vec::new();
    let mut ids = Vec::new();
    while texts.last().is_none_or(|text| text != "four") {
        let frame = timeout(PATIENCE, stream.next()).await.unwrap().expect("goes on");
        ids.extend(frame.id);
        // The webhook of the question itself may come at any time, also after the answers'.
        let text = frame.data["entry"]["text"].as_str().filter(|text| *text != question);
        texts.extend(text.map(str::to_owned));
    }
    assert_eq!(texts, ["two", "three", "four"]);
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
    assert!(!ids.contains(&seen.id.unwrap()));

    // `after` says the same for the first connection of a page.
    let after = format!("threadId={thread}&after={}", ids.last().unwrap());
    let mut late = Reader::of(dana.stream(&after, None).await);
    assert_eq!(late.expect("connected").await.data["gap"], false);
    house.agent.answer(&thread, "five", "chat").await;
    let first = loop {
        let frame = timeout(PATIENCE, late.next()).await.unwrap().expect("goes on");
        match frame.data["entry"]["text"].as_str() {
            Some(text) if text != question => break text.to_owned(),
            _ => {}
        }
    };
    assert_eq!(first, "five");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_viewers_are_one_read_at_plain() {
    // What is read in search of lost webhooks is not counted here.
    let (house, wire) = House::wired(&[("HOTLINE_REPAIR_MS", "0")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("following-0003")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    assert_eq!(dana.messages(&thread).await.status, 200);
    house.agent.answer(&thread, "for all of you", "chat").await;
    message(&mut stream, "for all of you").await;
    // The status moves along with it, as an event of its own: let it arrive before counting.
    until("all deliveries", || async {
        let list = house.agent.call(Method::GET, "/deliveries", Value::Null).await;
        let done = |kind: &str| {
            list.as_array().unwrap().iter().any(|it| it["type"] == kind && it["status"] == 200)
        };
        (done("thread.chat_sent") && done("thread.thread_status_transitioned")).then_some(())
    })
    .await;

    // All of them are here before Plain answers the first.
    let gate = Arc::new(Semaphore::new(0));
    let held = gate.clone();
    wire.bend(move |operation, _| match operation {
        "Conversation" => Bend::When(held.clone()),
        _ => Bend::Straight,
    });
    let reads: Vec<_> = (0..300)
        .map(|_| {
            let (dana, thread) = (dana.clone(), thread.clone());
            tokio::spawn(async move { dana.messages(&thread).await })
        })
        .collect();
    until("the first read", || async { (wire.count("Conversation") > 0).then_some(()) }).await;
    gate.add_permits(1000);
    for read in reads {
        let page = read.await.unwrap();
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.contains("for all of you"), "{page:?}");
    }
    assert_eq!(wire.count("Conversation"), 1);

    // The next event is one more, and nothing else is asked.
    house.agent.answer(&thread, "once more", "chat").await;
    message(&mut stream, "once more").await;
    assert!(dana.messages(&thread).await.body.contains("once more"));
    assert_eq!(wire.count("Conversation"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stumbling_post_office_loses_nothing_and_shows_nothing_twice() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let form = Form::new("following-0004");
    let question = form.message.as_str();
    let thread = dana.ask(&form).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let faults = |webhooks: Value| house.agent.faults(json!({ "webhooks": webhooks }));

    // Each one delivered twice, with the same event id.
    faults(json!({"duplicate": true})).await;
    house.agent.answer(&thread, "twice", "chat").await;
    let attempts = || async {
        let list = house.agent.call(Method::GET, "/deliveries", Value::Null).await;
        let of_it = |it: &&Value| it["type"] == "thread.chat_sent" && it["status"] == 200;
        list.as_array().unwrap().iter().filter(of_it).count()
    };
    until("both deliveries", || async { (attempts().await == 2).then_some(()) }).await;

    // Not delivered at first.
    faults(json!({"drop": true})).await;
    house.agent.answer(&thread, "late", "chat").await;
    until("a lost attempt", || async {
        let list = house.agent.call(Method::GET, "/deliveries", Value::Null).await;
        let lost = |it: &Value| it["type"] == "thread.chat_sent" && it["status"].is_null();
        list.as_array().unwrap().iter().any(lost).then_some(())
    })
    .await;
    faults(json!({})).await;

    // The webhook of the question itself may come at any time, also after the answers'.
    let answer = |frame: &Frame| {
        let text = frame.data["entry"]["text"].as_str();
        text.filter(|text| *text != question).map(str::to_owned)
    };
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text| text != "late") {
        let frame = timeout(PATIENCE, stream.next()).await.unwrap().expect("goes on");
        texts.extend(answer(&frame));
    }
    assert_eq!(texts, ["twice", "late"]);
    // Out of order they come, too; the page puts them right.
    faults(json!({"reorder": true})).await;
    for text in ["first", "second"] {
        house.agent.answer(&thread, text, "chat").await;
    }
    let mut both = Vec::new();
    while both.len() < 2 {
        let frame = timeout(PATIENCE, stream.next()).await.unwrap().expect("goes on");
        both.extend(answer(&frame));
    }
    both.sort();
    assert_eq!(both, ["first", "second"]);
    let read = said(&dana.messages(&thread).await.json());
    let read: Vec<_> = read.iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(read, ["It stops at row 5000.", "twice", "late", "first", "second"]);
}
