//! Stands in for the sandbox in builds without it: the same names, and a start that says why it cannot.

use std::{fmt, net::SocketAddr, path::PathBuf};

/// Whether this build has a sandbox.
pub const INCLUDED: bool = false;

/// Never used here.
#[derive(Debug, Clone)]
pub enum Data {
    /// In memory.
    Memory,
    /// In a file.
    File(PathBuf),
}

/// Never used here.
#[derive(Debug, Clone, Copy, Default)]
pub enum TimelineOrder {
    /// As the real sandbox.
    #[default]
    NewestFirst,
}

/// Never used here.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the sandbox documents them")]
pub struct SandboxSettings {
    pub addr: SocketAddr,
    pub data: Data,
    pub api_key: String,
    pub signing_secret: String,
    pub webhook_url: Option<String>,
    pub retry_scale: f64,
    pub timeline_order: TimelineOrder,
}

/// There is no sandbox in this build.
#[derive(Debug, Clone, Copy)]
pub struct SandboxError;

impl fmt::Display for SandboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build was made without it; build with `--features sandbox`")
    }
}

/// Cannot exist.
#[derive(Debug)]
pub enum Sandbox {}

impl Sandbox {
    /// Fails.
    pub async fn start(_: SandboxSettings) -> Result<Self, SandboxError> {
        Err(SandboxError)
    }

    /// Never called.
    pub fn addr(&self) -> SocketAddr {
        match *self {}
    }

    /// Never called.
    pub fn api_url(&self) -> String {
        match *self {}
    }

    /// Never called.
    pub async fn shutdown(self) {
        match self {}
    }
}

/// The command that belongs to the sandbox.
pub mod send {
    use clap::{Arg, ArgMatches, Command};
    use std::process::ExitCode;

    /// Takes any arguments, to say that it is not here.
    pub fn command() -> Command {
        let rest = Arg::new("rest").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
        Command::new("send-webhook")
            .about("not in this build, which has no sandbox")
            .arg(rest.hide(true))
    }

    /// Fails.
    pub fn run(_: &ArgMatches, _: &str) -> ExitCode {
        eprintln!("send-webhook belongs to the sandbox, and {}", super::SandboxError);
        ExitCode::from(2)
    }
}
