//! A Plain that refuses, fails, stumbles or is not there: the visitor is told, keeps the text, and a second try
//! never makes a second thread or message.

use crate::house::{FORM, Form, House, Page, until};
use crate::wire::Bend;
use reqwest::Method;
use serde_json::json;

/// The form came back with everything in it and a sentence that says what to do.
#[track_caller]
fn kept(page: &Page, form: &Form) {
    assert!([503, 504].contains(&page.status), "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(page.area_of("message"), form.message);
    for (name, value) in form.fields() {
        if !["message", "topic"].contains(&name) {
            assert_eq!(page.value_of(name), value, "{name}");
        }
    }
    let notice = page.tag("role=\"alert\"").expect("a notice");
    assert!(!notice.contains("hidden"), "{notice}");
    assert!(page.text().contains("try again") || page.text().contains("send it again"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_that_fails_costs_nobody_a_word() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let form = Form::new("outage-0001");
    for graphql in [
        json!({"status": 500}),
        json!({"status": 503}),
        json!({"status": 401}),
        json!({"status": 403}),
        json!({"status": 404}),
        json!({"rateLimited": true}),
    ] {
        house.agent.faults(json!({"graphql": graphql})).await;
        kept(&dana.post("/", &form.fields()).await, &form);
        assert!(dana.cookie.is_none(), "nothing was opened, so nothing is granted");
        let body = serde_urlencoded::to_string(form.fields()).unwrap();
        let api = dana.send(Method::POST, "/api/support/create", FORM, body).await;
        assert_eq!((api.status, &api.json()["code"]), (503, &json!("unavailable")), "{graphql}");
        // What Plain said is the operator's business.
        assert!(!api.body.contains("Fault") && !api.body.contains("Rate limit"), "{api:?}");
    }
    house.agent.faults(json!({})).await;
    assert!(house.agent.threads().await.is_empty());
    let thread = dana.ask(&form).await;
    assert_eq!(house.agent.threads().await.len(), 1);
    assert_eq!(house.agent.chats(&thread).await, [&*form.message]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_none() {
    let (house, wire) = House::wired(&[("PLAIN_TIMEOUT_MS", "400")]).await;
    let mut dana = house.visitor();
    let form = Form::new("outage-0002");
    for (status, kind, text) in [
        (200, "text/html", "<html><body>We are down for maintenance</body></html>"),
        (502, "text/html", "<html><h1>Bad gateway</h1></html>"),
        (200, "application/json", ""),
        (200, "application/json", "{\"data\":{\"upsertCus"),
        (200, "application/json", "{\"data\":null}"),
        (200, "application/json", "[]"),
        (302, "text/plain", ""),
        (429, "text/plain", "slow down"),
    ] {
        wire.bend(move |_, _| Bend::Answer(status, kind, text));
        kept(&dana.post("/", &form.fields()).await, &form);
    }
    wire.bend(|_, _| Bend::Break);
    kept(&dana.post("/", &form.fields()).await, &form);
    wire.straighten();
    let thread = dana.ask(&form).await;
    assert_eq!(house.agent.threads().await.len(), 1);
    assert_eq!(house.agent.chats(&thread).await, [&*form.message]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_at_plains_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/graphql/v1", free.local_addr().unwrap());
    // First somebody who accepts and never says a word, then nobody.
    for listener in [Some(free), None] {
        let house = House::facing(&url).await;
        let mut dana = house.visitor();
        let form = Form::new("outage-0003");
        kept(&dana.post("/", &form.fields()).await, &form);
        assert_eq!(dana.get("/").await.status, 200);
        assert_eq!(dana.get("/livez").await.status, 200);
        let ready = dana.get("/readyz").await;
        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()["checks"], json!({"bus": true, "desk": false}));
        drop(listener);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_makes_no_second_thread() {
    for operation in ["CreateThread", "SendCustomerChat"] {
        for broken in [false, true] {
            let (house, wire) = House::wired(&[("PLAIN_TIMEOUT_MS", "400")]).await;
            // Carried out, but the answer to the first one never comes.
            wire.bend(move |name, nth| match (name == operation && nth == 0, broken) {
                (true, false) => Bend::LoseAnswer,
                (true, true) => Bend::Break,
                _ => Bend::Straight,
            });
            let form = Form::new("outage-0004");
            let mut dana = house.visitor();
            let first = dana.post("/", &form.fields()).await;
            assert_eq!(wire.count(operation), 1, "looked for, not sent again");
            if first.status != 303 {
                kept(&first, &form);
            }
            let thread = dana.ask(&form).await;
            assert_eq!(house.agent.threads().await.len(), 1, "{operation}");
            assert_eq!(house.agent.chats(&thread).await, [&*form.message], "{operation}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_even_be_looked_for_is_found_at_the_next_try() {
    for operation in ["CreateThread", "SendCustomerChat"] {
        let (house, wire) = House::wired(&[("PLAIN_TIMEOUT_MS", "400")]).await;
        let lost = std::sync::atomic::AtomicBool::new(false);
        // The answer is lost, and from then on Plain is away.
        wire.bend(move |name, _| {
            if lost.load(std::sync::atomic::Ordering::SeqCst) {
                return Bend::Answer(503, "text/plain", "");
            }
            if name != operation {
                return Bend::Straight;
            }
            lost.store(true, std::sync::atomic::Ordering::SeqCst);
            Bend::LoseAnswer
        });
        let form = Form::new("outage-0005");
        let mut dana = house.visitor();
        let first = dana.post("/", &form.fields()).await;
        kept(&first, &form);
        assert_eq!(first.status, 504, "nobody knows whether it arrived: {first:?}");
        assert_eq!(house.agent.threads().await.len(), 1, "it did");
        wire.straighten();
        let thread = dana.ask(&form).await;
        assert_eq!(house.agent.threads().await.len(), 1, "{operation}");
        assert_eq!(house.agent.chats(&thread).await, [&*form.message], "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_in_an_outage_keeps_its_text_and_is_sent_once() {
    let (house, wire) = House::wired(&[("PLAIN_TIMEOUT_MS", "400")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("outage-0006")).await;
    let text = "Any news? </textarea><script>alert(1)</script>";

    // Refused: nothing is sent, and the page that comes back holds the text and the key, though the conversation
    // itself cannot be read.
    wire.bend(|_, _| Bend::Answer(503, "text/plain", ""));
    let page = dana.reply(&thread, text, "outage-key-1").await;
    assert!([503, 504].contains(&page.status), "{page:?}");
    assert_eq!(page.area_of("text"), text);
    assert_eq!(page.value_of("client_message_id"), "outage-key-1");
    assert!(page.tag(&format!("action=\"/t/{thread}\"")).unwrap().contains("method=\"post\""));
    assert!(page.tags().iter().all(|tag| *tag != "<script>"));
    wire.straighten();
    assert_eq!(house.agent.chats(&thread).await.len(), 1);
    let key = page.value_of("client_message_id");
    assert_eq!(dana.reply(&thread, &page.area_of("text"), &key).await.status, 303);
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000.", text]);

    // Sent, and the answer lost: with the same key it does not arrive twice.
    wire.bend(|name, nth| match (name, nth) {
        ("SendCustomerChat", 0) => Bend::LoseAnswer,
        _ => Bend::Straight,
    });
    let first = dana.reply(&thread, "Hello?", "outage-key-2").await;
    assert!([303, 504].contains(&first.status), "{first:?}");
    assert_eq!(dana.reply(&thread, "Hello?", "outage-key-2").await.status, 303);
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000.", text, "Hello?"]);

    // The same, where it cannot be looked for until the next try.
    wire.bend(|name, nth| match (name, nth) {
        ("SendCustomerChat", 0) => Bend::LoseAnswer,
        ("SendCustomerChat", _) => Bend::Straight,
        _ => Bend::Answer(503, "text/plain", ""),
    });
    let first = dana.reply(&thread, "Anybody?", "outage-key-3").await;
    assert_eq!(first.status, 504, "{first:?}");
    assert_eq!(first.area_of("text"), "Anybody?");
    wire.straighten();
    assert_eq!(dana.reply(&thread, "Anybody?", "outage-key-3").await.status, 303);
    let chats = house.agent.chats(&thread).await;
    assert_eq!(chats.iter().filter(|chat| *chat == "Anybody?").count(), 1, "{chats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandboxs_own_switches() {
    let (house, _wire) = House::wired(&[("PLAIN_TIMEOUT_MS", "400")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("outage-0007")).await;
    house.agent.faults(json!({"graphql": {"timeoutAfterWrite": true}})).await;
    let first = dana.reply(&thread, "Hello?", "outage-key-4").await;
    assert!([303, 504].contains(&first.status), "{first:?}");
    house.agent.faults(json!({"graphql": {"delayMs": 2000}})).await;
    let late = dana.get(&format!("/t/{thread}")).await;
    assert_eq!(late.status, 503);
    house.agent.faults(json!({})).await;
    assert_eq!(dana.reply(&thread, "Hello?", "outage-key-4").await.status, 303);
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000.", "Hello?"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_health_while_plain_is_away() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("outage-0008")).await;
    assert_eq!(dana.get("/readyz").await.status, 200);
    wire.bend(|_, _| Bend::Answer(500, "text/html", "<h1>oops</h1>"));
    for path in [format!("/t/{thread}"), "/threads".into()] {
        let page = dana.get(&path).await;
        assert_eq!(page.status, 503, "{path}");
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text().contains("cannot be reached right now"), "{}", page.text());
        assert!(!page.body.contains("oops"));
    }
    let messages = dana.messages(&thread).await;
    assert_eq!((messages.status, &messages.json()["code"]), (503, &json!("unavailable")));
    // The last good answer holds for a few seconds.
    until("not ready", || async { (dana.get("/readyz").await.status == 503).then_some(()) }).await;
    assert_eq!(dana.get("/livez").await.status, 200);
    // Live updates do not need Plain's API.
    let (mut stream, _) = dana.follow(&thread, None).await;
    house.agent.answer(&thread, "still here", "chat").await;
    super::following::message(&mut stream, "still here").await;
    wire.straighten();
    until("ready", || async { (dana.get("/readyz").await.status == 200).then_some(()) }).await;
    assert!(dana.get(&format!("/t/{thread}")).await.text().contains("still here"));
}
