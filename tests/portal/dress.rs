//! Every answer, a page, an error or a file, tells the browser what it may do, and that is little.

use crate::house::{FORM, Form, House, Page};
use reqwest::Method;

const NOWHERE: &str = "th_01KQS44ER0KVVBRC15MBB8ADPP";

const HTTPS: &str = "max-age=31536000; includeSubDomains";

/// What every answer says. Gives the policy.
#[track_caller]
fn is_dressed<'a>(what: &str, page: &'a Page) -> &'a str {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("origin-agent-cluster", "?1"),
    ] {
        assert_eq!(page.header(name), value, "{what}: {name}");
    }
    assert!(page.header("permissions-policy").contains("camera=()"), "{what}");
    assert_eq!(page.header("access-control-allow-origin"), "", "{what}");
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|known| known == part), "{what}: {part} in {policy}");
    }
    for unsafe_part in ["unsafe-inline", "'unsafe-eval'", "*", "http:", "https:", "data:", "blob:"]
    {
        assert!(!policy.contains(unsafe_part), "{what}: {unsafe_part} in {policy}");
    }
    policy
}

/// Scripts are the page's own, and nothing stands in attributes.
#[track_caller]
fn is_strict(what: &str, page: &Page) -> String {
    let policy = is_dressed(what, page);
    let nonce = policy.split_once("'nonce-").expect("a nonce").1.split('\'').next().unwrap();
    let mut scripts = 0;
    for tag in page.tags() {
        if tag.starts_with("<script") && !tag.contains("application/json") {
            scripts += 1;
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{what}: {tag}");
        }
        for refused in [" style=", " onclick=", " onload=", "javascript:"] {
            assert!(!tag.contains(refused), "{what}: {tag}");
        }
    }
    assert!(scripts > 0, "{what}");
    nonce.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_dressed() {
    let (house, _wire) = House::wired(&[("HOTLINE_PUBLIC_URL", "https://help.example.com")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("dressed-0001")).await;

    let own = format!("/t/{thread}");
    let other = format!("/t/{NOWHERE}");
    let mut nonces = Vec::new();
    for (path, status) in [
        ("/", 200),
        ("/threads", 200),
        (own.as_str(), 200),
        (other.as_str(), 404),
        ("/t/nonsense", 404),
        ("/nothing/here", 404),
        ("/pkg/nothing.js", 404),
        ("/pkg/../../etc/passwd", 404),
    ] {
        let page = dana.get(path).await;
        assert_eq!(page.status, status, "{path}");
        nonces.push(is_strict(path, &page));
        assert_eq!(page.header("strict-transport-security"), HTTPS, "{path}");
    }
    for (path, body) in [("/", "name=Dana"), (own.as_str(), "text=")] {
        let page = dana.send(Method::POST, path, FORM, body).await;
        assert_eq!(page.status, 422, "{path}");
        nonces.push(is_strict(path, &page));
    }
    let number = nonces.len();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), number, "a nonce is for one answer");

    let messages = format!("/api/support/messages?threadId={thread}");
    let others = format!("/api/support/messages?threadId={NOWHERE}");
    let stream = format!("/api/support/stream?threadId={NOWHERE}");
    let json = "application/json";
    let mut wrong = Vec::new();
    for (method, path, kind, status) in [
        (Method::GET, messages.as_str(), FORM, 200),
        (Method::GET, &others, FORM, 404),
        (Method::GET, "/api/support/messages", FORM, 404),
        (Method::GET, &stream, FORM, 404),
        (Method::POST, "/api/support/create", FORM, 422),
        (Method::POST, "/api/support/create", json, 415),
        (Method::POST, "/api/support/reply", FORM, 404),
        (Method::GET, "/api/support/nothing", FORM, 404),
        (Method::GET, "/api", FORM, 404),
        (Method::POST, "/api/webhooks/plain", json, 401),
        (Method::POST, "/api/webhooks/plain", "text/plain", 415),
        (Method::GET, "/api/webhooks/plain", FORM, 405),
        (Method::GET, "/livez", FORM, 200),
        (Method::GET, "/readyz", FORM, 200),
        (Method::GET, "/metrics", FORM, 200),
        (Method::POST, "/pkg/hotline.css", FORM, 404),
        (Method::DELETE, "/", FORM, 405),
        (Method::OPTIONS, "/", FORM, 405),
    ] {
        let what = format!("{method} {path}");
        let page = dana.send(method, path, kind, "").await;
        if page.status != status {
            wrong.push(format!("{what}: {} and not {status}", page.status));
        }
        is_dressed(&what, &page);
        assert_eq!(page.header("strict-transport-security"), HTTPS, "{what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let foreign = dana.request(Method::POST, "/").header("origin", "https://evil.example");
    let foreign = Page::of(foreign.send().await.unwrap()).await;
    assert_eq!(foreign.status, 403);
    is_dressed("a foreign form", &foreign);
    let following = dana.stream(&format!("threadId={thread}"), None).await;
    assert_eq!(following.status(), 200);
    let head = Page { status: 200, headers: following.headers().clone(), body: String::new() };
    is_dressed("a stream", &head);
    drop(following);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_dressed_and_without_https_nobody_is_told_to_use_it() {
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir(site.path().join("pkg")).unwrap();
    std::fs::write(site.path().join("pkg/hotline.css"), "p { color: red }").unwrap();
    let house = House::with_files(site.path()).await;
    let dana = house.visitor();
    for (method, path, status) in [
        (Method::GET, "/pkg/hotline.css", 200),
        (Method::HEAD, "/pkg/hotline.css", 200),
        (Method::POST, "/pkg/hotline.css", 404),
        (Method::GET, "/pkg/hotline.js", 404),
        (Method::GET, "/", 200),
    ] {
        let what = format!("{method} {path}");
        let page = dana.send(method, path, FORM, "").await;
        assert_eq!(page.status, status, "{what}");
        is_dressed(&what, &page);
        assert_eq!(page.header("strict-transport-security"), "", "{what}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_ask_for_their_own_build_and_no_other_is_given() {
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir(site.path().join("pkg")).unwrap();
    for (file, text) in [("hotline.js", "one"), ("hotline.wasm", "two"), ("split_extras.wasm", "3")]
    {
        std::fs::write(site.path().join("pkg").join(file), text).unwrap();
    }
    let house = House::with_files(site.path()).await;
    let dana = house.visitor();
    let page = dana.get("/").await.body;
    let script =
        page.split('"').find(|it| it.ends_with("/hotline.js")).expect("the script").to_owned();
    let (folder, _) = script.rsplit_once('/').unwrap();
    assert!(page.contains(&format!("{folder}/hotline.wasm")), "{page}");
    for (file, text) in [("hotline.js", "one"), ("split_extras.wasm", "3")] {
        let ours = dana.get(&format!("{folder}/{file}")).await;
        assert_eq!((ours.status, ours.body.as_str()), (200, text), "{file}");
        assert_eq!(ours.header("cache-control"), "public, max-age=31536000, immutable");
        is_dressed(file, &ours);
        let foreign = dana.get(&format!("/pkg/0123456789abcdef/{file}")).await;
        assert_eq!(foreign.status, 404, "{file}");
        assert!(!foreign.header("cache-control").contains("immutable"));
        let plain = dana.get(&format!("/pkg/{file}")).await;
        assert_eq!((plain.status, plain.header("cache-control")), (200, "no-cache"), "{file}");
    }
    assert_eq!(dana.get(&format!("{folder}/nothing.js")).await.status, 404);
    assert_eq!(dana.get(&format!("{folder}/.hidden")).await.status, 404);
    house.close().await;
}
