//! Talking with the team: one thread, live.

pub mod after;
pub mod api;
pub mod client;
pub mod composer;
pub mod connection_dot;
pub mod file_page;
pub mod menu;
pub mod message;
pub mod page;
pub mod timeline;
pub mod view;
