//! Lost webhooks: what Plain has and nobody was told of comes all the same, once, and costs Plain little.

use crate::{
    following::message,
    house::{Form, House, PATIENCE, until},
    live::{Frame, Reader},
    wire::{Bend, Wire},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::timeout;

const REPAIRED: &str = "timeline.repaired";

/// A portal that is quick to look, and does not wait long for webhooks.
const QUICK: [(&str, &str); 3] = [
    ("HOTLINE_REPAIR_MS", "100"),
    ("HOTLINE_REPAIR_SETTLE_MS", "100"),
    ("HOTLINE_REPAIR_PER_SECOND", "1000"),
];

async fn drop_webhooks(house: &House) {
    house.agent.faults(json!({"webhooks": {"drop": true}})).await;
}

/// The next frame for which this holds; all before it are given to `passing`.
async fn frame(
    stream: &mut Reader,
    what: &str,
    wanted: impl Fn(&Value) -> bool,
    mut passing: impl FnMut(&Frame),
) -> Frame {
    let search = async {
        loop {
            let frame = stream.next().await.expect("the stream goes on");
            if wanted(&frame.data) {
                return frame;
            }
            passing(&frame);
        }
    };
    timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} on the stream"))
}

/// How often a thread was read from Plain.
fn reads(wire: &Wire, thread: &str) -> usize {
    wire.inputs("Conversation").iter().filter(|input| input["threadId"] == thread).count()
}

fn texts(messages: &Value) -> Vec<&str> {
    let messages = messages["messages"].as_array().unwrap();
    let messages = messages.iter().filter(|message| message["turned"].is_null());
    messages.map(|message| message["text"].as_str().unwrap()).collect()
}

