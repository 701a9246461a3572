//! `hotline send-webhook`: the program itself against a real portal, and against receivers of bad will.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![allow(dead_code, reason = "the helpers serve other test files too")]

#[path = "support/house.rs"]
mod house;
#[path = "support/live.rs"]
mod live;
#[path = "support/wire.rs"]
mod wire;

use hotline::server::{config::SANDBOX_SIGNING_SECRET, webhook::signature::Secret};
use house::{Form, House};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
};

const THREAD: &str = "th_01KQS44ER0KVVBRC15MBB8ADPP";
const EVENT: &str = "pEv_01KQS44ER0G8ATYMQPCR3B9NTQ";

/// What a follower of the thread may learn of; everything else is taken and ignored.
const TOLD: [&str; 12] = [
    "thread.thread_assignment_transitioned",
    "thread.thread_status_transitioned",
    "thread.chat_sent",
    "thread.chat_received",
    "thread.email_sent",
    "thread.email_received",
    "thread.slack_message_sent",
    "thread.slack_message_received",
    "thread.slack_message_updated",
    "thread.ms_teams_message_sent",
    "thread.ms_teams_message_received",
    "timeline.timeline_entry_changed",
];

#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

/// Runs the command in an empty folder without any settings but these.
fn send_with(env: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_hotline"))
        .arg("send-webhook")
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "it left {left:?}");
    Ended {
        code: ended.status.code().unwrap(),
        out: String::from_utf8(ended.stdout).unwrap(),
        err: String::from_utf8(ended.stderr).unwrap(),
    }
}

