//! Stopping everything and starting it again in the same folder.

use crate::{
    following::message,
    house::{Form, House},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_cookies_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder(folder.path(), None).await;
    let (portal, desk) = house.addresses();
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("restart-0001")).await;
    house.agent.answer(&thread, "before", "chat").await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let old = {
        house.agent.answer(&thread, "seen", "chat").await;
        message(&mut stream, "seen").await
    };
    house.close().await;
    // The open stream was told, and not just cut.
    let mut said = None;
    while let Some(frame) = stream.next().await {
        said = Some(frame);
    }
    let bye = said.expect("a last word").data;
    assert_eq!((bye["type"].as_str(), bye["reason"].as_str()), (Some("bye"), Some("restart")));

    let house = House::in_folder(folder.path(), Some((&portal, &desk))).await;
    assert_eq!(house.addresses(), (portal, desk));
    let page = dana.get(&format!("/t/{thread}")).await;
    assert_eq!(page.status, 200);
    for text in ["It stops at row 5000.", "before", "seen"] {
        assert!(page.text().contains(text), "{text}");
    }
    assert!(dana.get("/threads").await.body.contains(&thread));
    // A place in a history that is no more is recognised: the page reads once.
    let (mut stream, connected) = dana.follow(&thread, old.id.as_deref()).await;
    assert_eq!(connected["gap"], true);
    // Webhooks come to the new process, and the same submission is still the same thread.
    house.agent.answer(&thread, "after", "chat").await;
    message(&mut stream, "after").await;
    assert_eq!(dana.ask(&Form::new("restart-0001")).await, thread);
    assert_eq!(house.agent.threads().await.len(), 1);
    assert_eq!(
        house.agent.chats(&thread).await,
        ["It stops at row 5000.", "before", "seen", "after"]
    );
    assert_eq!(dana.reply(&thread, "thanks", "restart-key-1").await.status, 303);
    house.close().await;
}
