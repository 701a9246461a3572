//! A message looks the same whichever way it came: by an event, by a read, or in the page.

use crate::{
    following::message,
    house::{Form, House, until},
};
use reqwest::Method;
use serde_json::{Value, json};

const LINK: &str = r#"<a href="https://a.example/x" target="_blank" rel="noopener nofollow ugc">https://a.example/x</a>"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_by_event_by_read_and_in_the_page() {
    let house = House::open().await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("rendering-0001")).await;
    let (mut stream, _) = dana.follow(&thread, None).await;
    let by_event = async |stream: &mut _, text: &str| {
        message(stream, text).await.data["entry"]["html"].clone()
    };
    let by_read = async |text: &str| {
        let page = dana.messages(&thread).await.json();
        let all = page["messages"].as_array().unwrap();
        all.iter().find(|it| it["text"] == text).map(|it| it["html"].clone())
    };

    let bold = "**Found** it: https://a.example/x <b>";
    let html = format!("<p><strong>Found</strong> it: {LINK} &lt;b&gt;</p>");
    house.agent.answer(&thread, bold, "chat").await;
    assert_eq!(by_event(&mut stream, bold).await, html);
    assert_eq!(by_read(bold).await.unwrap(), html);
    let page = dana.get(&format!("/t/{thread}")).await;
    assert!(page.body.contains(&format!(">{html}</div>")), "{}", page.body);

    // Nothing more to say than the text says.
    house.agent.answer(&thread, "Just words.", "chat").await;
    assert_eq!(by_event(&mut stream, "Just words.").await, Value::Null);
    assert_eq!(by_read("Just words.").await.unwrap(), Value::Null);

    // Slack's own way to write, in the text as well; then edited, then taken back.
    let slack = "*Done*, <@U1|Ines> &amp; <https://a.example/x>";
    let entry = house.agent.answer(&thread, slack, "slack").await;
    let words = "Done, @Ines & https://a.example/x";
    let html = format!("<strong>Done</strong>, @Ines &amp; {LINK}");
    assert_eq!(by_event(&mut stream, words).await, html);
    assert_eq!(by_read(words).await.unwrap(), html);
    let message_path = format!("/messages/{entry}");
    house.agent.call(Method::PATCH, &message_path, json!({"text": "_Really_ done"})).await;
    assert_eq!(by_event(&mut stream, "Really done").await, "<em>Really</em> done");
    assert_eq!(by_read("Really done").await.unwrap(), "<em>Really</em> done");
    house.agent.call(Method::DELETE, &message_path, Value::Null).await;
    let gone = message(&mut stream, "").await.data["entry"].clone();
    assert_eq!((&gone["deleted"], &gone["html"]), (&json!(true), &Value::Null));
    assert_eq!(by_read("Really done").await, None);

    // What the customer types is what the customer sees.
    let typed = "**not bold** <i>\n  https://a.example/x";
    assert_eq!(dana.clone().reply(&thread, typed, "rendering-0002").await.status, 303);
    let html = format!("**not bold** &lt;i&gt;\n  {LINK}");
    assert_eq!(by_event(&mut stream, typed).await, html);
    let read = until("the reply", || by_read(typed)).await;
    assert_eq!(read, html);
    drop(stream);
    house.close().await;
}
