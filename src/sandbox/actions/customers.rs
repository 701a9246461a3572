//! Customers: created or changed by one call, removed by another.

use serde::Deserialize;
use serde_json::json;

use super::{CustomerIdentifier, at_most, required};
use crate::sandbox::ids;
use crate::sandbox::model::{Actor, Customer};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::store::{people, threads};
use crate::sandbox::webhooks::{events, payload};
use crate::sandbox::workspace::Act;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upsert {
    identifier: CustomerIdentifier,
    on_create: OnCreate,
    on_update: OnUpdate,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnCreate {
    full_name: String,
    short_name: Option<String>,
    email: Email,
    external_id: Option<String>,
    #[serde(default)]
    tenant_identifiers: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    customer_group_identifiers: Option<Vec<serde_json::Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnUpdate {
    full_name: Option<Wrapped<String>>,
    short_name: Option<Wrapped<Option<String>>>,
    external_id: Option<Wrapped<Option<String>>>,
    email: Option<Email>,
}

#[derive(Debug, Deserialize)]
struct Wrapped<T> {
    value: T,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Email {
    email: String,
    is_verified: bool,
}

/// Answers `CREATED`, `UPDATED` or `NOOP` with the customer.
pub fn upsert(
    act: &mut Act<'_>,
    by: Actor,
    input: Upsert,
) -> Result<(&'static str, Customer), Refusal> {
    match input.identifier.find(act, "identifier")? {
        Some(known) => update(act, by, known, input.on_update),
        None if input.identifier.customer_id.is_some() => {
            Err(Refusal::not_found("identifier.customerId", "Customer"))
        }
        None => create(act, by, input.on_create).map(|customer| ("CREATED", customer)),
    }
}

fn create(act: &mut Act<'_>, by: Actor, input: OnCreate) -> Result<Customer, Refusal> {
    if input.tenant_identifiers.is_some_and(|list| !list.is_empty()) {
        return Err(Refusal::not_found("onCreate.tenantIdentifiers", "Tenant"));
    }
    if input.customer_group_identifiers.is_some_and(|list| !list.is_empty()) {
        return Err(Refusal::not_found("onCreate.customerGroupIdentifiers", "Customer group"));
    }
    let full_name = required("onCreate.fullName", &input.full_name)?;
    at_most("onCreate.fullName", &full_name, 500)?;
    let email = address("onCreate.email.email", &input.email.email)?;
    let customer = Customer {
        id: ids::new("c"),
        external_id: external_id("onCreate.externalId", input.external_id)?,
        full_name,
        short_name: input.short_name.map(|name| name.trim().to_owned()).filter(|it| !it.is_empty()),
        email,
        email_verified_at: input.email.is_verified.then_some(act.now),
        created_at: act.now,
        created_by: by.clone(),
        updated_at: act.now,
        updated_by: by,
    };
    unique(act, &customer)?;
    people::save(act.db, &customer)?;
    act.emit(events::CUSTOMER_CREATED, json!({"customer": payload::customer(&customer)}));
    Ok(customer)
}

fn update(
    act: &mut Act<'_>,
    by: Actor,
    known: Customer,
    input: OnUpdate,
) -> Result<(&'static str, Customer), Refusal> {
    let mut customer = known.clone();
    if let Some(name) = input.full_name {
        customer.full_name = required("onUpdate.fullName", &name.value)?;
    }
    if let Some(name) = input.short_name {
        customer.short_name = name.value;
    }
    if let Some(id) = input.external_id {
        customer.external_id = external_id("onUpdate.externalId", id.value)?;
    }
    if let Some(email) = input.email {
        customer.email = address("onUpdate.email.email", &email.email)?;
        let kept = known.email_verified_at.filter(|_| customer.email == known.email);
        customer.email_verified_at = email.is_verified.then(|| kept.unwrap_or(act.now));
    }
    let key = |it: &Customer| {
        (
            it.full_name.clone(),
            it.short_name.clone(),
            it.external_id.clone(),
            it.email.clone(),
            it.email_verified_at,
        )
    };
    if key(&customer) == key(&known) {
        return Ok(("NOOP", known));
    }
    unique(act, &customer)?;
    customer.updated_at = act.now;
    customer.updated_by = by;
    people::save(act.db, &customer)?;
    act.emit(
        events::CUSTOMER_UPDATED,
        json!({"customer": payload::customer(&customer), "previousCustomer": payload::customer(&known)}),
    );
    Ok(("UPDATED", customer))
}

/// Removes the customer with everything that was said: threads, entries and files.
pub fn delete(act: &mut Act<'_>, id: &str) -> Result<(), Refusal> {
    let known =
        people::by_id(act.db, id)?.ok_or_else(|| Refusal::not_found("customerId", "Customer"))?;
    for thread in threads::of_customers(act.db, std::slice::from_ref(&known.id))? {
        act.changed(&thread.id);
    }
    people::delete(act.db, &known.id)?;
    act.emit(events::CUSTOMER_DELETED, json!({"previousCustomer": payload::customer(&known)}));
    Ok(())
}

/// An address or an external id belongs to one customer only.
fn unique(act: &Act<'_>, customer: &Customer) -> Result<(), Refusal> {
    if people::by_email(act.db, &customer.email)?.is_some_and(|other| other.id != customer.id) {
        return Err(Refusal::new(
            "customer_already_exists_with_email",
            "A customer with this email address already exists.",
        ));
    }
    if let Some(id) = &customer.external_id
        && people::by_external_id(act.db, id)?.is_some_and(|other| other.id != customer.id)
    {
        return Err(Refusal::new(
            "customer_already_exists_with_external_id",
            "A customer with this external id already exists.",
        ));
    }
    Ok(())
}

fn external_id(field: &str, id: Option<String>) -> Result<Option<String>, Refusal> {
    let id = id.map(|id| required(field, &id)).transpose()?;
    if let Some(id) = &id {
        at_most(field, id, 500)?;
    }
    Ok(id)
}

fn address(field: &str, text: &str) -> Result<String, Refusal> {
    let email = required(field, text)?.to_lowercase();
    let sound = email.len() <= 320
        && email.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty()
                && host.contains('.')
                && host.split('.').all(|part| !part.is_empty())
                && !host.contains('@')
        })
        && !email.contains(|c: char| c.is_whitespace() || c.is_control());
    if sound { Ok(email) } else { Err(Refusal::field(field, "Must be an email address.")) }
}
