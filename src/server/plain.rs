//! Plain's GraphQL API: one typed function an operation, one typed error for everything that can go wrong.
//!
//! ```text
//! operations/*.graphql ──(checked against schema.graphql when this is compiled)──► operations/*.rs
//!                                                        │ PlainClient::conversation(…), create_thread(…), …
//!                                                        ▼
//!                                   client: time limits, tries, request ids ──► HTTP ──► answer: what came back
//! ```
//!
//! What the product makes of it is not decided here but in [`crate::server::desk`].

mod answer;
pub mod client;
pub mod error;
pub mod operations;
pub mod storage;

pub use client::{ApiKey, PlainClient, PlainSettings};
pub use error::{MutationFault, PlainError, SetupError};
