//! The objects inside webhook bodies, version 2026-04-21.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::sandbox::model::{
    Actor, Attachment, Body, Customer, Entry, Identity, Label, LabelType, MessageInfo, Reaction,
    SlackMessage, StatusDetail, Thread,
};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::time::iso;

fn when(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, |ms| iso(ms).into())
}

/// Cut to `limit` characters, as the webhook schema demands.
fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

pub fn customer(customer: &Customer) -> Value {
    json!({
        "id": customer.id,
        "email": {
            "email": customer.email,
            "isVerified": customer.email_verified_at.is_some(),
            "verifiedAt": when(customer.email_verified_at),
        },
        "externalId": customer.external_id,
        "fullName": customer.full_name,
        "shortName": customer.short_name,
        "markedAsSpamAt": null,
        "markedAsSpamBy": null,
        "customerGroupMemberships": [],
        "createdAt": iso(customer.created_at),
        "createdBy": customer.created_by,
        "updatedAt": iso(customer.updated_at),
        "updatedBy": customer.updated_by,
    })
}

pub fn thread(db: &Connection, identity: &Identity, thread: &Thread) -> Result<Value, Refusal> {
    let owner = store::people::by_id(db, &thread.customer_id)?
        .ok_or_else(|| Refusal::not_found("customerId", "Customer"))?;
    let mut labels = Vec::new();
    for it in &thread.labels {
        labels.push(label(db, it)?);
    }
    Ok(json!({
        "id": thread.id,
        "customer": customer(&owner),
        "title": cut(&thread.title, 500),
        "previewText": thread.preview_text.as_deref().map(|text| cut(text, 500)),
        "priority": thread.priority,
        "externalId": thread.external_id,
        "status": thread.status.name(),
        "statusChangedAt": iso(thread.status_changed_at),
        "statusChangedBy": thread.status_changed_by,
        "statusDetail": status_detail(&thread.status_detail),
        "assignee": thread.assignee.as_ref().and_then(|actor| assignee(identity, actor)),
        "assignedAt": when(thread.assigned_at),
        "additionalAssignees": [],
        "labels": labels,
        "firstInboundMessageInfo": message_info(thread.first_inbound.as_ref()),
        "firstOutboundMessageInfo": message_info(thread.first_outbound.as_ref()),
        "lastInboundMessageInfo": message_info(thread.last_inbound.as_ref()),
        "lastOutboundMessageInfo": message_info(thread.last_outbound.as_ref()),
        "supportEmailAddresses": [],
        "createdAt": iso(thread.created_at),
        "createdBy": thread.created_by,
        "updatedAt": iso(thread.updated_at),
        "updatedBy": thread.updated_by,
    }))
}

fn message_info(info: Option<&MessageInfo>) -> Value {
    info.map_or(Value::Null, |info| {
        // This version of the schema knows five sources.
        let source = match info.source.as_str() {
            known @ ("CHAT" | "EMAIL" | "API" | "SLACK" | "MS_TEAMS") => known,
            _ => "UNKNOWN_THREAD_MESSAGE_INFO_MESSAGE_SOURCE",
        };
        json!({
            "timestamp": iso(info.at), "messageSource": source,
            "actorId": match &info.actor { Actor::System { .. } => None, known => Some(known.id()) },
            "actorType": info.actor.kind(),
        })
    })
}

fn status_detail(detail: &StatusDetail) -> Value {
    match detail.kind.as_str() {
        "CREATED" => json!({"type": "CREATED", "createdAt": iso(detail.at)}),
        "WAITING_FOR_DURATION" => json!({
            "type": "WAITING_FOR_DURATION",
            "waitingUntil": when(detail.until),
            "durationSeconds": detail.until.map(|until| (until - detail.at) / 1000),
        }),
        kind => json!({"type": kind}),
    }
}

fn assignee(identity: &Identity, actor: &Actor) -> Option<Value> {
    let system = json!({"actorType": "system", "system": "job"});
    match actor {
        Actor::User { user_id } => identity.user(user_id).map(|user| {
            json!({
                "id": user.id, "email": user.email, "fullName": user.full_name,
                "publicName": user.public_name, "status": "ONLINE",
                "statusChangedAt": iso(user.created_at),
                "createdAt": iso(user.created_at), "createdBy": system,
                "updatedAt": iso(user.created_at), "updatedBy": system,
                "deletedAt": null, "deletedBy": null,
            })
        }),
        Actor::MachineUser { machine_user_id } => Some(json!({
            "id": machine_user_id, "fullName": "Customer portal", "publicName": "Support portal",
            "description": null,
            "createdAt": iso(identity.created_at), "createdBy": system,
            "updatedAt": iso(identity.created_at), "updatedBy": system,
            "deletedAt": null, "deletedBy": null,
        })),
        _ => None,
    }
}

