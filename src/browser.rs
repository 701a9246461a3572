//! What only a tab can do. The one place that names `web_sys`.
//!
//! Everything here compiles on the server too and must not run there: it is called from effects and event handlers.

pub mod alert;
pub mod clock;
pub mod connection;
pub mod document;
pub mod dom;
pub mod event_stream;
pub mod fetch;
pub mod form;
pub mod json;
pub mod later;
pub mod named;
pub mod outbox;
pub mod places;
pub mod scroll;
pub mod shared;
pub mod tabs;
pub mod transport;
pub mod upload;
