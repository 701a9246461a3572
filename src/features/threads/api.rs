//! The list's server function.

use crate::domain::{error::DeskError, thread::Thread};
use leptos::{prelude::*, server_fn::codec::GetUrl};

/// The threads that this browser opened, newest activity first.
#[server(prefix = "/api/support", endpoint = "threads", input = GetUrl)]
pub async fn threads() -> Result<Vec<Thread>, DeskError> {
    crate::server::visitor::threads().await
}
