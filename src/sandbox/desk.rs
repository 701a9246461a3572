use axum::http::HeaderMap; use axum::Router; use std::sync::Arc; use crate::sandbox::workspace::Workspace; use tokio_util::sync::CancellationToken;
pub fn is_foreign(_h:&HeaderMap)->bool{false}
pub fn routes(_s: CancellationToken)->Router<Arc<Workspace>>{Router::new()}
