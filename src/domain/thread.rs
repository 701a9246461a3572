//! A thread, as its visitor may see it.

use super::{
    ids::{Cursor, EntryId, ThreadId},
    message::Message,
    time::At,
};
use serde::{Deserialize, Serialize};

/// The state of a thread in a customer's words (the mapping that Plain's own customer inbox uses).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// `TODO`, or snoozed for a time.
    InProgress,
    /// `SNOOZED` until the customer answers.
    WaitingForYou,
    /// `DONE`.
    Done,
}

impl Status {
    /// The word for class names.
    pub fn word(self) -> &'static str {
        match self {
            Status::InProgress => "in-progress",
            Status::WaitingForYou => "waiting",
            Status::Done => "done",
        }
    }
}

/// What a list of threads shows of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Thread {
    /// Plain's id.
    pub id: ThreadId,
    /// The number people say, `T-1234`.
    pub reference: String,
    /// The subject.
    pub title: String,
    /// Where it stands.
    pub status: Status,
    /// Whether Plain still takes customer messages for it.
    pub locked: bool,
    /// When it was opened.
    pub created_at: At,
    /// When the last message (either way) was written, or `created_at`.
    pub last_activity_at: At,
    /// The newest message, for lists; none where it was not asked for or there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<LastMessage>,
    /// Whether something was written for the visitor that they have not seen; only lists tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
}

/// The newest message of a thread, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastMessage {
    /// Who wrote it, as shown; empty where it was the visitor.
    pub name: String,
    /// Whether the visitor wrote it.
    pub me: bool,
    /// Its first words, on one line; the name of its first file where it has none.
    pub text: String,
}

/// A real sign that somebody of the team saw the visitor's last message. Plain has no read receipts; nothing is made up
/// where none of these happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sign {
    /// Somebody took the thread over.
    Assigned,
    /// The thread was marked as being worked on.
    InProgress,
    /// Somebody reacted in Slack.
    Reaction,
    /// Somebody answered.
    Answer,
}

/// When the team saw the visitor's last message, and how we know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// How we know.
    pub sign: Sign,
    /// When that happened.
    pub at: At,
}

/// A page of a conversation: what `GET /api/support/messages` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// The thread itself.
    pub thread: Thread,
    /// The messages of this page, oldest first.
    pub messages: Vec<Message>,
    /// Give this as `before=` to get the page before; none where the first message is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<String>,
    /// Where the live history stood *before* this was read: open the stream with it, and nothing is missed.
    pub cursor: Cursor,
    /// Whether the team saw the visitor's last message; none where nothing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// The newest entry that the visitor has seen on some screen, as far as is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_to: Option<EntryId>,
    /// The visitor's rating, 1 (bad) to 5 (good), once they gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
}
