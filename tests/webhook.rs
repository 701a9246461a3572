//! The webhook intake over real sockets: who is believed, what is told, and what never is.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "support/live.rs"]
mod live;

use hotline::{
    domain::{
        ids::{Cursor, CustomerId, ThreadId},
        live::StreamEvent,
    },
    server::{
        bus::{Answer, BusError, EventBus, Forgotten, NewEvent, Published, Subscription},
        webhook::signature::Secret,
    },
};
use live::{AGENT, CUSTOMER, NOW, Portal, SECRET, Setup, THREAD};
use live::{chat_sent, envelope, event_id, part, thread};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SIGNATURE: &str = "plain-request-signature";

fn sign(secret: &str, body: &str) -> String {
    Secret::new(secret).unwrap().sign(body.as_bytes())
}

fn refused(code: &str, error: &str) -> Value {
    json!({"error": error, "code": code})
}

/// Posts an event and gives the frame's data, as a visitor of the thread gets it.
async fn told(portal: &Portal, body: &Value) -> Value {
    let mut reader = portal.follow(None, None).await;
    reader.expect("connected").await;
    let (status, answer) = portal.post(body).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("published")), "{body}");
    reader.expect("webhook").await.data
}

async fn ignored(portal: &Portal, body: &Value) {
    assert_eq!(
        portal.post(body).await,
        (200, json!({"received": true, "outcome": "ignored"})),
        "{body}"
    );
}

#[tokio::test]
async fn signed_bodies_only() {
    let portal = Portal::start().await;
    let body = chat_sent(1, "hello").to_string();
    let good = sign(SECRET, &body);
    let no = (401, refused("invalid_signature", "Invalid signature"));
    assert_eq!(portal.post_raw(body.clone(), &[]).await, no);
    assert_eq!(portal.post_raw(body.clone(), &[(SIGNATURE, &sign("other", &body))]).await, no);
    assert_eq!(portal.post_raw(body.clone(), &[(SIGNATURE, &good[..62])]).await, no);
    let flipped = body.replacen("hello", "hellp", 1);
    assert_eq!(portal.post_raw(flipped, &[(SIGNATURE, &good)]).await, no);
    let pretty = serde_json::to_string_pretty(&chat_sent(1, "hello")).unwrap();
    assert_eq!(portal.post_raw(pretty, &[(SIGNATURE, &good)]).await, no);
    assert_eq!(portal.post_raw(format!("{body} "), &[(SIGNATURE, &good)]).await, no);
    // The official header decides where both are sent.
    let wrong = sign("other", &body);
    let both = [(SIGNATURE, wrong.as_str()), ("x-plain-signature", good.as_str())];
    assert_eq!(portal.post_raw(body.clone(), &both).await, no);

    let yes = (200, json!({"received": true, "outcome": "published"}));
    assert_eq!(portal.post_raw(body.clone(), &[("X-Plain-Signature", &good)]).await, yes);
    let again = portal.post_raw(body, &[("Plain-Request-Signature", &good)]).await;
    assert_eq!(again, (200, json!({"received": true, "outcome": "duplicate"})));
}

#[tokio::test]
async fn every_configured_secret_verifies_until_it_is_removed() {
    let both = Portal::with(Setup { secrets: vec!["new", "old"], ..Default::default() }).await;
    let alone = Portal::with(Setup { secrets: vec!["new"], ..Default::default() }).await;
    for (n, secret) in [(1, "new"), (2, "old")] {
        let body = chat_sent(n, "x").to_string();
        let signature = sign(secret, &body);
        assert_eq!(both.post_raw(body.clone(), &[(SIGNATURE, &signature)]).await.0, 200);
        let expected = if secret == "new" { 200 } else { 401 };
        assert_eq!(alone.post_raw(body, &[(SIGNATURE, &signature)]).await.0, expected);
    }
}

#[tokio::test]
async fn attempts_are_fresh_by_what_was_signed() {
    let portal = Portal::start().await;
    let stale = (401, refused("stale", "Delivery attempt is too old or from the future"));
    for (n, off, fresh) in
        [(1, 299, true), (2, -299, true), (3, 300, true), (4, 301, false), (5, -301, false)]
    {
        portal.clock.set(NOW + off * 1000);
        let answer = portal.post(&chat_sent(n, "x")).await;
        if fresh {
            assert_eq!(answer.0, 200, "{off}");
        } else {
            assert_eq!(answer, stale, "{off}");
        }
    }
    // A fresh header does not make an old body fresh.
    portal.clock.set(NOW + 3_600_000);
    let body = chat_sent(6, "x").to_string();
    let headers = [
        (SIGNATURE, &*sign(SECRET, &body)),
        ("plain-webhook-delivery-attempt-timestamp", "2026-05-04T10:12:04.000Z"),
    ];
    assert_eq!(portal.post_raw(body, &headers).await, stale);
}

