//! From a webhook's body to what a visitor may know of it.
//!
//! An allow-list twice over: only events that are named here are looked into, and only fields that are named in the
//! structs below are read at all. Everything else in a body, internal text above all, is skipped by the parser and
//! exists nowhere afterwards.
//!
//! Plain promises that shapes grow and enums get new values, so nothing unknown is an error: an unknown event, entry
//! kind or value is ignored; a known message in a shape that cannot be read is announced without its text, and the
//! browser reads it through the API.

use crate::{
    domain::{
        ids::{EntryId, EventId, ThreadId},
        message::{Attachment, Author, Message, Role},
        thread::Status,
        time::At,
    },
    server::{bus::NewEvent, desk::gate::Visible},
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};

/// A verified body, read.
#[derive(Debug)]
pub struct Delivery {
    /// Plain's id of the event, the same over all attempts.
    pub id: EventId,
    /// Plain's name of the event, or `other`: one of a fixed set, fit for logs and labels.
    pub kind: &'static str,
    /// When this attempt was made, in milliseconds since 1970; it is inside what was signed.
    pub attempted_at: i64,
    /// What to tell the thread's followers; none if this is nothing for them.
    pub event: Option<NewEvent>,
}

/// Not the body of a Plain webhook. Carries nothing of the body, so it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// Not JSON.
    #[error("not JSON")]
    Syntax,
    /// `id`, `type`, `timestamp`, `payload` or `webhookMetadata` is missing or of another kind.
    #[error("not a webhook envelope")]
    Envelope,
    /// `id` does not look like one.
    #[error("no event id")]
    Id,
    /// `webhookMetadata.webhookDeliveryAttemptTimestamp` is not a time.
    #[error("no attempt timestamp")]
    Timestamp,
}

/// The events of all known versions, and the names of the first design of this portal.
const KNOWN: [&str; 36] = [
    "thread.thread_created",
    "thread.thread_status_transitioned",
    "thread.thread_assignment_transitioned",
    "thread.thread_labels_changed",
    "thread.thread_priority_changed",
    "thread.thread_field_created",
    "thread.thread_field_updated",
    "thread.thread_field_deleted",
    "thread.thread_tenant_updated",
    "thread.service_level_agreement_status_transitioned",
    "thread.email_received",
    "thread.email_sent",
    "thread.chat_received",
    "thread.chat_sent",
    "thread.slack_message_received",
    "thread.slack_message_sent",
    "thread.slack_message_updated",
    "thread.ms_teams_message_received",
    "thread.ms_teams_message_sent",
    "thread.discord_message_received",
    "thread.discord_message_sent",
    "thread.discord_message_updated",
    "thread.note_created",
    "customer.customer_created",
    "customer.customer_updated",
    "customer.customer_deleted",
    "customer.customer_changed",
    "customer.customer_group_changed",
    "customer.customer_group_memberships_changed",
    TIMELINE,
    "thread.note_mention_created",
    "discussion.message_created",
    "discussion.discussion_created",
    "thread.reply_sent",
    "thread.message_sent",
    "thread.status_changed",
];

const TIMELINE: &str = "timeline.timeline_entry_changed";

/// The payload versions that this file was written for. Targets are pinned to a version, so another one appears only
/// when somebody chooses it.
const VERSIONS: [&str; 13] = [
    "unversioned",
    "2024-09-18",
    "2025-07-30",
    "2025-08-06",
    "2026-02-11",
    "2026-02-27",
    "2026-04-21",
    "2026-05-06",
    "2026-07-07",
    "2026-07-14",
    "2026-08-19",
    "2026-09-02",
    "2026-09-06",
];

/// More text than this in one message is not carried along; the browser reads it. Plain allows 5,000 characters.
const CARRIED: usize = 64 * 1024;

