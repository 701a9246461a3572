//! The page: a header, the list of threads, and one of them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use super::presence::{self, There};
use super::thread as conversation;
use crate::sandbox::faults::{Faults, Scan};
use crate::sandbox::model::{Customer, Status, Thread};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::time;
use crate::sandbox::workspace::Workspace;

/// Threads that the list shows.
const SHOWN: usize = 100;

pub async fn home(State(workspace): State<Arc<Workspace>>) -> Response {
    render(&workspace, None, None, None, "").into_response()
}

pub async fn thread(State(workspace): State<Arc<Workspace>>, Path(id): Path<String>) -> Response {
    let known = workspace.read(|db| Ok(store::threads::by_id(db, &id)?.is_some()));
    let status = if known == Ok(true) { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let present = presence::of(&workspace, &id).await;
    (status, render(&workspace, Some(&id), present, None, "")).into_response()
}

/// The whole page; `present`: whether the visitor is there, where that is known; `typed` is put back into the reply box when a form was refused.
pub fn render(
    workspace: &Workspace,
    selected: Option<&str>,
    present: Option<There>,
    error: Option<&str>,
    typed: &str,
) -> Html<String> {
    let page = parts(workspace, selected, present, error, typed).unwrap_or_else(|refusal| {
        html! { (DOCTYPE) title { "Sandbox" } p { (refusal.message) } }
    });
    Html(page.into_string())
}

fn parts(
    workspace: &Workspace,
    selected: Option<&str>,
    present: Option<There>,
    error: Option<&str>,
    typed: &str,
) -> Result<Markup, Refusal> {
    let (rows, open) = workspace.read(|db| {
        let mut threads = store::threads::every(db)?;
        threads.sort_by_key(|it| std::cmp::Reverse(it.updated_at));
        let mut rows = Vec::new();
        for thread in threads.into_iter().take(SHOWN) {
            let owner = store::people::by_id(db, &thread.customer_id)?;
            rows.push((thread, owner));
        }
        let open = match selected {
            Some(id) => match store::threads::by_id(db, id)? {
                Some(thread) => Some(conversation::Open::load(db, thread)?),
                None => None,
            },
            None => None,
        };
        Ok((rows, open))
    })?;
    let faults = workspace.faults();
    let title = open.as_ref().map_or("Inbox", |it| it.thread.title.as_str());
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Agent desk" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/desk/desk.css";
                script src="/desk/desk.js" defer {}
            }
            body class=(if selected.is_some() { "reading" } else { "browsing" }) {
                (header(workspace, &faults))
                div.panes {
                    nav #threads .list aria-label="Threads" {
                        div.list-head { h2 { "Inbox" } span.count { (rows.len()) } }
                        @if rows.is_empty() { (no_threads(workspace)) }
                        ul { @for (thread, owner) in &rows { (row(thread, owner.as_ref(), selected)) } }
                    }
                    main #conversation .conversation {
                        @match (&open, selected) {
                            (Some(open), _) => (conversation::markup(workspace, open, present, error, typed)),
                            (None, Some(_)) => (empty("Not found", "This thread is not in the workspace.")),
                            (None, None) => (empty("No thread selected", "Choose one on the left. New requests appear by themselves.")),
                        }
                    }
                }
                (fault_panel(&faults, selected))
            }
        }
    })
}

fn header(workspace: &Workspace, faults: &Faults) -> Markup {
    html! {
        header.top {
            a.brand href="/" {
                span.mark aria-hidden="true" { "H" }
                span { b { "Agent desk" } small { "Hotline sandbox" } }
            }
            span.tag title="A local stand-in for Plain. Nothing here leaves this machine." { "Sandbox, not Plain" }
            span #live .live role="status" { "" }
            div.spacer {}
            @if faults.any() { a.warn href="#faults" { "Faults on" } }
            a.ghost href="#faults" { "Faults" }
            @if let Some(portal) = &workspace.portal_url {
                a.button href=(portal) target="_blank" rel="noopener" { "Open portal" }
            }
        }
    }
}

fn no_threads(workspace: &Workspace) -> Markup {
    html! {
        p.hint {
            "No requests yet. "
            @if let Some(portal) = &workspace.portal_url {
                a href=(portal) target="_blank" rel="noopener" { "Submit one in the portal" }
                " and it shows up here at once."
            } @else { "They show up here at once." }
        }
    }
}

