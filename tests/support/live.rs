//! A portal's live half on a real socket: webhook intake, memory bus, stream route.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use hotline::{
    domain::ids::ThreadId,
    server::{
        bus::{
            EventBus,
            memory::{MemoryBus, MemoryBusSettings},
        },
        clock::{Clock, FixedClock},
        listen::{self, ListenSettings},
        shutdown::Shutdown,
        stream::{self, StreamContext, StreamQuery, StreamSettings, Wanted},
        webhook::{self, Intake, IntakeSettings, signature::Secret},
    },
};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// The moment at which the tests' clock stands: 2026-05-04T09:12:04Z.
pub const NOW: i64 = 1_777_885_924_000;
pub const SECRET: &str = "sandbox-signing-secret";
pub const THREAD: &str = "th_01KQS44ER0KVVBRC15MBB8ADPP";
pub const CUSTOMER: &str = "c_01KQS44CX8CYA55WM6RTQ4G2RH";
pub const AGENT: &str = "u_01KEKNJD80D8S85WNEYBMCBDNG";

pub struct Portal {
    pub address: SocketAddr,
    pub bus: Arc<dyn EventBus>,
    pub clock: Arc<FixedClock>,
    pub shutdown: Shutdown,
    pub streams: StreamContext,
    pub client: reqwest::Client,
    pub served: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
pub struct Setup {
    pub secrets: Vec<&'static str>,
    pub stream: StreamSettings,
    pub bus: MemoryBusSettings,
    pub engine: Option<Arc<dyn EventBus>>,
    /// Where to listen; the same again makes a restart.
    pub address: Option<SocketAddr>,
}

impl Portal {
    pub async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup) -> Self {
        let clock = Arc::new(FixedClock::at(NOW));
        let shutdown = Shutdown::new();
        let bus =
            setup.engine.unwrap_or_else(|| Arc::new(MemoryBus::new(setup.bus, clock.clone())));
        let secrets = if setup.secrets.is_empty() { vec![SECRET] } else { setup.secrets };
        let intake = Arc::new(Intake::new(
            IntakeSettings {
                secrets: secrets.into_iter().map(|text| Secret::new(text).unwrap()).collect(),
                ..IntakeSettings::default()
            },
            bus.clone(),
            clock.clone(),
        ));
        let as_clock: Arc<dyn Clock> = clock.clone();
        let streams = StreamContext::new(bus.clone(), shutdown.clone(), as_clock, setup.stream);
        let router = Router::new()
            .route("/api/support/stream", get(follow))
            .with_state(streams.clone())
            .merge(webhook::routes(intake));
        let wanted = setup.address.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap());
        let listener = tokio::net::TcpListener::bind(wanted).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = shutdown.token();
        let served = tokio::spawn(async move {
            listen::serve(listener, router, ListenSettings::default(), stop).await.unwrap();
        });
        Self { address, bus, clock, shutdown, streams, client: client(), served }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Signs and posts a body.
    pub async fn post(&self, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let signature = Secret::new(SECRET).unwrap().sign(body.as_bytes());
        self.post_raw(body, &[("plain-request-signature", &signature)]).await
    }

    pub async fn post_raw(
        &self,
        body: impl Into<reqwest::Body>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = self.client.post(self.url("/api/webhooks/plain")).body(body);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
    }

    /// Opens the stream.
    pub async fn follow(&self, after: Option<&str>, last_event_id: Option<&str>) -> Reader {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let mut request = self
            .client
            .get(self.url(&format!("/api/support/stream?threadId={THREAD}{after}")))
            .header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Reader::of(response)
    }
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let nowhere = reqwest::redirect::Policy::none();
    reqwest::Client::builder().no_proxy().redirect(nowhere).build().unwrap()
}

/// Whoever asks may follow; a thread whose id is none is refused as the portal would refuse a foreign one.
async fn follow(
    State(streams): State<StreamContext>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = StreamQuery::read(&query.unwrap_or_default(), &headers);
    let threads = query.threads.into_iter().map(|(thread, place)| (ThreadId::parse(thread), place));
    let threads: Vec<_> =
        threads.filter_map(|(thread, place)| Some((thread.ok()?, place))).collect();
    if threads.is_empty() {
        return StatusCode::NOT_FOUND.into_response();
    }
    stream::open(&streams, None, Wanted { threads, denied: Vec::new() }).await
}

/// A browser's end of a stream.
pub struct Reader {
    pub response: reqwest::Response,
    buffer: Vec<u8>,
}

