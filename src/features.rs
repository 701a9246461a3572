//! What a visitor can do: one folder a capability, each with its server functions, page and components.

pub mod conversation;
pub mod new_request;
pub mod resume;
pub mod threads;
