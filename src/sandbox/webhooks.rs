//! Webhooks as Plain sends them: which events there are, what their bodies hold, how they are signed,
//! delivered and tried again.

pub mod courier;
pub mod events;
pub mod payload;
pub mod request;
pub mod retry;
pub mod samples;
pub mod sign;
