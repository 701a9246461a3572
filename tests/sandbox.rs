//! The sandbox over real sockets: calls in over HTTP, signed webhooks out to a small receiver.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use hotline::sandbox::{Data, Sandbox, SandboxSettings, TimelineOrder};
use serde_json::{Value, json};
use tokio::sync::Notify;

const KEY: &str = "plainApiKey_test";
const SECRET: &str = "signing-secret";

/// What the receiver got: headers and raw body.
type Got = (HeaderMap, Vec<u8>);

#[derive(Default)]
struct Receiver {
    got: Mutex<Vec<Got>>,
    news: Notify,
    /// Answers this many requests with 500 first.
    failures: AtomicU16,
}

impl Receiver {
    async fn listen() -> (Arc<Self>, String) {
        let receiver = Arc::new(Self::default());
        let app = axum::Router::new()
            .route("/hook", axum::routing::post(take))
            .route(
                "/away",
                axum::routing::post(|| async { axum::response::Redirect::temporary("/hook") }),
            )
            .with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (receiver, url)
    }

    /// Waits until a request satisfies `wanted`, and answers its headers and JSON.
    async fn until(&self, wanted: impl Fn(&Value) -> bool) -> (HeaderMap, Value) {
        let search = async {
            loop {
                let news = self.news.notified();
                let found = self.got.lock().unwrap().iter().find_map(|(headers, raw)| {
                    let body: Value = serde_json::from_slice(raw).unwrap();
                    wanted(&body).then(|| (headers.clone(), body))
                });
                if let Some(found) = found {
                    return found;
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), search).await.expect("the webhook came")
    }

    async fn of_type(&self, kind: &str) -> Value {
        self.until(|body| body["type"] == kind).await.1
    }
}

async fn take(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> StatusCode {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    assert_eq!(headers["plain-request-signature"], hex::encode(mac.finalize().into_bytes()));
    receiver.got.lock().unwrap().push((headers, body.to_vec()));
    receiver.news.notify_waiters();
    let left = receiver.failures.load(Ordering::SeqCst);
    if left > 0 {
        receiver.failures.store(left - 1, Ordering::SeqCst);
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::OK
}

struct Desk {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Desk {
    async fn start(data: Data, webhook_url: Option<String>) -> Self {
        let sandbox = Sandbox::start(SandboxSettings {
            addr: "127.0.0.1:0".parse().unwrap(),
            data,
            api_key: KEY.into(),
            signing_secret: SECRET.into(),
            webhook_url,
            retry_scale: 0.001,
            timeline_order: TimelineOrder::NewestFirst,
        })
        .await
        .unwrap();
        let http = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
        Self { sandbox, http }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.sandbox.addr())
    }

    async fn raw(&self, query: &str, variables: Value) -> (u16, Value) {
        let answer = self
            .http
            .post(self.sandbox.api_url())
            .bearer_auth(KEY)
            .json(&json!({"query": query, "variables": variables}))
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn ask(&self, query: &str, variables: Value) -> Value {
        let (status, body) = self.raw(query, variables).await;
        assert_eq!((status, &body["errors"]), (200, &Value::Null), "{body}");
        body["data"].clone()
    }

    async fn customer(&self, email: &str) -> String {
        let query = "mutation($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { result customer { id } error { code } } }";
        let input = json!({
            "identifier": {"emailAddress": email},
            "onCreate": {"fullName": "Dana Okafor", "email": {"email": email, "isVerified": false}},
            "onUpdate": {},
        });
        let data = self.ask(query, json!({"i": input})).await;
        data["upsertCustomer"]["customer"]["id"].as_str().unwrap().into()
    }

    async fn thread(&self, customer: &str, channel: Value) -> String {
        let query = "mutation($i: CreateThreadInput!) { createThread(input: $i) { thread { id ref status } error { code message } } }";
        let mut input =
            json!({"customerIdentifier": {"customerId": customer}, "title": "Export stops"});
        input.as_object_mut().unwrap().extend(channel.as_object().unwrap().clone());
        let data = self.ask(query, json!({"i": input})).await;
        assert_eq!(data["createThread"]["thread"]["status"], "TODO", "{data}");
        data["createThread"]["thread"]["id"].as_str().unwrap().into()
    }

    async fn say(&self, customer: &str, thread: &str, text: &str) -> Value {
        let query = "mutation($i: SendCustomerChatInput!) { sendCustomerChat(input: $i) {
            chat { id text createdBy { ...Who } } error { code type fields { field type } } } }
            fragment Who on Actor { __typename ... on CustomerActor { customer { fullName } } }";
        let input = json!({"customerId": customer, "threadId": thread, "text": text});
        self.ask(query, json!({"i": input})).await["sendCustomerChat"].clone()
    }

    async fn admin(&self, method: reqwest::Method, path: &str, body: Value) -> Value {
        let answer = self.http.request(method, self.url(path)).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    async fn entries(&self, thread: &str) -> Vec<Value> {
        let query =
            "query($t: ID!) { thread(threadId: $t) { timelineEntries(first: 100) { edges { node {
            id actor { __typename } entry { __typename
                ... on ChatEntry { chatText: text }
                ... on SlackMessageEntry { slackText: text deletedOnSlackAt { iso8601 } }
                ... on NoteEntry { noteText: text } } } } } } }";
        let data = self.ask(query, json!({"t": thread})).await;
        let edges = data["thread"]["timelineEntries"]["edges"].as_array().unwrap().clone();
        edges.into_iter().map(|edge| edge["node"].clone()).collect()
    }
}

