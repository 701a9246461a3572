//! `PLAIN_CHANNEL=slack`: visitors write in the portal, agents answer in Slack.

use crate::{
    house::{Agent, Form, House, Page, said, until},
    live::{Frame, Reader},
};
use reqwest::Method;
use serde_json::{Value, json};

const SLACK: [(&str, &str); 3] = [
    ("PLAIN_CHANNEL", "slack"),
    ("PLAIN_SLACK_TEAM_ID", "T0SANDBOX01"),
    ("PLAIN_SLACK_CHANNEL_ID", "C0SANDBOX01"),
];

fn messages(page: &Page) -> Vec<Value> {
    assert_eq!(page.status, 200, "{page:?}");
    said(&page.json())
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["text"].as_str().unwrap()).collect()
}

/// What stands in Slack: kind, actor and text of each message, oldest first.
async fn in_slack(agent: &Agent, thread: &str) -> Vec<(String, String, String)> {
    let thread = agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = thread["timelineEntries"].as_array().unwrap();
    entries
        .iter()
        .filter(|it| text(&it["entry"]["__typename"]).starts_with("Slack"))
        .map(|it| {
            let actor = text(&it["actor"]["__typename"]);
            (text(&it["entry"]["__typename"]), actor, text(&it["entry"]["text"]))
        })
        .collect()
}

/// The next event like this, whatever comes before it.
async fn heard(stream: &mut Reader, wanted: impl Fn(&Frame) -> bool) -> Frame {
    loop {
        let frame = stream.next().await.expect("the stream goes on");
        if wanted(&frame) {
            return frame;
        }
    }
}

