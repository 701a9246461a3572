//! The link's server function.

use crate::domain::{error::DeskError, link::ResumeLink};
use leptos::prelude::*;

/// A link that opens this thread, once, in another browser. Only for a thread that this browser holds.
#[server(prefix = "/api/support", endpoint = "link")]
pub async fn link(
    #[server(rename = "threadId")]
    #[server(default)]
    thread_id: String,
) -> Result<ResumeLink, DeskError> {
    crate::server::visitor::link(thread_id).await
}
