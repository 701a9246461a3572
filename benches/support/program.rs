//! The real program as a process of its own, and what the system says of it.
#![allow(dead_code, reason = "each bench uses its part")]

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A running program; ends with this value.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Runs it in a folder, where its log goes to a file of this name.
    pub fn run(name: &str, arguments: &[&str], env: &[(&str, &str)], folder: &Path) -> Self {
        let log = folder.join(format!("{name}.log"));
        let child = Command::new(env!("CARGO_BIN_EXE_hotline"))
            .args(arguments)
            .env("HOTLINE_DATA_DIR", folder.join(name))
            .envs(env.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// The address that it logs after these words, once it does.
    pub fn address(&mut self, words: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let log = fs::read_to_string(&self.log).unwrap();
            if let Some((_, rest)) = log.split_once(words)
                && let Some((line, _)) = rest.split_once('\n')
            {
                let address = line.split_whitespace().next().unwrap_or_default();
                return address.trim_end_matches('/').to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "it does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// How long it has kept processors busy, in user and kernel mode. Linux counts in hundredths of a second.
    pub fn busy(&self) -> Duration {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name, in brackets, may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// What Linux says of its memory.
    pub fn memory(&self) -> Memory {
        let id = self.child.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let files = fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
        Memory { kib: field("VmRSS:"), peak: field("VmHWM:"), threads: field("Threads:"), files }
    }

    /// From now on its peak is the most that it will have had from now on.
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }
}

/// Of a process, at one moment.
pub struct Memory {
    /// Resident.
    pub kib: Option<u64>,
    /// The most that was ever resident.
    pub peak: Option<u64>,
    pub threads: Option<u64>,
    pub files: usize,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kib, self.threads) {
            (Some(kib), Some(threads)) => write!(
                f,
                "{:.1} MiB resident, {threads} threads, {} open files",
                kib as f64 / 1024.0,
                self.files
            ),
            _ => write!(f, "memory unknown (no /proc here)"),
        }
    }
}
