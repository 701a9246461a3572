//! A server on a real socket that answers as it is told to, also badly, and notes every call.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::post,
};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// One call as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: String,
    pub variables: Value,
    pub headers: HeaderMap,
    /// How many calls of this operation came before.
    pub nth: usize,
}

/// What to answer.
pub enum Act {
    /// `{"data": …}` with status 200.
    Data(Value),
    /// Status, headers, body.
    Raw(u16, Vec<(&'static str, String)>, String),
    /// Starts a body and breaks the connection.
    Break,
    /// Nothing, for ever.
    Never,
    /// Takes a permit first.
    When(Arc<Semaphore>, Box<Act>),
}

impl Act {
    pub fn raw(status: u16, body: &str) -> Act {
        Act::Raw(status, vec![], body.into())
    }
}

type Script = dyn Fn(&Call) -> Act + Send + Sync;
type Shared = (Arc<Mutex<Vec<Call>>>, Arc<Script>);

/// The running server.
pub struct PlainScript {
    pub url: url::Url,
    calls: Arc<Mutex<Vec<Call>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for PlainScript {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PlainScript {
    pub async fn start(script: impl Fn(&Call) -> Act + Send + Sync + 'static) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let router =
            Router::new().route("/graphql/v1", post(answer)).with_state((calls.clone(), script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}/graphql/v1").parse().expect("a URL");
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the script runs");
        });
        Self { url, calls, task }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic").clone()
    }

    pub fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| call.operation == operation).count()
    }
}

async fn answer(
    State((calls, script)): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let operation = body["operationName"].as_str().expect("a name").to_owned();
    let query = body["query"].as_str().expect("a document");
    assert!(query.contains(&operation));
    let mut act = {
        let mut calls = calls.lock().expect("no panic");
        let nth = calls.iter().filter(|call| call.operation == operation).count();
        let call = Call { operation, variables: body["variables"].clone(), headers, nth };
        calls.push(call.clone());
        script(&call)
    };
    loop {
        act = match act {
            Act::When(permits, then) => {
                permits.acquire().await.expect("open").forget();
                *then
            }
            Act::Never => std::future::pending().await,
            Act::Break => {
                let chunks = futures::stream::iter([
                    Ok(Bytes::from_static(b"{\"data\":{")),
                    Err(std::io::Error::other("broken on purpose")),
                ]);
                return Response::new(Body::from_stream(chunks));
            }
            Act::Data(data) => {
                let body = serde_json::json!({ "data": data }).to_string();
                Act::Raw(200, vec![("content-type", "application/json".into())], body)
            }
            Act::Raw(status, headers, body) => {
                let mut response = Response::new(Body::from(body));
                *response.status_mut() = StatusCode::from_u16(status).expect("a status");
                for (name, value) in headers {
                    response.headers_mut().insert(name, value.parse().expect("a header value"));
                }
                return response;
            }
        }
    }
}
