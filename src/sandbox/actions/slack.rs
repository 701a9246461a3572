//! What Slack lets people do with a message afterwards: edit, delete, react.

use serde_json::{Value, json};

use super::{at_most, required};
use crate::sandbox::model::{Actor, Body, Entry, Reaction, SlackMessage};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::webhooks::{events, payload};
use crate::sandbox::workspace::Act;

pub fn edit(act: &mut Act<'_>, entry_id: &str, text: &str) -> Result<(), Refusal> {
    let text = required("text", text)?;
    at_most("text", &text, 10_000)?;
    change(act, entry_id, "MESSAGE_EDITED", |message, now| {
        message.text = text;
        message.edited_at = Some(now);
        Value::Null
    })
}

/// The text goes, a stub stays.
pub fn delete(act: &mut Act<'_>, entry_id: &str) -> Result<(), Refusal> {
    change(act, entry_id, "MESSAGE_DELETED", |message, now| {
        message.text.clear();
        message.attachments.clear();
        message.deleted_at = Some(now);
        Value::Null
    })
}

/// Adds or removes one emoji of one person.
pub fn react(
    act: &mut Act<'_>,
    by: Actor,
    entry_id: &str,
    name: &str,
    add: bool,
) -> Result<(), Refusal> {
    let name = required("name", name.trim_matches(':'))?;
    at_most("name", &name, 64)?;
    change(act, entry_id, "REACTIONS_CHANGED", |message, _| {
        let at = message.reactions.iter().position(|it| it.name == name);
        let at = at.unwrap_or_else(|| {
            message.reactions.push(Reaction { name, actors: Vec::new() });
            message.reactions.len() - 1
        });
        let reaction = &mut message.reactions[at];
        reaction.actors.retain(|actor| *actor != by);
        if add {
            reaction.actors.push(by);
        }
        let change = json!({
            "changeType": if add { "ADDED" } else { "REMOVED" }, "reaction": payload::reaction(reaction)
        });
        message.reactions.retain(|it| !it.actors.is_empty());
        change
    })
}

/// Changes a Slack message that still stands; `job` answers the event's `reactionChange`.
fn change(
    act: &mut Act<'_>,
    entry_id: &str,
    kind: &str,
    job: impl FnOnce(&mut SlackMessage, i64) -> Value,
) -> Result<(), Refusal> {
    let not_found = || Refusal::not_found("timelineEntryId", "Slack message");
    let mut entry: Entry = store::entries::by_id(act.db, entry_id)?.ok_or_else(not_found)?;
    let Body::Slack(message) = &mut entry.body else { return Err(not_found()) };
    if message.deleted_at.is_some() {
        return Err(not_found());
    }
    let reaction_change = job(message, act.now);
    entry.updated_at = act.now;
    store::entries::save(act.db, &entry)?;
    let mut thread = act.thread(&entry.thread_id)?;
    thread.updated_at = act.now;
    act.save_thread(&thread)?;
    let more = json!({
        "slackMessage": payload::message(act.db, &entry)?,
        "changeType": kind,
        "reactionChange": reaction_change,
    });
    act.emit_thread(events::SLACK_UPDATED, &thread, more)
}
