//! The client's and the desk's reading of what Plain answers.

use hotline::{
    domain::{ids::ThreadId, message::Message},
    server::{
        bus::memory::{MemoryBus, MemoryBusSettings},
        clock::FixedClock,
        desk::{Desk, DeskSettings, gate::Visible},
        plain::{ApiKey, PlainClient, PlainSettings, operations::NewThread},
    },
};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc, sync::OnceLock, time::Duration};

/// The thread that is asked for; the seeds are about it.
const THREAD: &str = "th_01KQS44ER0KVVBRC15MBB8ADPP";

/// Statuses that mean different things; most inputs shall be read as 200.
const STATUSES: [u16; 8] = [201, 302, 400, 401, 403, 404, 429, 500];

/// Every operation and every page of the desk gets this body as its answer. The status depends on the length.
pub fn read(body: &[u8]) {
    let status = STATUSES.get(body.len() % 64).copied().unwrap_or(200);
    crate::block_on(read_all(status, body));
}

async fn read_all(status: u16, body: &[u8]) {
    let plain = client().canned(status, body.to_vec());
    let _ = plain.my_machine_user().await;
    let _ = plain.upsert_customer("Dana", "dana@northwind.example").await;
    let new = NewThread {
        customer_id: "c",
        title: "t",
        external_id: "e",
        description: "d",
        slack: None,
        labels: &[],
        priority: None,
    };
    let _ = plain.create_thread(new).await;
    let _ = plain.send_customer_chat("c", THREAD, "text", &[]).await;
    let _ = plain.thread_by_external_id("c", "e").await;
    let _ = plain.download_url("att_01KQS44ER0KVVBRC15MBB8ADPP").await;

    let clock = Arc::new(FixedClock::at(0));
    let bus = Arc::new(MemoryBus::new(MemoryBusSettings::default(), clock));
    let settings = DeskSettings { settle: Duration::ZERO, ..DeskSettings::default() };
    let desk = Desk::new(plain, bus, settings);
    let thread = ThreadId::parse(THREAD).expect("an id");
    if let Ok(threads) = desk.threads(std::slice::from_ref(&thread)).await {
        assert!(threads.iter().all(|shown| shown.id == thread), "a thread that nobody asked for");
    }
    let Ok(page) = desk.conversation(&thread).await else { return };
    assert_eq!(page.thread.id, thread);
    check(&page.messages, body);
    // What a page says about the page before must be understood when it comes back.
    if let Some(older) = &page.older {
        let before = desk.older(&thread, older).await.expect("its own place");
        check(&before.messages, body);
    }
}

fn check(messages: &[Message], body: &[u8]) {
    for two in messages.windows(2) {
        assert!(two[0].order() < two[1].order(), "out of order, or twice");
    }
    for message in messages {
        assert!(!message.deleted || (message.text.is_empty() && message.attachments.is_empty()));
        assert!(message.updated_at >= message.at);
        let picture = message.author.avatar_url.as_deref();
        assert!(picture.is_none_or(|url| url.starts_with("https://")));
    }
    let kinds = kinds(body);
    for message in messages {
        let kinds = kinds.get(message.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let visible = kinds.iter().any(|kind| Visible::from_typename(kind).is_some());
        assert!(visible, "{} is {kinds:?} and must not be shown", message.id);
    }
}

/// The types of entry under which the body names each id.
fn kinds(body: &[u8]) -> HashMap<String, Vec<String>> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let edges = json["data"]["thread"]["timelineEntries"]["edges"].as_array();
    for edge in edges.into_iter().flatten() {
        let node = &edge["node"];
        if let (Some(id), Some(kind)) = (node["id"].as_str(), node["entry"]["__typename"].as_str())
        {
            found.entry(id.into()).or_default().push(kind.into());
        }
    }
    found
}

/// One for all: its pool is never used.
fn client() -> &'static PlainClient {
    static CLIENT: OnceLock<PlainClient> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let url = url::Url::parse("http://127.0.0.1:9/graphql/v1").expect("a URL");
        let mut settings = PlainSettings::new(url, ApiKey::new("plainApiKey_fuzz"));
        settings.tries = 1;
        PlainClient::new(settings).expect("a client")
    })
}
