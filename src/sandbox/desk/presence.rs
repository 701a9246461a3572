//! Whether the visitor has the conversation open right now: the desk asks the portal, as agents' own tools may.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::sandbox::time;
use crate::sandbox::webhooks::sign::sign;
use crate::sandbox::workspace::Workspace;

/// A page waits no longer for the answer.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct Answer {
    present: Vec<String>,
}

/// None where the portal cannot be asked.
pub async fn of(workspace: &Workspace, thread: &str) -> Option<bool> {
    let portal = workspace.portal_url.as_deref()?.trim_end_matches('/');
    let body = json!({"threadIds": [thread], "at": time::iso(time::now())}).to_string();
    let request = workspace
        .http
        .post(format!("{portal}/api/support/presence"))
        .header("content-type", "application/json")
        .header("plain-request-signature", sign(&workspace.signing_secret, body.as_bytes()))
        .timeout(TIMEOUT)
        .body(body);
    let answer = request.send().await.ok()?.error_for_status().ok()?;
    let answer: Answer = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
    Some(answer.present.iter().any(|it| it == thread))
}
