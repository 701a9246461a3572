//! How much memory a large upload takes in the portal that passes it on.
//!
//! ```text
//! cargo bench --bench upload          50 MB, three times; everything on loopback
//! cargo bench --bench upload -- 90    another size
//! ```
//!
//! The portal and its Plain are two processes of the real program, and the sender makes the bytes as they are asked for,
//! so the portal's resident memory is its own. It is read every few milliseconds while the file goes through; growth is
//! the most that was ever seen above what there was before. The first upload is a small one: what is made at first use
//! is made then. Ends with an error where the growth is 5 MB or more.
#![allow(clippy::unwrap_used, reason = "a measurement stops where it cannot go on")]

#[path = "../support/program.rs"]
mod program;

use bytes::Bytes;
use futures::stream;
use program::Program;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 3;
const CHUNK: usize = 64 * 1024;
/// In KiB.
const MOST_GROWTH: u64 = 5_000_000 / 1024;

#[tokio::main]
async fn main() {
    let wanted = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let megabytes: usize = wanted.unwrap_or(50);
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
    let at = portal.address("Portal: ");

    let http =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = "name=Dana&email=dana%40northwind.example&topic=problem&subject=Large&message=Large&submission_id=upload-bench-1";
    let opened = http
        .post(format!("{at}/"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let header = |name: &str| opened.headers()[name].to_str().unwrap().to_owned();
    let thread = header("location").trim_start_matches("/t/").to_owned();
    let cookie = header("set-cookie").split(';').next().unwrap().to_owned();
    let send = async |bytes: usize| {
        let chunks = stream::iter((0..bytes).step_by(CHUNK).map(move |from| {
            Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; CHUNK.min(bytes - from)]))
        }));
        let path = format!(
            "/api/support/attachments?threadId={thread}&fileName=film.mp4&fileSizeBytes={bytes}"
        );
        let answer = http
            .post(format!("{at}{path}"))
            .header("cookie", &cookie)
            .header("content-length", bytes)
            .body(reqwest::Body::wrap_stream(chunks))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    };
    send(1_000_000).await;

    println!(
        "| {megabytes} MB through the portal | before | most | growth | seconds |\n|---|---|---|---|---|"
    );
    let mut worst = 0;
    for round in 1..=ROUNDS {
        let before = portal.memory().kib.expect("Linux tells");
        let began = Instant::now();
        let mut most = before;
        let mut sending = Box::pin(send(megabytes * 1_000_000));
        loop {
            tokio::select! {
                () = &mut sending => break,
                () = tokio::time::sleep(Duration::from_millis(3)) => {
                    most = most.max(portal.memory().kib.expect("Linux tells"));
                }
            }
        }
        let growth = most - before;
        worst = worst.max(growth);
        let mib = |kib: u64| kib as f64 / 1024.0;
        println!(
            "| round {round} | {:.1} MiB | {:.1} MiB | {:.2} MiB | {:.2} |",
            mib(before),
            mib(most),
            mib(growth),
            began.elapsed().as_secs_f64()
        );
    }
    assert!(worst < MOST_GROWTH, "the portal grew by {worst} KiB");
}
