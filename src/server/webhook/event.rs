//! From a webhook's body to what a visitor may know of it.
//!
//! An allow-list twice over: only events that are named here are looked into, and only fields that are named in the
//! structs of [`shape`] are read at all. Everything else in a body, internal text above all, is skipped by the parser and
//! exists nowhere afterwards.
//!
//! Plain promises that shapes grow and enums get new values, so nothing unknown is an error: an unknown event, entry
//! kind or value is ignored; a known message in a shape that cannot be read is announced without its text, and the
//! browser reads it through the API, while the operator is told that a shape could not be read.
//!
//! Only what is no envelope at all is an error. It is answered 400, so that Plain keeps it and delivers it again for
//! five days: Plain's list of failed deliveries is the dead-letter list, and nothing is kept twice.

mod shape;

use self::shape::{Actor, Entry, Envelope, File, Lenient, Outline, Part, Payload, Thread};
use crate::{
    domain::{
        ids::{CustomerId, EntryId, EventId, ThreadId},
        message::{Attachment, Author, Message, Role},
        thread::{Seen, Sign, Status},
        time::At,
    },
    server::{
        bus::NewEvent,
        desk::gate::Visible,
        emoji,
        markup::{self, Rendered},
    },
};
use serde::de::{DeserializeOwned, IgnoredAny};

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
    /// The customer who was deleted at Plain, and of whom nothing may be kept.
    pub removed: Option<CustomerId>,
    /// It should have told something, and its shape could not be read, or not to the end.
    pub unreadable: bool,
    /// Whether the target's version is one that this file was written for; nothing is read of others.
    pub known_version: bool,
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
    STATUS,
    ASSIGNED,
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
    CUSTOMER_DELETED,
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
const STATUS: &str = "thread.thread_status_transitioned";
const ASSIGNED: &str = "thread.thread_assignment_transitioned";
/// What followers are told instead of [`ASSIGNED`]: a name of our own.
const SEEN: &str = "thread.seen";
const CUSTOMER_DELETED: &str = "customer.customer_deleted";
/// The names of the first design.
const SYNONYMS: [&str; 3] = ["thread.reply_sent", "thread.message_sent", "thread.status_changed"];

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
    let (envelope, whole): (Envelope<Payload>, bool) = match serde_json::from_slice(body) {
        Ok(envelope) => (envelope, true),
        // Whatever the fault is called: an array in an object's place counts as one of syntax.
        Err(_) => {
            let outline = parse::<Outline>(body)
                .map(|envelope| envelope.map(Payload::from))
                .or_else(|_| Ok(parse::<IgnoredAny>(body)?.map(|_| Payload::default())))?;
            (outline, false)
        }
    };
    let id = EventId::parse(envelope.id).map_err(|_| BadBody::Id)?;
    let metadata = envelope.webhook_metadata;
    let attempted_at =
        millis(&metadata.webhook_delivery_attempt_timestamp).ok_or(BadBody::Timestamp)?;
    let kind = KNOWN.into_iter().find(|known| *known == envelope.kind).unwrap_or("other");
    let version = metadata.webhook_target_version.as_deref().unwrap_or("unversioned");
    let mut delivery = Delivery {
        id,
        kind,
        attempted_at,
        event: None,
        removed: None,
        unreadable: false,
        known_version: VERSIONS.contains(&version),
    };
    if !delivery.known_version {
        tracing::warn!(
            "A webhook target has a version this portal does not know; its events are ignored"
        );
        return Ok(delivery);
    }
    let at = At::from_millis(millis(&envelope.timestamp).unwrap_or(attempted_at));
    let mut reading = Reading { unreadable: !whole && tells(kind) };
    if kind == CUSTOMER_DELETED {
        delivery.removed = envelope.payload.deleted_customer(&mut reading);
    } else {
        delivery.event = envelope.payload.told(kind, &at, &mut reading).map(|told| NewEvent {
            thread_id: told.thread,
            customer: told.customer,
            // That it was given to somebody is the team's business; that somebody saw it is not.
            event_type: if kind == ASSIGNED { SEEN.into() } else { kind.into() },
            event_id: delivery.id.clone(),
            at,
            entry: told.entry,
            status: told.status,
            seen: told.seen,
        });
    }
    delivery.unreadable = reading.unreadable;
    Ok(delivery)
}

/// How the reading went.
struct Reading {
    unreadable: bool,
}

impl Reading {
    /// Something that every such event has is missing or cannot be understood.
    fn failed<T>(&mut self) -> Option<T> {
        self.unreadable = true;
        None
    }
}

/// Whether an event of this kind is looked into.
fn tells(kind: &str) -> bool {
    Visible::from_event(kind).is_some()
        || [TIMELINE, STATUS, ASSIGNED, CUSTOMER_DELETED].contains(&kind)
        || SYNONYMS.contains(&kind)
}

fn parse<P: DeserializeOwned>(body: &[u8]) -> Result<Envelope<P>, BadBody> {
    serde_json::from_slice(body).map_err(|_| match serde_json::from_slice::<IgnoredAny>(body) {
        Ok(_) => BadBody::Envelope,
        Err(_) => BadBody::Syntax,
    })
}

