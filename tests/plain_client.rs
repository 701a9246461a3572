//! The Plain client against a server that misbehaves on purpose.

#[path = "support/plain_script.rs"]
#[allow(dead_code, reason = "each test binary uses its own part")]
mod plain_script;

use hotline::server::plain::{
    ApiKey, PlainClient, PlainError, PlainSettings,
    operations::{NewThread, Page, RecordStatus},
};
use plain_script::{Act, PlainScript};
use serde_json::json;
use std::time::{Duration, Instant};

fn settings(url: url::Url) -> PlainSettings {
    PlainSettings {
        request_timeout: Duration::from_millis(400),
        backoff: Duration::from_millis(2),
        max_bytes: 64 * 1024,
        ..PlainSettings::new(url, ApiKey::new("plainApiKey_secret"))
    }
}

fn client(script: &PlainScript) -> PlainClient {
    PlainClient::new(settings(script.url.clone())).expect("a client")
}

fn me() -> Act {
    Act::Data(json!({"myMachineUser": {"id": "mu_01KQS44ER0KVVBRC15MBB8ADPP"}}))
}

const NEW: NewThread<'static> = NewThread {
    customer_id: "c_1",
    title: "Title",
    external_id: "submission-1",
    description: "Billing",
    slack: None,
    labels: &[],
    priority: None,
};

#[tokio::test]
async fn a_call_says_who_is_calling() {
    let script = PlainScript::start(|call| match call.nth {
        0 => Act::raw(500, ""),
        _ => me(),
    })
    .await;
    assert_eq!(client(&script).my_machine_user().await.unwrap(), "mu_01KQS44ER0KVVBRC15MBB8ADPP");
    let calls = script.calls();
    for call in &calls {
        assert_eq!(call.headers["authorization"], "Bearer plainApiKey_secret");
        assert_eq!(call.headers["content-type"], "application/json");
        assert!(call.headers["user-agent"].to_str().unwrap().starts_with("hotline/"));
    }
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0].headers["x-request-id"], calls[1].headers["x-request-id"]);
}

#[tokio::test]
async fn the_key_is_not_shown() {
    let settings = settings("http://127.0.0.1:9/".parse().unwrap());
    let shown = format!("{settings:?} {:?}", PlainClient::new(settings.clone()).unwrap());
    assert!(!shown.contains("secret"), "{shown}");
    let bad = PlainSettings { api_key: ApiKey::new("a\nb"), ..settings };
    assert!(PlainClient::new(bad).is_err());
}

