//! Repair over several instances, and its pace.

use crate::*;
use hotline::{
    domain::live::StreamEvent,
    server::{
        bus::LiveFrame,
        desk::{memory::LocalMemory, repair::RepairSettings},
        stream::Watch,
    },
};
use std::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

fn quick() -> RepairSettings {
    RepairSettings {
        every: Duration::from_millis(20),
        longest: Duration::from_millis(40),
        settle: Duration::ZERO,
        fresh: Duration::ZERO,
        delay: Duration::from_millis(1),
        per_second: 1000,
    }
}

/// An instance that looks after what is watched, until the guard is dropped.
fn instance(
    house: &House,
    bus: &Arc<dyn EventBus>,
    memory: &Arc<dyn Memory>,
    repair: RepairSettings,
) -> (Desk, DropGuard) {
    let settings = DeskSettings { repair, ..DeskSettings::default() };
    let desk = Desk::with_memory(client(&house.plain), bus.clone(), settings, memory.clone());
    let stop = CancellationToken::new();
    tokio::spawn(desk.clone().keep_repaired(stop.clone()));
    (desk, stop.drop_guard())
}

fn a_bus() -> Arc<dyn EventBus> {
    Arc::new(MemoryBus::new(MemoryBusSettings::default(), Arc::new(FixedClock::at(0))))
}

fn a_memory() -> Arc<dyn Memory> {
    Arc::new(LocalMemory::new(Duration::from_secs(3600)))
}

async fn reads(house: &House, more: usize) {
    let wanted = house.plain.count("Conversation") + more;
    while house.plain.count("Conversation") < wanted {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn event(frame: &LiveFrame) -> (String, Option<String>) {
    let text = std::str::from_utf8(&frame.sse).unwrap();
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    match serde_json::from_str(data).unwrap() {
        StreamEvent::Webhook(event) => (event.event_type, event.entry.map(|entry| entry.text)),
        other => panic!("{other:?}"),
    }
}

fn push(house: &House, n: usize, text: &str) {
    let now = jiff::Timestamp::now().as_millisecond();
    let entry = chat(n, now, agent(), text);
    house.workspace.lock().unwrap().timelines.get_mut(THREAD).unwrap().push(entry);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_instances_that_miss_the_same_one_is_heard() {
    let house = House::new(Workspace::with(vec![chat(1, 1, agent(), "Hi")])).await;
    let (bus, memory) = (a_bus(), a_memory());
    let one = instance(&house, &bus, &memory, quick());
    let two = instance(&house, &bus, &memory, quick());
    for (desk, _) in [&one, &two] {
        desk.begin(&thread());
    }
    reads(&house, 4).await;
    let mut live = bus.subscribe(&thread(), None).await.unwrap().live;
    push(&house, 2, "Missed");
    let frame = live.next().await.unwrap();
    assert_eq!(event(&frame), ("timeline.repaired".into(), Some("Missed".into())));
    // Both look again and again, and so does one that begins anew.
    let three = instance(&house, &bus, &memory, quick());
    three.0.begin(&thread());
    reads(&house, 9).await;
    assert_eq!(bus.head(&thread()).await.unwrap(), frame.cursor);
    for (desk, _) in [&one, &two, &three] {
        desk.end(&thread());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_missed_while_nobody_watched_is_told_to_who_comes_back_elsewhere() {
    let house = House::new(Workspace::with(vec![chat(1, 1, agent(), "Hi")])).await;
    let (bus, memory) = (a_bus(), a_memory());
    let one = instance(&house, &bus, &memory, quick());
    one.0.begin(&thread());
    let place = one.0.conversation(&thread()).await.unwrap().cursor.clone();
    reads(&house, 2).await;
    one.0.end(&thread());
    drop(one);
    push(&house, 2, "Missed");
    // Another instance shows a page that has it; whoever comes back to it with an older place is told all the same.
    let two = instance(&house, &bus, &memory, quick());
    assert_eq!(texts(&two.0.conversation(&thread()).await.unwrap()), ["Hi", "Missed"]);
    let mut back = bus.subscribe(&thread(), Some(&place)).await.unwrap();
    assert!(!back.gap && back.replay.is_empty());
    two.0.begin(&thread());
    let frame = back.live.next().await.unwrap();
    assert_eq!(event(&frame).1.as_deref(), Some("Missed"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_looks_a_second_and_not_more() {
    let house = House::new(Workspace::with(vec![])).await;
    let slow = RepairSettings { per_second: 2, ..quick() };
    let (desk, _guard) = instance(&house, &a_bus(), &a_memory(), slow);
    for n in 0..50 {
        let id = ThreadId::parse(id("th", n)).unwrap();
        house.workspace.lock().unwrap().timelines.insert(id.to_string(), vec![]);
        desk.begin(&id);
    }
    let began = Instant::now();
    reads(&house, 5).await;
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
}
