//! Whether a visitor has the conversation open: told to whoever can sign, and shown at the agent desk.

use crate::house::{Form, House, Page, until};
use hotline::server::{config::SANDBOX_SIGNING_SECRET, webhook::signature::Secret};
use reqwest::Method;
use serde_json::{Value, json};

/// A question as agents' tools ask it, `seconds` from now.
async fn ask(house: &House, secret: &str, seconds: i64, threads: &[&str]) -> Page {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let body = json!({"threadIds": threads, "at": at.to_string()}).to_string();
    signed(house, secret, body).await
}

async fn signed(house: &House, secret: &str, body: String) -> Page {
    let signature = Secret::new(secret).unwrap().sign(body.as_bytes());
    let request = house.visitor().request(Method::POST, "/api/support/presence");
    let request = request.header("content-type", "application/json");
    Page::of(request.header("plain-request-signature", signature).body(body).send().await.unwrap())
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_see_who_is_there() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("presence-0001")).await;
    let other = dana.ask(&Form::new("presence-0002")).await;
    let present = || async {
        let page = ask(&house, SANDBOX_SIGNING_SECRET, 0, &[&thread, &other]).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["present"].clone()
    };
    let desk = || async {
        reqwest::get(format!("{}/threads/{thread}", house.agent.base))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    };
    assert_eq!(present().await, json!([]));
    assert!(desk().await.contains("The visitor is not on the page"));
    let (stream, _) = dana.follow(&thread, None).await;
    assert_eq!(present().await, json!([thread]));
    assert!(desk().await.contains("The visitor has this conversation open"));
    drop(stream);
    until("the visitor is gone", || async { (present().await == json!([])).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_is_told() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("presence-0003")).await;
    let (_stream, _) = dana.follow(&thread, None).await;
    let refused = |page: &Page, status: u16, code: &str| {
        assert_eq!((page.status, &page.json()["code"]), (status, &Value::from(code)), "{page:?}");
        assert!(page.json()["present"].is_null());
    };
    refused(&ask(&house, "another-secret", 0, &[&thread]).await, 401, "invalid_signature");
    for seconds in [-301, 301] {
        let page = ask(&house, SANDBOX_SIGNING_SECRET, seconds, &[&thread]).await;
        refused(&page, 401, "stale");
    }
    // A webhook's body, signed by Plain itself, is no question.
    for body in ["{}", "[]", r#"{"threadIds":["x"],"at":"2026-05-04T09:12:04Z"}"#] {
        let page = signed(&house, SANDBOX_SIGNING_SECRET, body.into()).await;
        refused(&page, 400, "bad_request");
    }
    let many = vec![&*thread; 101];
    refused(&ask(&house, SANDBOX_SIGNING_SECRET, 0, &many).await, 400, "bad_request");
    // The visitor's own cookie opens nothing here.
    let unsigned = dana.request(Method::POST, "/api/support/presence");
    let body = json!({"threadIds": [thread], "at": jiff::Timestamp::now().to_string()});
    let unsigned = unsigned.header("content-type", "application/json").body(body.to_string());
    refused(&Page::of(unsigned.send().await.unwrap()).await, 401, "invalid_signature");
}
