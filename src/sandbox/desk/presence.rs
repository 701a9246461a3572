//! Whether the visitor has the conversation open right now, and types; and that the agent does: the desk asks the portal
//! and tells it, as agents' own tools may.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Form, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sandbox::time;
use crate::sandbox::webhooks::sign::sign;
use crate::sandbox::workspace::Workspace;

/// A page waits no longer for the answer.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Answer {
    present: Vec<String>,
    #[serde(default)]
    typing: Vec<String>,
}

/// What the visitor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct There {
    /// Has the conversation open.
    pub present: bool,
    /// Types.
    pub typing: bool,
}

/// None where the portal cannot be asked.
pub async fn of(workspace: &Workspace, thread: &str) -> Option<There> {
    let body = json!({"threadIds": [thread], "at": time::iso(time::now())});
    let answer = signed(workspace, "presence", &body).await?;
    let answer: Answer = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
    let is_in = |list: &[String]| list.iter().any(|it| it == thread);
    Some(There { present: is_in(&answer.present), typing: is_in(&answer.typing) })
}

/// For the script of an open page.
pub async fn answer(
    State(workspace): State<Arc<Workspace>>,
    Path(id): Path<String>,
) -> Json<Option<There>> {
    Json(of(&workspace, &id).await)
}

#[derive(Deserialize)]
pub struct Typing {
    typing: bool,
    #[serde(default)]
    agent: String,
}

/// The agent types in the reply box, or stopped.
pub async fn typing(
    State(workspace): State<Arc<Workspace>>,
    Path(id): Path<String>,
    Form(Typing { typing, agent }): Form<Typing>,
) -> StatusCode {
    let name = workspace.identity.user(&agent).map_or("", |user| user.public_name.as_str());
    let at = time::iso(time::now());
    let body = json!({"threadId": id, "name": name, "typing": typing, "at": at});
    match signed(&workspace, "typing", &body).await {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::BAD_GATEWAY,
    }
}

/// What a route of the portal for agents' tools answers.
async fn signed(workspace: &Workspace, route: &str, body: &Value) -> Option<reqwest::Response> {
    let portal = workspace.portal_url.as_deref()?.trim_end_matches('/');
    let body = body.to_string();
    let request = workspace
        .http
        .post(format!("{portal}/api/support/{route}"))
        .header("content-type", "application/json")
        .header("plain-request-signature", sign(&workspace.signing_secret, body.as_bytes()))
        .timeout(TIMEOUT)
        .body(body);
    request.send().await.ok()?.error_for_status().ok()
}