#[tokio::test]
async fn shapes_that_are_no_webhook() {
    let portal = Portal::start().await;
    let bad = (400, refused("bad_request", "Not a Plain webhook"));
    let whole = chat_sent(1, "x");
    let mut bodies: Vec<String> =
        ["", "{", "null", "[]", "{}", "\"x\"", "{\"id\":1}"].map(String::from).into();
    let text = whole.to_string();
    bodies.push(text[..text.len() / 2].into());
    bodies.push("[".repeat(100_000));
    for key in ["id", "type", "timestamp", "payload", "webhookMetadata"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(key);
        bodies.push(body.to_string());
    }
    for (pointer, value) in [
        ("/id", json!("pEv_x")),
        ("/type", json!(7)),
        ("/webhookMetadata/webhookDeliveryAttemptTimestamp", json!("yesterday")),
    ] {
        let mut body = whole.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        bodies.push(body.to_string());
    }
    for body in bodies {
        let signature = sign(SECRET, &body);
        let shown: String = body.chars().take(80).collect();
        assert_eq!(portal.post_raw(body, &[(SIGNATURE, &signature)]).await, bad, "{shown}");
    }
    let body = whole.to_string();
    let signature = sign(SECRET, &body);
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [(SIGNATURE, signature.as_str()), ("content-type", kind)];
        let (status, answer) = portal.post_raw(body.clone(), &headers).await;
        assert_eq!((status, &answer["code"]), (415, &json!("unsupported_type")), "{kind:?}");
    }
    let headers = [(SIGNATURE, &*signature), ("content-type", "application/json; charset=utf-8")];
    assert_eq!(portal.post_raw(body, &headers).await.0, 200);
}

#[tokio::test]
async fn large_bodies_are_not_read_to_their_end() {
    let portal = Portal::start().await;
    // Announced too large: the answer comes before a single byte of the body.
    let mut socket = tokio::net::TcpStream::connect(portal.address).await.unwrap();
    let head = "POST /api/webhooks/plain HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 1048577\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // Not announced: counted while it comes; it never ends, and yet there is an answer.
    let mut socket = tokio::net::TcpStream::connect(portal.address).await.unwrap();
    let head = "POST /api/webhooks/plain HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    socket.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    for _ in 0..17 {
        // The server may have answered and closed already.
        if socket.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
    // Just within: an answer to what it is.
    let text = "x".repeat(900_000);
    let (status, answer) = portal.post(&chat_sent(1, &text)).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("published")));
}

