//! The server's rooms.

pub mod bus;
pub mod clock;
pub mod desk;
pub mod plain;
pub mod shutdown;
pub mod stream;
pub mod telemetry;
pub mod webhook;
