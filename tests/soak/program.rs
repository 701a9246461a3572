//! The program as it is deployed: two portals, one workspace, each a process of its own.

use crate::live::SECRET;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// What both instances sign cookies with.
const COOKIE_SECRET: &str = "soak-cookie-secret-of-both-instances-0001";

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Runs the program, and waits for the address that it logs after these words.
    fn run(arguments: &[&str], env: &[(&str, &str)], words: &'static str) -> (Self, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hotline"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var("PATH").unwrap_or_default())
            .env("PLAIN_WEBHOOK_SECRET", SECRET)
            .envs(env.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, told) = mpsc::channel();
        let log = BufReader::new(child.stderr.take().unwrap());
        // Read to its end, so that the program never waits for us; the folder stays as long.
        std::thread::spawn(move || {
            let _folder = folder;
            for line in log.lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once(words) {
                    let address = rest.split_whitespace().next().unwrap_or_default();
                    let _ = tell.send(address.trim_end_matches('/').to_owned());
                }
            }
        });
        let process = Self(child);
        let address = told.recv_timeout(Duration::from_secs(30)).expect("an address in the log");
        (process, address)
    }
}

/// The sandbox.
pub struct Plain {
    pub api: String,
    _process: Process,
}

impl Plain {
    /// It tells nobody of its events: the test posts the webhooks.
    pub fn start() -> Self {
        let env = [("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0"), ("HOTLINE_SANDBOX_DATA", ":memory:")];
        let (process, desk) = Process::run(&["sandbox"], &env, "Agent desk (sandbox): ");
        Self { api: format!("{desk}/graphql/v1"), _process: process }
    }
}

/// How an instance ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// SIGTERM: it says goodbye to its streams.
    Terminate,
    /// SIGKILL: it does not.
    Kill,
}

/// A portal that always comes back at the same address.
pub struct Instance {
    pub portal: String,
    env: Vec<(String, String)>,
    process: Option<Process>,
}

impl Instance {
    pub fn new(plain: &Plain, redis: &str) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let env = [
            ("LEPTOS_SITE_ADDR", format!("127.0.0.1:{port}")),
            ("PLAIN_API_URL", plain.api.clone()),
            ("PLAIN_API_KEY", "plainApiKey_sandbox".into()),
            ("REDIS_URL", redis.into()),
            ("HOTLINE_SECRET", COOKIE_SECRET.into()),
            ("HOTLINE_RATE_LIMITS", "off".into()),
            ("RUST_LOG", "info".into()),
        ];
        Self {
            portal: format!("http://127.0.0.1:{port}"),
            env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            process: None,
        }
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) {
        let env: Vec<_> = self.env.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let (process, _) = tokio::task::block_in_place(|| Process::run(&[], &env, "Portal: "));
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(30);
        let http = crate::live::client();
        loop {
            let ready = http.get(format!("{}/readyz", self.portal)).send().await;
            if ready.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(Instant::now() < deadline, "{} never got ready", self.portal);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it and waits until it is gone.
    pub async fn end(&mut self, how: End) {
        let mut process = self.process.take().expect("it runs");
        if let End::Terminate = how {
            let kill = format!("kill -TERM {}", process.0.id());
            assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
            let status = tokio::task::block_in_place(|| process.0.wait()).unwrap();
            assert!(status.success(), "it ended with {status}");
        }
    }
}
