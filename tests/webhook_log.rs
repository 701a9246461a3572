//! What the log tells of a webhook. Alone in its file, because a process has one log.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "support/live.rs"]
mod live;

use hotline::server::webhook::signature::Secret;
use live::{CUSTOMER, Portal, SECRET, THREAD, chat_sent, envelope, event_id};
use std::{
    io::Write,
    sync::{Arc, Mutex},
};

const SIGNATURE: &str = "plain-request-signature";

fn sign(secret: &str, body: &str) -> String {
    Secret::new(secret).unwrap().sign(body.as_bytes())
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_the_way_and_not_the_words() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let portal = Portal::start().await;
    let mut reader = portal.follow(None, None).await;
    reader.expect("connected").await;
    let body = chat_sent(1, "a private word");
    portal.post(&body).await;
    portal.post_raw("{}", &[(SIGNATURE, &sign("other", "{}"))]).await;
    let mut odd = chat_sent(2, "an unreadable word");
    odd["payload"]["chat"]["attachments"] = serde_json::json!({"of": "an unforeseen shape"});
    portal.post(&odd).await;
    portal
        .post(&envelope(
            3,
            "customer.customer_deleted",
            serde_json::json!({"previousCustomer": {"id": CUSTOMER, "fullName": "Dana Okafor"}}),
        ))
        .await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let at = |wanted: &str| text.find(wanted).unwrap_or_else(|| panic!("{wanted} in {text}"));
    assert!(at("Received Plain webhook") < at("Processing webhook"));
    assert!(at("Processing webhook") < at("Emitted event"));
    let emitted = text.lines().find(|line| line.contains("Emitted event")).unwrap();
    for part in ["eventType=\"thread.chat_sent\"", THREAD, &event_id(1), "listeners=1"] {
        assert!(emitted.contains(part), "{part} in {emitted}");
    }
    let unreadable = text.lines().find(|line| line.contains("could not be read")).unwrap();
    for part in ["WARN", "eventType=\"thread.chat_sent\"", &event_id(2), "announced=true"] {
        assert!(unreadable.contains(part), "{part} in {unreadable}");
    }
    let removed = text.lines().find(|line| line.contains("Removed a customer")).unwrap();
    assert!(removed.contains("threads=1") && removed.contains("listeners=1"), "{removed}");
    let signature = sign(SECRET, &body.to_string());
    for secret in [
        "a private word",
        "an unreadable word",
        "unforeseen",
        "Dana",
        "Ines",
        "127.0.0.1",
        SECRET,
        &signature,
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
