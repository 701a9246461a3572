//! Talking with the team: one thread, live.

pub mod api;
pub mod client;
pub mod composer;
pub mod connection_dot;
pub mod file_page;
pub mod message;
pub mod page;
pub mod timeline;
pub mod view;
