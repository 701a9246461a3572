//! Messages between the customer and the team, on any channel.

use serde_json::json;

use super::threads::entry;
use super::{at_most, attachments, instant, status};
use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Body, Entry, MessageInfo, SlackMessage, Thread};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::webhooks::{events, payload};
use crate::sandbox::workspace::Act;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Via {
    Chat,
    Email,
    Slack,
    Teams,
}

impl Via {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "chat" => Self::Chat,
            "email" => Self::Email,
            "slack" => Self::Slack,
            _ => return None,
        })
    }

    /// The way that answers take on a thread of this channel.
    pub fn of_channel(channel: &str) -> Option<Self> {
        Some(match channel {
            "CHAT" => Self::Chat,
            "EMAIL" | "API" => Self::Email,
            "SLACK" => Self::Slack,
            "MS_TEAMS" => Self::Teams,
            _ => return None,
        })
    }

    pub fn attachment_kind(self) -> &'static str {
        match self {
            Self::Chat => "CHAT",
            Self::Email => "EMAIL",
            Self::Slack => "SLACK",
            Self::Teams => "MS_TEAMS",
        }
    }

    fn source(self) -> &'static str {
        self.attachment_kind()
    }

    /// The event's type and the name of its message object.
    fn event(self, inbound: bool) -> (&'static str, &'static str) {
        match (self, inbound) {
            (Self::Chat, true) => (events::CHAT_RECEIVED, "chat"),
            (Self::Chat, false) => (events::CHAT_SENT, "chat"),
            (Self::Email, true) => (events::EMAIL_RECEIVED, "email"),
            (Self::Email, false) => (events::EMAIL_SENT, "email"),
            (Self::Slack, true) => (events::SLACK_RECEIVED, "slackMessage"),
            (Self::Slack, false) => (events::SLACK_SENT, "slackMessage"),
            (Self::Teams, true) => (events::TEAMS_RECEIVED, "msTeamsMessage"),
            (Self::Teams, false) => (events::TEAMS_SENT, "msTeamsMessage"),
        }
    }
}

/// A message on its way in.
#[derive(Debug, Default)]
pub struct Draft {
    pub text: Option<String>,
    pub markdown: Option<String>,
    pub attachments: Vec<String>,
    /// ISO 8601, for backfilled messages.
    pub timestamp: Option<String>,
}

/// Puts a message on the thread: from the customer when `by` is one, else to the customer.
pub fn send(
    act: &mut Act<'_>,
    by: Actor,
    thread: Thread,
    via: Via,
    draft: Draft,
) -> Result<Entry, Refusal> {
    let text = draft.text.filter(|text| !text.trim().is_empty());
    if text.is_none() && draft.attachments.is_empty() {
        return Err(Refusal::required("text"));
    }
    at_most(
        "text",
        text.as_deref().unwrap_or_default(),
        if via == Via::Chat { 5_000 } else { 10_000 },
    )?;
    let at = instant(act, draft.timestamp.as_deref())?;
    let files = attachments::claim(act, via.attachment_kind(), draft.attachments)?;
    let inbound = by.is_customer();
    let body = match via {
        Via::Chat => Body::Chat { id: ids::new("ch"), text: text.clone(), attachments: files },
        Via::Email => Body::Email {
            id: ids::new("em"),
            subject: Some(thread.title.clone()),
            text: text.clone().unwrap_or_default(),
            markdown: draft.markdown,
            attachments: files,
            start: thread.first_inbound.is_none() && thread.first_outbound.is_none(),
        },
        Via::Slack => Body::Slack(SlackMessage {
            id: ids::new("sm"),
            reply: store::entries::has_slack_message(act.db, &thread.id)?,
            text: text.clone().unwrap_or_default(),
            attachments: files,
            channel_id: thread
                .slack
                .as_ref()
                .map_or(super::threads::CONNECTED.1, |slack| &slack.channel_id)
                .into(),
            edited_at: None,
            deleted_at: None,
            reactions: Vec::new(),
        }),
        Via::Teams => Body::Teams {
            id: ids::new("msg"),
            text: text.clone().unwrap_or_default(),
            attachments: files,
        },
    };
    let entry = entry(&thread, at, by.clone(), body);
    let thread = noted(act, by.clone(), thread, via, at, text)?;
    act.add_entry(&entry)?;
    let (kind, name) = via.event(inbound);
    act.emit_thread(kind, &thread, json!({name: payload::message(act.db, &entry)?}))?;
    match inbound {
        true => status::customer_wrote(act, by, thread)?,
        false => status::team_wrote(act, by, thread)?,
    };
    Ok(entry)
}

/// Keeps who wrote first and last, and the preview.
fn noted(
    act: &mut Act<'_>,
    by: Actor,
    mut thread: Thread,
    via: Via,
    at: i64,
    text: Option<String>,
) -> Result<Thread, Refusal> {
    let info = MessageInfo { at, source: via.source().into(), actor: by.clone() };
    let (first, last) = match by.is_customer() {
        true => (&mut thread.first_inbound, &mut thread.last_inbound),
        false => (&mut thread.first_outbound, &mut thread.last_outbound),
    };
    first.get_or_insert_with(|| info.clone());
    if last.as_ref().is_none_or(|known| known.at <= at) {
        *last = Some(info);
    }
    if let Some(text) = text {
        thread.preview_text = Some(text.chars().take(200).collect());
    }
    thread.updated_at = act.now;
    thread.updated_by = by;
    act.save_thread(&thread)?;
    Ok(thread)
}
