//! Delivers events: each one in a task of its own, so that a slow or dead receiver holds up nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{request, retry};
use crate::sandbox::model::Target;
use crate::sandbox::store::webhooks::{self, Attempt, Due};
use crate::sandbox::workspace::Workspace;
use crate::sandbox::{ids, time};

/// How long a receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a delivery waits for one to overtake it when reordering is switched on.
const REORDER_WAIT: Duration = Duration::from_secs(1);

struct Courier {
    workspace: Arc<Workspace>,
    retry_scale: f64,
    /// Signalled whenever a delivery has gone, for those that wait to be overtaken.
    gone: Notify,
    swap: std::sync::atomic::AtomicBool,
}

/// Takes deliveries until `stop`; what is left then stays stored for the next start.
pub async fn run(
    workspace: Arc<Workspace>,
    mut inbox: mpsc::UnboundedReceiver<Due>,
    retry_scale: f64,
    stop: CancellationToken,
) {
    let courier =
        Arc::new(Courier { workspace, retry_scale, gone: Notify::new(), swap: false.into() });
    let tasks = TaskTracker::new();
    loop {
        let due = tokio::select! {
            () = stop.cancelled() => break,
            due = inbox.recv() => match due {
                Some(due) => due,
                None => break,
            },
        };
        let (courier, stop) = (courier.clone(), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = courier.deliver(due) => {}
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

impl Courier {
    /// Tries until it is delivered, the table ends or the target is gone.
    async fn deliver(&self, mut due: Due) {
        loop {
            let wait = due.due_at - time::now();
            if wait > 0 {
                tokio::time::sleep(Duration::from_millis(wait as u64)).await;
            }
            let faults = self.workspace.faults().webhooks;
            if faults.delay_ms > 0 {
                tokio::time::sleep(Duration::from_millis(faults.delay_ms)).await;
            }
            if faults.reorder && due.attempt == 1 {
                self.wait_to_be_overtaken().await;
            }
            let target = match self.workspace.read(|db| Ok(webhooks::target(db, &due.target_id)?)) {
                Ok(Some(target)) => target,
                // Deleting a target forgets what was owed to it.
                _ => return,
            };
            let tried = if faults.drop {
                self.record(
                    &due,
                    ids::new("whAttempt"),
                    time::now(),
                    Err("dropped by the fault switch".into()),
                    0,
                )
            } else {
                self.attempt(&due, &target).await
            };
            self.gone.notify_waiters();
            let delivered = tried.status.is_some_and(|status| (200..300).contains(&status));
            let again = match delivered {
                true => None,
                false => retry::pause_after(due.attempt, self.retry_scale)
                    .map(|pause| time::now() + pause.as_millis() as i64),
            };
            if let Err(refusal) =
                self.workspace.read(|db| Ok(webhooks::save_attempt(db, &tried, again)?))
            {
                tracing::error!(message = refusal.message, "an attempt could not be stored");
            }
            if delivered && faults.duplicate {
                let twin = self.attempt(&due, &target).await;
                let _ = self.workspace.read(|db| Ok(webhooks::save_attempt(db, &twin, None)?));
            }
            tracing::debug!(
                event = due.event_id,
                kind = due.kind,
                attempt = due.attempt,
                status = tried.status,
                "webhook attempt"
            );
            match again {
                Some(due_at) => {
                    due.attempt += 1;
                    due.due_at = due_at;
                }
                None => return,
            }
        }
    }

    /// Every second delivery goes at once and lets the one before it follow.
    async fn wait_to_be_overtaken(&self) {
        let overtaken = self.gone.notified();
        if self.swap.fetch_xor(true, std::sync::atomic::Ordering::Relaxed) {
            return;
        }
        let _ = tokio::time::timeout(REORDER_WAIT, overtaken).await;
    }

    async fn attempt(&self, due: &Due, target: &Target) -> Attempt {
        let id = ids::new("whAttempt");
        let at = time::now();
        let request = request::Attempt {
            workspace_id: &self.workspace.identity.workspace_id,
            target_id: &target.id,
            version: &target.version,
            event_id: &due.event_id,
            kind: &due.kind,
            event_at: due.at,
            payload: &due.payload,
            id: &id,
            number: due.attempt,
            at,
        };
        let request =
            request.signed(&self.workspace.signing_secret).to(&self.workspace.http, &target.url);
        let start = Instant::now();
        let answer = request.timeout(TIMEOUT).send().await;
        let took = start.elapsed().as_millis() as i64;
        let outcome = match answer {
            Ok(response) => Ok(response.status().as_u16()),
            // The address may hold credentials: keep it out of the history.
            Err(error) => Err(error.without_url().to_string()),
        };
        self.record(due, id, at, outcome, took)
    }

    fn record(
        &self,
        due: &Due,
        id: String,
        at: i64,
        outcome: Result<u16, String>,
        ms: i64,
    ) -> Attempt {
        Attempt {
            id,
            event_id: due.event_id.clone(),
            target_id: due.target_id.clone(),
            kind: due.kind.clone(),
            attempt: due.attempt,
            at,
            ms,
            status: outcome.as_ref().ok().copied(),
            error: outcome.err(),
        }
    }
}
