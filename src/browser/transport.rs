//! The hands of [`Connection`]: an `EventSource`, a `WebSocket` or a poll, a timer, a clock, dice. On the server nothing
//! here runs.
//!
//! Whether a stream is an `EventSource` or a `WebSocket` is the page's word (`data-transport`), and makes no difference to
//! the machine: the frames are the same. After a socket that did not open, the next stream is an `EventSource`.

use super::{
    connection::{Connection, Event, Line, Link, Moment, POLL_MS},
    document::{is_online, is_visible},
    fetch, json,
    places::{Joined, Roster, frames},
};
use crate::domain::{
    ids::{Cursor, ThreadId},
    live::StreamEvent,
};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    time::Duration,
};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{AbortController, EventSource, MessageEvent, WebSocket};

/// What a connection tells its tab.
pub enum Told<'a> {
    /// An event: its id (empty where there is none), its JSON, and what that says.
    Frame(&'a str, &'a str, StreamEvent),
    /// The dot changes.
    Link(Link),
    /// A socket said something that is no event.
    Other(&'a str),
    /// Something may have been missed, or is over.
    Resync,
}

/// One connection for several threads. It must be [`Transport::stop`]ped before it is forgotten.
pub struct Transport {
    machine: RefCell<Connection>,
    roster: RefCell<Roster>,
    open: RefCell<Option<Open>>,
    timer: Cell<Option<TimeoutHandle>>,
    /// Whether the page wants a socket.
    socket: Cell<bool>,
    /// The open stream has spoken.
    spoke: Cell<bool>,
    /// The last socket did not open.
    mute: Cell<bool>,
    tell: Box<dyn Fn(Told<'_>)>,
}

/// What is open; closes on drop.
enum Open {
    Stream(
        EventSource,
        #[expect(dead_code, reason = "they are called as long as they live")] Handlers,
    ),
    Poll(AbortController),
    Socket(
        WebSocket,
        #[expect(dead_code, reason = "they are called as long as they live")] Handlers,
    ),
}

type Handlers = (Closure<dyn FnMut(MessageEvent)>, Closure<dyn FnMut()>);

impl Drop for Open {
    fn drop(&mut self) {
        match self {
            Open::Stream(source, _) => {
                source.set_onmessage(None);
                source.set_onerror(None);
                source.close();
            }
            Open::Poll(request) => request.abort(),
            Open::Socket(socket, _) => {
                socket.set_onmessage(None);
                socket.set_onclose(None);
                let _ = socket.close();
            }
        }
    }
}

/// By the wall clock, in ms.
pub fn now() -> f64 {
    js_sys::Date::now()
}

/// Whether the page wants its tabs to use sockets.
fn is_for_sockets() -> bool {
    let wanted = document().query_selector("[data-transport=websocket]");
    wanted.is_ok_and(|element| element.is_some())
}

/// The cursor of a socket's message: its first field, where it has one.
fn id_of(data: &str) -> &str {
    let id = data.strip_prefix(r#"{"id":""#).and_then(|rest| rest.split_once('"'));
    id.map_or("", |(id, _)| id)
}

fn with(weak: &Weak<Transport>, f: impl FnOnce(&Rc<Transport>)) {
    if let Some(transport) = weak.upgrade() {
        f(&transport);
    }
}

impl Transport {
    /// One that does nothing yet.
    pub fn new(tell: impl Fn(Told<'_>) + 'static) -> Rc<Self> {
        Rc::new(Self {
            machine: RefCell::default(),
            roster: RefCell::default(),
            open: RefCell::default(),
            timer: Cell::default(),
            socket: Cell::new(is_for_sockets()),
            spoke: Cell::default(),
            mute: Cell::default(),
            tell: Box::new(tell),
        })
    }

    /// Follows a thread from a place on, among others. `shown` is what the visitor sees if it is the first one.
    pub fn follow(self: &Rc<Self>, thread: &ThreadId, cursor: &Cursor, shown: Link) -> Joined {
        let joined = self.roster.borrow_mut().follow(thread, cursor);
        if joined == Joined::New {
            self.on(Event::Changed);
            self.on(Event::Start { shown });
        }
        joined
    }

    /// Follows no other thread any more; what is open goes on as it is.
    pub fn keep(&self, thread: &ThreadId) {
        self.roster.borrow_mut().keep(Some(thread));
    }

    /// Closes what is open, until the next start.
    pub fn stop(self: &Rc<Self>) {
        self.roster.borrow_mut().keep(None);
        self.on(Event::Stop);
    }

    /// How often the server speaks at least, in ms.
    pub fn heartbeat(&self) -> f64 {
        self.machine.borrow().heartbeat()
    }

    /// Something happened.
    pub fn on(self: &Rc<Self>, event: Event) {
        let moment = Moment {
            now: now(),
            chance: js_sys::Math::random(),
            online: is_online(),
            seen: is_visible(),
        };
        let orders = self.machine.borrow_mut().on(event, moment);
        if orders.close {
            // Held up by something in between, or refused.
            let failed = matches!(event, Event::Tick | Event::Failed) && !self.spoke.get();
            self.mute.set(failed && self.is_socket());
            self.open.take();
            self.roster.borrow_mut().closed();
        }
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
        if let Some(wait) = orders.wait {
            let weak = Rc::downgrade(self);
            let tick = move || with(&weak, |transport| transport.on(Event::Tick));
            let wait = Duration::from_millis(wait.ceil() as u64);
            self.timer.set(set_timeout_with_handle(tick, wait).ok());
        }
        if let Some(line) = orders.open {
            if self.roster.borrow().is_empty() {
                return self.on(Event::Stop);
            }
            if self.open(line).is_none() {
                self.on(Event::Failed);
            }
        }
        if let Some(link) = orders.show {
            (self.tell)(Told::Link(link));
        }
        if orders.resync {
            (self.tell)(Told::Resync);
        }
    }

    fn is_socket(&self) -> bool {
        matches!(&*self.open.borrow(), Some(Open::Socket(..)))
    }

    fn open(self: &Rc<Self>, line: Line) -> Option<()> {
        let query = self.roster.borrow().query();
        self.spoke.set(false);
        let open = match line {
            Line::Stream if self.socket.get() && !self.mute.get() => self.web_socket(&query)?,
            Line::Stream => self.stream(&query)?,
            Line::Probe => self.poll(&query, 0)?,
            Line::Poll => self.poll(&query, POLL_MS as u32)?,
        };
        *self.open.borrow_mut() = Some(open);
        Some(())
    }

    fn stream(self: &Rc<Self>, query: &str) -> Option<Open> {
        let source = EventSource::new(&["/api/support/stream?", query].concat()).ok()?;
        let weak = Rc::downgrade(self);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(data) = event.data().as_string() {
                with(&weak, |transport| transport.frame(&event.last_event_id(), &data));
            }
        });
        let weak = Rc::downgrade(self);
        let error = Closure::<dyn FnMut()>::new(move || with(&weak, |it| it.on(Event::Failed)));
        source.set_onmessage(Some(message.as_ref().unchecked_ref()));
        source.set_onerror(Some(error.as_ref().unchecked_ref()));
        Some(Open::Stream(source, (message, error)))
    }

    fn web_socket(self: &Rc<Self>, query: &str) -> Option<Open> {
        let Ok(socket) = WebSocket::new(&["/api/support/ws?", query].concat()) else {
            // A browser that takes no address without a host.
            self.socket.set(false);
            return None;
        };
        let weak = Rc::downgrade(self);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(data) = event.data().as_string() {
                with(&weak, |transport| transport.frame(id_of(&data), &data));
            }
        });
        let weak = Rc::downgrade(self);
        let close = Closure::<dyn FnMut()>::new(move || with(&weak, |it| it.on(Event::Failed)));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Some(Open::Socket(socket, (message, close)))
    }

    /// Whether there is a socket that listens.
    pub fn hears(&self) -> bool {
        self.spoke.get() && self.is_socket()
    }

    /// Says something over the socket, if there is one that listens. One that is closing would drop it, and complain to the
    /// console.
    pub fn speak(&self, words: &str) -> bool {
        match &*self.open.borrow() {
            Some(Open::Socket(socket, _)) if self.spoke.get() => {
                socket.ready_state() == WebSocket::OPEN && socket.send_with_str(words).is_ok()
            }
            _ => false,
        }
    }

    fn poll(self: &Rc<Self>, query: &str, wait: u32) -> Option<Open> {
        let request = AbortController::new().ok()?;
        let signal = request.signal();
        let url = format!("/api/support/poll?{query}&wait={wait}");
        let weak = Rc::downgrade(self);
        spawn_local(async move {
            let body = fetch::text(&url, &signal).await;
            let after = |event| {
                // Given up meanwhile, perhaps by something that it said.
                if !signal.aborted() {
                    with(&weak, |transport| transport.on(event));
                }
            };
            match body {
                Some(body) => {
                    frames(&body, |id, data| {
                        if !signal.aborted() {
                            with(&weak, |transport| transport.frame(id, data));
                        }
                    });
                    after(Event::Polled);
                }
                None => after(Event::Failed),
            }
        });
        Some(Open::Poll(request))
    }

    fn frame(self: &Rc<Self>, id: &str, data: &str) {
        self.spoke.set(true);
        // A newer server may say things this tab does not know yet.
        let Some(told) = json::parse::<StreamEvent>(data) else {
            self.on(Event::Sign);
            if self.hears() {
                (self.tell)(Told::Other(data));
            }
            return;
        };
        let event = match &told {
            StreamEvent::Connected { heartbeat_ms, .. } => {
                Event::Connected { heartbeat_ms: f64::from(*heartbeat_ms) }
            }
            StreamEvent::Heartbeat { .. } => Event::Heartbeat,
            StreamEvent::Bye { reason, thread_id: None, after_ms } => Event::Bye {
                after_ms: f64::from(*after_ms),
                replaced: reason == StreamEvent::REPLACED,
            },
            StreamEvent::Webhook(_) | StreamEvent::Typing { .. } | StreamEvent::Bye { .. } => {
                Event::Sign
            }
        };
        self.roster.borrow_mut().note(id, &told);
        self.on(event);
        (self.tell)(Told::Frame(id, data, told));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sockets_messages_carry_their_cursors() {
        assert_eq!(id_of(r#"{"id":"e-1","type":"connected"}"#), "e-1");
        assert_eq!(id_of(r#"{"type":"heartbeat","id":"e-1"}"#), "");
        assert_eq!(id_of(r#"{"id":"e-1"#), "");
    }
}
