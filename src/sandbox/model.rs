//! What lives in the workspace. These are the sandbox's own shapes: GraphQL answers and webhook bodies are
//! written from them field by field, so that neither can drift with the other.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who did something. Its JSON is also the form that webhook bodies use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "actorType", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Actor {
    User { user_id: String },
    Customer { customer_id: String },
    MachineUser { machine_user_id: String },
    System { system: String },
}

impl Actor {
    pub fn id(&self) -> &str {
        match self {
            Self::User { user_id: id }
            | Self::Customer { customer_id: id }
            | Self::MachineUser { machine_user_id: id }
            | Self::System { system: id } => id,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::User { .. } => "user",
            Self::Customer { .. } => "customer",
            Self::MachineUser { .. } => "machineUser",
            Self::System { .. } => "system",
        }
    }

    pub fn is_customer(&self) -> bool {
        matches!(self, Self::Customer { .. })
    }
}

/// An agent of the workspace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    pub full_name: String,
    pub public_name: String,
    pub email: String,
    pub created_at: i64,
}

/// The workspace itself with its machine user and its fixed team.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    pub workspace_id: String,
    pub machine_user_id: String,
    pub created_at: i64,
    pub users: Vec<User>,
}

impl Identity {
    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// The actor of calls made with the API key.
    pub fn machine(&self) -> Actor {
        Actor::MachineUser { machine_user_id: self.machine_user_id.clone() }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Customer {
    pub id: String,
    pub external_id: Option<String>,
    pub full_name: String,
    pub short_name: Option<String>,
    pub email: String,
    pub email_verified_at: Option<i64>,
    pub created_at: i64,
    pub created_by: Actor,
    pub updated_at: i64,
    pub updated_by: Actor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    Todo,
    Snoozed,
    Done,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Todo => "TODO",
            Self::Snoozed => "SNOOZED",
            Self::Done => "DONE",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::Todo, Self::Snoozed, Self::Done].into_iter().find(|status| status.name() == name)
    }
}

/// Why a thread has its status: `kind` is Plain's `StatusDetailType`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusDetail {
    pub kind: String,
    pub at: i64,
    pub until: Option<i64>,
}

