//! The visitor's requests.

pub mod api;
pub mod page;
