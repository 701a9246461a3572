//! Events about a customer or a group of customers.

use serde_json::{Value, json};

use super::{INTERNAL, Stage};
use crate::sandbox::ids;
use crate::sandbox::webhooks::payload;

/// None if `name` is no event about customers.
pub(super) fn payload(stage: &Stage<'_>, name: &str) -> Option<Value> {
    let now = payload::customer(&stage.customer);
    let mut before = now.clone();
    Some(match name {
        "customer_created" => json!({"customer": now}),
        "customer_updated" => {
            before["fullName"] = "Dana O.".into();
            json!({"previousCustomer": before, "customer": now})
        }
        "customer_deleted" => json!({"previousCustomer": now}),
        "customer_changed" => {
            json!({"changeType": "ADDED", "customer": now, "previousCustomer": null})
        }
        "customer_group_changed" => {
            json!({"changeType": "ADDED", "customerGroup": group(stage)})
        }
        "customer_group_memberships_changed" => {
            let mut now = now;
            now["customerGroupMemberships"] = json!([membership(stage)]);
            json!({"changeType": "ADDED", "previousCustomer": before, "customer": now})
        }
        _ => return None,
    })
}

fn group(stage: &Stage<'_>) -> Value {
    stage.stamped(json!({
        "id": ids::new("cg"), "workspaceId": stage.identity.workspace_id, "name": INTERNAL,
        "key": "internal", "color": "#3b7dd8",
    }))
}

fn membership(stage: &Stage<'_>) -> Value {
    let group = group(stage);
    stage.stamped(json!({
        "customerId": stage.customer.id, "customerGroupId": group["id"],
        "workspaceId": stage.identity.workspace_id, "customerGroup": group,
    }))
}