async fn send(arguments: &[&str]) -> Ended {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let run = move || send_with(&[], &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn kinds() -> Vec<String> {
    let listed = send_with(&[], &["--list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    listed.out.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// A printed request: headers in lower case, and the body to the byte.
fn printed(env: &[(&str, &str)], arguments: &[&str]) -> (BTreeMap<String, String>, String) {
    let mut all = vec!["--print"];
    all.extend(arguments);
    let ended = send_with(env, &all);
    assert_eq!(ended.code, 0, "{ended:?}");
    let (head, body) = ended.out.split_once("\n\n").unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    };
    (head.lines().map(header).collect(), body.to_owned())
}

/// The bodies of the answers, one a line.
fn answers(ended: &Ended) -> Vec<Value> {
    let body = |line: &str| {
        let end = line.rfind("}  ").unwrap_or_else(|| panic!("{ended:?}"));
        serde_json::from_str(&line[line.find('{').unwrap()..=end]).unwrap()
    };
    ended.out.lines().map(body).collect()
}

fn sign(secret: &str, body: &str) -> String {
    Secret::new(secret).unwrap().sign(body.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_portal_takes_all_thirty_and_tells_only_what_it_may() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("sender-of-all-types")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    // The sandbox's own events about the new thread came before the stream or come on it.
    let url = format!("{}/api/webhooks/plain", house.portal);
    let kinds = kinds();
    assert_eq!(kinds.len(), 30);
    let mut sent = Vec::new();
    for (n, kind) in kinds.iter().enumerate() {
        let event = format!("pEv_{n:026}");
        let ended =
            send(&["--type", kind, "--thread", &thread, "--url", &url, "--event-id", &event]).await;
        assert_eq!(ended.code, 0, "{kind}: {ended:?}");
        let told = TOLD.contains(&kind.as_str());
        // What a deletion does beside is not said here; it must be taken.
        let outcome = if told { "published" } else { "ignored" };
        let answer = &answers(&ended)[0];
        assert!(ended.out.starts_with("200 OK ") && answer["received"] == true, "{ended:?}");
        if kind != "customer.customer_deleted" {
            assert_eq!(answer["outcome"], outcome, "{kind}: {ended:?}");
        }
        assert!(ended.out.trim_end().ends_with(&format!(" ms  {kind} {event}")), "{ended:?}");
        if told {
            // That somebody took the thread over is told as what it means, and never who.
            let told = match kind.as_str() {
                "thread.thread_assignment_transitioned" => "thread.seen".to_owned(),
                kind => kind.to_owned(),
            };
            sent.push((told, event));
        }
    }
    let mut seen = Vec::new();
    while seen.len() < sent.len() {
        let frame = stream.expect("webhook").await;
        let text = frame.data.to_string();
        assert!(!text.contains("nternal") && !text.contains("note"), "{text}");
        let field = |name: &str| frame.data[name].as_str().unwrap().to_owned();
        if field("eventId").starts_with("pEv_000000000") {
            seen.push((field("eventType"), field("eventId")));
        }
    }
    assert_eq!(seen, sent);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_on_the_stream_word_for_word() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("sender-of-an-answer")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let url = format!("{}/api/webhooks/plain", house.portal);
    let text = "  \"quoted\" \\ back, äöü 🚀\n</script>";
    let entry = "t_01KQS44ER0G8ATYMQPCR3B9NTQ";
    let order = [
        "--type",
        "chat_sent",
        "--thread",
        &thread,
        "--text",
        text,
        "--entry",
        entry,
        "--url",
        &url,
    ];
    let ended = send(&order).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let frame = loop {
        let frame = stream.expect("webhook").await;
        if frame.data["eventType"] == "thread.chat_sent" {
            break frame;
        }
    };
    assert_eq!(frame.data["entry"]["text"], text);
    assert_eq!(frame.data["entry"]["id"], entry);
    assert_eq!(frame.data["entry"]["author"]["role"], "agent");
    assert_eq!(frame.data["entry"]["author"]["name"], "Ines");

    // The same event again, and as attempts of one: known already.
    let again = send(&[&order[..], &["--event-id", EVENT, "--count", "3"]].concat()).await;
    assert_eq!(again.code, 0, "{again:?}");
    let outcomes: Vec<Value> = answers(&again).iter().map(|it| it["outcome"].clone()).collect();
    assert_eq!(outcomes, ["published", "duplicate", "duplicate"]);
    let fresh = send(&[&order[..], &["--count", "2"]].concat()).await;
    assert_eq!(fresh.out.matches("published").count(), 2, "{fresh:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_ends_with_one() {
    let house = House::open().await;
    let url = format!("{}/api/webhooks/plain", house.portal);
    let order = ["--type", "chat_sent", "--thread", THREAD, "--url", &url];
    let wrong = send(&[&order[..], &["--secret", "another"]].concat()).await;
    assert_eq!(wrong.code, 1, "{wrong:?}");
    assert!(wrong.out.starts_with("401 Unauthorized "), "{wrong:?}");
    assert_eq!(answers(&wrong)[0]["error"], "Invalid signature");
    assert!(wrong.err.contains("PLAIN_WEBHOOK_SECRET"), "{wrong:?}");
    let stale = send(&[&order[..], &["--at", "2026-05-04T09:12:03Z"]].concat()).await;
    assert_eq!(stale.code, 1, "{stale:?}");
    assert_eq!(answers(&stale)[0]["code"], "stale");
    // A version of tomorrow is taken and ignored.
    let later = send(&[&order[..], &["--version", "2031-01-01"]].concat()).await;
    assert_eq!((later.code, &answers(&later)[0]["outcome"]), (0, &"ignored".into()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://user:planted@{}/", listener.local_addr().unwrap());
    drop(listener);
    let gone = send(&["--type", "chat_sent", "--thread", THREAD, "--url", &nobody]).await;
    assert_eq!(gone.code, 1, "{gone:?}");
    assert!(gone.err.contains("no answer from http://127.0.0.1:"), "{gone:?}");
    assert!(!gone.err.contains("planted"), "{gone:?}");
    house.close().await;
}

#[test]
fn wrong_arguments_end_with_two_and_what_would_be_right() {
    for (arguments, word) in [
        (&["--type", "chatsent", "--thread", THREAD][..], "thread.chat_sent"),
        (&["--type", "thread.reply_sent", "--thread", THREAD], "--list"),
        (&["--type", "chat_sent"], "--thread th_"),
        (&["--thread", THREAD], "--type"),
        (&["--type", "chat_sent", "--thread", "T-1234"], "th_01KQS44ER0KVVBRC15MBB8ADPP"),
        (&["--type", "chat_sent", "--thread", THREAD, "--event-id", "1"], "pEv_"),
        (&["--type", "chat_sent", "--thread", THREAD, "--at", "now"], "2026-05-04T09:12:03.410Z"),
        (&["--type", "chat_sent", "--thread", THREAD, "--url", "localhost:3000"], "http://"),
        (&["--type", "chat_sent", "--thread", THREAD, "--url", "ftp://x/"], "http://"),
        (&["--type", "chat_sent", "--thread", THREAD, "--text", " "], "--text"),
        (&["--type", "chat_sent", "--thread", THREAD, "--secret", ""], "--secret"),
        (&["--type", "chat_sent", "--thread", THREAD, "--attempt", "0"], "--attempt"),
        (&["--type", "chat_sent", "--thread", THREAD, "--count", "0"], "--count"),
        (&["--type", "chat_sent", "--thread", THREAD, "--version", "a b"], "2026-04-21"),
        (&["--type", "chat_sent", "--thread", THREAD, "--print=xml"], "curl"),
    ] {
        let ended = send_with(&[], arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(word), "{arguments:?}: {ended:?}");
        assert!(ended.out.is_empty() && !ended.err.contains("panicked"), "{ended:?}");
    }
}

#[test]
fn printed_is_what_would_be_sent_signed_over_its_bytes() {
    let at = "2026-05-04T09:12:03.410Z";
    for kind in kinds() {
        let order = [
            "--type",
            &kind,
            "--thread",
            THREAD,
            "--event-id",
            EVENT,
            "--at",
            at,
            "--attempt",
            "3",
        ];
        let (headers, body) = printed(&[], &order);
        assert_eq!(
            headers["plain-request-signature"],
            sign(SANDBOX_SIGNING_SECRET, &body),
            "{kind}"
        );
        let json: Value = serde_json::from_str(&body).unwrap();
        let attempt = &json["webhookMetadata"];
        for (name, value) in [
            ("content-type", &Value::from("application/json")),
            ("plain-workspace-id", &json["workspaceId"]),
            ("plain-webhook-target-id", &attempt["webhookTargetId"]),
            ("plain-webhook-target-version", &attempt["webhookTargetVersion"]),
            ("plain-webhook-delivery-attempt-id", &attempt["webhookDeliveryAttemptId"]),
            ("plain-webhook-delivery-attempt-timestamp", &Value::from(at)),
            ("plain-event-type", &json["type"]),
            ("plain-event-id", &Value::from(EVENT)),
        ] {
            assert_eq!(headers[name], value.as_str().unwrap(), "{kind}: {name}");
        }
        assert_eq!(headers["plain-webhook-delivery-attempt-number"], "3");
        assert_eq!(attempt["webhookDeliveryAttemptNumber"], 3);
        assert_eq!(attempt["webhookDeliveryAttemptTimestamp"], at);
        assert_eq!((&json["timestamp"], &json["id"]), (&at.into(), &EVENT.into()));
        assert_eq!(
            (&json["type"], &json["payload"]["eventType"]),
            (&kind.clone().into(), &kind.into())
        );
    }
}

#[test]
fn the_first_configured_secret_signs() {
    let order = ["--type", "chat_sent", "--thread", THREAD];
    let env = [("PLAIN_WEBHOOK_SECRET", "new, old")];
    let (headers, body) = printed(&env, &order);
    assert_eq!(headers["plain-request-signature"], sign("new", &body));
    let (headers, body) = printed(&env, &[&order[..], &["--secret", "given"]].concat());
    assert_eq!(headers["plain-request-signature"], sign("given", &body));
}

/// Answers one request with these bytes; gives what was asked.
fn receiver(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut part = [0; 8192];
        let whole = |asked: &[u8]| {
            let text = String::from_utf8_lossy(asked);
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            (body.len() >= length.parse().ok()?).then_some(())
        };
        while whole(&asked).is_none() {
            let n = peer.read(&mut part).unwrap();
            assert!(n > 0, "the request broke off");
            asked.extend_from_slice(&part[..n]);
        }
        peer.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, served)
}

#[test]
fn it_goes_where_it_was_sent_and_nowhere_else() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let there = elsewhere.local_addr().unwrap();
    let moved = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{there}/\r\ncontent-length: 4\r\n\r\n\x1b]0m"
    );
    let (url, served) = receiver(moved.leak());
    let proxy = format!("http://{there}");
    let env = [("HTTP_PROXY", &*proxy), ("http_proxy", &proxy), ("ALL_PROXY", &proxy)];
    let url = url.replace("http://", "http://user:pass%20word@");
    let ended = send_with(&env, &["--type", "chat_sent", "--thread", THREAD, "--url", &url]);
    let asked = served.join().unwrap();
    assert!(asked.starts_with("POST /hook HTTP/1.1\r\n"), "{asked}");
    // As Plain does it; `user:pass word` in base64.
    assert!(asked.contains("authorization: Basic dXNlcjpwYXNzIHdvcmQ="), "{asked}");
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.starts_with("307 Temporary Redirect"), "{ended:?}");
    assert!(!ended.out.contains('\x1b'), "control characters reach the terminal: {ended:?}");
    let came = elsewhere.accept();
    assert!(matches!(&came, Err(error) if error.kind() == ErrorKind::WouldBlock), "{came:?}");
}
