//! The root query's fields.

use async_graphql::{Error, ErrorExtensions};
use serde_json::{Value, json};

use super::page::page;
use super::render;
use crate::sandbox::model::{MessageInfo, Thread};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store::{self, people, threads};
use crate::sandbox::time;
use crate::sandbox::webhooks::events;
use crate::sandbox::workspace::Workspace;

/// Why a query has no answer.
pub enum Problem {
    /// The caller's fault.
    Input(String),
    Internal(String),
}

impl Problem {
    pub fn error(self) -> Error {
        let (code, message) = match self {
            Self::Input(message) => ("BAD_USER_INPUT", message),
            Self::Internal(message) => ("INTERNAL_SERVER_ERROR", message),
        };
        Error::new(message).extend_with(|_, it| it.set("code", code))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Internal(refusal.message)
    }
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self::Input(message)
    }
}

pub fn answer(workspace: &Workspace, name: &str, args: &Value) -> Result<Value, Problem> {
    let identity = &workspace.identity;
    let arg = |name: &str| args[name].as_str().unwrap_or_default();
    let customer = |found: Option<crate::sandbox::model::Customer>| {
        found.map_or(Value::Null, |it| render::customer(identity, &it))
    };
    let thread =
        |found: Option<Thread>| found.map_or(Value::Null, |it| render::thread(identity, &it));
    Ok(match name {
        "customer" => customer(workspace.read(|db| Ok(people::by_id(db, arg("customerId"))?))?),
        "customerByEmail" => {
            customer(workspace.read(|db| Ok(people::by_email(db, arg("email"))?))?)
        }
        "customerByExternalId" => {
            customer(workspace.read(|db| Ok(people::by_external_id(db, arg("externalId"))?))?)
        }
        "customers" => {
            let mut all = workspace.read(|db| Ok(people::every(db)?))?;
            all.sort_by_key(|it| it.full_name.to_lowercase());
            if args["sortBy"]["direction"] == "DESC" {
                all.reverse();
            }
            page(&all, args, |it| &it.id, |it| Ok(render::customer(identity, it)))?
        }
        "thread" => thread(workspace.read(|db| Ok(threads::by_id(db, arg("threadId"))?))?),
        "threadByRef" => {
            match arg("ref").strip_prefix("T-").and_then(|number| number.parse().ok()) {
                Some(number) => thread(workspace.read(|db| Ok(threads::by_number(db, number)?))?),
                None => Value::Null,
            }
        }
        "threadByExternalId" => {
            thread(workspace.read(|db| {
                Ok(threads::by_external_id(db, arg("customerId"), arg("externalId"))?)
            })?)
        }
        "threads" => list(workspace, args)?,
        "labelTypes" => {
            let all = workspace.read(|db| Ok(threads::label_types(db)?))?;
            page(&all, args, |it| &it.id, |it| Ok(render::label_type(it, Some(identity))))?
        }
        "webhookTarget" => workspace
            .read(|db| Ok(store::webhooks::target(db, arg("webhookTargetId"))?))?
            .map_or(Value::Null, |it| render::target(identity, &it)),
        "webhookTargets" => {
            let all = workspace.read(|db| Ok(store::webhooks::targets(db)?))?;
            page(&all, args, |it| &it.id, |it| Ok(render::target(identity, it)))?
        }
        "webhookDeliveryAttempts" => attempts(workspace, args)?,
        "webhookVersions" => page(
            &events::VERSIONS,
            args,
            |it| it,
            |it| {
                Ok(
                    json!({"version": it, "isDeprecated": false, "isLatest": *it == events::VERSION}),
                )
            },
        )?,
        "subscriptionEventTypes" => events::ALL
            .iter()
            .map(|(kind, text)| json!({"eventType": kind, "description": text}))
            .collect(),
        "workspaceHmac" => {
            let by = json!({"__typename": "SystemActor", "systemId": "job"});
            let at = render::stamp(identity.created_at);
            json!({
                "hmacSecret": workspace.signing_secret,
                "createdAt": at, "createdBy": by, "updatedAt": at, "updatedBy": by,
            })
        }
        "myMachineUser" => render::machine_user(identity),
        "myWorkspace" => {
            let by = json!({"__typename": "SystemActor", "systemId": "job"});
            let at = render::stamp(identity.created_at);
            json!({
                "id": identity.workspace_id, "name": "Sandbox", "publicName": "Sandbox",
                "isDemoWorkspace": false,
                "createdAt": at, "createdBy": by, "updatedAt": at, "updatedBy": by,
            })
        }
        "myPermissions" => {
            let without = workspace.faults().graphql.without;
            let has = |it: &&&str| without.iter().all(|other| other != **it);
            json!({"permissions": PERMISSIONS.iter().filter(has).collect::<Vec<_>>()})
        }
        "user" => identity.user(arg("userId")).map_or(Value::Null, render::user),
        "userByEmail" => identity
            .users
            .iter()
            .find(|it| it.email == arg("email"))
            .map_or(Value::Null, render::user),
        _ => return Err(Problem::Internal(format!("the sandbox has no answer for {name}"))),
    })
}

/// The sandbox's one key may do everything that the sandbox can.
const PERMISSIONS: [&str; 35] = [
    "attachment:create",
    "attachment:download",
    "chat:create",
    "company:read",
    "customer:create",
    "customer:delete",
    "customer:edit",
    "customer:impersonate",
    "customer:read",
    "customerEvent:create",
    "email:read",
    "label:create",
    "label:delete",
    "label:read",
    "labelType:create",
    "labelType:read",
    "machineUser:read",
    "note:create",
    "note:read",
    "subscriptionEventTypes:read",
    "tenant:read",
    "thread:assign",
    "thread:create",
    "thread:edit",
    "thread:read",
    "thread:reply",
    "thread:unassign",
    "threadEvent:create",
    "threadEvent:read",
    "threadField:read",
    "tier:read",
    "timeline:read",
    "user:read",
    "webhookTarget:create",
    "workspace:read",
];

