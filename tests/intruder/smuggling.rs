//! Requests with two meanings: one for a proxy, another for us. Each is refused or has exactly one answer, and the
//! second request that hides in it is never carried out.

use crate::{
    house::FORM,
    raw,
    stage::{SECRET, Stage},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_one_meaning() {
    let stage = Stage::set().await;
    let cookie = stage.dana.cookie.clone().unwrap();
    let body = "text=smuggled&client_message_id=smuggled-001";
    let hidden = format!(
        "POST /t/{} HTTP/1.1\r\nHost: portal\r\nCookie: {cookie}\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
        stage.thread,
        body.len()
    );
    let n = hidden.len();
    let head =
        "POST /api/webhooks/plain HTTP/1.1\r\nHost: portal\r\nContent-Type: application/json\r\n";
    // What a proxy took for the body must be one for us, too. (The signature is wrong, so the first is a 401.)
    let as_body = [
        format!("{head}Content-Length: {n}\r\n\r\n{hidden}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{n:x}\r\n{hidden}\r\n0\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{n:x};ext=\"a\"\r\n{hidden}\r\n0\r\n\r\n"),
    ];
    for request in as_body {
        let heard = raw::send(&stage.house.portal, request.clone()).await;
        assert!(matches!(raw::statuses(&heard)[..], [400 | 401 | 413 | 429]), "{request}\n{heard}");
    }
    // And what is ambiguous is not believed either way.
    let ambiguous = [
        format!("{head}Content-Length: 2\r\nContent-Length: {n}\r\n\r\n{hidden}"),
        format!("{head}Content-Length: 2, {n}\r\n\r\n{{}}{hidden}"),
        format!("{head}Content-Length: +2\r\n\r\n{{}}"),
        format!("{head}Content-Length: 0x2\r\n\r\n{{}}"),
        format!("{head}Content-Length: -1\r\n\r\n{{}}"),
        format!("{head}Content-Length : 2\r\n\r\n{{}}"),
        format!("{head}Transfer-Encoding: identity\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        format!("{head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{hidden}"),
        format!("{head}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n"),
        format!("{head} folded: yes\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{head}Bad Name: yes\r\nContent-Length: 2\r\n\r\n{{}}"),
        format!("{head}Nul: a\0b\r\nContent-Length: 2\r\n\r\n{{}}"),
        "GET / HTTP/9.9\r\nHost: portal\r\n\r\n".into(),
        "GET  /  HTTP/1.1\r\nHost: portal\r\n\r\n".into(),
        "GET /\r\nHost: portal\r\n\r\n".into(),
        "\0\0\0\0\r\n\r\n".into(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".into(),
    ];
    for request in ambiguous {
        let heard = raw::send(&stage.house.portal, request.clone()).await;
        let statuses = raw::statuses(&heard);
        assert!(statuses.len() <= 1, "{request}\n{heard}");
        assert!(
            statuses.iter().all(|status| [400, 401, 411, 501, 505].contains(status)),
            "{request}\n{heard}"
        );
        assert!(!heard.contains(SECRET));
    }
    // Both lengths at once: chunked wins, by the standard, or nothing does; the rest is never a second request.
    let both =
        format!("{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}");
    let heard = raw::send(&stage.house.portal, both).await;
    assert!(!raw::statuses(&heard).contains(&303), "{heard}");
    stage.unharmed().await;
}
