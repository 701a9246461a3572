//! Each bucket: one too many is refused with a time to come back, nothing typed is lost, and nobody else notices.

use crate::{
    house::{FORM, Form, House, Page, Visitor, until},
    live::{chat_sent, event_id},
    wire::Bend,
};
use hotline::server::{config::SANDBOX_SIGNING_SECRET, webhook::signature::Secret};
use reqwest::Method;
use serde_json::json;

/// 429, with a time to come back that is within the hour.
#[track_caller]
pub fn wait_of(page: &Page) -> u64 {
    assert_eq!(page.status, 429, "{page:?}");
    let wait = page.header("retry-after").parse().unwrap();
    assert!((1..=3600).contains(&wait), "{wait}");
    wait
}

/// The API's answer to one too many.
#[track_caller]
pub fn limited(page: &Page) {
    wait_of(page);
    assert!(page.header("content-type").starts_with("application/json"), "{page:?}");
    let body = page.json();
    assert_eq!(body["code"], "rate_limited");
    assert!(body["error"].as_str().unwrap().contains(" again in "), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
}

/// A page's answer to one too many: a page, that says so.
#[track_caller]
fn limited_page(page: &Page) {
    wait_of(page);
    assert!(page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(page.text().contains(" again in "), "{}", page.text());
}

async fn create(visitor: &Visitor, form: &Form) -> Page {
    let body = serde_urlencoded::to_string(form.fields()).unwrap();
    visitor.send(Method::POST, "/api/support/create", FORM, body).await
}

async fn api_reply(visitor: &Visitor, thread: &str, text: &str, key: &str) -> Page {
    let fields = [("threadId", thread), ("text", text), ("client_message_id", key)];
    let body = serde_urlencoded::to_string(fields).unwrap();
    visitor.send(Method::POST, "/api/support/reply", FORM, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_thread_too_many_is_refused_and_every_word_kept() {
    let house = House::with(&[("HOTLINE_RATE_FORM", "2/1h")]).await;
    let mut dana = house.visitor();
    // The first one is nobody's yet: it made the session.
    for n in 0..3 {
        dana.ask(&Form::new(&format!("limits-form-{n}"))).await;
    }
    let form =
        Form { message: "Line one,\nline two & <b>three</b>".into(), ..Form::new("limits-form-4") };
    let page = dana.post("/", &form.fields()).await;
    limited_page(&page);
    assert!(page.text().contains("Your text is kept; please send it again in 30 minutes."));
    assert!(!page.tag("role=\"alert\"").unwrap().contains("hidden"));
    assert_eq!(page.area_of("message"), form.message);
    for name in ["name", "email", "subject", "submission_id"] {
        let typed = form.fields().into_iter().find(|(field, _)| *field == name).unwrap().1;
        assert_eq!(page.value_of(name), typed, "{name}");
    }
    assert!(page.tag("value=\"problem\"").unwrap().contains("selected"));
    limited(&create(&dana, &form).await);
    assert_eq!(house.agent.threads().await.len(), 3, "nothing reached Plain");

    // The rest of the house is open, to her and to others.
    assert_eq!(dana.get("/").await.status, 200);
    assert_eq!(dana.get("/threads").await.status, 200);
    let mut eve = house.visitor();
    eve.ask(&Form::new("limits-form-eve")).await;
    let metrics = dana.get("/metrics").await.body;
    assert!(metrics.contains("hotline_rate_limited_total{bucket=\"form\"} "), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_was_wrong_may_be_sent_corrected() {
    let one = [("HOTLINE_RATE_FORM", "1/1h"), ("HOTLINE_RATE_ADDRESS_FACTOR", "1")];
    let house = House::with(&one).await;
    let mut dana = house.visitor();
    let form = Form::new("limits-wrong-1");
    for _ in 0..10 {
        let wrong = Form { email: "dana@".into(), ..form.clone() };
        assert_eq!(dana.post("/", &wrong.fields()).await.status, 422);
        assert_eq!(create(&dana, &wrong).await.status, 422);
    }
    let thread = dana.ask(&form).await;
    limited(&create(&dana, &Form::new("limits-wrong-2")).await);
    // The same for replies.
    assert_eq!(dana.reply(&thread, "  ", "limits-key-1").await.status, 422);
    assert_eq!(dana.reply(&thread, "Corrected", "limits-key-1").await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_plain_could_not_take_is_not_counted() {
    let one = [
        ("HOTLINE_RATE_FORM", "1/1h"),
        ("HOTLINE_RATE_REPLIES", "1/1h"),
        ("HOTLINE_RATE_ADDRESS_FACTOR", "1"),
    ];
    let (house, wire) = House::wired(&one).await;
    let mut dana = house.visitor();
    let form = Form::new("limits-down-1");
    wire.bend(|_, _| Bend::Answer(500, "text/plain", "down"));
    for _ in 0..5 {
        assert_eq!(dana.post("/", &form.fields()).await.status, 503);
    }
    wire.straighten();
    let thread = dana.ask(&form).await;
    wire.bend(|operation, _| match operation {
        "SendCustomerChat" => Bend::Answer(403, "text/plain", "no"),
        _ => Bend::Straight,
    });
    for _ in 0..5 {
        assert_eq!(api_reply(&dana, &thread, "Hello?", "limits-key-2").await.status, 503);
    }
    wire.straighten();
    assert_eq!(api_reply(&dana, &thread, "Hello?", "limits-key-2").await.status, 200);
    limited(&api_reply(&dana, &thread, "Hello!", "limits-key-3").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reply_too_many_is_refused_and_its_text_kept() {
    let house = House::with(&[("HOTLINE_RATE_REPLIES", "2/1h")]).await;
    let (mut dana, mut eve) = (house.visitor(), house.visitor());
    let thread = dana.ask(&Form::new("limits-reply-1")).await;
    let other = eve.ask(&Form::new("limits-reply-2")).await;
    assert_eq!(dana.reply(&thread, "one", "limits-key-01").await.status, 303);
    assert_eq!(api_reply(&dana, &thread, "two", "limits-key-02").await.status, 200);
    let text = "three, with a\nsecond line & <i>more</i>";
    let page = dana.reply(&thread, text, "limits-key-03").await;
    limited_page(&page);
    assert_eq!(page.area_of("text"), text);
    assert_eq!(page.value_of("client_message_id"), "limits-key-03", "it cannot be sent twice");
    assert!(page.text().contains("two"), "the conversation is there");
    limited(&api_reply(&dana, &thread, text, "limits-key-03").await);
    assert_eq!(house.agent.chats(&thread).await, ["It stops at row 5000.", "one", "two"]);
    assert_eq!(eve.reply(&other, "mine", "limits-key-04").await.status, 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_reads_are_a_page_that_says_so() {
    // The first post is one without a session, the address has room.
    let house =
        House::with(&[("HOTLINE_RATE_READS", "6/1h"), ("HOTLINE_RATE_ADDRESS_FACTOR", "100")])
            .await;
    let (mut dana, mut eve) = (house.visitor(), house.visitor());
    let thread = dana.ask(&Form::new("limits-reads-1")).await;
    let path = format!("/t/{thread}");
    for _ in 0..2 {
        assert_eq!(dana.get(&path).await.status, 200);
        assert_eq!(dana.messages(&thread).await.status, 200);
        assert_eq!(dana.get("/threads").await.status, 200);
    }
    limited_page(&dana.get(&path).await);
    limited_page(&dana.get(&format!("{path}?before=x")).await);
    limited_page(&dana.get("/threads").await);
    limited(&dana.messages(&thread).await);
    // A text that cannot be sent now is not lost, though the conversation around it cannot be shown.
    let page = dana.reply(&thread, "still <here>", "limits-key-05").await;
    limited_page(&page);
    assert_eq!(page.area_of("text"), "still <here>");
    let form = Form::new("limits-reads-2");
    let page = dana.post("/", &form.fields()).await;
    limited_page(&page);
    assert_eq!(page.area_of("message"), form.message);

    // Strangers learn nothing new, and nobody else waits.
    assert_eq!(dana.get("/t/th_01KQS44ER0KVVBRC15MBB8ADPP").await.status, 404);
    let other = eve.ask(&Form::new("limits-reads-3")).await;
    assert_eq!(eve.get(&format!("/t/{other}")).await.status, 200);
    // Health, files and verified webhooks are nobody's reads.
    for _ in 0..20 {
        for path in ["/livez", "/readyz", "/metrics", "/"] {
            assert_eq!(dana.get(path).await.status, 200, "{path}");
        }
        assert_eq!(dana.get("/favicon.ico").await.status, 404);
    }
    let fresh = hotline::domain::time::At::from_millis(now());
    for n in 0..50 {
        let mut body = chat_sent(n, "signed");
        body["id"] = event_id(n).into();
        body["webhookMetadata"]["webhookDeliveryAttemptTimestamp"] = json!(fresh);
        let body = body.to_string();
        let signature = Secret::new(SANDBOX_SIGNING_SECRET).unwrap().sign(body.as_bytes());
        let request = dana.request(Method::POST, "/api/webhooks/plain").body(body);
        let request = request.header("content-type", "application/json");
        let page =
            Page::of(request.header("plain-request-signature", signature).send().await.unwrap())
                .await;
        assert_eq!(page.status, 200, "{page:?}");
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_too_many_is_told_when_to_come_back() {
    let house = House::with(&[("HOTLINE_RATE_STREAMS", "2/1h")]).await;
    let (mut dana, mut eve) = (house.visitor(), house.visitor());
    let thread = dana.ask(&Form::new("limits-stream-1")).await;
    let other = eve.ask(&Form::new("limits-stream-2")).await;
    for _ in 0..2 {
        dana.follow(&thread, None).await;
    }
    let query = format!("threadId={thread}");
    limited(&Page::of(dana.stream(&query, None).await).await);
    // Not even its existence is told to who does not hold it.
    assert_eq!(eve.stream(&query, None).await.status(), 404);
    eve.follow(&other, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_may_go_on() {
    let house = House::with(&[("HOTLINE_RATE_REPLIES", "1/2s")]).await;
    let mut dana = house.visitor();
    let thread = dana.ask(&Form::new("limits-wait-1")).await;
    let (dana, thread) = (&dana, &thread);
    let mut n = 0;
    let mut reply = || {
        n += 1;
        let key = format!("limits-wait-{n:04}");
        async move { api_reply(dana, thread, "Again", &key).await }
    };
    let refused = until("a refusal", || {
        let answer = reply();
        async move {
            let page = answer.await;
            (page.status != 200).then_some(page)
        }
    })
    .await;
    limited(&refused);
    assert!(wait_of(&refused) <= 2);
    until("being let in again", || {
        let answer = reply();
        async move { (answer.await.status == 200).then_some(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_nothing_is_limited() {
    let house = House::with(&[
        ("HOTLINE_RATE_LIMITS", "off"),
        ("HOTLINE_RATE_FORM", "1/1h"),
        ("HOTLINE_RATE_REPLIES", "1/1h"),
        ("HOTLINE_RATE_READS", "1/1h"),
        ("HOTLINE_RATE_STREAMS", "1/1h"),
        ("HOTLINE_STREAM_PER_SESSION", "1"),
    ])
    .await;
    let mut dana = house.visitor();
    let mut streams = Vec::new();
    for n in 0..3 {
        let thread = dana.ask(&Form::new(&format!("limits-off-{n}"))).await;
        streams.push(dana.follow(&thread, None).await.0);
        assert_eq!(dana.reply(&thread, "More", &format!("limits-off-key-{n}")).await.status, 303);
        assert_eq!(dana.get(&format!("/t/{thread}")).await.status, 200);
    }
    for stream in &mut streams {
        assert_eq!(stream.next().await.expect("it goes on").data["type"], "webhook");
    }
}
