//! One timeline entry is one bubble, and every screen ends with the same view: real webhook bodies, in every order and
//! number, read as the portal reads them (decode, bus, frame, event, timeline), with reads of the conversation between.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "support/live.rs"]
mod live;

use hotline::{
    domain::{
        ids::{ClientMessageId, Cursor, EntryId, ThreadId},
        live::StreamEvent,
        message::{Author, Message, Role},
        thread::{Conversation, Status, Thread},
        time::At,
    },
    features::conversation::timeline::{Row, Timeline},
    server::{
        bus::{
            EventBus, LiveReceiver, Published,
            memory::{MemoryBus, MemoryBusSettings},
        },
        clock::FixedClock,
        webhook::event,
    },
};
use live::{AGENT, CUSTOMER, NOW, THREAD, envelope, part, thread};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

/// 2026-05-04T09:12:03.410Z, when the first message was written.
const FIRST: i64 = NOW - 590;

fn at(ms: i64) -> At {
    At::from_millis(FIRST + ms)
}

fn stamp(ms: i64) -> Value {
    at(ms).as_str().into()
}

/// A message part as it stood at a moment.
fn version(entry: u32, text: &str, written: i64, updated: i64) -> Value {
    let mut part = part(entry, text);
    part["createdAt"] = stamp(written);
    part["updatedAt"] = stamp(updated);
    part
}

fn customer_actor() -> Value {
    json!({"actorType": "customer", "customerId": CUSTOMER})
}

fn of_thread(n: u32, kind: &str, happened: i64, key: &str, part: Value, change: &str) -> Value {
    let mut payload = json!({"thread": thread()});
    payload[key] = part;
    if !change.is_empty() {
        payload["changeType"] = change.into();
    }
    let mut body = envelope(n, kind, payload);
    body["timestamp"] = stamp(happened);
    body
}

fn of_timeline(n: u32, change: &str, happened: i64, entry: u32, text: &str, actor: Value) -> Value {
    let entry = json!({
        "id": format!("t_{entry:026}"), "customerId": CUSTOMER, "threadId": THREAD, "timestamp": stamp(0),
        "actor": actor,
        "entry": {"entryType": "chat", "chatId": format!("ch_{entry:026}"), "text": text, "attachments": [],
                  "customerReadAt": null},
    });
    let (now, before) =
        if change == "REMOVED" { (Value::Null, entry) } else { (entry, Value::Null) };
    let payload =
        json!({"changeType": change, "timelineEntry": now, "previousTimelineEntry": before});
    let mut body = envelope(n, "timeline.timeline_entry_changed", payload);
    body["timestamp"] = stamp(happened);
    body
}

/// What becomes of four messages, told in all the ways that Plain has.
fn story() -> Vec<Value> {
    let mut nameless = thread();
    nameless["assignee"] = Value::Null;
    let agent = json!({"actorType": "user", "userId": AGENT});
    let mut mine = version(4, "And this one?", 40, 40);
    mine["createdBy"] = customer_actor();
    let mut told = vec![
        // A chat, announced three times over, then changed.
        of_thread(1, "thread.chat_sent", 0, "chat", version(1, "one", 0, 0), ""),
        of_timeline(2, "ADDED", 0, 1, "one", agent.clone()),
        of_timeline(3, "UPDATED", 30, 1, "one, changed", agent.clone()),
        // A Slack message that is edited twice; the edit comes under an id of its own each time.
        of_thread(
            4,
            "thread.slack_message_sent",
            10,
            "slackMessage",
            version(2, "two", 10, 10),
            "",
        ),
        of_thread(
            5,
            "thread.slack_message_updated",
            20,
            "slackMessage",
            version(2, "two, edited", 10, 20),
            "MESSAGE_EDITED",
        ),
        of_thread(
            6,
            "thread.slack_message_updated",
            25,
            "slackMessage",
            version(2, "two, edited again", 10, 25),
            "MESSAGE_EDITED",
        ),
        of_thread(
            7,
            "thread.slack_message_updated",
            35,
            "slackMessage",
            version(2, "two, edited again", 10, 35),
            "REACTIONS_CHANGED",
        ),
        // A Slack message that is deleted, and a late word of it that is newer by its own account.
        of_thread(
            8,
            "thread.slack_message_sent",
            15,
            "slackMessage",
            version(3, "three", 15, 15),
            "",
        ),
        of_thread(
            9,
            "thread.slack_message_updated",
            22,
            "slackMessage",
            version(3, "three, edited", 15, 22),
            "MESSAGE_EDITED",
        ),
        of_thread(
            10,
            "thread.slack_message_updated",
            28,
            "slackMessage",
            version(3, "three, edited", 15, 28),
            "MESSAGE_DELETED",
        ),
        of_thread(
            11,
            "thread.slack_message_updated",
            33,
            "slackMessage",
            version(3, "three, edited", 15, 33),
            "REACTIONS_CHANGED",
        ),
        // The visitor's own message.
        of_thread(12, "thread.chat_received", 40, "chat", mine, ""),
        // A chat that is taken out of the timeline.
        of_thread(13, "thread.chat_sent", 50, "chat", version(5, "five", 0, 0), ""),
        of_timeline(14, "REMOVED", 60, 5, "five", agent),
    ];
    // An agent whom the webhook does not name.
    told[4]["payload"]["thread"] = nameless;
    told
}

