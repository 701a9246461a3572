//! After the answer: a rating, and the visitor's word that it is solved.

use crate::{
    house::{Agent, FORM, Form, House, Page, Visitor, until},
    wire::Bend,
};
use reqwest::Method;
use serde_json::{Value, json};

/// What the agents see of the ratings, oldest first.
async fn events(agent: &Agent, thread: &str) -> Vec<Value> {
    let thread = agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    let entries = thread["timelineEntries"].as_array().unwrap();
    let is_event = |it: &&Value| it["entry"]["__typename"] == "ThreadEventEntry";
    let ours = |it: &&Value| it["entry"]["title"].as_str().unwrap().starts_with("Customer rating");
    entries.iter().filter(is_event).filter(ours).cloned().collect()
}

fn titles(events: &[Value]) -> Vec<&str> {
    events.iter().map(|it| it["entry"]["title"].as_str().unwrap()).collect()
}

async fn status(agent: &Agent, thread: &str) -> String {
    let thread = agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    thread["status"].as_str().unwrap().to_owned()
}

/// A thread that the team marked as done, and the visitor knows it.
async fn done(house: &House, visitor: &mut Visitor, key: &str) -> String {
    let thread = visitor.ask(&Form::new(key)).await;
    let path = format!("/threads/{thread}/status");
    house.agent.call(Method::POST, &path, json!({"status": "DONE"})).await;
    until("the end", || async {
        let page = visitor.messages(&thread).await.json();
        (page["thread"]["status"] == "done").then_some(())
    })
    .await;
    thread
}

async fn rated(visitor: &Visitor, thread: &str) -> Value {
    visitor.messages(thread).await.json()["rating"].clone()
}

