//! Talking with the team: one thread, live.

pub mod after;
pub mod alerts;
pub mod api;
pub mod client;
pub mod composer;
pub mod connection_dot;
pub mod drafts;
pub mod file_page;
pub mod files;
pub mod frame;
pub mod live;
pub mod menu;
pub mod message;
pub mod older;
pub mod page;
pub mod reading;
pub mod rows;
pub mod seen;
pub mod sending;
pub mod share;
pub mod spoken;
pub mod timeline;
pub mod tray;
pub mod typing;
pub mod unseen;
pub mod view;
