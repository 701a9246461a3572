//! The desk over real sockets, against a small Plain that keeps threads and fails on demand.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[allow(dead_code, reason = "each test binary uses its own part")]
#[path = "support/plain_script.rs"]
mod plain_script;
#[path = "support/redis.rs"]
mod redis;

#[path = "desk/away.rs"]
mod away;
#[path = "desk/once.rs"]
mod once;
#[path = "desk/repair.rs"]
mod repair;

use hotline::{
    domain::{
        error::Code,
        ids::{ClientMessageId, Cursor, CustomerId, SubmissionId, ThreadId},
        live::StreamEvent,
        message::Role,
        request::Request,
        sentence::Sentence,
        thread::{Conversation, Status},
    },
    server::{
        bus::{
            Answer, BusError, EventBus, Forgotten, NewEvent, Published, Subscription,
            memory::{MemoryBus, MemoryBusSettings},
        },
        clock::FixedClock,
        desk::{
            Desk, DeskSettings,
            memory::{Memory, Recall},
        },
        plain::{ApiKey, PlainClient, PlainSettings},
    },
};
use plain_script::{Act, Call, PlainScript};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

const THREAD: &str = "th_01KQS44ER0KVVBRC15MBB8ADPP";
const ADA: &str = "c_01KQS44CX8CYA55WM6RTQ4G2RH";
const OURSELVES: &str = "mu_01KEKNVJ70GP51RQV8JJ59460C";

/// A bus of which only the head matters.
#[derive(Debug, Default)]
struct Bus {
    head: AtomicU64,
    asked: AtomicUsize,
    away: AtomicBool,
}

impl Bus {
    fn check(&self) -> Result<(), BusError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(BusError("away".into())),
            false => Ok(()),
        }
    }
}

