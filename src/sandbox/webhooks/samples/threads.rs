//! Events about the thread itself.

use serde_json::{Value, json};

use super::{INTERNAL, Stage};
use crate::sandbox::ids;
use crate::sandbox::model::{Label, LabelType, Status, StatusDetail, Thread};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::time::iso;

/// None if `name` is no event about the thread itself.
pub(super) fn payload(stage: &Stage<'_>, name: &str) -> Result<Option<Value>, Refusal> {
    let at = stage.about.at;
    let mut before = stage.thread.clone();
    let mut now = stage.thread.clone();
    let body = match name {
        "thread_created" => {
            now.assignee = None;
            now.assigned_at = None;
            return Ok(Some(json!({"thread": stage.shown(&now)?})));
        }
        "thread_status_transitioned" => {
            now.status = Status::Done;
            now.status_detail = StatusDetail { kind: "DONE_MANUALLY_SET".into(), at, until: None };
            now.status_changed_at = at;
            now.status_changed_by = stage.agent.clone();
            json!({})
        }
        "thread_assignment_transitioned" => {
            before.assignee = None;
            before.assigned_at = None;
            json!({})
        }
        "thread_priority_changed" => {
            now.priority = 0;
            json!({})
        }
        "thread_labels_changed" => {
            now.labels.push(label(stage)?);
            json!({"changeType": "ADDED"})
        }
        "thread_tenant_updated" => json!({"previousTenant": null, "tenant": tenant(stage)}),
        "thread_field_created" => {
            return with(stage, json!({"threadField": field(stage, INTERNAL)}));
        }
        "thread_field_updated" => {
            let mut more = json!({
                "previousThreadField": field(stage, "before"), "threadField": field(stage, INTERNAL),
            });
            more["previousThreadField"]["id"] = more["threadField"]["id"].clone();
            return with(stage, more);
        }
        "thread_field_deleted" => {
            return with(stage, json!({"previousThreadField": field(stage, INTERNAL)}));
        }
        "service_level_agreement_status_transitioned" => return with(stage, agreement(stage)),
        _ => return Ok(None),
    };
    transition(stage, &before, &now, body).map(Some)
}

fn with(stage: &Stage<'_>, mut more: Value) -> Result<Option<Value>, Refusal> {
    more["thread"] = stage.shown(&stage.thread)?;
    Ok(Some(more))
}

fn transition(
    stage: &Stage<'_>,
    before: &Thread,
    now: &Thread,
    mut more: Value,
) -> Result<Value, Refusal> {
    more["previousThread"] = stage.shown(before)?;
    more["thread"] = stage.shown(now)?;
    Ok(more)
}

fn label(stage: &Stage<'_>) -> Result<Label, Refusal> {
    let kind = LabelType {
        id: ids::new("lt"),
        name: INTERNAL.into(),
        icon: None,
        color: None,
        description: None,
        external_id: None,
        created_at: stage.about.at,
        created_by: stage.agent.clone(),
    };
    store::threads::save_label_type(&stage.db, &kind)?;
    Ok(Label {
        id: ids::new("l"),
        label_type_id: kind.id,
        created_at: stage.about.at,
        created_by: stage.agent.clone(),
    })
}

fn tenant(stage: &Stage<'_>) -> Value {
    stage.stamped(json!({
        "id": ids::new("te"), "workspaceId": stage.identity.workspace_id, "name": INTERNAL,
        "externalId": "tenant-1", "url": null, "source": "api",
    }))
}

fn field(stage: &Stage<'_>, value: &str) -> Value {
    stage.stamped(json!({
        "id": ids::new("tf"), "threadId": stage.thread.id, "key": "internal_reason",
        "type": "STRING", "stringValue": value, "booleanValue": null, "numberValue": null,
        "dateValue": null,
    }))
}

/// A first answer that is due within the quarter of an hour.
fn agreement(stage: &Stage<'_>) -> Value {
    let breach = iso(stage.about.at + 15 * 60_000);
    let tier = stage.stamped(json!({
        "id": ids::new("tier"), "name": INTERNAL, "externalId": null, "color": "#3b7dd8",
        "defaultThreadPriority": 2, "isDefault": true,
    }));
    let agreement = stage.stamped(json!({
        "id": ids::new("sla"), "type": "FIRST_RESPONSE_TIME", "firstResponseTimeMinutes": 60,
        "useBusinessHoursOnly": false, "threadPriorityFilter": [0, 1, 2, 3], "tier": tier,
    }));
    json!({
        "serviceLevelAgreement": agreement,
        "previousServiceLevelAgreementStatusDetail": {"status": "PENDING", "breachTime": breach},
        "serviceLevelAgreementStatusDetail": {"status": "IMMINENT_BREACH", "breachTime": breach},
    })
}