/// What is delivered: an event of the story, or the conversation is read.
#[derive(Debug, Clone, Copy)]
enum Step {
    Event(usize),
    Read,
}

/// Sent to the browser by way of the portal.
struct Way {
    bus: MemoryBus,
    live: LiveReceiver,
    timeline: Timeline,
    published: usize,
}

fn conversation(messages: Vec<Message>) -> Conversation {
    Conversation {
        thread: Thread {
            id: ThreadId::parse(THREAD).unwrap(),
            reference: "T-1".into(),
            title: "CSV export stops".into(),
            status: Status::InProgress,
            locked: false,
            created_at: at(-1000),
            last_activity_at: at(0),
            last_message: None,
            unread: false,
        },
        messages,
        older: None,
        cursor: Cursor::parse("e-0").unwrap(),
        rating: None,
        read_to: None,
        seen: None,
    }
}

/// A message as Plain's API gives it in the end.
fn read(n: u32, text: &str, written: i64, updated: i64, source: bool) -> Message {
    // Written the long way round, so that a field that is added to messages is none of this test's business.
    let mut message = json!({
        "id": format!("t_{n:026}"),
        "author": {"name": "Ines", "role": "agent", "me": false},
        "text": text,
        "at": at(written),
        "updatedAt": at(updated),
    });
    if source {
        message["sourceId"] = format!("ch_{n:026}").into();
    }
    serde_json::from_value(message).unwrap()
}

/// Chats tell no time of change there, and Slack messages no id of their own.
fn at_plain() -> Vec<Message> {
    let mine =
        Author { name: "Dana Okafor".into(), role: Role::Customer, me: true, avatar_url: None };
    vec![
        read(1, "one, changed", 0, 0, true),
        Message { edited: true, ..read(2, "two, edited again", 10, 25, false) },
        Message { deleted: true, ..read(3, "", 15, 28, false) },
        Message { author: mine, ..read(4, "And this one?", 40, 40, true) },
    ]
}

impl Way {
    async fn begin(settings: MemoryBusSettings) -> Self {
        let bus = MemoryBus::new(settings, Arc::new(FixedClock::at(NOW)));
        let live = bus.subscribe(&ThreadId::parse(THREAD).unwrap(), None).await.unwrap().live;
        Self { bus, live, timeline: Timeline::new(conversation(Vec::new())), published: 0 }
    }

    async fn go(&mut self, story: &[Value], step: Step) {
        let body = match step {
            Step::Event(index) => story[index].to_string(),
            Step::Read => {
                self.timeline.reconcile(conversation(at_plain()));
                return;
            }
        };
        let delivery = event::decode(body.as_bytes()).unwrap();
        assert!(!delivery.unreadable, "{body}");
        let published = self.bus.publish(delivery.event.unwrap()).await.unwrap();
        if published == Published::Duplicate {
            return;
        }
        self.published += 1;
        let frame = self.live.next().await.unwrap();
        let text = std::str::from_utf8(&frame.sse).unwrap();
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let StreamEvent::Webhook(told) = serde_json::from_str(data).unwrap() else {
            panic!("{data}")
        };
        let known = self.ids();
        self.timeline.apply(told.entry.expect("all of these carry their message"));
        // Nothing that is shown ever rolls back.
        assert!(known.iter().all(|id| self.ids().contains(id)));
    }

    fn ids(&self) -> Vec<EntryId> {
        self.view().into_iter().filter_map(|bubble| bubble.0).collect()
    }

    /// All that can be seen.
    fn view(&self) -> Vec<(Option<EntryId>, Author, String, At, bool, bool)> {
        let rows = self.timeline.rows(|at| at.day().to_string());
        rows.into_iter()
            .filter_map(|row| match row {
                Row::Message(b) => Some((b.entry_id, b.author, b.text, b.at, b.edited, b.deleted)),
                _ => None,
            })
            .collect()
    }

    fn words(&self) -> Vec<(String, bool, bool)> {
        self.view()
            .into_iter()
            .map(|(_, _, text, _, edited, deleted)| (text, edited, deleted))
            .collect()
    }
}

