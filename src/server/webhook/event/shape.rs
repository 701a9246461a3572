//! The shapes of webhooks' bodies: every field that is read at all.

use serde::{Deserialize, de::IgnoredAny};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<P> {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) timestamp: String,
    pub(super) webhook_metadata: Metadata,
    pub(super) payload: P,
}

impl<P> Envelope<P> {
    pub(super) fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Envelope<Q> {
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
pub(super) struct Metadata {
    pub(super) webhook_target_version: Option<String>,
    pub(super) webhook_delivery_attempt_timestamp: String,
}

/// What is read of all payloads; of internal objects only whether they are there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Payload {
    pub(super) thread: Option<Thread>,
    pub(super) chat: Option<Part>,
    pub(super) slack_message: Option<Part>,
    pub(super) ms_teams_message: Option<Part>,
    pub(super) email: Option<IgnoredAny>,
    pub(super) note: Option<IgnoredAny>,
    pub(super) discussion: Option<IgnoredAny>,
    pub(super) timeline_entry: Option<Entry>,
    pub(super) previous_timeline_entry: Option<Entry>,
    pub(super) previous_customer: Option<Customer>,
    pub(super) change_type: Option<String>,
}

/// The least that is worth something, where the whole is in a shape unknown: each part of it, if that can be read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Outline {
    pub(super) thread: Lenient<ThreadOutline>,
    pub(super) note: Option<IgnoredAny>,
    pub(super) discussion: Option<IgnoredAny>,
    pub(super) timeline_entry: Lenient<EntryOutline>,
    pub(super) previous_timeline_entry: Lenient<EntryOutline>,
    pub(super) previous_customer: Lenient<Named>,
    pub(super) change_type: Lenient<String>,
}

/// A value of whatever shape, kept if it has the wanted one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Lenient<T> {
    Fine(T),
    Other(IgnoredAny),
}

impl<T> Lenient<T> {
    pub(super) fn fine(self) -> Option<T> {
        match self {
            Lenient::Fine(value) => Some(value),
            Lenient::Other(_) => None,
        }
    }
}

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Lenient::Other(IgnoredAny)
    }
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

impl From<Named> for Customer {
    fn from(Named { id }: Named) -> Self {
        Customer { id, full_name: None }
    }
}

#[derive(Deserialize)]
pub(super) struct ThreadOutline {
    pub(super) id: String,
    #[serde(default)]
    pub(super) customer: Lenient<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryOutline {
    pub(super) thread_id: Option<String>,
    #[serde(default)]
    pub(super) customer_id: Lenient<String>,
    pub(super) entry: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kind {
    pub(super) entry_type: String,
}

impl From<Outline> for Payload {
    fn from(outline: Outline) -> Self {
        let thread = |ThreadOutline { id, customer }| Thread {
            id,
            customer: customer.fine().map(Customer::from),
            ..Thread::default()
        };
        let entry = |EntryOutline { thread_id, customer_id, entry }| Entry {
            thread_id,
            customer_id: customer_id.fine(),
            entry: EntryPart { entry_type: entry.entry_type, ..EntryPart::default() },
            ..Entry::default()
        };
        Self {
            thread: outline.thread.fine().map(thread),
            note: outline.note,
            discussion: outline.discussion,
            timeline_entry: outline.timeline_entry.fine().map(entry),
            previous_timeline_entry: outline.previous_timeline_entry.fine().map(entry),
            previous_customer: outline.previous_customer.fine().map(Customer::from),
            change_type: outline.change_type.fine(),
            ..Self::default()
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Thread {
    pub(super) id: String,
    pub(super) customer: Option<Customer>,
    pub(super) status: Option<String>,
    pub(super) status_detail: Option<Detail>,
    pub(super) status_changed_by: Lenient<Kindred>,
    pub(super) assignee: Option<Assignee>,
    pub(super) additional_assignees: Option<Vec<Assignee>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) full_name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Detail {
    pub(super) r#type: String,
}

/// Agents have a public name beside their own; only that one is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Assignee {
    pub(super) id: String,
    pub(super) public_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Actor {
    pub(super) actor_type: String,
    pub(super) customer_id: Option<String>,
    pub(super) user_id: Option<String>,
}

/// A chat, Slack or Teams message.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Part {
    pub(super) timeline_entry_id: String,
    pub(super) id: Option<String>,
    pub(super) text: Option<String>,
    pub(super) resolved_text: Option<String>,
    pub(super) attachments: Option<Vec<File>>,
    pub(super) slack_reactions: Option<Vec<GivenReaction>>,
    pub(super) created_at: String,
    pub(super) created_by: Option<Actor>,
    pub(super) updated_at: Option<String>,
    pub(super) last_edited_on_ms_teams_at: Option<String>,
    pub(super) deleted_on_ms_teams_at: Option<String>,
}

/// Only how many reacted is read, not who.
#[derive(Deserialize)]
pub(super) struct GivenReaction {
    pub(super) name: String,
    #[serde(default)]
    pub(super) actors: Vec<Lenient<Kindred>>,
}

/// What kind of actor somebody is; not who.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kindred {
    pub(super) actor_type: String,
}

impl Lenient<Kindred> {
    pub(super) fn is_person_of_the_team(&self) -> bool {
        matches!(self, Lenient::Fine(kindred) if kindred.actor_type == "user")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    pub(super) id: String,
    pub(super) file_name: String,
    pub(super) file_size_bytes: u64,
    pub(super) file_mime_type: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) customer_id: Option<String>,
    pub(super) thread_id: Option<String>,
    pub(super) timestamp: String,
    pub(super) actor: Option<Actor>,
    pub(super) entry: EntryPart,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EntryPart {
    pub(super) entry_type: String,
    pub(super) chat_id: Option<String>,
    pub(super) text: Option<String>,
    pub(super) components: Option<Vec<Component>>,
    pub(super) attachments: Option<Vec<File>>,
}

/// Only the two kinds of component that are plain words; others have neither field.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    pub(super) text: Option<String>,
    pub(super) plain_text: Option<String>,
}
