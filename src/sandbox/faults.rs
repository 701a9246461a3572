//! Switches that make the workspace misbehave on purpose.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    pub graphql: GraphqlFaults,
    pub webhooks: WebhookFaults,
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

impl Faults {
    pub fn any(&self) -> bool {
        *self != Self::default()
    }
}
