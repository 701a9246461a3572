//! What the routes share.

use super::{
    bundle::Bundle, config::Transport, desk::Desk, forms::Forms, hours::Hours, language::Languages,
    limits::Limits, links::Links, look::Look, session::Sessions, signals::Signals,
    stream::StreamContext, uploads::Uploads,
};
use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use std::sync::Arc;

/// Cheap to clone: everything in it is shared.
#[derive(Debug, Clone, FromRef)]
pub struct AppState {
    /// Leptos' own options.
    pub leptos: LeptosOptions,
    /// The browser bundle.
    pub bundle: Bundle,
    /// What the product does with Plain.
    pub desk: Desk,
    /// Reads and writes cookies.
    pub sessions: Sessions,
    /// Makes resume links and takes them back.
    pub links: Links,
    /// Takes files.
    pub uploads: Uploads,
    /// How often a visitor may do what costs something.
    pub limits: Limits,
    /// Who types, and what was read.
    pub signals: Signals,
    /// The live streams.
    pub streams: StreamContext,
    /// How tabs follow.
    pub transport: Transport,
    /// When the team is there.
    pub hours: Hours,
    /// Makes the keys of forms.
    pub forms: Forms,
    /// The name visitors know.
    pub name: Arc<str>,
    /// The languages it speaks.
    pub languages: Languages,
    /// The operator's look.
    pub look: Arc<Look>,
    /// Whether visitors come by https.
    pub https: bool,
}
