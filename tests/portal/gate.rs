//! Internal activity never reaches a visitor, and what happens to a message afterwards does.

use crate::{
    following::message,
    house::{Form, House, PATIENCE, said, until},
    live::{Frame, Reader},
};
use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

/// Reads on until a frame satisfies `wanted`; all frames that came.
async fn frames(reader: &mut Reader, wanted: impl Fn(&Frame) -> bool) -> Vec<Frame> {
    let mut all = Vec::new();
    let search = async {
        loop {
            let frame = reader.next().await.expect("the stream goes on");
            let found = wanted(&frame);
            all.push(frame);
            if found {
                return;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("the frame");
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn internal_activity_stays_inside() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("gate-0001")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let at = |what: &str| format!("/threads/{thread}/{what}");

    let note = "PLANTED-NOTE: the customer is difficult";
    house.agent.call(Method::POST, &at("notes"), json!({"text": note})).await;
    let assigned = house.agent.call(Method::POST, &at("assignment"), json!({})).await;
    let labels = house.agent.call(Method::POST, &at("labels"), json!({})).await;
    let inside = house.agent.call(Method::GET, &format!("/threads/{thread}"), json!({})).await;
    assert!(inside.to_string().contains("PLANTED-NOTE"), "it is there to be leaked");
    let assignee = assigned["email"].as_str().expect("an agent's address").to_owned();
    let label = labels["labelIds"][0].as_str().expect("a label").to_owned();
    let label_type = inside["labels"][0]["labelTypeId"].as_str().expect("its type").to_owned();
    // All of it was told to the portal; only then the answer, which may pass.
    until("the webhooks", || async {
        let list = house.agent.call(Method::GET, "/deliveries", json!({})).await;
        let took = |kind: &str| {
            list.as_array().unwrap().iter().any(|it| it["type"] == kind && it["status"] == 200)
        };
        let kinds = ["note_created", "thread_assignment_transitioned", "thread_labels_changed"];
        kinds.iter().all(|kind| took(&format!("thread.{kind}"))).then_some(())
    })
    .await;
    house.agent.answer(&thread, "A public word.", "chat").await;

    let public = |frame: &Frame| frame.data["entry"]["text"] == "A public word.";
    let frames = frames(&mut stream, public).await;
    let told: Vec<_> = frames.iter().map(|frame| frame.data.to_string()).collect();
    let page = dana.get(&format!("/t/{thread}")).await.body;
    let messages = dana.messages(&thread).await.body;
    let list = dana.get("/threads").await.body;
    assert!(page.contains("A public word.") && messages.contains("A public word."));
    for secret in ["PLANTED-NOTE", &assignee, &label, &label_type, "gate-0001"] {
        for seen in told.iter().chain([&page, &messages, &list]) {
            assert!(!seen.contains(secret), "{secret} in {seen}");
        }
    }
    for kind in ["note", "assignee", "assignment", "label"] {
        assert!(told.iter().all(|frame| !frame.contains(kind)), "{kind} in {told:?}");
    }
    assert_eq!(said(&dana.messages(&thread).await.json()).len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_messages_change_under_the_visitors_eyes() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("gate-0002")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let entry = house.agent.answer(&thread, "Lookin.", "slack").await;
    let sent = message(&mut stream, "Lookin.").await;
    assert_eq!(sent.data["eventType"], "thread.slack_message_sent");
    let at = format!("/messages/{entry}");

    house.agent.call(Method::PATCH, &at, json!({"text": "Looking."})).await;
    let edited = message(&mut stream, "Looking.").await;
    assert_eq!(edited.data["entry"]["id"], entry.as_str(), "the same message");
    assert_eq!(edited.data["entry"]["edited"], true);
    let page = dana.get(&format!("/t/{thread}")).await;
    assert!(page.text().contains("Looking.") && page.text().contains("edited"), "{}", page.text());
    assert!(!page.body.contains("Lookin."), "the old words are gone");

    house.agent.call(Method::POST, &format!("{at}/reactions"), json!({"name": "eyes"})).await;
    let about = |frame: &Frame| frame.data["eventType"] == "thread.slack_message_updated";
    let reacted = frames(&mut stream, about).await.pop().unwrap();
    assert_eq!(reacted.data["entry"]["text"], "Looking.");
    let read = said(&dana.messages(&thread).await.json());
    assert_eq!(read.len(), 2, "a reaction is no message: {read:?}");

    house.agent.call(Method::DELETE, &at, json!({})).await;
    let deleted = |frame: &Frame| frame.data["entry"]["deleted"] == true;
    let gone = frames(&mut stream, deleted).await.pop().unwrap();
    assert_eq!(gone.data["entry"]["id"], entry.as_str());
    assert_eq!(gone.data["entry"]["text"], "");
    let page = dana.get(&format!("/t/{thread}")).await;
    assert!(page.text().contains("Message deleted"), "{}", page.text());
    assert!(!page.body.contains("Looking."));
    assert_eq!(dana.messages(&thread).await.json()["messages"][1]["deleted"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_told() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("gate-0003")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let path = format!("/threads/{thread}/status");
    for (body, word, label) in [
        (json!({"status": "DONE"}), "done", "Done"),
        (json!({"status": "TODO"}), "inProgress", "In progress"),
        (
            json!({"status": "SNOOZED", "statusDetail": "WAITING_FOR_CUSTOMER"}),
            "waitingForYou",
            "Waiting for you",
        ),
    ] {
        house.agent.call(Method::POST, &path, body).await;
        let frame = frames(&mut stream, |frame| frame.data["status"] == word).await.pop().unwrap();
        assert_eq!(frame.data["eventType"], "thread.thread_status_transitioned");
        assert!(frame.data["entry"].is_null());
        let page = dana.get(&format!("/t/{thread}")).await;
        assert!(page.text().contains(label), "{label} in {}", page.text());
        assert_eq!(dana.messages(&thread).await.json()["thread"]["status"], word);
    }
}