/// Reads a verified body.
pub fn decode(body: &[u8]) -> Result<Delivery, BadBody> {
    let envelope: Envelope<Payload> = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(error) if error.is_data() => parse::<Outline>(body)
            .map(|envelope| envelope.map(Payload::from))
            .or_else(|_| Ok(parse::<IgnoredAny>(body)?.map(|_| Payload::default())))?,
        Err(_) => return Err(BadBody::Syntax),
    };
    let id = EventId::parse(envelope.id).map_err(|_| BadBody::Id)?;
    let metadata = envelope.webhook_metadata;
    let attempted_at =
        millis(&metadata.webhook_delivery_attempt_timestamp).ok_or(BadBody::Timestamp)?;
    let kind = KNOWN.into_iter().find(|known| *known == envelope.kind).unwrap_or("other");
    let version = metadata.webhook_target_version.as_deref().unwrap_or("unversioned");
    let event = if VERSIONS.contains(&version) {
        let at = At::from_millis(millis(&envelope.timestamp).unwrap_or(attempted_at));
        envelope.payload.told(kind, &at).map(|told| NewEvent {
            thread_id: told.thread,
            event_type: kind.into(),
            event_id: id.clone(),
            at,
            entry: told.entry,
            status: told.status,
        })
    } else {
        tracing::warn!(
            "A webhook target has a version this portal does not know; its events are ignored"
        );
        None
    };
    Ok(Delivery { id, kind, attempted_at, event })
}

fn parse<P: DeserializeOwned>(body: &[u8]) -> Result<Envelope<P>, BadBody> {
    serde_json::from_slice(body).map_err(|_| BadBody::Envelope)
}

