//! What a visitor does not hold does not exist for them: page, messages, stream and reply alike.

use crate::house::{FORM, Form, House, Page, Visitor, until};
use hotline::server::config::SANDBOX_API_KEY;
use reqwest::Method;
use serde_json::{Value, json};

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
    let api = who.send(Method::POST, "/api/support/reply", FORM, body).await;
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

/// Asks the sandbox as Plain's own customers do, with the key.
async fn graphql(house: &House, query: &str, variables: Value) -> Value {
    let request = house.visitor().http.post(format!("{}/graphql/v1", house.agent.base));
    let request = request.bearer_auth(SANDBOX_API_KEY).header("user-agent", "the-shop/1");
    let answer = request.json(&json!({"query": query, "variables": variables})).send().await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    assert!(answer["errors"].is_null(), "{answer}");
    answer["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_an_id_that_another_system_gave_a_thread() {
    let house = House::open().await;
    let mut dana = house.visitor();
    dana.ask(&Form::new("isolation-0006")).await;
    // The shop opens a thread for the same customer, under an id that is easy to guess.
    let made = graphql(
        &house,
        "mutation($input: CreateThreadInput!) {
            createThread(input: $input) { thread { id } error { message } }
        }",
        json!({"input": {
            "customerIdentifier": {"emailAddress": "dana@northwind.example"},
            "title": "Unpaid invoice 42: my secret number 4711",
            "externalId": "invoice-00042",
            "channel": "CHAT",
        }}),
    )
    .await;
    let shop = made["createThread"]["thread"]["id"].as_str().unwrap().to_owned();

    let mut mallory = house.visitor();
    let own = mallory.ask(&Form::new("invoice-00042")).await;
    assert_ne!(own, shop);
    assert!(!mallory.get("/threads").await.body.contains("invoice 42"));
    sees_nothing(&mut mallory, &shop, "4711").await;
    assert_eq!(house.agent.chats(&shop).await, [""; 0], "and nothing was written into it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_an_address_changes_nothing_about_its_owner() {
    let (house, wire) = House::wired(&[]).await;
    house.visitor().ask(&Form::new("isolation-0007")).await;
    let form = Form { name: "Mallory".into(), ..Form::new("isolation-0008") };
    house.visitor().ask(&form).await;
    let threads = house.agent.threads().await;
    assert_eq!(threads.len(), 2);
    for thread in &threads {
        assert_eq!(thread["customer"]["fullName"], "Dana Okafor");
        assert_eq!(thread["customer"]["email"], "dana@northwind.example");
    }
    let upserts = wire.inputs("UpsertCustomer");
    assert_eq!(upserts.len(), 2);
    for upsert in upserts {
        assert_eq!(upsert["input"]["onUpdate"], json!({}));
        assert_eq!(upsert["input"]["onCreate"]["email"]["isVerified"], false);
        assert_eq!(
            upsert["input"]["identifier"],
            json!({"emailAddress": "dana@northwind.example"})
        );
    }
}

/// What a visitor has no say in, by every name that somebody might try.
fn claims(other_thread: &str) -> Vec<(&'static str, String)> {
    let agent = "u_01KEKNJD80D8S85WNEYBMCBDNG";
    let customer = "c_01KQS44CX8CYA55WM6RTQ4G2RH";
    let plain = [
        ("author", "agent"),
        ("authorName", "The Support Team"),
        ("actorType", "user"),
        ("actor", agent),
        ("userId", agent),
        ("user_id", agent),
        ("impersonation", agent),
        ("role", "agent"),
        ("via", "slack"),
        ("timestamp", "2001-01-01T00:00:00.000Z"),
        ("at", "2001-01-01T00:00:00.000Z"),
        ("createdAt", "2001-01-01T00:00:00.000Z"),
        ("id", "t_01KQS44ER0KVVBRC15MBB8ADPP"),
        ("messageId", "ch_01KQS44ER0KVVBRC15MBB8ADPP"),
        ("customerId", customer),
        ("customer_id", customer),
        ("externalId", "chosen-external-id"),
        ("status", "DONE"),
        ("priority", "0"),
        ("labelTypeIds", "lt_01KQS44ER0KVVBRC15MBB8ADPP"),
        ("tenantId", "other"),
        ("isVerified", "true"),
        ("grants", other_thread),
    ];
    plain.map(|(name, value)| (name, value.to_owned())).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_speaks_as_somebody_else() {
    let (house, wire) = House::wired(&[]).await;
    let mut eve = house.visitor();
    let form = Form { email: "eve@other.example".into(), ..Form::new("isolation-0009") };
    let other = eve.ask(&form).await;
    let claims = claims(&other);
    let with_claims = |own: &[(&str, &str)]| {
        let own = own.iter().map(|(name, value)| (*name, value.to_string()));
        let all: Vec<_> = own.chain(claims.clone()).collect();
        serde_urlencoded::to_string(all).unwrap()
    };
    let began = hotline::domain::time::At::from_millis(
        i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap() - 60_000,
    );
    wire.straighten();

    // Through both doors of the form.
    let mut dana = house.visitor();
    let body = with_claims(&Form::new("isolation-0010").fields());
    let page = dana.send(Method::POST, "/", FORM, body).await;
    assert_eq!(page.status, 303, "{page:?}");
    dana.cookie = Some(page.header("set-cookie").split(';').next().unwrap().to_owned());
    let thread = page.header("location").strip_prefix("/t/").unwrap().to_owned();
    let body = with_claims(&Form::new("isolation-0011").fields());
    let api = dana.send(Method::POST, "/api/support/create", FORM, body).await;
    assert_eq!(api.status, 200, "{api:?}");
    // And of the reply box.
    let body = with_claims(&[("text", "one"), ("client_message_id", "claims-0001")]);
    let page = dana.send(Method::POST, &format!("/t/{thread}"), FORM, body).await;
    assert_eq!(page.status, 303, "{page:?}");
    let own =
        [("threadId", thread.as_str()), ("text", "two"), ("client_message_id", "claims-0002")];
    let api = dana.send(Method::POST, "/api/support/reply", FORM, with_claims(&own)).await;
    assert_eq!(api.status, 200, "{api:?}");
    let body = with_claims(&[("threadId", &thread)]);
    let api = dana.send(Method::POST, "/api/support/link", FORM, body).await;
    assert_eq!(api.status, 200, "{api:?}");

    // What reached Plain is what a visitor may say, and no field more.
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<_> = value["input"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let (opened, chats) = (wire.inputs("CreateThread"), wire.inputs("SendCustomerChat"));
    assert_eq!((opened.len(), chats.len()), (2, 4));
    for input in &opened {
        let names = ["channel", "customerIdentifier", "description", "externalId", "title"];
        assert_eq!(keys(input), names);
        assert!(!input.to_string().contains("chosen-external-id"));
    }
    for input in &chats {
        assert_eq!(keys(input), ["customerId", "text", "threadId"]);
        assert_eq!(input["input"]["customerId"], chats[0]["input"]["customerId"]);
        assert!(!input.to_string().contains("c_01KQS44CX8CYA55WM6RTQ4G2RH"));
    }
    let at_plain = house.agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    assert_eq!(at_plain["status"], "TODO");
    let entries = at_plain["timelineEntries"].as_array().unwrap();
    let said = entries.iter().filter(|it| it["entry"]["__typename"] == "ChatEntry");
    let said: Vec<_> = said.collect();
    assert_eq!(said.len(), 3);
    for entry in said {
        assert_eq!(entry["actor"]["__typename"], "CustomerActor", "{entry}");
        assert!(entry["timestamp"]["iso8601"].as_str().unwrap() > began.as_str(), "{entry}");
    }
    // The other thread got nothing, and is nobody else's now.
    assert_eq!(house.agent.chats(&other).await.len(), 1);
    assert_eq!(dana.get(&format!("/t/{other}")).await.status, 404);
    let shown = until("both replies", || async {
        let page = dana.messages(&thread).await.json();
        (page["messages"].as_array().unwrap().len() == 3).then_some(page)
    })
    .await;
    for message in shown["messages"].as_array().unwrap() {
        assert_eq!(message["author"]["role"], "customer", "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_websites_cannot_send_for_a_visitor() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("isolation-0005")).await;
    let body = "text=spam&client_message_id=foreign-0001";
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        for path in [format!("/t/{thread}"), "/".into(), "/api/support/create".into()] {
            let request = dana.request(Method::POST, &path).header(name, value);
            let request = request.header("content-type", FORM).body(body);
            let page = Page::of(request.send().await.unwrap()).await;
            assert_eq!(page.status, 403, "{path} {page:?}");
        }
    }
    assert_eq!(house.agent.chats(&thread).await.len(), 1);
    assert_eq!(house.agent.threads().await.len(), 1);
}
