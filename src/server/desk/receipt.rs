//! Telling agents what the visitor has read. Plain has no read receipts for portals; a thread event is what comes
//! nearest, and only agents see it.

use super::Desk;
use crate::{
    domain::ids::{EntryId, ThreadId},
    server::plain::operations::NewThreadEvent,
};

impl Desk {
    /// Puts one event on the timeline: everything up to an entry, written at `at` (milliseconds since 1970), was read.
    /// False where it could not be put there; nothing else comes of that.
    pub async fn tell_read(&self, thread: &ThreadId, entry: &EntryId, at: i64) -> bool {
        if self.is_removed(thread).await {
            return true;
        }
        let moment = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
        let moment = moment.strftime("%-d %B %Y, %H:%M UTC");
        let event = NewThreadEvent {
            title: format!("Read by the customer up to {moment}"),
            text: "Everything that was written for the customer up to then was in view for a second, in a window \
                   that was in front."
                .into(),
            external_id: format!("hotline-read-{entry}"),
        };
        let told = self.0.plain.create_thread_event(thread.as_str(), event).await;
        if let Err(error) = &told {
            tracing::warn!(%thread, %error, "agents cannot be told what was read");
        }
        told.is_ok()
    }
}