fn millis(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}

/// What a thread's followers are told.
struct Told {
    thread: ThreadId,
    customer: Option<CustomerId>,
    entry: Option<Message>,
    status: Option<Status>,
    seen: Option<Seen>,
}

impl Payload {
    fn deleted_customer(self, reading: &mut Reading) -> Option<CustomerId> {
        let id = self.previous_customer.and_then(|customer| CustomerId::parse(customer.id).ok());
        // A name that could not be read matters to nobody now.
        reading.unreadable = id.is_none();
        id
    }

    fn told(self, kind: &str, at: &At, reading: &mut Reading) -> Option<Told> {
        match kind {
            TIMELINE => self.timeline_entry_changed(at, reading),
            STATUS | "thread.status_changed" => {
                let Some((thread, id)) = self.thread.and_then(Thread::identified) else {
                    return reading.failed();
                };
                let status = Some(thread.customer_status(reading)?);
                let seen = thread.is_begun().then(|| seen(Sign::InProgress, at));
                Some(Told { thread: id, customer: thread.customer_id(), entry: None, status, seen })
            }
            ASSIGNED => {
                let Some((thread, id)) = self.thread.and_then(Thread::identified) else {
                    return reading.failed();
                };
                // To a person: neither to nobody nor to a machine.
                thread.assignee.as_ref().filter(|assignee| assignee.id.starts_with("u_"))?;
                let seen = Some(seen(Sign::Assigned, at));
                let customer = thread.customer_id();
                Some(Told { thread: id, customer, entry: None, status: None, seen })
            }
            "thread.reply_sent" | "thread.message_sent" => {
                if self.note.is_some() || self.discussion.is_some() {
                    reading.unreadable = false;
                    return None;
                }
                let visible = match () {
                    () if self.chat.is_some() => Some(Visible::Chat),
                    () if self.slack_message.is_some() => Some(Visible::SlackMessage),
                    () if self.ms_teams_message.is_some() => Some(Visible::Teams),
                    () if self.email.is_some() => Some(Visible::Email),
                    // It says that there is a message, and not which: the browser reads the thread.
                    () => None,
                };
                self.message(visible, kind, at, reading)
            }
            _ => self.message(Some(Visible::from_event(kind)?), kind, at, reading),
        }
    }

    fn message(
        self,
        visible: Option<Visible>,
        kind: &str,
        at: &At,
        reading: &mut Reading,
    ) -> Option<Told> {
        let Some((thread, id)) = self.thread.and_then(Thread::identified) else {
            return reading.failed();
        };
        let part = match visible {
            Some(Visible::Chat) => Some(self.chat),
            Some(Visible::SlackMessage | Visible::SlackReply) => Some(self.slack_message),
            Some(Visible::Teams) => Some(self.ms_teams_message),
            // A webhook does not tell an e-mail's category, and only one category may be shown.
            Some(Visible::Email | Visible::Custom | Visible::Status) | None => None,
        };
        let reacted = part
            .as_ref()
            .is_some_and(|part| part.as_ref().is_some_and(Part::is_reacted_to_by_the_team));
        let mut entry = visible.zip(part).and_then(|(visible, part)| {
            match part.and_then(|part| part.message(visible, &thread, at)) {
                Some(message) => carried(message),
                None => reading.failed(),
            }
        });
        if kind == "thread.slack_message_updated" {
            match self.change_type.as_deref() {
                Some("MESSAGE_EDITED") => entry.iter_mut().for_each(|entry| entry.edited = true),
                Some("MESSAGE_DELETED") => entry.iter_mut().for_each(take_back),
                Some("REACTIONS_CHANGED") => {}
                Some(_) => return None,
                None => entry = None,
            }
        }
        let seen = entry.as_ref().and_then(|entry| match self.change_type.as_deref() {
            Some("REACTIONS_CHANGED") if entry.author.me && reacted => {
                Some(seen(Sign::Reaction, at))
            }
            None if entry.author.role == Role::Agent && !entry.deleted => {
                Some(seen(Sign::Answer, &entry.at))
            }
            _ => None,
        });
        Some(Told { thread: id, customer: thread.customer_id(), entry, status: None, seen })
    }

    fn timeline_entry_changed(self, at: &At, reading: &mut Reading) -> Option<Told> {
        let (changed, change) = match self.change_type.as_deref() {
            Some("ADDED") | None => (self.timeline_entry, Change::Added),
            Some("UPDATED") => (self.timeline_entry, Change::Updated),
            Some("REMOVED") => (self.previous_timeline_entry, Change::Removed),
            Some(_) => return None,
        };
        let Some(changed) = changed else { return reading.failed() };
        let Some(visible) = Visible::from_entry_type(&changed.entry.entry_type) else {
            reading.unreadable = false;
            return None;
        };
        let thread = ThreadId::parse(changed.thread_id.as_deref()?).ok()?;
        let customer = changed.customer_id.clone().and_then(|id| CustomerId::parse(id).ok());
        let mut entry = changed.message(visible, change, at, reading);
        if change == Change::Removed {
            entry.iter_mut().for_each(take_back);
        }
        Some(Told { thread, customer, entry, status: None, seen: None })
    }
}

