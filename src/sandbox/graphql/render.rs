//! GraphQL's documents: every key is a field of the type in `schema.graphql`. Keys ending in `Id` or `Ids`
//! that are no fields tell `resolve` where to look further.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::sandbox::model::{
    Actor, Attachment, Body, Customer, Entry, Identity, Label, LabelType, MessageInfo, Reaction,
    SlackMessage, Status, StatusDetail, Target, Thread, User,
};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store::{self, webhooks::Attempt};
use crate::sandbox::time::iso;
use crate::sandbox::webhooks::payload::slack_link;
use crate::sandbox::workspace::Workspace;

/// A `DateTime`: Unix time is milliseconds as text.
pub fn stamp(ms: i64) -> Value {
    json!({"iso8601": iso(ms), "unixTimestamp": ms.to_string()})
}

fn maybe_stamp(ms: Option<i64>) -> Value {
    ms.map_or(Value::Null, stamp)
}

pub fn actor(identity: &Identity, actor: &Actor) -> Value {
    match actor {
        Actor::User { user_id } => json!({
            "__typename": "UserActor", "userId": user_id,
            "user": identity.user(user_id).map(user),
        }),
        Actor::Customer { customer_id } => {
            json!({"__typename": "CustomerActor", "customerId": customer_id})
        }
        Actor::MachineUser { machine_user_id } => json!({
            "__typename": "MachineUserActor", "machineUserId": machine_user_id,
            "machineUser": machine_user(identity),
        }),
        Actor::System { system } => json!({"__typename": "SystemActor", "systemId": system}),
    }
}

pub fn user(user: &User) -> Value {
    json!({
        "__typename": "User", "id": user.id, "fullName": user.full_name, "publicName": user.public_name,
        "avatarUrl": null, "email": user.email, "slackIdentities": [], "status": "ONLINE",
        "statusChangedAt": stamp(user.created_at), "createdAt": stamp(user.created_at),
        "updatedAt": stamp(user.created_at), "isDeleted": false,
    })
}

pub fn machine_user(identity: &Identity) -> Value {
    let by = json!({"__typename": "SystemActor", "systemId": "job"});
    json!({
        "__typename": "MachineUser", "id": identity.machine_user_id, "fullName": "Customer portal",
        "publicName": "Support portal", "description": null, "type": "API_USER", "avatarUrl": null,
        "createdAt": stamp(identity.created_at), "createdBy": by,
        "updatedAt": stamp(identity.created_at), "updatedBy": by,
    })
}

fn assignee(identity: &Identity, to: Option<&Actor>) -> Value {
    match to {
        Some(Actor::User { user_id }) => identity.user(user_id).map_or(Value::Null, user),
        Some(Actor::MachineUser { .. }) => machine_user(identity),
        Some(Actor::System { system }) => json!({"__typename": "System", "id": system}),
        _ => Value::Null,
    }
}

pub fn customer(identity: &Identity, it: &Customer) -> Value {
    let nothing = json!({"edges": [], "totalCount": 0, "pageInfo": {"hasNextPage": false, "hasPreviousPage": false}});
    json!({
        "id": it.id, "externalId": it.external_id, "fullName": it.full_name, "shortName": it.short_name,
        "email": {
            "email": it.email, "isVerified": it.email_verified_at.is_some(),
            "verifiedAt": maybe_stamp(it.email_verified_at),
        },
        "avatarUrl": null, "company": null, "isAnonymous": false, "markedAsSpamAt": null,
        "customerGroupMemberships": nothing, "tenantMemberships": nothing,
        "createdAt": stamp(it.created_at), "createdBy": actor(identity, &it.created_by),
        "updatedAt": stamp(it.updated_at), "updatedBy": actor(identity, &it.updated_by),
    })
}

pub fn customer_by_id(db: &Connection, workspace: &Workspace, id: &str) -> Result<Value, Refusal> {
    let found = store::people::by_id(db, id)?;
    Ok(found.map_or(Value::Null, |it| customer(&workspace.identity, &it)))
}

