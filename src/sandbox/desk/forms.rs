//! The desk's forms: do it, then 303 back to the thread; a refusal is shown on the page.

use std::sync::Arc;

use axum::Form;
use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page;
use crate::sandbox::actions::messages::{Draft, Via};
use crate::sandbox::actions::threads::AssignedTo;
use crate::sandbox::actions::{
    attachments, customers, labels, messages, notes, slack, status as statuses, threads,
};
use crate::sandbox::faults::{Faults, FileFaults, GraphqlFaults, Scan, WebhookFaults};
use crate::sandbox::model::{Actor, Status};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::workspace::{Act, Workspace};

type Shared = State<Arc<Workspace>>;

/// Back to the thread, or the page with what was wrong and the text that was typed.
fn shown(workspace: &Workspace, thread: &str, done: Result<(), Refusal>, typed: &str) -> Response {
    match done {
        Ok(()) => Redirect::to(&format!("/threads/{thread}")).into_response(),
        Err(refusal) => {
            let status = match refusal.code {
                "not_found" => StatusCode::NOT_FOUND,
                "internal" => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            let why = refusal.fields.first().map_or(&refusal.message, |(_, _, message)| message);
            (status, page::render(workspace, Some(thread), None, Some(why), typed)).into_response()
        }
    }
}

/// The agent chosen in the form, or the first.
fn agent(workspace: &Workspace, id: Option<&str>) -> Actor {
    match id.and_then(|id| workspace.identity.user(id)) {
        Some(user) => Actor::User { user_id: user.id.clone() },
        None => crate::sandbox::admin::agent(workspace),
    }
}

/// What the reply box sends: as a multipart form, because a file may be in it, or as a plain one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    text: String,
    /// `chat`, `slack`, `email` or `note`.
    via: String,
    agent: Option<String>,
    #[serde(skip)]
    files: Vec<(String, Bytes)>,
}

impl Reply {
    async fn read(request: Request) -> Option<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
        if !kind.starts_with("multipart/") {
            return Some(Form::from_request(request, &()).await.ok()?.0);
        }
        let mut parts = Multipart::from_request(request, &()).await.ok()?;
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.ok()? {
            let name = part.name().unwrap_or_default().to_owned();
            // Browsers write a quote in a name so.
            let file_name = part.file_name().unwrap_or_default().replace("%22", "\"");
            let content = part.bytes().await.ok()?;
            let text = || String::from_utf8_lossy(&content).into_owned();
            match name.as_str() {
                "text" => form.text = text(),
                "via" => form.via = text(),
                "agent" => form.agent = Some(text()),
                "file" if !file_name.is_empty() => form.files.push((file_name, content)),
                _ => {}
            }
        }
        Some(form)
    }

    /// The ids under which a message of this kind carries the files.
    fn files(
        &self,
        act: &mut Act<'_>,
        by: &Actor,
        customer: &str,
        kind: &str,
    ) -> Result<Vec<String>, Refusal> {
        let bring = |(name, content): &(String, Bytes)| {
            attachments::bring(act, by.clone(), customer, name, content, kind)
        };
        self.files.iter().map(bring).collect()
    }
}

pub async fn reply(State(workspace): Shared, Path(id): Path<String>, request: Request) -> Response {
    let Some(form) = Reply::read(request).await else {
        return (StatusCode::BAD_REQUEST, "The form cannot be read.").into_response();
    };
    let by = agent(&workspace, form.agent.as_deref());
    let text = form.text.replace("\r\n", "\n");
    let done = workspace.act(|act| {
        let thread = act.thread(&id)?;
        if form.via == "note" {
            let files = form.files(act, &by, &thread.customer_id, "NOTE")?;
            return notes::write(act, by, &id, &text, None, files).map(drop);
        }
        let via =
            Via::parse(&form.via).ok_or_else(|| Refusal::field("via", "Choose how to send it."))?;
        let attachments = form.files(act, &by, &thread.customer_id, via.attachment_kind())?;
        let draft = Draft { text: Some(text.clone()), attachments, ..Draft::default() };
        messages::send(act, by, thread, via, draft).map(drop)
    });
    shown(&workspace, &id, done, &text)
}

#[derive(Deserialize)]
pub struct Assign {
    /// Empty for nobody.
    user: String,
}

pub async fn assign(
    State(workspace): Shared,
    Path(id): Path<String>,
    Form(form): Form<Assign>,
) -> Response {
    let by = agent(&workspace, None);
    let to = (!form.user.is_empty())
        .then_some(AssignedTo { user_id: Some(form.user), machine_user_id: None });
    let done = workspace.act(|act| threads::assign(act, by, &id, to)).map(drop);
    shown(&workspace, &id, done, "")
}

