//! Thousands of streams break at once and come back at once: each is given exactly what it missed, the support desk hears
//! of it once a thread, and then there is quiet. Alone in its process, whose processor time is looked at.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![allow(dead_code, reason = "the helpers serve other test files too")]

#[path = "support/house.rs"]
mod house;
#[path = "support/live.rs"]
mod live;
#[path = "support/wire.rs"]
mod wire;

use futures::future::join_all;
use house::{Form, House, Page, Visitor, until};
use live::Reader;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    process::{self, Command},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};

const THREADS: usize = 8;
const STREAMS: usize = 5000;
/// Long enough for all of them on a slow machine that has other work as well.
const STORM: Duration = Duration::from_secs(300);

/// How many files this process may have open, after asking for as many as the system allows.
fn files() -> usize {
    let limit = || {
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
        let mut numbers = line.split_whitespace();
        Some((numbers.next()?.parse().ok()?, numbers.next()?.to_owned()))
    };
    if let Some((_, most)) = limit() {
        let pid = process::id().to_string();
        let wanted = format!("--nofile={most}:{most}");
        // Where it is refused, fewer must do.
        let _ = Command::new("prlimit").args(["--pid", &pid, &wanted]).status();
    }
    limit().map_or(1024, |(now, _): (usize, _)| now)
}

/// One end of a stream without any client's machinery.
struct Viewer {
    thread: String,
    socket: TcpStream,
    text: String,
    place: String,
}

/// What `id:` and `data:` of one frame say.
type Heard = (Option<String>, Value);

