//! What a visitor does not hold does not exist for them: page, messages, stream and reply alike.

use crate::house::{Form, House, Page, Visitor};

async fn sees_nothing(who: &mut Visitor, thread: &str, secret: &str) {
    let nothing = |page: &Page| assert!(!page.body.contains(secret), "{page:?}");
    let page = who.get(&format!("/t/{thread}")).await;
    assert_eq!(page.status, 404);
    nothing(&page);
    let messages = who.messages(thread).await;
    assert_eq!((messages.status, messages.json()["code"].as_str()), (404, Some("not_found")));
    nothing(&messages);
    let stream = Page::of(who.stream(&format!("threadId={thread}"), None).await).await;
    let wanted = if stream.json()["code"] == "no_session" { 401 } else { 404 };
    assert_eq!(stream.status, wanted, "{stream:?}");
    nothing(&stream);
    let kept = who.cookie.clone();
    let reply = who.reply(thread, "let me in", "stranger-0001").await;
    assert_eq!(reply.status, 404);
    assert!(reply.headers.get("set-cookie").is_none());
    nothing(&reply);
    who.cookie = kept;
    let body = format!("threadId={thread}&text=let+me+in&client_message_id=stranger-0002");
    let api = who.send(reqwest::Method::POST, "/api/support/reply", crate::house::FORM, body).await;
    assert_eq!((api.status, api.json()["code"].as_str()), (404, Some("not_found")));
    nothing(&who.get("/threads").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_see_nothing_and_write_nothing() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let form = Form { message: "my secret number 4711".into(), ..Form::new("isolation-0001") };
    let thread = dana.ask(&form).await;
    assert!(dana.get(&format!("/t/{thread}")).await.body.contains("4711"));

    let mut nobody = house.visitor();
    sees_nothing(&mut nobody, &thread, "4711").await;
    let stream = Page::of(nobody.stream(&format!("threadId={thread}"), None).await).await;
    assert_eq!((stream.status, stream.json()["code"].as_str()), (401, Some("no_session")));

    let mut other = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("isolation-0002") };
    assert_ne!(other.ask(&form).await, thread);
    sees_nothing(&mut other, &thread, "4711").await;
    let stream = Page::of(other.stream(&format!("threadId={thread}"), None).await).await;
    assert_eq!((stream.status, stream.json()["code"].as_str()), (404, Some("not_found")));

    // Dana's grants under another's signature, and a cookie with one letter changed.
    let (payload, _) = dana.cookie.as_ref().unwrap().rsplit_once('.').unwrap();
    let (_, signature) = other.cookie.as_ref().unwrap().rsplit_once('.').unwrap();
    let mut changed = dana.cookie.clone().unwrap().into_bytes();
    let at = "hotline=".len() + 10;
    changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
    for forged in [
        format!("{payload}.{signature}"),
        format!("{payload}."),
        payload.to_owned(),
        String::from_utf8(changed).unwrap(),
    ] {
        let mut forger = house.visitor();
        forger.cookie = Some(forged);
        sees_nothing(&mut forger, &thread, "4711").await;
    }
    assert_eq!(house.agent.chats(&thread).await, ["my secret number 4711"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_opens_nobodys_threads() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let form = Form {
        subject: "The merger".into(),
        message: "my secret number 4711".into(),
        ..Form::new("isolation-0003")
    };
    let thread = dana.ask(&form).await;

    // The same address, typed by somebody else: Plain knows one customer, the portal two browsers.
    let mut mallory = house.visitor();
    let own = mallory.ask(&Form { name: "Mallory".into(), ..Form::new("isolation-0004") }).await;
    assert_ne!(own, thread);
    let list = mallory.get("/threads").await;
    assert!(list.body.contains(&own) && !list.body.contains("merger"), "{list:?}");
    sees_nothing(&mut mallory, &thread, "4711").await;
    assert_eq!(mallory.get(&format!("/t/{own}")).await.status, 200);

    // Nor does a submission id: with another address it is another request.
    let taken = Form {
        email: "mallory@other.example".into(),
        subject: "Mine".into(),
        message: "Show me".into(),
        ..form
    };
    let answer = mallory.post("/", &taken.fields()).await;
    assert_ne!(answer.header("location"), format!("/t/{thread}"), "{answer:?}");
    sees_nothing(&mut mallory, &thread, "merger").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_websites_cannot_send_for_a_visitor() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("isolation-0005")).await;
    let body = "text=spam&client_message_id=foreign-0001";
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        for path in [format!("/t/{thread}"), "/".into(), "/api/support/create".into()] {
            let request = dana.request(reqwest::Method::POST, &path).header(name, value);
            let request = request.header("content-type", crate::house::FORM).body(body);
            let page = Page::of(request.send().await.unwrap()).await;
            assert_eq!(page.status, 403, "{path} {page:?}");
        }
    }
    assert_eq!(house.agent.chats(&thread).await.len(), 1);
    assert_eq!(house.agent.threads().await.len(), 1);
}
