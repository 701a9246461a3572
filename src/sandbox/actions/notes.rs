//! Internal notes, which no customer ever gets to see.

use serde_json::json;

use super::threads::entry;
use super::{at_most, attachments, required};
use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Body, Entry};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::webhooks::{events, payload};
use crate::sandbox::workspace::Act;

pub fn write(
    act: &mut Act<'_>,
    by: Actor,
    thread_id: &str,
    text: &str,
    markdown: Option<String>,
    files: Vec<String>,
) -> Result<Entry, Refusal> {
    let mut thread = act.thread(thread_id)?;
    let text = required("text", text)?;
    at_most("text", &text, 10_000)?;
    let files = attachments::claim(act, "NOTE", files)?;
    let body = Body::Note { id: ids::new("n"), text, markdown, attachments: files };
    let entry = entry(&thread, act.now, by.clone(), body);
    thread.updated_at = act.now;
    thread.updated_by = by;
    act.save_thread(&thread)?;
    act.add_entry(&entry)?;
    act.emit_thread(
        events::NOTE_CREATED,
        &thread,
        json!({"note": payload::message(act.db, &entry)?}),
    )?;
    Ok(entry)
}
