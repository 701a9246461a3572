//! What an agent does, as JSON calls for tests and scripts. Only this machine may make them.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete as remove, get, patch, post, put};
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::messages::{Draft, Via};
use super::actions::threads::AssignedTo;
use super::actions::{attachments, customers, labels, messages, notes, slack, status, threads};
use super::faults::Faults;
use super::graphql::render;
use super::model::{Actor, Status};
use super::refusal::Refusal;
use super::store;
use super::workspace::{Act, Workspace};

type Shared = State<Arc<Workspace>>;
type Answered = Result<Json<Value>, Refused>;

pub fn routes() -> Router<Arc<Workspace>> {
    Router::new()
        .route("/admin/threads", get(list))
        .route("/admin/threads/{id}", get(one))
        .route("/admin/threads/{id}/replies", post(reply))
        .route("/admin/threads/{id}/notes", post(note))
        .route("/admin/threads/{id}/assignment", post(assign))
        .route("/admin/threads/{id}/labels", post(label))
        .route("/admin/threads/{id}/status", post(set_status))
        .route("/admin/customers/{id}", remove(delete_customer))
        .route("/admin/messages/{id}", patch(edit).delete(delete))
        .route("/admin/messages/{id}/reactions", post(react))
        .route("/admin/faults", put(set_faults).get(show_faults))
        .route("/admin/deliveries", get(deliveries))
        .route("/admin/deliveries/pending", get(pending))
        .layer(middleware::from_fn(this_machine_only))
}

/// Pages of other origins cannot send JSON here without asking first, and get no leave.
async fn this_machine_only(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if !peer.ip().to_canonical().is_loopback() || super::desk::is_foreign(request.headers()) {
        let body = json!({"error": "Only this machine may do that.", "code": "forbidden"});
        return (StatusCode::FORBIDDEN, Json(body)).into_response();
    }
    next.run(request).await
}

/// A refusal as an HTTP answer.
pub struct Refused(Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.code {
            "not_found" => StatusCode::NOT_FOUND,
            "internal" => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let why = self.0.fields.first().map(|(field, _, message)| format!("{field}: {message}"));
        let body = json!({"error": why.unwrap_or(self.0.message), "code": self.0.code});
        (status, Json(body)).into_response()
    }
}

/// The agent who acts when nobody is named.
pub fn agent(workspace: &Workspace) -> Actor {
    let id = workspace.identity.users.first().map(|user| user.id.clone()).unwrap_or_default();
    Actor::User { user_id: id }
}

async fn list(State(workspace): Shared) -> Answered {
    let rows = workspace.read(|db| {
        let mut rows = Vec::new();
        for thread in store::threads::every(db)? {
            let customer = store::people::by_id(db, &thread.customer_id)?;
            rows.push(json!({
                "id": thread.id, "title": thread.title, "status": thread.status.name(),
                "channel": thread.channel,
                "customer": {
                    "id": thread.customer_id,
                    "fullName": customer.as_ref().map(|it| &it.full_name),
                    "email": customer.as_ref().map(|it| &it.email),
                },
            }));
        }
        Ok(rows)
    })?;
    Ok(Json(rows.into()))
}

/// A thread with its whole timeline, oldest first.
async fn one(State(workspace): Shared, Path(id): Path<String>) -> Answered {
    let body = workspace.read(|db| {
        let thread = store::threads::by_id(db, &id)?
            .ok_or_else(|| Refusal::not_found("threadId", "Thread"))?;
        let owner = store::people::by_id(db, &thread.customer_id)?;
        let entries: Vec<_> = store::entries::of_thread(db, &id)?
            .iter()
            .map(|entry| render::timeline_entry(&workspace.identity, entry, owner.as_ref()))
            .collect();
        let mut body = render::thread(&workspace.identity, &thread);
        body["timelineEntries"] = entries.into();
        Ok(body)
    })?;
    Ok(Json(body))
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    text: String,
    /// The thread's own channel when absent.
    via: Option<String>,
    #[serde(default)]
    files: Vec<File>,
}

/// A file that comes with a message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_name: String,
    #[serde(default)]
    text: String,
    /// The content where it is no text.
    base64: Option<String>,
}

impl File {
    fn content(self) -> Result<Vec<u8>, Refusal> {
        match self.base64 {
            None => Ok(self.text.into_bytes()),
            Some(text) => STANDARD.decode(text).map_err(|_| Refusal::field("base64", "Is none.")),
        }
    }
}

fn bring(
    act: &mut Act<'_>,
    by: &Actor,
    customer: &str,
    files: Vec<File>,
    kind: &str,
) -> Result<Vec<String>, Refusal> {
    let bring = |file: File| {
        let name = file.file_name.clone();
        attachments::bring(act, by.clone(), customer, &name, &file.content()?, kind)
    };
    files.into_iter().map(bring).collect()
}

async fn reply(
    State(workspace): Shared,
    Path(id): Path<String>,
    Json(body): Json<Reply>,
) -> Answered {
    let by = agent(&workspace);
    let entry = workspace.act(|act| {
        let thread = act.thread(&id)?;
        let via = match &body.via {
            Some(name) => Via::parse(name),
            None => Via::of_channel(&thread.channel),
        };
        let via = via.ok_or_else(|| Refusal::field("via", "Must be chat, slack or email."))?;
        let kind = via.attachment_kind();
        let attachments = bring(act, &by, &thread.customer_id, body.files, kind)?;
        let draft = Draft { text: Some(body.text), attachments, ..Draft::default() };
        messages::send(act, by, thread, via, draft)
    })?;
    Ok(Json(json!({"timelineEntryId": entry.id})))
}