#[tokio::test]
async fn every_bad_answer_to_a_read_is_typed() {
    let forbidden = r#"{"data":null,"errors":[{"message":"Insufficient permissions, missing \"timeline:read\".","extensions":{"code":"FORBIDDEN"}}]}"#;
    let invalid =
        r#"{"errors":[{"message":"no","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#;
    let internal = r#"{"data":null,"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#;
    let query = |code: &str| PlainError::Query { codes: vec![code.into()] };
    let cases = [
        (401, r#"{"message":"Unauthorized"}"#, PlainError::Unauthorized, 1),
        (403, "error code: 1010", PlainError::Blocked, 1),
        (403, forbidden, PlainError::Forbidden { permission: Some("timeline:read".into()) }, 1),
        (200, forbidden, PlainError::Forbidden { permission: Some("timeline:read".into()) }, 1),
        (400, invalid, query("GRAPHQL_VALIDATION_FAILED"), 1),
        (200, internal, query("INTERNAL_SERVER_ERROR"), 3),
        (500, "", PlainError::Unavailable { status: 500 }, 3),
        (502, "<html>Bad gateway</html>", PlainError::Unavailable { status: 502 }, 3),
        (404, "", PlainError::Unavailable { status: 404 }, 1),
        (307, "", PlainError::Unavailable { status: 307 }, 1),
        (429, "", PlainError::RateLimited { reset: None }, 3),
        (200, "<html>Hello</html>", PlainError::Malformed("HTML"), 3),
        (200, "", PlainError::Malformed("an empty body"), 3),
        (200, r#"{"data":{"threads":"#, PlainError::Malformed("not JSON, or cut off"), 3),
        (200, r#"{"data":null}"#, PlainError::Malformed("no data"), 3),
        (200, r#"{"data":{"threads":7}}"#, PlainError::Malformed("data of another shape"), 1),
    ];
    for (status, body, expected, tries) in cases {
        let script = PlainScript::start(move |_| Act::raw(status, body)).await;
        let error = client(&script).threads(vec!["th_1".into()], None).await.unwrap_err();
        assert_eq!(error, expected, "{status} {body}");
        assert_eq!(script.count("Threads"), tries, "{status} {body}");
    }
}

#[tokio::test]
async fn silence_and_broken_connections() {
    let script = PlainScript::start(|_| Act::Never).await;
    assert_eq!(client(&script).my_machine_user().await, Err(PlainError::Timeout));
    assert_eq!(script.count("MyMachineUser"), 3);
    let script = PlainScript::start(|_| Act::Break).await;
    assert_eq!(client(&script).my_machine_user().await, Err(PlainError::Unreachable));
    let nobody = PlainClient::new(settings("http://127.0.0.1:9/".parse().unwrap())).unwrap();
    assert_eq!(nobody.my_machine_user().await, Err(PlainError::Unreachable));
    // Nothing left this machine, so even a write's end is known.
    assert_eq!(nobody.create_thread(NEW).await, Err(PlainError::Unreachable));
}

#[tokio::test]
async fn huge_answers_are_not_read() {
    let script = PlainScript::start(|_| Act::raw(200, &"x".repeat(65 * 1024))).await;
    assert_eq!(client(&script).my_machine_user().await, Err(PlainError::Malformed("too large")));
    assert_eq!(script.count("MyMachineUser"), 1);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_if_it_is_short() {
    let limited = |after_ms: i64| {
        let reset = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(after_ms);
        let headers = vec![
            ("x-ratelimit-limit", "450".to_string()),
            ("x-ratelimit-remaining", "0".into()),
            ("x-ratelimit-reset", reset.to_string()),
        ];
        Act::Raw(429, headers, r#"{"errors":[{"message":"Too Many Requests - Rate limit exceeded","extensions":{"code":"RATE_LIMITED"}}]}"#.into())
    };
    let script = PlainScript::start(move |call| match call.nth {
        0 => limited(200),
        _ => Act::Data(json!({"createThread": {"thread": {"id": "th_1"}, "error": null}})),
    })
    .await;
    let began = Instant::now();
    assert_eq!(client(&script).create_thread(NEW).await.unwrap(), "th_1");
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert_eq!(script.count("CreateThread"), 2);

    let script = PlainScript::start(move |_| limited(60_000)).await;
    let error = client(&script).my_machine_user().await.unwrap_err();
    assert!(matches!(error, PlainError::RateLimited { reset: Some(_) }), "{error:?}");
    assert_eq!(script.count("MyMachineUser"), 1);

    // Headers that make no sense change nothing.
    let odd = |_: &plain_script::Call| {
        let headers = vec![
            ("x-ratelimit-limit", "many".to_string()),
            ("x-ratelimit-remaining", "-1".into()),
            ("x-ratelimit-reset", "soon".into()),
        ];
        let body = r#"{"data":{"myMachineUser":{"id":"mu_1"}}}"#;
        Act::Raw(200, headers, body.into())
    };
    let script = PlainScript::start(odd).await;
    assert_eq!(client(&script).my_machine_user().await.unwrap(), "mu_1");
}

#[tokio::test]
async fn a_write_with_an_unknown_end_is_not_repeated() {
    let internal = r#"{"data":{"createThread":{"thread":null,"error":{"message":"x","type":"INTERNAL","code":"internal","fields":[]}}}}"#;
    let neither = r#"{"data":{"createThread":{"thread":null,"error":null}}}"#;
    for (status, body) in [(500, ""), (200, "<html>"), (200, ""), (200, internal), (200, neither)] {
        let script = PlainScript::start(move |_| Act::raw(status, body)).await;
        let error = client(&script).create_thread(NEW).await.unwrap_err();
        assert!(matches!(error, PlainError::UnknownOutcome(_)), "{status} {body}: {error:?}");
        assert_eq!(script.calls().len(), 1, "{status} {body}");
    }
    for act in [|| Act::Never, || Act::Break] {
        let script = PlainScript::start(move |_| act()).await;
        let error = client(&script).send_customer_chat("c_1", "th_1", "Hi", &[]).await.unwrap_err();
        assert!(matches!(error, PlainError::UnknownOutcome(_)), "{error:?}");
        assert_eq!(script.calls().len(), 1);
    }
}

#[tokio::test]
async fn refused_mutations() {
    let refuse = |kind: &str, code: &str, message: &str, fields: serde_json::Value| {
        let error = json!({"message": message, "type": kind, "code": code, "fields": fields});
        json!({"upsertCustomer": {"result": null, "customer": null, "error": error}})
    };
    let field =
        json!([{"field": "email", "message": "ada@example.com is bad", "type": "A_NEW_KIND"}]);
    let data = refuse("VALIDATION", "input_validation", "There was a validation error.", field);
    let script = PlainScript::start(move |_| Act::Data(data.clone())).await;
    let error = client(&script).upsert_customer("Ada", "ada@example.com").await.unwrap_err();
    let PlainError::Rejected(fault) = &error else { panic!("{error:?}") };
    assert_eq!(
        (fault.code.as_str(), fault.fields.as_slice()),
        ("input_validation", &["email".into()][..])
    );
    assert!(!format!("{error} {error:?}").contains("ada@"));

    let data = refuse("FORBIDDEN", "forbidden", "missing \"customer:edit\"", json!([]));
    let script = PlainScript::start(move |_| Act::Data(data.clone())).await;
    let error = client(&script).upsert_customer("Ada", "ada@example.com").await.unwrap_err();
    assert_eq!(error, PlainError::Forbidden { permission: Some("customer:edit".into()) });

    let data = refuse("TYPE_OF_TOMORROW", "code_of_tomorrow", "x", json!([]));
    let script = PlainScript::start(move |_| Act::Data(data.clone())).await;
    let error = client(&script).upsert_customer("Ada", "ada@example.com").await.unwrap_err();
    assert!(matches!(error, PlainError::Rejected(_)), "{error:?}");
}

#[tokio::test]
async fn an_upsert_renames_nobody() {
    let script = PlainScript::start(|_| {
        Act::Data(json!({"upsertCustomer": {"result": "SOMETHING_NEW", "customer": {"id": "c_1"}, "error": null}}))
    })
    .await;
    let customer = client(&script).upsert_customer("Ada", "ada@example.com").await.unwrap();
    assert!(!customer.created);
    let input = script.calls()[0].variables["input"].clone();
    assert_eq!(input["onUpdate"], json!({}));
    assert_eq!(input["identifier"], json!({"emailAddress": "ada@example.com"}));
    assert_eq!(input["onCreate"]["email"]["isVerified"], false);
}

#[tokio::test]
async fn unknown_kinds_never_fail_a_read() {
    let at = json!({"iso8601": "2026-05-04T09:12:00.000Z"});
    let entry = |id: &str, actor: serde_json::Value, entry: serde_json::Value| json!({"cursor": id, "node": {"id": id, "timestamp": at, "actor": actor, "entry": entry}});
    let data = json!({"thread": {
        "id": "th_1", "ref": "T-1", "title": "x", "status": "ARCHIVED",
        "statusDetail": {"__typename": "ThreadStatusDetailOfTomorrow", "x": 1},
        "customer": {"id": "c_1", "fullName": "Ada"}, "statusChangedAt": {"iso8601": "2026-05-04T09:12:00.000Z"}, "statusChangedBy": {"__typename": "SystemActor"}, "channel": "CHAT", "lockedAt": null, "createdAt": at,
        "lastInboundMessageInfo": null, "lastOutboundMessageInfo": null,
        "timelineEntries": {
            "pageInfo": {"hasNextPage": false, "hasPreviousPage": false, "new": 1},
            "edges": [
                entry("t_1", json!({"__typename": "RobotActor", "robot": {"x": []}}), json!({"__typename": "HologramEntry", "depth": 3})),
                entry("t_2", json!({"__typename": "SystemActor", "systemId": "s"}), json!({"__typename": "NoteEntry"})),
                entry("t_3", json!({"__typename": "UserActor", "user": {"publicName": "Ines", "avatarUrl": null}}),
                    json!({"__typename": "EmailEntry", "category": "CATEGORY_OF_TOMORROW", "textContent": null, "hasMoreTextContent": false, "fullTextContent": null, "attachments": []})),
                entry("t_4", json!({"__typename": "UserActor", "user": {"publicName": "Ines", "avatarUrl": null}}),
                    json!({"__typename": "CustomEntry", "title": "x", "attachments": [], "components": [
                        {"__typename": "ComponentOfTomorrow"}, {"__typename": "ComponentText", "text": "Hi"}]})),
            ],
        },
    }});
    let script = PlainScript::start(move |_| Act::Data(data.clone())).await;
    let timeline = client(&script)
        .conversation("th_1", &["CHAT", "EMAIL"], Page::First(None), 50)
        .await
        .unwrap();
    assert_eq!(timeline.items.len(), 4);
    assert_eq!(timeline.thread.status, RecordStatus::Other);
    let variables = script.calls()[0].variables.clone();
    assert_eq!(variables, json!({"threadId": "th_1", "types": ["CHAT", "EMAIL"], "first": 50}));
}

#[tokio::test]
async fn partial_data_is_used_and_missing_things_are_missing() {
    let body = r#"{"data":{"threads":{"pageInfo":{"hasNextPage":false},"edges":[]}},"errors":[{"message":"x","path":["threads","x"],"extensions":{"code":"FORBIDDEN"}}]}"#;
    let script = PlainScript::start(move |_| Act::raw(200, body)).await;
    assert!(client(&script).threads(vec![], None).await.unwrap().threads.is_empty());
    let script = PlainScript::start(|_| Act::Data(json!({"thread": null}))).await;
    let error = client(&script).conversation("th_1", &[], Page::First(None), 50).await.unwrap_err();
    assert_eq!(error, PlainError::NotFound);
}
