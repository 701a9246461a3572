//! The mutations. Each answers its result or, in `error`, why it was refused.

use std::sync::Arc;

use async_graphql::{Error, ErrorExtensions};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::render;
use crate::sandbox::actions::messages::{Draft, Via};
use crate::sandbox::actions::threads::AssignedTo;
use crate::sandbox::actions::{
    CustomerIdentifier, attachments, customers, events, labels, messages, notes, status, targets,
    threads,
};
use crate::sandbox::faults::Faults;
use crate::sandbox::model::{Actor, Entry, Status, Thread};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::workspace::{Act, Workspace};
use crate::sandbox::{files, time};

/// What a key needs to write in a customer's name.
const IMPERSONATE: &str = "customer:impersonate";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChatInput {
    customer_id: String,
    thread_id: Option<String>,
    text: Option<String>,
    attachment_ids: Option<Vec<String>>,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplyInput {
    thread_id: String,
    text_content: String,
    markdown_content: Option<String>,
    attachment_ids: Option<Vec<String>>,
    impersonation: Option<Impersonation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonation {
    as_customer: Option<AsCustomer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AsCustomer {
    customer_identifier: CustomerIdentifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NoteInput {
    customer_id: String,
    thread_id: Option<String>,
    text: String,
    markdown: Option<String>,
    attachment_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusInput {
    thread_id: String,
    status_detail: Option<String>,
    duration_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UploadInput {
    customer_id: String,
    file_name: String,
    file_size_bytes: i64,
    attachment_type: String,
}

pub fn answer(workspace: &Arc<Workspace>, name: &str, args: &Value) -> Result<Value, Error> {
    let input = args["input"].clone();
    let identity = &workspace.identity;
    let done = |key: &str, value: Value| json!({key: value, "error": null});
    let thread = |it: Thread| done("thread", render::thread(identity, &it));
    let answered = match name {
        "upsertCustomer" => {
            let input = parsed(input)?;
            workspace.act(|act| customers::upsert(act, identity.machine(), input)).map(
                |(result, customer)| {
                    json!({"result": result, "customer": render::customer(identity, &customer), "error": null})
                },
            )
        }
        "deleteCustomer" => {
            let id = text(&input, "customerId");
            workspace.act(|act| customers::delete(act, &id)).map(|()| json!({"error": null}))
        }
        "createThread" => {
            let input = parsed(input)?;
            workspace.act(|act| threads::open(act, identity.machine(), input)).map(thread)
        }
        "sendCustomerChat" | "sendChat" => {
            let input = parsed(input)?;
            let from_customer = name == "sendCustomerChat";
            workspace
                .act(|act| chat(act, input, from_customer))
                .map(|entry| done("chat", render::object(identity, &entry)))
        }
        "replyToThread" => {
            let input = parsed(input)?;
            let faults = workspace.faults();
            workspace.act(|act| reply(act, input, &faults)).map(|_| json!({"error": null}))
        }
        "createNote" => {
            let input: NoteInput = parsed(input)?;
            workspace
                .act(|act| note(act, input))
                .map(|entry| done("note", render::object(identity, &entry)))
        }
        "createThreadEvent" => {
            let input = parsed(input)?;
            workspace
                .act(|act| events::on_thread(act, identity.machine(), input))
                .map(|entry| done("threadEvent", render::object(identity, &entry)))
        }
        "createCustomerEvent" => {
            let input = parsed(input)?;
            workspace
                .act(|act| events::on_customer(act, identity.machine(), input))
                .map(|entry| done("customerEvent", render::object(identity, &entry)))
        }
        "markThreadAsDone" | "markThreadAsTodo" | "snoozeThread" => {
            let input: StatusInput = parsed(input)?;
            let to = match name {
                "markThreadAsDone" => Status::Done,
                "markThreadAsTodo" => Status::Todo,
                _ => Status::Snoozed,
            };
            workspace
                .act(|act| {
                    let detail = input.status_detail.as_deref();
                    status::set(
                        act,
                        identity.machine(),
                        &input.thread_id,
                        to,
                        detail,
                        input.duration_seconds,
                    )
                })
                .map(thread)
        }
        "assignThread" | "unassignThread" => {
            let id = text(&input, "threadId");
            let to: Option<AssignedTo> =
                if name == "assignThread" { Some(parsed(input)?) } else { None };
            workspace.act(|act| threads::assign(act, identity.machine(), &id, to)).map(thread)
        }
        "changeThreadPriority" => {
            let priority = input["priority"].as_i64().unwrap_or_default();
            let id = text(&input, "threadId");
            workspace
                .act(|act| threads::prioritise(act, identity.machine(), &id, priority))
                .map(thread)
        }
        "updateThreadTitle" => {
            let (id, title) = (text(&input, "threadId"), text(&input, "title"));
            workspace.act(|act| threads::rename(act, identity.machine(), &id, &title)).map(thread)
        }
        "addLabels" => {
            let types: Vec<String> = parsed(input["labelTypeIds"].clone())?;
            let id = text(&input, "threadId");
            let added = workspace.act(|act| labels::add(act, identity.machine(), &id, &types));
            return Ok(match added {
                Ok((_, new)) => done("labels", render::labels(identity, &new)),
                // This list alone is non-null, so a refusal comes with an empty one.
                Err(refusal) => json!({"labels": [], "error": refusal.json()}),
            });
        }
        "removeLabels" => {
            let ids: Vec<String> = parsed(input["labelIds"].clone())?;
            workspace
                .act(|act| labels::remove(act, identity.machine(), &ids))
                .map(|()| json!({"error": null}))
        }
        "createLabelType" => {
            let name = text(&input, "name");
            let more = parsed(input)?;
            workspace
                .act(|act| labels::create_type(act, identity.machine(), &name, more))
                .map(|it| done("labelType", render::label_type(&it, Some(identity))))
        }
        "createAttachmentUploadUrl" => {
            let input: UploadInput = parsed(input)?;
            workspace
                .act(|act| {
                    attachments::announce(
                        act,
                        identity.machine(),
                        &input.customer_id,
                        &input.file_name,
                        input.file_size_bytes,
                        &input.attachment_type,
                    )
                })
                .map(|file| done("attachmentUploadUrl", files::upload_form(workspace, &file)))
        }
        "createAttachmentDownloadUrl" => download(workspace, &text(&input, "attachmentId")),
        "createWebhookTarget" => {
            let input = parsed(input)?;
            workspace
                .act(|act| targets::create(act, identity.machine(), input))
                .map(|it| done("webhookTarget", render::target(identity, &it)))
        }
        "updateWebhookTarget" => {
            let input = parsed(input)?;
            workspace
                .act(|act| targets::update(act, identity.machine(), input))
                .map(|it| done("webhookTarget", render::target(identity, &it)))
        }
        "deleteWebhookTarget" => {
            let id = text(&input, "webhookTargetId");
            workspace.act(|act| targets::delete(act, &id)).map(|()| json!({"error": null}))
        }
        _ => return Err(Error::new(format!("the sandbox has no answer for {name}"))),
    };
    Ok(answered.unwrap_or_else(|refusal| json!({"error": refusal.json()})))
}

fn chat(act: &mut Act<'_>, input: ChatInput, from_customer: bool) -> Result<Entry, Refusal> {
    let customer = store::people::by_id(act.db, &input.customer_id)?
        .ok_or_else(|| Refusal::not_found("customerId", "Customer"))?;
    let thread = match &input.thread_id {
        Some(id) => act.thread(id)?,
        None => {
            let open =
                json!({"customerIdentifier": {"customerId": customer.id}, "channel": "CHAT"});
            threads::open(act, act.identity.machine(), serde_json::from_value(open)?)?
        }
    };
    if thread.customer_id != customer.id {
        return Err(Refusal::field("customerId", "The thread belongs to another customer."));
    }
    if thread.channel != "CHAT" {
        return Err(Refusal::field(
            "threadId",
            "Chats can be sent on threads of channel CHAT only.",
        ));
    }
    let by = match from_customer {
        true => Actor::Customer { customer_id: customer.id },
        false => act.identity.machine(),
    };
    let draft = Draft {
        text: input.text,
        markdown: None,
        attachments: input.attachment_ids.unwrap_or_default(),
        timestamp: input.timestamp,
    };
    messages::send(act, by, thread, Via::Chat, draft)
}

fn reply(act: &mut Act<'_>, input: ReplyInput, faults: &Faults) -> Result<Entry, Refusal> {
    let thread = act.thread(&input.thread_id)?;
    let via = Via::of_channel(&thread.channel).ok_or_else(|| {
        Refusal::new("cannot_reply_to_thread", "Threads of this channel cannot be replied to.")
    })?;
    let by = match input.impersonation.and_then(|it| it.as_customer) {
        None => act.identity.machine(),
        Some(_) if via == Via::Teams => {
            return Err(Refusal::new(
                "cannot_reply_to_thread",
                "Customers cannot be impersonated in this channel.",
            ));
        }
        Some(_) if faults.graphql.without.iter().any(|it| it == IMPERSONATE) => {
            return Err(Refusal::forbidden(IMPERSONATE));
        }
        Some(it) => {
            let customer =
                it.customer_identifier.get(act, "impersonation.asCustomer.customerIdentifier")?;
            Actor::Customer { customer_id: customer.id }
        }
    };
    // Slack keeps what is posted there with three signs escaped.
    let text = match via {
        Via::Slack => {
            let amp = input.text_content.replace('&', "&amp;");
            amp.replace('<', "&lt;").replace('>', "&gt;")
        }
        _ => input.text_content,
    };
    let draft = Draft {
        text: Some(text),
        markdown: input.markdown_content,
        attachments: input.attachment_ids.unwrap_or_default(),
        timestamp: None,
    };
    messages::send(act, by, thread, via, draft)
}

fn note(act: &mut Act<'_>, input: NoteInput) -> Result<Entry, Refusal> {
    let thread = input.thread_id.ok_or_else(|| Refusal::required("threadId"))?;
    if act.thread(&thread)?.customer_id != input.customer_id {
        return Err(Refusal::not_found("customerId", "Customer"));
    }
    let files = input.attachment_ids.unwrap_or_default();
    notes::write(act, act.identity.machine(), &thread, &input.text, input.markdown, files)
}

fn download(workspace: &Workspace, id: &str) -> Result<Value, Refusal> {
    let file = workspace
        .read(|db| Ok(store::files::by_id(db, id)?))?
        .ok_or_else(|| Refusal::not_found("attachmentId", "Attachment"))?;
    if !file.uploaded {
        return Err(Refusal::new("attachment_not_uploaded", "The file was not uploaded yet."));
    }
    let expires = time::now() + files::DOWNLOAD_LIFE_MS;
    Ok(json!({
        "attachmentDownloadUrl": {
            "attachment": render::attachment(&workspace.identity, &file),
            "downloadUrl": files::download_url(workspace, &file, expires),
            "expiresAt": render::stamp(expires),
        },
        // The address comes with every result: to refuse it is the caller's part.
        "attachmentVirusScanResult": workspace.faults().files.result(),
        "error": null,
    }))
}

fn text(input: &Value, key: &str) -> String {
    input[key].as_str().unwrap_or_default().to_owned()
}

/// The engine has checked the shape already; this catches what it cannot see, such as ranges.
fn parsed<T: DeserializeOwned>(input: Value) -> Result<T, Error> {
    serde_json::from_value(input).map_err(|bad| {
        Error::new(bad.to_string()).extend_with(|_, it| it.set("code", "BAD_USER_INPUT"))
    })
}