async fn change(agent: &Agent, method: Method, entry: &str, more: &str, body: Value) {
    agent.call(method, &format!("/messages/{entry}{more}"), body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_through_slack() {
    let house = House::with(&SLACK).await;
    let agent = &house.agent;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slack-story-0001")).await;
    assert_eq!(agent.threads().await[0]["channel"], "SLACK");
    let first =
        ("SlackMessageEntry".into(), "CustomerActor".into(), "It stops at row 5000.".into());
    assert_eq!(in_slack(agent, &thread).await, [first]);
    let page = dana.messages(&thread).await;
    let all = messages(&page);
    assert_eq!(texts(&all), ["It stops at row 5000."]);
    assert_eq!(all[0]["author"]["me"], true, "{page:?}");

    let (mut stream, _) = dana.follow(&thread, None).await;
    let answer = agent.answer(&thread, "Looking at it, <@U0123ABC> too :tada:", "slack").await;
    let told = heard(&mut stream, |frame| frame.data["entry"]["id"] == answer.as_str()).await;
    assert_eq!(told.data["entry"]["author"]["role"], "agent", "{told:?}");
    assert_eq!(told.data["entry"]["text"], "Looking at it, @someone too 🎉");

    change(agent, Method::PATCH, &answer, "", json!({"text": "Looked at it."})).await;
    let edited = |it: &Value| it["text"] == "Looked at it." && it["edited"] == true;
    let told = heard(&mut stream, |frame| edited(&frame.data["entry"])).await;
    assert_eq!(told.data["eventType"], "thread.slack_message_updated");

    change(agent, Method::POST, &answer, "/reactions", json!({"name": "eyes"})).await;
    let eyes = json!([{"emoji": "👀", "count": 1}]);
    heard(&mut stream, |frame| frame.data["entry"]["reactions"] == eyes).await;
    let all = messages(&dana.messages(&thread).await);
    assert!(edited(&all[1]) && all[1]["reactions"] == eyes, "{all:?}");
    let own = agent_entry(agent, &thread, "It stops at row 5000.").await;
    change(agent, Method::POST, &own, "/reactions", json!({"name": "+1::skin-tone-4"})).await;
    heard(&mut stream, |frame| frame.data["entry"]["reactions"][0]["emoji"] == "👍🏽").await;
    let gone = json!({"name": "eyes", "action": "remove"});
    change(agent, Method::POST, &answer, "/reactions", gone).await;
    let without = |it: &Value| it["id"] == answer.as_str() && it["reactions"].is_null();
    heard(&mut stream, |frame| without(&frame.data["entry"])).await;
    assert!(without(&messages(&dana.messages(&thread).await)[1]));

    let sent = dana.reply(&thread, "Works *now* & <thanks>!", "slack-reply-0001").await;
    assert_eq!(sent.status, 303, "{sent:?}");
    let posted = in_slack(agent, &thread).await;
    let escaped = "Works *now* &amp; &lt;thanks&gt;!".to_owned();
    assert_eq!(posted[2], ("SlackReplyEntry".into(), "CustomerActor".into(), escaped));
    let all = messages(&dana.messages(&thread).await);
    assert_eq!(all[2]["text"], "Works now & <thanks>!");
    assert_eq!(all[2]["author"]["me"], true);

    change(agent, Method::DELETE, &answer, "", json!({})).await;
    let told = heard(&mut stream, |frame| frame.data["entry"]["deleted"] == true).await;
    assert_eq!(
        (&told.data["entry"]["id"], &told.data["entry"]["text"]),
        (&json!(answer), &json!(""))
    );
    let all = messages(&dana.messages(&thread).await);
    assert_eq!((&all[1]["deleted"], texts(&all)[1]), (&json!(true), ""));
    assert!(dana.get(&format!("/t/{thread}")).await.text().contains("Message deleted"));
}

/// The entry with this text.
async fn agent_entry(agent: &Agent, thread: &str, text: &str) -> String {
    let thread = agent.call(Method::GET, &format!("/threads/{thread}"), Value::Null).await;
    let entries = thread["timelineEntries"].as_array().unwrap();
    let found = entries.iter().find(|it| it["entry"]["text"] == text).expect("the entry");
    found["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_into_slack_is_sent_once_and_answers_its_entry() {
    let house = House::with(&SLACK).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slack-once-0001")).await;
    let send = |key: &str| {
        let body = format!("threadId={thread}&text=Any+news%3F&client_message_id={key}");
        let dana = dana.clone();
        async move { dana.send(Method::POST, "/api/support/reply", crate::house::FORM, body).await }
    };
    let sent = futures::future::join_all((0..4).map(|_| send("slack-key-0001"))).await;
    let ids: Vec<_> = sent.iter().map(|sent| sent.json()["messageId"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let all = messages(&dana.messages(&thread).await);
    assert_eq!(texts(&all), ["It stops at row 5000.", "Any news?"]);
    // What the tab knows its own message by.
    assert_eq!((&all[1]["id"], &all[1]["sourceId"]), (&ids[0], &ids[0]));
    // The same words under another key are another message, with another id.
    let other = send("slack-key-0002").await.json()["messageId"].clone();
    assert_ne!(other, ids[0]);
    assert_eq!(in_slack(&house.agent, &thread).await.len(), 3);
    // And a submission that is sent again opens nothing new.
    assert_eq!(house.visitor().ask(&Form::new("slack-once-0001")).await, thread);
    assert_eq!(in_slack(&house.agent, &thread).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_whose_answer_is_lost_is_found_in_slack() {
    let more = [SLACK.as_slice(), &[("PLAIN_TIMEOUT_MS", "300")]].concat();
    let house = House::with(&more).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slack-lost-0001")).await;
    house.agent.faults(json!({"graphql": {"timeoutAfterWrite": true}})).await;
    let sent = dana.reply(&thread, "Still there?", "slack-lost-key-1").await;
    assert_eq!(sent.status, 303, "{sent:?}");
    house.agent.faults(json!({})).await;
    assert_eq!(dana.reply(&thread, "Still there?", "slack-lost-key-1").await.status, 303);
    let posted = in_slack(&house.agent, &thread).await;
    assert_eq!(
        posted.iter().filter(|(_, _, text)| text == "Still there?").count(),
        1,
        "{posted:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_may_not_impersonate_is_told_of_and_loses_nothing() {
    let house = House::with(&SLACK).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("slack-forbidden-1")).await;
    house.agent.faults(json!({"graphql": {"without": ["customer:impersonate"]}})).await;
    let page = dana.reply(&thread, "Can you see this?", "slack-forbidden-k").await;
    assert_eq!(page.status, 503, "{page:?}");
    assert_eq!(page.area_of("text"), "Can you see this?");
    house.agent.faults(json!({})).await;
    assert_eq!(dana.reply(&thread, "Can you see this?", "slack-forbidden-k").await.status, 303);
    assert_eq!(in_slack(&house.agent, &thread).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_keep_their_channel_when_the_setting_changes() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::in_folder_with(folder.path(), None, &[]).await;
    let mut dana = house.visitor();
    let chat = dana.ask(&Form::new("channel-chat-001")).await;
    let (portal, sandbox) = house.addresses();
    house.close().await;

    let house = House::in_folder_with(folder.path(), Some((&portal, &sandbox)), &SLACK).await;
    assert_eq!(dana.reply(&chat, "Still a chat.", "channel-key-0001").await.status, 303);
    let chats = house.agent.chats(&chat).await;
    assert_eq!(chats, ["It stops at row 5000.", "Still a chat."]);
    let slack = dana.ask(&Form::new("channel-slack-01")).await;
    house.close().await;

    let house = House::in_folder_with(folder.path(), Some((&portal, &sandbox)), &[]).await;
    assert_eq!(dana.reply(&slack, "Still in Slack.", "channel-key-0002").await.status, 303);
    let posted = until("both in Slack", || async {
        let posted = in_slack(&house.agent, &slack).await;
        (posted.len() == 2).then_some(posted)
    })
    .await;
    assert!(posted.iter().all(|(_, actor, _)| actor == "CustomerActor"), "{posted:?}");
    house.close().await;
}
