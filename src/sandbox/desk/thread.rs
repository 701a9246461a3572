//! One thread: its head, its timeline and the reply box.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use rusqlite::Connection;

use super::page::{avatar, channel, status};
use super::presence::There;
use crate::sandbox::files;
use crate::sandbox::model::{
    Actor, Attachment, Body, Customer, Entry, Identity, LabelType, SlackMessage, Status, Thread,
};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::time;
use crate::sandbox::workspace::Workspace;

/// Everything that the page shows of a thread.
pub struct Open {
    pub thread: Thread,
    owner: Option<Customer>,
    entries: Vec<(Entry, Vec<Attachment>)>,
    label_types: Vec<LabelType>,
}

impl Open {
    pub fn load(db: &Connection, thread: Thread) -> Result<Self, Refusal> {
        let owner = store::people::by_id(db, &thread.customer_id)?;
        let label_types = store::threads::label_types(db)?;
        let mut entries = Vec::new();
        for entry in store::entries::of_thread(db, &thread.id)? {
            let mut files = Vec::new();
            for id in entry.body.attachments() {
                files.extend(store::files::by_id(db, id)?);
            }
            entries.push((entry, files));
        }
        Ok(Self { thread, owner, entries, label_types })
    }

    fn label_name(&self, id: &str) -> &str {
        self.label_types.iter().find(|it| it.id == id).map_or("Label", |it| &it.name)
    }
}

pub fn markup(
    workspace: &Workspace,
    open: &Open,
    present: Option<There>,
    error: Option<&str>,
    typed: &str,
) -> Markup {
    html! {
        (head(workspace, open, present))
        div #timeline .timeline {
            @if open.entries.is_empty() { p.hint { "Nothing was said yet." } }
            ol { @for (entry, files) in &open.entries { (line(workspace, open, entry, files)) } }
        }
        (composer(workspace, open, error, typed))
    }
}

fn head(workspace: &Workspace, open: &Open, present: Option<There>) -> Markup {
    let thread = &open.thread;
    let name = open.owner.as_ref().map_or("Unknown", |it| it.full_name.as_str());
    let email = open.owner.as_ref().map_or("", |it| it.email.as_str());
    let act = |what: &str| format!("/threads/{}/{what}", thread.id);
    html! {
        div.thread-head {
            div.thread-title {
                a.back href="/" aria-label="Back to the inbox" { "←" }
                div {
                    h1 { (thread.title) }
                    p.meta { b { (name) } " " (email) " · " (thread.reference()) " · " (channel(&thread.channel)) }
                    @match present {
                        Some(There { present: true, .. }) => p.presence.here { "The visitor has this conversation open" },
                        Some(_) => p.presence { "The visitor is not on the page" },
                        None => {}
                    }
                    p #visitor-typing .presence.here role="status" hidden[!present.is_some_and(|it| it.typing)] { "The visitor is typing…" }
                }
                (status(thread.status))
            }
            div.tools {
                form.tool method="post" action=(act("status")) {
                    @for (to, label) in [(Status::Todo, "To do"), (Status::Snoozed, "Snooze"), (Status::Done, "Done")] {
                        @if to != thread.status {
                            button.ghost type="submit" name="status" value=(to.name()) { (label) }
                        }
                    }
                }
                form.tool method="post" action=(act("assign")) {
                    label.sr for="assignee" { "Assignee" }
                    select #assignee name="user" {
                        option value="" { "Unassigned" }
                        @for user in &workspace.identity.users {
                            option value=(user.id) selected[thread.assignee.as_ref().is_some_and(|it| it.id() == user.id)] { (user.full_name) }
                        }
                    }
                    button.ghost type="submit" { "Assign" }
                }
                form.tool method="post" action=(act("label")) {
                    label.sr for="label" { "Label" }
                    select #label name="label" {
                        @for kind in &open.label_types { option value=(kind.id) { (kind.name) } }
                    }
                    button.ghost type="submit" { "Add label" }
                }
                details.more {
                    summary { "More" }
                    form.tool method="post" action=(act("delete-customer")) {
                        button.ghost.danger type="submit" title="With all their threads, for good" { "Delete customer" }
                    }
                }
                @for label in &thread.labels {
                    form.tool method="post" action=(act("unlabel")) {
                        button.chip.removable type="submit" name="label" value=(label.id) title="Remove this label" {
                            (open.label_name(&label.label_type_id)) " ×"
                        }
                    }
                }
            }
        }
    }
}