/// A page of a thread's timeline.
pub fn timeline(workspace: &Workspace, thread: &str, args: &Value) -> Result<Value, Problem> {
    let (mut entries, owner) = workspace.read(|db| {
        let owner = match threads::by_id(db, thread)? {
            Some(thread) => people::by_id(db, &thread.customer_id)?,
            None => None,
        };
        Ok((store::entries::of_thread(db, thread)?, owner))
    })?;
    let filters = &args["filters"];
    // Types win over the message flag.
    if let Some(kinds) = filters["entryTypes"].as_array() {
        entries.retain(|it| kinds.iter().any(|kind| kind == it.body.kind()));
    } else if let Some(wanted) = filters["isMessage"].as_bool() {
        entries.retain(|it| it.body.is_message() == wanted);
    }
    if workspace.timeline_newest_first {
        entries.reverse();
    }
    Ok(page(
        &entries,
        args,
        |it| &it.id,
        |it| Ok(render::timeline_entry(&workspace.identity, it, owner.as_ref())),
    )?)
}

fn attempts(workspace: &Workspace, args: &Value) -> Result<Value, Problem> {
    let target = args["webhookTargetId"].as_str();
    let filters = &args["filters"];
    let mut all = workspace.read(|db| Ok(store::webhooks::attempts(db, target, 10_000)?))?;
    if let Some(kinds) = filters["eventTypes"].as_array() {
        all.retain(|it| kinds.iter().any(|kind| *kind == it.kind));
    }
    if let Some(wanted) = filters["resultStatus"].as_str() {
        all.retain(|it| render::attempt(it)["result"]["status"] == wanted);
    }
    Ok(page(&all, args, |it| &it.id, |it| Ok(render::attempt(it)))?)
}

fn list(workspace: &Workspace, args: &Value) -> Result<Value, Problem> {
    let filters = &args["filters"];
    let mut found = workspace.read(|db| {
        Ok(match strings(&filters["customerIds"]) {
            Some(customers) => threads::of_customers(db, &customers)?,
            None => threads::every(db)?,
        })
    })?;
    found.retain(|thread| fits(thread, filters));
    let sort = &args["sortBy"];
    let key = |it: &Thread| match sort["field"].as_str() {
        Some("CREATED_AT") => it.created_at,
        Some("LAST_INBOUND_MESSAGE_AT") => it.last_inbound.as_ref().map_or(0, |info| info.at),
        Some("PRIORITY") => it.priority,
        _ => it.status_changed_at,
    };
    // Newest first unless asked otherwise; the number keeps the order total.
    found.sort_by_key(|it| (key(it), it.number));
    if sort["direction"] != "ASC" {
        found.reverse();
    }
    Ok(page(&found, args, |it| &it.id, |it| Ok(render::thread(&workspace.identity, it)))?)
}

fn strings(value: &Value) -> Option<Vec<String>> {
    serde_json::from_value(value.clone()).ok().flatten()
}

/// Whether a thread passes all filters given.
fn fits(it: &Thread, filters: &Value) -> bool {
    let one_of = |name: &str, value: &str| {
        filters[name].as_array().is_none_or(|list| list.iter().any(|wanted| wanted == value))
    };
    let within = |name: &str, at: i64| {
        let bound = |end: &str| filters[name][end].as_str().and_then(time::parse);
        bound("after").is_none_or(|after| at >= after)
            && bound("before").is_none_or(|before| at < before)
    };
    let nested = |name: &str| filters[name].as_array().map(Vec::as_slice);
    let sources: Vec<_> = [&it.first_inbound, &it.last_inbound, &it.last_outbound]
        .into_iter()
        .flatten()
        .map(|info: &MessageInfo| info.source.as_str())
        .collect();
    one_of("threadIds", &it.id)
        && one_of("customerIds", &it.customer_id)
        && one_of("refs", &it.reference())
        && one_of("statuses", it.status.name())
        && one_of("statusDetails", &it.status_detail.kind)
        && one_of("assignedToUser", it.assignee.as_ref().map_or("", |to| to.id()))
        && filters["isAssigned"].as_bool().is_none_or(|wanted| wanted == it.assignee.is_some())
        && filters["isMarkedAsSpam"].as_bool() != Some(true)
        && filters["priorities"]
            .as_array()
            .is_none_or(|list| list.iter().any(|p| *p == it.priority))
        && filters["labelTypeIds"].as_array().is_none_or(|list| {
            it.labels.iter().any(|label| list.iter().any(|wanted| *wanted == label.label_type_id))
        })
        && filters["messageSource"].as_array().is_none_or(|list| {
            sources.iter().any(|source| list.iter().any(|wanted| wanted == source))
        })
        && nested("tenantIdentifiers").is_none_or(<[Value]>::is_empty)
        && within("createdAt", it.created_at)
        && within("updatedAt", it.updated_at)
        && within("statusChangedAt", it.status_changed_at)
        && nested("and").is_none_or(|list| list.iter().all(|inner| fits(it, inner)))
        && nested("or").is_none_or(|list| list.iter().any(|inner| fits(it, inner)))
        && (filters["not"].is_null() || !fits(it, &filters["not"]))
}
