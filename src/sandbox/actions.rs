//! What can be done in the workspace, whoever asks: the API key over GraphQL, or an agent at the desk. Each
//! action writes the timeline entries and causes the webhooks that it does at Plain.

pub mod attachments;
pub mod components;
pub mod customers;
pub mod events;
pub mod labels;
pub mod messages;
pub mod notes;
pub mod slack;
pub mod status;
pub mod targets;
pub mod threads;

use super::refusal::Refusal;
use super::{model::Customer, store, workspace::Act};
use serde::Deserialize;

/// Names a customer in exactly one way.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerIdentifier {
    pub customer_id: Option<String>,
    pub email_address: Option<String>,
    pub external_id: Option<String>,
}

impl CustomerIdentifier {
    /// The customer, or nothing when there is none yet.
    pub fn find(&self, act: &Act<'_>, field: &str) -> Result<Option<Customer>, Refusal> {
        match (&self.customer_id, &self.email_address, &self.external_id) {
            (Some(id), None, None) => Ok(store::people::by_id(act.db, id)?),
            (None, Some(email), None) => Ok(store::people::by_email(act.db, email.trim())?),
            (None, None, Some(id)) => Ok(store::people::by_external_id(act.db, id)?),
            _ => Err(Refusal::field(field, "Exactly one identifier must be given.")),
        }
    }

    pub fn get(&self, act: &Act<'_>, field: &str) -> Result<Customer, Refusal> {
        self.find(act, field)?.ok_or_else(|| Refusal::not_found(field, "Customer"))
    }
}

/// Trimmed text that must not be empty.
fn required(field: &str, text: &str) -> Result<String, Refusal> {
    match text.trim() {
        "" => Err(Refusal::required(field)),
        text => Ok(text.to_owned()),
    }
}

/// Refuses text of more than `limit` characters.
fn at_most(field: &str, text: &str, limit: usize) -> Result<(), Refusal> {
    if text.chars().count() > limit {
        return Err(Refusal::field(field, format!("Must be at most {limit} characters.")));
    }
    Ok(())
}

/// The instant of a backfilled message, which must lie in the past; now when none is given.
fn instant(act: &Act<'_>, text: Option<&str>) -> Result<i64, Refusal> {
    match text {
        None => Ok(act.now),
        Some(text) => super::time::parse(text)
            .filter(|at| *at <= act.now)
            .ok_or_else(|| Refusal::field("timestamp", "Must be an ISO 8601 instant in the past.")),
    }
}