impl Viewer {
    async fn open(who: &Visitor, thread: &str, after: Option<&str>) -> Self {
        let address = who.base.strip_prefix("http://").unwrap();
        let after = after.map(|place| format!("last-event-id: {place}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /api/support/stream?threadId={thread} HTTP/1.1\r\nhost: {address}\r\ncookie: {}\r\n{after}\r\n",
            who.cookie.as_ref().unwrap()
        );
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let (text, place) = (String::new(), String::new());
        let mut viewer = Self { thread: thread.into(), socket, text, place };
        let (id, connected) = viewer.next().await;
        assert_eq!(connected["type"], "connected");
        assert_eq!(connected["gap"], false);
        viewer.place = id.unwrap();
        viewer
    }

    /// The next frame. Chunks are not taken apart: a frame's lines are whole in them.
    async fn next(&mut self) -> Heard {
        loop {
            let end = self.text.find("data: ").and_then(|at| {
                let line = self.text[at..].find('\n')?;
                Some((at + 6, at + line))
            });
            if let Some((from, to)) = end {
                let data = serde_json::from_str(&self.text[from..to]).unwrap();
                let before = self.text[..from].lines();
                let id = before.filter_map(|line| line.strip_prefix("id: ")).next_back();
                let id = id.map(str::to_owned);
                self.text.drain(..=to);
                return (id, data);
            }
            let mut bytes = vec![0; 16 * 1024];
            let read = tokio::time::timeout(STORM, self.socket.read(&mut bytes));
            let count = read.await.expect("a frame").unwrap();
            assert!(count > 0, "it goes on: {}", self.text);
            self.text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
    }

    /// Events up to the one with this text: where each stands, and which it is.
    async fn until(&mut self, text: &str) -> Vec<(String, String)> {
        let mut events = Vec::new();
        loop {
            let (id, data) = self.next().await;
            if data["type"] != "webhook" {
                continue;
            }
            assert_eq!(data["prev"], self.place.as_str(), "nothing is left out");
            self.place = id.unwrap();
            events.push((self.place.clone(), data["eventId"].as_str().unwrap().to_owned()));
            if data["entry"]["text"] == text {
                return events;
            }
        }
    }
}

/// Fetches a conversation, however long it takes.
async fn read(who: &Visitor, thread: &str) -> Page {
    let path = format!("/api/support/messages?threadId={thread}");
    let request = who.request(Method::GET, &path).timeout(STORM);
    Page::of(request.send().await.unwrap()).await
}

/// All that is told about a thread, from before everything else.
struct Witness {
    stream: Reader,
    /// Places with their events; the first one has none.
    told: Vec<(String, String)>,
}

impl Witness {
    async fn until(&mut self, text: &str) {
        loop {
            let frame = self.stream.expect("webhook").await;
            let event = frame.data["eventId"].as_str().unwrap().to_owned();
            self.told.push((frame.id.unwrap(), event));
            if frame.data["entry"]["text"] == text {
                return;
            }
        }
    }

    /// What is told after a place.
    fn after(&self, place: &str) -> &[(String, String)] {
        let at = self.told.iter().position(|(known, _)| known == place).unwrap();
        &self.told[at + 1..]
    }
}

/// Processor time that this process has used, in hundredths of a second.
fn used() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_come_back_at_once() {
    // Both ends of each stream are here.
    let streams = STREAMS.min(files().saturating_sub(1000) / 2);
    println!("{streams} streams over {THREADS} threads");
    let (house, wire) = House::wired(&[
        ("HOTLINE_RATE_LIMITS", "off"),
        ("HOTLINE_STREAM_HEARTBEAT_MS", "60000"),
        ("HOTLINE_CACHE_MS", "600000"),
        // However long all this takes on a slow machine, it is to be one storm: nobody loses patience, and there is no
        // reason to look at Plain twice.
        ("HOTLINE_HEADER_TIMEOUT_MS", "120000"),
        ("PLAIN_TIMEOUT_MS", "120000"),
        ("HOTLINE_REPAIR_MS", "3600000"),
        ("HOTLINE_REPAIR_SETTLE_MS", "600000"),
    ])
    .await;
    let mut dana = house.visitor();
    let mut witnesses = BTreeMap::new();
    for n in 0..THREADS {
        let thread = dana.ask(&Form::new(&format!("storm-{n:04}"))).await;
        let (stream, connected) = dana.follow(&thread, None).await;
        let start = connected["cursor"].as_str().unwrap().to_owned();
        let told = vec![(start, String::new())];
        witnesses.insert(thread, Witness { stream, told });
    }
    let threads: Vec<String> = witnesses.keys().cloned().collect();
    let open = join_all((0..streams).map(|n| {
        let (dana, thread) = (dana.clone(), threads[n % THREADS].clone());
        tokio::spawn(async move { Viewer::open(&dana, &thread, None).await })
    }));
    let places: Vec<_> = open
        .await
        .into_iter()
        .map(|viewer| viewer.map(|viewer| (viewer.thread.clone(), viewer.place.clone())).unwrap())
        .collect();
    // With that, all of them are gone. Meanwhile the team writes.
    for (thread, witness) in &mut witnesses {
        for text in ["missed 1", "missed 2", "missed 3"] {
            house.agent.answer(thread, text, "chat").await;
            witness.until(text).await;
        }
    }
    // Whatever Plain has still to tell comes later.
    house.agent.faults(json!({"webhooks": {"drop": true}})).await;
    let mut heads = HashMap::new();
    for thread in &threads {
        let (_, connected) = dana.follow(thread, None).await;
        heads.insert(thread.clone(), connected["cursor"].as_str().unwrap().to_owned());
    }
    wire.straighten();

    // Each comes back with its place, reads what it missed, and fetches the conversation, as a page does.
    let few = Arc::new(Semaphore::new(64));
    let back = join_all(places.into_iter().map(|(thread, place)| {
        let (dana, few) = (dana.clone(), few.clone());
        tokio::spawn(async move {
            let mut viewer = Viewer::open(&dana, &thread, Some(&place)).await;
            let missed = viewer.until("missed 3").await;
            let permit = few.acquire().await.unwrap();
            let page = read(&dana, &thread).await;
            drop(permit);
            assert_eq!(page.status, 200);
            assert!(page.body.contains("missed 3"));
            (viewer, place, missed)
        })
    }));
    let mut viewers = Vec::new();
    for viewer in back.await {
        let (viewer, place, missed) = viewer.unwrap();
        let wanted = witnesses[&viewer.thread].after(&place);
        let wanted = &wanted[..missed.len().min(wanted.len())];
        assert_eq!(missed, wanted, "exactly what it missed");
        viewers.push(viewer);
    }
    assert_eq!(viewers.len(), streams);
    let mut reads: HashMap<String, usize> = HashMap::new();
    for call in wire.inputs("Conversation") {
        let thread = threads.iter().find(|it| call.to_string().contains(it.as_str()));
        *reads.entry(thread.expect("one of ours").clone()).or_default() += 1;
    }
    println!("reads at Plain: {:?}", reads.values().collect::<Vec<_>>());
    for (thread, head) in &heads {
        // What was on its way when the counting began made the conversation another one.
        let page = dana.get(&format!("/api/support/poll?threadId={thread}&after={head}")).await;
        let late = live::frames(&page.body).len() - 1;
        let read = reads.get(thread).copied().unwrap_or_default();
        assert!(read <= 1 + late, "{read} reads at Plain for one conversation, {late} late events");
    }

    // Then there is quiet: nobody spins, nobody polls.
    until("quiet", || async {
        let before = used();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (Some(before), Some(after)) = (before, used()) else { return Some(()) };
        println!("processor: {} %", after - before);
        (after - before < 30).then_some(())
    })
    .await;

    // And all of them hear what happens next.
    house.agent.faults(json!({})).await;
    for (thread, witness) in &mut witnesses {
        house.agent.answer(thread, "live again", "chat").await;
        witness.until("live again").await;
    }
    let live = join_all(viewers.into_iter().map(|mut viewer| {
        tokio::spawn(async move {
            viewer.until("live again").await;
        })
    }));
    for viewer in live.await {
        viewer.unwrap();
    }
    house.close().await;
}