/// What happened to a timeline entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Added,
    Updated,
    Removed,
}

fn seen(sign: Sign, at: &At) -> Seen {
    Seen { sign, at: at.clone() }
}

fn take_back(message: &mut Message) {
    message.deleted = true;
    message.text.clear();
    message.html = None;
    message.attachments.clear();
    message.reactions.clear();
}

impl Thread {
    /// With its id, if that is one.
    fn identified(self) -> Option<(Self, ThreadId)> {
        let id = ThreadId::parse(self.id.as_str()).ok()?;
        Some((self, id))
    }

    /// Whether a person began to work on it.
    fn is_begun(&self) -> bool {
        let detail = self.status_detail.as_ref().map(|detail| detail.r#type.as_str());
        detail == Some("IN_PROGRESS") && self.status_changed_by.is_person_of_the_team()
    }

    fn customer_id(&self) -> Option<CustomerId> {
        CustomerId::parse(self.customer.as_ref()?.id.as_str()).ok()
    }

    /// The words of Plain's own customer inbox. None for a status that does not exist yet.
    fn customer_status(&self, reading: &mut Reading) -> Option<Status> {
        let detail = self.status_detail.as_ref().map(|detail| detail.r#type.as_str());
        let Some(status) = self.status.as_deref() else { return reading.failed() };
        Some(match (status, detail) {
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
    fn is_reacted_to_by_the_team(&self) -> bool {
        let reactions = self.slack_reactions.iter().flatten();
        reactions.flat_map(|it| &it.actors).any(Lenient::is_person_of_the_team)
    }

    /// None for a shape that cannot be read.
    fn message(self, visible: Visible, thread: &Thread, event_at: &At) -> Option<Message> {
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
        let Rendered { text, html } =
            markup::render(text.unwrap_or_default(), visible.dialect(author.role));
        let at = millis(&self.created_at).map_or_else(|| event_at.clone(), At::from_millis);
        let updated = self.updated_at.as_deref().and_then(millis).map(At::from_millis);
        let id = EntryId::parse(self.timeline_entry_id).ok()?;
        let reactions = self.slack_reactions.unwrap_or_default();
        let reactions = reactions.iter().map(|it| (&*it.name, it.actors.len()));
        let mut message = Message {
            // The id that a reply is answered with: of a chat its own, elsewhere the entry's.
            source_id: match visible {
                Visible::Chat => source_id(self.id),
                _ => author.me.then(|| id.to_string()),
            },
            id,
            author,
            text,
            html,
            updated_at: updated.unwrap_or_else(|| at.clone()).max(at.clone()),
            at,
            edited: self.last_edited_on_ms_teams_at.is_some(),
            deleted: false,
            attachments: files(self.attachments),
            reactions: emoji::reactions(reactions),
            turned: None,
        };
        if self.deleted_on_ms_teams_at.is_some() {
            take_back(&mut message);
        }
        Some(message)
    }
}

impl Entry {
    /// A timeline entry does not tell when it changed; the event does. None where nothing can be carried along.
    fn message(
        self,
        visible: Visible,
        change: Change,
        event_at: &At,
        reading: &mut Reading,
    ) -> Option<Message> {
        let author = self.actor.and_then(|actor| actor.author(self.customer_id.as_deref()));
        let (Some(author), Ok(id)) = (author, EntryId::parse(self.id)) else {
            return reading.failed();
        };
        let text = match visible {
            Visible::Chat => self.entry.text.unwrap_or_default(),
            // What a machine user entered may be the customer's own opening words: only the desk knows.
            Visible::Custom if author.role == Role::Bot => return None,
            Visible::Custom => {
                let components = self.entry.components.into_iter().flatten();
                let words =
                    components.filter_map(|component| component.text.or(component.plain_text));
                let words = words.collect::<Vec<_>>().join("\n\n");
                // Then its title is shown, which is not read here.
                if words.is_empty() && change != Change::Removed {
                    return None;
                }
                words
            }
            _ => return None,
        };
        let Rendered { text, html } = markup::render(text, visible.dialect(author.role));
        let at = millis(&self.timestamp).map_or_else(|| event_at.clone(), At::from_millis);
        let updated_at = match change {
            Change::Added => at.clone(),
            Change::Updated | Change::Removed => event_at.max(&at).clone(),
        };
        carried(Message {
            id,
            source_id: source_id(self.entry.chat_id),
            author,
            text,
            html,
            updated_at,
            at,
            edited: false,
            deleted: false,
            attachments: files(self.entry.attachments),
            reactions: Vec::new(),
            turned: None,
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
        .fold(message.text.len() + message.author.name.len(), usize::saturating_add)
        .saturating_add(message.html.as_ref().map_or(0, String::len));
    (size <= CARRIED).then_some(message)
}
