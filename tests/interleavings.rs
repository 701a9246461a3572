//! Whatever the order in which things are published, read, cut off and resumed: who comes back with a place is given
//! exactly what was published after it, in order, or is told of the gap. Streams and slices, one thread and several.
//!
//! The model knows what the memory bus keeps, so that a gap is also wrong where there is none.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

#[path = "support/live.rs"]
mod live;

use axum::body::{Body, BodyDataStream, to_bytes};
use futures::{FutureExt, StreamExt};
use hotline::{
    domain::{
        ids::{Cursor, EventId, ThreadId},
        time::At,
    },
    server::{
        bus::{
            EventBus, NewEvent, Published,
            memory::{MemoryBus, MemoryBusSettings},
        },
        clock::FixedClock,
        shutdown::Shutdown,
        stream::{self, Place, StreamContext, StreamSettings, Wanted},
    },
};
use live::Frame;
use proptest::{collection::vec, prelude::*};
use std::{sync::Arc, time::Duration};

const THREADS: usize = 4;
const CLIENTS: usize = 3;
/// Short, so that places fall out of it all the time.
const HISTORY: usize = 5;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// Something is published to a thread.
    Publish(usize),
    /// Plain delivers an event once more.
    Repeat(usize),
    /// A client reads so many chunks at most.
    Read(usize, usize),
    /// A client's connection breaks.
    Drop(usize),
    /// A client (re)connects for these threads with its newest places.
    Connect(usize, u8),
    /// A client asks for one slice.
    Poll(usize, u8),
    /// A client's places become older ones that were given out once, to whomever and for whichever thread.
    Stale(usize, usize),
    /// A client's place for a thread becomes nonsense.
    Nonsense(usize, usize),
    /// The process is killed, and starts anew.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let (thread, client, any) = (0..THREADS, 0..CLIENTS, 0..1000_usize);
    prop_oneof![
        12 => thread.clone().prop_map(Step::Publish),
        1 => any.clone().prop_map(Step::Repeat),
        8 => (client.clone(), 1..6_usize).prop_map(|(client, most)| Step::Read(client, most)),
        3 => client.clone().prop_map(Step::Drop),
        6 => (client.clone(), 1..16_u8).prop_map(|(client, of)| Step::Connect(client, of)),
        3 => (client.clone(), 1..16_u8).prop_map(|(client, of)| Step::Poll(client, of)),
        2 => (client.clone(), any).prop_map(|(client, which)| Step::Stale(client, which)),
        1 => (client, thread).prop_map(|(client, thread)| Step::Nonsense(client, thread)),
        1 => Just(Step::Restart),
    ]
}

/// An event that the bus took.
#[derive(Debug, Clone)]
struct Event {
    thread: usize,
    id: String,
    cursor: String,
}

/// What one client knows of one thread.
#[derive(Debug, Clone, Default)]
struct Known {
    /// The newest place; none before the first connection.
    place: Option<String>,
    /// What must come next: an index into `World::events`, if the place is one of this process's.
    next: Option<usize>,
}

#[derive(Default)]
struct Client {
    stream: Option<BodyDataStream>,
    buffer: String,
    known: [Known; THREADS],
    /// The threads of the connection that have not been told of as connected.
    awaited: Vec<usize>,
}

struct World {
    bus: Arc<MemoryBus>,
    streams: StreamContext,
    /// Of this process, in the order of their places.
    events: Vec<Event>,
    /// All places that were ever given out, with the index of the event after them, if they are this process's.
    places: Vec<(String, Option<usize>)>,
    published: u32,
    clients: [Client; CLIENTS],
}

fn thread(n: usize) -> ThreadId {
    ThreadId::parse(format!("th_{n:026}")).unwrap()
}

fn start() -> (Arc<MemoryBus>, StreamContext) {
    let clock = Arc::new(FixedClock::at(0));
    let settings = MemoryBusSettings { history_per_thread: HISTORY, ..Default::default() };
    let bus = Arc::new(MemoryBus::new(settings, clock.clone()));
    let settings = StreamSettings { heartbeat: Duration::from_secs(3600), ..Default::default() };
    let streams = StreamContext::new(bus.clone(), Shutdown::new(), clock, settings);
    (bus, streams)
}

