//! The status machine: Todo, Snoozed, Done, and why.

use serde_json::json;

use super::threads::transition;
use crate::sandbox::model::{Actor, Body, Status, StatusDetail, Thread};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::webhooks::events;
use crate::sandbox::workspace::Act;

/// The details that each status may have, the default first.
fn details(status: Status) -> &'static [&'static str] {
    match status {
        Status::Todo => &[
            "IN_PROGRESS",
            "CREATED",
            "NEW_REPLY",
            "THREAD_LINK_UPDATED",
            "THREAD_DISCUSSION_RESOLVED",
        ],
        Status::Snoozed => &["WAITING_FOR_CUSTOMER", "WAITING_FOR_DURATION"],
        Status::Done => {
            &["DONE_MANUALLY_SET", "IGNORED", "DONE_AUTOMATICALLY_SET", "TIMER_EXPIRED"]
        }
    }
}

/// Moves a thread. `seconds` is how long it sleeps when it waits for a duration.
pub fn set(
    act: &mut Act<'_>,
    by: Actor,
    id: &str,
    status: Status,
    detail: Option<&str>,
    seconds: Option<i64>,
) -> Result<Thread, Refusal> {
    let thread = act.thread(id)?;
    let waits = status == Status::Snoozed && seconds.is_some();
    let detail = detail.unwrap_or(if waits { "WAITING_FOR_DURATION" } else { details(status)[0] });
    if !details(status).contains(&detail) {
        return Err(Refusal::field(
            "statusDetail",
            format!("Does not fit the status {}.", status.name()),
        ));
    }
    let until = match (detail, seconds) {
        ("WAITING_FOR_DURATION", Some(seconds)) if seconds > 0 => {
            Some(act.now.saturating_add(seconds.saturating_mul(1000)))
        }
        ("WAITING_FOR_DURATION", _) => return Err(Refusal::required("durationSeconds")),
        _ => None,
    };
    moved(act, by, thread, status, StatusDetail { kind: detail.into(), at: act.now, until })
}

/// The customer wrote: a thread that sleeps or is done needs an answer again, unless it is ignored.
pub fn customer_wrote(act: &mut Act<'_>, by: Actor, thread: Thread) -> Result<Thread, Refusal> {
    if thread.status == Status::Todo || thread.status_detail.kind == "IGNORED" {
        return Ok(thread);
    }
    let detail = StatusDetail { kind: "NEW_REPLY".into(), at: act.now, until: None };
    moved(act, by, thread, Status::Todo, detail)
}

/// The team answered: it is the customer's turn.
pub fn team_wrote(act: &mut Act<'_>, by: Actor, thread: Thread) -> Result<Thread, Refusal> {
    if thread.status_detail.kind == "IGNORED" {
        return Ok(thread);
    }
    let detail = StatusDetail { kind: "WAITING_FOR_CUSTOMER".into(), at: act.now, until: None };
    moved(act, by, thread, Status::Snoozed, detail)
}

/// Wakes the threads whose time is over. Returns how many.
pub fn wake(act: &mut Act<'_>) -> Result<usize, Refusal> {
    let due = store::threads::to_wake(act.db, act.now)?;
    let count = due.len();
    for thread in due {
        let detail = StatusDetail { kind: "IN_PROGRESS".into(), at: act.now, until: None };
        moved(act, Actor::System { system: "job".into() }, thread, Status::Todo, detail)?;
    }
    Ok(count)
}

fn moved(
    act: &mut Act<'_>,
    by: Actor,
    before: Thread,
    status: Status,
    detail: StatusDetail,
) -> Result<Thread, Refusal> {
    if before.status == status
        && before.status_detail.kind == detail.kind
        && before.status_detail.until == detail.until
    {
        return Ok(before);
    }
    let mut thread = before.clone();
    thread.status = status;
    thread.status_detail = detail.clone();
    thread.status_changed_at = act.now;
    thread.status_changed_by = by.clone();
    if before.status == status {
        // Only the reason changed: no transition, so neither an entry nor an event.
        thread.updated_at = act.now;
        thread.updated_by = by;
        act.save_thread(&thread)?;
        return Ok(thread);
    }
    let body = Body::Status {
        previous: before.status,
        previous_detail: before.status_detail.clone(),
        next: status,
        next_detail: detail,
    };
    transition(act, by, &before, &mut thread, body, (events::STATUS_TRANSITIONED, json!({})))?;
    Ok(thread)
}