/// How something is recognised on the stream.
type Sign = fn(&Value) -> bool;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_page_gets_what_no_webhook_told_of() {
    let (house, wire) = House::wired(&QUICK).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("repair-0001")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    until("the first look", || async { (reads(&wire, &thread) > 0).then_some(()) }).await;
    // Whoever reads now waits until that look has read.
    dana.messages(&thread).await;
    drop_webhooks(&house).await;
    let entry = house.agent.answer(&thread, "Found it.", "chat").await;

    let told = frame(&mut stream, "the answer", |it| it["entry"]["id"] == *entry, |_| {}).await;
    assert_eq!(
        (&told.data["type"], &told.data["eventType"]),
        (&json!("webhook"), &json!(REPAIRED))
    );
    assert_eq!(told.data["threadId"], *thread);
    assert_eq!(told.data["entry"]["text"], "Found it.");
    assert_eq!(told.data["entry"]["author"]["role"], "agent");
    assert!(told.id.is_some() && told.data["prev"].is_string(), "{told:?}");
    // The state that came with it; it may take one look more.
    let waits = |it: &Value| it["status"] == "waitingForYou";
    if !waits(&told.data) {
        frame(&mut stream, "the state", waits, |_| {}).await;
    }
    // Whoever was away and comes back with an older place is given it too.
    let (mut late, connected) = dana.follow(&thread, told.data["prev"].as_str()).await;
    assert_eq!(connected["gap"], false);
    frame(&mut late, "the answer", |it| it["entry"]["id"] == *entry, |_| {}).await;

    let metrics = dana.get("/metrics").await.body;
    let counted =
        metrics.lines().find_map(|line| line.strip_prefix("hotline_missed_webhooks_total "));
    assert!(counted.unwrap().parse::<u64>().unwrap() >= 1, "{counted:?}");

    // The webhooks come after all. What they tell is shown once, and is not repaired again.
    house.agent.faults(json!({})).await;
    let mut repairs = Vec::new();
    let is_late = |it: &Value| it["eventType"] == "thread.chat_sent" && it["entry"]["id"] == *entry;
    let note = |frame: &Frame, repairs: &mut Vec<Value>| {
        if frame.data["eventType"] == REPAIRED {
            repairs.push(frame.data["entry"]["id"].clone());
        }
    };
    frame(&mut stream, "the late webhook", is_late, |it| note(it, &mut repairs)).await;
    let looked = reads(&wire, &thread);
    until("two more looks", || async { (reads(&wire, &thread) > looked + 1).then_some(()) }).await;
    house.agent.answer(&thread, "And this.", "chat").await;
    frame(
        &mut stream,
        "the next answer",
        |it| it["entry"]["text"] == "And this.",
        |it| note(it, &mut repairs),
    )
    .await;
    assert!(!repairs.contains(&json!(entry)), "{repairs:?}");
    assert_eq!(
        texts(&dana.messages(&thread).await.json()),
        ["It stops at row 5000.", "Found it.", "And this."]
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_or_taken_back_is_shown_without_a_webhook() {
    let (house, wire) = House::wired(&QUICK).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("repair-0002")).await;
    let entry = house.agent.answer(&thread, "Lookin.", "slack").await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    until("the first look", || async { (reads(&wire, &thread) > 0).then_some(()) }).await;
    dana.messages(&thread).await;
    drop_webhooks(&house).await;
    let at = format!("/messages/{entry}");

    house.agent.call(Method::PATCH, &at, json!({"text": "Looking."})).await;
    let edited = |it: &Value| it["entry"]["id"] == *entry && it["entry"]["edited"] == true;
    let told = frame(&mut stream, "the new words", edited, |_| {}).await;
    assert_eq!(told.data["eventType"], REPAIRED);
    assert_eq!(told.data["entry"]["text"], "Looking.");

    house.agent.call(Method::DELETE, &at, json!({})).await;
    let deleted = |it: &Value| it["entry"]["id"] == *entry && it["entry"]["deleted"] == true;
    let told = frame(&mut stream, "the deletion", deleted, |_| {}).await;
    assert_eq!(
        (&told.data["eventType"], &told.data["entry"]["text"]),
        (&json!(REPAIRED), &json!(""))
    );

    let done = json!({"status": "DONE"});
    house.agent.call(Method::POST, &format!("/threads/{thread}/status"), done).await;
    let told = frame(&mut stream, "the state", |it| it["status"] == "done", |_| {}).await;
    assert_eq!((&told.data["eventType"], &told.data["entry"]), (&json!(REPAIRED), &Value::Null));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_shows_what_no_event_told_of() {
    let (house, wire) =
        House::wired(&[("HOTLINE_REPAIR_MS", "0"), ("HOTLINE_CACHE_MS", "600000")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("repair-0003")).await;
    let page = format!("/t/{thread}");
    drop_webhooks(&house).await;
    assert!(dana.get(&page).await.text().contains("It stops at row 5000."));
    house.agent.answer(&thread, "You missed this.", "chat").await;
    // It is kept for ten minutes while no event comes, and a page that is loaded does not care.
    until("the answer on the page", || async {
        dana.get(&page).await.text().contains("You missed this.").then_some(())
    })
    .await;
    // Many loads at once still are one read.
    wire.straighten();
    let loads: Vec<_> = (0..30)
        .map(|_| {
            let (dana, page) = (dana.clone(), page.clone());
            tokio::spawn(async move { dana.get(&page).await.status })
        })
        .collect();
    let began = Instant::now();
    for load in loads {
        assert_eq!(load.await.unwrap(), 200);
    }
    let at_most = 1 + began.elapsed().as_secs() / 3 + 1;
    assert!(reads(&wire, &thread) as u64 <= at_most, "{} reads", reads(&wire, &thread));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_traffic_is_no_alarm() {
    let settle = Duration::from_secs(6);
    let quick = [&QUICK[..1], &[("HOTLINE_REPAIR_SETTLE_MS", "6000")]].concat();
    let (house, wire) = House::wired(&quick).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("repair-0004")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let mut alarms = Vec::new();
    let mut note = |frame: &Frame| {
        if frame.data["eventType"] == REPAIRED {
            alarms.push(frame.data.clone());
        }
    };
    // From here on, everything is news.
    until("the first look", || async { (reads(&wire, &thread) > 0).then_some(()) }).await;
    dana.messages(&thread).await;

    assert_eq!(dana.reply(&thread, "My own words.", "repair-key-1").await.status, 303);
    house.agent.answer(&thread, "In chat.", "chat").await;
    let slack = house.agent.answer(&thread, "In Slack.", "slack").await;
    let second = house.agent.answer(&thread, "Taken back.", "slack").await;
    let (slack, second) = (format!("/messages/{slack}"), format!("/messages/{second}"));
    house.agent.call(Method::PATCH, &slack, json!({"text": "In Slack, better."})).await;
    let eyes = json!({"name": "eyes"});
    house.agent.call(Method::POST, &format!("{slack}/reactions"), eyes).await;
    house.agent.call(Method::DELETE, &second, json!({})).await;
    let internal = json!({"text": "not for the customer"});
    house.agent.call(Method::POST, &format!("/threads/{thread}/notes"), internal).await;
    let done = json!({"status": "DONE"});
    house.agent.call(Method::POST, &format!("/threads/{thread}/status"), done).await;

    // All of it is announced, in whatever order.
    let mut missing: Vec<(&str, Sign)> = vec![
        ("the reply", |it| it["entry"]["text"] == "My own words."),
        ("the chat", |it| it["entry"]["text"] == "In chat."),
        ("the edit", |it| it["entry"]["edited"] == true),
        ("the deletion", |it| it["entry"]["deleted"] == true),
        ("the state", |it| it["status"] == "done"),
    ];
    while !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
        let wanted = |it: &Value| missing.iter().any(|(_, is)| is(it));
        let found = frame(&mut stream, &names.join(", "), wanted, &mut note).await;
        note(&found);
        missing.retain(|(_, is)| !is(&found.data));
    }
    // What was not announced by now would count as missed.
    let all = Instant::now();
    until("a look at what has settled", || async {
        dana.messages(&thread).await;
        (all.elapsed() > settle * 3 / 2).then_some(())
    })
    .await;
    house.agent.answer(&thread, "The end.", "chat").await;
    let end =
        frame(&mut stream, "the end", |it| it["entry"]["text"] == "The end.", &mut note).await;
    note(&end);
    assert_eq!(alarms, Vec::<Value>::new());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_viewers_are_one_look_also_when_all_come_back() {
    // Whoever comes within ten minutes after a look is no reason for another.
    let (house, wire) = House::wired(&[
        ("HOTLINE_REPAIR_MS", "3600000"),
        ("HOTLINE_REPAIR_SETTLE_MS", "600000"),
        ("HOTLINE_RATE_LIMITS", "off"),
    ])
    .await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("repair-0005")).await;
    let witness = dana.ask(&Form::new("repair-0006")).await;
    let crowd = || {
        futures::future::join_all((0..300).map(|_| {
            let (dana, thread) = (dana.clone(), thread.clone());
            async move { dana.follow(&thread, None).await }
        }))
    };
    let streams = crowd().await;
    until("the look", || async { (reads(&wire, &thread) > 0).then_some(()) }).await;
    drop(streams);
    let streams = crowd().await;
    // Whoever came after them was looked at, so nobody of them is waiting any more.
    let _other = dana.follow(&witness, None).await;
    until("the witness's look", || async { (reads(&wire, &witness) > 0).then_some(()) }).await;
    assert_eq!(reads(&wire, &thread), 1);
    assert_eq!(streams.len(), 300);
    drop(streams);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_that_is_down_is_left_alone_and_repaired_from_when_it_is_back() {
    let quick = [&QUICK[..], &[("HOTLINE_RATE_LIMITS", "off")]].concat();
    let (house, wire) = House::wired(&quick).await;
    let mut dana = house.visitor();
    let mut threads = Vec::new();
    for n in 0..12 {
        threads.push(dana.ask(&Form::new(&format!("repair-01{n:02}"))).await);
    }
    let mut streams = Vec::new();
    for thread in &threads {
        streams.push(dana.follow(thread, None).await.0);
        until("the first look", || async { (reads(&wire, thread) > 0).then_some(()) }).await;
    }
    drop_webhooks(&house).await;
    wire.bend(|_, _| Bend::Answer(503, "text/plain", ""));
    let began = Instant::now();
    house.agent.answer(&threads[7], "While it was down.", "chat").await;
    // Some looks under way, then one at a time, after 1, 2, 4 … seconds; each may try three times.
    until("a few looks in vain", || async {
        let few = wire.count("Conversation") >= 6;
        (few && began.elapsed() > Duration::from_secs(4)).then_some(())
    })
    .await;
    let most = 3 * (8 + 2 + (began.elapsed().as_secs() + 2).ilog2() as usize + 2);
    assert!(wire.count("Conversation") <= most, "{} > {most}", wire.count("Conversation"));
    wire.straighten();
    let told = message(&mut streams[7], "While it was down.").await;
    assert_eq!(told.data["eventType"], REPAIRED);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_before_the_first_look_is_told_too() {
    let (house, _wire) = House::wired(&QUICK).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("repair-0020")).await;
    let page = dana.messages(&thread).await.json();
    drop_webhooks(&house).await;
    let entry = house.agent.answer(&thread, "Found it.", "chat").await;
    // The page is from before the answer, the first look from after it.
    let (mut stream, _) = dana.follow(&thread, page["cursor"].as_str()).await;
    frame(&mut stream, "the answer", |it| it["entry"]["id"] == *entry, |_| {}).await;
    house.close().await;
}
