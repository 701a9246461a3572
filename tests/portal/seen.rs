//! "Seen by the team": each real sign is told, by events and by reads, and nothing else is.

use crate::{
    house::{Form, House, PATIENCE, Visitor, until},
    live::{Frame, Reader},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

/// The next event that brings a sign.
async fn sign(stream: &mut Reader) -> Frame {
    let search = async {
        loop {
            let frame = stream.next().await.expect("the stream goes on");
            if !frame.data["seen"].is_null() {
                return frame;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("a sign")
}

/// As a read shows it now.
async fn seen(who: &Visitor, thread: &str) -> Value {
    let page = who.messages(thread).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["seen"]["sign"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_sign_counts_for_the_last_message_only() {
    // Nothing is kept: not every sign comes with an event.
    let house = House::with(&[("HOTLINE_CACHE_MS", "0")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("seen-0001")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    assert_eq!(seen(&dana, &thread).await, Value::Null, "nothing is made up");
    let at = |what: &str| format!("/threads/{thread}/{what}");

    house.agent.call(Method::POST, &at("notes"), json!({"text": "internal"})).await;
    assert_eq!(seen(&dana, &thread).await, Value::Null);
    let assigned = house.agent.call(Method::POST, &at("assignment"), json!({})).await;
    let frame = sign(&mut stream).await;
    assert_eq!(frame.data["seen"]["sign"], "assigned");
    assert_eq!(frame.data["eventType"], "thread.seen", "a name that tells no more");
    assert!(frame.data["entry"].is_null() && frame.data["status"].is_null());
    for inside in ["id", "email", "fullName", "publicName"] {
        if let Some(text) = assigned[inside].as_str() {
            assert!(!frame.data.to_string().contains(text), "{inside} in {frame:?}");
        }
    }
    assert_eq!(seen(&dana, &thread).await, "assigned");

    // With the visitor's next message all of that is the past.
    assert_eq!(dana.reply(&thread, "And now?", "seen-key-0001").await.status, 303);
    assert_eq!(seen(&dana, &thread).await, Value::Null);

    // Somebody begins to work on it: only the reason changes, so no event comes, and a read tells.
    let begun = json!({"status": "TODO", "statusDetail": "IN_PROGRESS"});
    house.agent.call(Method::POST, &at("status"), begun).await;
    assert_eq!(seen(&dana, &thread).await, "inProgress");

    let answer = house.agent.answer(&thread, "Here.", "chat").await;
    let frame = sign(&mut stream).await;
    assert_eq!(
        (&frame.data["seen"]["sign"], &frame.data["entry"]["id"]),
        (&json!("answer"), &json!(answer))
    );
    assert_eq!(frame.data["seen"]["at"], frame.data["entry"]["at"]);
    assert_eq!(seen(&dana, &thread).await, "answer");
    assert_eq!(dana.reply(&thread, "Thanks.", "seen-key-0002").await.status, 303);
    assert_eq!(seen(&dana, &thread).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_begins_anew_is_told() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("seen-0002")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let path = format!("/threads/{thread}/status");
    house.agent.call(Method::POST, &path, json!({"status": "DONE"})).await;
    let begun = json!({"status": "TODO", "statusDetail": "IN_PROGRESS"});
    house.agent.call(Method::POST, &path, begun).await;
    let frame = sign(&mut stream).await;
    assert_eq!(frame.data["seen"]["sign"], "inProgress");
    assert_eq!(frame.data["status"], "inProgress");
    assert_eq!(frame.data["eventType"], "thread.thread_status_transitioned");
    until("the read", || async { (seen(&dana, &thread).await == "inProgress").then_some(()) })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_in_slack_is_a_sign() {
    let house = House::with(&[
        ("PLAIN_CHANNEL", "slack"),
        ("PLAIN_SLACK_TEAM_ID", "T0SANDBOX01"),
        ("PLAIN_SLACK_CHANNEL_ID", "C0SANDBOX01"),
    ])
    .await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("seen-0003")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let own = dana.messages(&thread).await.json()["messages"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(seen(&dana, &thread).await, Value::Null);
    let react = |entry: &str| {
        let path = format!("/messages/{entry}/reactions");
        let agent = house.agent.clone();
        async move { agent.call(Method::POST, &path, json!({"name": "eyes"})).await }
    };
    react(&own).await;
    let frame = sign(&mut stream).await;
    assert_eq!(frame.data["seen"]["sign"], "reaction");
    assert_eq!(frame.data["entry"]["id"], own.as_str());
    until("the read", || async { (seen(&dana, &thread).await == "reaction").then_some(()) }).await;

    // A reaction to the team's own message says nothing of the visitor's.
    let answer = house.agent.answer(&thread, "An answer.", "slack").await;
    assert_eq!(sign(&mut stream).await.data["seen"]["sign"], "answer");
    react(&answer).await;
    loop {
        let frame = stream.next().await.unwrap();
        if frame.data["eventType"] == "thread.slack_message_updated" {
            assert!(frame.data["seen"].is_null(), "{frame:?}");
            break;
        }
    }
}