#[tokio::test]
async fn a_chat_goes_both_ways() {
    let (receiver, hook) = Receiver::listen().await;
    let desk = Desk::start(Data::Memory, Some(hook)).await;
    let customer = desk.customer("dana@northwind.example").await;
    let thread = desk.thread(&customer, json!({"channel": "CHAT"})).await;
    let said = desk.say(&customer, &thread, "It stops at row 5000.").await;
    let author = json!({"__typename": "CustomerActor", "customer": {"fullName": "Dana Okafor"}});
    assert_eq!(said["chat"]["createdBy"], author);
    let received = receiver.of_type("thread.chat_received").await;
    assert_eq!(received["payload"]["chat"]["text"], "It stops at row 5000.");

    let path = format!("/admin/threads/{thread}/replies");
    let replied =
        desk.admin(reqwest::Method::POST, &path, json!({"text": "Found it.", "via": "chat"})).await;
    let (headers, sent) = receiver.until(|body| body["type"] == "thread.chat_sent").await;
    assert_eq!(sent["payload"]["chat"]["timelineEntryId"], replied["timelineEntryId"]);
    assert_eq!(sent["payload"]["thread"]["id"], thread);
    assert_eq!(headers["plain-event-id"], sent["id"].as_str().unwrap());
    assert_eq!(headers["plain-webhook-delivery-attempt-number"], "1");
    let moved = receiver.of_type("thread.thread_status_transitioned").await;
    assert_eq!(moved["payload"]["thread"]["statusDetail"]["type"], "WAITING_FOR_CUSTOMER");

    let kinds: Vec<_> =
        desk.entries(&thread).await.iter().map(|it| it["entry"]["__typename"].clone()).collect();
    assert_eq!(kinds, ["ThreadStatusTransitionedEntry", "ChatEntry", "ChatEntry"]);
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn failed_deliveries_are_tried_again_with_the_same_event() {
    let (receiver, hook) = Receiver::listen().await;
    receiver.failures.store(2, Ordering::SeqCst);
    let desk = Desk::start(Data::Memory, Some(hook)).await;
    let customer = desk.customer("dana@northwind.example").await;
    desk.thread(&customer, json!({})).await;
    let (_, third) =
        receiver.until(|body| body["webhookMetadata"]["webhookDeliveryAttemptNumber"] == 3).await;
    let got: Vec<Value> = {
        let got = receiver.got.lock().unwrap();
        got.iter().map(|(_, raw)| serde_json::from_slice(raw).unwrap()).collect()
    };
    assert_eq!(got.len(), 3);
    assert!(got.iter().all(|body| body["id"] == third["id"]));
    let attempts: std::collections::HashSet<_> = got
        .iter()
        .map(|body| body["webhookMetadata"]["webhookDeliveryAttemptId"].to_string())
        .collect();
    assert_eq!(attempts.len(), 3);
    // It is owed until it is answered with success.
    let path = "/admin/deliveries/pending";
    let pending = async || desk.admin(reqwest::Method::GET, path, Value::Null).await;
    let done = async { while !pending().await.as_array().unwrap().is_empty() {} };
    tokio::time::timeout(Duration::from_secs(10), done).await.expect("nothing is owed any more");
    receiver.failures.store(u16::MAX, Ordering::SeqCst);
    desk.thread(&customer, json!({})).await;
    assert_eq!(pending().await[0]["type"], "thread.thread_created");
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_history_tells() {
    let (receiver, hook) = Receiver::listen().await;
    let desk = Desk::start(Data::Memory, None).await;
    let query = "mutation($i: CreateWebhookTargetInput!) { createWebhookTarget(input: $i) { webhookTarget { id version } error { code } } }";
    let input = json!({
        "url": hook.replace("/hook", "/away"), "description": "", "isEnabled": true,
        "eventSubscriptions": [{"eventType": "thread.thread_created"}],
    });
    let made =
        desk.ask(query, json!({"i": input})).await["createWebhookTarget"]["webhookTarget"].clone();
    assert_eq!(made["version"], "2026-04-21");
    let customer = desk.customer("dana@northwind.example").await;
    desk.thread(&customer, json!({})).await;
    let history = "query($t: ID!) { webhookDeliveryAttempts(webhookTargetId: $t) { edges { node { result { __typename
        ... on WebhookDeliveryAttemptFailedResult { httpStatusCode } } } } } }";
    let result = loop {
        let data = desk.ask(history, json!({"t": made["id"]})).await;
        let first = data["webhookDeliveryAttempts"]["edges"][0]["node"]["result"].clone();
        if !first.is_null() {
            break first;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(result["httpStatusCode"], 307);
    assert!(receiver.got.lock().unwrap().is_empty());
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = Data::File(folder.path().join("sandbox.sqlite"));
    let (receiver, hook) = Receiver::listen().await;
    let desk = Desk::start(data.clone(), Some(hook.clone())).await;
    desk.admin(reqwest::Method::PUT, "/admin/faults", json!({"webhooks": {"delayMs": 60_000}}))
        .await;
    let customer = desk.customer("dana@northwind.example").await;
    let thread = desk.thread(&customer, json!({"channel": "CHAT"})).await;
    desk.say(&customer, &thread, "Still there?").await;
    desk.sandbox.shutdown().await;
    assert!(receiver.got.lock().unwrap().is_empty());

    let desk = Desk::start(data, Some(hook)).await;
    assert_eq!(desk.entries(&thread).await[0]["entry"]["chatText"], "Still there?");
    receiver.of_type("thread.chat_received").await;
    let targets = desk.ask("{ webhookTargets { edges { node { id } } } }", json!({})).await;
    assert_eq!(targets["webhookTargets"]["edges"].as_array().unwrap().len(), 1);
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn slack_messages_are_edited_deleted_and_reacted_to() {
    let (receiver, hook) = Receiver::listen().await;
    let desk = Desk::start(Data::Memory, Some(hook)).await;
    let customer = desk.customer("dana@northwind.example").await;
    let channel = json!({"channel": "SLACK", "channelDetails": {"slack": {"slackChannelId": "C0SANDBOX01", "slackTeamId": "T0SANDBOX01"}}});
    let thread = desk.thread(&customer, channel).await;
    let path = format!("/admin/threads/{thread}/replies");
    let entry =
        desk.admin(reqwest::Method::POST, &path, json!({"text": "Looking.", "via": "slack"})).await;
    let message = format!("/admin/messages/{}", entry["timelineEntryId"].as_str().unwrap());
    receiver.of_type("thread.slack_message_sent").await;
    let changed = |kind: &'static str| {
        let receiver = receiver.clone();
        async move { receiver.until(|body| body["payload"]["changeType"] == kind).await.1 }
    };
    desk.admin(reqwest::Method::PATCH, &message, json!({"text": "Looked."})).await;
    assert_eq!(changed("MESSAGE_EDITED").await["payload"]["slackMessage"]["text"], "Looked.");
    desk.admin(reqwest::Method::POST, &format!("{message}/reactions"), json!({"name": "eyes"}))
        .await;
    let change = changed("REACTIONS_CHANGED").await;
    assert_eq!(change["payload"]["reactionChange"]["reaction"]["name"], "eyes");
    desk.admin(reqwest::Method::DELETE, &message, json!({})).await;
    assert_eq!(changed("MESSAGE_DELETED").await["payload"]["slackMessage"]["text"], "");
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_deleted_customer_takes_everything_along() {
    let (receiver, hook) = Receiver::listen().await;
    let desk = Desk::start(Data::Memory, Some(hook)).await;
    let delete = "mutation($i: DeleteCustomerInput!) { deleteCustomer(input: $i) { error { code fields { field } } } }";
    let known =
        "query($t: ID!, $c: ID!) { thread(threadId: $t) { id } customer(customerId: $c) { id } }";
    let (dana, eve) = (desk.customer("dana@x.example").await, desk.customer("eve@x.example").await);
    let stays = desk.thread(&eve, json!({"channel": "CHAT"})).await;
    let mut gone = Vec::new();
    for n in 0..2 {
        let thread =
            desk.thread(&dana, json!({"channel": "CHAT", "externalId": n.to_string()})).await;
        desk.say(&dana, &thread, "A word.").await;
        gone.push(thread);
    }
    let data = desk.ask(delete, json!({"i": {"customerId": dana}})).await;
    assert_eq!(data, json!({"deleteCustomer": {"error": null}}));
    let told = receiver.of_type("customer.customer_deleted").await;
    assert_eq!(told["payload"]["previousCustomer"]["id"], dana);
    assert_eq!(told["payload"]["customer"], Value::Null);
    for thread in &gone {
        let data = desk.ask(known, json!({"t": thread, "c": dana})).await;
        assert_eq!(data, json!({"thread": null, "customer": null}));
    }
    let list = desk.admin(reqwest::Method::GET, "/admin/threads", Value::Null).await;
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["id"], stays.as_str());
    let again = desk.ask(delete, json!({"i": {"customerId": dana}})).await;
    assert_eq!(again["deleteCustomer"]["error"]["code"], "not_found");

    // The agent has a button for it, which works without script.
    let page = desk.http.get(desk.url(&format!("/threads/{stays}"))).send().await.unwrap();
    let form = format!("/threads/{stays}/delete-customer");
    assert!(page.text().await.unwrap().contains(&format!("action=\"{form}\"")));
    let page = desk.http.post(desk.url(&form)).send().await.unwrap();
    assert_eq!((page.status().as_u16(), page.url().path()), (200, "/"));
    let list = desk.admin(reqwest::Method::GET, "/admin/threads", Value::Null).await;
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn mistakes_get_plains_answers() {
    let desk = Desk::start(Data::Memory, None).await;
    let bare = reqwest::Client::builder().no_proxy().build().unwrap();
    let no_agent = bare.post(desk.sandbox.api_url()).bearer_auth(KEY).send().await.unwrap();
    assert_eq!(no_agent.status(), 403);
    assert_eq!(no_agent.text().await.unwrap(), "error code: 1010");
    let no_key = desk.http.post(desk.sandbox.api_url()).send().await.unwrap();
    assert_eq!(no_key.status(), 401);
    assert!(no_key.headers().contains_key("apigw-requestid"));
    assert_eq!(no_key.json::<Value>().await.unwrap(), json!({"message": "Unauthorized"}));

    let code =
        |(status, body): (u16, Value)| (status, body["errors"][0]["extensions"]["code"].clone());
    assert_eq!(code(desk.raw("{ thread(", json!({})).await), (400, json!("GRAPHQL_PARSE_FAILED")));
    assert_eq!(
        code(desk.raw("{ nothing }", json!({})).await),
        (400, json!("GRAPHQL_VALIDATION_FAILED"))
    );
    let query = "query($t: ID!) { thread(threadId: $t) { id } }";
    assert_eq!(code(desk.raw(query, json!({})).await), (400, json!("BAD_USER_INPUT")));
    let mixed = "{ threads(first: 2, before: \"x\") { totalCount } }";
    assert_eq!(code(desk.raw(mixed, json!({})).await), (400, json!("BAD_USER_INPUT")));
    let clash = "{ thread(threadId: \"th\") { timelineEntries { edges { node { entry {
        ... on ChatEntry { text } ... on NoteEntry { text } } } } } } }";
    assert_eq!(code(desk.raw(clash, json!({})).await), (400, json!("GRAPHQL_VALIDATION_FAILED")));
    assert_eq!(desk.ask(query, json!({"t": "th_unknown"})).await["thread"], Value::Null);

    let customer = desk.customer("dana@northwind.example").await;
    assert_eq!(desk.say(&customer, "th_unknown", "Hi").await["error"]["code"], "not_found");
    let thread = desk.thread(&customer, json!({"channel": "CHAT"})).await;
    let blank = desk.say(&customer, &thread, "  ").await;
    assert_eq!(blank["error"]["code"], "input_validation");
    assert_eq!(blank["error"]["fields"][0], json!({"field": "text", "type": "REQUIRED"}));
    let query = "mutation($i: UpsertCustomerInput!) { upsertCustomer(input: $i) { customer { id } error { code } } }";
    let input = json!({
        "identifier": {"externalId": "other"},
        "onCreate": {"fullName": "Dana", "email": {"email": "Dana@northwind.example", "isVerified": false}},
        "onUpdate": {},
    });
    let twice = desk.ask(query, json!({"i": input})).await;
    assert_eq!(twice["upsertCustomer"]["error"]["code"], "customer_already_exists_with_email");
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn fault_switches_work_and_clear() {
    let (receiver, hook) = Receiver::listen().await;
    let desk = Desk::start(Data::Memory, Some(hook)).await;
    let put = async |faults: Value| desk.admin(reqwest::Method::PUT, "/admin/faults", faults).await;
    let query = "{ myMachineUser { id } }";
    put(json!({"graphql": {"rateLimited": true}})).await;
    let (status, body) = desk.raw(query, json!({})).await;
    assert_eq!((status, &body["errors"][0]["extensions"]["code"]), (429, &json!("RATE_LIMITED")));
    put(json!({"graphql": {"status": 503}})).await;
    assert_eq!(desk.raw(query, json!({})).await.0, 503);
    put(json!({"webhooks": {"duplicate": true}})).await;
    let customer = desk.customer("dana@northwind.example").await;

    put(json!({"webhooks": {"duplicate": true}, "graphql": {"timeoutAfterWrite": true}})).await;
    let create = "mutation($i: CreateThreadInput!) { createThread(input: $i) { thread { id } } }";
    let input = json!({"i": {"customerIdentifier": {"customerId": customer}, "channel": "CHAT"}});
    let call = tokio::time::timeout(Duration::from_millis(300), desk.raw(create, input)).await;
    assert!(call.is_err(), "the answer never comes");
    receiver.of_type("thread.thread_created").await;
    put(json!({})).await;
    let threads = desk.ask("{ threads { totalCount } }", json!({})).await;
    assert_eq!(threads["threads"]["totalCount"], 1, "but the thread is there");
    let twice = async {
        while receiver.got.lock().unwrap().len() < 2 {
            receiver.news.notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), twice).await.expect("the event came twice");
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_file_is_uploaded_carried_and_downloaded() {
    let desk = Desk::start(Data::Memory, None).await;
    let customer = desk.customer("dana@northwind.example").await;
    let thread = desk.thread(&customer, json!({"channel": "CHAT"})).await;
    let announce = "mutation($i: CreateAttachmentUploadUrlInput!) { createAttachmentUploadUrl(input: $i) {
        attachmentUploadUrl { attachment { id } uploadFormUrl uploadFormData { key value } } error { code } } }";
    let input = json!({"customerId": customer, "fileName": "a.txt", "fileSizeBytes": 5, "attachmentType": "CHAT"});
    let made = desk.ask(announce, json!({"i": input})).await["createAttachmentUploadUrl"]["attachmentUploadUrl"].clone();
    let id = made["attachment"]["id"].as_str().unwrap().to_owned();
    let upload = async |content: &'static str, file_last: bool| {
        let mut form = reqwest::multipart::Form::new();
        if !file_last {
            form = form.part("file", reqwest::multipart::Part::text(content));
        }
        for pair in made["uploadFormData"].as_array().unwrap() {
            form = form.text(
                pair["key"].as_str().unwrap().to_owned(),
                pair["value"].as_str().unwrap().to_owned(),
            );
        }
        if file_last {
            form = form.part("file", reqwest::multipart::Part::text(content).file_name("a.txt"));
        }
        let url = made["uploadFormUrl"].as_str().unwrap();
        desk.http.post(url).multipart(form).send().await.unwrap().status().as_u16()
    };
    let send = "mutation($i: SendCustomerChatInput!) { sendCustomerChat(input: $i) { chat { attachments { id fileName } } error { code } } }";
    let message = json!({"i": {"customerId": customer, "threadId": thread, "attachmentIds": [id]}});
    let early = desk.ask(send, message.clone()).await;
    assert_eq!(early["sendCustomerChat"]["error"]["code"], "attachment_not_uploaded");
    assert_eq!(upload("four", true).await, 400, "the size must be exact");
    assert_eq!(upload("hello", false).await, 400, "the file must come last");
    assert_eq!(upload("hello", true).await, 204);
    let sent = desk.ask(send, message).await;
    assert_eq!(sent["sendCustomerChat"]["chat"]["attachments"][0]["fileName"], "a.txt");
    let download = "mutation($i: CreateAttachmentDownloadUrlInput!) { createAttachmentDownloadUrl(input: $i) { attachmentDownloadUrl { downloadUrl } } }";
    let made = desk.ask(download, json!({"i": {"attachmentId": id}})).await;
    let url = made["createAttachmentDownloadUrl"]["attachmentDownloadUrl"]["downloadUrl"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(desk.http.get(&url).send().await.unwrap().text().await.unwrap(), "hello");
    let forged = url.replace("expires=", "expires=9");
    assert_eq!(desk.http.get(&forged).send().await.unwrap().status(), 403);
    desk.sandbox.shutdown().await;
}

