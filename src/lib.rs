//! Hotline: instant customer support.

pub mod domain;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "ssr")]
pub mod server;
