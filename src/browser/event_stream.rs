//! A tab's part in the live stream: it keeps its place in its thread, leads the tabs of its browser or listens to the
//! one that does.
//!
//! A browser opens at most six connections to a host over HTTP/1.1, over all tabs: a stream each would block the
//! seventh tab. So one tab, the leader, has one stream for the threads of all, and repeats to the others what comes.
//! What tabs say to each other, besides the leader's [`Link::code`] as a number:
//!
//! | words | by | meaning |
//! |---|---|---|
//! | `h` thread, cursor | a tab | I am at this place; are you there? Answered by the state, and `f` where the thread is carried |
//! | `l` | a new leader | Where are you all? Answered by `h` |
//! | `f` id, data | the leader | an event of the stream as it came |
//! | `y` | the leader | read the conversation |
//! | `r` | a tab | try again now |
//! | `x` thread | the leader | no room; have a stream of your own |
//!
//! Where tabs cannot talk to each other, each one has its own stream. On the server nothing here runs.

pub use super::connection::Link;
use super::{
    connection::{Event, SILENT_HEARTBEATS, SUSPECT_HEARTBEATS},
    document::{Listeners, is_visible},
    json,
    places::{Arrival, Joined, Look, Place, Watch},
    tabs::{Group, Word},
    transport::{Told, Transport, now},
};
use crate::domain::{
    ids::{Cursor, ThreadId},
    live::{LiveEvent, StreamEvent},
};
use leptos::{leptos_dom::helpers::IntervalHandle, prelude::*};
use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::Duration,
};
use wasm_bindgen::JsValue;

/// What the stream tells its page.
#[derive(Debug)]
pub enum News {
    /// The dot changes.
    Link(Link),
    /// Something happened in the thread.
    Event(Box<LiveEvent>),
    /// Somebody of the team is typing, for so long if nothing else is heard; 0: they stopped.
    Typing {
        /// Their name, as shown.
        name: String,
        /// Milliseconds.
        for_ms: u32,
    },
    /// The server answers something that this tab said.
    Answer(String),
    /// Something may have been missed: fetch the conversation.
    Resync,
}

/// How often a tab looks after the one that leads.
const WATCH: Duration = Duration::from_millis(500);
/// For how long a leader in trouble may say nothing.
const TROUBLED_MS: f64 = 3000.0;
/// When to ask again for a thread that was refused.
const REFUSED_MS: f64 = 10_000.0;

/// The live events of one thread. Dropping it closes the connection and ends every timer and listener.
pub struct EventStream(Rc<Tab>);

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("thread", &self.0.thread).finish_non_exhaustive()
    }
}

struct Tab {
    thread: ThreadId,
    tell: Box<dyn Fn(News)>,
    place: RefCell<Place>,
    link: Cell<Link>,
    role: Cell<Role>,
    transport: Rc<Transport>,
    group: RefCell<Option<Rc<Group>>>,
    watch: Cell<Watch>,
    heartbeat: Cell<f64>,
    /// When the thread was refused by the leader's connection.
    refused: Cell<Option<f64>>,
    watchdog: Cell<Option<IntervalHandle>>,
    listeners: RefCell<Option<Listeners>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The page is being left, or there is nothing to follow any more.
    Away,
    /// Listens to another tab.
    Listener,
    /// Has the one stream.
    Leader,
    /// Has a stream of its own.
    Alone,
}

impl EventStream {
    /// Follows a thread from a place on. `tell` must not drop the stream it is called by.
    pub fn open(thread: ThreadId, cursor: Cursor, tell: impl Fn(News) + 'static) -> Self {
        let tab = Rc::new_cyclic(|weak: &std::rc::Weak<Tab>| {
            let told = weak.clone();
            let told = move |what: Told<'_>| {
                if let Some(tab) = told.upgrade() {
                    tab.told(what);
                }
            };
            Tab {
                thread,
                tell: Box::new(tell),
                place: RefCell::new(Place::new(cursor)),
                link: Cell::new(Link::Connecting),
                role: Cell::new(Role::Away),
                transport: Transport::new(told),
                group: RefCell::default(),
                watch: Cell::default(),
                heartbeat: Cell::new(15_000.0),
                refused: Cell::default(),
                watchdog: Cell::default(),
                listeners: RefCell::default(),
            }
        });
        let events = ["online", "offline", "pageshow", "pagehide", "visibilitychange", "focus"];
        let weak = Rc::downgrade(&tab);
        *tab.listeners.borrow_mut() = Some(Listeners::on(&events, move |event| {
            if let Some(tab) = weak.upgrade() {
                tab.page(event);
            }
        }));
        tab.join();
        Self(tab)
    }

    /// Ends the stream of a conversation that is gone: it is never opened again.
    pub fn close(&self) {
        self.0.end();
    }

    /// Whether the server hears what is said over the live connection, and the connection is this tab's.
    pub fn hears(&self) -> bool {
        self.0.transport.hears()
    }

    /// Says something to the server over the live connection; false where that hears nothing, or is another tab's.
    pub fn speak(&self, words: &str) -> bool {
        self.0.transport.speak(words)
    }

    /// Tries to connect now.
    pub fn retry(&self) {
        if self.0.role.get() == Role::Listener {
            self.0.say("r");
        } else {
            self.0.transport.on(Event::Retry);
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.0.leave();
        self.0.listeners.take();
    }
}