/// The first or last message of a direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageInfo {
    pub at: i64,
    pub source: String,
    pub actor: Actor,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    pub id: String,
    pub label_type_id: String,
    pub created_at: i64,
    pub created_by: Actor,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabelType {
    pub id: String,
    pub name: String,
    pub icon: Option<String>,
    pub color: Option<String>,
    pub description: Option<String>,
    pub external_id: Option<String>,
    pub created_at: i64,
    pub created_by: Actor,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SlackChannel {
    pub team_id: String,
    pub channel_id: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ThreadField {
    pub id: String,
    pub key: String,
    pub kind: String,
    pub string_value: Option<String>,
    pub boolean_value: Option<bool>,
    pub number_value: Option<f64>,
    pub date_value: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Thread {
    pub id: String,
    /// `n` of the human reference `T-n`.
    pub number: i64,
    pub customer_id: String,
    pub title: String,
    pub description: Option<String>,
    pub preview_text: Option<String>,
    pub priority: i64,
    pub external_id: Option<String>,
    pub channel: String,
    pub slack: Option<SlackChannel>,
    pub status: Status,
    pub status_detail: StatusDetail,
    pub status_changed_at: i64,
    pub status_changed_by: Actor,
    /// A user or the machine user.
    pub assignee: Option<Actor>,
    pub assigned_at: Option<i64>,
    pub labels: Vec<Label>,
    pub fields: Vec<ThreadField>,
    pub first_inbound: Option<MessageInfo>,
    pub first_outbound: Option<MessageInfo>,
    pub last_inbound: Option<MessageInfo>,
    pub last_outbound: Option<MessageInfo>,
    pub created_at: i64,
    pub created_by: Actor,
    pub updated_at: i64,
    pub updated_by: Actor,
}

impl Thread {
    pub fn reference(&self) -> String {
        format!("T-{}", self.number)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    pub id: String,
    pub thread_id: String,
    pub customer_id: String,
    pub at: i64,
    pub updated_at: i64,
    pub actor: Actor,
    pub body: Body,
}

/// An emoji under a Slack message and who put it there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reaction {
    pub name: String,
    pub actors: Vec<Actor>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SlackMessage {
    pub id: String,
    /// A reply in a Slack thread, against its first message.
    pub reply: bool,
    pub text: String,
    pub attachments: Vec<String>,
    pub channel_id: String,
    pub edited_at: Option<i64>,
    pub deleted_at: Option<i64>,
    pub reactions: Vec<Reaction>,
}

/// What happened at a point of the timeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Body {
    Chat {
        id: String,
        text: Option<String>,
        attachments: Vec<String>,
    },
    Email {
        id: String,
        subject: Option<String>,
        text: String,
        markdown: Option<String>,
        attachments: Vec<String>,
        start: bool,
    },
    Custom {
        title: String,
        external_id: Option<String>,
        components: Vec<Value>,
        attachments: Vec<String>,
    },
    Slack(SlackMessage),
    Teams {
        id: String,
        text: String,
        attachments: Vec<String>,
    },
    Note {
        id: String,
        text: String,
        markdown: Option<String>,
        attachments: Vec<String>,
    },
    Status {
        previous: Status,
        previous_detail: StatusDetail,
        next: Status,
        next_detail: StatusDetail,
    },
    Assignment {
        previous: Option<Actor>,
        next: Option<Actor>,
    },
    Priority {
        previous: i64,
        next: i64,
    },
    Labels {
        previous: Vec<Label>,
        next: Vec<Label>,
    },
    ThreadEvent {
        id: String,
        title: String,
        external_id: Option<String>,
        components: Vec<Value>,
    },
    CustomerEvent {
        id: String,
        title: String,
        external_id: Option<String>,
        components: Vec<Value>,
    },
}

impl Body {
    /// Plain's `TimelineEntryType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Chat { .. } => "CHAT",
            Self::Email { .. } => "EMAIL",
            Self::Custom { .. } => "CUSTOM",
            Self::Slack(SlackMessage { reply: false, .. }) => "SLACK_MESSAGE",
            Self::Slack(_) => "SLACK_REPLY",
            Self::Teams { .. } => "MS_TEAMS_MESSAGE",
            Self::Note { .. } => "NOTE",
            Self::Status { .. } => "THREAD_STATUS_TRANSITIONED",
            Self::Assignment { .. } => "THREAD_ASSIGNMENT_TRANSITIONED",
            Self::Priority { .. } => "THREAD_PRIORITY_CHANGED",
            Self::Labels { .. } => "THREAD_LABELS_CHANGED",
            Self::ThreadEvent { .. } => "THREAD_EVENT",
            Self::CustomerEvent { .. } => "CUSTOMER_EVENT",
        }
    }

    pub fn is_message(&self) -> bool {
        matches!(
            self,
            Self::Chat { .. }
                | Self::Email { .. }
                | Self::Custom { .. }
                | Self::Slack(_)
                | Self::Teams { .. }
        )
    }

    pub fn attachments(&self) -> &[String] {
        match self {
            Self::Chat { attachments, .. }
            | Self::Email { attachments, .. }
            | Self::Custom { attachments, .. }
            | Self::Teams { attachments, .. }
            | Self::Note { attachments, .. } => attachments,
            Self::Slack(message) => &message.attachments,
            _ => &[],
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attachment {
    pub id: String,
    pub customer_id: String,
    pub file_name: String,
    pub size: i64,
    /// Plain's `AttachmentType`; it must match the message that carries the file.
    pub kind: String,
    pub mime: String,
    pub uploaded: bool,
    /// Knows the way to the upload form, which takes no API key.
    pub upload_token: String,
    pub upload_expires_at: i64,
    pub created_at: i64,
    pub created_by: Actor,
}

impl Attachment {
    pub fn extension(&self) -> Option<&str> {
        self.file_name.rsplit_once('.').map(|(_, extension)| extension)
    }
}

/// Where webhooks go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    pub id: String,
    pub url: String,
    pub description: String,
    pub version: String,
    pub events: Vec<String>,
    pub enabled: bool,
    pub created_at: i64,
    pub created_by: Actor,
    pub updated_at: i64,
    pub updated_by: Actor,
}