#[derive(Deserialize)]
struct Note {
    text: String,
    #[serde(default)]
    files: Vec<File>,
}

async fn note(
    State(workspace): Shared,
    Path(id): Path<String>,
    Json(body): Json<Note>,
) -> Answered {
    let by = agent(&workspace);
    let entry = workspace.act(|act| {
        let customer = act.thread(&id)?.customer_id;
        let files = bring(act, &by, &customer, body.files, "NOTE")?;
        notes::write(act, by, &id, &body.text, None, files)
    })?;
    Ok(Json(json!({"timelineEntryId": entry.id})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assignment {
    /// An agent's id; null takes the thread from everybody; absent gives it to the first agent.
    #[serde(default, deserialize_with = "present")]
    user_id: Option<Option<String>>,
}

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

async fn assign(
    State(workspace): Shared,
    Path(id): Path<String>,
    Json(body): Json<Assignment>,
) -> Answered {
    let by = agent(&workspace);
    let user = body.user_id.unwrap_or_else(|| Some(by.id().to_owned()));
    let to = user.map(|id| AssignedTo { user_id: Some(id), machine_user_id: None });
    let thread = workspace.act(|act| threads::assign(act, by, &id, to))?;
    Ok(Json(render::thread(&workspace.identity, &thread)["assignedTo"].clone()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Labels {
    /// Names or ids of label types; the first of all when absent.
    label_types: Option<Vec<String>>,
}

async fn label(
    State(workspace): Shared,
    Path(id): Path<String>,
    Json(body): Json<Labels>,
) -> Answered {
    let by = agent(&workspace);
    let (_, added) = workspace.act(|act| {
        let known = store::threads::label_types(act.db)?;
        let types = match body.label_types {
            None => known.first().map(|it| it.id.clone()).into_iter().collect(),
            Some(wanted) => wanted
                .into_iter()
                .map(|name| {
                    known.iter().find(|it| it.name == name).map_or(name, |it| it.id.clone())
                })
                .collect::<Vec<_>>(),
        };
        labels::add(act, by, &id, &types)
    })?;
    let ids: Vec<_> = added.iter().map(|label| &label.id).collect();
    Ok(Json(json!({"labelIds": ids})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusChange {
    status: String,
    status_detail: Option<String>,
    duration_seconds: Option<i64>,
}

async fn set_status(
    State(workspace): Shared,
    Path(id): Path<String>,
    Json(body): Json<StatusChange>,
) -> Answered {
    let by = agent(&workspace);
    let thread = workspace.act(|act| {
        let to = Status::parse(&body.status)
            .ok_or_else(|| Refusal::field("status", "Must be TODO, SNOOZED or DONE."))?;
        status::set(act, by, &id, to, body.status_detail.as_deref(), body.duration_seconds)
    })?;
    Ok(Json(json!({"status": thread.status.name(), "statusDetail": thread.status_detail.kind})))
}

async fn delete_customer(State(workspace): Shared, Path(id): Path<String>) -> Answered {
    workspace.act(|act| customers::delete(act, &id))?;
    Ok(Json(json!({"customerId": id})))
}

async fn edit(
    State(workspace): Shared,
    Path(id): Path<String>,
    Json(body): Json<Note>,
) -> Answered {
    workspace.act(|act| slack::edit(act, &id, &body.text))?;
    Ok(Json(json!({"timelineEntryId": id})))
}

async fn delete(State(workspace): Shared, Path(id): Path<String>) -> Answered {
    workspace.act(|act| slack::delete(act, &id))?;
    Ok(Json(json!({"timelineEntryId": id})))
}

#[derive(Deserialize)]
struct React {
    name: String,
    /// `add` (default) or `remove`.
    action: Option<String>,
}

async fn react(
    State(workspace): Shared,
    Path(id): Path<String>,
    Json(body): Json<React>,
) -> Answered {
    let by = agent(&workspace);
    let add = match body.action.as_deref() {
        None | Some("add") => true,
        Some("remove") => false,
        Some(_) => return Err(Refusal::field("action", "Must be add or remove.").into()),
    };
    workspace.act(|act| slack::react(act, by, &id, &body.name, add))?;
    Ok(Json(json!({"timelineEntryId": id})))
}

async fn set_faults(State(workspace): Shared, Json(faults): Json<Faults>) -> Json<Value> {
    let answer = json!(faults);
    workspace.set_faults(faults);
    Json(answer)
}

async fn show_faults(State(workspace): Shared) -> Json<Value> {
    Json(json!(workspace.faults()))
}

async fn deliveries(State(workspace): Shared) -> Answered {
    let attempts = workspace.read(|db| Ok(store::webhooks::attempts(db, None, 500)?))?;
    let rows: Vec<_> = attempts
        .iter()
        .map(|it| {
            json!({
                "eventId": it.event_id, "type": it.kind, "targetId": it.target_id,
                "attempt": it.attempt, "status": it.status, "error": it.error,
                "ms": it.ms, "at": super::time::iso(it.at),
            })
        })
        .collect();
    Ok(Json(rows.into()))
}

/// What targets are still owed, oldest event first. Nothing: whoever listens was told of all that happened.
async fn pending(State(workspace): Shared) -> Answered {
    let due = workspace.read(|db| Ok(store::webhooks::pending(db)?))?;
    let rows: Vec<_> = due
        .iter()
        .map(|it| {
            json!({
                "eventId": it.event_id, "type": it.kind, "targetId": it.target_id,
                "attempt": it.attempt, "dueAt": super::time::iso(it.due_at),
            })
        })
        .collect();
    Ok(Json(rows.into()))
}