impl World {
    fn new() -> Self {
        let (bus, streams) = start();
        let clients = Default::default();
        Self { bus, streams, events: vec![], places: vec![], published: 0, clients }
    }

    async fn publish(&mut self, of: usize, number: u32) {
        let id = live::event_id(number);
        let event = NewEvent {
            thread_id: thread(of),
            customer: None,
            event_type: "thread.chat_sent".into(),
            event_id: EventId::parse(id.clone()).unwrap(),
            at: At::from_millis(0),
            entry: None,
            status: None,
            seen: None,
        };
        match self.bus.publish(event).await.unwrap() {
            Published::New { cursor, .. } => {
                let cursor = cursor.as_str().to_owned();
                self.events.push(Event { thread: of, id, cursor: cursor.clone() });
                self.places.push((cursor, Some(self.events.len())));
            }
            Published::Duplicate => {
                assert!(self.events.iter().any(|event| event.id == id), "{id} was never taken");
            }
            Published::Removed => panic!("nobody was removed"),
        }
    }

    /// Whether the bus cannot have everything of the thread from this event on.
    fn lost(&self, of: usize, next: usize) -> bool {
        self.events[next..].iter().filter(|event| event.thread == of).count() > HISTORY
    }

    async fn ask(&mut self, client: usize, of: u8, slice: bool) {
        let (client, streams) = (&mut self.clients[client], &self.streams);
        client.stream = None;
        client.buffer.clear();
        client.awaited = (0..THREADS).filter(|n| of & 1 << n != 0).collect();
        let places = client.awaited.iter().map(|n| {
            let place = match &client.known[*n].place {
                None => Place::Now,
                Some(text) => Cursor::parse(text.clone()).map_or(Place::Unknown, Place::After),
            };
            (thread(*n), place)
        });
        let wanted = Wanted { threads: places.collect(), denied: vec![] };
        if slice {
            let answer = stream::poll(streams, None, wanted, Duration::ZERO).await;
            assert_eq!(answer.status(), 200);
            let text = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            client.buffer = String::from_utf8(text.to_vec()).unwrap();
        } else {
            let answer = stream::open(streams, None, wanted).await;
            assert_eq!(answer.status(), 200);
            client.stream = Some(Body::into_data_stream(answer.into_body()));
        }
    }

    /// Reads what is there, at most so many chunks; whether there was anything.
    fn read(&mut self, client: usize, most: usize) -> bool {
        let mut any = false;
        for _ in 0..most {
            let one = &mut self.clients[client];
            let Some(stream) = &mut one.stream else { break };
            match stream.next().now_or_never() {
                None => break,
                Some(Some(bytes)) => {
                    one.buffer.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
                    any = true;
                }
                // Too slow for the ring.
                Some(None) => one.stream = None,
            }
        }
        self.digest(client);
        any
    }

    fn digest(&mut self, client: usize) {
        let text = std::mem::take(&mut self.clients[client].buffer);
        for frame in live::frames(&text) {
            self.heard(client, frame);
        }
    }

