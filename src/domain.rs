//! The words of the business, shared by server and browser.
//!
//! Nothing here does I/O or knows of leptos' run time; everything serialises with serde, and no type has
//! another size on 32 bit (the browser) than on 64 bit.

pub mod echo;
pub mod error;
pub mod file;
pub mod ids;
pub mod link;
pub mod live;
pub mod message;
pub mod opening;
pub mod rating;
pub mod request;
pub mod sentence;
pub mod site;
pub mod thread;
pub mod time;
pub mod words;
