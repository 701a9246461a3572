//! The HTTP side of the GraphQL API: keys, limits, the headers that Plain sends, and the fault switches.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_graphql::dynamic::Schema;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::json;

use super::graphql::engine::{self, Call};
use super::workspace::Workspace;
use super::{ids, time};

/// Requests a minute. Far above Plain's, so that only the fault switch makes a portal feel it.
const LIMIT: i64 = 60_000;
/// How long a call hangs whose answer is never to come.
const NEVER: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub struct Api {
    pub workspace: Arc<Workspace>,
    pub schema: Schema,
    pub window: Arc<Window>,
}

/// Counts the calls of the current minute.
#[derive(Default)]
pub struct Window {
    minute: AtomicI64,
    calls: AtomicI64,
}

impl Window {
    /// Counts one call: what is left, and when the minute ends.
    fn count(&self) -> (i64, i64) {
        let minute = time::now() / 60_000;
        if self.minute.swap(minute, Ordering::Relaxed) != minute {
            self.calls.store(0, Ordering::Relaxed);
        }
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        (LIMIT - calls, (minute + 1) * 60_000)
    }
}

pub fn routes(api: Api) -> Router {
    Router::new().route("/graphql/v1", any(graphql)).with_state(api)
}

async fn graphql(
    State(api): State<Api>,
    method: axum::http::Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut response = answer(&api, &method, &headers, &body).await;
    let id = HeaderValue::from_str(&ids::token(8)).unwrap_or(HeaderValue::from_static("0"));
    response.headers_mut().insert("apigw-requestid", id);
    response
}

async fn answer(
    api: &Api,
    method: &axum::http::Method,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if text(header::USER_AGENT).is_empty() {
        return (StatusCode::FORBIDDEN, "error code: 1010").into_response();
    }
    if text(header::AUTHORIZATION).strip_prefix("Bearer ") != Some(api.workspace.api_key.as_str()) {
        let body = Json(json!({"message": "Unauthorized"}));
        return (StatusCode::UNAUTHORIZED, body).into_response();
    }
    if method != axum::http::Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response();
    }
    let faults = api.workspace.faults().graphql;
    if faults.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.delay_ms)).await;
    }
    let (left, reset) = api.window.count();
    let left = if faults.rate_limited { -1 } else { left };
    let mut response = if left < 0 {
        let error = json!({
            "message": "Too Many Requests - Rate limit exceeded", "extensions": {"code": "RATE_LIMITED"}
        });
        (StatusCode::TOO_MANY_REQUESTS, Json(json!({"errors": [error]}))).into_response()
    } else if let Some(status) = faults.status.and_then(|code| StatusCode::from_u16(code).ok()) {
        (status, Json(json!({"message": status.canonical_reason().unwrap_or("Fault")})))
            .into_response()
    } else {
        carried_out(api, headers, body, faults.timeout_after_write).await
    };
    let limits = [
        ("x-ratelimit-limit", LIMIT.to_string()),
        ("x-ratelimit-remaining", left.max(0).to_string()),
        ("x-ratelimit-reset", time::iso(reset)),
    ];
    for (name, value) in limits {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

async fn carried_out(api: &Api, headers: &HeaderMap, body: &[u8], hang: bool) -> Response {
    let bad = |message: &str| {
        let error = json!({"message": message, "extensions": {"code": "BAD_REQUEST"}});
        (StatusCode::BAD_REQUEST, Json(json!({"errors": [error]}))).into_response()
    };
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return bad("The content type must be application/json.");
    }
    let call: Call = match serde_json::from_slice(body) {
        Ok(call) => call,
        Err(_) => return bad("The body must be a JSON object with a query."),
    };
    let answer = engine::call(&api.schema, call).await;
    if hang && answer.wrote {
        tokio::time::sleep(NEVER).await;
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(answer.body)).into_response()
}