    fn heard(&mut self, client: usize, frame: Frame) {
        let of = frame.data["threadId"].as_str().unwrap();
        let of = (0..THREADS).find(|n| thread(*n).as_str() == of).unwrap();
        let id = frame.id.unwrap();
        let known = self.clients[client].known[of].clone();
        let next = match frame.data["type"].as_str().unwrap() {
            "connected" => {
                let awaited = &mut self.clients[client].awaited;
                assert_eq!(awaited.remove(0), of, "each once, in the order of the question");
                assert_eq!(frame.data["cursor"], id.as_str());
                let gap = frame.data["gap"].as_bool().unwrap();
                match (&known.place, known.next) {
                    (None, _) => assert!(!gap, "nothing was asked for"),
                    (Some(place), Some(_)) if !gap => {
                        let (asked, told) = (self.after(place), self.mark(&id));
                        let between = &self.events[told.min(asked)..told.max(asked)];
                        assert!(
                            told <= asked && between.iter().all(|event| event.thread != of),
                            "it goes on from the place, and not from ahead of it"
                        );
                    }
                    (Some(place), next) => {
                        assert!(next.is_none_or(|next| self.lost(of, next)), "no gap at {place}");
                        assert!(gap, "{place} proves nothing");
                    }
                }
                if gap || known.place.is_none() {
                    // From now on; everything before is read from elsewhere. The place is the newest.
                    self.mark(&id)
                } else {
                    known.next.unwrap()
                }
            }
            "webhook" => {
                assert!(!self.clients[client].awaited.contains(&of), "connected comes first");
                let next = known.next.unwrap();
                let rest = self.events[next..].iter().position(|event| event.thread == of);
                let index = next + rest.expect("what is told was published");
                let event = &self.events[index];
                assert_eq!(frame.data["eventId"], event.id.as_str(), "the very next one");
                assert_eq!((&id, &frame.data["prev"]), (&event.cursor, &known.place.into()));
                index + 1
            }
            other => panic!("a {other}"),
        };
        self.clients[client].known[of] = Known { place: Some(id), next: Some(next) };
    }

    /// The index of the first event after a place.
    fn after(&self, place: &str) -> usize {
        self.places.iter().find(|(known, _)| known == place).unwrap().1.unwrap()
    }

    /// Notes a place that stands for "the newest of its thread", and what comes after it.
    fn mark(&mut self, place: &str) -> usize {
        if let Some((_, Some(next))) = self.places.iter().find(|(known, _)| known == place) {
            return *next;
        }
        assert!(place.ends_with("-0"), "{place} is no event's");
        self.places.push((place.to_owned(), Some(0)));
        0
    }

    async fn go(&mut self, step: Step) {
        match step {
            Step::Publish(of) => {
                self.published += 1;
                self.publish(of, self.published).await;
            }
            Step::Repeat(which) => {
                let again = self.events.get(which % self.events.len().max(1)).cloned();
                if let Some(event) = again {
                    let before = self.events.len();
                    let number = event.id.trim_start_matches("pEv_").parse().unwrap();
                    self.publish(event.thread, number).await;
                    assert_eq!(self.events.len(), before, "twice the same is once");
                }
            }
            Step::Read(client, most) => {
                self.read(client, most);
            }
            Step::Drop(client) => self.clients[client].stream = None,
            Step::Connect(client, of) => self.ask(client, of, false).await,
            Step::Poll(client, of) => {
                self.ask(client, of, true).await;
                self.digest(client);
                assert_eq!(self.clients[client].awaited, [0_usize; 0], "an answer is whole");
            }
            Step::Stale(client, which) => {
                self.clients[client].stream = None;
                for (n, known) in self.clients[client].known.iter_mut().enumerate() {
                    if let Some((place, next)) =
                        self.places.get((which + n) % self.places.len().max(1))
                    {
                        *known = Known { place: Some(place.clone()), next: *next };
                    }
                }
            }
            Step::Nonsense(client, of) => {
                self.clients[client].stream = None;
                self.clients[client].known[of] =
                    Known { place: Some("no place".into()), next: None };
            }
            Step::Restart => {
                (self.bus, self.streams) = start();
                self.events.clear();
                self.places.iter_mut().for_each(|(_, next)| *next = None);
                for client in &mut self.clients {
                    client.stream = None;
                    client.known.iter_mut().for_each(|known| known.next = None);
                }
            }
        }
    }

    /// In the end everybody comes back with the newest places and has it all.
    async fn end(&mut self) {
        for client in 0..CLIENTS {
            self.ask(client, 15, client % 2 == 0).await;
            self.digest(client);
            while self.read(client, 1) {}
            for (of, known) in self.clients[client].known.iter().enumerate() {
                let next = known.next.expect("every thread was told of");
                let missing = self.events[next..].iter().filter(|event| event.thread == of);
                assert_eq!(missing.count(), 0, "client {client} lacks something of thread {of}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_comes_twice(steps in vec(step(), 1..150)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.go(step).await;
            }
            world.end().await;
        });
    }
}
