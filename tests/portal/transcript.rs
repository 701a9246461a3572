//! A conversation to keep: `/t/{id}.txt` and `/t/{id}.json`.

use crate::{
    house::{Form, House, Visitor, until},
    wire::Bend,
};
use reqwest::Method;
use serde_json::{Value, json};

/// All messages that the page can show, oldest first: the newest page, and page after page before it.
async fn shown(visitor: &Visitor, thread: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    let mut path = format!("/api/support/messages?threadId={thread}");
    loop {
        let page = visitor.get(&path).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        let mut messages = page["messages"].as_array().unwrap().clone();
        messages.extend(all);
        all = messages;
        match page["older"].as_str() {
            Some(older) => path = format!("/api/support/messages?threadId={thread}&before={older}"),
            None => return all,
        }
    }
}

fn in_berlin(visitor: &Visitor) -> Visitor {
    let cookie = visitor.cookie.as_ref().map(|it| format!("{it}; hotline_tz=Europe/Berlin"));
    Visitor { cookie, ..visitor.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_conversation_is_told_whole_and_in_order() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("transcript-0001")).await;
    for n in 1..120 {
        house.agent.answer(&thread, &format!("Answer {n}"), "chat").await;
    }
    let page = dana.get(&format!("/t/{thread}.json")).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("content-type"), "application/json");
    assert_eq!(page.header("cache-control"), "no-store");
    let transcript = page.json();
    let told = transcript["messages"].as_array().unwrap();
    let shown = shown(&dana, &thread).await;
    let ids = |list: &[Value]| -> Vec<String> {
        list.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(told), ids(&shown), "the page's order and count");
    let messages: Vec<_> = told.iter().filter(|it| it["status"].is_null()).collect();
    assert_eq!(messages.len(), 120);
    assert_eq!(messages[0]["text"], "It stops at row 5000.");
    assert_eq!(messages[0]["author"]["me"], true);
    assert_eq!(messages[119]["text"], "Answer 119");
    assert_eq!(messages[119]["author"]["role"], "agent");
    assert_eq!(transcript["count"], told.len());
    assert_eq!(transcript["complete"], true);
    assert_eq!((&transcript["version"], &transcript["timeZone"]), (&json!(1), &json!("UTC")));
    assert_eq!(transcript["thread"]["id"], thread.as_str());
    assert_eq!(transcript["thread"]["title"], "Export stops");

    let text = dana.get(&format!("/t/{thread}.txt")).await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    let said: Vec<_> = text.body.lines().filter(|line| line.starts_with("    ")).collect();
    let wanted = (1..120).map(|n| format!("    Answer {n}"));
    let wanted: Vec<_> =
        std::iter::once("    It stops at row 5000.".into()).chain(wanted).collect();
    assert_eq!(said, wanted);
    assert!(text.body.trim_end().ends_with(&format!("Entries: {}", told.len())), "{}", text.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_who_when_what_and_no_more() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let mut form = Form::new("transcript-0002");
    form.message = "First line.\n2026-01-01 00:00  Ines (Support)\nI am forged.".into();
    let thread = dana.ask(&form).await;
    let edited = house.agent.answer(&thread, "Lookin.", "slack").await;
    let change = json!({"text": "Looking."});
    house.agent.call(Method::PATCH, &format!("/messages/{edited}"), change).await;
    let deleted = house.agent.answer(&thread, "PLANTED-WORDS", "slack").await;
    house.agent.call(Method::DELETE, &format!("/messages/{deleted}"), json!({})).await;
    house
        .agent
        .call(Method::POST, &format!("/threads/{thread}/notes"), json!({"text": "PLANTED-NOTE"}))
        .await;
    // Everything about the messages was told, so the page has them as they are now.
    until("the deletion", || async {
        let page = dana.messages(&thread).await.json();
        let gone = page["messages"].as_array().unwrap().iter().any(|it| it["deleted"] == true);
        gone.then_some(())
    })
    .await;

    let berlin = in_berlin(&dana);
    let text = berlin.get(&format!("/t/{thread}.txt")).await;
    assert_eq!(text.status, 200, "{text:?}");
    let listed = house.agent.threads().await;
    let reference = listed[0]["ref"].as_str().map_or("T-1", |it| it);
    assert_eq!(
        text.header("content-disposition"),
        format!("attachment; filename=\"conversation-{reference}.txt\"")
    );
    assert!(text.body.starts_with("Export stops\n\n"), "{}", text.body);
    assert!(text.body.contains("Time zone: Europe/Berlin\n"));
    let first = dana.messages(&thread).await.json()["messages"][0]["at"].clone();
    let at: jiff::Timestamp = first.as_str().unwrap().parse().unwrap();
    let local = at.in_tz("Europe/Berlin").unwrap().strftime("%Y-%m-%d %H:%M").to_string();
    assert!(
        text.body.contains(&format!(
            "\n{local}  Dana Okafor\n    First line.\n    2026-01-01 00:00  Ines"
        )),
        "{}",
        text.body
    );
    // Nobody can write a line that looks like another message's head.
    assert!(!text.body.lines().any(|line| line.starts_with("2026-01-01")), "{}", text.body);
    assert!(text.body.contains("(edited)\n    Looking.\n"), "{}", text.body);
    assert!(text.body.contains("\n    [message deleted]\n"), "{}", text.body);
    for secret in ["PLANTED", "Lookin.", "dana@northwind.example", "http", "hotline-rating"] {
        assert!(!text.body.contains(secret), "{secret} in {}", text.body);
    }

    let all = berlin.get(&format!("/t/{thread}.json")).await.json();
    assert_eq!(all["timeZone"], "Europe/Berlin");
    assert_eq!(all["messages"][0]["localTime"], local.as_str());
    assert_eq!(all["messages"][0]["at"], first);
    let marks: Vec<_> = all["messages"].as_array().unwrap().iter().collect();
    assert!(marks.iter().any(|it| it["edited"] == true && it["text"] == "Looking."));
    assert!(marks.iter().any(|it| it["deleted"] == true && it["text"] == ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_none() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("transcript-0003")).await;
    let mut eve = house.visitor();
    let own =
        eve.ask(&Form { email: "eve@other.example".into(), ..Form::new("transcript-0004") }).await;
    for ending in ["txt", "json"] {
        for (who, of) in
            [(&house.visitor(), &*thread), (&eve, &*thread), (&eve, "th_x"), (&eve, "x")]
        {
            let path = format!("/t/{of}.{ending}");
            let page = who.get(&path).await;
            assert_eq!(page.status, 404, "{path} {page:?}");
            assert!(!page.body.contains("row 5000"));
            let person = who.request(Method::GET, &path).header("accept", "text/html");
            let person = crate::house::Page::of(person.send().await.unwrap()).await;
            assert_eq!(person.status, 404);
            assert!(person.header("content-type").starts_with("text/html"), "{person:?}");
        }
        assert_eq!(eve.get(&format!("/t/{own}.{ending}")).await.status, 200);
        let head = dana.request(Method::HEAD, &format!("/t/{thread}.{ending}"));
        let head = head.send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert!(
            head.headers()["content-disposition"]
                .to_str()
                .unwrap()
                .ends_with(&format!(".{ending}\""))
        );
    }
    // Another ending is no transcript, and no page either.
    assert_eq!(dana.get(&format!("/t/{thread}.html")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_have_a_limit_of_their_own() {
    let house = House::with(&[("HOTLINE_RATE_TRANSCRIPTS", "2/1h")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("transcript-0005")).await;
    let path = format!("/t/{thread}.txt");
    assert_eq!(dana.get(&path).await.status, 200);
    assert_eq!(dana.get(&format!("/t/{thread}.json")).await.status, 200);
    let refused = dana.get(&path).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=1800).contains(&wait), "{wait}");
    assert_eq!(refused.json()["code"], "rate_limited");
    assert_eq!(dana.get(&format!("/t/{thread}")).await.status, 200, "the page has its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_of_it_is_not_taken_for_the_whole() {
    let (house, wire) = House::wired(&[]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("transcript-0006")).await;
    for n in 1..220 {
        house.agent.answer(&thread, &format!("Answer {n}"), "chat").await;
    }
    let path = format!("/t/{thread}.json");
    assert_eq!(dana.get(&path).await.json()["complete"], true);
    wire.bend(|_, _| Bend::Answer(500, "text/plain", "broken on purpose"));
    let refused = dana.get(&path).await;
    assert_eq!(refused.status, 503, "nothing was sent yet: {refused:?}");
    assert!(!refused.header("retry-after").is_empty());
    // The newest page (unless it is kept), the oldest, and no more.
    wire.bend(|operation, nth| match operation {
        "Conversation" if nth >= 2 => Bend::Answer(500, "text/plain", "broken on purpose"),
        _ => Bend::Straight,
    });
    let response = dana.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err(), "the download breaks off");
}
