//! The workspace: storage, the team, and the one way to change anything. A change runs in a transaction;
//! the webhooks it causes are written in the same one, so a crash loses neither or both.

use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::Connection;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc};

use super::faults::Faults;
use super::model::{Actor, Entry, Identity, Target, Thread, User};
use super::refusal::Refusal;
use super::store::{self, webhooks::Due};
use super::webhooks::{events, payload};
use super::{ids, time};

pub struct Workspace {
    store: Mutex<Connection>,
    pub identity: Identity,
    pub api_key: String,
    pub signing_secret: String,
    pub timeline_newest_first: bool,
    pub faults: Mutex<Faults>,
    /// Where the sandbox itself is reached, for upload and download links.
    pub base_url: String,
    /// Where the portal is reached, when its webhook target tells.
    pub portal_url: Option<String>,
    /// Ids of threads that changed, for the open pages of the agent desk.
    pub changes: broadcast::Sender<String>,
    /// For what goes out: webhooks, and the question who is there.
    pub http: reqwest::Client,
    outbox: mpsc::UnboundedSender<Due>,
}

impl Workspace {
    pub fn new(
        store: Connection,
        settings: &super::SandboxSettings,
        base_url: String,
        http: reqwest::Client,
        outbox: mpsc::UnboundedSender<Due>,
    ) -> rusqlite::Result<Self> {
        let identity = identity(&store)?;
        Ok(Self {
            store: Mutex::new(store),
            identity,
            api_key: settings.api_key.clone(),
            signing_secret: settings.signing_secret.clone(),
            timeline_newest_first: settings.timeline_order == super::TimelineOrder::NewestFirst,
            faults: Mutex::default(),
            base_url,
            portal_url: settings.webhook_url.as_deref().and_then(origin),
            changes: broadcast::channel(256).0,
            http,
            outbox,
        })
    }

    /// Reads without changing anything.
    pub fn read<T>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        job(&self.lock())
    }

    /// Runs one change: all of it or nothing, then its webhooks and the desk's news.
    pub fn act<T>(
        self: &Arc<Self>,
        job: impl FnOnce(&mut Act<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let (answer, due, changed) = {
            let mut store = self.lock();
            let transaction = store.transaction()?;
            let mut act = Act {
                db: &transaction,
                identity: &self.identity,
                now: time::now(),
                events: Vec::new(),
                changed: Vec::new(),
            };
            let answer = job(&mut act)?;
            let Act { events, changed, .. } = act;
            let due = owed(&transaction, events)?;
            transaction.commit()?;
            (answer, due, changed)
        };
        for delivery in due {
            // Only a stopping sandbox has nobody at the other end; what is owed is stored.
            let _ = self.outbox.send(delivery);
        }
        for thread in changed {
            let _ = self.changes.send(thread);
        }
        Ok(answer)
    }

    /// A copy of the fault switches.
    pub fn faults(&self) -> Faults {
        self.faults.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = faults;
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction has rolled it back: the connection stays usable.
        self.store.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A change in progress.
pub struct Act<'a> {
    pub db: &'a Connection,
    pub identity: &'a Identity,
    pub now: i64,
    events: Vec<(&'static str, Value)>,
    changed: Vec<String>,
}

impl Act<'_> {
    /// Causes a webhook. The payload gets its `eventType` here.
    pub fn emit(&mut self, kind: &'static str, mut payload: Value) {
        payload["eventType"] = kind.into();
        self.events.push((kind, payload));
    }

    /// Causes a webhook that carries the thread as it is now, and more.
    pub fn emit_thread(
        &mut self,
        kind: &'static str,
        thread: &Thread,
        more: Value,
    ) -> Result<(), Refusal> {
        let mut body = more;
        body["thread"] = payload::thread(self.db, self.identity, thread)?;
        self.emit(kind, body);
        Ok(())
    }

    /// Tells the open pages of the desk.
    pub fn changed(&mut self, thread: &str) {
        self.changed.push(thread.into());
    }

    pub fn save_thread(&mut self, thread: &Thread) -> Result<(), Refusal> {
        store::threads::save(self.db, thread)?;
        self.changed.push(thread.id.clone());
        Ok(())
    }

    /// Writes a new entry and its `timeline.timeline_entry_changed`.
    pub fn add_entry(&mut self, entry: &Entry) -> Result<(), Refusal> {
        store::entries::save(self.db, entry)?;
        if let Some(body) = payload::timeline_entry(self.db, entry)? {
            self.emit(
                events::TIMELINE_ENTRY_CHANGED,
                serde_json::json!({
                    "changeType": "ADDED", "previousTimelineEntry": null, "timelineEntry": body
                }),
            );
        }
        Ok(())
    }

    pub fn thread(&self, id: &str) -> Result<Thread, Refusal> {
        store::threads::by_id(self.db, id)?.ok_or_else(|| Refusal::not_found("threadId", "Thread"))
    }
}

/// Stores the events that at least one target wants.
fn owed(db: &Connection, events: Vec<(&'static str, Value)>) -> Result<Vec<Due>, Refusal> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let targets: Vec<Target> = store::webhooks::targets(db)?;
    let now = time::now();
    let mut due = Vec::new();
    for (kind, payload) in events {
        let event_id = ids::new("pEv");
        let payload = serde_json::to_string(&payload)?;
        for target in targets.iter().filter(|it| it.enabled && it.events.iter().any(|e| e == kind))
        {
            let delivery = Due {
                event_id: event_id.clone(),
                kind: kind.into(),
                at: now,
                payload: payload.clone(),
                target_id: target.id.clone(),
                attempt: 1,
                due_at: now,
            };
            store::webhooks::save_event(db, &delivery)?;
            due.push(delivery);
        }
    }
    Ok(due)
}

/// The stored identity, or a new one with its team.
fn identity(db: &Connection) -> rusqlite::Result<Identity> {
    if let Some(known) = store::meta(db, "identity")? {
        return Ok(known);
    }
    let now = time::now();
    let user = |full: &str, public: &str| User {
        id: ids::new("u"),
        full_name: full.into(),
        public_name: public.into(),
        email: format!("{}@support.example", public.to_lowercase()),
        created_at: now,
    };
    let identity = Identity {
        workspace_id: ids::new("w"),
        machine_user_id: ids::new("mu"),
        created_at: now,
        users: vec![
            user("Robin Vale", "Robin"),
            user("Ada Quill", "Ada"),
            user("Sam Ortega", "Sam"),
        ],
    };
    store::set_meta(db, "identity", &identity)?;
    for (name, color) in [
        ("Bug", "#d64545"),
        ("Billing", "#c08a1e"),
        ("Question", "#3b7dd8"),
        ("Feature request", "#7a5bd0"),
    ] {
        store::threads::save_label_type(
            db,
            &super::model::LabelType {
                id: ids::new("lt"),
                name: name.into(),
                icon: None,
                color: Some(color.into()),
                description: None,
                external_id: None,
                created_at: now,
                created_by: Actor::System { system: "job".into() },
            },
        )?;
    }
    Ok(identity)
}

/// `http://host:port` of a URL.
fn origin(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(url.origin().ascii_serialization())
}
