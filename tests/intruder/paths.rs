//! Paths that mean to end somewhere else.

use crate::{
    raw,
    stage::{SECRET, Stage},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn path_tricks_lead_nowhere() {
    let stage = Stage::set().await;
    let thread = &stage.thread;
    let long = "a".repeat(7000);
    let mut paths: Vec<String> = [
        "/../../etc/passwd",
        "/pkg/../../Cargo.toml",
        "/pkg/..%2f..%2fCargo.toml",
        "/pkg/%2e%2e/%2e%2e/Cargo.toml",
        "/pkg/..%5c..%5cCargo.toml",
        "/pkg/....//....//Cargo.toml",
        "/pkg//etc/passwd",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/.hotline/secret",
        "/.git/config",
        "/Cargo.toml",
        "/Leptos.toml",
        "/pkg/hotline.js%00.html",
        "/pkg/%c0%ae%c0%ae/Cargo.toml",
        "/%",
        "/%zz",
        "/api//support/stream",
        "/api/support/../webhooks/plain",
        "/api/support/%2e%2e/webhooks/plain",
        "/API/SUPPORT/MESSAGES",
        "/admin/threads",
        "/graphql/v1",
        "/t/",
        "/t/..",
    ]
    .map(str::to_owned)
    .into();
    paths.extend([
        format!("/t/{thread}/"),
        format!("/t/{thread}/.."),
        format!("/t/{thread}%00"),
        format!("/t/{thread}%0d%0aX-Injected:%20yes"),
        format!("/t//{thread}"),
        format!("/T/{thread}"),
        format!("//t/{thread}"),
        format!("/t/{thread};a=b"),
        format!("/t/x/../{thread}"),
        format!("/t/{}", thread.to_lowercase()),
        format!("/threads/../t/{thread}"),
        format!("/api/support/messages;threadId={thread}"),
        format!("/api/support/messages?threadid={thread}"),
        format!("/api/support/messages?threadId[]={thread}"),
        format!("/api/support/messages?threadId=x&threadId={thread}"),
        format!("/api/support/messages?threadId={thread}%00"),
        format!("/api/support/messages#?threadId={thread}"),
        format!("/{long}"),
        format!("/t/{thread}?before={long}"),
    ]);
    for path in paths {
        // Nobody's and Eve's: whatever the path comes to mean, it is not theirs.
        for cookie in [None, stage.eve.cookie.clone()] {
            let cookie = cookie.map(|it| format!("Cookie: {it}\r\n")).unwrap_or_default();
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: portal\r\n{cookie}Connection: close\r\n\r\n");
            let heard = raw::send(&stage.house.portal, request).await;
            let status = raw::statuses(&heard);
            assert!(
                matches!(status[..], [400 | 401 | 404 | 405 | 414 | 431]),
                "{path:.80}: {heard:.400}"
            );
            for never in [SECRET, "root:", "[package]", "rust-version", "[core]"] {
                assert!(!heard.contains(never), "{path:.80}: {heard}");
            }
            let head = heard.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
            assert!(
                !head.contains("x-injected") && !head.contains("\nlocation:"),
                "{path}: {head}"
            );
        }
    }
    stage.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_that_are_no_paths() {
    let stage = Stage::set().await;
    for target in [
        "http://evil.example/",
        "http://127.0.0.1:3100/admin/threads",
        "evil.example:443",
        "*",
        "",
        "x",
    ] {
        for method in ["GET", "CONNECT", "OPTIONS"] {
            let request =
                format!("{method} {target} HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n");
            let heard = raw::send(&stage.house.portal, request).await;
            assert!(!heard.contains(SECRET) && !heard.contains("\"title\""), "{target}: {heard}");
            // The absolute form is HTTP for the path behind it; this server is no proxy.
            let fine = [200, 400, 404, 405];
            assert!(
                raw::statuses(&heard).iter().all(|status| fine.contains(status)),
                "{method} {target}: {heard:.300}"
            );
            assert_ne!((method, raw::statuses(&heard).first()), ("CONNECT", Some(&200)));
        }
    }
    stage.unharmed().await;
}
