//! Going on with a conversation on another device.

pub mod api;
pub mod client;
pub mod link;
pub mod page;
