//! The link's server function, as the tab calls it.

use crate::{
    browser::fetch,
    domain::{error::DeskError, link::ResumeLink},
};

/// `link` of [`super::api`].
pub async fn link(thread: &str) -> Result<ResumeLink, DeskError> {
    fetch::post("link", &[("threadId", thread)]).await
}
