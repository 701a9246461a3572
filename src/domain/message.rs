//! One message of a conversation, as a visitor may see it.

use super::{
    file,
    ids::{AttachmentId, EntryId},
    thread::Status,
    time::At,
};
use serde::{Deserialize, Serialize};

/// Who speaks. Names of agents are their public names; addresses never travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The visitor, or another customer of the same thread.
    Customer,
    /// A person of the support team.
    Agent,
    /// A machine user: an assistant, or an integration of the team's.
    Bot,
    /// Plain itself.
    System,
}

/// The author of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// What to show. Empty where it is not known yet (a webhook names agents by id only): show the role then.
    pub name: String,
    /// Customer, agent, bot or system.
    pub role: Role,
    /// Whether this is the customer whom the thread belongs to, that is "You".
    pub me: bool,
    /// A picture, where the team set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// A file that hangs on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Plain's id.
    pub id: AttachmentId,
    /// The name the sender gave it, as [`file::shown_name`] makes it fit to be shown.
    pub file_name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its MIME type as Plain states it. It is a hint for the eye; nothing is decided by it.
    pub mime_type: String,
}

impl Attachment {
    /// From what came from outside. None without an id under which it could be asked for.
    pub fn new(id: String, name: &str, bytes: u64, mime_type: &str) -> Option<Self> {
        let sound = mime_type.len() <= 100 && mime_type.bytes().all(|b| b.is_ascii_graphic());
        Some(Self {
            id: AttachmentId::parse(id).ok()?,
            file_name: file::shown_name(name),
            bytes,
            mime_type: if sound { mime_type } else { "application/octet-stream" }.into(),
        })
    }
}

/// A file that was uploaded and waits for its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// What the upload answered: proves whose file it is.
    pub ticket: String,
    /// The file.
    pub file: Attachment,
}

/// One message. `id` is its only identity: events and reads of the same entry merge by it, the newer
/// `updated_at` wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The timeline entry.
    pub id: EntryId,
    /// The chat's or Slack message's own id (`ch_…`), where known: what sending a reply answers with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Who wrote it.
    pub author: Author,
    /// The text, as written, to copy and to speak. Empty for a deleted message or one that is only attachments.
    pub text: String,
    /// The text as HTML that the server made and that is safe to show; none where it would say nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// When it was written; with `id` the order of a conversation.
    pub at: At,
    /// When it last changed; equal to `at` if never.
    pub updated_at: At,
    /// Changed after it was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
    /// Taken back by its author: show that something stood here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What readers in Slack answered with a picture; empty elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// This entry is no message but a status line: from now on the thread stands like this. Its `text` is empty and its
    /// author the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<Status>,
}

/// A reaction to a message, and how many people gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The picture itself, or `:name:` where it has none.
    pub emoji: String,
    /// How many; at least one.
    pub count: u32,
}

impl Message {
    /// The key by which every screen orders messages: server time, then id.
    pub fn order(&self) -> (&At, &EntryId) {
        (&self.at, &self.id)
    }
}

/// A reply that Plain took: what sending one answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentReply {
    /// The chat's own id (`ch_…`); the message comes back from the timeline with it as [`Message::source_id`].
    pub message_id: String,
    /// When Plain took it.
    pub at: At,
}