fn empty(title: &str, text: &str) -> Markup {
    html! { div.empty { div.empty-mark aria-hidden="true" {} h2 { (title) } p { (text) } } }
}

fn row(thread: &Thread, owner: Option<&Customer>, selected: Option<&str>) -> Markup {
    let name = owner.map_or("Unknown", |it| &it.full_name);
    html! {
        li {
            a.row href={ "/threads/" (thread.id) } aria-current=[(selected == Some(thread.id.as_str())).then_some("page")] {
                (avatar(name, "customer"))
                span.row-text {
                    span.row-top { b { (name) } time { (ago(thread.updated_at)) } }
                    span.row-title { (thread.title) }
                    span.row-preview { (thread.preview_text.as_deref().unwrap_or("No messages yet")) }
                    span.row-tags { (status(thread.status)) span.chip { (channel(&thread.channel)) } }
                }
            }
        }
    }
}

/// Initials on a quiet disc.
pub fn avatar(name: &str, kind: &str) -> Markup {
    let initials: String =
        name.split_whitespace().filter_map(|word| word.chars().next()).take(2).collect();
    html! { span class={ "avatar " (kind) } aria-hidden="true" { (initials.to_uppercase()) } }
}

pub fn status(status: Status) -> Markup {
    let (class, name) = match status {
        Status::Todo => ("todo", "To do"),
        Status::Snoozed => ("snoozed", "Snoozed"),
        Status::Done => ("done", "Done"),
    };
    html! { span class={ "chip " (class) } { (name) } }
}

pub fn channel(channel: &str) -> &str {
    match channel {
        "CHAT" => "Chat",
        "SLACK" => "Slack",
        "EMAIL" => "Email",
        "MS_TEAMS" => "Teams",
        "INTERNAL" => "Internal",
        other => other,
    }
}

/// "now", "5 min", "3 h", "2 d".
fn ago(at: i64) -> String {
    let minutes = (time::now() - at) / 60_000;
    match minutes {
        ..1 => "now".into(),
        1..60 => format!("{minutes} min"),
        60..1440 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// What the scan of a file can say: the form's word, the agent's words, the switch.
const SCANS: [(&str, &str, Option<Option<Scan>>); 5] = [
    ("", "Clean", None),
    ("INFECTED", "Infected", Some(Some(Scan::Infected))),
    ("PENDING", "Still scanning", Some(Some(Scan::Pending))),
    ("FAILED", "Failed", Some(Some(Scan::Failed))),
    ("none", "Nothing: no scanner", Some(None)),
];

fn fault_panel(faults: &Faults, selected: Option<&str>) -> Markup {
    let (api, hooks) = (&faults.graphql, &faults.webhooks);
    let switch = |name: &str, label: &str, on: bool| {
        html! { label.switch { input type="checkbox" name=(name) checked[on]; span { (label) } } }
    };
    html! {
        section #faults .faults aria-label="Fault switches" {
            form method="post" action="/faults" {
                div.faults-head {
                    div { h2 { "Fault switches" } p { "Make this workspace misbehave, to see what the portal does." } }
                    a.ghost href="#" { "Close" }
                }
                input type="hidden" name="back" value=(selected.unwrap_or_default());
                div.faults-grid {
                    fieldset {
                        legend { "API" }
                        label.field { "Answer every call with status"
                            input name="status" inputmode="numeric" pattern="[2-5][0-9][0-9]" placeholder="e.g. 503" value=[api.status]; }
                        label.field { "Delay, ms"
                            input name="graphql_delay" type="number" min="0" max="60000" value=(api.delay_ms); }
                        (switch("timeout_after_write", "Write, then never answer", api.timeout_after_write))
                        (switch("rate_limited", "Rate limited (429)", api.rate_limited))
                    }
                    fieldset {
                        legend { "Webhooks" }
                        label.field { "Delay, ms"
                            input name="webhook_delay" type="number" min="0" max="60000" value=(hooks.delay_ms); }
                        (switch("drop", "Lose every attempt", hooks.drop))
                        (switch("duplicate", "Deliver twice", hooks.duplicate))
                        (switch("reorder", "Deliver out of order", hooks.reorder))
                    }
                    fieldset {
                        legend { "Files" }
                        label.field { "The virus scan says"
                            select name="scan" {
                                @for (value, label, scan) in SCANS {
                                    option value=(value) selected[faults.files.scan == scan] { (label) }
                                }
                            }
                        }
                    }
                }
                div.faults-foot { button.button type="submit" { "Apply" } }
            }
        }
    }
}
