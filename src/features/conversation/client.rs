//! The conversation's server functions, as the tab calls them.

use super::api::{Rated, Replied, Turned};
use crate::{
    browser::{fetch, json::readable},
    domain::{error::DeskError, ids::ClientMessageId, message::Uploaded, thread::Conversation},
};

readable!(Rated { rating = "rating" });
readable!(Turned { done = "done" });
readable!(Replied { message_id = "messageId", entry_id = "entryId", at = "at" });

/// `messages` of [`super::api`]: the newest page, or the one before a page cursor.
pub async fn messages(thread: &str, before: Option<&str>) -> Result<Conversation, DeskError> {
    let fields = [("threadId", thread), ("before", before.unwrap_or_default())];
    fetch::get("messages", &fields[..if before.is_some() { 2 } else { 1 }]).await
}

/// `reply` of [`super::api`].
pub async fn reply(
    thread: &str,
    text: &str,
    key: &ClientMessageId,
    files: &[Uploaded],
) -> Result<Replied, DeskError> {
    let mut fields =
        vec![("threadId", thread), ("text", text), ("client_message_id", key.as_str())];
    fields.extend(files.iter().map(|file| ("attachment_ids[]", file.ticket.as_str())));
    fetch::post("reply", &fields).await
}

/// `rate` of [`super::api`].
pub async fn rate(thread: &str, value: &str) -> Result<(), DeskError> {
    fetch::post::<Rated>("rating", &[("threadId", thread), ("value", value)]).await.map(drop)
}

/// `solve` of [`super::api`].
pub async fn solve(thread: &str, done: bool) -> Result<(), DeskError> {
    let done = if done { "true" } else { "false" };
    fetch::post::<Turned>("status", &[("threadId", thread), ("done", done)]).await.map(drop)
}
