//! The program under attack, and its Plain.

use serde_json::Value;
use std::{
    fmt, fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

pub const SECRET: &str = "attack-signing-secret";

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// Runs it, and waits for the address that it logs after these words.
    fn run(
        words: &'static str,
        arguments: &[&str],
        env: &[(&str, &str)],
        folder: &str,
    ) -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hotline"))
            .args(arguments)
            .envs(env.iter().copied())
            .env("HOTLINE_DATA_DIR", folder)
            .env("PLAIN_WEBHOOK_SECRET", SECRET)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, told) = mpsc::channel();
        let log = BufReader::new(child.stderr.take().unwrap());
        // Read to its end, so that the program never waits for us.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once(words) {
                    let address = rest.split_whitespace().next().unwrap_or_default();
                    let _ = tell.send(address.trim_end_matches('/').to_owned());
                }
            }
        });
        let address = told.recv_timeout(Duration::from_secs(30)).expect("an address in the log");
        (Self(child), address)
    }
}

pub struct Stage {
    pub portal: String,
    pub desk: String,
    program: Program,
    plain: Option<Program>,
    _folder: tempfile::TempDir,
}

impl Stage {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        // The portal's port must be known to the sandbox and the other way round.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let webhook = format!("http://127.0.0.1:{port}/api/webhooks/plain");
        let (plain, desk) = Program::run(
            "Agent desk (sandbox): ",
            &["sandbox", "--webhook-url", &webhook],
            &[("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0"), ("HOTLINE_SANDBOX_DATA", ":memory:")],
            &path,
        );
        let (program, portal) = Program::run(
            "Portal: ",
            &[],
            &[
                ("LEPTOS_SITE_ADDR", &format!("127.0.0.1:{port}")),
                ("PLAIN_API_URL", &format!("{desk}/graphql/v1")),
                ("PLAIN_API_KEY", "plainApiKey_sandbox"),
            ],
            &path,
        );
        Self { portal, desk, program, plain: Some(plain), _folder: folder }
    }

    /// Plain goes down, at once and for good.
    pub fn end_plain(&mut self) {
        self.plain = None;
    }

    pub fn memory(&self) -> Memory {
        let id = self.program.0.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let files = fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
        Memory { kib: field("VmRSS:"), threads: field("Threads:"), files }
    }

    pub async fn threads(&self) -> usize {
        let answer = reqwest::get(format!("{}/admin/threads", self.desk)).await.unwrap();
        let list: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        list.as_array().unwrap().len()
    }
}

pub struct Memory {
    kib: Option<u64>,
    threads: Option<u64>,
    files: usize,
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
