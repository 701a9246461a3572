//! The conversation's server functions.

use crate::domain::{error::DeskError, ids::EntryId, thread::Conversation, time::At};
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

/// What a sent reply answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replied {
    /// The chat's id at Plain (`ch_…`): the `sourceId` of the message that events and reads will bring.
    pub message_id: String,
    /// The timeline entry, where already known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_id: Option<EntryId>,
    /// When Plain took it.
    pub at: At,
}

/// What a rating answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rated {
    /// The rating that counts from now on, 1 to 5.
    pub rating: u8,
}

/// What solving and reopening answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// Whether the thread is done now.
    pub done: bool,
}

/// A page of the conversation: the newest 50, or the page before or after a page cursor.
#[server(prefix = "/api/support", endpoint = "messages", input = GetUrl)]
pub async fn messages(
    #[server(rename = "threadId")]
    #[server(default)]
    thread_id: String,
    #[server(default)] after: Option<String>,
    #[server(default)] before: Option<String>,
) -> Result<Conversation, DeskError> {
    crate::server::visitor::messages(thread_id, after, before).await
}

/// Sends a reply. Safe to repeat with the same `client_message_id`: it is sent once.
#[server(prefix = "/api/support", endpoint = "reply")]
pub async fn reply(
    #[server(rename = "threadId")]
    #[server(default)]
    thread_id: String,
    #[server(default)] text: String,
    #[server(default)] client_message_id: String,
    #[server(default)] attachment_ids: Vec<String>,
) -> Result<Replied, DeskError> {
    crate::server::visitor::reply(thread_id, text, client_message_id, attachment_ids).await
}

/// Rates a thread that is done: `value` is 1 to 5, and replaces an earlier one.
#[server(prefix = "/api/support", endpoint = "rating")]
pub async fn rate(
    #[server(rename = "threadId")]
    #[server(default)]
    thread_id: String,
    #[server(default)] value: String,
) -> Result<Rated, DeskError> {
    crate::server::visitor::rate(thread_id, value).await
}

/// Marks a thread as solved (`done` is `true`) or opens it again (`false`). Safe to repeat.
#[server(prefix = "/api/support", endpoint = "status")]
pub async fn solve(
    #[server(rename = "threadId")]
    #[server(default)]
    thread_id: String,
    #[server(default)] done: String,
) -> Result<Turned, DeskError> {
    crate::server::visitor::solve(thread_id, done).await
}