fn line(workspace: &Workspace, open: &Open, entry: &Entry, files: &[Attachment]) -> Markup {
    let via = match &entry.body {
        Body::Chat { .. } => "Chat",
        Body::Email { .. } => "Email",
        Body::Slack(_) => "Slack",
        Body::Teams { .. } => "Teams",
        Body::Custom { .. } => "Request",
        Body::Note { .. } => "Internal note",
        _ => return audit(workspace, open, entry),
    };
    let (name, kind) = author(&workspace.identity, open.owner.as_ref(), &entry.actor);
    let side = match (&entry.body, entry.actor.is_customer()) {
        (Body::Note { .. }, _) => "note",
        (_, true) => "theirs",
        (_, false) => "ours",
    };
    html! {
        li #(entry.id) class={ "entry " (side) } {
            (avatar(&name, kind))
            div.bubble {
                p.by { b { (name) } span.via { (via) } (moment(entry.at)) }
                (content(&entry.body))
                @for file in files { (attachment(file)) }
                @if let Body::Slack(message) = &entry.body { (slack_tools(entry, message)) }
            }
        }
    }
}

/// A picture is shown; every file opens by its name.
fn attachment(file: &Attachment) -> Markup {
    let href = format!("/desk/files/{}", file.id);
    html! {
        p.file {
            @if matches!(file.mime.as_str(), "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif") {
                img src=(href) alt="" loading="lazy";
            }
            a href=(href) { (file.file_name) }
            small { (file.size / 1024 + 1) " KB" }
        }
    }
}