pub fn label_type(it: &LabelType, identity: Option<&Identity>) -> Value {
    let by = match identity {
        Some(identity) => actor(identity, &it.created_by),
        None => json!({"__typename": "SystemActor", "systemId": "job"}),
    };
    json!({
        "id": it.id, "name": it.name, "icon": it.icon, "color": it.color, "type": "DEFAULT",
        "description": it.description, "externalId": it.external_id, "isArchived": false,
        "archivedAt": null, "archivedBy": null, "createdAt": stamp(it.created_at), "createdBy": by,
        "updatedAt": stamp(it.created_at), "updatedBy": by,
    })
}

pub fn label_type_by_id(db: &Connection, id: &str) -> Result<Value, Refusal> {
    let found = store::threads::label_type(db, id)?;
    Ok(found.map_or(Value::Null, |it| label_type(&it, None)))
}

pub fn labels(identity: &Identity, list: &[Label]) -> Value {
    list.iter()
        .map(|it| {
            json!({
                "id": it.id, "labelTypeId": it.label_type_id,
                "createdAt": stamp(it.created_at), "createdBy": actor(identity, &it.created_by),
                "updatedAt": stamp(it.created_at), "updatedBy": actor(identity, &it.created_by),
            })
        })
        .collect()
}

pub fn attachment(identity: &Identity, it: &Attachment) -> Value {
    let bytes = it.size as f64;
    json!({
        "id": it.id, "fileName": it.file_name, "fileExtension": it.extension(),
        "fileMimeType": it.mime, "type": it.kind,
        "fileSize": {"bytes": it.size, "kiloBytes": bytes / 1024.0, "megaBytes": bytes / 1_048_576.0},
        "createdAt": stamp(it.created_at), "createdBy": actor(identity, &it.created_by),
        "updatedAt": stamp(it.created_at), "updatedBy": actor(identity, &it.created_by),
    })
}

pub fn attachments(
    db: &Connection,
    workspace: &Workspace,
    ids: &[String],
) -> Result<Value, Refusal> {
    let mut files = Vec::new();
    for id in ids {
        if let Some(file) = store::files::by_id(db, id)? {
            files.push(attachment(&workspace.identity, &file));
        }
    }
    Ok(files.into())
}

fn status_detail(detail: &StatusDetail) -> Value {
    let mut name = String::from("ThreadStatusDetail");
    for word in detail.kind.split('_') {
        name.push_str(&word[..1]);
        name.push_str(&word[1..].to_lowercase());
    }
    json!({
        "__typename": if detail.kind == "TIMER_EXPIRED" { "ThreadStatusDetailDoneAutomaticallySet" } else { &name },
        "statusChangedAt": stamp(detail.at), "createdAt": stamp(detail.at),
        "waitingUntil": maybe_stamp(detail.until),
    })
}

fn message_info(info: Option<&MessageInfo>) -> Value {
    info.map_or(Value::Null, |it| json!({"timestamp": stamp(it.at), "messageSource": it.source}))
}

pub fn thread(identity: &Identity, it: &Thread) -> Value {
    let fields: Vec<_> = it
        .fields
        .iter()
        .map(|field| {
            json!({
                "id": field.id, "threadId": it.id, "key": field.key, "type": field.kind, "isAiGenerated": false,
                "stringValue": field.string_value, "booleanValue": field.boolean_value,
                "numberValue": field.number_value, "dateValue": field.date_value,
                "createdAt": stamp(it.created_at), "createdBy": actor(identity, &it.created_by),
                "updatedAt": stamp(it.created_at), "updatedBy": actor(identity, &it.created_by),
            })
        })
        .collect();
    let details = it.slack.as_ref().map(|slack| {
        json!({
            "__typename": "SlackThreadChannelDetails", "slackChannelId": slack.channel_id,
            "slackChannelName": "support", "slackTeamId": slack.team_id, "slackTeamName": "Sandbox",
        })
    });
    json!({
        "id": it.id, "ref": it.reference(), "customerId": it.customer_id, "title": it.title,
        "description": it.description, "previewText": it.preview_text, "priority": it.priority,
        "externalId": it.external_id, "status": it.status.name(),
        "statusChangedAt": stamp(it.status_changed_at),
        "statusChangedBy": actor(identity, &it.status_changed_by),
        "statusDetail": status_detail(&it.status_detail),
        "assignedTo": assignee(identity, it.assignee.as_ref()),
        "assignedAt": maybe_stamp(it.assigned_at), "labels": labels(identity, &it.labels),
        "threadFields": fields, "channel": it.channel, "channelDetails": details, "tenant": null,
        "firstInboundMessageInfo": message_info(it.first_inbound.as_ref()),
        "firstOutboundMessageInfo": message_info(it.first_outbound.as_ref()),
        "lastInboundMessageInfo": message_info(it.last_inbound.as_ref()),
        "lastOutboundMessageInfo": message_info(it.last_outbound.as_ref()),
        "supportEmailAddresses": [], "lockedAt": null, "lockedBy": null,
        "createdAt": stamp(it.created_at), "createdBy": actor(identity, &it.created_by),
        "updatedAt": stamp(it.updated_at), "updatedBy": actor(identity, &it.updated_by),
    })
}