#[tokio::test]
async fn the_desk_works_without_script_and_refuses_other_sites() {
    let desk =
        Desk::start(Data::Memory, Some("http://127.0.0.1:9/api/webhooks/plain".into())).await;
    let customer = desk.customer("dana@northwind.example").await;
    let thread = desk.thread(&customer, json!({"channel": "CHAT"})).await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let page = http.get(desk.url("/")).send().await.unwrap();
    assert!(
        page.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'")
    );
    let page = page.text().await.unwrap();
    assert!(page.contains("Dana Okafor") && page.contains("http://127.0.0.1:9"));
    let url = desk.url(&format!("/threads/{thread}/reply"));
    let body = "via=chat&text=%3Cb%3Ehi%3C%2Fb%3E";
    let form =
        || http.post(&url).header("content-type", "application/x-www-form-urlencoded").body(body);
    let foreign = form().header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert!(desk.entries(&thread).await.is_empty());
    let own = form().header("origin", desk.url("")).send().await.unwrap();
    assert_eq!(
        (own.status().as_u16(), &own.headers()["location"]),
        (303, &format!("/threads/{thread}").parse().unwrap())
    );
    let page = http
        .get(desk.url(&format!("/threads/{thread}")))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("&lt;b&gt;hi&lt;/b&gt;"));
    desk.sandbox.shutdown().await;
}