fn millis(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<P> {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    webhook_metadata: Metadata,
    payload: P,
}

impl<P> Envelope<P> {
    fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Envelope<Q> {
        Envelope {
            id: self.id,
            kind: self.kind,
            timestamp: self.timestamp,
            webhook_metadata: self.webhook_metadata,
            payload: f(self.payload),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    webhook_target_version: Option<String>,
    webhook_delivery_attempt_timestamp: String,
}

/// What is read of all payloads; of internal objects only whether they are there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Payload {
    thread: Option<Thread>,
    chat: Option<Part>,
    slack_message: Option<Part>,
    ms_teams_message: Option<Part>,
    email: Option<IgnoredAny>,
    note: Option<IgnoredAny>,
    discussion: Option<IgnoredAny>,
    timeline_entry: Option<Entry>,
    previous_timeline_entry: Option<Entry>,
    change_type: Option<String>,
}

/// The least that is worth something, where the whole is in a shape unknown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    thread: Option<Named>,
    note: Option<IgnoredAny>,
    discussion: Option<IgnoredAny>,
    timeline_entry: Option<EntryOutline>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryOutline {
    thread_id: Option<String>,
    entry: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    entry_type: String,
}

impl From<Outline> for Payload {
    fn from(outline: Outline) -> Self {
        Self {
            thread: outline.thread.map(|Named { id }| Thread { id, ..Thread::default() }),
            note: outline.note,
            discussion: outline.discussion,
            timeline_entry: outline.timeline_entry.map(|EntryOutline { thread_id, entry }| Entry {
                thread_id,
                entry: EntryPart { entry_type: entry.entry_type, ..EntryPart::default() },
                ..Entry::default()
            }),
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Thread {
    id: String,
    customer: Option<Customer>,
    status: Option<String>,
    status_detail: Option<Detail>,
    assignee: Option<Assignee>,
    additional_assignees: Option<Vec<Assignee>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    id: String,
    full_name: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    r#type: String,
}

/// Agents have a public name beside their own; only that one is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assignee {
    id: String,
    public_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Actor {
    actor_type: String,
    customer_id: Option<String>,
    user_id: Option<String>,
}

/// A chat, Slack or Teams message.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Part {
    timeline_entry_id: String,
    id: Option<String>,
    text: Option<String>,
    resolved_text: Option<String>,
    attachments: Option<Vec<File>>,
    created_at: String,
    created_by: Option<Actor>,
    updated_at: Option<String>,
    last_edited_on_ms_teams_at: Option<String>,
    deleted_on_ms_teams_at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    id: String,
    file_name: String,
    file_size_bytes: u64,
    file_mime_type: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    id: String,
    customer_id: Option<String>,
    thread_id: Option<String>,
    timestamp: String,
    actor: Option<Actor>,
    entry: EntryPart,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EntryPart {
    entry_type: String,
    chat_id: Option<String>,
    text: Option<String>,
    components: Option<Vec<Component>>,
    attachments: Option<Vec<File>>,
}

/// Only the two kinds of component that are plain words; others have neither field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    text: Option<String>,
    plain_text: Option<String>,
}

/// What a thread's followers are told.
struct Told {
    thread: ThreadId,
    entry: Option<Message>,
    status: Option<Status>,
}

impl Payload {
    fn told(self, kind: &str, at: &At) -> Option<Told> {
        match kind {
            TIMELINE => self.timeline_entry_changed(at),
            "thread.thread_status_transitioned" | "thread.status_changed" => {
                let thread = self.thread?;
                let status = Some(thread.customer_status()?);
                Some(Told { thread: thread.id()?, entry: None, status })
            }
            "thread.reply_sent" | "thread.message_sent" => {
                if self.note.is_some() || self.discussion.is_some() {
                    return None;
                }
                let visible = match () {
                    () if self.chat.is_some() => Visible::Chat,
                    () if self.slack_message.is_some() => Visible::SlackMessage,
                    () if self.ms_teams_message.is_some() => Visible::Teams,
                    () if self.email.is_some() => Visible::Email,
                    // It says that there is a message, and not which: the browser reads the thread.
                    () => {
                        return Some(Told {
                            thread: self.thread?.id()?,
                            entry: None,
                            status: None,
                        });
                    }
                };
                self.message(visible, kind, at)
            }
            _ => self.message(Visible::from_event(kind)?, kind, at),
        }
    }

    fn message(self, visible: Visible, kind: &str, at: &At) -> Option<Told> {
        let thread = self.thread?;
        let id = thread.id()?;
        let part = match visible {
            Visible::Chat => self.chat,
            Visible::SlackMessage | Visible::SlackReply => self.slack_message,
            Visible::Teams => self.ms_teams_message,
            // A webhook does not tell an e-mail's category, and only one category may be shown.
            Visible::Email | Visible::Custom => None,
        };
        let mut entry = part.and_then(|part| part.message(&thread, at));
        if kind == "thread.slack_message_updated" {
            match self.change_type.as_deref() {
                Some("MESSAGE_EDITED") => entry.iter_mut().for_each(|entry| entry.edited = true),
                Some("MESSAGE_DELETED") => entry.iter_mut().for_each(take_back),
                Some("REACTIONS_CHANGED") => {}
                Some(_) => return None,
                None => entry = None,
            }
        }
        Some(Told { thread: id, entry, status: None })
    }

    fn timeline_entry_changed(self, at: &At) -> Option<Told> {
        let removed = match self.change_type.as_deref() {
            Some("ADDED" | "UPDATED") | None => false,
            Some("REMOVED") => true,
            Some(_) => return None,
        };
        let changed = if removed { self.previous_timeline_entry } else { self.timeline_entry }?;
        let visible = Visible::from_entry_type(&changed.entry.entry_type)?;
        let thread = ThreadId::parse(changed.thread_id.as_deref()?).ok()?;
        let mut entry = changed.message(visible, at);
        if removed {
            entry.iter_mut().for_each(take_back);
        }
        Some(Told { thread, entry, status: None })
    }
}

fn take_back(message: &mut Message) {
    message.deleted = true;
    message.text.clear();
    message.attachments.clear();
}

impl Thread {
    fn id(&self) -> Option<ThreadId> {
        ThreadId::parse(self.id.as_str()).ok()
    }

    /// The words of Plain's own customer inbox. None for a status that does not exist yet.
    fn customer_status(&self) -> Option<Status> {
        let detail = self.status_detail.as_ref().map(|detail| detail.r#type.as_str());
        Some(match (self.status.as_deref()?, detail) {
            ("TODO", _) => Status::InProgress,
            ("SNOOZED", Some("WAITING_FOR_CUSTOMER")) => Status::WaitingForYou,
            ("SNOOZED", _) => Status::InProgress,
            ("DONE", _) => Status::Done,
            _ => return None,
        })
    }

    fn public_name(&self, user: Option<&str>) -> Option<String> {
        let others = self.additional_assignees.iter().flatten();
        let mut team = self.assignee.iter().chain(others);
        team.find(|assignee| Some(assignee.id.as_str()) == user)?.public_name.clone()
    }
}

impl Part {
    fn message(self, thread: &Thread, event_at: &At) -> Option<Message> {
        let actor = self.created_by?;
        let owner = thread.customer.as_ref();
        let mut author = actor.author(owner.map(|customer| customer.id.as_str()))?;
        author.name = match author.role {
            Role::Customer if author.me => owner.and_then(|customer| customer.full_name.clone()),
            Role::Agent => thread.public_name(actor.user_id.as_deref()),
            _ => None,
        }
        .unwrap_or_default();
        let text = self.resolved_text.filter(|text| !text.is_empty()).or(self.text);
        let at = millis(&self.created_at).map_or_else(|| event_at.clone(), At::from_millis);
        let updated = self.updated_at.as_deref().and_then(millis).map(At::from_millis);
        let mut message = Message {
            id: EntryId::parse(self.timeline_entry_id).ok()?,
            source_id: source_id(self.id),
            author,
            text: text.unwrap_or_default(),
            updated_at: updated.unwrap_or_else(|| at.clone()).max(at.clone()),
            at,
            edited: self.last_edited_on_ms_teams_at.is_some(),
            deleted: false,
            attachments: files(self.attachments),
        };
        if self.deleted_on_ms_teams_at.is_some() {
            take_back(&mut message);
        }
        carried(message)
    }
}

impl Entry {
    /// A timeline entry tells no time of change, so `updated_at` stays `at`: of two equal ones the later read wins.
    fn message(self, visible: Visible, event_at: &At) -> Option<Message> {
        let author = self.actor?.author(self.customer_id.as_deref())?;
        let text = match visible {
            Visible::Chat => self.entry.text.unwrap_or_default(),
            // What a machine user entered may be the customer's own opening words: only the desk knows.
            Visible::Custom if author.role == Role::Bot => return None,
            Visible::Custom => {
                let components = self.entry.components.into_iter().flatten();
                let words =
                    components.filter_map(|component| component.text.or(component.plain_text));
                words.collect::<Vec<_>>().join("\n\n")
            }
            _ => return None,
        };
        let at = millis(&self.timestamp).map_or_else(|| event_at.clone(), At::from_millis);
        carried(Message {
            id: EntryId::parse(self.id).ok()?,
            source_id: source_id(self.entry.chat_id),
            author,
            text,
            updated_at: at.clone(),
            at,
            edited: false,
            deleted: false,
            attachments: files(self.entry.attachments),
        })
    }
}

impl Actor {
    /// The author without a name. None for a kind of actor that does not exist yet.
    fn author(&self, owner: Option<&str>) -> Option<Author> {
        let role = match self.actor_type.as_str() {
            "customer" => Role::Customer,
            "user" => Role::Agent,
            "machineUser" => Role::Bot,
            "system" => Role::System,
            _ => return None,
        };
        let me = role == Role::Customer && owner.is_some() && self.customer_id.as_deref() == owner;
        Some(Author { name: String::new(), role, me, avatar_url: None })
    }
}

fn source_id(id: Option<String>) -> Option<String> {
    id.filter(|id| id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

fn files(files: Option<Vec<File>>) -> Vec<Attachment> {
    let files = files.into_iter().flatten();
    files
        .filter_map(|file| {
            let File { id, file_name, file_size_bytes, file_mime_type } = file;
            Attachment::new(id, &file_name, file_size_bytes, &file_mime_type)
        })
        .collect()
}

/// The message, unless it is out of all proportion.
fn carried(message: Message) -> Option<Message> {
    let files = message.attachments.iter();
    let size = files
        .map(|file| 128 + file.file_name.len() + file.mime_type.len())
        .fold(message.text.len() + message.author.name.len(), usize::saturating_add);
    (size <= CARRIED).then_some(message)
}
