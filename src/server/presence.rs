//! Who is there: `POST /api/support/presence` tells agents' own tools which visitors have a conversation open right now.
//!
//! A request is signed like Plain's webhooks (`Plain-Request-Signature` over the raw body, any configured secret) and
//! fresh (`at` within five minutes), so no browser and no stranger can ask:
//!
//! ```text
//! {"threadIds":["th_…", …], "at":"2026-05-04T09:12:04Z"}   →   {"present":["th_…", …], "typing":["th_…", …]}
//! ```
//!
//! At most [`MOST`] threads a question. A thread counts as open while a live stream follows it, on any instance; a
//! visitor who left without a word (a dead network) is noticed within a heartbeat. `typing` names those of them in which the
//! visitor wrote something in the last few seconds.

use super::{
    signals::Signals,
    webhook::{Intake, Peer, Refusal, address},
};
use crate::domain::ids::ThreadId;
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use serde_json::json;
use std::{net::SocketAddr, sync::Arc};

/// Threads of one question.
const MOST: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    thread_ids: Vec<ThreadId>,
    at: String,
}

/// The route.
pub fn routes(intake: Arc<Intake>, signals: Signals) -> Router {
    Router::new().route("/api/support/presence", post(present)).with_state((intake, signals))
}

async fn present(
    State((intake, signals)): State<(Arc<Intake>, Signals)>,
    peer: Option<Extension<Peer>>,
    socket: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match intake.believed(address(peer, socket), &headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let Some((threads, at)) = read(&body) else {
        let error =
            format!("Expected {{\"threadIds\":[at most {MOST}],\"at\":\"<now, ISO 8601>\"}}");
        let body = Json(json!({"error": error, "code": "bad_request"}));
        return (StatusCode::BAD_REQUEST, body).into_response();
    };
    if !intake.is_fresh(at) {
        return Refusal::Stale.into_response();
    }
    let (mut present, mut typing) = (Vec::new(), Vec::new());
    for thread in threads {
        match intake.audience(&thread).await {
            Ok(0) => {}
            Ok(_) => {
                if signals.is_typing(&thread).await {
                    typing.push(thread.clone());
                }
                present.push(thread);
            }
            Err(refusal) => return refusal.into_response(),
        }
    }
    Json(json!({"present": present, "typing": typing})).into_response()
}

/// The threads, and the moment of the question in milliseconds since 1970.
fn read(body: &[u8]) -> Option<(Vec<ThreadId>, i64)> {
    let question: Question = serde_json::from_slice(body).ok()?;
    let at: jiff::Timestamp = question.at.parse().ok()?;
    (question.thread_ids.len() <= MOST).then(|| (question.thread_ids, at.as_millisecond()))
}