#[tokio::test]
async fn strangers_are_slowed_down_and_plain_is_not() {
    let portal = Portal::start().await;
    let stranger = |headers: &'static [(&'static str, &'static str)]| {
        portal.post_raw(chat_sent(1, "x").to_string(), headers)
    };
    let wrong: &[(&str, &str)] =
        &[(SIGNATURE, "0000000000000000000000000000000000000000000000000000000000000000")];
    for _ in 0..5 {
        assert_eq!(stranger(&[]).await.0, 401);
        assert_eq!(stranger(wrong).await.0, 401);
    }
    for headers in [&[], wrong] {
        let (status, body) = stranger(headers).await;
        assert_eq!((status, &body["code"]), (429, &json!("rate_limited")));
    }
    let request = portal.client.post(portal.url("/api/webhooks/plain")).body("{}");
    let response = request.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "60");
    for n in 1..=30 {
        assert_eq!(portal.post(&chat_sent(n, "x")).await.0, 200, "signed requests always pass");
    }
    portal.clock.advance(60_000);
    assert_eq!(stranger(&[]).await.0, 401, "a minute later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_plains_own_is_taken_whole_beside_a_flood_from_the_same_address() {
    let portal = Arc::new(Portal::start().await);
    let garbage = {
        let portal = portal.clone();
        tokio::spawn(async move {
            let mut refused = [0, 0];
            for n in 0..300u32 {
                let forged = sign("other", &n.to_string());
                let headers: &[(&str, &str)] =
                    if n % 2 == 0 { &[] } else { &[(SIGNATURE, forged.as_str())] };
                match portal.post_raw(n.to_string(), headers).await.0 {
                    401 => refused[0] += 1,
                    429 => refused[1] += 1,
                    other => panic!("garbage was answered {other}"),
                }
            }
            refused
        })
    };
    let senders: Vec<_> = (0..20)
        .map(|sender| {
            let portal = portal.clone();
            tokio::spawn(async move {
                for n in 1..=50 {
                    let answer = portal.post(&chat_sent(sender * 50 + n, "x")).await;
                    assert_eq!((answer.0, &answer.1["outcome"]), (200, &json!("published")));
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    // The first ten were looked at, and no more in this minute.
    assert_eq!(garbage.await.unwrap(), [10, 290]);
}

#[tokio::test]
async fn shapes_that_cannot_be_read_are_announced_or_ignored_and_known_as_such() {
    use hotline::server::webhook::event::decode;
    let read = |body: &Value| decode(body.to_string().as_bytes()).unwrap();
    let broken = |pointer: &str, value: Value| {
        let mut body = chat_sent(1, "x");
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    // (body, whether the thread's followers are told to look)
    for (body, told) in [
        (broken("/payload/chat", json!({})), true),
        (broken("/payload/chat", Value::Null), true),
        (broken("/payload/chat/text", json!(7)), true),
        (broken("/payload/chat/timelineEntryId", json!("t_x")), true),
        (broken("/payload/chat/createdBy", json!("me")), true),
        (broken("/payload/thread/customer", json!("gone")), true),
        (broken("/payload/thread/id", json!("th_x")), false),
        (broken("/payload/thread", json!(7)), false),
        (broken("/payload", json!([])), false),
        (
            envelope(1, "thread.thread_status_transitioned", json!({"thread": {"id": THREAD}})),
            false,
        ),
        (envelope(1, "customer.customer_deleted", json!({"previousCustomer": {"id": 7}})), false),
        (envelope(1, "customer.customer_deleted", json!({"previousCustomer": null})), false),
    ] {
        let delivery = read(&body);
        assert!(delivery.unreadable, "{body}");
        assert_eq!(delivery.event.is_some(), told, "{body}");
        assert!(delivery.event.is_none_or(|event| event.entry.is_none()), "{body}");
        assert_eq!(delivery.removed, None);
    }
    // Nothing is wrong with these; and whom the thread belongs to is read as far as it can be.
    let mut weird_note = chat_sent(2, "x");
    weird_note["type"] = "thread.note_created".into();
    weird_note["payload"]["note"] = json!({"text": 7});
    weird_note["payload"]["chat"] = json!(7);
    for body in [
        chat_sent(1, "x"),
        weird_note,
        envelope(3, "thread.email_sent", json!({"thread": thread()})),
    ] {
        assert!(!read(&body).unreadable, "{body}");
    }
    let kept = read(&broken("/payload/thread/assignee", json!("nobody"))).event.unwrap();
    assert_eq!(kept.customer, Some(CustomerId::parse(CUSTOMER).unwrap()));
}

#[tokio::test]
async fn a_customer_who_is_deleted_at_plain_is_gone_here() {
    let portal = Portal::start().await;
    let mut reader = portal.follow(None, None).await;
    reader.expect("connected").await;
    portal.post(&chat_sent(1, "hello")).await;
    let place = reader.expect("webhook").await.id.unwrap();

    let deleted = |n| {
        let customer = json!({"id": CUSTOMER, "fullName": "Dana Okafor", "email": {"email": "x"}});
        envelope(n, "customer.customer_deleted", json!({"previousCustomer": customer}))
    };
    let (status, answer) = portal.post(&deleted(2)).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("published")));
    let bye = reader.expect("bye").await;
    assert_eq!(bye.data, json!({"type": "bye", "reason": "removed", "afterMs": 0}));
    assert!(reader.next().await.is_none(), "the stream ends");

    // Whoever comes back is told to stop, whatever place is asked for.
    let url = portal.url(&format!("/api/support/stream?threadId={THREAD}"));
    for place in [None, Some(place.as_str()), Some("nonsense!")] {
        let mut request = portal.client.get(&url);
        if let Some(place) = place {
            request = request.header("last-event-id", place);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 204, "{place:?}");
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    assert_eq!(portal.streams.open_streams(), 0);
    // What comes late is taken, told to nobody and kept nowhere; the second deletion is the first.
    ignored(&portal, &chat_sent(3, "late")).await;
    assert_eq!(portal.post(&deleted(2)).await.1["outcome"], "duplicate");
    assert_eq!(portal.post(&deleted(4)).await.1["outcome"], "duplicate");
    assert_eq!(portal.client.get(&url).send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn posted_with_or_without_a_slash_and_never_redirected() {
    let portal = Portal::start().await;
    for (n, path) in [(1, "/api/webhooks/plain"), (2, "/api/webhooks/plain/")] {
        let body = chat_sent(n, "x").to_string();
        let request = portal.client.post(portal.url(path)).header(SIGNATURE, sign(SECRET, &body));
        let request = request.header("content-type", "application/json").body(body);
        assert_eq!(request.send().await.unwrap().status(), 200, "{path}");
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let request = portal.client.request(method, portal.url(path));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 405);
            assert_eq!(response.headers()["allow"], "POST");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_deliveries_of_one_event_are_one() {
    let portal = Arc::new(Portal::start().await);
    let mut reader = portal.follow(None, None).await;
    reader.expect("connected").await;
    let deliveries: Vec<_> = (0..20)
        .map(|_| {
            let portal = portal.clone();
            tokio::spawn(async move { portal.post(&chat_sent(1, "x")).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for delivery in deliveries {
        let (status, body) = delivery.await.unwrap();
        assert_eq!(status, 200);
        outcomes.push(body["outcome"].as_str().unwrap().to_owned());
    }
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "published").count(), 1);
    portal.post(&chat_sent(2, "y")).await;
    assert_eq!(reader.expect("webhook").await.data["eventId"], event_id(1));
    assert_eq!(reader.expect("webhook").await.data["eventId"], event_id(2));
}

/// A bus that is away.
#[derive(Debug)]
struct Away;

impl EventBus for Away {
    fn publish(&self, _: NewEvent) -> Answer<'_, Published> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn subscribe<'a>(&'a self, _: &'a ThreadId, _: Option<&'a Cursor>) -> Answer<'a, Subscription> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn whisper<'a>(&'a self, _: &'a ThreadId, _: &'a StreamEvent) -> Answer<'a, ()> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn head<'a>(&'a self, _: &'a ThreadId) -> Answer<'a, Cursor> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn belongs<'a>(&'a self, _: &'a ThreadId, _: &'a CustomerId) -> Answer<'a, bool> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn forget<'a>(&'a self, _: &'a CustomerId) -> Answer<'a, Forgotten> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn audience<'a>(&'a self, _: &'a ThreadId) -> Answer<'a, usize> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn removed<'a>(&'a self, _: &'a ThreadId) -> Answer<'a, bool> {
        Box::pin(async { Err(BusError("away".into())) })
    }
    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async { Err(BusError("away".into())) })
    }
}

#[tokio::test]
async fn without_a_bus_plain_is_asked_to_come_again() {
    let engine = Some(Arc::new(Away) as Arc<dyn EventBus>);
    let portal = Portal::with(Setup { engine, ..Default::default() }).await;
    let customer = json!({"previousCustomer": {"id": CUSTOMER}});
    for body in [chat_sent(1, "x"), envelope(2, "customer.customer_deleted", customer)] {
        let (status, answer) = portal.post(&body).await;
        assert_eq!((status, &answer["code"]), (503, &json!("unavailable")));
    }
    let url = portal.url(&format!("/api/support/stream?threadId={THREAD}"));
    assert_eq!(portal.client.get(url).send().await.unwrap().status(), 503);
}

#[tokio::test]
async fn messages_are_told_as_a_visitor_may_see_them() {
    let portal = Portal::start().await;
    let mut chat = part(1, "The export stops.");
    chat["createdBy"] = json!({"actorType": "customer", "customerId": CUSTOMER});
    chat["createdAt"] = "2026-05-04T11:12:03.41+02:00".into();
    chat["updatedAt"] = "2026-05-04T09:13:00Z".into();
    chat["attachments"] = json!([
        {"id": "att_01KQS44FQ8NZHF6MK06BNVFFC1", "fileName": "export.png", "fileSizeBytes": 48211,
         "fileMimeType": "image/png", "fileExtension": "png"},
        {"id": "../etc/passwd", "fileName": "x", "fileSizeBytes": 1, "fileMimeType": "x"},
    ]);
    let received = envelope(1, "thread.chat_received", json!({"thread": thread(), "chat": chat}));
    let data = told(&portal, &received).await;
    assert_eq!(
        data["entry"],
        json!({
            "id": format!("t_{:026}", 1),
            "sourceId": format!("ch_{:026}", 1),
            "author": {"name": "Dana Okafor", "role": "customer", "me": true},
            "text": "The export stops.",
            "at": "2026-05-04T09:12:03.410Z",
            "updatedAt": "2026-05-04T09:13:00.000Z",
            "attachments": [{"id": "att_01KQS44FQ8NZHF6MK06BNVFFC1", "fileName": "export.png",
                             "bytes": 48211, "mimeType": "image/png"}],
        })
    );
    let authors = [
        (json!({"actorType": "user", "userId": AGENT}), ("Ines", "agent", false)),
        (
            json!({"actorType": "user", "userId": "u_01KEKNJD80D8S85WNEYBMCBDNH"}),
            ("", "agent", false),
        ),
        (json!({"actorType": "customer", "customerId": "c_other"}), ("", "customer", false)),
        (json!({"actorType": "machineUser", "machineUserId": "mu_x"}), ("", "bot", false)),
        (json!({"actorType": "system", "system": "job"}), ("", "system", false)),
    ];
    for (n, (actor, (name, role, me))) in (2..).zip(authors) {
        let mut body = chat_sent(n, "x");
        body["payload"]["chat"]["createdBy"] = actor;
        let data = told(&portal, &body).await;
        assert_eq!(data["entry"]["author"], json!({"name": name, "role": role, "me": me}));
    }
}

#[tokio::test]
async fn slack_and_teams_messages_change() {
    let portal = Portal::start().await;
    let slack = |n, kind: &str, change: Option<&str>| {
        let mut part = part(7, "ask <@U1>");
        part["resolvedText"] = "ask Ines".into();
        part["slackMessageLink"] = "https://vendor.slack.example/secret".into();
        let mut payload = json!({"thread": thread(), "slackMessage": part});
        if let Some(change) = change {
            payload["changeType"] = change.into();
        }
        envelope(n, kind, payload)
    };
    for (n, kind) in [(1, "thread.slack_message_sent"), (2, "thread.slack_message_received")] {
        assert_eq!(told(&portal, &slack(n, kind, None)).await["entry"]["text"], "ask Ines");
    }
    let updated = "thread.slack_message_updated";
    let edited = told(&portal, &slack(3, updated, Some("MESSAGE_EDITED"))).await;
    assert_eq!(edited["entry"]["edited"], true);
    assert_eq!(edited["entry"]["text"], "ask Ines");
    let deleted = told(&portal, &slack(4, updated, Some("MESSAGE_DELETED"))).await;
    assert_eq!(deleted["entry"]["deleted"], true);
    assert_eq!(deleted["entry"]["text"], "");
    let reacted = told(&portal, &slack(5, updated, Some("REACTIONS_CHANGED"))).await;
    assert_eq!(reacted["entry"]["text"], "ask Ines");
    assert_eq!(reacted["entry"]["edited"], Value::Null);
    assert_eq!(told(&portal, &slack(6, updated, None)).await["entry"], Value::Null);
    ignored(&portal, &slack(7, updated, Some("UNKNOWN_SLACK_MESSAGE_CHANGE_TYPE"))).await;

    let mut teams = part(8, "from Teams");
    teams["id"] = Value::Null;
    teams["msTeamsMessageId"] = "1700000000".into();
    teams["lastEditedOnMsTeamsAt"] = "2026-05-04T09:12:04Z".into();
    let payload = json!({"thread": thread(), "msTeamsMessage": teams});
    let data = told(&portal, &envelope(8, "thread.ms_teams_message_sent", payload)).await;
    assert_eq!(
        (&data["entry"]["text"], &data["entry"]["edited"]),
        (&json!("from Teams"), &json!(true))
    );
    teams["deletedOnMsTeamsAt"] = "2026-05-04T09:12:04Z".into();
    let payload = json!({"thread": thread(), "msTeamsMessage": teams});
    let data = told(&portal, &envelope(9, "thread.ms_teams_message_sent", payload)).await;
    assert_eq!((&data["entry"]["text"], &data["entry"]["deleted"]), (&json!(""), &json!(true)));
}

fn entry(kind: &str) -> Value {
    json!({
        "id": format!("t_{:026}", 20),
        "customerId": CUSTOMER,
        "threadId": THREAD,
        "timestamp": "2026-05-04T09:12:03.410Z",
        "actor": {"actorType": "customer", "customerId": CUSTOMER},
        "entry": {"entryType": kind, "chatId": "ch_1", "text": "words", "title": "Opening",
                  "textContent": "mail", "attachments": [],
                  "components": [{"type": "text", "text": "one"}, {"type": "divider"},
                                 {"type": "plainText", "plainText": "two"}]},
    })
}

#[tokio::test]
async fn timeline_entries() {
    let portal = Portal::start().await;
    let changed = |n, change: &str, now: Value, before: Value| {
        let payload =
            json!({"changeType": change, "timelineEntry": now, "previousTimelineEntry": before});
        envelope(n, "timeline.timeline_entry_changed", payload)
    };
    let chat = told(&portal, &changed(1, "ADDED", entry("chat"), Value::Null)).await;
    assert_eq!(
        (&chat["entry"]["text"], &chat["entry"]["author"]["me"]),
        (&json!("words"), &json!(true))
    );
    assert_eq!(chat["entry"]["id"], format!("t_{:026}", 20));
    let custom = told(&portal, &changed(2, "UPDATED", entry("custom"), entry("custom"))).await;
    assert_eq!(custom["entry"]["text"], "one\n\ntwo");
    let email = told(&portal, &changed(3, "ADDED", entry("email"), Value::Null)).await;
    assert_eq!(email["entry"], Value::Null);
    let removed = told(&portal, &changed(4, "REMOVED", Value::Null, entry("chat"))).await;
    assert_eq!(
        (&removed["entry"]["deleted"], &removed["entry"]["text"]),
        (&json!(true), &json!(""))
    );
    for (n, kind) in (5..).zip(["note", "UNKNOWN", "somethingNew", ""]) {
        ignored(&portal, &changed(n, "ADDED", entry(kind), Value::Null)).await;
        ignored(&portal, &changed(n, "REMOVED", Value::Null, entry(kind))).await;
    }
    ignored(&portal, &changed(9, "REPLACED", entry("chat"), Value::Null)).await;
    let mut homeless = entry("chat");
    homeless["threadId"] = Value::Null;
    ignored(&portal, &changed(10, "ADDED", homeless, Value::Null)).await;
}

#[tokio::test]
async fn states_in_the_customers_words() {
    let portal = Portal::start().await;
    let states = [
        ("TODO", "NEW_REPLY", Some("inProgress")),
        ("SNOOZED", "WAITING_FOR_CUSTOMER", Some("waitingForYou")),
        ("SNOOZED", "WAITING_FOR_DURATION", Some("inProgress")),
        ("SNOOZED", "UNKNOWN", Some("inProgress")),
        ("DONE", "IGNORED", Some("done")),
        ("UNKNOWN_THREAD_STATUS", "UNKNOWN", None),
    ];
    for kind in ["thread.thread_status_transitioned", "thread.status_changed"] {
        for (n, (status, detail, expected)) in (1..).zip(states) {
            let n = n + 100 * kind.len() as u32;
            let mut now = thread();
            now["status"] = status.into();
            now["statusDetail"] = json!({"type": detail});
            let body = envelope(n, kind, json!({"thread": now, "previousThread": thread()}));
            match expected {
                Some(expected) => {
                    let data = told(&portal, &body).await;
                    assert_eq!((&data["status"], &data["entry"]), (&json!(expected), &Value::Null));
                    assert_eq!(data["eventType"], kind);
                }
                None => ignored(&portal, &body).await,
            }
        }
    }
}

#[tokio::test]
async fn names_of_the_first_design_and_things_unknown() {
    let portal = Portal::start().await;
    for (n, key) in (1..).zip(["chat", "slackMessage", "msTeamsMessage"]) {
        for (n, kind) in [(n, "thread.reply_sent"), (n + 10, "thread.message_sent")] {
            let mut payload = json!({"thread": thread()});
            payload[key] = part(n, "synonym");
            let data = told(&portal, &envelope(n, kind, payload)).await;
            assert_eq!(
                (&data["entry"]["text"], &data["eventType"]),
                (&json!("synonym"), &json!(kind))
            );
        }
    }
    for (n, payload) in [
        (30, json!({"thread": thread(), "email": {"textContent": "mail"}})),
        (31, json!({"thread": thread()})),
        // A message in a shape that cannot be read is announced, and read through the API.
        (32, json!({"thread": thread(), "chat": {"text": 7, "attachments": "none"}})),
        (33, json!({"thread": {"id": THREAD, "customer": "gone", "assignee": []}, "chat": null})),
    ] {
        let data = told(&portal, &envelope(n, "thread.reply_sent", payload)).await;
        assert_eq!(data["entry"], Value::Null);
    }
    let email = json!({"thread": thread(), "email": {"textContent": "mail", "subject": "s"}});
    assert_eq!(
        told(&portal, &envelope(40, "thread.email_sent", email)).await["entry"],
        Value::Null
    );

    let message = json!({"thread": thread(), "chat": part(50, "x"), "note": part(51, "internal")});
    ignored(&portal, &envelope(50, "thread.reply_sent", message.clone())).await;
    ignored(&portal, &envelope(51, "thread.something_new", message.clone())).await;
    ignored(&portal, &envelope(52, "", message)).await;
    ignored(&portal, &envelope(53, "thread.chat_sent", json!({}))).await;
    ignored(&portal, &envelope(54, "thread.chat_sent", json!({"thread": {"id": "th_x"}}))).await;
    let mut future = chat_sent(55, "x");
    future["webhookMetadata"]["webhookTargetVersion"] = "2031-01-01".into();
    ignored(&portal, &future).await;
    // More fields than today's are no reason to fail.
    let mut wider = chat_sent(56, "wide");
    wider["new"] = json!({"deep": [1, {"x": null}]});
    wider["payload"]["chat"]["new"] = json!([]);
    assert_eq!(told(&portal, &wider).await["entry"]["text"], "wide");
}

const TYPES: [&str; 30] = [
    "thread.thread_created",
    "thread.thread_status_transitioned",
    "thread.thread_assignment_transitioned",
    "thread.email_received",
    "thread.email_sent",
    "thread.slack_message_received",
    "thread.slack_message_sent",
    "thread.slack_message_updated",
    "thread.discord_message_received",
    "thread.discord_message_sent",
    "thread.discord_message_updated",
    "thread.ms_teams_message_sent",
    "thread.ms_teams_message_received",
    "thread.chat_sent",
    "thread.chat_received",
    "thread.note_created",
    "thread.thread_labels_changed",
    "thread.thread_priority_changed",
    "thread.thread_field_created",
    "thread.thread_field_updated",
    "thread.thread_field_deleted",
    "thread.service_level_agreement_status_transitioned",
    "thread.thread_tenant_updated",
    "customer.customer_created",
    "customer.customer_updated",
    "customer.customer_deleted",
    "customer.customer_changed",
    "customer.customer_group_changed",
    "customer.customer_group_memberships_changed",
    "timeline.timeline_entry_changed",
];

/// Everything a payload of any type may hold, with a marker in whatever is internal.
fn marked(n: u32, kind: &str, entry_kind: &str, change: &str, marker: &str) -> Value {
    let mark = |what: &str| json!(format!("{marker}-{what}"));
    let mut the_thread = thread();
    for key in ["title", "previewText", "externalId", "description", "ref"] {
        the_thread[key] = mark(key);
    }
    the_thread["labels"] = json!([{"id": "l_1", "labelType": {"name": mark("label")}}]);
    the_thread["assignee"]["fullName"] = mark("fullName");
    the_thread["assignee"]["email"] = mark("email");
    the_thread["customer"]["email"]["email"] = mark("customerEmail");
    the_thread["customer"]["externalId"] = mark("customerExternalId");
    the_thread["customer"]["shortName"] = mark("shortName");
    the_thread["supportEmailAddresses"] = json!([mark("support")]);
    the_thread["statusChangedBy"] = json!({"actorType": "user", "userId": mark("changedBy")});
    let mut message = part(n, "visible words");
    for key in
        ["slackMessageLink", "slackChannelName", "slackChannelId", "customerReadAt", "llmText"]
    {
        message[key] = mark(key);
    }
    message["slackReactions"] = json!([{"name": "eyes", "imageUrl": mark("reaction"),
        "actors": [{"actorType": "user", "actorId": mark("reactor"), "slackUserId": mark("slackUser")}]}]);
    message["updatedBy"] = json!({"actorType": "user", "userId": mark("updatedBy")});
    let note = json!({"timelineEntryId": format!("t_{n:026}"), "id": "n_1", "text": mark("note"),
                      "markdown": mark("markdown")});
    let mut the_entry = entry(entry_kind);
    if !matches!(entry_kind, "chat" | "custom") {
        the_entry["entry"]["text"] = mark("entryText");
        the_entry["entry"]["components"] = json!([{"type": "text", "text": mark("component")}]);
    }
    for key in
        ["title", "type", "markdown", "textContent", "markdownContent", "subject", "externalId"]
    {
        the_entry["entry"][key] = mark(key);
    }
    the_entry["entry"]["hiddenRecipients"] = json!([{"email": mark("bcc")}]);
    the_entry["llmText"] = mark("llm");
    let removed = change == "REMOVED";
    envelope(
        n,
        kind,
        json!({
            "thread": the_thread,
            "previousThread": the_thread,
            "chat": message,
            "slackMessage": message,
            "msTeamsMessage": message,
            "discordMessage": {"textContent": mark("discord"), "timelineEntryId": "t_1"},
            "email": {"textContent": mark("mail"), "subject": mark("subject"),
                      "hiddenRecipients": [{"email": mark("hidden")}]},
            "note": note,
            "discussion": {"text": mark("discussion")},
            "timelineEntry": if removed { Value::Null } else { the_entry.clone() },
            "previousTimelineEntry": the_entry,
            "changeType": change,
            "threadField": {"key": mark("field"), "stringValue": mark("fieldValue")},
            "tenant": {"name": mark("tenant")},
            "serviceLevelAgreement": {"id": mark("sla")},
            "customer": {"fullName": mark("customer"), "email": {"email": mark("mail")}},
            "customerGroup": {"name": mark("group")},
        }),
    )
}

/// What may be told at all.
fn may_be_told(kind: &str) -> bool {
    // An assignment is told as a sign that somebody looks at it, without who.
    let kinds = [
        "chat_",
        "email_",
        "slack_",
        "ms_teams_",
        "status_transitioned",
        "timeline_entry",
        "thread_assignment",
    ];
    kinds.iter().any(|part| kind.contains(part)) && !kind.contains("service_level")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Whatever arrives, no internal word reaches a frame; and internal kinds make no frame at all.
    #[test]
    fn no_internal_word_reaches_a_frame(
        kind in prop::sample::select(TYPES.to_vec()),
        entry_kind in prop::sample::select(vec!["note", "chat", "email", "custom", "UNKNOWN", "thing"]),
        change in prop::sample::select(vec![
            "ADDED", "UPDATED", "REMOVED", "MESSAGE_EDITED", "MESSAGE_DELETED", "REACTIONS_CHANGED", "NEW",
        ]),
        marker in "SECRET[0-9a-f]{12}",
        // A field somewhere is of another kind than it should be, so that the lenient ways are walked too.
        broken in prop::option::of(prop::sample::select(vec![
            "/payload/chat/attachments", "/payload/slackMessage/text", "/payload/msTeamsMessage",
            "/payload/thread/customer", "/payload/thread/assignee", "/payload/timelineEntry/actor",
            "/payload/timelineEntry/entry/text", "/payload/changeType", "/payload/note",
        ])),
    ) {
        use hotline::server::{bus::memory::MemoryBus, clock::FixedClock, webhook::event};
        let mut body = marked(1, kind, entry_kind, change, &marker);
        if let Some(pointer) = broken
            && let Some(place) = body.pointer_mut(pointer)
        {
            *place = json!({"unexpected": [format!("{marker}-broken")]});
        }
        let delivery = event::decode(body.to_string().as_bytes()).unwrap();
        prop_assert_eq!(delivery.kind, kind);
        let Some(event) = delivery.event else { return Ok(()) };
        prop_assert!(may_be_told(kind), "{} was told", kind);
        if kind.starts_with("timeline") {
            prop_assert!(["chat", "email", "custom"].contains(&entry_kind), "{} was told", entry_kind);
        }
        let frame = futures::executor::block_on(async {
            let bus = MemoryBus::new(Default::default(), Arc::new(FixedClock::at(NOW)));
            let thread = ThreadId::parse(THREAD).unwrap();
            let mut subscription = bus.subscribe(&thread, None).await.unwrap();
            bus.publish(event).await.unwrap();
            subscription.live.next().await.unwrap()
        });
        let frame = std::str::from_utf8(&frame.sse).unwrap();
        prop_assert!(!frame.contains(&marker), "{}", frame);
        prop_assert!(!frame.contains("SECRET"), "{}", frame);
    }
}

/// The same types do tell what they should: the property above must not hold by telling nothing.
#[test]
fn visible_words_are_told() {
    use hotline::server::webhook::event;
    let mut told = Vec::new();
    for kind in TYPES {
        let body = marked(1, kind, "chat", "UPDATED", "SECRET").to_string();
        let entry = event::decode(body.as_bytes()).unwrap().event.and_then(|event| event.entry);
        if let Some(entry) = entry {
            assert!(["visible words", "words"].contains(&entry.text.as_str()));
            told.push(kind);
        }
    }
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "thread.chat_received",
            "thread.chat_sent",
            "thread.ms_teams_message_received",
            "thread.ms_teams_message_sent",
            "thread.slack_message_received",
            "thread.slack_message_sent",
            "timeline.timeline_entry_changed",
        ]
    );
}