/// `GET /desk/files/{id}`: on to an address that lives as long as all of them.
pub async fn file(State(workspace): State<Arc<Workspace>>, Path(id): Path<String>) -> Response {
    match workspace.read(|db| Ok(store::files::by_id(db, &id)?)) {
        Ok(Some(file)) => {
            let expires = time::now() + files::DOWNLOAD_LIFE_MS;
            Redirect::to(&files::download_url(&workspace, &file, expires)).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn content(body: &Body) -> Markup {
    match body {
        Body::Slack(SlackMessage { deleted_at: Some(_), .. }) => {
            html! { p.text.gone { "This message was deleted." } }
        }
        Body::Slack(message) => html! {
            p.text { (message.text) @if message.edited_at.is_some() { small.edited { " (edited)" } } }
        },
        Body::Chat { text, .. } => html! { p.text { (text.as_deref().unwrap_or_default()) } },
        Body::Email { text, .. } | Body::Teams { text, .. } | Body::Note { text, .. } => {
            html! { p.text { (text) } }
        }
        Body::Custom { components, .. } => html! {
            @for it in components {
                @if let Some(text) = it["text"].as_str().or(it["plainText"].as_str()) { p.text { (text) } }
            }
        },
        _ => html! {},
    }
}

fn slack_tools(entry: &Entry, message: &SlackMessage) -> Markup {
    let act = |what: &str| format!("/messages/{}/{what}", entry.id);
    html! {
        @if !message.reactions.is_empty() {
            p.reactions { @for it in &message.reactions { span.chip { ":" (it.name) ": " (it.actors.len()) } } }
        }
        @if message.deleted_at.is_none() {
            details.more {
                summary { "Slack actions" }
                form.tool method="post" action=(act("react")) {
                    @for name in ["+1", "eyes", "white_check_mark", "heart"] {
                        button.ghost type="submit" name="name" value=(name) { ":" (name) ":" }
                    }
                }
                @if !entry.actor.is_customer() {
                    form.stack method="post" action=(act("edit")) {
                        label.sr for={ "edit-" (entry.id) } { "New text" }
                        textarea id={ "edit-" (entry.id) } name="text" rows="2" required { "\n" (message.text) }
                        button.ghost type="submit" { "Save edit" }
                    }
                    form.tool method="post" action=(act("delete")) { button.ghost.danger type="submit" { "Delete message" } }
                }
            }
        }
    }
}

fn author(identity: &Identity, owner: Option<&Customer>, actor: &Actor) -> (String, &'static str) {
    match actor {
        Actor::Customer { .. } => {
            (owner.map_or("Customer".into(), |it| it.full_name.clone()), "customer")
        }
        Actor::User { user_id } => {
            (identity.user(user_id).map_or("Agent".into(), |it| it.full_name.clone()), "agent")
        }
        Actor::MachineUser { .. } => ("Support portal".into(), "machine"),
        Actor::System { .. } => ("Workspace".into(), "machine"),
    }
}

/// A quiet line for what is no message.
fn audit(workspace: &Workspace, open: &Open, entry: &Entry) -> Markup {
    let (who, _) = author(&workspace.identity, open.owner.as_ref(), &entry.actor);
    let names = |labels: &[crate::sandbox::model::Label]| {
        labels.iter().map(|it| open.label_name(&it.label_type_id)).collect::<Vec<_>>().join(", ")
    };
    let what = match &entry.body {
        Body::Status { next: Status::Todo, .. } => "moved this to To do".into(),
        Body::Status { next: Status::Snoozed, next_detail, .. }
            if next_detail.kind == "WAITING_FOR_CUSTOMER" =>
        {
            "is waiting for the customer".into()
        }
        Body::Status { next: Status::Snoozed, .. } => "snoozed this".into(),
        Body::Status { next: Status::Done, .. } => "marked this as done".into(),
        Body::Assignment { next: Some(next), .. } => {
            format!("assigned this to {}", author(&workspace.identity, None, next).0)
        }
        Body::Assignment { next: None, .. } => "took the assignment back".into(),
        Body::Priority { next, .. } => format!("set the priority to {next}"),
        Body::Labels { next, .. } if next.is_empty() => "removed the labels".into(),
        Body::Labels { next, .. } => format!("set the labels: {}", names(next)),
        Body::ThreadEvent { title, .. } | Body::CustomerEvent { title, .. } => format!("· {title}"),
        _ => "did something".into(),
    };
    html! { li.audit { (who) " " (what) " · " (moment(entry.at)) } }
}

fn moment(at: i64) -> Markup {
    let iso = time::iso(at);
    html! { time datetime=(iso) { (iso.get(11..16).unwrap_or_default()) " UTC" } }
}

fn composer(workspace: &Workspace, open: &Open, error: Option<&str>, typed: &str) -> Markup {
    let usual = match open.thread.channel.as_str() {
        "SLACK" => "slack",
        "EMAIL" | "API" => "email",
        _ => "chat",
    };
    html! {
        form #composer .composer method="post" enctype="multipart/form-data" action={ "/threads/" (open.thread.id) "/reply" } {
            @if let Some(error) = error { p.error role="alert" { (error) } }
            label.sr for="reply" { "Your reply" }
            textarea #reply name="text" rows="3" maxlength="5000" placeholder="Write a reply…" { "\n" (typed) }
            div.composer-foot {
                fieldset.ways {
                    legend.sr { "Send as" }
                    @for (value, label) in [("chat", "Plain chat"), ("slack", "Slack"), ("email", "Email"), ("note", "Note")] {
                        label { input type="radio" name="via" value=(value) checked[value == usual]; span { (label) } }
                    }
                }
                label.sr for="agent" { "As" }
                select #agent name="agent" {
                    @for user in &workspace.identity.users { option value=(user.id) { (user.full_name) } }
                }
                label.sr for="file" { "Attach files" }
                input #file type="file" name="file" multiple;
                button.button type="submit" { "Send" }
            }
        }
    }
}
