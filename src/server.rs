//! The server's rooms.

pub mod bus;
pub mod desk;
pub mod plain;
pub mod webhook;
