//! The wire between a portal and its Plain: passes calls on, counts them by operation, and bends them on demand.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::HeaderMap,
    response::Response,
    routing::post,
};
use serde_json::Value;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::Semaphore;

/// What becomes of a call.
pub enum Bend {
    /// It goes through.
    Straight,
    /// It is answered with this status, content type and body, and never arrives.
    Answer(u16, &'static str, &'static str),
    /// It is carried out, and the answer is lost: the caller waits until it gives up.
    LoseAnswer,
    /// It is carried out, and the answer breaks off in the middle.
    Break,
    /// It waits for a permit, then goes through.
    When(Arc<Semaphore>),
}

/// Decides by the operation's name and how many calls of it came before.
type Rule = dyn Fn(&str, usize) -> Bend + Send + Sync;

struct Inner {
    target: OnceLock<String>,
    rule: Mutex<Arc<Rule>>,
    calls: Mutex<Vec<(String, Value)>>,
    http: reqwest::Client,
}

/// The running wire. Ends with the test's runtime.
#[derive(Clone)]
pub struct Wire {
    pub url: String,
    inner: Arc<Inner>,
}

impl Wire {
    pub async fn lay() -> Self {
        let inner = Arc::new(Inner {
            target: OnceLock::new(),
            rule: Mutex::new(Arc::new(|_, _| Bend::Straight)),
            calls: Mutex::default(),
            http: super::live::client(),
        });
        let router = Router::new().route("/graphql/v1", post(pass)).with_state(inner.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/graphql/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner }
    }

    pub fn connect(&self, api_url: String) {
        self.inner.target.set(api_url).unwrap();
    }

    /// From now on; the counts begin anew.
    pub fn bend(&self, rule: impl Fn(&str, usize) -> Bend + Send + Sync + 'static) {
        self.inner.calls.lock().unwrap().clear();
        *self.inner.rule.lock().unwrap() = Arc::new(rule);
    }

    /// Everything goes through again; the counts begin anew.
    pub fn straighten(&self) {
        self.bend(|_, _| Bend::Straight);
    }

    /// How many calls of an operation came since the last bend.
    pub fn count(&self, operation: &str) -> usize {
        self.inputs(operation).len()
    }

    /// What the calls of an operation asked for since the last bend: their variables.
    pub fn inputs(&self, operation: &str) -> Vec<Value> {
        let calls = self.inner.calls.lock().unwrap();
        let calls = calls.iter().filter(|(called, _)| called == operation);
        calls.map(|(_, call)| call["variables"].clone()).collect()
    }
}

async fn pass(State(wire): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let call: Value = serde_json::from_slice(&body).unwrap();
    let operation = call["operationName"].as_str().unwrap().to_owned();
    let nth = {
        let mut calls = wire.calls.lock().unwrap();
        calls.push((operation.clone(), call));
        calls.iter().filter(|(called, _)| *called == operation).count() - 1
    };
    let rule = wire.rule.lock().unwrap().clone();
    let bend = rule(&operation, nth);
    if let Bend::Answer(status, kind, text) = bend {
        return answer(status, kind, text.into());
    }
    if let Bend::When(permits) = &bend {
        permits.acquire().await.unwrap().forget();
    }
    let mut request = wire.http.post(wire.target.get().unwrap()).body(body);
    for name in ["authorization", "content-type", "user-agent", "x-request-id"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answered = request.send().await.unwrap();
    let status = answered.status().as_u16();
    let text = answered.bytes().await.unwrap();
    match bend {
        Bend::LoseAnswer => std::future::pending().await,
        Bend::Break => {
            let chunks = futures::stream::iter([
                Ok(Bytes::from_static(b"{\"data\":{")),
                Err(std::io::Error::other("broken on purpose")),
            ]);
            Response::new(Body::from_stream(chunks))
        }
        _ => answer(status, "application/json", text.into()),
    }
}

fn answer(status: u16, kind: &str, body: Body) -> Response {
    Response::builder().status(status).header("content-type", kind).body(body).unwrap()
}
