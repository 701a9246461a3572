//! How fast and how large live streams are, as a table.
//!
//! ```text
//! cargo bench --bench live --no-default-features --features ssr,sandbox
//! cargo bench --bench live --no-default-features --features ssr,sandbox -- memory fanout
//! ```
//!
//! The portal is a process of the real program with its sandbox inside and its log in a file; only the limits that one
//! client would run into are raised (`stage`). The client is one thread of this process. Everything is on loopback, so
//! both share the machine. Every event is checked: one that does not come to every one of its listeners exactly once
//! stops the measurement.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it cannot go on")]

mod audience;
#[path = "../support/delivery.rs"]
mod delivery;
mod exchange;
mod measures;
#[path = "../support/program.rs"]
mod program;
mod redis;
mod stage;
mod table;

use std::{fs, os::unix::process::CommandExt, process::Command};
use table::Table;
use tokio::task::LocalSet;

const PARTS: [&str; 8] =
    ["memory", "connects", "latency", "fanout", "threads", "posts", "pages", "redis"];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|it| !PARTS.contains(&it.as_str())) {
        eprintln!("There is no part `{unknown}`; there are {}", PARTS.join(", "));
        std::process::exit(2);
    }
    with_enough_files();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut table = Table::default();
    LocalSet::new().block_on(&runtime, async {
        for part in PARTS {
            if wanted.is_empty() || wanted.iter().any(|it| it == part) {
                eprintln!("{part} …");
                match part {
                    "memory" => measures::memory(&mut table).await,
                    "connects" => measures::connects(&mut table).await,
                    "latency" => measures::latency(&mut table).await,
                    "fanout" => measures::fan_out(&mut table).await,
                    "threads" => measures::threads(&mut table).await,
                    "posts" => measures::posts(&mut table).await,
                    "pages" => measures::pages(&mut table).await,
                    _ => redis::two_instances(&mut table).await,
                }
            }
        }
    });
    println!("{table}");
}

/// Ten thousand streams are ten thousand open files on each side. If fewer are allowed than may be, this program
/// begins again with all of them; the portals inherit them.
fn with_enough_files() {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = line.split_whitespace().collect();
    let [soft, hard] = [numbers[3], numbers[4]];
    if soft != hard {
        let script = "ulimit -n \"$0\" && exec \"$@\"";
        let itself = std::env::current_exe().unwrap();
        let mut again = Command::new("sh");
        again.args(["-c", script, hard]).arg(itself).args(std::env::args().skip(1));
        panic!("cannot begin again: {}", again.exec());
    }
}
