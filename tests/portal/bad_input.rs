//! Input that is missing, malformed, too large or of the wrong kind gets a clear, typed answer.

use crate::house::{FORM, Form, House, Page, Visitor};
use crate::live::Reader;
use hotline::server::{config::SANDBOX_SIGNING_SECRET, webhook::signature::Secret};
use reqwest::Method;
use std::io::{Read, Write};

const TEN_MB: usize = 10 * 1024 * 1024;

/// An error of the API: its status, `{"error": …, "code": …}` and the content type.
#[track_caller]
fn is_error(page: &Page, status: u16) {
    assert_eq!(page.status, status, "{page:?}");
    assert!(page.header("content-type").starts_with("application/json"), "{page:?}");
    let body = page.json();
    assert!(!body["error"].as_str().unwrap().is_empty(), "{body}");
    let code = body["code"].as_str().unwrap();
    assert!(
        !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
        "{code}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_form_keeps_every_word_and_names_every_fault() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let empty = dana.post("/", &[]).await;
    assert_eq!(empty.status, 422);
    for field in ["name", "email", "topic", "subject", "message"] {
        assert!(!empty.error_of(field).is_empty(), "{field}");
        let control = empty.tag(&format!("name=\"{field}\"")).unwrap();
        let described = control.split_once("aria-describedby=\"").unwrap().1;
        let described = described.split('"').next().unwrap();
        assert!(described.split(' ').any(|id| id == format!("{field}-error")), "{control}");
        assert!(control.contains("aria-invalid=\"true\""), "{control}");
    }

    let hostile = "</textarea><script>alert(1)</script> & \"quoted\" 'single'";
    let form = Form {
        name: format!("<b>Dana</b> {hostile}"),
        email: "\"><script>alert(2)</script>@example".into(),
        topic: "billing".into(),
        subject: format!("\"><img src=x onerror=alert(3)></title>{hostile}"),
        message: format!("first line\n\n{hostile}\n"),
        submission_id: "bad-input-0001".into(),
    };
    let page = dana.post("/", &form.fields()).await;
    assert_eq!(page.status, 422, "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(page.value_of("name"), form.name);
    assert_eq!(page.value_of("email"), form.email);
    assert_eq!(page.value_of("subject"), form.subject);
    assert_eq!(page.value_of("submission_id"), form.submission_id);
    assert_eq!(page.area_of("message").trim_end(), form.message.trim_end());
    assert!(page.tag("value=\"billing\"").unwrap().contains("selected"));
    assert!(!page.error_of("email").is_empty());
    for right in ["name", "topic", "subject", "message"] {
        assert_eq!(page.error_of(right), "", "{right}");
    }
    only_words(&page);
    assert!(house.agent.threads().await.is_empty());

    // Corrected and sent again, the hostile words are what they are: words.
    let thread = dana.ask(&Form { email: "dana@northwind.example".into(), ..form.clone() }).await;
    let page = dana.get(&format!("/t/{thread}")).await;
    assert!(page.text().contains(hostile), "{}", page.text());
    only_words(&page);
    only_words(&dana.get("/threads").await);
}

/// The conversation as the page carries it for the browser.
const CARRIED: [&str; 2] = [
    "<script type=\"application/json\" id=\"opening\">",
    "<script type=\"application/json\" id=\"words\">",
];

/// Nothing that was typed has become an element.
#[track_caller]
fn only_words(page: &Page) {
    for tag in page.tags() {
        let ours = match tag.split([' ', '>']).next().unwrap() {
            // Code has this answer's nonce; data is not run.
            "<script" => tag.contains(" nonce=\"") || CARRIED.contains(&tag),
            // The pages have pictures of their own, in what the tab copies; none of them looks like the intruder's.
            "<img" => !tag.contains("src=x") && !tag.contains("onerror"),
            "<b" => false,
            _ => true,
        };
        assert!(ours, "{tag} in {}", page.body);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_fields_are_refused_one_by_one() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let long = "x".repeat(5001);
    for (field, value) in [
        ("name", "   "),
        ("name", &long[..101]),
        ("email", "dana"),
        ("email", "dana@northwind"),
        ("email", "dana@northwind.example, eve@other.example"),
        ("topic", "nonsense"),
        ("subject", "\n"),
        ("subject", &long[..201]),
        ("message", " \r\n\t "),
        ("message", &long),
    ] {
        let form = Form::new("bad-input-0002");
        let mut fields = form.fields();
        fields.iter_mut().filter(|(name, _)| *name == field).for_each(|(_, it)| *it = value);
        let page = dana.post("/", &fields).await;
        assert_eq!(page.status, 422, "{field}={value:.20}");
        assert!(!page.error_of(field).is_empty(), "{field}={value:.20}");
        let body = serde_urlencoded::to_string(fields).unwrap();
        let api = dana.send(Method::POST, "/api/support/create", FORM, body).await;
        is_error(&api, 422);
        assert_eq!(api.json()["code"], "invalid");
        assert_eq!(api.json()["fields"][0]["field"], field);
    }
    // Without a submission id nobody could tell a second try from a second request.
    for id in ["", "short", "no spaces allowed", "ünïcödé-0001"] {
        let page = dana.post("/", &Form::new(id).fields()).await;
        assert_eq!(page.status, 422, "{id}");
        assert!(page.text().contains("send it once more"), "{}", page.text());
        assert_eq!(page.area_of("message"), "It stops at row 5000.");
        // And that can be done: the page brings a new one.
        let fresh = page.value_of("submission_id");
        assert!(fresh.len() == 32 && fresh.bytes().all(|b| b.is_ascii_hexdigit()), "{fresh}");
    }
    assert!(house.agent.threads().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_reply_keeps_its_text() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("bad-input-0003")).await;
    let long = format!("{} </textarea><script>alert(1)</script>", "y".repeat(5000));
    for (text, key) in [("", "key-00000001"), (&*long, "key-00000002"), ("Hello?", "bad key")] {
        let page = dana.reply(&thread, text, key).await;
        assert!([400, 422].contains(&page.status), "{page:?}");
        assert_eq!(page.area_of("text"), text);
        only_words(&page);
        let shown = |tag: &str| tag.contains("role=\"alert\"") && !tag.contains(" hidden");
        assert_eq!(page.tags().into_iter().filter(|tag| shown(tag)).count(), 1, "{page:?}");
    }
    // What could not be sent under a bad key can be sent with the page that came back.
    let page = dana.reply(&thread, "Hello?", "bad key").await;
    let key = page.value_of("client_message_id");
    assert_eq!(dana.reply(&thread, "Hello?", &key).await.status, 303, "key {key}");
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000.", "Hello?"]);
}

/// Announces a large body, sends it as far as it is wanted, and reads the answer's head.
fn announce(address: &str, path: &str, kind: &str, length: usize) -> String {
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(crate::house::PATIENCE)).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         expect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut sent = false;
    let mut bytes = [0; 4096];
    loop {
        let n = socket.read(&mut bytes).unwrap();
        answer.extend_from_slice(&bytes[..n]);
        if answer.starts_with(b"HTTP/1.1 100") && !sent {
            answer.clear();
            sent = true;
            // The other side may have heard enough before the end.
            let _ = socket.write_all(&vec![b'x'; length]);
        }
        let text = String::from_utf8_lossy(&answer);
        if n == 0 || (text.contains("\r\n\r\n") && !answer.starts_with(b"HTTP/1.1 100")) {
            return text.into_owned();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_are_too_much_everywhere() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("bad-input-0004")).await;
    let (address, _) = house.addresses();
    for (path, kind) in [
        ("/", FORM),
        ("/t/x", FORM),
        (&*format!("/t/{thread}"), FORM),
        ("/api/support/create", FORM),
        ("/api/support/reply", FORM),
        ("/api/webhooks/plain", "application/json"),
    ] {
        let (address, path, kind) = (address.clone(), path.to_owned(), kind.to_owned());
        let shown = path.clone();
        let answer =
            tokio::task::spawn_blocking(move || announce(&address, &path, &kind, TEN_MB)).await;
        let answer = answer.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{shown}: {answer}");
        let json = answer.to_ascii_lowercase().contains("content-type: application/json");
        assert_eq!(json, shown.starts_with("/api/"), "{shown}: {answer}");
    }
    // A browser sends it all before it listens, and reads a page then.
    let body = format!("message={}", "x".repeat(TEN_MB));
    let page = dana.send(Method::POST, "/", FORM, body.clone()).await;
    assert_eq!(page.status, 413);
    assert!(page.text().contains("more than the form can take"), "{}", page.text());
    is_error(&dana.send(Method::POST, "/api/support/create", FORM, body.clone()).await, 413);
    // Also without being told the length beforehand.
    let chunks = body.as_bytes().chunks(65536).map(|c| Ok::<_, std::io::Error>(c.to_vec()));
    let chunks: Vec<_> = chunks.collect();
    let stream = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    is_error(&dana.send(Method::POST, "/api/support/create", FORM, stream).await, 413);
    assert_eq!(house.agent.threads().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_content_types_are_refused_readably() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("bad-input-0005")).await;
    let json = r#"{"text":"hello","client_message_id":"key-00000001"}"#;
    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", "x"] {
        for path in ["/".to_owned(), format!("/t/{thread}")] {
            let page = dana.send(Method::POST, &path, kind, json).await;
            if kind.starts_with("multipart") && path != "/" {
                // The reply box sends files in this way; this is no such form.
                assert_eq!(page.status, 400, "{page:?}");
                continue;
            }
            assert_eq!(page.status, 415, "{kind} {path}");
            assert!(page.header("content-type").starts_with("text/html"));
            assert!(page.text().contains("in a way that we cannot read"), "{}", page.text());
        }
        for path in ["/api/support/create", "/api/support/reply"] {
            is_error(&dana.send(Method::POST, path, kind, json).await, 415);
        }
    }
    is_error(&dana.send(Method::POST, "/api/webhooks/plain", "text/plain", "{}").await, 415);
    // Bytes that are no text.
    let bytes = b"name=%ff%fe&message=\xff\xfe".to_vec();
    let page = dana.send(Method::POST, "/", FORM, bytes.clone()).await;
    assert!([400, 422].contains(&page.status), "{page:?}");
    assert!(page.header("content-type").starts_with("text/html"));
    let api = dana.send(Method::POST, "/api/support/create", FORM, bytes).await;
    is_error(&api, api.status);
    assert!([400, 422].contains(&api.status), "{api:?}");
    assert_eq!(house.agent.chats(&thread).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_in_place_of_ids_is_not_found() {
    let house = House::open().await;
    let mut dana = house.visitor();
    dana.ask(&Form::new("bad-input-0006")).await;
    for id in [
        "th_01KQS44ER0KVVBRC15MBB8ADPP",
        "x",
        "%00",
        "%0d%0aset-cookie:%20a=b",
        "..%2f..%2fetc%2fpasswd",
        "%ff%fe",
        "t%C3%AFt",
        "th_01KQS44ER0KVVBRC15MBB8ADPP'--",
        &"9".repeat(5000),
    ] {
        let page = dana.get(&format!("/t/{id}")).await;
        assert!([400, 404].contains(&page.status), "{id:.40}: {}", page.status);
        assert!(page.headers.get("set-cookie").is_none());
        let messages = dana.messages(id).await;
        is_error(&messages, messages.status);
        assert!([400, 404].contains(&messages.status), "{messages:?}");
        let stream = Page::of(dana.stream(&format!("threadId={id}"), None).await).await;
        is_error(&stream, stream.status);
        assert!([400, 404].contains(&stream.status), "{stream:?}");
        let reply = dana.reply(id, "hello", "key-00000001").await;
        assert!([400, 404].contains(&reply.status), "{id:.40}: {}", reply.status);
    }
    is_error(&dana.get("/api/support/messages").await, 404);
    is_error(&Page::of(dana.stream("", None).await).await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_are_outside_input() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("bad-input-0007")).await;
    let long = "9".repeat(5000);
    for cursor in ["garbage", "%00", "a%0d%0ab", "%C3%A4", "'%20or%201=1", &*long] {
        for side in ["before", "after"] {
            let query = format!("threadId={thread}&{side}={cursor}");
            is_error(&dana.get(&format!("/api/support/messages?{query}")).await, 400);
        }
        let page = dana.get(&format!("/t/{thread}?before={cursor}")).await;
        assert_eq!(page.status, 400, "{cursor:.40}");
        assert!(page.header("content-type").starts_with("text/html"));
        // A stream goes on all the same: the page is told that it may have missed something.
        let query = format!("threadId={thread}&after={cursor}");
        let mut stream = Reader::of(dana.stream(&query, None).await);
        let connected = stream.expect("connected").await;
        assert_eq!(connected.data["gap"], true, "{cursor:.40}");
        let id = connected.id.unwrap();
        assert!(
            id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
            "{id}"
        );
    }
    let both = format!("/api/support/messages?threadId={thread}&before=a&after=b");
    is_error(&dana.get(&both).await, 400);
    let last: [&[u8]; 5] = [b"garbage", b"\xff\xfe", "ä".as_bytes(), long.as_bytes(), b"a b"];
    for last in last {
        let query = format!("threadId={thread}");
        let mut stream = Reader::of(dana.stream(&query, Some(last)).await);
        assert_eq!(stream.expect("connected").await.data["gap"], true);
    }
}

async fn webhook(visitor: &Visitor, body: &str, signature: Option<&str>) -> Page {
    let request = visitor.request(Method::POST, "/api/webhooks/plain");
    let request = request.header("content-type", "application/json").body(body.to_owned());
    let request = match signature {
        Some(signature) => request.header("plain-request-signature", signature),
        None => request,
    };
    Page::of(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_that_are_not_plains_are_refused() {
    let house = House::open().await;
    let plain = house.visitor();
    let sign = |body: &str| Secret::new(SANDBOX_SIGNING_SECRET).unwrap().sign(body.as_bytes());
    let body = crate::live::chat_sent(1, "old").to_string();
    let other = Secret::new("another-secret").unwrap().sign(body.as_bytes());
    let of_another_body = sign("{}");
    for bad in [None, Some("nonsense"), Some(&*other), Some(&*of_another_body), Some("")] {
        let page = webhook(&plain, &body, bad).await;
        is_error(&page, 401);
        assert_eq!(page.json()["error"], "Invalid signature");
    }
    // Rightly signed, and still nothing: cut off, no webhook, too old.
    let half = &body[..body.len() / 2];
    for broken in [half, "", "null", "[]", "{}", "\"x\"", "{\"id\":1}"] {
        is_error(&webhook(&plain, broken, Some(&sign(broken))).await, 400);
    }
    let stale = webhook(&plain, &body, Some(&sign(&body))).await;
    is_error(&stale, 401);
    assert_eq!(stale.json()["code"], "stale");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        is_error(&plain.send(method, "/api/webhooks/plain", "application/json", "{}").await, 405);
    }
    // Who goes on guessing is slowed down, with a word about when to come back.
    let mut refused = webhook(&plain, &body, None).await;
    for _ in 0..20 {
        if refused.status == 429 {
            break;
        }
        refused = webhook(&plain, &body, None).await;
    }
    is_error(&refused, 429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    // Plain itself is not: its signature is looked at all the same.
    assert_eq!(webhook(&plain, "{}", Some(&sign("{}"))).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_routes_and_methods_answer_in_their_language() {
    let house = House::open().await;
    let visitor = house.visitor();
    for path in ["/api", "/api/", "/api/nothing", "/api/support/nothing", "/api/support/create/x"] {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            is_error(&visitor.send(method, path, FORM, "").await, 404);
        }
    }
    for (path, methods) in [
        ("/api/support/stream", [Method::POST, Method::PUT, Method::DELETE]),
        ("/api/support/messages", [Method::POST, Method::PUT, Method::DELETE]),
        ("/api/support/create", [Method::GET, Method::PUT, Method::DELETE]),
    ] {
        for method in methods {
            let page = visitor.send(method.clone(), path, FORM, "").await;
            is_error(&page, 405);
        }
    }
    for path in ["/nothing", "/t", "/t/", "/threads/x/y", "/pkg/nothing.js", "/%00", "/a%0d%0ab"] {
        let page = visitor.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path} {page:?}");
        assert!(page.text().contains("There is nothing here"), "{path}");
    }
    let page = visitor.send(Method::DELETE, "/threads", FORM, "").await;
    assert_eq!(page.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_bytes_get_a_typed_answer() {
    use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("bad-input-0099")).await;
    let pair = "(name|email|text|message|subject|intent|threadId|client_message_id|submission_id)?(=[%&+=0-9a-fA-F\\PC]{0,20})?";
    let near = prop::collection::vec(pair, 0..9).prop_map(|pairs| pairs.join("&").into_bytes());
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..600), near];
    let mut runner = TestRunner::deterministic();
    for _ in 0..100 {
        let body = bytes.new_tree(&mut runner).unwrap().current();
        for path in ["/", &format!("/t/{thread}")] {
            let page = dana.send(Method::POST, path, FORM, body.clone()).await;
            assert!([400, 422].contains(&page.status), "{path} {body:?} {page:?}");
            assert!(page.header("content-type").starts_with("text/html"));
            only_words(&page);
        }
        for route in ["create", "reply", "link"] {
            let path = format!("/api/support/{route}");
            let page = dana.send(Method::POST, &path, FORM, body.clone()).await;
            assert!([400, 404, 422].contains(&page.status), "{path} {body:?} {page:?}");
            is_error(&page, page.status);
        }
    }
    // Nothing of it arrived anywhere.
    assert_eq!(house.agent.threads().await.len(), 1);
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000."]);
}
