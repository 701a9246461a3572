//! The event types of webhook version 2026-04-21.

/// The latest webhook version that the sandbox writes.
pub const VERSION: &str = "2026-04-21";

/// All of them, newest first. What the sandbox sends is the same in both; the older one is what Plain's
/// TypeScript SDK 5 verifies.
pub const VERSIONS: [&str; 2] = [VERSION, "2026-02-27"];

pub const THREAD_CREATED: &str = "thread.thread_created";
pub const STATUS_TRANSITIONED: &str = "thread.thread_status_transitioned";
pub const ASSIGNMENT_TRANSITIONED: &str = "thread.thread_assignment_transitioned";
pub const PRIORITY_CHANGED: &str = "thread.thread_priority_changed";
pub const LABELS_CHANGED: &str = "thread.thread_labels_changed";
pub const CHAT_SENT: &str = "thread.chat_sent";
pub const CHAT_RECEIVED: &str = "thread.chat_received";
pub const EMAIL_SENT: &str = "thread.email_sent";
pub const EMAIL_RECEIVED: &str = "thread.email_received";
pub const SLACK_SENT: &str = "thread.slack_message_sent";
pub const SLACK_RECEIVED: &str = "thread.slack_message_received";
pub const SLACK_UPDATED: &str = "thread.slack_message_updated";
pub const TEAMS_SENT: &str = "thread.ms_teams_message_sent";
pub const TEAMS_RECEIVED: &str = "thread.ms_teams_message_received";
pub const NOTE_CREATED: &str = "thread.note_created";
pub const CUSTOMER_CREATED: &str = "customer.customer_created";
pub const CUSTOMER_UPDATED: &str = "customer.customer_updated";
pub const CUSTOMER_DELETED: &str = "customer.customer_deleted";
pub const TIMELINE_ENTRY_CHANGED: &str = "timeline.timeline_entry_changed";

/// Every type that a target may subscribe to, with what the workspace says about it. Those that the sandbox
/// has no cause for are accepted all the same.
pub const ALL: [(&str, &str); 30] = [
    (THREAD_CREATED, "A thread was opened on any channel."),
    (STATUS_TRANSITIONED, "A thread moved between Todo, Snoozed and Done."),
    (ASSIGNMENT_TRANSITIONED, "A thread was given to somebody or to nobody."),
    (PRIORITY_CHANGED, "The priority of a thread changed."),
    (LABELS_CHANGED, "Labels were added to a thread or removed from it."),
    (CHAT_SENT, "A chat message was sent to the customer."),
    (CHAT_RECEIVED, "The customer sent a chat message."),
    (EMAIL_SENT, "An email was sent to the customer."),
    (EMAIL_RECEIVED, "The customer sent an email."),
    (SLACK_SENT, "A Slack message was sent to the customer."),
    (SLACK_RECEIVED, "The customer sent a Slack message."),
    (SLACK_UPDATED, "A Slack message was edited or deleted, or its reactions changed."),
    (TEAMS_SENT, "A Microsoft Teams message was sent to the customer."),
    (TEAMS_RECEIVED, "The customer sent a Microsoft Teams message."),
    ("thread.discord_message_sent", "A Discord message was sent to the customer."),
    ("thread.discord_message_received", "The customer sent a Discord message."),
    ("thread.discord_message_updated", "A Discord message was edited or deleted."),
    (NOTE_CREATED, "An internal note was written."),
    ("thread.thread_field_created", "A thread field was set for the first time."),
    ("thread.thread_field_updated", "A thread field changed."),
    ("thread.thread_field_deleted", "A thread field was removed."),
    ("thread.thread_tenant_updated", "The tenant of a thread changed."),
    ("thread.service_level_agreement_status_transitioned", "A service level moved on."),
    (CUSTOMER_CREATED, "A customer was created."),
    (CUSTOMER_UPDATED, "A customer was changed."),
    (CUSTOMER_DELETED, "A customer was deleted."),
    ("customer.customer_changed", "A customer was created or changed."),
    ("customer.customer_group_changed", "A customer group was changed."),
    ("customer.customer_group_memberships_changed", "A customer joined or left a group."),
    (TIMELINE_ENTRY_CHANGED, "A timeline entry was added, changed or removed."),
];

/// What the portal's own target gets: everything about its threads, and who is to be forgotten. Notes are among them on purpose: the
/// portal must keep them from visitors, and here that can be seen.
pub const PORTAL: [&str; 16] = [
    THREAD_CREATED,
    STATUS_TRANSITIONED,
    ASSIGNMENT_TRANSITIONED,
    PRIORITY_CHANGED,
    LABELS_CHANGED,
    CHAT_SENT,
    CHAT_RECEIVED,
    EMAIL_SENT,
    EMAIL_RECEIVED,
    SLACK_SENT,
    SLACK_RECEIVED,
    SLACK_UPDATED,
    TEAMS_SENT,
    TEAMS_RECEIVED,
    NOTE_CREATED,
    CUSTOMER_DELETED,
];
