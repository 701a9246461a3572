//! The operations: each `.graphql` document beside the Rust file that types it.
//!
//! Values of enums and members of unions that are not in our cut of the schema never fail a read: they arrive as
//! `Other(…)` and `Unknown`.

pub mod conversation;
mod create_attachment_download_url;
mod create_attachment_upload_url;
mod create_thread;
mod create_thread_event;
mod mark_thread;
mod my_machine_user;
mod overview;
mod reply_to_thread;
mod send_customer_chat;
mod thread_by_external_id;
mod thread_events;
mod threads;
mod upsert_customer;

pub use conversation::{Page, Timeline};
pub use create_attachment_download_url::{Download, DownloadUrl};
pub use create_attachment_upload_url::{AttachmentKind, UploadForm};
pub use create_thread::{NewThread, SlackChannel};
pub use create_thread_event::NewThreadEvent;
pub use send_customer_chat::SentChat;
pub use thread_events::{ThreadEventPage, ThreadEventRecord};
pub use threads::ThreadPage;
pub use upsert_customer::Upserted;

use super::PlainError;

/// A thread as Plain describes it; times and ids as text, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRecord {
    /// `th_…`.
    pub id: String,
    /// `T-1234`.
    pub reference: String,
    /// Its title.
    pub title: String,
    /// `TODO`, `SNOOZED`, `DONE`, or something new.
    pub status: RecordStatus,
    /// When it last changed, ISO 8601.
    pub status_changed_at: String,
    /// How its messages travel.
    pub channel: Channel,
    /// The customer it belongs to, `c_…`.
    pub customer_id: String,
    /// The customer's name.
    pub customer_name: String,
    /// Takes no more customer messages.
    pub locked: bool,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601, the last messages of either side.
    pub last_messages: [Option<String>; 2],
}

/// How the messages of a thread travel, as far as it matters to whoever writes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Plain's own chat.
    Chat,
    /// A connected Slack channel.
    Slack,
    /// E-mail, or something that this program never opens.
    Other,
}

/// A thread's status with the one detail that a customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordStatus {
    /// Work is on the team's side.
    Todo,
    /// Put aside.
    Snoozed {
        /// Until the customer answers.
        for_customer: bool,
    },
    /// Finished.
    Done,
    /// A status of tomorrow.
    Other,
}

/// Each document has its own copy of the fragment `Summary`, so each module has its own type for it.
macro_rules! summary {
    ($module:ident) => {
        impl From<$module::Summary> for $crate::server::plain::operations::ThreadRecord {
            fn from(summary: $module::Summary) -> Self {
                use $crate::server::plain::operations::{Channel, RecordStatus};
                use $module::{SummaryStatusDetail as Detail, ThreadChannel, ThreadStatus};
                let for_customer = matches!(
                    summary.status_detail,
                    Some(Detail::ThreadStatusDetailWaitingForCustomer)
                );
                Self {
                    id: summary.id,
                    reference: summary.ref_,
                    title: summary.title,
                    status: match summary.status {
                        ThreadStatus::TODO => RecordStatus::Todo,
                        ThreadStatus::SNOOZED => RecordStatus::Snoozed { for_customer },
                        ThreadStatus::DONE => RecordStatus::Done,
                        ThreadStatus::Other(_) => RecordStatus::Other,
                    },
                    status_changed_at: summary.status_changed_at.iso8601,
                    channel: match summary.channel {
                        ThreadChannel::CHAT => Channel::Chat,
                        ThreadChannel::SLACK => Channel::Slack,
                        _ => Channel::Other,
                    },
                    customer_id: summary.customer.id,
                    customer_name: summary.customer.full_name,
                    locked: summary.locked_at.is_some(),
                    created_at: summary.created_at.iso8601,
                    last_messages: [
                        summary.last_inbound_message_info.map(|info| info.timestamp.iso8601),
                        summary.last_outbound_message_info.map(|info| info.timestamp.iso8601),
                    ],
                }
            }
        }
    };
}
use summary;

/// The same for the fragment `Fault`.
macro_rules! fault {
    ($module:ident) => {
        impl From<$module::Fault> for $crate::server::plain::MutationFault {
            fn from(fault: $module::Fault) -> Self {
                use $module::MutationErrorType as Kind;
                Self {
                    code: fault.code,
                    kind: match fault.type_ {
                        Kind::VALIDATION => "VALIDATION".into(),
                        Kind::FORBIDDEN => "FORBIDDEN".into(),
                        Kind::INTERNAL => "INTERNAL".into(),
                        Kind::Other(kind) => kind,
                    },
                    fields: fault.fields.into_iter().map(|f| f.field).collect(),
                    message: fault.message,
                }
            }
        }
    };
}
use fault;

/// A mutation answers its result or its fault; what it means if neither is there depends on the mutation.
fn outcome<T>(
    operation: &'static str,
    about: Option<&str>,
    once: bool,
    result: Option<T>,
    fault: Option<super::MutationFault>,
) -> Result<T, PlainError> {
    let error = match (result, fault) {
        (Some(result), None) => return Ok(result),
        (_, Some(fault)) => fault.into_error(),
        (None, None) => PlainError::Malformed("neither result nor error"),
    };
    let open = matches!(error, PlainError::Query { .. } | PlainError::Malformed(_));
    let error = if once && open { PlainError::UnknownOutcome(Box::new(error)) } else { error };
    tracing::warn!(operation, code = error.word(), detail = %error, thread = about, "Plain refused");
    Err(error)
}