fn label(db: &Connection, label: &Label) -> Result<Value, Refusal> {
    let kind = store::threads::label_type(db, &label.label_type_id)?
        .ok_or_else(|| Refusal::not_found("labelTypeIds", "Label type"))?;
    Ok(json!({
        "id": label.id,
        "labelType": label_type(&kind),
        "createdAt": iso(label.created_at), "createdBy": label.created_by,
        "updatedAt": iso(label.created_at), "updatedBy": label.created_by,
    }))
}

fn label_type(kind: &LabelType) -> Value {
    json!({
        "id": kind.id, "name": kind.name, "icon": kind.icon, "isArchived": false,
        "archivedAt": null, "archivedBy": null, "externalId": kind.external_id,
        "isExcludedFromAi": false,
        "createdAt": iso(kind.created_at), "createdBy": kind.created_by,
        "updatedAt": iso(kind.created_at), "updatedBy": kind.created_by,
    })
}

fn attachment(file: &Attachment) -> Value {
    json!({
        "id": file.id, "fileName": file.file_name, "fileSizeBytes": file.size,
        "fileMimeType": file.mime, "fileExtension": file.extension(),
        "createdAt": iso(file.created_at), "createdBy": file.created_by,
        "updatedAt": iso(file.created_at), "updatedBy": file.created_by,
    })
}

/// The attachments of a message; inside timeline entries each also has its `type`.
fn attachments(db: &Connection, ids: &[String], kind: Option<&str>) -> Result<Value, Refusal> {
    let mut files = Vec::new();
    for id in ids {
        if let Some(file) = store::files::by_id(db, id)? {
            let mut body = attachment(&file);
            if let Some(kind) = kind {
                body["type"] = kind.into();
            }
            files.push(body);
        }
    }
    Ok(files.into())
}

/// When and by whom, as every message tells at its end.
fn stamped(mut body: Value, entry: &Entry) -> Value {
    body["timelineEntryId"] = entry.id.clone().into();
    body["createdAt"] = iso(entry.at).into();
    body["createdBy"] = json!(entry.actor);
    body["updatedAt"] = iso(entry.updated_at).into();
    body["updatedBy"] = json!(entry.actor);
    body
}

/// The object of a message event: `chat`, `email`, `slackMessage`, `msTeamsMessage` or `note`.
pub fn message(db: &Connection, entry: &Entry) -> Result<Value, Refusal> {
    let body = match &entry.body {
        Body::Chat { id, text, attachments: files } => json!({
            "id": id, "text": text, "customerReadAt": null, "attachments": attachments(db, files, None)?,
        }),
        Body::Slack(message) => slack(db, message)?,
        Body::Teams { id, text, attachments: files } => json!({
            "threadId": entry.thread_id, "msTeamsMessageId": id,
            "type": if entry.actor.is_customer() { "INBOUND" } else { "OUTBOUND" },
            "text": text, "attachments": attachments(db, files, None)?,
            "lastEditedOnMsTeamsAt": null, "deletedOnMsTeamsAt": null,
        }),
        Body::Note { id, text, markdown, .. } => json!({
            "id": id, "text": text, "markdown": markdown, "deletedAt": null, "deletedBy": null,
        }),
        Body::Email { id, .. } => {
            let mut body = email(db, entry, None)?;
            body["id"] = id.clone().into();
            body["replyTo"] = Value::Null;
            body
        }
        _ => Value::Null,
    };
    Ok(stamped(body, entry))
}

fn slack(db: &Connection, message: &SlackMessage) -> Result<Value, Refusal> {
    let text = if message.deleted_at.is_some() { "" } else { &message.text };
    Ok(json!({
        "id": message.id, "text": text, "resolvedText": text,
        "attachments": attachments(db, &message.attachments, None)?,
        "slackChannelId": message.channel_id, "slackChannelName": "support",
        "slackMessageLink": slack_link(message),
        "slackReactions": message.reactions.iter().map(reaction).collect::<Vec<_>>(),
    }))
}