impl EventBus for Bus {
    fn publish(&self, _: NewEvent) -> Answer<'_, Published> {
        Box::pin(async { Err(BusError("not here".into())) })
    }

    fn subscribe<'a>(&'a self, _: &'a ThreadId, _: Option<&'a Cursor>) -> Answer<'a, Subscription> {
        Box::pin(async { Err(BusError("not here".into())) })
    }

    fn whisper<'a>(&'a self, _: &'a ThreadId, _: &'a StreamEvent) -> Answer<'a, ()> {
        Box::pin(async { Err(BusError("not here".into())) })
    }

    fn head<'a>(&'a self, _: &'a ThreadId) -> Answer<'a, Cursor> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let head = self.head.load(Ordering::SeqCst);
        Box::pin(async move {
            self.check()?;
            Cursor::parse(format!("e-{head}")).map_err(|e| BusError(e.to_string()))
        })
    }

    fn belongs<'a>(&'a self, _: &'a ThreadId, _: &'a CustomerId) -> Answer<'a, bool> {
        Box::pin(async { self.check().map(|()| true) })
    }

    fn forget<'a>(&'a self, _: &'a CustomerId) -> Answer<'a, Forgotten> {
        Box::pin(async { Err(BusError("not here".into())) })
    }

    fn audience<'a>(&'a self, _: &'a ThreadId) -> Answer<'a, usize> {
        Box::pin(async { Ok(0) })
    }

    fn removed<'a>(&'a self, _: &'a ThreadId) -> Answer<'a, bool> {
        Box::pin(async { self.check().map(|()| false) })
    }

    fn health(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn id(prefix: &str, n: usize) -> String {
    format!("{prefix}_{n:026}")
}

fn stamp(ms: i64) -> Value {
    let at = jiff::Timestamp::from_millisecond(ms).expect("a time");
    json!({"iso8601": at.to_string()})
}

fn chat(n: usize, at: i64, actor: Value, text: &str) -> Value {
    let entry = json!({"__typename": "ChatEntry", "chatId": id("ch", n), "chatText": text, "attachments": []});
    json!({"id": id("t", n), "timestamp": stamp(at), "actor": actor, "entry": entry})
}

fn customer(who: &str) -> Value {
    json!({"__typename": "CustomerActor", "customerId": who, "customer": {"fullName": "Ada"}})
}

fn agent() -> Value {
    json!({"__typename": "UserActor", "user": {"publicName": "Ines", "avatarUrl": "https://x.example/i.png"}})
}

/// What the small Plain holds.
#[derive(Default)]
struct Workspace {
    newest_first: bool,
    locked: bool,
    customers: Vec<String>,
    /// External id to thread id.
    threads: HashMap<String, String>,
    /// Per thread, oldest first.
    timelines: HashMap<String, Vec<Value>>,
    made: usize,
}

type Shared = Arc<Mutex<Workspace>>;

impl Workspace {
    fn with(entries: Vec<Value>) -> Shared {
        let timelines = HashMap::from([(THREAD.to_string(), entries)]);
        Arc::new(Mutex::new(Self { timelines, ..Self::default() }))
    }

    fn thread(&self, thread: &str) -> Value {
        json!({
            "id": thread, "ref": "T-1", "title": "Export", "status": "SNOOZED",
            "statusDetail": {"__typename": "ThreadStatusDetailWaitingForCustomer"},
            "customer": {"id": ADA, "fullName": "Ada"},
            "statusChangedAt": stamp(1_000), "statusChangedBy": {"__typename": "SystemActor"}, "channel": "CHAT", "lockedAt": if self.locked { stamp(5) } else { Value::Null },
            "createdAt": stamp(1_000), "lastInboundMessageInfo": null,
            "lastOutboundMessageInfo": {"timestamp": stamp(2_000)},
        })
    }

    fn run(&mut self, call: &Call) -> Value {
        let input = &call.variables["input"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        self.made += 1;
        match call.operation.as_str() {
            "MyMachineUser" => json!({"myMachineUser": {"id": OURSELVES}}),
            "UpsertCustomer" => {
                let email = text(&input["identifier"]["emailAddress"]);
                let known = self.customers.contains(&email);
                if !known {
                    self.customers.push(email);
                }
                let result = if known { "NOOP" } else { "CREATED" };
                json!({"upsertCustomer": {"result": result, "customer": {"id": ADA}, "error": null}})
            }
            "CreateThread" => {
                let external = text(&input["externalId"]);
                assert_eq!(input["channel"], "CHAT");
                if self.threads.contains_key(&external) {
                    let error = json!({"message": "x", "type": "VALIDATION", "code": "input_validation", "fields": []});
                    return json!({"createThread": {"thread": null, "error": error}});
                }
                let thread = id("th", self.made);
                self.threads.insert(external, thread.clone());
                self.timelines.insert(thread.clone(), Vec::new());
                json!({"createThread": {"thread": {"id": thread}, "error": null}})
            }
            "ThreadByExternalId" => {
                let found = self.threads.get(&text(&call.variables["externalId"]));
                json!({"threadByExternalId": found.map(|thread| json!({"id": thread}))})
            }
            "SendCustomerChat" => {
                if self.locked {
                    let error = json!({"message": "x", "type": "VALIDATION", "code": "input_validation", "fields": []});
                    return json!({"sendCustomerChat": {"chat": null, "error": error}});
                }
                let now = jiff::Timestamp::now().as_millisecond();
                let entry = chat(self.made, now, customer(ADA), &text(&input["text"]));
                let timeline = self.timelines.get_mut(&text(&input["threadId"])).expect("a thread");
                timeline.push(entry);
                json!({"sendCustomerChat": {"chat": {"id": id("ch", self.made), "createdAt": stamp(now)}, "error": null}})
            }
            "Threads" | "Overview" => {
                let ids = call.variables["filters"]["threadIds"].as_array().expect("ids");
                let edges: Vec<_> = ids
                    .iter()
                    .map(|id| {
                        let mut node = self.thread(id.as_str().expect("an id"));
                        let ends = [("head", "first"), ("tail", "last")];
                        for (end, size) in ends.iter().filter(|_| call.operation == "Overview") {
                            let page = json!({"threadId": id, *size: call.variables["each"]});
                            let page = self.conversation(&page);
                            let nothing = json!({"edges": []});
                            let entries = page["thread"].get("timelineEntries").cloned();
                            node[*end] = entries.unwrap_or(nothing);
                        }
                        json!({"cursor": id, "node": node})
                    })
                    .collect();
                json!({"threads": {"pageInfo": {"hasNextPage": false}, "edges": edges}})
            }
            "Conversation" => self.conversation(&call.variables),
            other => panic!("{other}"),
        }
    }

    /// Relay's rules over the order that this workspace keeps.
    fn conversation(&self, variables: &Value) -> Value {
        let thread = variables["threadId"].as_str().expect("an id");
        let Some(timeline) = self.timelines.get(thread) else { return json!({"thread": null}) };
        let mut list = timeline.clone();
        if self.newest_first {
            list.reverse();
        }
        let place = |cursor: &Value| {
            let wanted = cursor.as_str()?.strip_prefix("cur:")?;
            list.iter().position(|entry| entry["id"] == wanted)
        };
        let size = |n: &Value| n.as_u64().map(|n| n as usize);
        let (mut from, mut to) = (0, list.len());
        if let Some(at) = place(&variables["after"]) {
            from = at + 1;
        }
        if let Some(at) = place(&variables["before"]) {
            to = at;
        }
        match (size(&variables["first"]), size(&variables["last"])) {
            (Some(first), None) => to = to.min(from + first),
            (None, Some(last)) => from = from.max(to.saturating_sub(last)),
            other => panic!("{other:?}"),
        }
        let edges: Vec<_> = list[from..to]
            .iter()
            .map(|entry| json!({"cursor": format!("cur:{}", entry["id"].as_str().expect("an id")), "node": entry}))
            .collect();
        let mut thread = self.thread(thread);
        thread["timelineEntries"] = json!({
            "pageInfo": {"hasNextPage": to < list.len(), "hasPreviousPage": from > 0}, "edges": edges,
        });
        json!({"thread": thread})
    }
}

/// When the workspace fails: before it executes the call, or after.
enum Fault {
    No,
    Before(Act),
    After(Act),
}

struct House {
    plain: PlainScript,
    bus: Arc<Bus>,
    desk: Desk,
    workspace: Shared,
}

impl House {
    async fn new(workspace: Shared) -> Self {
        Self::failing(workspace, |_| Fault::No).await
    }

    async fn failing(
        workspace: Shared,
        fault: impl Fn(&Call) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let shared = workspace.clone();
        let plain = PlainScript::start(move |call| {
            let fault = fault(call);
            if let Fault::Before(act) = fault {
                return act;
            }
            let data = shared.lock().expect("no panic").run(call);
            match fault {
                Fault::After(Act::When(permits, _)) => {
                    Act::When(permits, Box::new(Act::Data(data)))
                }
                Fault::After(act) => act,
                _ => Act::Data(data),
            }
        })
        .await;
        let bus = Arc::new(Bus::default());
        let desk = desk(&plain, &bus, DeskSettings::default());
        Self { plain, bus, desk, workspace }
    }
}

fn client(plain: &PlainScript) -> PlainClient {
    let settings = PlainSettings::new(plain.url.clone(), ApiKey::new("plainApiKey_x"));
    PlainClient::new(PlainSettings {
        request_timeout: Duration::from_millis(500),
        backoff: Duration::from_millis(1),
        tries: 2,
        ..settings
    })
    .expect("a client")
}

fn desk(plain: &PlainScript, bus: &Arc<Bus>, settings: DeskSettings) -> Desk {
    // A memory that is as old as the world: nothing was forgotten before it began.
    let settings =
        DeskSettings { settle: Duration::from_millis(1), look_back: Duration::ZERO, ..settings };
    Desk::new(client(plain), bus.clone(), settings)
}

fn thread() -> ThreadId {
    ThreadId::parse(THREAD).expect("an id")
}

fn key(n: usize) -> ClientMessageId {
    ClientMessageId::parse(format!("message-{n}")).expect("a key")
}

fn request() -> Request {
    Request {
        name: "Ada".into(),
        email: "ada@example.com".into(),
        topic: "problem".into(),
        subject: "Export".into(),
        message: "It stops.".into(),
        submission_id: SubmissionId::parse("submission-1").expect("a key"),
    }
}

fn hundred_and_twenty() -> Vec<Value> {
    (0..120).map(|n| chat(n, n as i64 * 1000, agent(), &format!("m{n}"))).collect()
}

fn texts(page: &Conversation) -> Vec<&str> {
    page.messages.iter().map(|message| message.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_event_is_one_read() {
    let gate = Arc::new(Semaphore::new(0));
    let permits = gate.clone();
    let house = House::failing(Workspace::with(vec![chat(1, 1, agent(), "Hi")]), move |_| {
        Fault::After(Act::When(permits.clone(), Box::new(Act::Never)))
    })
    .await;
    for event in 1..=3 {
        house.bus.head.store(event, Ordering::SeqCst);
        house.bus.asked.store(0, Ordering::SeqCst);
        let callers: Vec<_> = (0..200)
            .map(|_| {
                let desk = house.desk.clone();
                tokio::spawn(async move { desk.conversation(&thread()).await })
            })
            .collect();
        // All of them are there before Plain answers (the one who asks Plain looks at the bus twice).
        while house.bus.asked.load(Ordering::SeqCst) < 201 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(1);
        for caller in callers {
            let page = caller.await.unwrap().unwrap();
            assert_eq!(page.cursor.as_str(), format!("e-{event}"));
            assert_eq!(texts(&page), ["Hi"]);
        }
        assert_eq!(house.plain.count("Conversation") as u64, event);
    }
}

#[tokio::test]
async fn who_arrives_after_an_event_gets_no_older_read() {
    let gate = Arc::new(Semaphore::new(0));
    let permits = gate.clone();
    let house = House::failing(Workspace::with(vec![chat(1, 1, agent(), "Hi")]), move |_| {
        Fault::After(Act::When(permits.clone(), Box::new(Act::Never)))
    })
    .await;
    let desk = house.desk.clone();
    let early = tokio::spawn(async move { desk.conversation(&thread()).await });
    while house.plain.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    // The first read has its data; now something happens.
    let second = chat(2, 2, agent(), "More");
    house.workspace.lock().unwrap().timelines.get_mut(THREAD).unwrap().push(second);
    house.bus.head.store(1, Ordering::SeqCst);
    let desk = house.desk.clone();
    let late = tokio::spawn(async move { desk.conversation(&thread()).await });
    gate.add_permits(2);
    assert_eq!(texts(&early.await.unwrap().unwrap()), ["Hi"]);
    assert_eq!(texts(&late.await.unwrap().unwrap()), ["Hi", "More"]);
    assert_eq!(house.plain.count("Conversation"), 2);
}

#[tokio::test]
async fn kept_pages_age_and_own_replies_end_them() {
    let house = House::new(Workspace::with(vec![])).await;
    for _ in 0..3 {
        house.desk.conversation(&thread()).await.unwrap();
    }
    assert_eq!(house.plain.count("Conversation"), 1);
    house.desk.reply(&thread(), "Hello", &key(1)).await.unwrap();
    assert_eq!(texts(&house.desk.conversation(&thread()).await.unwrap()), ["Hello"]);
    assert_eq!(house.plain.count("Conversation"), 2);

    let ageless = DeskSettings { cache_ttl: Duration::ZERO, ..DeskSettings::default() };
    let hasty = desk(&house.plain, &house.bus, ageless);
    for _ in 0..2 {
        hasty.conversation(&thread()).await.unwrap();
    }
    assert_eq!(house.plain.count("Conversation"), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_failing_read_shares_its_end() {
    let gate = Arc::new(Semaphore::new(0));
    let permits = gate.clone();
    let house = House::failing(Workspace::with(vec![]), move |_| {
        Fault::Before(Act::When(permits.clone(), Box::new(Act::raw(401, "{}"))))
    })
    .await;
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let desk = house.desk.clone();
            tokio::spawn(async move { desk.conversation(&thread()).await })
        })
        .collect();
    while house.bus.asked.load(Ordering::SeqCst) < 51 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().code, Code::Unavailable);
    }
    assert_eq!(house.plain.calls().len(), 1);
}

#[tokio::test]
async fn pages_in_either_order() {
    for newest_first in [false, true] {
        let workspace = Workspace::with(hundred_and_twenty());
        workspace.lock().unwrap().newest_first = newest_first;
        let house = House::new(workspace).await;
        let newest = house.desk.conversation(&thread()).await.unwrap();
        // In the order that was not expected, one read went to the wrong end.
        assert_eq!(house.plain.count("Conversation"), if newest_first { 1 } else { 2 });
        assert_eq!((texts(&newest)[0], texts(&newest)[49]), ("m70", "m119"));
        let place = newest.older.clone().unwrap();
        assert!(place.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{place}");
        let middle = house.desk.older(&thread(), &place).await.unwrap();
        assert_eq!((texts(&middle)[0], texts(&middle)[49]), ("m20", "m69"));
        let oldest = house.desk.older(&thread(), middle.older.as_deref().unwrap()).await.unwrap();
        assert_eq!((texts(&oldest)[0], texts(&oldest)[19]), ("m0", "m19"));
        assert_eq!(oldest.older, None);
        let forward = house.desk.newer(&thread(), middle.older.as_deref().unwrap()).await.unwrap();
        assert_eq!((texts(&forward)[0], texts(&forward)[49]), ("m21", "m70"));
        // What was learned holds.
        let calls = house.plain.calls().len();
        house.bus.head.store(9, Ordering::SeqCst);
        house.desk.conversation(&thread()).await.unwrap();
        assert_eq!(house.plain.calls().len(), calls + 1);
    }
}

#[tokio::test]
async fn foreign_page_cursors_reach_nobody() {
    let house = House::new(Workspace::with(vec![])).await;
    for bad in ["", "n", "../../x", "n\u{0}", &"n".repeat(5000)] {
        assert_eq!(house.desk.older(&thread(), bad).await.unwrap_err().code, Code::BadRequest);
        assert_eq!(house.desk.newer(&thread(), bad).await.unwrap_err().code, Code::BadRequest);
    }
    assert!(house.plain.calls().is_empty());
}

#[tokio::test]
async fn only_what_a_visitor_may_see() {
    let entry = |n: usize, actor: Value, entry: Value| json!({"id": id("t", n), "timestamp": stamp(n as i64), "actor": actor, "entry": entry});
    let mail = |category: &str| json!({"__typename": "EmailEntry", "category": category, "textContent": "mail", "hasMoreTextContent": false, "fullTextContent": null, "emailMarkdown": "**mail**", "attachments": []});
    let slack = |deleted: Value, edited: Value| {
        json!({"__typename": "SlackReplyEntry", "slackText": "slack", "reactions": [], "deletedOnSlackAt": deleted, "lastEditedOnSlackAt": edited,
            "attachments": [{"id": id("att", 1), "fileName": "a.png", "fileMimeType": "image/png", "fileSize": {"bytes": 7}}]})
    };
    let machine = |who: &str| json!({"__typename": "MachineUserActor", "machineUserId": who, "machineUser": {"publicName": "Helper"}});
    let custom = json!({"__typename": "CustomEntry", "title": "t", "attachments": [], "components": [
        {"__typename": "ComponentText", "text": "opening"}, {"__typename": "ComponentDivider"}]});
    let system = json!({"__typename": "SystemActor", "systemId": "s"});
    let house = House::new(Workspace::with(vec![
        entry(1, machine(OURSELVES), custom.clone()),
        entry(2, machine("mu_other"), custom),
        entry(3, agent(), json!({"__typename": "NoteEntry", "text": "secret"})),
        entry(4, agent(), json!({"__typename": "ThreadDiscussionMessageEntry", "text": "secret"})),
        entry(5, agent(), mail("MESSAGING")),
        entry(6, agent(), mail("THREAD_DISCUSSION")),
        entry(7, agent(), mail("OF_TOMORROW")),
        entry(8, agent(), slack(Value::Null, stamp(80))),
        entry(9, agent(), slack(stamp(90), Value::Null)),
        entry(10, json!({"__typename": "DeletedCustomerActor", "customerId": "c_x"}), mail("MESSAGING")),
        entry(11, system, mail("MESSAGING")),
        chat(12, 12, customer("c_of_a_colleague"), "me too"),
        json!({"id": id("t", 13), "timestamp": {"iso8601": "soon"}, "actor": agent(), "entry": mail("MESSAGING")}),
        entry(14, json!({"__typename": "ActorOfTomorrow"}), mail("MESSAGING")),
    ]))
    .await;
    let page = house.desk.conversation(&thread()).await.unwrap();
    let seen: Vec<_> = page
        .messages
        .iter()
        .map(|m| {
            (
                m.at.as_str()[20..23].parse().unwrap(),
                m.text.as_str(),
                m.author.name.as_str(),
                m.author.role,
                m.author.me,
            )
        })
        .collect();
    let expected = [
        (1, "opening", "Ada", Role::Customer, true),
        (2, "opening", "Helper", Role::Bot, false),
        (5, "mail", "Ines", Role::Agent, false),
        (8, "slack", "Ines", Role::Agent, false),
        (9, "", "Ines", Role::Agent, false),
        (10, "mail", "Deleted user", Role::Customer, false),
        (11, "mail", "Support", Role::System, false),
        (12, "me too", "Ada", Role::Customer, false),
        (14, "mail", "", Role::System, false),
    ];
    assert_eq!(seen, expected.to_vec());
    // Markdown where the team wrote it; a customer's mail is the words.
    let html: Vec<_> = page.messages.iter().map(|m| m.html.as_deref()).collect();
    let mail = Some("<p><strong>mail</strong></p>");
    assert_eq!(html, [None, None, mail, None, None, None, mail, None, mail]);
    assert!(page.messages[3].edited && page.messages[3].updated_at.as_str().ends_with("080Z"));
    assert_eq!(page.messages[3].attachments[0].bytes, 7);
    assert!(page.messages[4].deleted && page.messages[4].attachments.is_empty());
    assert_eq!(page.thread.status, Status::WaitingForYou);
    let types = house.plain.calls()[0].variables["types"].clone();
    let messages = ["CHAT", "EMAIL", "CUSTOM", "SLACK_MESSAGE", "SLACK_REPLY", "MS_TEAMS_MESSAGE"];
    let allowed = [messages.as_slice(), &["THREAD_STATUS_TRANSITIONED"]].concat();
    assert_eq!(types, json!(allowed));
}

#[tokio::test]
async fn a_double_post_opens_one_thread() {
    let house = House::new(Workspace::with(vec![])).await;
    let (a, b) = (request(), request());
    let (a, b) = tokio::join!(house.desk.open_request(&a), house.desk.open_request(&b));
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(house.plain.count("CreateThread"), 1);
    assert_eq!(house.plain.count("SendCustomerChat"), 1);
    // A restart forgets, and Plain does not.
    let calls = house.plain.count("SendCustomerChat");
    let restarted = desk(&house.plain, &house.bus, DeskSettings::default());
    restarted.open_request(&request()).await.unwrap();
    assert_eq!(house.plain.count("CreateThread"), 1);
    assert_eq!(house.plain.count("SendCustomerChat"), calls);
    // Another person with the same submission id gets nothing of it from memory.
    let other = Request { email: "eve@example.com".into(), ..request() };
    house.desk.open_request(&other).await.unwrap();
    assert_eq!(house.plain.count("UpsertCustomer"), 3);
}

#[tokio::test]
async fn a_thread_whose_answer_was_lost_is_found() {
    for executed in [true, false] {
        let house = House::failing(Workspace::with(vec![]), move |call| {
            match (call.operation.as_str(), call.nth, executed) {
                ("CreateThread", 0, true) => Fault::After(Act::Never),
                ("CreateThread", 0, false) => Fault::Before(Act::raw(500, "")),
                _ => Fault::No,
            }
        })
        .await;
        let opened = house.desk.open_request(&request()).await.unwrap();
        let workspace = house.workspace.lock().unwrap();
        assert_eq!(workspace.threads.len(), 1);
        assert_eq!(workspace.timelines[opened.as_str()].len(), 1);
    }
}

#[tokio::test]
async fn a_first_message_whose_answer_was_lost_is_sent_once() {
    for executed in [true, false] {
        let house = House::failing(Workspace::with(vec![]), move |call| {
            match (call.operation.as_str(), call.nth, executed) {
                ("SendCustomerChat", 0, true) => Fault::After(Act::Break),
                ("SendCustomerChat", 0, false) => Fault::Before(Act::raw(502, "<html>")),
                _ => Fault::No,
            }
        })
        .await;
        let opened = house.desk.open_request(&request()).await.unwrap();
        assert_eq!(house.workspace.lock().unwrap().timelines[opened.as_str()].len(), 1);
        assert_eq!(house.plain.count("SendCustomerChat"), if executed { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_retry_goes_on_where_it_stopped() {
    let house =
        House::failing(Workspace::with(vec![]), |call| match (call.operation.as_str(), call.nth) {
            ("SendCustomerChat", 0) => Fault::Before(Act::raw(403, "error code: 1010")),
            ("SendCustomerChat", 1 | 2) => Fault::Before(Act::raw(500, "")),
            _ => Fault::No,
        })
        .await;
    let error = house.desk.open_request(&request()).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert_eq!(error.sentence, Some(Sentence::HalfOpen), "{error}");
    assert_eq!(house.desk.open_request(&request()).await.unwrap_err().code, Code::Unknown);
    let opened = house.desk.open_request(&request()).await.unwrap();
    assert_eq!(house.plain.count("CreateThread"), 1);
    // A corrected text under the same id is not lost.
    let corrected = Request { message: "It stops at 5000.".into(), ..request() };
    assert_eq!(house.desk.open_request(&corrected).await.unwrap(), opened);
    assert_eq!(house.workspace.lock().unwrap().timelines[opened.as_str()].len(), 2);
}

#[tokio::test]
async fn nothing_is_opened_without_being_told() {
    let house =
        House::failing(Workspace::with(vec![]), |_| Fault::Before(Act::raw(401, "{}"))).await;
    assert_eq!(house.desk.open_request(&request()).await.unwrap_err().code, Code::Unavailable);
    let data = json!({"upsertCustomer": {"result": null, "customer": null, "error": {"message": "x",
        "type": "VALIDATION", "code": "input_validation", "fields": [{"field": "email", "message": "x", "type": "VALIDATION"}]}}});
    let house =
        House::failing(Workspace::with(vec![]), move |_| Fault::Before(Act::Data(data.clone())))
            .await;
    let error = house.desk.open_request(&request()).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].field.as_str()), (Code::Invalid, "email"));
}

#[tokio::test]
async fn a_reply_is_sent_once_per_key() {
    let house = House::new(Workspace::with(vec![])).await;
    let (thread, one) = (thread(), key(1));
    let (a, b) =
        tokio::join!(house.desk.reply(&thread, "ok", &one), house.desk.reply(&thread, "ok", &one));
    let first = a.unwrap();
    assert_eq!(first, b.unwrap());
    assert!(first.message_id.starts_with("ch_"));
    assert_eq!(house.plain.count("SendCustomerChat"), 1);
    let second = house.desk.reply(&thread, "ok", &key(2)).await.unwrap();
    assert_ne!(first.message_id, second.message_id);
    assert_eq!(house.plain.count("SendCustomerChat"), 2);
}

#[tokio::test]
async fn a_reply_whose_answer_was_lost_is_found() {
    let house =
        House::failing(Workspace::with(vec![]), |call| match (call.operation.as_str(), call.nth) {
            ("SendCustomerChat", 1) => Fault::After(Act::Never),
            _ => Fault::No,
        })
        .await;
    // The same words a moment before are another message.
    let first = house.desk.reply(&thread(), "ok", &key(1)).await.unwrap();
    let second = house.desk.reply(&thread(), "ok", &key(2)).await.unwrap();
    assert_ne!(first.message_id, second.message_id);
    assert_eq!(house.plain.count("SendCustomerChat"), 2);
}

#[tokio::test]
async fn a_reply_with_an_unknown_end_can_be_sent_again_safely() {
    for arrives_late in [true, false] {
        let house = House::failing(Workspace::with(vec![]), |call| {
            match (call.operation.as_str(), call.nth) {
                ("SendCustomerChat", 0) => Fault::Before(Act::raw(500, "")),
                _ => Fault::No,
            }
        })
        .await;
        let error = house.desk.reply(&thread(), "Hello", &key(1)).await.unwrap_err();
        assert_eq!(error.code, Code::Unknown);
        if arrives_late {
            let now = jiff::Timestamp::now().as_millisecond();
            let entry = chat(77, now, customer(ADA), "Hello");
            house.workspace.lock().unwrap().timelines.get_mut(THREAD).unwrap().push(entry);
        }
        house.desk.reply(&thread(), "Hello", &key(1)).await.unwrap();
        assert_eq!(house.workspace.lock().unwrap().timelines[THREAD].len(), 1);
        assert_eq!(house.plain.count("SendCustomerChat"), if arrives_late { 1 } else { 2 });
    }
}

#[tokio::test]
async fn locked_and_missing_threads() {
    let house = House::new(Workspace::with(vec![])).await;
    house.desk.conversation(&thread()).await.unwrap();
    house.workspace.lock().unwrap().locked = true;
    // Known from before, so Plain is the one who refuses; then known as locked.
    for _ in 0..2 {
        assert_eq!(
            house.desk.reply(&thread(), "Hi", &key(1)).await.unwrap_err().code,
            Code::Locked
        );
    }
    assert_eq!(house.plain.count("SendCustomerChat"), 1);
    let missing = ThreadId::parse(id("th", 404)).unwrap();
    assert_eq!(house.desk.conversation(&missing).await.unwrap_err().code, Code::Removed);
}

/// Notes which threads it was told to forget.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<ThreadId>>);

impl Memory for Noting {
    fn recall<'a>(&'a self, _: &'a str) -> Recall<'a, Option<String>> {
        Box::pin(async { Ok(None) })
    }
    fn keep<'a>(&'a self, _: &'a str, _: &'a ThreadId, _: String) -> Recall<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn forget<'a>(&'a self, thread: &'a ThreadId) -> Recall<'a, ()> {
        self.0.lock().expect("no panic").push(thread.clone());
        Box::pin(async { Ok(()) })
    }
    fn claim<'a>(&'a self, _: &'a str, _: &'a str, _: Duration) -> Recall<'a, bool> {
        Box::pin(async { Ok(true) })
    }
    fn release<'a>(&'a self, _: &'a str, _: &'a str) -> Recall<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_removed_customer_is_forgotten_and_not_asked_for() {
    let house = House::new(Workspace::with(vec![])).await;
    let clock = Arc::new(FixedClock::at(0));
    // So small that it has forgotten the first thread when the customer goes; the desk has not.
    let settings = MemoryBusSettings { max_threads: 1, ..Default::default() };
    let bus: Arc<dyn EventBus> = Arc::new(MemoryBus::new(settings, clock));
    let memory = Arc::new(Noting::default());
    let url = house.plain.url.clone();
    let client = PlainClient::new(PlainSettings::new(url, ApiKey::new("plainApiKey_x"))).unwrap();
    let desk = Desk::with_memory(client, bus.clone(), DeskSettings::default(), memory.clone());
    desk.conversation(&thread()).await.unwrap();
    desk.reply(&thread(), "Hello", &key(1)).await.unwrap();
    let others = ThreadId::parse(id("th", 2)).unwrap();
    let eve = CustomerId::parse(id("c", 2)).unwrap();
    assert!(bus.belongs(&others, &eve).await.unwrap());

    let ada = CustomerId::parse(ADA).unwrap();
    let forgotten = bus.forget(&ada).await.unwrap();
    assert!(forgotten.threads.is_empty(), "the bus knew of none");
    let calls = house.plain.calls().len();
    desk.forget(&ada, &forgotten.threads).await.unwrap();
    assert_eq!(*memory.0.lock().unwrap(), [thread()]);
    assert!(bus.removed(&thread()).await.unwrap());
    assert!(!bus.removed(&others).await.unwrap());
    assert_eq!(desk.conversation(&thread()).await.unwrap_err().code, Code::Removed);
    assert_eq!(desk.reply(&thread(), "Hello", &key(1)).await.unwrap_err().code, Code::Removed);
    assert_eq!(house.plain.calls().len(), calls, "Plain still has it, and is not asked");
    // The list is Plain's, without what was removed.
    assert!(desk.threads(&[thread()]).await.unwrap().is_empty());
}

#[tokio::test]
async fn lists_of_threads() {
    let house = House::new(Workspace::with(vec![])).await;
    assert!(house.desk.threads(&[]).await.unwrap().is_empty());
    assert!(house.plain.calls().is_empty());
    let mut ids: Vec<_> = (0..150).map(|n| ThreadId::parse(id("th", n)).unwrap()).collect();
    ids.push(ids[0].clone());
    let threads = house.desk.threads(&ids).await.unwrap();
    assert_eq!(threads.len(), 150);
    assert_eq!(house.plain.count("Overview"), 2);
    assert_eq!(threads[0].last_activity_at.as_str(), "1970-01-01T00:00:02.000Z");
}

#[tokio::test]
async fn newest_activity_first_and_nothing_unasked() {
    let plain = PlainScript::start(|_| {
        let node = |n: usize, said: Value| {
            json!({"id": id("th", n), "ref": "T-1", "title": "x", "status": "DONE", "statusDetail": null,
                "customer": {"id": ADA, "fullName": "Ada"}, "statusChangedAt": stamp(1_000), "statusChangedBy": {"__typename": "SystemActor"}, "channel": "CHAT", "lockedAt": null, "createdAt": stamp(n as i64),
                "lastInboundMessageInfo": said, "lastOutboundMessageInfo": null, "head": {"edges": []}, "tail": {"edges": []}})
        };
        let said = json!({"timestamp": stamp(99)});
        let edges = [node(1, said), node(2, Value::Null), node(3, Value::Null), node(9, Value::Null)]
            .map(|node| json!({"cursor": "x", "node": node}));
        Act::Data(json!({"threads": {"pageInfo": {"hasNextPage": false}, "edges": edges}}))
    })
    .await;
    let desk = desk(&plain, &Arc::new(Bus::default()), DeskSettings::default());
    let ids = [1, 2, 3].map(|n| ThreadId::parse(id("th", n)).unwrap());
    let threads = desk.threads(&ids).await.unwrap();
    let order: Vec<_> = threads.iter().map(|thread| thread.id.clone()).collect();
    assert_eq!(order, [ids[0].clone(), ids[2].clone(), ids[1].clone()]);
    assert_eq!(threads[0].status, Status::Done);
}

fn turn(n: usize, at: i64, from: (&str, Value), to: (&str, Value)) -> Value {
    let entry = json!({"__typename": "ThreadStatusTransitionedEntry", "previousStatus": from.0,
        "previousStatusDetail": from.1, "nextStatus": to.0, "nextStatusDetail": to.1});
    json!({"id": id("t", n), "timestamp": stamp(at), "actor": agent(), "entry": entry})
}

fn waits() -> Value {
    json!({"__typename": "ThreadStatusDetailWaitingForCustomer"})
}

fn sleeps() -> Value {
    json!({"__typename": "ThreadStatusDetailWaitingForDuration"})
}

#[tokio::test]
async fn lines_about_the_state_tell_the_state_alone() {
    let todo = || ("TODO", Value::Null);
    let entries = vec![
        chat(1, 1_000, customer(ADA), "one"),
        turn(2, 2_000, todo(), ("SNOOZED", waits())),
        turn(3, 3_000, ("SNOOZED", waits()), todo()),
        // To a visitor this is the same state.
        turn(4, 4_000, todo(), ("SNOOZED", sleeps())),
        turn(5, 5_000, ("SNOOZED", sleeps()), todo()),
        turn(6, 6_000, todo(), ("DONE", Value::Null)),
        // The reason of the waiting was changed in between, without an entry.
        turn(7, 7_000, ("SNOOZED", waits()), ("DONE", Value::Null)),
        turn(8, 8_000, ("DONE", Value::Null), ("STATUS_OF_TOMORROW", Value::Null)),
        chat(9, 8_000, agent(), "two"),
    ];
    let house = House::new(Workspace::with(entries)).await;
    let page = house.desk.conversation(&thread()).await.unwrap();
    let shown: Vec<_> =
        page.messages.iter().map(|it| (it.id.as_str().to_owned(), it.turned)).collect();
    let line = |n, status| (id("t", n), Some(status));
    assert_eq!(
        shown,
        [
            (id("t", 1), None),
            line(2, Status::WaitingForYou),
            line(3, Status::InProgress),
            line(6, Status::Done),
            (id("t", 9), None),
        ]
    );
    let done = &page.messages[3];
    assert_eq!((done.author.role, done.author.name.as_str()), (Role::System, ""));
    assert_eq!(
        (done.text.as_str(), &done.html, done.at.as_str()),
        ("", &None, "1970-01-01T00:00:06.000Z")
    );
    for line in page.messages.iter().filter(|it| it.turned.is_some()) {
        let json = serde_json::to_string(line).unwrap();
        assert!(!json.contains("Ines") && !json.contains("u_"), "{json}");
    }
}

#[tokio::test]
async fn fifty_messages_a_page_however_many_lines_stand_between() {
    for newest_first in [false, true] {
        let todo = || ("TODO", Value::Null);
        let mut entries = Vec::new();
        for n in 0..120 {
            let at = n as i64 * 10;
            entries.push(chat(2 * n, at, customer(ADA), &format!("m{n}")));
            let (from, to) = if n % 2 == 0 {
                (todo(), ("DONE", Value::Null))
            } else {
                (("DONE", Value::Null), todo())
            };
            entries.push(turn(2 * n + 1, at + 5, from, to));
        }
        let workspace = Workspace::with(entries);
        workspace.lock().unwrap().newest_first = newest_first;
        let house = House::new(workspace).await;
        let page = house.desk.conversation(&thread()).await.unwrap();
        let said = |page: &Conversation| -> Vec<String> {
            page.messages
                .iter()
                .filter(|it| it.turned.is_none())
                .map(|it| it.text.clone())
                .collect()
        };
        let expected =
            |range: std::ops::Range<usize>| range.map(|n| format!("m{n}")).collect::<Vec<_>>();
        assert_eq!(said(&page), expected(70..120), "{newest_first}");
        assert_eq!(page.messages.iter().filter(|it| it.turned.is_some()).count(), 50);
        let second = house.desk.older(&thread(), page.older.as_deref().unwrap()).await.unwrap();
        assert_eq!(said(&second), expected(20..70), "{newest_first}");
        let third = house.desk.older(&thread(), second.older.as_deref().unwrap()).await.unwrap();
        assert_eq!(
            (said(&third), third.older.is_none()),
            (expected(0..20), true),
            "{newest_first}"
        );
        // Every entry is on exactly one of the pages.
        let all = [&*page, &second, &third].map(|page| page.messages.len()).iter().sum::<usize>();
        assert_eq!(all, 240, "{newest_first}");
        let newer = house.desk.newer(&thread(), second.older.as_deref().unwrap()).await.unwrap();
        assert_eq!(said(&newer), expected(21..71), "{newest_first}");
    }
}

#[tokio::test]
async fn a_list_shows_the_newest_message_that_stands() {
    let note = json!({"__typename": "NoteEntry"});
    let note =
        json!({"id": id("t", 9), "timestamp": stamp(9_000), "actor": agent(), "entry": note});
    let gone = json!({"__typename": "SlackReplyEntry", "slackText": "", "reactions": [], "attachments": [],
        "deletedOnSlackAt": stamp(8_000), "lastEditedOnSlackAt": null});
    let gone =
        json!({"id": id("t", 8), "timestamp": stamp(8_000), "actor": agent(), "entry": gone});
    for newest_first in [false, true] {
        let entries = vec![
            chat(1, 1_000, customer(ADA), "first"),
            chat(7, 7_000, agent(), "**Look** at `this`:\n\n- one"),
            gone.clone(),
            note.clone(),
            turn(10, 10_000, ("TODO", Value::Null), ("DONE", Value::Null)),
        ];
        let workspace = Workspace::with(entries);
        workspace.lock().unwrap().newest_first = newest_first;
        let house = House::new(workspace).await;
        let threads = house.desk.threads(&[thread()]).await.unwrap();
        let last = threads[0].last_message.as_ref().unwrap();
        assert_eq!((last.text.as_str(), last.me), ("Look at this: one", false));
        assert!(!last.name.is_empty());
        assert_eq!(house.plain.calls().len(), 1);
        // It did not ask for what it must not show.
        let types = house.plain.calls()[0].variables["types"].clone();
        assert!(
            types
                .as_array()
                .unwrap()
                .iter()
                .all(|it| it != "NOTE" && it != "THREAD_STATUS_TRANSITIONED")
        );
    }
}

#[tokio::test]
async fn a_topic_decides_labels_and_priority() {
    let label = "lt_01KQS44ER0KVVBRC15MBB8ADPP";
    let topics = format!("problem={label}:1;refund=:0|A refund;idea");
    for (topic, labels, priority, words) in [
        ("problem", json!([label]), json!(1), "Something does not work"),
        ("refund", Value::Null, json!(0), "A refund"),
        ("idea", Value::Null, Value::Null, "An idea"),
    ] {
        let workspace = Workspace::with(vec![]);
        let plain =
            PlainScript::start(move |call| Act::Data(workspace.lock().unwrap().run(call))).await;
        let topics = topics.parse().unwrap();
        let settings = DeskSettings { topics, ..DeskSettings::default() };
        let desk = desk(&plain, &Arc::new(Bus::default()), settings);
        desk.open_request(&Request { topic: topic.into(), ..request() }).await.unwrap();
        let made = plain.calls().into_iter().find(|call| call.operation == "CreateThread").unwrap();
        let input = &made.variables["input"];
        assert_eq!((&input["labelTypeIds"], &input["priority"]), (&labels, &priority), "{topic}");
        assert_eq!(input["description"], words);
    }
}

#[tokio::test]
async fn readiness_is_asked_once_in_a_while() {
    let house = House::new(Workspace::with(vec![])).await;
    for _ in 0..5 {
        house.desk.ready().await.unwrap();
    }
    assert_eq!(house.plain.count("MyMachineUser"), 1);
    let house = House::failing(Workspace::with(vec![]), |_| Fault::Before(Act::raw(401, ""))).await;
    assert_eq!(house.desk.ready().await.unwrap_err().code, Code::Unavailable);
}
