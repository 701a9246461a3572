//! Switches that make the workspace misbehave on purpose.

use serde::{Deserialize, Deserializer, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    pub graphql: GraphqlFaults,
    pub webhooks: WebhookFaults,
    pub files: FileFaults,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphqlFaults {
    /// Every call gets this HTTP status and nothing is done.
    pub status: Option<u16>,
    /// Every call takes this much longer, in milliseconds.
    pub delay_ms: u64,
    /// Mutations are carried out, but their answer never comes.
    pub timeout_after_write: bool,
    /// Every call is refused as one too many.
    pub rate_limited: bool,
    /// Permissions that the key does not have. Only `customer:impersonate` is asked for.
    pub without: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookFaults {
    /// Attempts fail without being sent; the retry table goes on.
    pub drop: bool,
    /// Each successful delivery is repeated with the same event id.
    pub duplicate: bool,
    /// Deliveries are swapped in pairs: one waits until the next has gone.
    pub reorder: bool,
    /// Each attempt starts this much later, in milliseconds.
    pub delay_ms: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileFaults {
    /// What the virus scan of every file found. Absent: it is clean. Null: this workspace has no scanner.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub scan: Option<Option<Scan>>,
}

/// Plain's `AttachmentVirusScanResult`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Scan {
    Clean,
    Infected,
    Failed,
    Pending,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Scan>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl FileFaults {
    pub fn result(&self) -> Option<Scan> {
        self.scan.unwrap_or(Some(Scan::Clean))
    }
}

impl Faults {
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}
