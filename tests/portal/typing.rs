//! Who types: told by agents' tools to the visitor's tabs, and by the visitor's tab to agents' tools.

use crate::{
    following::message,
    house::{FORM, Form, House, Page, Visitor, until},
    live::{Frame, Reader},
};
use hotline::server::{config::SANDBOX_SIGNING_SECRET, webhook::signature::Secret};
use reqwest::Method;
use serde_json::{Value, json};

async fn signed(house: &House, secret: &str, route: &str, body: &Value) -> Page {
    let body = body.to_string();
    let signature = Secret::new(secret).unwrap().sign(body.as_bytes());
    let path = format!("/api/support/{route}");
    let request = house.visitor().request(Method::POST, &path);
    let request = request.header("content-type", "application/json");
    Page::of(request.header("plain-request-signature", signature).body(body).send().await.unwrap())
        .await
}

/// The next sign of typing, whatever comes before it: the webhook of the visitor's own question comes when it likes.
async fn sign(stream: &mut Reader) -> Frame {
    loop {
        let frame = stream.next().await.expect("the stream goes on");
        if frame.data["type"] == "typing" {
            return frame;
        }
    }
}

fn at(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

fn typing(thread: &str, name: &str, typing: bool) -> Value {
    json!({"threadId": thread, "name": name, "typing": typing, "at": at(0)})
}

async fn types(who: &Visitor, thread: &str, typing: &str) -> Page {
    let body = format!("threadId={thread}&typing={typing}");
    who.send(Method::POST, "/api/support/typing", FORM, body).await
}

/// What agents' tools hear of a thread: who has it open, who types there.
async fn presence(house: &House, thread: &str) -> (Value, Value) {
    let question = json!({"threadIds": [thread], "at": at(0)});
    let page = signed(house, SANDBOX_SIGNING_SECRET, "presence", &question).await;
    assert_eq!(page.status, 200, "{page:?}");
    (page.json()["present"].clone(), page.json()["typing"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agents_typing_is_shown_now_and_never_again() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("typing-0001")).await;
    let (mut stream, connected) = dana.follow(&thread, None).await;
    let say = |name: &'static str, on: bool| {
        let (house, thread) = (&house, &thread);
        async move {
            let body = typing(thread, name, on);
            let page = signed(house, SANDBOX_SIGNING_SECRET, "typing", &body).await;
            assert_eq!((page.status, page.body.as_str()), (204, ""));
        }
    };
    say("  Ines\u{202e}\n Marchetti\u{0} ", true).await;
    let frame = sign(&mut stream).await;
    assert_eq!(frame.id, None, "it has no place in the history");
    assert_eq!(frame.data["threadId"], thread.as_str());
    assert_eq!(frame.data["name"], "Ines Marchetti");
    let for_ms = frame.data["forMs"].as_u64().unwrap();
    assert!((1..=10_000).contains(&for_ms), "{for_ms}");
    say("Ines", false).await;
    assert_eq!(sign(&mut stream).await.data["forMs"], 0);

    // Whoever comes later, from before it, hears of the answer and of no typing.
    let place = connected["cursor"].as_str().unwrap();
    let (mut late, again) = dana.follow(&thread, Some(place)).await;
    assert_eq!((&again["gap"], &again["cursor"]), (&json!(false), &connected["cursor"]));
    house.agent.answer(&thread, "Here it is.", "chat").await;
    let mut frames = Vec::new();
    let told = loop {
        let frame = late.next().await.unwrap();
        if frame.data["entry"]["text"] == "Here it is." {
            break frame;
        }
        frames.push(frame);
    };
    assert!(frames.iter().all(|frame| frame.data["type"] != "typing"), "{frames:?}");
    assert_eq!(message(&mut stream, "Here it is.").await.id, told.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_says_who_types() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("typing-0002")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let refused = |page: &Page, status: u16, code: &str| {
        assert_eq!((page.status, &page.json()["code"]), (status, &Value::from(code)), "{page:?}");
    };
    let body = typing(&thread, "Eve", true);
    refused(&signed(&house, "another-secret", "typing", &body).await, 401, "invalid_signature");
    for seconds in [-301, 301] {
        let mut old = body.clone();
        old["at"] = at(seconds).into();
        let page = signed(&house, SANDBOX_SIGNING_SECRET, "typing", &old).await;
        refused(&page, 401, "stale");
    }
    for bad in [json!({}), json!([]), json!({"threadId": "x", "typing": true, "at": at(0)})] {
        let page = signed(&house, SANDBOX_SIGNING_SECRET, "typing", &bad).await;
        refused(&page, 400, "bad_request");
    }
    // A visitor's cookie is no signature, whatever name they give.
    let own = format!("threadId={thread}&typing=true&name=Ines");
    let page = dana.send(Method::POST, "/api/support/typing", FORM, own).await;
    assert_eq!(page.status, 204);
    let json = dana.send(Method::POST, "/api/support/typing", "application/json", body.to_string());
    assert_eq!(json.await.status, 415);
    // None of it was shown: the first thing that comes is what an agent says.
    let page =
        signed(&house, SANDBOX_SIGNING_SECRET, "typing", &typing(&thread, "Ines", true)).await;
    assert_eq!(page.status, 204);
    loop {
        let frame = stream.next().await.unwrap();
        if frame.data["type"] == "typing" {
            assert_eq!(frame.data["name"], "Ines", "{frame:?}");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitors_typing_is_told_to_who_asks_and_ends_by_itself() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("typing-0003")).await;
    let mut eve = house.visitor();
    let other = eve.ask(&Form::new("typing-0004")).await;
    let (_stream, _) = dana.follow(&thread, None).await;
    assert_eq!(presence(&house, &thread).await, (json!([thread]), json!([])));
    assert_eq!(types(&dana, &thread, "true").await.status, 204);
    assert_eq!(presence(&house, &thread).await, (json!([thread]), json!([thread])));
    assert_eq!(types(&dana, &thread, "false").await.status, 204);
    assert_eq!(presence(&house, &thread).await, (json!([thread]), json!([])));
    // A tab that says nothing more, because it is gone: it ends all the same.
    assert_eq!(types(&dana, &thread, "true").await.status, 204);
    until("the end of typing", || async {
        (presence(&house, &thread).await == (json!([thread]), json!([]))).then_some(())
    })
    .await;
    // Nobody types in a thread that is not theirs, or nonsense.
    for (who, thread) in [(&eve, thread.as_str()), (&dana, other.as_str()), (&dana, "x")] {
        assert_eq!(types(who, thread, "true").await.status, 404);
    }
    assert_eq!(types(&dana, &thread, "perhaps").await.status, 400);
    assert_eq!(presence(&house, &thread).await.1, json!([]));
    // Who does not have it open does not type.
    assert_eq!(types(&eve, &other, "true").await.status, 204);
    assert_eq!(presence(&house, &other).await, (json!([]), json!([])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signs_have_a_bucket_of_their_own() {
    let house = House::with(&[("HOTLINE_RATE_SIGNALS", "2/10m")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("typing-0005")).await;
    for _ in 0..2 {
        assert_eq!(types(&dana, &thread, "true").await.status, 204);
    }
    let page = types(&dana, &thread, "true").await;
    assert_eq!((page.status, &page.json()["code"]), (429, &json!("rate_limited")));
    assert!(!page.header("retry-after").is_empty());
    // Nothing else is held up by it.
    assert_eq!(dana.messages(&thread).await.status, 200);
    assert_eq!(dana.reply(&thread, "More.", "typing-key-1").await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_desk_tells_and_asks() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("typing-0006")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let http = crate::live::client();
    let page = format!("{}/threads/{thread}", house.agent.base);
    let html = http.get(&page).send().await.unwrap().text().await.unwrap();
    let (_, rest) = html.split_once("id=\"agent\"").unwrap();
    let (_, rest) = rest.split_once("<option value=\"").unwrap();
    let agent = rest.split('"').next().unwrap();
    assert!(agent.starts_with("u_"), "{agent}");
    let say = http.post(format!("{page}/typing")).header("content-type", FORM);
    let say = say.body(format!("typing=true&agent={agent}"));
    assert_eq!(say.send().await.unwrap().status(), 204);
    let shown = sign(&mut stream).await;
    assert!(!shown.data["name"].as_str().unwrap().is_empty(), "{shown:?}");
    let there = || async {
        let answer = http.get(format!("{page}/presence")).send().await.unwrap();
        let text = answer.text().await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(there().await, json!({"present": true, "typing": false}));
    assert_eq!(types(&dana, &thread, "true").await.status, 204);
    assert_eq!(there().await, json!({"present": true, "typing": true}));
    let html = http.get(&page).send().await.unwrap().text().await.unwrap();
    assert!(html.contains("The visitor is typing…</p>"), "{html}");
}
