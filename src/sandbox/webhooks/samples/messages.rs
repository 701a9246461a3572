//! Events that carry a message, or a note.

use serde_json::{Value, json};

use super::{INTERNAL, Stage};
use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Body, Entry, MessageInfo, Reaction, SlackMessage};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::time::iso;
use crate::sandbox::webhooks::payload;

const ANSWER: &str = "Hello from send-webhook: we are looking into it.";
const QUESTION: &str = "Hello from send-webhook: where is my order?";

/// None if `name` is no event that carries a message.
pub(super) fn payload(stage: &Stage<'_>, name: &str) -> Result<Option<Value>, Refusal> {
    let (by, text) = match name.ends_with("_received") {
        true => (stage.customer_actor(), stage.text(QUESTION)),
        false => (stage.agent.clone(), stage.text(ANSWER)),
    };
    let (part, source, body) = match name {
        "chat_sent" | "chat_received" => ("chat", "CHAT", chat(&text)),
        "email_sent" | "email_received" => ("email", "EMAIL", email(stage, &text)),
        "slack_message_sent" | "slack_message_received" | "slack_message_updated" => {
            return slack(stage, name, by, &text).map(Some);
        }
        "ms_teams_message_sent" | "ms_teams_message_received" => {
            let body = Body::Teams { id: ids::new("msg"), text: text.clone(), attachments: vec![] };
            ("msTeamsMessage", "MS_TEAMS", body)
        }
        "discord_message_sent" | "discord_message_received" | "discord_message_updated" => {
            let thread = thread_after(stage, "DISCORD", &by, &text)?;
            let message = discord(stage, &by, &text, name.ends_with("_updated"));
            return Ok(Some(json!({"thread": thread, "discordMessage": message})));
        }
        "note_created" => {
            let text = stage.text(INTERNAL);
            let note = entry(
                stage,
                stage.agent.clone(),
                Body::Note {
                    id: ids::new("n"),
                    markdown: Some(text.clone()),
                    text,
                    attachments: vec![],
                },
            );
            return Ok(Some(json!({
                "thread": stage.shown(&stage.thread)?, "note": payload::message(&stage.db, &note)?,
            })));
        }
        _ => return Ok(None),
    };
    let thread = thread_after(stage, source, &by, &text)?;
    let message = payload::message(&stage.db, &entry(stage, by, body))?;
    let mut made = json!({"thread": thread});
    made[part] = message;
    Ok(Some(made))
}

/// `timeline.timeline_entry_changed`: a chat message by the agent was added.
pub(super) fn entry_changed(stage: &Stage<'_>) -> Result<Value, Refusal> {
    let entry = entry(stage, stage.agent.clone(), chat(&stage.text(ANSWER)));
    Ok(json!({
        "changeType": "ADDED",
        "previousTimelineEntry": null,
        "timelineEntry": payload::timeline_entry(&stage.db, &entry)?,
    }))
}

fn entry(stage: &Stage<'_>, by: Actor, body: Body) -> Entry {
    Entry {
        id: stage.about.entry.map_or_else(|| ids::new("t"), Into::into),
        thread_id: stage.thread.id.clone(),
        customer_id: stage.customer.id.clone(),
        at: stage.about.at,
        updated_at: stage.about.at,
        actor: by,
        body,
    }
}

/// The thread once this message is on it.
fn thread_after(stage: &Stage<'_>, source: &str, by: &Actor, text: &str) -> Result<Value, Refusal> {
    let mut thread = stage.thread.clone();
    let info = MessageInfo { at: stage.about.at, source: source.into(), actor: by.clone() };
    if by.is_customer() {
        thread.last_inbound = Some(info);
    } else {
        thread.first_outbound.get_or_insert_with(|| info.clone());
        thread.last_outbound = Some(info);
    }
    thread.preview_text = Some(text.into());
    thread.updated_by = by.clone();
    stage.shown(&thread)
}

fn chat(text: &str) -> Body {
    Body::Chat { id: ids::new("ch"), text: Some(text.into()), attachments: vec![] }
}

fn email(stage: &Stage<'_>, text: &str) -> Body {
    Body::Email {
        id: ids::new("em"),
        subject: Some(stage.thread.title.clone()),
        text: text.into(),
        markdown: Some(text.into()),
        attachments: vec![],
        start: false,
    }
}

/// An update is an edit: the same entry with another text, and a reaction that was there before.
fn slack(stage: &Stage<'_>, name: &str, by: Actor, text: &str) -> Result<Value, Refusal> {
    let edited = name == "slack_message_updated";
    let eyes = Reaction { name: "eyes".into(), actors: vec![stage.customer_actor()] };
    let thread = thread_after(stage, "SLACK", &by, text)?;
    let message = entry(
        stage,
        by,
        Body::Slack(SlackMessage {
            id: ids::new("sm"),
            reply: false,
            text: text.into(),
            attachments: vec![],
            channel_id: "C0EXAMPLE01".into(),
            edited_at: edited.then_some(stage.about.at),
            deleted_at: None,
            reactions: if edited { vec![eyes] } else { vec![] },
        }),
    );
    let mut made =
        json!({"thread": thread, "slackMessage": payload::message(&stage.db, &message)?});
    if edited {
        made["changeType"] = "MESSAGE_EDITED".into();
        made["reactionChange"] = Value::Null;
    }
    Ok(made)
}

fn discord(stage: &Stage<'_>, by: &Actor, text: &str, edited: bool) -> Value {
    let at = iso(stage.about.at);
    json!({
        "timelineEntryId": stage.about.entry.map_or_else(|| ids::new("t"), Into::into),
        "id": ids::new("dm"),
        "discordGuildId": "100000000000000001", "discordChannelId": "100000000000000002",
        "discordThreadId": "100000000000000003", "discordId": "100000000000000004",
        "discordTimestamp": at, "textContent": text, "attachments": [],
        "lastEditedOnDiscordAt": edited.then_some(&at), "deletedOnDiscordAt": null,
        "createdAt": at, "createdBy": by, "updatedAt": at, "updatedBy": by,
    })
}
