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
        guard::{client_address, error_response, error_with_status},
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
use futures::future::BoxFuture;
use metrics::counter;
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// For so many threads at once agents are about to be told; of one more they are told with its next mark.
const MOST: usize = 10_000;

/// Tells agents what was read.
#[derive(Debug, Clone)]
pub struct Receipts(Arc<Telling>);

struct Telling {
    /// Whether it could be told.
    tell: Box<dyn Fn(ThreadId, Mark) -> BoxFuture<'static, bool> + Send + Sync>,
    pause: Duration,
    stop: CancellationToken,
    pending: Mutex<HashMap<ThreadId, Mark>>,
}

impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").field("pause", &self.pause).finish_non_exhaustive()
    }
}

impl Receipts {
    /// By a desk, once for all that is read within `pause`; what is pending is told at once when `stop` comes.
    pub fn new(desk: Desk, pause: Duration, stop: CancellationToken) -> Self {
        let tell = move |thread: ThreadId, mark: Mark| -> BoxFuture<'static, bool> {
            let desk = desk.clone();
            Box::pin(async move { desk.tell_read(&thread, &mark.entry, mark.at).await })
        };
        Self::telling(tell, pause, stop)
    }

    fn telling(
        tell: impl Fn(ThreadId, Mark) -> BoxFuture<'static, bool> + Send + Sync + 'static,
        pause: Duration,
        stop: CancellationToken,
    ) -> Self {
        let pending = Mutex::default();
        Self(Arc::new(Telling { tell: Box::new(tell), pause, stop, pending }))
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
                let told = (receipts.0.tell)(thread, mark).await;
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
            return error_with_status(status, &error);
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

#[cfg(test)]
mod tests {
    use super::{
        super::marks::conformance::{mark, thread},
        *,
    };
    use tokio::sync::mpsc;

    const LONG: Duration = Duration::from_secs(3600);

    fn receipts(
        pause: Duration,
        stop: &CancellationToken,
    ) -> (Receipts, mpsc::UnboundedReceiver<(ThreadId, Mark)>) {
        let (told, heard) = mpsc::unbounded_channel();
        let tell = move |thread, mark| -> BoxFuture<'static, bool> {
            told.send((thread, mark)).unwrap();
            Box::pin(std::future::ready(false))
        };
        (Receipts::telling(tell, pause, stop.clone()), heard)
    }

    #[tokio::test]
    async fn all_that_is_read_within_the_pause_is_told_once() {
        let stop = CancellationToken::new();
        let (receipts, mut heard) = receipts(LONG, &stop);
        for at in [10, 30, 20] {
            receipts.tell(&thread(1), mark(at, 1));
        }
        receipts.tell(&thread(2), mark(5, 1));
        receipts.tell(&thread(3), mark(5, 1));
        receipts.forget(&[thread(3)]);
        assert!(heard.try_recv().is_err(), "not before the pause is over");
        // The end of the process ends the pause.
        stop.cancel();
        let mut told = [heard.recv().await.unwrap(), heard.recv().await.unwrap()];
        told.sort();
        assert_eq!(told, [(thread(1), mark(30, 1)), (thread(2), mark(5, 1))]);
        drop(receipts);
        assert!(heard.recv().await.is_none(), "and nothing else");
    }

    #[tokio::test]
    async fn what_could_not_be_told_is_told_with_the_next() {
        let stop = CancellationToken::new();
        let (receipts, mut heard) = receipts(Duration::ZERO, &stop);
        for at in [10, 20] {
            receipts.tell(&thread(1), mark(at, 1));
            assert_eq!(heard.recv().await.unwrap(), (thread(1), mark(at, 1)));
        }
    }

    #[tokio::test]
    async fn what_waits_to_be_told_is_bounded() {
        let stop = CancellationToken::new();
        let (receipts, _heard) = receipts(LONG, &stop);
        for n in 0..MOST + 10 {
            receipts.tell(&thread(n), mark(1, 1));
        }
        assert_eq!(receipts.lock().len(), MOST);
    }
}
