//! The webhook intake as part of the whole portal: what an operator reads about it, and what it never waits for.

use crate::{
    house::{Form, House, Page, Visitor, until},
    live::{THREAD, chat_sent, envelope, thread},
};
use hotline::server::{config::SANDBOX_SIGNING_SECRET, webhook::signature::Secret};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Moves an envelope to this moment.
pub fn now(mut body: Value) -> Value {
    let now = jiff::Timestamp::now().to_string();
    body["webhookMetadata"]["webhookDeliveryAttemptTimestamp"] = now.into();
    body
}

/// Signs and posts a body as Plain does.
pub async fn post(portal: &str, secret: &str, body: &Value) -> Page {
    let body = body.to_string();
    let signature = Secret::new(secret).unwrap().sign(body.as_bytes());
    let request = crate::live::client()
        .post(format!("{portal}/api/webhooks/plain"))
        .header("content-type", "application/json")
        .header("plain-request-signature", signature)
        .body(body);
    Page::of(request.send().await.unwrap()).await
}

/// A counter with these labels; 0 where it was never counted.
async fn counted(visitor: &Visitor, name: &str, labels: &[(&str, &str)]) -> u64 {
    let metrics = visitor.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    let labels: Vec<_> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    let line = metrics.body.lines().find(|line| {
        line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
    });
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_tell_when_an_old_secret_may_go() {
    let (house, _wire) =
        House::wired(&[("PLAIN_WEBHOOK_SECRET", "brand-new, quite-new, rather-old")]).await;
    let visitor = house.visitor();
    let used = async |place: &str| {
        counted(&visitor, "hotline_webhook_signature_total", &[("secret", place)]).await
    };
    // Other portals of this process count too, but none has a third secret.
    let before = (used("1").await, used("2").await);
    for (n, secret) in [(1, "quite-new"), (2, "rather-old"), (3, "rather-old")] {
        let page = post(&house.portal, secret, &now(chat_sent(n, "x"))).await;
        assert_eq!(page.status, 200, "{page:?}");
    }
    assert_eq!((used("1").await, used("2").await), (before.0 + 1, before.1 + 2));
    house.close().await;

    let (house, _wire) = House::wired(&[("PLAIN_WEBHOOK_SECRET", "brand-new,quite-new")]).await;
    let page = post(&house.portal, "rather-old", &now(chat_sent(4, "x"))).await;
    assert_eq!((page.status, page.json()["code"].as_str()), (401, Some("invalid_signature")));
    let page = post(&house.portal, "quite-new", &now(chat_sent(4, "x"))).await;
    assert_eq!(page.status, 200, "{page:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_taken_and_counted_by_few_words() {
    let house = House::open().await;
    let visitor = house.visitor();
    let take = async |body: Value| {
        let page = post(&house.portal, SANDBOX_SIGNING_SECRET, &now(body)).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["outcome"].as_str().unwrap().to_owned()
    };
    let teams = "thread.ms_teams_message_sent";
    let unreadable =
        async || counted(&visitor, "hotline_webhook_unreadable_total", &[("type", teams)]).await;
    let before = unreadable().await;
    let odd = json!({"thread": thread(), "msTeamsMessage": {"text": ["PLANTED-SHAPE"]}});
    assert_eq!(take(envelope(1, teams, odd)).await, "published");
    assert_eq!(unreadable().await, before + 1);

    for n in 0..50 {
        let kind = format!("thread.something_new_{n}");
        assert_eq!(take(envelope(100 + n, &kind, json!({"thread": thread()}))).await, "ignored");
        let mut future = chat_sent(200 + n, "x");
        let version = format!("2031-01-{:02}", n % 28 + 1);
        future["webhookMetadata"]["webhookTargetVersion"] = version.into();
        assert_eq!(take(future).await, "ignored");
    }
    let of =
        async |why: &str| counted(&visitor, "hotline_webhook_ignored_total", &[("why", why)]).await;
    assert!(of("unknown_type").await >= 50);
    assert!(of("unknown_version").await >= 50);
    let metrics = visitor.get("/metrics").await.body;
    for outside in ["something_new", "2031", "PLANTED-SHAPE", THREAD] {
        assert!(!metrics.contains(outside), "{outside} became a label");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_method_and_no_slash_is_redirected() {
    let house = House::open().await;
    let client = crate::live::client();
    for path in ["/api/webhooks/plain", "/api/webhooks/plain/"] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let url = format!("{}{path}", house.portal);
            let answer = client.request(method.clone(), url).send().await.unwrap();
            let wanted = if method == Method::POST { 415 } else { 405 };
            assert_eq!(answer.status().as_u16(), wanted, "{method} {path}");
            assert!(!answer.headers().contains_key("location"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_do_not_need_plains_api() {
    // Nothing listens there: whoever asks is refused at once.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = closed.local_addr().unwrap();
    drop(closed);
    // Here somebody counts who comes.
    let calls = Arc::new(AtomicUsize::new(0));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let counting = listener.local_addr().unwrap();
    let counter = calls.clone();
    let door = tokio::spawn(async move {
        loop {
            let caller = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::SeqCst);
            drop(caller);
        }
    });
    for plain in [gone, counting] {
        let house = House::facing(&format!("http://{plain}/graphql/v1")).await;
        for n in 1..=100 {
            let page = post(&house.portal, SANDBOX_SIGNING_SECRET, &now(chat_sent(n, "x"))).await;
            assert_eq!((page.status, &page.json()["outcome"]), (200, &json!("published")));
        }
        let customer = json!({"previousCustomer": {"id": crate::live::CUSTOMER}});
        let deleted = envelope(101, "customer.customer_deleted", customer);
        let page = post(&house.portal, SANDBOX_SIGNING_SECRET, &now(deleted)).await;
        assert_eq!((page.status, &page.json()["outcome"]), (200, &json!("published")));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0, "nothing was asked of Plain");
    // And it would have been noticed.
    let house = House::facing(&format!("http://{counting}/graphql/v1")).await;
    let page = house.visitor().post("/", &Form::new("intake-0001").fields()).await;
    assert_eq!(page.status, 503);
    until("a call", || async { (calls.load(Ordering::SeqCst) > 0).then_some(()) }).await;
    door.abort();
}
