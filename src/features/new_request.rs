//! Asking for support.

pub mod api;
pub mod page;
pub mod request_form;
