//! How much memory a large upload takes in the portal that passes it on.
//!
//! ```text
//! cargo bench --bench upload          50 MB, three times each way; everything on loopback
//! cargo bench --bench upload -- 90    another size
//! ```
//!
//! The portal and its Plain are two processes of the real program, and the sender makes the bytes as they are asked for,
//! so the portal's resident memory is its own. Growth is from what there was before to the peak that Linux noted meanwhile.
//! Nothing is uploaded before: the first round has all that is made at first use. Plain keeps its files in memory, and its
//! growth shows that all of it went there. Ends with an error where the portal grows by 5 MB or more.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it cannot go on")]

#[path = "../support/program.rs"]
mod program;

use bytes::Bytes;
use futures::stream;
use program::Program;
use std::time::Instant;

const ROUNDS: u32 = 3;
const CHUNK: usize = 64 * 1024;
/// In KiB.
const MOST_GROWTH: u64 = 5_000_000 / 1024;
const BOUNDARY: &str = "upload-bench-boundary";

/// A visitor with a thread.
struct Visitor {
    http: reqwest::Client,
    portal: String,
    cookie: String,
    thread: String,
}

impl Visitor {
    async fn asks(portal: String) -> Self {
        let http =
            reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let form = "name=Dana&email=dana%40northwind.example&topic=problem&subject=Large&message=Large&submission_id=upload-bench-1";
        let opened = http
            .post(format!("{portal}/"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        let header = |name: &str| opened.headers()[name].to_str().unwrap().to_owned();
        let thread = header("location").trim_start_matches("/t/").to_owned();
        let cookie = header("set-cookie").split(';').next().unwrap().to_owned();
        Self { http, portal, cookie, thread }
    }

    /// A request of its own, as a page with script sends a file.
    async fn uploads(&self, bytes: usize) {
        let thread = &self.thread;
        let path = format!(
            "/api/support/attachments?threadId={thread}&fileName=film.mp4&fileSizeBytes={bytes}"
        );
        self.post(&path, "application/octet-stream", [String::new(), String::new()], bytes, 200)
            .await;
    }

    /// With its message in one form, as without script.
    async fn replies(&self, round: u32, bytes: usize) {
        let part = |rest: &str| format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {rest}");
        let around = [
            [
                part(&format!("name=\"client_message_id\"\r\n\r\nupload-bench-reply-{round}\r\n")),
                part("name=\"text\"\r\n\r\nLarge\r\n"),
                part("name=\"files\"; filename=\"film.mp4\"\r\n\r\n"),
            ]
            .concat(),
            format!("\r\n--{BOUNDARY}--\r\n"),
        ];
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        self.post(&format!("/t/{}", self.thread), &kind, around, bytes, 303).await;
    }

    async fn post(&self, path: &str, kind: &str, around: [String; 2], bytes: usize, expected: u16) {
        let length = around.iter().map(String::len).sum::<usize>() + bytes;
        let [before, after] = around.map(Bytes::from);
        let file = (0..bytes)
            .step_by(CHUNK)
            .map(move |from| Bytes::from(vec![b'x'; CHUNK.min(bytes - from)]));
        let content = [before].into_iter().chain(file).chain([after]).map(Ok::<_, std::io::Error>);
        let answer = self
            .http
            .post(format!("{}{path}", self.portal))
            .header("cookie", &self.cookie)
            .header("content-type", kind)
            .header("content-length", length)
            .body(reqwest::Body::wrap_stream(stream::iter(content)))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), expected, "{}", answer.text().await.unwrap());
    }
}

#[tokio::main]
async fn main() {
    let wanted = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let megabytes: usize = wanted.unwrap_or(50);
    let bytes = megabytes * 1_000_000;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let of_sandbox =
        [("HOTLINE_SANDBOX_ADDR", "127.0.0.1:0"), ("HOTLINE_SANDBOX_DATA", ":memory:")];
    let mut sandbox = Program::run("sandbox", &["sandbox"], &of_sandbox, folder.path());
    let api = sandbox.address("GraphQL: ");
    let of_portal = [
        ("LEPTOS_SITE_ADDR", "127.0.0.1:0"),
        ("PLAIN_API_URL", api.as_str()),
        ("PLAIN_API_KEY", "plainApiKey_sandbox"),
        ("HOTLINE_RATE_LIMITS", "off"),
    ];
    let mut portal = Program::run("portal", &[], &of_portal, folder.path());
    let visitor = Visitor::asks(portal.address("Portal: ")).await;

    println!(
        "| {megabytes} MB through the portal | before | peak | growth | Plain's growth | seconds |\n|---|---|---|---|---|---|"
    );
    let mut worst = 0;
    for way in ["script", "form"] {
        for round in 1..=ROUNDS {
            let resident = |program: &Program| program.memory().kib.expect("Linux tells");
            let (before, stored) = (resident(&portal), resident(&sandbox));
            portal.forget_peak();
            let began = Instant::now();
            match way {
                "script" => visitor.uploads(bytes).await,
                _ => visitor.replies(round, bytes).await,
            }
            let seconds = began.elapsed().as_secs_f64();
            let peak = portal.memory().peak.expect("Linux tells");
            let growth = peak.saturating_sub(before);
            let stored = resident(&sandbox).saturating_sub(stored);
            worst = worst.max(growth);
            let mib = |kib: u64| kib as f64 / 1024.0;
            println!(
                "| {way}, round {round} | {:.1} MiB | {:.1} MiB | {:.2} MiB | {:.1} MiB | {seconds:.2} |",
                mib(before),
                mib(peak),
                mib(growth),
                mib(stored),
            );
        }
    }
    assert!(worst < MOST_GROWTH, "the portal grew by {worst} KiB");
}
