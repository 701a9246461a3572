//! What the visitor has read: kept over restarts, told to agents, never moved back, and nobody else's business.

use crate::{
    house::{FORM, Form, House, Page, Visitor, until},
    live::Reader,
};
use reqwest::Method;
use serde_json::{Value, json};

async fn read(who: &Visitor, thread: &str, entry: &str) -> Page {
    let body = format!("threadId={thread}&entryId={entry}");
    who.send(Method::POST, "/api/support/read", FORM, body).await
}

/// The mark as every screen finds it.
async fn read_to(who: &Visitor, thread: &str) -> Value {
    let page = who.messages(thread).await;
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["readTo"].clone()
}

/// What agents were told: title and external id of each event of the thread.
async fn events(house: &House, thread: &str) -> Vec<(String, String)> {
    let thread = house.agent.call(Method::GET, &format!("/threads/{thread}"), json!({})).await;
    let entries = thread["timelineEntries"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    entries
        .iter()
        .filter(|it| it["entry"]["__typename"] == "ThreadEventEntry")
        .map(|it| (text(&it["entry"]["title"]), text(&it["entry"]["externalId"])))
        .collect()
}

/// The first message, which is the visitor's.
async fn first_entry(who: &Visitor, thread: &str) -> String {
    let page = who.messages(thread).await.json();
    page["messages"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_moves_forward_only_and_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), None).await;
    let (portal, desk) = house.addresses();
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("reading-0001")).await;
    assert_eq!(read_to(&dana, &thread).await, Value::Null);
    let one = house.agent.answer(&thread, "one", "chat").await;
    let two = house.agent.answer(&thread, "two", "chat").await;
    // The webhooks are on their way; the page shows both when they are here.
    until("both answers", || async {
        (dana.messages(&thread).await.body.contains(&two)).then_some(())
    })
    .await;
    let page = read(&dana, &thread, &one).await;
    assert_eq!((page.status, page.json()), (200, json!({"readTo": one})));
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(read(&dana, &thread, &two).await.json(), json!({"readTo": two}));
    // Another screen that is behind moves nothing back; nor does what they wrote themselves, or what is not here.
    let own = first_entry(&dana, &thread).await;
    for entry in [&one, &own, &format!("t_{:026}", 1)] {
        assert_eq!(read(&dana, &thread, entry).await.json(), json!({"readTo": two}), "{entry}");
    }
    assert_eq!(read_to(&dana, &thread).await, two.as_str());
    house.close().await;

    let house = House::in_folder(folder.path(), Some((&portal, &desk))).await;
    assert_eq!(read_to(&dana, &thread).await, two.as_str());
    assert_eq!(read(&dana, &thread, &one).await.json(), json!({"readTo": two}));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_told_and_the_visitor_is_not() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("reading-0002")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let answer = house.agent.answer(&thread, "Read me.", "chat").await;
    crate::following::message(&mut stream, "Read me.").await;
    // Twice the same is told once.
    for _ in 0..3 {
        assert_eq!(read(&dana, &thread, &answer).await.json(), json!({"readTo": answer}));
    }
    let told = until("the event", || async {
        let events = events(&house, &thread).await;
        (!events.is_empty()).then_some(events)
    })
    .await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0.starts_with("Read by the customer up to "), "{told:?}");
    assert_eq!(told[0].1, format!("hotline-read-{answer}"));
    let desk = reqwest::get(format!("{}/threads/{thread}", house.agent.base)).await.unwrap();
    assert!(desk.text().await.unwrap().contains(&told[0].0), "the agent desk shows it");

    // Whatever came of it, the visitor sees only what is written for them.
    house.agent.answer(&thread, "The last word.", "chat").await;
    let said = until_text(&mut stream, "The last word.").await;
    assert!(said.iter().all(|frame| !frame.contains("Read by")), "{said:?}");
    let page = dana.get(&format!("/t/{thread}")).await;
    let messages = dana.messages(&thread).await;
    assert!(page.body.contains("The last word."));
    for body in [&page.body, &messages.body, &dana.get("/threads").await.body] {
        assert!(!body.contains("Read by the customer"), "{body}");
    }
}

async fn until_text(stream: &mut Reader, text: &str) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let frame = stream.next().await.unwrap();
        said.push(frame.data.to_string());
        if frame.data["entry"]["text"] == text {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_for_somebody_else() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("reading-0003")).await;
    let mut eve = house.visitor();
    let other = eve.ask(&Form::new("reading-0004")).await;
    let answer = house.agent.answer(&thread, "For Dana.", "chat").await;
    until("the answer", || async {
        dana.messages(&thread).await.body.contains(&answer).then_some(())
    })
    .await;
    for (who, thread) in [
        (&eve, thread.as_str()),
        (&house.visitor(), thread.as_str()),
        (&dana, "x"),
        (&dana, &other),
    ] {
        assert_eq!(read(who, thread, &answer).await.status, 404);
    }
    // An entry of another conversation marks nothing.
    assert_eq!(read(&eve, &other, &answer).await.json(), json!({"readTo": null}));
    assert_eq!(read(&dana, &thread, "../../etc").await.status, 400);
    assert_eq!(read_to(&dana, &thread).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_customer_leaves_no_mark() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), None).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("reading-0005")).await;
    let answer = house.agent.answer(&thread, "Read me.", "chat").await;
    until("the answer", || async {
        dana.messages(&thread).await.body.contains(&answer).then_some(())
    })
    .await;
    assert_eq!(read(&dana, &thread, &answer).await.status, 200);
    let file = || std::fs::read_to_string(folder.path().join("read-marks")).unwrap();
    assert!(file().contains(&answer));
    let customer = house.agent.threads().await[0]["customer"]["id"].as_str().unwrap().to_owned();
    house.agent.call(Method::DELETE, &format!("/customers/{customer}"), Value::Null).await;
    until("the end of the mark", || async {
        file().lines().last().is_some_and(|line| line.ends_with(" -")).then_some(())
    })
    .await;
    house.close().await;
    // The next start writes down only what counts.
    let house = House::in_folder(folder.path(), None).await;
    assert_eq!(file(), "");
    house.close().await;
}
