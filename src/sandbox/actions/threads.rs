//! Threads: opened, assigned, renamed, given a priority.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CustomerIdentifier, at_most, attachments, components, labels, required};
use crate::sandbox::ids;
use crate::sandbox::model::{
    Actor, Body, Entry, MessageInfo, SlackChannel, Status, StatusDetail, Thread, ThreadField,
};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::webhooks::{events, payload};
use crate::sandbox::workspace::Act;

/// The one Slack channel that is connected to this workspace: team and channel.
pub const CONNECTED: (&str, &str) = ("T0SANDBOX01", "C0SANDBOX01");

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    customer_identifier: CustomerIdentifier,
    title: Option<String>,
    description: Option<String>,
    external_id: Option<String>,
    priority: Option<i64>,
    channel: Option<String>,
    channel_details: Option<ChannelDetails>,
    components: Option<Vec<Value>>,
    attachment_ids: Option<Vec<String>>,
    label_type_ids: Option<Vec<String>>,
    thread_fields: Option<Vec<FieldInput>>,
    assigned_to: Option<AssignedTo>,
    tenant_identifier: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct ChannelDetails {
    slack: Option<SlackDetails>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SlackDetails {
    slack_channel_id: String,
    slack_team_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldInput {
    key: String,
    #[serde(rename = "type")]
    kind: String,
    string_value: Option<String>,
    boolean_value: Option<bool>,
    number_value: Option<f64>,
    date_value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignedTo {
    pub user_id: Option<String>,
    pub machine_user_id: Option<String>,
}

impl AssignedTo {
    fn actor(&self, act: &Act<'_>) -> Result<Actor, Refusal> {
        match (&self.user_id, &self.machine_user_id) {
            (Some(id), None) if act.identity.user(id).is_some() => {
                Ok(Actor::User { user_id: id.clone() })
            }
            (Some(_), None) => Err(Refusal::not_found("userId", "User")),
            (None, Some(id)) if *id == act.identity.machine_user_id => Ok(act.identity.machine()),
            (None, Some(_)) => Err(Refusal::not_found("machineUserId", "Machine user")),
            _ => Err(Refusal::field(
                "assignedTo",
                "Exactly one of userId and machineUserId must be given.",
            )),
        }
    }
}

pub fn open(act: &mut Act<'_>, by: Actor, input: Open) -> Result<Thread, Refusal> {
    let customer = input.customer_identifier.get(act, "customerIdentifier")?;
    let channel = input.channel.unwrap_or_else(|| "API".into());
    let slack = input.channel_details.and_then(|details| details.slack);
    match channel.as_str() {
        "SLACK" => match &slack {
            None => return Err(Refusal::required("channelDetails.slack")),
            Some(it) if (&*it.slack_team_id, &*it.slack_channel_id) != CONNECTED => {
                let what =
                    format!("Connected Slack channel (here: {} in {})", CONNECTED.1, CONNECTED.0);
                return Err(Refusal::not_found("channelDetails.slack", &what));
            }
            Some(_) => {}
        },
        "DISCORD" | "IMPORT" => {
            return Err(Refusal::field("channel", "Threads cannot be created in this channel."));
        }
        _ => {}
    }
    if input.tenant_identifier.is_some_and(|it| !it.is_null()) {
        return Err(Refusal::not_found("tenantIdentifier", "Tenant"));
    }
    let title = match input.title.as_deref().map(str::trim) {
        Some(title) if !title.is_empty() => title.to_owned(),
        _ => "New conversation".into(),
    };
    at_most("title", &title, 500)?;
    let priority = input.priority.unwrap_or(2);
    if !(0..=3).contains(&priority) {
        return Err(Refusal::field("priority", "Must be between 0 (urgent) and 3 (low)."));
    }
    if let Some(id) = &input.external_id {
        required("externalId", id)?;
        at_most("externalId", id, 500)?;
        if store::threads::by_external_id(act.db, &customer.id, id)?.is_some() {
            return Err(Refusal::field(
                "externalId",
                "This customer already has a thread with this external id.",
            ));
        }
    }
    let components = components::checked("components", input.components.unwrap_or_default())?;
    let files =
        attachments::claim(act, "CUSTOM_TIMELINE_ENTRY", input.attachment_ids.unwrap_or_default())?;
    let assignee = input.assigned_to.map(|it| it.actor(act)).transpose()?;
    let mut thread = Thread {
        id: ids::new("th"),
        number: store::threads::next_number(act.db)?,
        customer_id: customer.id,
        title: title.clone(),
        preview_text: input.description.clone(),
        description: input.description,
        priority,
        external_id: input.external_id,
        channel,
        slack: slack
            .map(|it| SlackChannel { team_id: it.slack_team_id, channel_id: it.slack_channel_id }),
        status: Status::Todo,
        status_detail: StatusDetail { kind: "CREATED".into(), at: act.now, until: None },
        status_changed_at: act.now,
        status_changed_by: by.clone(),
        assigned_at: assignee.as_ref().map(|_| act.now),
        assignee,
        labels: labels::of_types(act, &by, &input.label_type_ids.unwrap_or_default())?,
        fields: input.thread_fields.unwrap_or_default().into_iter().map(field).collect(),
        first_inbound: None,
        first_outbound: None,
        last_inbound: None,
        last_outbound: None,
        created_at: act.now,
        created_by: by.clone(),
        updated_at: act.now,
        updated_by: by.clone(),
    };
    if !components.is_empty() || !files.is_empty() {
        thread.preview_text = thread.preview_text.or_else(|| components::text(&components));
        let info = MessageInfo { at: act.now, source: "API".into(), actor: by.clone() };
        thread.first_inbound = Some(info.clone());
        thread.last_inbound = Some(info);
        act.save_thread(&thread)?;
        let body = Body::Custom { title, external_id: None, components, attachments: files };
        act.add_entry(&entry(&thread, act.now, by, body))?;
    } else {
        act.save_thread(&thread)?;
    }
    act.emit_thread(events::THREAD_CREATED, &thread, json!({}))?;
    Ok(thread)
}

fn field(input: FieldInput) -> ThreadField {
    ThreadField {
        id: ids::new("tf"),
        key: input.key,
        kind: input.kind,
        string_value: input.string_value,
        boolean_value: input.boolean_value,
        number_value: input.number_value,
        date_value: input.date_value,
    }
}

/// A new entry on this thread's timeline.
pub fn entry(thread: &Thread, at: i64, actor: Actor, body: Body) -> Entry {
    Entry {
        id: ids::new("t"),
        thread_id: thread.id.clone(),
        customer_id: thread.customer_id.clone(),
        at,
        updated_at: at,
        actor,
        body,
    }
}

/// Marks the thread as changed, stores it with the entry of what changed, and causes the event with the
/// thread before and after.
pub fn transition(
    act: &mut Act<'_>,
    by: Actor,
    before: &Thread,
    thread: &mut Thread,
    body: Body,
    (kind, more): (&'static str, Value),
) -> Result<(), Refusal> {
    thread.updated_at = act.now;
    thread.updated_by = by.clone();
    act.save_thread(thread)?;
    act.add_entry(&entry(thread, act.now, by, body))?;
    let mut more = more;
    more["previousThread"] = payload::thread(act.db, act.identity, before)?;
    act.emit_thread(kind, thread, more)
}

/// Gives the thread to somebody, or to nobody.
pub fn assign(
    act: &mut Act<'_>,
    by: Actor,
    id: &str,
    to: Option<AssignedTo>,
) -> Result<Thread, Refusal> {
    let before = act.thread(id)?;
    let assignee = to.map(|it| it.actor(act)).transpose()?;
    if assignee == before.assignee {
        return Ok(before);
    }
    let mut thread = before.clone();
    thread.assignee = assignee.clone();
    thread.assigned_at = assignee.as_ref().map(|_| act.now);
    let body = Body::Assignment { previous: before.assignee.clone(), next: assignee };
    transition(act, by, &before, &mut thread, body, (events::ASSIGNMENT_TRANSITIONED, json!({})))?;
    Ok(thread)
}

pub fn prioritise(
    act: &mut Act<'_>,
    by: Actor,
    id: &str,
    priority: i64,
) -> Result<Thread, Refusal> {
    let before = act.thread(id)?;
    if !(0..=3).contains(&priority) {
        return Err(Refusal::field("priority", "Must be between 0 (urgent) and 3 (low)."));
    }
    if before.priority == priority {
        return Ok(before);
    }
    let mut thread = before.clone();
    thread.priority = priority;
    let body = Body::Priority { previous: before.priority, next: priority };
    transition(act, by, &before, &mut thread, body, (events::PRIORITY_CHANGED, json!({})))?;
    Ok(thread)
}

pub fn rename(act: &mut Act<'_>, by: Actor, id: &str, title: &str) -> Result<Thread, Refusal> {
    let mut thread = act.thread(id)?;
    thread.title = required("title", title)?;
    at_most("title", &thread.title, 500)?;
    thread.updated_at = act.now;
    thread.updated_by = by;
    act.save_thread(&thread)?;
    Ok(thread)
}