async fn rate(visitor: &mut Visitor, thread: &str, value: &str) -> Page {
    visitor.post(&format!("/t/{thread}"), &[("intent", "rate"), ("value", value)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_vote_replaces_the_first() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = done(&house, &mut dana, "marks-0001").await;
    assert_eq!(rated(&dana, &thread).await, Value::Null);

    let page = rate(&mut dana, &thread, "2").await;
    assert_eq!(page.status, 303, "{page:?}");
    assert!(page.header("location").starts_with(&format!("/t/{thread}")));
    assert_eq!(rated(&dana, &thread).await, 2);
    let fields = [("threadId", &*thread), ("value", "5")];
    let api = dana.post("/api/support/rating", &fields).await;
    assert_eq!((api.status, api.json()), (200, json!({"rating": 5})));
    assert_eq!(rated(&dana, &thread).await, 5);
    // The same vote again is no second one.
    assert_eq!(rate(&mut dana, &thread, "5").await.status, 303);
    let seen = events(&house.agent, &thread).await;
    assert_eq!(titles(&seen), ["Customer rating: 2 of 5", "Customer rating: 5 of 5"]);
    assert_eq!(seen[1]["entry"]["components"][0]["text"], "★★★★★");
    assert_eq!(seen[1]["actor"]["__typename"], "MachineUserActor");
    // Agents see it; the visitor's page says it, but not as a message.
    let page = dana.messages(&thread).await;
    assert!(!page.body.contains("Customer rating") && !page.body.contains("hotline-rating"));
    assert!(!dana.get(&format!("/t/{thread}.json")).await.body.contains("rating"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rating_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), None).await;
    let (portal, desk) = house.addresses();
    let mut dana = house.visitor();
    let thread = done(&house, &mut dana, "marks-0002").await;
    for value in ["1", "4"] {
        assert_eq!(rate(&mut dana, &thread, value).await.status, 303);
    }
    house.close().await;
    let house = House::in_folder(folder.path(), Some((&portal, &desk))).await;
    assert_eq!(rated(&dana, &thread).await, 4, "read back from Plain");
    assert_eq!(rate(&mut dana, &thread, "4").await.status, 303);
    assert_eq!(events(&house.agent, &thread).await.len(), 2, "known, so not voted again");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_rating_is_refused() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = done(&house, &mut dana, "marks-0003").await;
    for value in ["0", "6", "x", "", "-1", "05", "1.0", "55"] {
        let page = rate(&mut dana, &thread, value).await;
        assert_eq!(page.status, 422, "{value}: {page:?}");
        let fields = [("threadId", &*thread), ("value", value)];
        let api = dana.post("/api/support/rating", &fields).await;
        assert_eq!((api.status, &api.json()["code"]), (422, &json!("invalid")), "{value}");
    }
    let api =
        dana.post("/api/support/status", &[("threadId", &*thread), ("done", "perhaps")]).await;
    assert_eq!(api.status, 400, "{api:?}");
    // Not before the end.
    let open = dana.ask(&Form::new("marks-0004")).await;
    let page = rate(&mut dana, &open, "3").await;
    assert_eq!(page.status, 409, "{page:?}");
    let api = dana.post("/api/support/rating", &[("threadId", &*open), ("value", "3")]).await;
    assert_eq!((api.status, &api.json()["code"]), (409, &json!("conflict")));
    for thread in [&thread, &open] {
        assert!(events(&house.agent, thread).await.is_empty());
    }
    assert_eq!(rated(&dana, &thread).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_visitor_solves_and_reopens() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("marks-0005")).await;
    let path = format!("/t/{thread}");
    let (mut stream, _) = dana.follow(&thread, None).await;
    let mut turned = async |word: &str| loop {
        let frame = stream.next().await.expect("the stream goes on");
        if frame.data["status"] == word {
            return;
        }
    };

    assert_eq!(dana.post(&path, &[("intent", "solve")]).await.status, 303);
    // At once, whenever the event comes; and who has the page open is told by it.
    assert_eq!(dana.messages(&thread).await.json()["thread"]["status"], "done");
    assert_eq!(status(&house.agent, &thread).await, "DONE");
    turned("done").await;
    assert_eq!(
        dana.post(&path, &[("intent", "solve")]).await.status,
        303,
        "again: nothing happens"
    );

    let fields = [("threadId", &*thread), ("done", "false")];
    let api = dana.post("/api/support/status", &fields).await;
    assert_eq!((api.status, api.json()), (200, json!({"done": false})));
    assert_eq!(status(&house.agent, &thread).await, "TODO");
    turned("inProgress").await;
    assert_eq!(dana.messages(&thread).await.json()["thread"]["status"], "inProgress");
    let api = dana.post("/api/support/status", &fields).await;
    assert_eq!((api.status, api.json()), (200, json!({"done": false})), "again");
    assert_eq!(dana.post(&path, &[("intent", "reopen")]).await.status, 303);

    let all = house.agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    let turns: Vec<_> = all["timelineEntries"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["entry"]["__typename"] == "ThreadStatusTransitionedEntry")
        .map(|it| it["entry"]["nextStatus"].as_str().unwrap())
        .collect();
    assert_eq!(turns, ["DONE", "TODO"], "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_threads_and_pages_mark_nothing() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = done(&house, &mut dana, "marks-0006").await;
    let mut eve = house.visitor();
    eve.ask(&Form { email: "eve@other.example".into(), ..Form::new("marks-0007") }).await;
    let forms = [
        (format!("/t/{thread}"), "intent=rate&value=1".to_owned()),
        (format!("/t/{thread}"), "intent=reopen".into()),
        ("/api/support/rating".into(), format!("threadId={thread}&value=1")),
        ("/api/support/status".into(), format!("threadId={thread}&done=false")),
    ];
    for (path, body) in &forms {
        for who in [&eve, &house.visitor()] {
            let page = who.send(Method::POST, path, FORM, body.clone()).await;
            assert_eq!(page.status, 404, "{path} {body} {page:?}");
        }
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")]
        {
            let request = dana.request(Method::POST, path).header(name, value);
            let request = request.header("content-type", FORM).body(body.clone());
            let page = Page::of(request.send().await.unwrap()).await;
            assert_eq!(page.status, 403, "{path} {body} {page:?}");
        }
    }
    assert_eq!(status(&house.agent, &thread).await, "DONE");
    assert!(events(&house.agent, &thread).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plains_refusal_is_told() {
    const REQUIRED: &str = r#"{"data":{"markThreadAsDone":{"thread":null,"error":{"message":"PLANTED: required thread fields are missing","type":"VALIDATION","code":"input_validation","fields":[{"field":"threadFields","message":"PLANTED","type":"REQUIRED"}]}}}}"#;
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("marks-0008")).await;
    wire.bend(|operation, _| match operation {
        "MarkThreadAsDone" => Bend::Answer(200, "application/json", REQUIRED),
        _ => Bend::Straight,
    });
    let page = dana.post(&format!("/t/{thread}"), &[("intent", "solve")]).await;
    assert_eq!(page.status, 409, "{page:?}");
    assert!(
        page.text().contains("the support team has something to complete first"),
        "{}",
        page.text()
    );
    assert!(!page.body.contains("PLANTED"));
    let fields = [("threadId", &*thread), ("done", "true")];
    let api = dana.post("/api/support/status", &fields).await;
    assert_eq!((api.status, &api.json()["code"]), (409, &json!("conflict")));
    assert_eq!(status(&house.agent, &thread).await, "TODO");
    // What Plain does not answer is told as such, and may be tried again.
    wire.bend(|operation, _| match operation {
        "MarkThreadAsDone" => Bend::Answer(500, "text/plain", "broken on purpose"),
        _ => Bend::Straight,
    });
    assert_eq!(dana.post("/api/support/status", &fields).await.status, 503);
    wire.straighten();
    assert_eq!(dana.post("/api/support/status", &fields).await.status, 200);
    assert_eq!(status(&house.agent, &thread).await, "DONE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_no_second_vote() {
    let (house, wire) = House::wired(&[("PLAIN_TIMEOUT_MS", "500")]).await;
    let mut dana = house.visitor();
    let thread = done(&house, &mut dana, "marks-0009").await;
    wire.bend(|operation, nth| match (operation, nth) {
        ("CreateThreadEvent", 0) => Bend::LoseAnswer,
        _ => Bend::Straight,
    });
    assert_eq!(rate(&mut dana, &thread, "3").await.status, 303);
    assert_eq!(wire.count("CreateThreadEvent"), 2);
    assert_eq!(titles(&events(&house.agent, &thread).await), ["Customer rating: 3 of 5"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ratings_are_asked_for_once_and_only_at_the_end() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("marks-0010")).await;
    let path = format!("/t/{thread}");
    for _ in 0..3 {
        assert_eq!(dana.get(&path).await.status, 200);
    }
    assert_eq!(wire.count("ThreadEvents"), 0, "not while it is open");
    assert_eq!(dana.post(&path, &[("intent", "solve")]).await.status, 303);
    for n in 0..3 {
        assert_eq!(dana.get(&path).await.status, 200);
        // So that the page itself is read anew.
        house.agent.answer(&thread, &format!("word {n}"), "chat").await;
        house
            .agent
            .call(Method::POST, &format!("/threads/{thread}/status"), json!({"status": "DONE"}))
            .await;
    }
    assert_eq!(rate(&mut dana, &thread, "4").await.status, 303);
    assert_eq!(rated(&dana, &thread).await, 4);
    assert_eq!(wire.count("ThreadEvents"), 1, "once it is done: once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_have_a_limit_of_their_own() {
    let house = House::with(&[("HOTLINE_RATE_MARKS", "2/1h")]).await;
    let mut dana = house.visitor();
    let thread = done(&house, &mut dana, "marks-0011").await;
    assert_eq!(rate(&mut dana, &thread, "1").await.status, 303);
    assert_eq!(rate(&mut dana, &thread, "2").await.status, 303);
    let refused = rate(&mut dana, &thread, "3").await;
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(rated(&dana, &thread).await, 2);
}
