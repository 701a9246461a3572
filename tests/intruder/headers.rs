//! Headers that are hostile, too many or too large.

use crate::{
    doors::{doors, whole},
    house::Page,
    raw,
    stage::{Stage, says_nothing},
};
use reqwest::Method;

const HOSTILE: &str = "\"><script>alert(31337)</script>";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_header_is_reflected() {
    let stage = Stage::set().await;
    for door in doors(&stage).into_iter().filter(|door| door.method == Method::GET) {
        for name in [
            "user-agent",
            "referer",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-for",
            "forwarded",
            "x-original-url",
            "x-rewrite-url",
            "accept-language",
            "accept",
            "x-request-id",
            "last-event-id",
            "if-none-match",
            "range",
            "via",
            "x-real-ip",
        ] {
            let request = door.knock(&stage.eve).header(name, HOSTILE);
            let page = whole(request).await;
            let what = format!("{} with {name}", door.name());
            if door.route == "/metrics"
                && ["x-forwarded-for", "forwarded", "x-real-ip", "via"].contains(&name)
            {
                // Through a proxy, so from outside.
                assert_eq!(page.status, 403, "{what}");
            }
            says_nothing(&what, &page);
            assert!(!page.body.contains("31337"), "{what}: {page:?}");
            let headers = format!("{:?}", page.headers);
            assert!(!headers.contains("31337"), "{what}: {headers}");
        }
    }
    for host in [HOSTILE, "evil.example", "", "a b", "x:99999999", "[::1", "user@evil.example"] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let heard = raw::send(&stage.house.portal, request).await;
        assert!(!heard.contains("31337") && !heard.contains("evil.example"), "{host}: {heard}");
        assert!(matches!(raw::statuses(&heard)[..], [200 | 400 | 421]), "{host}: {heard:.300}");
    }
    stage.unharmed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_are_refused() {
    let stage = Stage::set().await;
    let many: String = (0..2000).map(|n| format!("x-h{n}: {n}\r\n")).collect();
    let large = format!("x-large: {}\r\n", "a".repeat(2 * 1024 * 1024));
    let cookies = format!("Cookie: {}\r\n", "a=b; ".repeat(200_000));
    let folded: String = "x-same: 1\r\n".repeat(2000);
    for (what, flood) in
        [("many", many), ("one large", large), ("cookies", cookies), ("the same", folded)]
    {
        let request = format!("GET / HTTP/1.1\r\nHost: portal\r\n{flood}Connection: close\r\n\r\n");
        let heard = raw::send(&stage.house.portal, request).await;
        // Refused, or cut off while it was still being sent.
        assert!(matches!(raw::statuses(&heard)[..], [] | [400 | 431]), "{what}: {heard:.300}");
    }
    // A request line without an end.
    let heard =
        raw::send(&stage.house.portal, format!("GET /{}", "a".repeat(2 * 1024 * 1024))).await;
    assert!(matches!(raw::statuses(&heard)[..], [] | [400 | 414 | 431]), "{heard:.300}");
    stage.unharmed().await;
}

/// Every answer, whatever it is, is dressed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_wears_its_headers() {
    let stage = Stage::set().await;
    let mut pages: Vec<(String, Page)> = Vec::new();
    for door in doors(&stage).into_iter().filter(|door| door.method == Method::GET) {
        for who in [&stage.dana, &stage.eve, &stage.house.visitor()] {
            pages.push((door.name(), whole(door.knock(who)).await));
        }
    }
    for path in ["/nothing", "/pkg/nothing.js", "/api/nothing", "/favicon.svg", "/t/x"] {
        pages.push((path.into(), stage.dana.get(path).await));
    }
    for (name, page) in pages {
        // Links and the way to a file tell nobody where they came from.
        let referrer = match page.status {
            // A page in a link's place has forms; their posts must tell its origin.
            200 | 403 if name.contains("/r/") => "strict-origin",
            303 if name.contains("/r/") || name.contains("attachment") => "no-referrer",
            _ => "same-origin",
        };
        for (header, wanted) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", referrer),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(page.header(header), wanted, "{name}");
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{name}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{name}");
        assert!(page.headers.get("server").is_none(), "{name}");
        assert!(page.headers.get("x-powered-by").is_none(), "{name}");
        if page.header("content-type").starts_with("text/html") || name.contains("/api/") {
            assert!(page.header("cache-control").contains("no-store"), "{name}: {page:?}");
        }
    }
    stage.unharmed().await;
}
