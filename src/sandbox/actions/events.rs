//! Events that a product puts on the timeline for the agents' eyes.

use serde::Deserialize;
use serde_json::Value;

use super::threads::entry;
use super::{CustomerIdentifier, components, instant, required};
use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Body, Entry};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store;
use crate::sandbox::workspace::Act;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewEvent {
    thread_id: Option<String>,
    customer_identifier: Option<CustomerIdentifier>,
    title: String,
    components: Vec<Value>,
    external_id: Option<String>,
    timestamp: Option<String>,
}

pub fn on_thread(act: &mut Act<'_>, by: Actor, input: NewEvent) -> Result<Entry, Refusal> {
    let thread = act.thread(input.thread_id.as_deref().unwrap_or_default())?;
    let at = instant(act, input.timestamp.as_deref())?;
    let (title, components) = content(act, &input)?;
    let id = ids::new("tev");
    let body = Body::ThreadEvent { id, title, external_id: input.external_id, components };
    let entry = entry(&thread, at, by, body);
    act.save_thread(&thread)?;
    act.add_entry(&entry)?;
    Ok(entry)
}

/// Shows on every thread that the customer has now. Answers one of the entries, or one that belongs to no
/// thread when there is none.
pub fn on_customer(act: &mut Act<'_>, by: Actor, input: NewEvent) -> Result<Entry, Refusal> {
    let customer = input
        .customer_identifier
        .as_ref()
        .ok_or_else(|| Refusal::required("customerIdentifier"))?
        .get(act, "customerIdentifier")?;
    let at = instant(act, input.timestamp.as_deref())?;
    let (title, components) = content(act, &input)?;
    let id = ids::new("tev");
    let mut external_id = input.external_id;
    let template = Entry {
        id: ids::new("t"),
        thread_id: String::new(),
        customer_id: customer.id.clone(),
        at,
        updated_at: at,
        actor: by,
        body: Body::CustomerEvent {
            id: id.clone(),
            title: title.clone(),
            external_id: external_id.take(),
            components: components.clone(),
        },
    };
    act.add_entry(&template)?;
    for thread in store::threads::of_customers(act.db, std::slice::from_ref(&customer.id))? {
        let body = Body::CustomerEvent {
            id: id.clone(),
            title: title.clone(),
            external_id: None,
            components: components.clone(),
        };
        act.save_thread(&thread)?;
        act.add_entry(&entry(&thread, at, template.actor.clone(), body))?;
    }
    Ok(template)
}

fn content(act: &Act<'_>, input: &NewEvent) -> Result<(String, Vec<Value>), Refusal> {
    let title = required("title", &input.title)?;
    if let Some(id) = &input.external_id
        && store::entries::by_event_external_id(act.db, id)?.is_some()
    {
        return Err(Refusal::field("externalId", "An event with this external id already exists."));
    }
    Ok((title, components::checked("components", input.components.clone())?))
}