fn seen() -> Vec<(String, bool, bool)> {
    [
        ("one, changed", false, false),
        ("", false, true),
        ("two, edited again", true, false),
        ("", false, true),
        ("And this one?", false, false),
    ]
    .map(|(text, edited, deleted)| (text.to_owned(), edited, deleted))
    .into()
}

/// Every event at least once, some again, reads anywhere, in any order.
fn deliveries(reads: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let all = story().len();
    (prop::collection::vec(0..all, 0..8), reads).prop_flat_map(move |(again, reads)| {
        let events = (0..all).chain(again).map(Step::Event);
        let steps: Vec<_> = events.chain((0..reads).map(|_| Step::Read)).collect();
        Just(steps).prop_shuffle()
    })
}

fn run(steps: &[Step], settings: MemoryBusSettings) -> Way {
    futures::executor::block_on(async {
        let story = story();
        let mut way = Way::begin(settings).await;
        for step in steps {
            way.go(&story, *step).await;
        }
        way
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    /// Events alone.
    #[test]
    fn whatever_the_order_the_view_is_one(steps in deliveries(0..1)) {
        let way = run(&steps, MemoryBusSettings::default());
        prop_assert_eq!(way.words(), seen());
        prop_assert_eq!(way.published, story().len(), "each event went out once");
        for (_, author, ..) in way.view() {
            prop_assert_eq!(author.name.as_str(), if author.me { "Dana Okafor" } else { "Ines" });
        }
    }

    /// The same with the conversation being read in between.
    #[test]
    fn reads_in_between_change_nothing(steps in deliveries(1..5)) {
        let way = run(&steps, MemoryBusSettings::default());
        prop_assert_eq!(way.words(), seen());
        let alone = run(&(0..story().len()).map(Step::Event).collect::<Vec<_>>(), MemoryBusSettings::default());
        prop_assert_eq!(way.view(), alone.view());
    }

    /// A bus that has forgotten every id publishes late retries again; a bubble stays one all the same.
    #[test]
    fn forgotten_ids_make_no_second_bubble(steps in deliveries(0..3)) {
        let settings = MemoryBusSettings { dedupe_capacity: 1, ..Default::default() };
        let again: Vec<_> = steps.iter().chain(&steps).copied().collect();
        let way = run(&again, settings);
        prop_assert!(way.published > story().len());
        prop_assert_eq!(way.words(), seen());
    }

    /// The visitor's own message: composed here, confirmed by the server, told by Plain, in any order.
    #[test]
    fn an_own_message_is_one_bubble(
        order in Just([0u8, 1, 2, 3, 2, 1]).prop_shuffle(),
    ) {
        let mut way = futures::executor::block_on(Way::begin(MemoryBusSettings::default()));
        let key = ClientMessageId::parse("a-key-of-this-tab").unwrap();
        way.timeline.compose(key.clone(), "And this one?".into(), vec![], at(38));
        let mut theirs = story();
        theirs.push(of_timeline(15, "ADDED", 40, 4, "And this one?", customer_actor()));
        theirs[14]["payload"]["timelineEntry"]["timestamp"] = stamp(40);
        for step in order {
            futures::executor::block_on(async {
                match step {
                    0 => way.timeline.sent(&key, format!("ch_{:026}", 4), at(40)),
                    1 => way.go(&theirs, Step::Event(11)).await,
                    2 => way.go(&theirs, Step::Event(14)).await,
                    _ => way.go(&theirs, Step::Read).await,
                }
            });
        }
        let own: Vec<_> = way.view().into_iter().filter(|(_, author, ..)| author.me).collect();
        prop_assert_eq!(own.len(), 1, "{:?}", own);
    }
}

/// A change of state that comes late does not undo a later one.
#[test]
fn the_newest_state_is_shown() {
    let mut states = Vec::new();
    for (n, (status, detail)) in (1..).zip([
        ("SNOOZED", "WAITING_FOR_CUSTOMER"),
        ("TODO", "NEW_REPLY"),
        ("DONE", "DONE_MANUALLY_SET"),
    ]) {
        let mut now = thread();
        now["status"] = status.into();
        now["statusDetail"] = json!({"type": detail});
        let payload = json!({"thread": now, "previousThread": thread()});
        let mut body = envelope(n, "thread.thread_status_transitioned", payload);
        body["timestamp"] = stamp(i64::from(n));
        let told = event::decode(body.to_string().as_bytes()).unwrap().event.unwrap();
        states.push((told.status.unwrap(), told.at));
    }
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut timeline = Timeline::new(conversation(Vec::new()));
        for index in order {
            let (status, at) = states[index].clone();
            timeline.set_status(status, at);
        }
        assert_eq!(timeline.thread.status, Status::Done, "{order:?}");
    }
}
