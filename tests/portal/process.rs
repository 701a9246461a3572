//! The program itself: its log, its exit codes, its end.

use crate::{
    following::message,
    house::{Agent, Form, House, Visitor, until},
    live,
};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

/// The running program and what it logs.
pub struct Program {
    pub child: Child,
    log: Arc<Mutex<String>>,
    _folder: Option<tempfile::TempDir>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program in an empty folder, with nothing of this process's environment but the path.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotline"));
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
        .env("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0")
        .stdin(Stdio::null());
    command
}

impl Program {
    fn run() -> Self {
        Self::with(&[])
    }

    /// With these settings in its environment.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Self::in_folder(folder.path(), settings);
        program._folder = Some(folder);
        program
    }

    /// In a folder that stays.
    pub fn in_folder(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = command(folder);
        command.envs(settings.iter().copied()).stderr(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let out: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stderr.take().unwrap()), Box::new(child.stdout.take().unwrap())];
        for from in out {
            let log = log.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(from).lines().map_while(Result::ok) {
                    let mut log = log.lock().unwrap();
                    log.push_str(&line);
                    log.push('\n');
                }
            });
        }
        Self { child, log, _folder: None }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// How it ended.
    pub async fn end(&mut self) -> ExitStatus {
        until("the end", || {
            let ended = self.child.try_wait().unwrap();
            async move { ended }
        })
        .await
    }

    /// The first address after these words.
    pub async fn address(&self, words: &str) -> String {
        until(words, || async {
            let log = self.log();
            let rest = log.split_once(words)?.1;
            let (address, _) = rest.split_once('\n')?;
            let address = address.split_whitespace().next()?.trim_end_matches('/').to_owned();
            Some(address)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_in_no_line_of_the_log() {
    let program = Program::with(&[("RUST_LOG", "debug,hotline=trace")]);
    let portal = program.address("Portal: ").await;
    let mut dana = Visitor { base: portal.clone(), http: live::client(), cookie: None };
    let thread = dana.ask(&Form::new("log-of-a-link")).await;
    let page = dana.post(&format!("/t/{thread}"), &[("intent", "link")]).await;
    let token = page.body.split_once("/r/").unwrap().1.split('"').next().unwrap().to_owned();
    assert!(token.len() > 100, "{token}");
    let phone = Visitor { base: portal.clone(), http: live::client(), cookie: None };
    let path = format!("/r/{token}");
    let head = phone.request(reqwest::Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(phone.get(&path).await.status, 303);
    assert_eq!(phone.get(&path).await.status, 403);
    assert_eq!(phone.get(&format!("{path}x")).await.status, 403);
    assert_eq!(phone.get(&format!("/nothing{path}")).await.status, 404);
    let (payload, signature) = token.split_once('.').unwrap();
    // What came before is in the log now: this line is later.
    let later = dana.ask(&Form::new("log-of-a-link-2")).await;
    let log = until("the later line", || async {
        let log = program.log();
        log.contains(&later).then_some(log)
    })
    .await;
    assert!(log.contains("DEBUG"), "{log}");
    for part in [payload, signature] {
        assert!(!log.contains(part), "{part} in {log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_the_way_and_not_the_words() {
    let mut program = Program::run();
    let portal = program.address("Portal: ").await;
    let desk = program.address("Agent desk (sandbox): ").await;
    assert!(portal.starts_with("http://127.0.0.1:"), "{portal}");
    let agent = Agent::at(desk);
    let mut dana = Visitor { base: portal, http: live::client(), cookie: None };
    let form = Form {
        name: "Planted Person".into(),
        email: "planted@person.example".into(),
        subject: "planted-subject".into(),
        message: "planted-message".into(),
        ..Form::new("planted-submission")
    };
    let thread = dana.ask(&form).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    agent.answer(&thread, "planted-answer", "chat").await;
    message(&mut stream, "planted-answer").await;
    assert_eq!(dana.reply(&thread, "planted-reply", "planted-key").await.status, 303);
    message(&mut stream, "planted-reply").await;
    assert!(dana.get(&format!("/t/{thread}")).await.body.contains("planted-reply"));
    // Also what goes wrong is told without the words.
    let email = "planted-wrong@";
    assert_eq!(dana.post("/", &Form { email: email.into(), ..form }.fields()).await.status, 422);
    let forged = dana.request(reqwest::Method::POST, "/api/webhooks/plain");
    let forged = forged
        .header("content-type", "application/json")
        .header("plain-request-signature", "planted5167".repeat(5))
        .body("{\"text\":\"planted-webhook\"}");
    assert_eq!(forged.send().await.unwrap().status(), 401);
    agent.faults(serde_json::json!({"graphql": {"status": 500}})).await;
    assert_eq!(dana.reply(&thread, "planted-lost", "planted-key-2").await.status, 504);
    agent.faults(serde_json::json!({})).await;

    let of_thread = |log: &str, words: &str| {
        log.lines().any(|line| line.contains(words) && line.contains(&thread))
    };
    let log = until("the three lines", || async {
        let log = program.log();
        let all = log.contains("Received Plain webhook")
            && of_thread(&log, "Processing webhook")
            && of_thread(&log, "Emitted event");
        all.then_some(log)
    })
    .await;
    let sent = |words: &str| {
        log.lines()
            .position(|line| line.contains(words) && line.contains("thread.chat_sent"))
            .unwrap_or_else(|| panic!("{words} in {log}"))
    };
    assert!(sent("Received Plain webhook") < sent("Processing webhook"));
    assert!(sent("Processing webhook") < sent("Emitted event"));
    assert!(log.lines().nth(sent("Emitted event")).unwrap().contains("listeners"));

    // The end, while a stream is open.
    program.terminate();
    let bye = loop {
        let frame = stream.next().await.expect("a goodbye");
        if frame.data["type"] == "bye" {
            break frame;
        }
    };
    assert_eq!(bye.data["reason"], "restart");
    assert!(bye.data["afterMs"].as_u64().is_some());
    let ended = program.end().await;
    assert_eq!(ended.code(), Some(0), "{}", program.log());
    assert!(!program.log().contains("Drain took too long"), "{}", program.log());

    let log = program.log();
    let cookie = dana.cookie.unwrap();
    for secret in
        ["lanted", "person.example", cookie.trim_start_matches("hotline="), "sandbox-signing"]
    {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn a_wrong_setting_ends_with_two_and_its_name() {
    for (name, value) in [
        ("HOTLINE_STREAM_HEARTBEAT_MS", "often"),
        ("HOTLINE_SANDBOX_ADDR", "0.0.0.0:3100"),
        ("HOTLINE_PUBLIC_URL", "support.example.com"),
        ("PLAIN_API_URL", "ftp://plain"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = command(folder.path());
        if name.starts_with("PLAIN") {
            command.env("PLAIN_API_KEY", "plainApiKey_planted");
        }
        let ended = command.env(name, value).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(name) && said.contains("example:"), "{said}");
        assert!(!said.contains("planted") && !said.contains("panicked"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_address_ends_with_one_and_says_what_to_change() {
    let house = House::open().await;
    let (taken, _) = house.addresses();
    let folder = tempfile::tempdir().unwrap();
    let ended = command(folder.path()).env("LEPTOS_SITE_ADDR", &taken).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("LEPTOS_SITE_ADDR") && said.contains(&taken), "{said}");
}
