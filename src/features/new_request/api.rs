//! The form's server function.

use crate::domain::{error::DeskError, ids::ThreadId};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// What a sent form answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// The thread; none for a request that was dropped as spam.
    pub thread_id: Option<ThreadId>,
    /// Where to go now.
    pub path: String,
}

/// Opens a thread from the form's fields and grants it to this browser. [`DeskError`] with `fields` if they are wrong.
#[server(prefix = "/api/support", endpoint = "create")]
pub async fn create(
    #[server(default)] name: String,
    #[server(default)] email: String,
    #[server(default)] topic: String,
    #[server(default)] subject: String,
    #[server(default)] message: String,
    #[server(default)] submission_id: String,
    #[server(default)] website: String,
) -> Result<Created, DeskError> {
    let draft = crate::domain::request::Draft {
        name,
        email,
        topic,
        subject,
        message,
        submission_id,
        website,
    };
    crate::server::visitor::create(draft).await
}
