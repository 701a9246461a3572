//! Nothing of what people write, and nothing that opens doors, is in the log: a whole story with planted markers, good
//! and bad ends included, and the log of the program that lived it.

use crate::{
    following::message,
    house::{Agent, FORM, Form, Visitor, sandbox_of, until},
    live,
    process::Program,
    wire::{Bend, Wire},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hotline::{sandbox::Sandbox, server::webhook::signature::Secret};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

const API_KEY: &str = "plainApiKey_planted";
const WEBHOOK_SECRET: &str = "planted-webhook-secret";

/// Refusals of Plain's that quote what was sent.
const FAULT: &str = r#"{"data":{"sendCustomerChat":{"chat":null,"error":{"type":"planted type","code":"input_validation",
    "message":"planted-lost of planted@person.example is bad","fields":[{"field":"planted-lost","message":"planted-lost","type":"VALIDATION"}]}}}}"#;
const ERRORS: &str = r#"{"data":null,"errors":[{"message":"no planted@person.example","path":["upsertCustomer"],
    "extensions":{"code":"planted@person.example","details":"Planted Person"}}]}"#;

struct Story {
    log: String,
    /// What must not be in it.
    secrets: Vec<String>,
    thread: String,
}

async fn story(filter: Option<&str>) -> Story {
    let wire = Wire::lay().await;
    let mut settings = vec![
        ("PLAIN_API_KEY", API_KEY),
        ("PLAIN_API_URL", wire.url.as_str()),
        ("PLAIN_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("HOTLINE_SECRET", "planted-cookie-secret-0123456789abcdef"),
    ];
    settings.extend(filter.map(|filter| ("RUST_LOG", filter)));
    let mut program = Program::with(&settings);
    let portal = program.address("Portal: ").await;
    let sandbox = Sandbox::start(sandbox_of(&portal, API_KEY, WEBHOOK_SECRET)).await.unwrap();
    wire.connect(sandbox.api_url());
    let agent = Agent::at(format!("http://{}", sandbox.addr()));
    let mut dana = Visitor { base: portal.clone(), http: live::client(), cookie: None };
    let form = Form {
        name: "Planted Person".into(),
        email: "planted@person.example".into(),
        subject: "planted-subject".into(),
        message: "planted-message".into(),
        ..Form::new("planted-submission")
    };

    // All goes well.
    let thread = dana.ask(&form).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let answer = json!({"text": "planted-answer", "files": [{"fileName": "planted.txt", "text": "planted-content"}]});
    agent.call(Method::POST, &format!("/threads/{thread}/replies"), answer).await;
    let frame = message(&mut stream, "planted-answer").await;
    let file = frame.data["entry"]["attachments"][0]["id"].as_str().unwrap().to_owned();
    let file = format!("/api/support/attachment?threadId={thread}&attachmentId={file}");
    let download = dana.get(&file).await;
    assert_eq!(download.status, 303, "{download:?}");
    let (_, signed) =
        download.header("location").split_once("signature=").expect("a signed address");
    agent
        .call(Method::POST, &format!("/threads/{thread}/notes"), json!({"text": "planted-note"}))
        .await;
    assert_eq!(dana.reply(&thread, "planted-reply", "planted-key-1").await.status, 303);
    message(&mut stream, "planted-reply").await;
    assert_eq!(dana.get("/threads").await.status, 200);

    // Plain refuses, and quotes.
    wire.bend(|operation, _| match operation {
        "SendCustomerChat" => Bend::Answer(200, "application/json", FAULT),
        "UpsertCustomer" => Bend::Answer(200, "application/json", ERRORS),
        "Overview" => Bend::Answer(502, "text/html", "<p>planted-gateway</p>"),
        "CreateAttachmentDownloadUrl" => Bend::Break,
        _ => Bend::Straight,
    });
    let body = dana.reply(&thread, "planted-lost", "planted-key-2").await;
    assert!(body.status >= 400, "{body:?}");
    let again = Form { submission_id: "planted-submission-2".into(), ..form.clone() };
    assert_eq!(dana.post("/", &again.fields()).await.status, 503);
    assert_eq!(dana.get("/threads").await.status, 503);
    assert_eq!(dana.get(&file).await.status, 503);
    wire.straighten();

    // Visitors err, strangers try.
    let wrong = Form { email: "planted-wrong@".into(), ..form };
    assert_eq!(dana.post("/", &wrong.fields()).await.status, 422);
    let mut forger = Visitor { cookie: None, ..dana.clone() };
    forger.cookie =
        Some(format!("hotline={}.plantedforged", URL_SAFE_NO_PAD.encode("{\"planted\":1}")));
    assert_eq!(forger.get(&file).await.status, 401);
    for path in [
        "/t/planted-thread",
        "/r/planted-token",
        "/planted-path?a=planted",
        "/api/support/messages?threadId=planted",
    ] {
        let wanted = if path.starts_with("/r/") { 403 } else { 404 };
        assert_eq!(forger.get(path).await.status, wanted, "{path}");
    }
    let refused =
        forger.send(Method::POST, "/api/support/create", FORM, "name=planted&email=%FF").await;
    assert!(refused.status >= 400);
    let mut socket = TcpStream::connect(portal.trim_start_matches("http://")).await.unwrap();
    socket
        .write_all(b"GET /planted-raw HTTP/7.7\r\nCookie: hotline=planted\r\n\r\n")
        .await
        .unwrap();

    // Webhooks: forged, unreadable, stale, of a type that does not exist.
    let signed_by_us = |body: &str| Secret::new(WEBHOOK_SECRET).unwrap().sign(body.as_bytes());
    let envelope = |kind: &str, at: &str| {
        json!({
            "id": "pEv_01KQS44ER0G8ATYMQPCR3B9NTQ", "type": kind, "timestamp": at, "workspaceId": "planted",
            "payload": {"eventType": kind, "chat": {"text": "planted-webhook"}},
            "webhookMetadata": {"webhookTargetVersion": "planted-version", "webhookDeliveryAttemptTimestamp": at},
        })
        .to_string()
    };
    let now = jiff::Timestamp::now().to_string();
    let mut signatures = vec!["5167planted".repeat(6)];
    let bodies = [
        (envelope("thread.chat_sent", &now), 401),
        ("{\"text\": planted-unreadable".to_owned(), 400),
        (envelope("thread.chat_sent", "2026-01-01T00:00:00Z"), 401),
        (envelope("planted.type", &now), 200),
    ];
    for (nth, (body, wanted)) in bodies.into_iter().enumerate() {
        let signature = if nth == 0 { signatures[0].clone() } else { signed_by_us(&body) };
        signatures.push(signature.clone());
        let request = dana.request(Method::POST, "/api/webhooks/plain").body(body);
        let request = request.header("content-type", "application/json");
        let answered = request.header("plain-request-signature", signature).send().await.unwrap();
        assert_eq!(answered.status(), wanted);
    }

    let cookie = dana.cookie.clone().unwrap();
    let cookie = cookie.trim_start_matches("hotline=");
    let (payload, signature) = cookie.split_once('.').unwrap();
    let session: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let mut secrets = vec![
        payload.to_owned(),
        signature.to_owned(),
        session["s"].as_str().expect("the session's id").to_owned(),
        signed.to_owned(),
        signed_by_us("x"),
    ];
    secrets.extend(signatures);

    program.terminate();
    let ended = until("the end", || {
        let ended = program.child.try_wait().unwrap();
        async move { ended }
    })
    .await;
    assert_eq!(ended.code(), Some(0), "{}", program.log());
    // The pipes may still hold lines; the last one is known.
    let log = until("the last line", || async {
        let log = program.log();
        log.contains("Draining").then_some(log)
    })
    .await;
    sandbox.shutdown().await;
    Story { log, secrets, thread }
}

/// A run of 64 hexadecimal digits: a signature, whoever's.
fn signature_in(log: &str) -> Option<&str> {
    log.split(|c: char| !c.is_ascii_hexdigit()).find(|run| run.len() == 64)
}

async fn scan(filter: Option<&str>) {
    let Story { log, secrets, thread } = story(filter).await;
    // It is the log of that story, and tells it.
    for line in [
        "Portal: http",
        "opened a request",
        "Received Plain webhook",
        "Processing webhook",
        "Emitted event",
        "handed out a file",
        "Plain refused",
        "Plain failed",
        "Refused a webhook: invalid signature",
        "Cannot read Plain webhook",
        "Refused a webhook: stale",
        "Draining",
    ] {
        assert!(log.contains(line), "{line} in {log}");
    }
    assert!(log.contains(&thread) && log.contains("input_validation"), "{log}");
    assert_eq!(log.contains("DEBUG"), filter.is_some(), "debug lines where they were asked for");
    let lower = log.to_lowercase();
    // Words only: digits alone stand in some timestamp by chance.
    for secret in ["planted", "person.example"].into_iter().map(String::from).chain(secrets) {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret} in {log}");
    }
    assert!(!log.contains('@'), "no address, whoever's: {log}");
    assert_eq!(signature_in(&log), None, "{log}");
    assert!(!lower.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_nothing_that_was_planted() {
    scan(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_at_debug_level() {
    scan(Some("hotline=debug")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_when_every_library_talks() {
    scan(Some("debug")).await;
}
