//! Hotline: instant customer support.
//!
//! A visitor writes; the team answers from Plain or Slack; the answer is on the visitor's screen milliseconds after
//! Plain's webhook arrives.
//!
//! ```text
//! outbound   browser form ──► server function ──► desk ──► plain::client ──► Plain (GraphQL)        ──► Slack
//! inbound    Plain ──► POST /api/webhooks/plain ──► verify ──► decode ──► bus.publish (deduplicates)
//!                                                                              │
//!            browser ◄── refetch via server function ◄── EventSource ◄── SSE route ◄── bus.subscribe
//! ```
//!
//! # The map of the house
//!
//! | room | what lives there | may import |
//! |---|---|---|
//! | [`domain`] | the words of the business, shared by both sides | nothing |
//! | [`language`] | what is said to visitors; in the browser silent | `domain` |
//! | [`ui`] | components without a will of their own | `domain`, `browser`, `language` |
//! | [`browser`] | what only a tab can do; the one home of `web_sys` | `domain` |
//! | [`features`] | one folder a capability: server functions, page, components | `domain`, `ui`, `browser`, `app`, `language` |
//! | [`app`] | the table of pages | `domain`, `features`, `ui`, `language` |
//! | `server` | everything behind the routes | `domain`, `app`, `language` |
//! | `sandbox` | the Plain workspace in a box; speaks HTTP only | nothing |

#![recursion_limit = "256"]

pub mod app;
pub mod browser;
pub mod domain;
pub mod features;
#[cfg_attr(not(feature = "ssr"), path = "no_language.rs")]
pub mod language;
#[cfg(feature = "ssr")]
#[cfg_attr(not(feature = "sandbox"), path = "no_sandbox.rs")]
pub mod sandbox;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;

/// Entry point of the browser bundle: from here on the islands wake up one by one.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
