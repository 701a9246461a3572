//! The server's rooms, and the way in: [`run`] for the command line, [`visitor`] for the server functions.

pub mod assets;
pub mod bundle;
pub mod bus;
pub mod clock;
pub mod config;
pub mod desk;
pub mod downloads;
pub mod emoji;
pub mod forms;
pub mod guard;
pub mod hours;
pub mod journal;
pub mod language;
pub mod limits;
pub mod links;
pub mod listen;
pub mod look;
pub mod markup;
mod multipart;
pub mod pages;
pub mod plain;
pub mod preferences;
pub mod presence;
pub mod redis;
pub mod router;
pub mod session;
pub mod shell;
pub mod shutdown;
pub mod signals;
pub mod signed;
pub mod state;
pub mod stream;
pub mod telemetry;
pub mod topics;
pub mod transcript;
pub mod uploads;
pub mod visitor;
pub mod webhook;
pub mod zone;

mod run;

pub use run::{RunError, Running, run, run_sandbox, start};
