//! `POST /api/support/read`: the visitor saw everything up to an entry, `threadId=th_…&entryId=t_…`. Answers
//! `{"readTo":"t_…"}`, the newest that any of their screens showed.
//!
//! Agents are told by a thread event, one for all that was read within a few seconds. An event that could not be made is
//! forgotten: the next one says more.

use super::{Signals, marks::Mark};
use crate::{
    domain::{
        error::{Code, DeskError},
        ids::{EntryId, ThreadId},
    },
    server::{
        desk::Desk,
        guard::{client_address, error_response},
        limits::Bucket,
        pages::read_body,
        state::AppState,
        visitor::held,
    },
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use metrics::counter;
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// For so many threads at once agents are about to be told; of one more they are told with its next mark.
const MOST: usize = 10_000;

/// Tells agents what was read.
#[derive(Debug, Clone)]
pub struct Receipts(Arc<Telling>);

#[derive(Debug)]
struct Telling {
    desk: Desk,
    pause: Duration,
    stop: CancellationToken,
    pending: Mutex<HashMap<ThreadId, Mark>>,
}

impl Receipts {
    /// By a desk, once for all that is read within `pause`; what is pending is told at once when `stop` comes.
    pub fn new(desk: Desk, pause: Duration, stop: CancellationToken) -> Self {
        Self(Arc::new(Telling { desk, pause, stop, pending: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ThreadId, Mark>> {
        self.0.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Soon, unless more is read meanwhile: then of that.
    fn tell(&self, thread: &ThreadId, mark: Mark) {
        let mut pending = self.lock();
        let room = pending.len() < MOST;
        match pending.entry(thread.clone()) {
            Entry::Occupied(mut entry) => {
                let newest = entry.get().clone().max(mark);
                entry.insert(newest);
                return;
            }
            Entry::Vacant(entry) if room => drop(entry.insert(mark)),
            Entry::Vacant(_) => return,
        }
        drop(pending);
        let (receipts, thread) = (self.clone(), thread.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(receipts.0.pause) => {}
                () = receipts.0.stop.cancelled() => {}
            }
            let mark = receipts.lock().remove(&thread);
            if let Some(mark) = mark {
                let told = receipts.0.desk.tell_read(&thread, &mark.entry, mark.at).await;
                let outcome = if told { "told" } else { "failed" };
                counter!("hotline_receipts_total", "outcome" => outcome).increment(1);
            }
        });
    }

    pub(super) fn forget(&self, threads: &[ThreadId]) {
        let mut pending = self.lock();
        threads.iter().for_each(|thread| drop(pending.remove(thread)));
    }
}

impl Signals {
    /// The visitor saw everything up to an entry, which is one of the newest. The mark that holds afterwards.
    pub async fn read(
        &self,
        thread: &ThreadId,
        entry: &EntryId,
    ) -> Result<Option<EntryId>, DeskError> {
        let page = self.0.desk.conversation(thread).await?;
        let known = page.messages.iter().find(|message| message.id == *entry);
        // What is not among the newest was read long ago; what the visitor wrote needs no reading.
        let read = known.filter(|message| !message.author.me && message.turned.is_none());
        let at = read.and_then(|message| message.at.as_str().parse::<jiff::Timestamp>().ok());
        let Some(at) = at else { return Ok(self.read_to(thread).await) };
        let mark = Mark { at: at.as_millisecond(), entry: entry.clone() };
        let (held, moved) = self.0.marks.advance(thread, &mark).await.map_err(|error| {
            tracing::warn!(%thread, %error, "cannot note what was read");
            DeskError::unavailable()
        })?;
        if moved {
            self.0.receipts.tell(thread, mark);
        }
        Ok(Some(held.entry))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    thread_id: String,
    entry_id: String,
}

pub(super) async fn post(State(state): State<AppState>, parts: Parts, body: Body) -> Response {
    let body = match read_body(&parts.headers, body).await {
        Ok(body) => body,
        Err((status, error)) => {
            return (status, [(header::CACHE_CONTROL, "no-store")], Json(error)).into_response();
        }
    };
    let said: Said = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let session = state.sessions.read(&parts.headers);
    let read = async {
        let thread = held(session.as_ref(), &said.thread_id)?;
        let address = client_address(&parts.extensions);
        state.limits.check(Bucket::Signals, session.as_ref(), address)?;
        let entry = EntryId::parse(said.entry_id)
            .map_err(|_| DeskError::new(Code::BadRequest, "`entryId` names no entry."))?;
        state.signals.read(&thread, &entry).await
    };
    match read.await {
        Ok(entry) => {
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            (no_store, Json(json!({"readTo": entry}))).into_response()
        }
        Err(error) => error_response(&error),
    }
}