/// One frame.
#[derive(Debug, Clone)]
pub struct Frame {
    pub id: Option<String>,
    pub retry: Option<u64>,
    pub data: Value,
}

impl Reader {
    /// Reads what a stream route answered.
    pub fn of(response: reqwest::Response) -> Self {
        Self { response, buffer: Vec::new() }
    }

    /// The next frame; none at the stream's end.
    pub async fn next(&mut self) -> Option<Frame> {
        let frame = self.try_next().await.unwrap();
        assert!(frame.is_some() || self.buffer.is_empty(), "half a frame at the end");
        frame
    }

    /// The next frame; none at the stream's end, an error where the connection broke.
    pub async fn try_next(&mut self) -> reqwest::Result<Option<Frame>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Ok(Some(parse(std::str::from_utf8(&frame).unwrap())));
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk());
            match chunk.await.expect("a frame, or the end")? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// The next frame of a type, passing over heartbeats.
    pub async fn expect(&mut self, kind: &str) -> Frame {
        loop {
            let frame = self.next().await.expect("the stream goes on");
            if frame.data["type"] == kind {
                return frame;
            }
            assert_eq!(frame.data["type"], "heartbeat", "wanted {kind}, got {frame:?}");
        }
    }
}

/// The frames of a text that ends.
pub fn frames(text: &str) -> Vec<Frame> {
    assert!(text.is_empty() || text.ends_with("\n\n"), "whole frames: {text:?}");
    text.split_terminator("\n\n").map(parse).collect()
}

fn parse(text: &str) -> Frame {
    let mut frame = Frame { id: None, retry: None, data: Value::Null };
    for line in text.trim_end_matches('\n').split('\n') {
        match line.split_once(": ").unwrap() {
            ("id", id) => frame.id = Some(id.into()),
            ("retry", retry) => frame.retry = Some(retry.parse().unwrap()),
            ("data", data) => frame.data = serde_json::from_str(data).unwrap(),
            (other, _) => panic!("unknown field {other}"),
        }
    }
    frame
}

/// An event id for each number.
pub fn event_id(n: u32) -> String {
    format!("pEv_{n:026}")
}

/// An envelope whose attempt was made at the tests' moment.
pub fn envelope(n: u32, kind: &str, payload: Value) -> Value {
    let mut payload = payload;
    payload["eventType"] = kind.into();
    json!({
        "id": event_id(n),
        "type": kind,
        "timestamp": "2026-05-04T09:12:03.410Z",
        "workspaceId": "w_01KEKJ4HM0G61NKTVPFMC4CP3P",
        "webhookMetadata": {
            "webhookTargetId": "whTarget_01KEP13D003SAD3TJXBYE33Z6T",
            "webhookTargetVersion": "2026-04-21",
            "webhookDeliveryAttemptId": "whAttempt_01KQS44JHW3Y36180RZ4THSKGV",
            "webhookDeliveryAttemptNumber": 1,
            "webhookDeliveryAttemptTimestamp": "2026-05-04T09:12:04.000Z",
        },
        "payload": payload,
    })
}

/// A thread as a webhook carries it.
pub fn thread() -> Value {
    json!({
        "id": THREAD,
        "customer": {
            "id": CUSTOMER,
            "fullName": "Dana Okafor",
            "email": {"email": "dana@northwind.example", "isVerified": true, "verifiedAt": null},
        },
        "title": "CSV export stops",
        "status": "TODO",
        "statusDetail": {"type": "NEW_REPLY"},
        "assignee": {
            "id": AGENT,
            "email": "ines@vendor.example",
            "fullName": "Ines Marchetti",
            "publicName": "Ines",
        },
    })
}

/// A message part, by an agent.
pub fn part(n: u32, text: &str) -> Value {
    json!({
        "timelineEntryId": format!("t_{n:026}"),
        "id": format!("ch_{n:026}"),
        "text": text,
        "attachments": [],
        "createdAt": "2026-05-04T09:12:03.410Z",
        "createdBy": {"actorType": "user", "userId": AGENT},
        "updatedAt": "2026-05-04T09:12:03.410Z",
        "updatedBy": {"actorType": "user", "userId": AGENT},
    })
}

/// An agent's chat message.
pub fn chat_sent(n: u32, text: &str) -> Value {
    envelope(n, "thread.chat_sent", json!({"thread": thread(), "chat": part(n, text)}))
}
