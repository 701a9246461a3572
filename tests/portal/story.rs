//! The whole story without a line of script, as curl would tell it.

use crate::house::{Form, House, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_and_its_answer() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let form = dana.get("/").await;
    assert_eq!(form.status, 200);
    assert!(form.header("content-type").starts_with("text/html"));
    let tag = form.tag("action=\"/\"").unwrap();
    assert!(tag.starts_with("<form") && tag.contains("method=\"post\""), "{tag}");
    for name in ["name", "email", "topic", "subject", "message", "submission_id"] {
        assert!(form.tag(&format!("name=\"{name}\"")).is_some(), "{name}");
    }
    assert!(form.tag("type=\"submit\"").is_some());

    let page = dana.post("/", &Form::new(&form.value_of("submission_id")).fields()).await;
    assert_eq!(page.status, 303, "{page:?}");
    let cookie = page.header("set-cookie");
    for part in ["hotline=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let path = page.header("location").to_owned();
    let thread = path.strip_prefix("/t/").unwrap().to_owned();

    let page = dana.get(&path).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.text().contains("It stops at row 5000."), "{}", page.text());
    assert!(page.text().contains("Export stops"));
    let json = dana.messages(&thread).await;
    assert_eq!((json.status, json.header("cache-control")), (200, "no-store"));

    house.agent.answer(&thread, "Found it. Try again now.", "chat").await;
    let page = until("the answer on the page", || async {
        let page = dana.get(&path).await;
        page.text().contains("Found it. Try again now.").then_some(page)
    })
    .await;
    assert!(page.text().contains("It stops at row 5000."));

    let key = page.value_of("client_message_id");
    assert!(page.tag(&format!("action=\"{path}\"")).unwrap().contains("method=\"post\""));
    let sent = dana.reply(&thread, "Works, thank you!", &key).await;
    assert_eq!((sent.status, sent.header("location")), (303, path.as_str()), "{sent:?}");
    let text = dana.get(&path).await.text();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} in {text}"));
    assert!(at("It stops at row") < at("Found it.") && at("Found it.") < at("Works, thank you!"));
    assert_eq!(
        house.agent.chats(&thread).await,
        ["It stops at row 5000.", "Found it. Try again now.", "Works, thank you!"]
    );

    let list = dana.get("/threads").await;
    assert_eq!(list.status, 200);
    assert!(
        list.text().contains("Export stops") && list.body.contains(&format!("href=\"{path}\""))
    );
    let nobody = house.visitor().get("/threads").await;
    assert!(nobody.status == 200 && !nobody.body.contains(&path));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_submission_is_one_thread_however_often_it_is_sent() {
    let house = House::open().await;
    let form = Form::new("0123456789abcdef0123");
    let posts = (0..5).map(|_| {
        let (mut dana, form) = (house.visitor(), form.clone());
        async move { dana.ask(&form).await }
    });
    let threads = futures::future::join_all(posts).await;
    assert!(threads.iter().all(|thread| *thread == threads[0]), "{threads:?}");
    assert_eq!(house.agent.threads().await.len(), 1);
    assert_eq!(house.agent.chats(&threads[0]).await, ["It stops at row 5000."]);
    let again = house.visitor().ask(&form).await;
    assert_eq!(again, threads[0]);
    // Another key is another request, with the same words.
    let other = house.visitor().ask(&Form::new("fedcba9876543210")).await;
    assert_ne!(other, threads[0]);
    assert_eq!(house.agent.threads().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reply_is_sent_once_however_often_it_is_tried() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("reply-once-0001")).await;
    let tries = (0..4).map(|_| {
        let (mut dana, thread) = (dana.clone(), thread.clone());
        async move { dana.reply(&thread, "Any news?", "key-00000001").await.status }
    });
    assert_eq!(futures::future::join_all(tries).await, [303; 4]);
    let body = format!("threadId={thread}&text=Any+news%3F&client_message_id=key-00000001");
    let path = "/api/support/reply";
    let api = dana.send(reqwest::Method::POST, path, crate::house::FORM, body).await;
    assert_eq!(api.status, 200, "{api:?}");
    assert!(api.json()["messageId"].as_str().unwrap().starts_with("ch_"), "{api:?}");
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000.", "Any news?"]);
    assert_eq!(dana.reply(&thread, "Any news?", "key-00000002").await.status, 303);
    assert_eq!(house.agent.chats(&thread).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_comes_whole_whichever_thread_sends_it() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("whole-page-0001")).await;
    let path = format!("/t/{thread}");
    // A page is rendered on one thread and sent by another: nothing in it may insist on its own.
    for _ in 0..10 {
        let pages = futures::future::join_all((0..8).map(|_| dana.get(&path))).await;
        for page in pages {
            assert!(page.status == 200 && page.body.contains("</html>"), "{page:?}");
            assert!(page.text().contains("It stops at row 5000."));
        }
    }
}
