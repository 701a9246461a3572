//! What changes something comes from our own pages only, whichever door it takes.

use crate::house::{FORM, Form, House, Page, Visitor};
use reqwest::Method;

const OURS: &str = "https://help.example.com";

type Headers<'a> = &'a [(&'a str, &'a str)];

/// Every state-changing route, with a body that it would take.
fn doors(thread: &str, number: usize) -> Vec<(String, String)> {
    let form = Form::new(&format!("origins-{number:04}"));
    let form = serde_urlencoded::to_string(form.fields()).unwrap();
    let key = format!("origins-{number:04}");
    vec![
        ("/".into(), form.clone()),
        (format!("/t/{thread}"), format!("text=x{number}&client_message_id={key}-a")),
        ("/api/support/create".into(), form),
        (
            "/api/support/reply".into(),
            format!("threadId={thread}&text=y{number}&client_message_id={key}-b"),
        ),
    ]
}

async fn knock(who: &Visitor, path: &str, body: &str, headers: Headers<'_>) -> Page {
    let mut request = who.request(Method::POST, path).header("content-type", FORM);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Page::of(request.body(body.to_owned()).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_pages_change_nothing() {
    let (house, _wire) = House::wired(&[("HOTLINE_PUBLIC_URL", OURS)]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("origins-own")).await;
    let host = ("host", "help.example.com");
    let foreign: [Headers<'_>; 14] = [
        &[("origin", "https://evil.example"), host],
        &[("origin", "null"), host],
        &[("origin", "null"), ("sec-fetch-site", "same-origin"), host],
        &[("origin", "http://help.example.com"), host],
        &[("origin", "https://help.example.com:8443"), host],
        &[("origin", "https://HELP.example.com"), host],
        &[("origin", "https://help.example.com."), ("host", "help.example.com.")],
        &[("origin", "https://help.example.com.evil.example"), host],
        &[("sec-fetch-site", "cross-site"), host],
        &[("sec-fetch-site", "same-site"), ("origin", OURS), host],
        &[("sec-fetch-site", "cross-site"), ("origin", OURS), host],
        &[("referer", "https://evil.example/"), host],
        // DNS rebinding: the attacker's name leads here, so its pages are of one origin with its host.
        &[
            ("origin", "http://evil.example:3000"),
            ("host", "evil.example:3000"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("referer", "http://evil.example:3000/"), ("host", "evil.example:3000")],
    ];
    for (number, headers) in foreign.into_iter().enumerate() {
        for (path, body) in doors(&thread, number) {
            let page = knock(&dana, &path, &body, headers).await;
            assert_eq!(page.status, 403, "{path} {headers:?}: {page:?}");
            assert_eq!(page.header("set-cookie"), "", "{path} {headers:?}");
            assert!(page.body.contains("another website"), "{path}: {}", page.body);
            assert_eq!(
                path.starts_with("/api/"),
                page.header("content-type") == "application/json"
            );
        }
    }
    assert_eq!(house.agent.threads().await.len(), 1);
    assert_eq!(house.agent.chats(&thread).await.len(), 1);

    // Our own pages, with script and without; behind a proxy that names another host; and no browser at all.
    let own: [Headers<'_>; 5] = [
        &[("origin", OURS), ("sec-fetch-site", "same-origin"), host],
        &[("origin", OURS), ("host", "internal:3000")],
        &[("referer", "https://help.example.com/threads"), host],
        &[("sec-fetch-site", "none"), host],
        &[],
    ];
    for (number, headers) in own.into_iter().enumerate() {
        for (path, body) in doors(&thread, 100 + number) {
            let page = knock(&dana, &path, &body, headers).await;
            let fine = if path.starts_with("/api/") { 200 } else { 303 };
            assert_eq!(page.status, fine, "{path} {headers:?}: {page:?}");
        }
    }
    assert_eq!(house.agent.chats(&thread).await.len(), 1 + 2 * own.len());
    house.close().await;
}

/// Without a public URL the request's own host is the only thing to go by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_public_url_the_host_decides() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("origins-open")).await;
    let elsewhere = house.portal.replace("http://127.0.0.1", "http://127.0.0.2");
    for origin in ["null", "https://evil.example", "http://127.0.0.1:1", &elsewhere] {
        for (path, body) in doors(&thread, 1) {
            let page = knock(&dana, &path, &body, &[("origin", origin)]).await;
            assert_eq!(page.status, 403, "{path} {origin}");
        }
    }
    for (path, body) in doors(&thread, 2) {
        let page = knock(&dana, &path, &body, &[("origin", &house.portal)]).await;
        assert!(page.status < 400, "{path}: {page:?}");
    }
    house.close().await;
}

/// The sandbox has no cookies: whoever reaches it may do everything, so a website must not reach it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sandbox_answers_to_no_websites_name() {
    let house = House::open().await;
    let sandbox = Visitor { base: house.agent.base.clone(), ..house.visitor() };
    for path in ["/", "/admin/threads", "/graphql/v1", "/desk/live", "/files/att_1", "/nothing"] {
        let rebound = sandbox.request(Method::GET, path).header("host", "evil.example:3100");
        let page = Page::of(rebound.send().await.unwrap()).await;
        assert_eq!(page.status, 421, "{path}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    for path in ["/", "/admin/threads", "/nothing"] {
        let page = sandbox.get(path).await;
        assert_ne!(page.status, 421, "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
    }
    house.close().await;
}