pub fn slack_link(message: &SlackMessage) -> String {
    format!("https://slack.example/archives/{}/{}", message.channel_id, message.id)
}

pub fn reaction(reaction: &Reaction) -> Value {
    let actors: Vec<_> = reaction
        .actors
        .iter()
        .map(|actor| {
            json!({"actorId": actor.id(), "actorType": actor.kind(), "slackUserId": format!("U{}", actor.id().rsplit('_').next().unwrap_or_default())})
        })
        .collect();
    json!({"name": reaction.name, "actors": actors, "imageUrl": null})
}

/// What an email event and an email entry share. `kind` names the attachments' type in entries.
fn email(db: &Connection, entry: &Entry, kind: Option<&str>) -> Result<Value, Refusal> {
    let Body::Email { subject, text, markdown, attachments: files, start, .. } = &entry.body else {
        return Ok(Value::Null);
    };
    let owner = store::people::by_id(db, &entry.customer_id)?
        .ok_or_else(|| Refusal::not_found("customerId", "Customer"))?;
    let theirs = json!({
        "email": owner.email, "name": owner.full_name,
        "emailActor": {"actorType": "customer", "customerId": owner.id},
    });
    let ours = json!({
        "email": "help@support.example", "name": "Support",
        "emailActor": {"actorType": "supportEmailAddress", "supportEmailAddress": "help@support.example"},
    });
    let inbound = entry.actor.is_customer();
    let (from, to) = if inbound { (theirs, ours) } else { (ours, theirs) };
    Ok(json!({
        "from": from, "to": to, "additionalRecipients": [], "hiddenRecipients": [],
        "subject": subject, "textContent": text, "markdownContent": markdown,
        "authenticity": "PASS",
        "sentAt": if inbound { Value::Null } else { iso(entry.at).into() },
        "receivedAt": if inbound { iso(entry.at).into() } else { Value::Null },
        "attachments": attachments(db, files, kind)?,
        "inReplyToEmailId": null, "isStartOfThread": start,
    }))
}

/// The entry of `timeline.timeline_entry_changed`; nothing for kinds that have no schema of their own.
pub fn timeline_entry(db: &Connection, entry: &Entry) -> Result<Option<Value>, Refusal> {
    let body = match &entry.body {
        Body::Chat { id, text, attachments: files } => json!({
            "entryType": "chat", "chatId": id, "text": text, "customerReadAt": null,
            "attachments": attachments(db, files, Some("CHAT"))?,
        }),
        Body::Note { id, text, markdown, .. } => {
            json!({"entryType": "note", "noteId": id, "text": text, "markdown": markdown})
        }
        Body::Email { id, .. } => {
            let mut body = email(db, entry, Some("EMAIL"))?;
            body["entryType"] = "email".into();
            body["emailId"] = id.clone().into();
            body["hasMoreTextContent"] = false.into();
            body["hasMoreMarkdownContent"] = false.into();
            body
        }
        Body::Custom { title, external_id, components, attachments: files } => json!({
            "entryType": "custom", "title": cut(title, 500), "externalId": external_id, "type": null,
            "components": components.iter().map(component).collect::<Vec<_>>(),
            "attachments": attachments(db, files, Some("CUSTOM_TIMELINE_ENTRY"))?,
        }),
        _ => return Ok(None),
    };
    Ok(Some(json!({
        "id": entry.id, "customerId": entry.customer_id, "threadId": entry.thread_id,
        "timestamp": iso(entry.at), "actor": entry.actor, "entry": body,
    })))
}

/// A component names its type in `type`: `ComponentPlainText` is `plainText`.
fn component(stored: &Value) -> Value {
    let mut body = stored.clone();
    if let Some(fields) = body.as_object_mut() {
        if let Some(Value::String(name)) = fields.remove("__typename") {
            let mut kind = name.trim_start_matches("Component").to_owned();
            if let Some(first) = kind.get_mut(..1) {
                first.make_ascii_lowercase();
            }
            fields.insert("type".into(), kind.into());
        }
        for nested in ["rowMainContent", "rowAsideContent", "containerContent"] {
            if let Some(Value::Array(items)) = fields.get_mut(nested) {
                *items = items.iter().map(component).collect();
            }
        }
    }
    body
}
