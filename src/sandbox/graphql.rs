//! Plain's GraphQL API over a real engine. `schema.graphql` says what exists; the engine's schema is built
//! from it, answers are JSON documents whose keys are the fields (`render`), and only fields that lead to
//! other documents have a resolver of their own (`resolve`).

pub mod engine;
pub mod mutations;
pub mod overlap;
pub mod page;
pub mod queries;
pub mod render;
pub mod resolve;
pub mod sdl;
pub mod unions;
pub mod variables;
