//! What an operator decides: topics, hours, how fast a form may be sent; and what lists and mails look like.

use crate::house::{Form, House, Page, until};
use reqwest::Method;
use serde_json::{Value, json};

/// What a visitor's tab tells of its zone.
fn in_zone(cookie: Option<&str>, zone: &str) -> Option<String> {
    let before = cookie.map(|cookie| format!("{cookie}; ")).unwrap_or_default();
    Some(format!("{before}hotline_tz={zone}"))
}

async fn thread_at_the_desk(house: &House, thread: &str) -> Value {
    house.agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_are_the_operators() {
    // Label types of a workspace are known once it stands.
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), None).await;
    let (portal, sandbox) = house.addresses();
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("topics-default-1")).await;
    let plain = thread_at_the_desk(&house, &thread).await;
    assert_eq!((&plain["priority"], &plain["labels"]), (&json!(2), &json!([])));
    let labelled =
        house.agent.call(Method::POST, &format!("/threads/{thread}/labels"), json!({})).await;
    assert_eq!(labelled["labelIds"].as_array().unwrap().len(), 1);
    let plain = thread_at_the_desk(&house, &thread).await;
    let label = plain["labels"][0]["labelTypeId"].as_str().unwrap().to_owned();
    house.close().await;

    let topics = format!("problem={label}:1; refund=:0|A refund & more");
    let more = [("HOTLINE_TOPICS", topics.as_str())];
    let house = House::in_folder_with(folder.path(), Some((&portal, &sandbox)), &more).await;
    let form = dana.get("/").await;
    let options = form.tags().iter().filter(|tag| tag.starts_with("<option")).count();
    assert_eq!(options, 3, "the two, and the invitation to choose");
    assert!(form.tag("value=\"refund\"").is_some() && form.text().contains("A refund & more"));
    assert!(form.tag("value=\"billing\"").is_none());
    for (topic, priority, labels) in [("problem", 1, 1), ("refund", 0, 0)] {
        let form = Form { topic: topic.into(), ..Form::new(&format!("topics-{topic}-1")) };
        let thread = thread_at_the_desk(&house, &dana.ask(&form).await).await;
        assert_eq!(thread["priority"], priority, "{topic}");
        assert_eq!(thread["labels"].as_array().unwrap().len(), labels, "{topic}");
    }
    // What is not on the list is refused, at the field.
    for topic in ["billing", "", "<b>", "Problem"] {
        let form = Form { topic: topic.into(), ..Form::new("topics-refused-1") };
        let page = dana.post("/", &form.fields()).await;
        assert_eq!(page.status, 422, "{topic}");
        assert!(!page.error_of("topic").is_empty(), "{topic}");
    }
    assert_eq!(house.agent.threads().await.len(), 3);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_sent_too_fast_goes_nowhere() {
    let house = House::with(&[("HOTLINE_FORM_MIN_MS", "600000")]).await;
    let mut robot = house.visitor();
    let key = robot.get("/").await.value_of("submission_id");
    let page = robot.post("/", &Form::new(&key).fields()).await;
    // As if it had been taken, but for a thread.
    assert_eq!((page.status, page.header("location")), (303, "/threads"), "{page:?}");
    assert_eq!(robot.cookie, None);
    assert!(house.agent.threads().await.is_empty());
    // Whoever made the key, it was not this page: that tells nothing.
    let thread = house.visitor().ask(&Form::new("fast-but-unknown-1")).await;
    assert_eq!(house.agent.threads().await[0]["id"], thread.as_str());

    let house = House::open().await;
    let mut dana = house.visitor();
    let key = dana.get("/").await.value_of("submission_id");
    dana.ask(&Form::new(&key)).await;
    assert_eq!(house.agent.threads().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hours_are_told_and_stop_nobody() {
    let hours = |page: &Page| page.tag("class=\"hours\"").is_some();
    let house = House::open().await;
    assert!(!hours(&house.visitor().get("/").await), "nothing was set");

    // Every day is a holiday but one, so that the clock does not matter: the team is back in some days.
    let today =
        jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::get("Europe/Berlin").unwrap()).date();
    let off: Vec<_> = today
        .yesterday()
        .unwrap()
        .series(jiff::ToSpan::day(1))
        .take(40)
        .map(|date| date.to_string())
        .collect();
    let off = off.join(",");
    let settings = [
        ("HOTLINE_HOURS", "mon-sun 09:00-17:00"),
        ("HOTLINE_TIME_ZONE", "Europe/Berlin"),
        ("HOTLINE_HOLIDAYS", off.as_str()),
        ("HOTLINE_ANSWER_MINUTES", "30"),
    ];
    let house = House::with(&settings).await;
    let mut dana = house.visitor();
    let form = dana.get("/").await;
    assert!(form.text().contains("at 09:00 (Europe/Berlin time)."), "{}", form.text());
    dana.cookie = in_zone(None, "Asia/Kolkata");
    let text = dana.get("/").await.text();
    // Berlin keeps summer time, Kolkata does not.
    assert!(text.contains("at 12:30.") || text.contains("at 13:30."), "{text}");
    dana.cookie = in_zone(None, "Nowhere/Here");
    assert!(dana.get("/").await.text().contains("at 09:00 (Europe/Berlin time)."));
    dana.cookie = None;
    let thread = dana.ask(&Form::new("hours-away-0001")).await;
    assert!(hours(&dana.get(&format!("/t/{thread}")).await), "nobody has answered yet");
    house.agent.answer(&thread, "Here I am.", "chat").await;
    let page = until("the answer", || async {
        let page = dana.get(&format!("/t/{thread}")).await;
        page.text().contains("Here I am.").then_some(page)
    })
    .await;
    assert!(!hours(&page), "somebody is there");

    let house = House::with(&[("HOTLINE_ANSWER_MINUTES", "120")]).await;
    let text = house.visitor().get("/").await.text();
    assert!(text.contains("We usually answer within 2 hours."), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_shows_the_last_message_and_no_internal_one() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let first = dana.ask(&Form::new("list-first-0001")).await;
    let second = dana.ask(&Form::new("list-second-001")).await;
    let list = async |dana: &crate::house::Visitor| dana.get("/api/support/threads").await.json();
    let all = list(&dana).await;
    assert_eq!((&all[0]["id"], &all[1]["id"]), (&json!(second), &json!(first)), "{all}");
    assert_eq!(
        all[0]["lastMessage"],
        json!({"name": "", "me": true, "text": "It stops at row 5000."})
    );

    house.agent.answer(&first, "**Fixed** in `v2`:\n\n- try *again*", "chat").await;
    let note = json!({"text": "internal: they pay late"});
    house.agent.call(Method::POST, &format!("/threads/{first}/notes"), note).await;
    let status = json!({"status": "DONE"});
    house.agent.call(Method::POST, &format!("/threads/{first}/status"), status).await;
    let page = dana.get("/api/support/threads").await;
    assert!(!page.body.contains("internal"), "{}", page.body);
    let all = page.json();
    assert_eq!((&all[0]["id"], &all[0]["status"]), (&json!(first), &json!("done")), "{all}");
    assert_eq!(all[0]["lastMessage"]["text"], "Fixed in v2: try again");
    assert_eq!(all[0]["lastMessage"]["me"], false);
    assert!(!all[0]["lastMessage"]["name"].as_str().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_email_quotes_is_folded_in_the_readers_language() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("mail-folded-001")).await;
    let text = "It works now.\n\nOn Mon, May 4, 2026 at 9:12 AM Dana <dana@northwind.example> wrote:\n> It stops.\n";
    let entry = house.agent.answer(&thread, text, "email").await;
    let html = |page: &Page| {
        let all = page.json()["messages"].as_array().unwrap().clone();
        let mail = all.into_iter().find(|it| it["id"] == entry.as_str())?;
        Some(mail["html"].as_str().unwrap_or_default().to_owned())
    };
    let shown = until("the mail", || async { html(&dana.messages(&thread).await) }).await;
    let folded = shown
        .split_once("<details><summary>Show quoted text</summary>")
        .unwrap_or_else(|| panic!("{shown}"));
    assert!(folded.0.contains("It works now.") && folded.1.contains("It stops."), "{shown}");
    let request = dana.request(Method::GET, &format!("/api/support/messages?threadId={thread}"));
    let german = Page::of(request.header("accept-language", "de").send().await.unwrap()).await;
    assert!(html(&german).unwrap().contains("<summary>Zitierten Text zeigen</summary>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_state_is_a_line_of_the_conversation_without_its_author() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("turned-story-01")).await;
    let turns = |page: &Page| -> Vec<Value> {
        let all = page.json()["messages"].as_array().unwrap().clone();
        all.into_iter().filter(|it| !it["turned"].is_null()).collect()
    };
    assert_eq!(turns(&dana.messages(&thread).await), [] as [Value; 0], "a new thread has none");
    let (mut stream, connected) = dana.follow(&thread, None).await;
    let path = format!("/threads/{thread}/status");
    house.agent.call(Method::POST, &path, json!({"status": "DONE"})).await;
    let frame = loop {
        let frame = stream.next().await.unwrap();
        if frame.data["status"] == "done" {
            break frame;
        }
    };
    assert_eq!(frame.data["entry"], Value::Null, "its id comes with the read");
    let page = dana.messages(&thread).await;
    let lines = turns(&page);
    assert_eq!(lines.len(), 1, "{page:?}");
    let line = &lines[0];
    assert_eq!((&line["turned"], &line["text"]), (&json!("done"), &json!("")));
    assert_eq!(line["author"], json!({"name": "", "role": "system", "me": false}));
    assert!(line["id"].as_str().unwrap().starts_with("t_") && line["html"].is_null());
    assert_eq!(page.json()["thread"]["status"], "done");

    // Changed while the visitor was away: what was missed is replayed, and the read has it.
    drop(stream);
    house.agent.call(Method::POST, &path, json!({"status": "TODO"})).await;
    let wait = json!({"status": "SNOOZED", "statusDetail": "WAITING_FOR_CUSTOMER"});
    house.agent.call(Method::POST, &path, wait).await;
    let page = until("the state as it is now", || async {
        let page = dana.messages(&thread).await;
        (page.json()["thread"]["status"] == "waitingForYou").then_some(page)
    })
    .await;
    let words: Vec<_> = turns(&page).iter().map(|it| it["turned"].clone()).collect();
    assert_eq!(words, ["done", "inProgress", "waitingForYou"]);
    let (mut stream, _) = dana.follow(&thread, connected["cursor"].as_str()).await;
    loop {
        let frame = stream.next().await.unwrap();
        if frame.data["status"] == "waitingForYou" {
            break;
        }
    }
    // Its own answer makes it the team's turn again.
    assert_eq!(dana.reply(&thread, "One more thing.", "turned-key-0001").await.status, 303);
    let page = dana.messages(&thread).await;
    assert_eq!(page.json()["thread"]["status"], "inProgress");
    assert_eq!(turns(&page).last().unwrap()["turned"], "inProgress");
}
