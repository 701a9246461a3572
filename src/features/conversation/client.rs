//! The conversation's server functions, as the tab calls them.

use super::api::Replied;
use crate::{
    browser::{fetch, json::readable},
    domain::{error::DeskError, ids::ClientMessageId, message::Uploaded, thread::Conversation},
};

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