impl Tab {
    fn join(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let group = Group::join(move |word| {
            if let Some(tab) = weak.upgrade() {
                tab.word(word);
            }
        });
        if group.is_none() {
            return self.lead(Role::Alone);
        }
        *self.group.borrow_mut() = group;
        self.role.set(Role::Listener);
        self.hello();
        let weak = Rc::downgrade(self);
        let look = move || {
            if let Some(tab) = weak.upgrade() {
                tab.look(SILENT_HEARTBEATS);
            }
        };
        self.watchdog.set(set_interval_with_handle(look, WATCH).ok());
    }

    fn leave(&self) {
        self.role.set(Role::Away);
        self.transport.stop();
        self.group.take();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.clear();
        }
    }

    /// For good.
    fn end(&self) {
        self.leave();
        self.listeners.take();
        self.show(Link::Closed);
    }

    fn lead(&self, role: Role) {
        self.role.set(role);
        self.follow();
    }

    fn follow(&self) {
        self.transport.follow(&self.thread, self.place.borrow().cursor(), self.link.get());
    }

    fn say(&self, words: &str) {
        self.post(&JsValue::from_str(words));
    }

    fn post(&self, words: &JsValue) {
        if let Some(group) = &*self.group.borrow() {
            group.say(words);
        }
    }

    /// Tells the leader where this tab is; it must answer.
    fn hello(&self) {
        let words =
            ["h", self.thread.as_str(), "\n", self.place.borrow().cursor().as_str()].concat();
        self.say(&words);
        let mut watch = self.watch.get();
        watch.asked(now());
        self.watch.set(watch);
    }

    /// Looks after the leader.
    fn look(self: &Rc<Self>, heartbeats: f64) {
        let now = now();
        let refused = self.refused.get().is_some_and(|at| (now - at).abs() > REFUSED_MS);
        if refused {
            self.refused.set(None);
        }
        if self.role.get() != Role::Listener {
            if refused {
                self.follow();
            }
            return;
        }
        let mut watch = self.watch.get();
        // Trouble is told every second; where it is not, the leader's timers are slowed down in the background.
        let silence = match self.link.get() {
            Link::Reconnecting(_) => TROUBLED_MS,
            _ => heartbeats * self.heartbeat.get(),
        };
        let look = watch.look(now, silence);
        self.watch.set(watch);
        if look == Look::Replace {
            let group = self.group.borrow().clone();
            if let Some(group) = group {
                group.seize();
            }
        } else if refused || look == Look::Ask {
            self.hello();
        }
    }

    fn page(self: &Rc<Self>, event: &str) {
        match event {
            // What is open keeps a page out of the back/forward cache, and a page in it can lead nobody.
            "pagehide" => self.leave(),
            "pageshow" if self.role.get() == Role::Away => self.join(),
            _ => {
                // A phone may have cut the connection in its sleep without a word: timers stood still, the clock did
                // not.
                self.transport.on(Event::Wake);
                if is_visible() {
                    self.look(SUSPECT_HEARTBEATS);
                }
            }
        }
    }

    /// The group has something to say.
    fn word(self: &Rc<Self>, word: Word) {
        match word {
            Word::Lead => {
                self.lead(Role::Leader);
                self.say("l");
            }
            Word::Deposed => {
                self.role.set(Role::Listener);
                self.transport.stop();
                self.hello();
            }
            Word::Alone => {
                self.leave();
                self.lead(Role::Alone);
            }
            Word::Said(words) => {
                let lead = self.role.get() == Role::Leader;
                if !lead {
                    let mut watch = self.watch.get();
                    watch.heard(now());
                    self.watch.set(watch);
                }
                if let Some(code) = words.as_f64() {
                    if !lead {
                        self.show(Link::of_code(code as u32));
                    }
                } else if let Some(words) = words.as_string() {
                    self.said(lead, &words);
                }
            }
        }
    }

    fn said(self: &Rc<Self>, lead: bool, words: &str) {
        let mut rest = words.chars();
        let Some(kind) = rest.next() else { return };
        let words = rest.as_str();
        let (first, second) = words.split_once('\n').unwrap_or((words, ""));
        match (kind, lead) {
            ('h', true) => {
                let (Ok(thread), Ok(cursor)) = (first.parse(), second.parse()) else { return };
                match self.transport.follow(&thread, &cursor, self.link.get()) {
                    Joined::Carried(cursor) => self.say(&format!(
                        r#"f{cursor}
{{"type":"connected","threadId":"{thread}","cursor":"{cursor}","gap":false,"heartbeatMs":{}}}"#,
                        self.transport.heartbeat() as u32
                    )),
                    Joined::Full => self.say(&["x", first].concat()),
                    Joined::Known | Joined::New => {}
                }
                self.post(&JsValue::from_f64(f64::from(self.link.get().code())));
                // Somebody may have looked at that tab after a long sleep.
                self.transport.on(Event::Wake);
            }
            ('r', true) => self.transport.on(Event::Retry),
            ('l', false) => self.hello(),
            ('f', false) => {
                if let Some(event) = json::parse(second) {
                    self.heard(first, event);
                }
            }
            ('y', false) => (self.tell)(News::Resync),
            ('x', false) if first == self.thread.as_str() => self.word(Word::Alone),
            _ => {}
        }
    }

    /// The connection has something to say.
    fn told(&self, told: Told<'_>) {
        match told {
            Told::Link(link) => {
                self.post(&JsValue::from_f64(f64::from(link.code())));
                self.show(link);
            }
            Told::Other(words) => (self.tell)(News::Answer(words.to_owned())),
            Told::Resync => {
                self.say("y");
                (self.tell)(News::Resync);
            }
            Told::Frame(id, data, event) => {
                self.say(&["f", id, "\n", data].concat());
                let all = matches!(event, StreamEvent::Bye { thread_id: None, .. });
                self.heard(id, event);
                // A good time to forget the threads of tabs that are gone.
                if all && self.role.get() == Role::Leader {
                    self.transport.keep(&self.thread);
                    self.say("l");
                }
            }
        }
    }

    fn show(&self, link: Link) {
        if self.link.replace(link) != link {
            (self.tell)(News::Link(link));
        }
    }

    /// An event of the stream, from the connection or from the tab that has it.
    fn heard(&self, id: &str, event: StreamEvent) {
        match event {
            StreamEvent::Connected { thread_id, cursor, gap, heartbeat_ms } => {
                self.heartbeat.set(f64::from(heartbeat_ms));
                if thread_id != self.thread {
                    return;
                }
                leptos::logging::log!("Connected to real-time updates");
                self.refused.set(None);
                if self.place.borrow_mut().connected(cursor, gap) {
                    (self.tell)(News::Resync);
                }
            }
            StreamEvent::Webhook(live) if live.thread_id == self.thread => {
                let Ok(cursor) = Cursor::parse(id) else { return };
                let arrival = self.place.borrow_mut().event(cursor, &live.prev);
                if arrival == Arrival::Again {
                    return;
                }
                leptos::logging::log!("Received instant update");
                (self.tell)(News::Event(live));
                if arrival == Arrival::Hole {
                    (self.tell)(News::Resync);
                }
            }
            StreamEvent::Typing { thread_id, name, for_ms } if thread_id == self.thread => {
                (self.tell)(News::Typing { name, for_ms });
            }
            StreamEvent::Bye { thread_id: Some(thread), reason, .. } if thread == self.thread => {
                if reason == StreamEvent::REMOVED {
                    self.end();
                } else {
                    self.refused.set(Some(now()));
                    (self.tell)(News::Resync);
                }
            }
            StreamEvent::Bye { thread_id: None, reason, .. } if reason == StreamEvent::REMOVED => {
                // One that listens, or was refused, has to ask whether it is meant.
                if self.role.get() == Role::Listener || self.refused.get().is_some() {
                    (self.tell)(News::Resync);
                } else {
                    self.end();
                }
            }
            _ => {}
        }
    }
}