/// What `Chat`, `Note`, `ThreadEvent` and `CustomerEvent` are as objects of their own.
pub fn object(identity: &Identity, entry: &Entry) -> Value {
    let mut it = self::body(entry, None);
    if let Body::Chat { id, .. }
    | Body::Note { id, .. }
    | Body::ThreadEvent { id, .. }
    | Body::CustomerEvent { id, .. } = &entry.body
    {
        it["id"] = id.clone().into();
    }
    it["customerId"] = entry.customer_id.clone().into();
    it["threadId"] = entry.thread_id.clone().into();
    let by = actor(identity, &entry.actor);
    for (key, at) in [("created", entry.at), ("updated", entry.updated_at)] {
        it[format!("{key}At")] = stamp(at);
        it[format!("{key}By")] = by.clone();
    }
    it
}

/// A `TimelineEntry`; `owner` is the thread's customer, whom emails name.
pub fn timeline_entry(identity: &Identity, entry: &Entry, owner: Option<&Customer>) -> Value {
    let mut body = body(entry, owner);
    if let Body::Slack(message) = &entry.body {
        let given = |it: &Reaction| {
            let actors: Vec<_> = it.actors.iter().map(|by| actor(identity, by)).collect();
            json!({"name": it.name, "actors": actors, "imageUrl": null})
        };
        body["reactions"] = message.reactions.iter().map(given).collect();
    }
    if let Body::Assignment { previous, next } = &entry.body {
        body["previousAssignee"] = assignee(identity, previous.as_ref());
        body["nextAssignee"] = assignee(identity, next.as_ref());
    }
    if let Body::Labels { previous, next } = &entry.body {
        body["previousLabels"] = labels(identity, previous);
        body["nextLabels"] = labels(identity, next);
    }
    json!({
        "id": entry.id, "customerId": entry.customer_id, "threadId": entry.thread_id,
        "timestamp": stamp(entry.at), "actor": actor(identity, &entry.actor), "entry": body,
        "llmText": null,
    })
}

fn body(entry: &Entry, owner: Option<&Customer>) -> Value {
    match &entry.body {
        Body::Chat { id, text, attachments } => json!({
            "__typename": "ChatEntry", "chatId": id, "text": text, "customerReadAt": null,
            "attachmentIds": attachments,
        }),
        Body::Email { .. } => email(entry, owner),
        Body::Custom { title, external_id, components, attachments } => json!({
            "__typename": "CustomEntry", "title": title, "externalId": external_id, "type": null,
            "components": components, "attachmentIds": attachments,
        }),
        Body::Slack(message) => slack(entry, message),
        Body::Teams { id, text, attachments } => json!({
            "__typename": "MSTeamsMessageEntry", "text": text, "customerId": entry.customer_id,
            "markdownContent": text, "msTeamsMessageId": id,
            "msTeamsMessageLink": format!("https://teams.example/messages/{id}"),
            "attachmentIds": attachments, "hasUnprocessedAttachments": false,
            "lastEditedOnMsTeamsAt": null, "deletedOnMsTeamsAt": null,
        }),
        Body::Note { id, text, markdown, attachments } => json!({
            "__typename": "NoteEntry", "noteId": id, "text": text, "markdown": markdown,
            "attachmentIds": attachments, "isEdited": false, "editedAt": null, "editedBy": null,
        }),
        Body::Status { previous, previous_detail, next, next_detail } => json!({
            "__typename": "ThreadStatusTransitionedEntry",
            "previousStatus": Status::name(*previous), "nextStatus": Status::name(*next),
            "previousStatusDetail": status_detail(previous_detail),
            "nextStatusDetail": status_detail(next_detail),
        }),
        Body::Assignment { .. } => json!({"__typename": "ThreadAssignmentTransitionedEntry"}),
        Body::Priority { previous, next } => json!({
            "__typename": "ThreadPriorityChangedEntry", "previousPriority": previous, "nextPriority": next,
        }),
        Body::Labels { .. } => json!({"__typename": "ThreadLabelsChangedEntry"}),
        Body::ThreadEvent { id, title, external_id, components } => json!({
            "__typename": "ThreadEventEntry", "timelineEventId": id, "title": title,
            "components": components, "customerId": entry.customer_id, "externalId": external_id,
        }),
        Body::CustomerEvent { id, title, external_id, components } => json!({
            "__typename": "CustomerEventEntry", "timelineEventId": id, "title": title,
            "components": components, "customerId": entry.customer_id, "externalId": external_id,
        }),
    }
}

