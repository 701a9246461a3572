//! The scene: Dana has a conversation worth stealing, Eve has one of her own.

use crate::{
    house::{FORM, Form, House, Page, Visitor, until},
    live::Reader,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Stands in everything that Dana and her agent wrote, and nowhere else.
pub const SECRET: &str = "heron4711";

/// The operator has a colour of their own, so that there is a file of it.
pub const ACCENT: &str = "#1a5fb4";

pub struct Stage {
    pub house: House,
    pub dana: Visitor,
    pub thread: String,
    pub eve: Visitor,
    /// A file of the agent's on Dana's conversation.
    pub file: String,
    /// The path of a resume link to Dana's conversation that somebody has tampered with.
    pub altered_link: String,
    before: String,
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(more: &[(&str, &str)]) -> Self {
        // What the doors do themselves is tested here; how often one may knock, elsewhere.
        let settings =
            [&[("HOTLINE_RATE_LIMITS", "off"), ("HOTLINE_ACCENT", ACCENT)], more].concat();
        let house = House::with(&settings).await;
        let mut dana = house.visitor();
        let form = Form {
            subject: format!("The vault {SECRET}"),
            message: format!("The code is {SECRET}"),
            ..Form::new("intruder-0001")
        };
        let thread = dana.ask(&form).await;
        let answer = json!({
            "text": format!("Changed from {SECRET}"),
            "via": "chat",
            "files": [{"fileName": format!("codes-{SECRET}.txt"), "text": SECRET}],
        });
        house.agent.call(Method::POST, &format!("/threads/{thread}/replies"), answer).await;
        let file = until("the file", async || {
            let page = dana.messages(&thread).await.json();
            let messages = page["messages"].as_array()?.clone();
            let file = messages.iter().find_map(|it| it["attachments"][0]["id"].as_str())?;
            Some(file.to_owned())
        })
        .await;
        let note = json!({"text": format!("internal {SECRET}")});
        house.agent.call(Method::POST, &format!("/threads/{thread}/notes"), note).await;
        let mut eve = house.visitor();
        let form = Form { email: "eve@other.example".into(), ..Form::new("intruder-0002") };
        eve.ask(&form).await;
        let mut altered_link = Self::link_of(&dana, &thread).await;
        let last = altered_link.pop().unwrap();
        altered_link.push(if last == 'A' { 'Q' } else { 'A' });
        let before = workspace(&house).await;
        assert!(before.contains(SECRET));
        Self { house, dana, thread, eve, file, altered_link, before }
    }

    /// The path of a fresh resume link.
    pub async fn link_of(holder: &Visitor, thread: &str) -> String {
        let body = format!("threadId={thread}");
        let page = holder.send(Method::POST, "/api/support/link", FORM, body).await;
        assert_eq!(page.status, 200, "{page:?}");
        let url = page.json()["url"].as_str().unwrap().to_owned();
        url[url.find("/r/").unwrap()..].to_owned()
    }

    /// Whatever was tried, it did nothing: Plain stands as before, and Dana and her agent talk on.
    pub async fn unharmed(mut self) {
        let after = workspace(&self.house).await;
        assert_eq!(self.before, after, "something changed at Plain");
        let (mut stream, _) = self.dana.follow(&self.thread, None).await;
        let replied = self.dana.reply(&self.thread, "Still there?", "intruder-reply").await;
        assert_eq!(replied.status, 303, "{replied:?}");
        let entry = self.house.agent.answer(&self.thread, "Always.", "chat").await;
        arrives(&mut stream, &entry).await;
        let (house, thread, dana) = (&self.house, &self.thread, &self.dana);
        until("the reply on the page", async || {
            let page = dana.get(&format!("/t/{thread}")).await;
            (page.body.contains("Still there?") && page.body.contains("Always.")).then_some(())
        })
        .await;
        assert!(house.agent.chats(thread).await.contains(&"Still there?".into()));
        drop(stream);
        self.house.close().await;
    }
}

async fn arrives(stream: &mut Reader, entry: &str) {
    while let Some(frame) = stream.next().await {
        if frame.data["entry"]["id"] == entry {
            return;
        }
    }
    panic!("the stream ended before {entry}");
}

/// Everything that the workspace holds about threads, as text.
async fn workspace(house: &House) -> String {
    let mut all = Vec::new();
    for thread in house.agent.threads().await {
        let path = format!("/threads/{}", thread["id"].as_str().unwrap());
        all.push(house.agent.call(Method::GET, &path, Value::Null).await);
    }
    serde_json::to_string_pretty(&all).unwrap()
}

/// What holds for every refusal: no secret, no insides, no cookie, no failure of ours, and dressed as everything is.
#[track_caller]
pub fn refused(what: &str, page: &Page, statuses: &[u16]) {
    assert!(statuses.contains(&page.status), "{what}: {page:?}");
    says_nothing(what, page);
    assert!(page.headers.get("set-cookie").is_none(), "{what}: {page:?}");
}

/// No secret and nothing of our insides, whatever the status.
#[track_caller]
pub fn says_nothing(what: &str, page: &Page) {
    assert!(page.status < 500, "{what}: {page:?}");
    assert!(!page.body.contains(SECRET), "{what}: {page:?}");
    for inside in ["panicked", "src/", ".rs:", "hyper::", "axum::", "leptos::", "RUST_"] {
        assert!(!page.body.contains(inside), "{what} tells of {inside}: {page:?}");
    }
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{what}: {page:?}");
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{what}");
}
