//! The form's server function, as the tab calls it.

use super::api::Created;
use crate::{
    browser::{fetch, json::readable},
    domain::{error::DeskError, request::Draft},
};

readable!(Created { thread_id = "threadId", path = "path" });

/// `create` of [`super::api`].
pub async fn create(draft: &Draft) -> Result<Created, DeskError> {
    let fields = [
        ("name", draft.name.as_str()),
        ("email", &draft.email),
        ("topic", &draft.topic),
        ("subject", &draft.subject),
        ("message", &draft.message),
        ("submission_id", &draft.submission_id),
        ("website", &draft.website),
    ];
    fetch::post("create", &fields).await
}
