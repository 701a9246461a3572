//! The visitor's list of requests.

use crate::house::{Form, House, Page, Visitor, until};
use reqwest::Method;
use serde_json::json;

/// Where a thread's link begins on the page, and what it says.
fn item(page: &Page, thread: &str) -> (usize, String) {
    let begin = page.body.find(&format!("href=\"/t/{thread}\"")).expect("the thread's link");
    let begin = page.body[..begin].rfind("<a ").unwrap();
    let end = begin + page.body[begin..].find("</a>").unwrap();
    (begin, page.body[begin..end].to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_answers_stand_out_and_come_first() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let empty = dana.get("/threads").await;
    assert!(empty.text().contains("No requests yet"), "{}", empty.text());
    let first = dana.ask(&Form::new("list-0001")).await;
    let second = dana.ask(&Form { subject: "Invoice 42".into(), ..Form::new("list-0002") }).await;
    let list = dana.get("/threads").await;
    assert!(item(&list, &second).0 < item(&list, &first).0, "the newest first");
    for thread in [&first, &second] {
        let (_, html) = item(&list, thread);
        assert!(!html.contains("data-unread") && !html.contains("New answer"), "{html}");
        assert!(html.contains("In progress"), "{html}");
    }

    house.agent.answer(&first, "We look into it.", "chat").await;
    let list = dana.get("/threads").await;
    let ((at_first, html), (at_second, other)) = (item(&list, &first), item(&list, &second));
    assert!(at_first < at_second, "an answer brings it up");
    assert!(html.contains("data-unread") && html.contains("New answer"), "{html}");
    assert!(html.contains("Waiting for you"), "{html}");
    assert!(!other.contains("data-unread"), "{other}");
    // Whoever answers has read it.
    assert_eq!(dana.reply(&first, "Thanks!", "list-reply-1").await.status, 303);
    let (_, html) = item(&dana.get("/threads").await, &first);
    assert!(!html.contains("data-unread"), "{html}");

    let path = format!("/threads/{second}/status");
    house.agent.call(Method::POST, &path, json!({"status": "DONE"})).await;
    until("the end", || async {
        let (_, html) = item(&dana.get("/threads").await, &second);
        html.contains("data-status=\"done\"").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_are_those_of_the_visitors_clock() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("list-0003")).await;
    let list = dana.get("/api/support/threads").await.json();
    let at: jiff::Timestamp = list[0]["lastActivityAt"].as_str().unwrap().parse().unwrap();
    // A zone that is never UTC, half an hour beside everybody else's.
    let cookie = dana.cookie.as_ref().map(|it| format!("{it}; hotline_tz=Asia/Kolkata"));
    let told = Visitor { cookie, ..dana.clone() };
    let there = at.in_tz("Asia/Kolkata").unwrap().strftime("%H:%M").to_string();
    let (_, html) = item(&told.get("/threads").await, &thread);
    assert!(html.contains(&there) && !html.contains("UTC"), "{there}: {html}");
    let here = at.strftime("%H:%M").to_string();
    let (_, html) = item(&dana.get("/threads").await, &thread);
    assert!(html.contains(&format!("{here} UTC")), "{html}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_elses_threads_are_listed() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let own = dana.ask(&Form::new("list-0004")).await;
    let mut eve = house.visitor();
    let other = eve.ask(&Form { subject: "Secret".into(), ..Form::new("list-0005") }).await;
    let list = dana.get("/threads").await;
    assert!(list.body.contains(&own) && !list.body.contains(&other), "{}", list.body);
    assert!(!list.body.contains("Secret"));
}
