//! Asking for support.

pub mod api;
pub mod client;
pub mod hours;
pub mod page;
pub mod request_form;
