//! What a conversation's page hands to the tab.

use super::thread::Conversation;
use serde::{Deserialize, Serialize};

/// The first state of a conversation, as the server rendered it. It travels as JSON in the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The page of the conversation.
    pub conversation: Conversation,
    /// Whether it is the newest page, which goes on live; an older one (asked for without script) stands still.
    pub newest: bool,
}

impl Opening {
    /// The `id` of the `<script type="application/json">` that carries it.
    pub const ID: &str = "opening";
}