#[derive(Deserialize)]
pub struct NewStatus {
    /// `TODO`, `SNOOZED` or `DONE`.
    status: String,
}

pub async fn status(
    State(workspace): Shared,
    Path(id): Path<String>,
    Form(form): Form<NewStatus>,
) -> Response {
    let by = agent(&workspace, None);
    let done = workspace.act(|act| {
        let to = Status::parse(&form.status)
            .ok_or_else(|| Refusal::field("status", "Choose a status."))?;
        statuses::set(act, by, &id, to, None, None).map(drop)
    });
    shown(&workspace, &id, done, "")
}

#[derive(Deserialize)]
pub struct Label {
    label: String,
}

pub async fn label(
    State(workspace): Shared,
    Path(id): Path<String>,
    Form(form): Form<Label>,
) -> Response {
    let by = agent(&workspace, None);
    let done = workspace.act(|act| labels::add(act, by, &id, &[form.label])).map(drop);
    shown(&workspace, &id, done, "")
}

pub async fn unlabel(
    State(workspace): Shared,
    Path(id): Path<String>,
    Form(form): Form<Label>,
) -> Response {
    let by = agent(&workspace, None);
    let done = workspace.act(|act| labels::remove(act, by, &[form.label]));
    shown(&workspace, &id, done, "")
}

/// The thread goes with its customer, so the way leads back to the inbox.
pub async fn delete_customer(State(workspace): Shared, Path(id): Path<String>) -> Response {
    let done = workspace.act(|act| {
        let customer = act.thread(&id)?.customer_id;
        customers::delete(act, &customer)
    });
    match done {
        Ok(()) => Redirect::to("/").into_response(),
        refused => shown(&workspace, &id, refused, ""),
    }
}

#[derive(Deserialize)]
pub struct Change {
    #[serde(default)]
    text: String,
    #[serde(default)]
    name: String,
}

pub async fn edit(
    State(workspace): Shared,
    Path(id): Path<String>,
    Form(form): Form<Change>,
) -> Response {
    changed(&workspace, &id, |act| slack::edit(act, &id, &form.text))
}

pub async fn delete(State(workspace): Shared, Path(id): Path<String>) -> Response {
    changed(&workspace, &id, |act| slack::delete(act, &id))
}

pub async fn react(
    State(workspace): Shared,
    Path(id): Path<String>,
    Form(form): Form<Change>,
) -> Response {
    let by = agent(&workspace, None);
    changed(&workspace, &id, |act| slack::react(act, by, &id, &form.name, true))
}

/// Changes a message and goes back to its thread.
fn changed(
    workspace: &Arc<Workspace>,
    entry: &str,
    job: impl FnOnce(&mut Act<'_>) -> Result<(), Refusal>,
) -> Response {
    let thread = workspace.read(|db| Ok(store::entries::by_id(db, entry)?));
    match thread {
        Ok(Some(found)) => shown(workspace, &found.thread_id, workspace.act(job), ""),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Checkboxes are absent when off; an empty number is none.
#[derive(Deserialize)]
pub struct FaultForm {
    #[serde(default)]
    status: String,
    #[serde(default)]
    graphql_delay: String,
    timeout_after_write: Option<String>,
    rate_limited: Option<String>,
    drop: Option<String>,
    duplicate: Option<String>,
    reorder: Option<String>,
    #[serde(default)]
    webhook_delay: String,
    /// Empty for clean.
    #[serde(default)]
    scan: String,
    #[serde(default)]
    back: String,
}

pub async fn faults(State(workspace): Shared, Form(form): Form<FaultForm>) -> Response {
    workspace.set_faults(Faults {
        graphql: GraphqlFaults {
            status: form.status.trim().parse().ok(),
            delay_ms: form.graphql_delay.trim().parse().unwrap_or(0),
            timeout_after_write: form.timeout_after_write.is_some(),
            without: workspace.faults().graphql.without,
            rate_limited: form.rate_limited.is_some(),
        },
        webhooks: WebhookFaults {
            drop: form.drop.is_some(),
            duplicate: form.duplicate.is_some(),
            reorder: form.reorder.is_some(),
            delay_ms: form.webhook_delay.trim().parse().unwrap_or(0),
        },
        files: FileFaults {
            scan: match form.scan.as_str() {
                "INFECTED" => Some(Some(Scan::Infected)),
                "PENDING" => Some(Some(Scan::Pending)),
                "FAILED" => Some(Some(Scan::Failed)),
                "none" => Some(None),
                _ => None,
            },
        },
    });
    let sound = form.back.starts_with("th_")
        && form.back.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let to = if sound { format!("/threads/{}", form.back) } else { "/".into() };
    Redirect::to(&to).into_response()
}
