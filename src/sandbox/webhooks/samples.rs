//! A complete, valid body for every event type, with people and things made up for the purpose.
//!
//! What the sandbox has causes for is written by [`super::payload`], as for its own events; the rest by hand from
//! Plain's documentation. Texts of internal things say that they are internal, so that one on a visitor's screen is
//! seen at once.

mod customers;
mod messages;
mod threads;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{events, payload};
use crate::sandbox::model::{
    Actor, Customer, Identity, MessageInfo, Status, StatusDetail, Thread, User,
};
use crate::sandbox::refusal::Refusal;
use crate::sandbox::time::iso;
use crate::sandbox::{ids, store};

/// What internal things are called where nothing else was asked for.
const INTERNAL: &str = "Internal, not for customers (send-webhook)";

/// What an event is to be about. Ids that are not given are made up.
#[derive(Debug, Default)]
pub struct About<'a> {
    /// `w_…`.
    pub workspace: &'a str,
    /// `th_…`; events of customers have none.
    pub thread: Option<&'a str>,
    pub customer: Option<&'a str>,
    /// The timeline entry of a message, `t_…`.
    pub entry: Option<&'a str>,
    /// What a message or a note says.
    pub text: Option<&'a str>,
    /// When it happened, in milliseconds since 1970.
    pub at: i64,
}

/// The payload of an event of this type, one of [`events::ALL`].
pub fn payload(kind: &'static str, about: &About<'_>) -> Result<Value, Refusal> {
    let stage = Stage::set(about)?;
    let made = match kind.split_once('.') {
        Some(("customer", name)) => customers::payload(&stage, name),
        Some(("thread", name)) => match threads::payload(&stage, name)? {
            Some(payload) => Some(payload),
            None => messages::payload(&stage, name)?,
        },
        _ if kind == events::TIMELINE_ENTRY_CHANGED => Some(messages::entry_changed(&stage)?),
        _ => None,
    };
    let mut made = made.ok_or_else(|| Refusal::not_found("type", "Event type"))?;
    made["eventType"] = kind.into();
    Ok(made)
}

/// A workspace for the length of one event: a customer, who asked a minute ago, and an agent, who has the thread.
struct Stage<'a> {
    about: &'a About<'a>,
    /// In memory; [`payload`] reads it.
    db: Connection,
    identity: Identity,
    agent: Actor,
    customer: Customer,
    thread: Thread,
}

impl<'a> Stage<'a> {
    fn set(about: &'a About<'a>) -> Result<Self, Refusal> {
        let db = store::open(None)?;
        let (at, before) = (about.at, about.at - 60_000);
        let ines = User {
            id: ids::new("u"),
            full_name: "Ines Marchetti".into(),
            public_name: "Ines".into(),
            email: "ines@vendor.example".into(),
            created_at: before,
        };
        let agent = Actor::User { user_id: ines.id.clone() };
        let identity = Identity {
            workspace_id: about.workspace.into(),
            machine_user_id: ids::new("mu"),
            created_at: before,
            users: vec![ines],
        };
        let customer = Customer {
            id: about.customer.map_or_else(|| ids::new("c"), Into::into),
            external_id: None,
            full_name: "Dana Okafor".into(),
            short_name: Some("Dana".into()),
            email: "dana.okafor@northwind.example".into(),
            email_verified_at: None,
            created_at: before,
            created_by: identity.machine(),
            updated_at: before,
            updated_by: identity.machine(),
        };
        let asked = MessageInfo {
            at: before,
            source: "CHAT".into(),
            actor: Actor::Customer { customer_id: customer.id.clone() },
        };
        let thread = Thread {
            id: about.thread.map_or_else(|| ids::new("th"), Into::into),
            number: 1,
            customer_id: customer.id.clone(),
            title: "Sample of send-webhook".into(),
            description: None,
            preview_text: Some("Where is my order?".into()),
            priority: 2,
            external_id: None,
            channel: "CHAT".into(),
            slack: None,
            status: Status::Todo,
            status_detail: StatusDetail { kind: "NEW_REPLY".into(), at: before, until: None },
            status_changed_at: before,
            status_changed_by: identity.machine(),
            assignee: Some(agent.clone()),
            assigned_at: Some(before),
            labels: Vec::new(),
            fields: Vec::new(),
            first_inbound: Some(asked.clone()),
            first_outbound: None,
            last_inbound: Some(asked),
            last_outbound: None,
            created_at: before,
            created_by: identity.machine(),
            updated_at: at,
            updated_by: agent.clone(),
        };
        store::people::save(&db, &customer)?;
        Ok(Self { about, db, identity, agent, customer, thread })
    }

    /// The thread as a payload carries it.
    fn shown(&self, thread: &Thread) -> Result<Value, Refusal> {
        payload::thread(&self.db, &self.identity, thread)
    }

    /// When and by whom, as everything tells at its end.
    fn stamped(&self, mut body: Value) -> Value {
        for (at, by) in [("createdAt", "createdBy"), ("updatedAt", "updatedBy")] {
            body[at] = iso(self.about.at).into();
            body[by] = json!(self.agent);
        }
        body
    }

    fn customer_actor(&self) -> Actor {
        Actor::Customer { customer_id: self.customer.id.clone() }
    }

    /// The text that was asked for, or another one.
    fn text(&self, otherwise: &str) -> String {
        self.about.text.unwrap_or(otherwise).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD: &str = "th_01KQS44ER0KVVBRC15MBB8ADPP";

    #[test]
    fn every_type_has_a_sample_of_its_own_thread_or_customer() {
        for (kind, _) in events::ALL {
            let customer = "c_01KQS44CX8CYA55WM6RTQ4G2RH";
            let about = About {
                thread: Some(THREAD),
                customer: Some(customer),
                at: 1_777_885_923_410,
                ..About::default()
            };
            let made = payload(kind, &about).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
            assert_eq!(made["eventType"], kind);
            let text = made.to_string();
            if kind.starts_with("customer.customer_group_changed") {
                continue;
            }
            assert!(text.contains(customer), "{kind}: {text}");
            assert_eq!(text.contains(THREAD), !kind.starts_with("customer."), "{kind}: {text}");
        }
        assert!(payload("thread.unheard_of", &About::default()).is_err());
        assert!(payload("nothing", &About::default()).is_err());
    }

    #[test]
    fn internal_events_say_so() {
        for kind in [
            events::NOTE_CREATED,
            events::LABELS_CHANGED,
            "thread.thread_field_created",
            "thread.thread_field_updated",
            "thread.thread_field_deleted",
            "thread.thread_tenant_updated",
            "thread.service_level_agreement_status_transitioned",
        ] {
            let made = payload(kind, &About::default()).unwrap().to_string();
            assert!(made.contains(INTERNAL), "{kind}: {made}");
        }
    }
}
