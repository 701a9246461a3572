//! Tells open pages that something changed; they fetch themselves again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::sandbox::workspace::Workspace;

#[derive(serde::Deserialize)]
pub struct Nothing {}

pub async fn stream(
    State(workspace): State<Arc<Workspace>>,
    Query(_): Query<Nothing>,
    stop: CancellationToken,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = workspace.changes.subscribe();
    let events = futures::stream::unfold((changes, stop), |(mut changes, stop)| async move {
        let thread = tokio::select! {
            () = stop.cancelled() => return None,
            change = changes.recv() => match change {
                Ok(thread) => thread,
                // Missed some: any name makes the page look again.
                Err(RecvError::Lagged(_)) => "many".into(),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok(Event::default().data(thread)), (changes, stop)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}