fn slack(entry: &Entry, message: &SlackMessage) -> Value {
    json!({
        "__typename": if message.reply { "SlackReplyEntry" } else { "SlackMessageEntry" },
        "slackMessageLink": slack_link(message), "slackWebMessageLink": slack_link(message),
        "text": message.text, "customerId": entry.customer_id, "attachmentIds": message.attachments,
        "lastEditedOnSlackAt": maybe_stamp(message.edited_at),
        "deletedOnSlackAt": maybe_stamp(message.deleted_at),
    })
}

fn email(entry: &Entry, owner: Option<&Customer>) -> Value {
    let Body::Email { id, subject, text, markdown, attachments, start } = &entry.body else {
        return Value::Null;
    };
    let ours = json!({
        "email": "help@support.example", "name": "Support",
        "emailActor": {"__typename": "SupportEmailAddressEmailActor", "supportEmailAddress": "help@support.example"},
    });
    let theirs = json!({
        "email": owner.map_or("", |it| &it.email), "name": owner.map(|it| &it.full_name),
        "emailActor": {"__typename": "CustomerEmailActor", "customerId": entry.customer_id},
    });
    let inbound = entry.actor.is_customer();
    let (from, to) = if inbound { (theirs, ours) } else { (ours, theirs) };
    json!({
        "__typename": "EmailEntry", "emailId": id, "from": from, "to": to,
        "additionalRecipients": [], "hiddenRecipients": [], "subject": subject,
        "textContent": text, "hasMoreTextContent": false, "fullTextContent": text,
        "markdownContent": markdown, "hasMoreMarkdownContent": false, "fullMarkdownContent": markdown,
        "authenticity": "PASS", "sentAt": if inbound { Value::Null } else { stamp(entry.at) },
        "sendStatus": if inbound { Value::Null } else { "SENT".into() },
        "receivedAt": if inbound { stamp(entry.at) } else { Value::Null },
        "attachmentIds": attachments, "isStartOfThread": start, "category": "MESSAGING", "bounces": [],
    })
}

pub fn target(identity: &Identity, it: &Target) -> Value {
    let events: Vec<_> = it.events.iter().map(|kind| json!({"eventType": kind})).collect();
    json!({
        "id": it.id, "url": it.url, "version": it.version, "description": it.description,
        "eventSubscriptions": events, "isEnabled": it.enabled,
        "createdAt": stamp(it.created_at), "createdBy": actor(identity, &it.created_by),
        "updatedAt": stamp(it.updated_at), "updatedBy": actor(identity, &it.updated_by),
    })
}

pub fn attempt(it: &Attempt) -> Value {
    let result = match it.status {
        Some(status) if (200..300).contains(&status) => {
            json!({
                "__typename": "WebhookDeliveryAttemptSuccessfulResult",
                "status": "SUCCESSFUL_RESPONSE", "httpStatusCode": status,
            })
        }
        Some(status) => {
            json!({
                "__typename": "WebhookDeliveryAttemptFailedResult",
                "status": "FAILED_RESPONSE", "httpStatusCode": status,
            })
        }
        None => json!({
            "__typename": "WebhookDeliveryAttemptErrorResult", "status": "ERROR",
            "errorCode": "connection_error", "errorMessage": it.error,
        }),
    };
    json!({
        "id": it.id, "webhookTargetId": it.target_id, "publicEventId": it.event_id,
        "publicEventEventType": it.kind, "attemptedAt": stamp(it.at),
        "durationInMilliseconds": it.ms, "result": result,
    })
}
