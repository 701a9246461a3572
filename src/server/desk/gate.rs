//! The one gate to the visitor: which kinds of timeline entry may pass, whoever brings them.
//!
//! The table is an allow-list. Notes, discussions, assignments, events, links, SLA rows and every kind that does not
//! exist yet are dropped, because nothing here names them.

use crate::{domain::message::Role, server::markup::Dialect};

/// A kind of timeline entry that a visitor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// A chat message.
    Chat,
    /// An e-mail; GraphQL also tells its category, and only `MESSAGING` passes.
    Email,
    /// A custom entry: the opening message of a thread made through the API.
    Custom,
    /// A message in a connected Slack channel.
    SlackMessage,
    /// A reply in a Slack thread.
    SlackReply,
    /// A Microsoft Teams message.
    Teams,
    /// The thread changed its state. Only the state in a customer's words passes; never who changed it, or why.
    Status,
}

impl Visible {
    /// How the text of such an entry is meant. The customer sees what the customer typed; Slack's own writing is the
    /// same whoever wrote.
    pub fn dialect(self, author: Role) -> Dialect {
        match self {
            Self::SlackMessage | Self::SlackReply => Dialect::Slack,
            Self::Chat | Self::Custom if author != Role::Customer => Dialect::Markdown,
            Self::Chat | Self::Custom | Self::Email | Self::Teams | Self::Status => Dialect::Plain,
        }
    }

    /// By the name of the GraphQL type (`__typename` of the union `Entry`).
    pub fn from_typename(name: &str) -> Option<Self> {
        Some(match name {
            "ChatEntry" => Self::Chat,
            "EmailEntry" => Self::Email,
            "CustomEntry" => Self::Custom,
            "SlackMessageEntry" => Self::SlackMessage,
            "SlackReplyEntry" => Self::SlackReply,
            "MSTeamsMessageEntry" => Self::Teams,
            "ThreadStatusTransitionedEntry" => Self::Status,
            _ => return None,
        })
    }

    /// By the name of the webhook event that carries a message.
    pub fn from_event(name: &str) -> Option<Self> {
        Some(match name {
            "thread.chat_sent" | "thread.chat_received" => Self::Chat,
            "thread.email_sent" | "thread.email_received" => Self::Email,
            "thread.slack_message_sent"
            | "thread.slack_message_received"
            | "thread.slack_message_updated" => Self::SlackMessage,
            "thread.ms_teams_message_sent" | "thread.ms_teams_message_received" => Self::Teams,
            _ => return None,
        })
    }

    /// By `entryType` inside `timeline.timeline_entry_changed`.
    pub fn from_entry_type(name: &str) -> Option<Self> {
        Some(match name {
            "chat" => Self::Chat,
            "email" => Self::Email,
            "custom" => Self::Custom,
            _ => return None,
        })
    }
}

/// The same table as Plain's `TimelineEntryType` values, to ask for nothing else.
pub const ENTRY_TYPES: [&str; 7] = [
    "CHAT",
    "EMAIL",
    "CUSTOM",
    "SLACK_MESSAGE",
    "SLACK_REPLY",
    "MS_TEAMS_MESSAGE",
    "THREAD_STATUS_TRANSITIONED",
];

/// Those of them that are messages, for lists.
pub const MESSAGE_TYPES: &[&str] = ENTRY_TYPES.split_at(6).0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_kinds_do_not_pass() {
        for name in [
            "NoteEntry",
            "ThreadDiscussionEntry",
            "ThreadDiscussionMessageEntry",
            "ThreadAssignmentTransitionedEntry",
            "ThreadEventEntry",
            "CustomerEventEntry",
            "SomethingNewEntry",
            "",
        ] {
            assert_eq!(Visible::from_typename(name), None, "{name}");
        }
        for name in [
            "thread.note_created",
            "thread.thread_assignment_transitioned",
            "discussion.message_created",
        ] {
            assert_eq!(Visible::from_event(name), None, "{name}");
        }
        for name in ["note", "UNKNOWN", "CHAT"] {
            assert_eq!(Visible::from_entry_type(name), None, "{name}");
        }
    }
}
