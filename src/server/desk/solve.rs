//! Whether a request is solved, as its visitor says.

use super::{Desk, errors, to_the_end};
use crate::domain::{error::DeskError, ids::ThreadId, thread::Status};

impl Desk {
    /// Marks a thread as done, or opens it again. Safe to repeat: a thread that stands there already is left alone.
    /// [`Code::Locked`](crate::domain::error::Code::Locked) for one that is locked,
    /// [`Code::Conflict`](crate::domain::error::Code::Conflict) where Plain wants something of the team first.
    ///
    /// The event that follows tells everybody who has the conversation open.
    pub async fn solve(&self, thread: &ThreadId, done: bool) -> Result<Status, DeskError> {
        let (desk, thread) = (self.clone(), thread.clone());
        to_the_end(Box::pin(async move { desk.solving(&thread, done).await })).await
    }

    async fn solving(&self, thread: &ThreadId, done: bool) -> Result<Status, DeskError> {
        let about = self.opened(thread).await?.thread.clone();
        if about.locked {
            return Err(errors::fixed());
        }
        if (about.status == Status::Done) == done {
            return Ok(about.status);
        }
        let id = thread.as_str();
        let marked = match done {
            true => self.0.plain.mark_thread_as_done(id).await,
            false => self.0.plain.mark_thread_as_todo(id).await,
        };
        // Also after a fault: it may have been carried out.
        self.invalidate(thread).await;
        self.0.watched.stir(thread);
        marked.map_err(errors::for_mark)?;
        Ok(if done { Status::Done } else { Status::InProgress })
    }
}
