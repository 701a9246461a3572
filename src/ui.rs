//! Dumb components: props in, view out.

pub mod escape;
pub mod field;
pub mod icon;
pub mod notice;
pub mod page;
pub mod settings;
pub mod status;
pub mod text_area;
pub mod words;
