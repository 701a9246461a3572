//! The hands of [`Connection`]: an `EventSource` or a poll, a timer, a clock, dice. On the server nothing here runs.

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
use web_sys::{AbortController, EventSource, MessageEvent};

/// What a connection tells its tab.
pub enum Told<'a> {
    /// An event: its id (empty where there is none), its JSON, and what that says.
    Frame(&'a str, &'a str, StreamEvent),
    /// The dot changes.
    Link(Link),
    /// Something may have been missed, or is over.
    Resync,
}

/// One connection for several threads. It must be [`Transport::stop`]ped before it is forgotten.
pub struct Transport {
    machine: RefCell<Connection>,
    roster: RefCell<Roster>,
    open: RefCell<Option<Open>>,
    timer: Cell<Option<TimeoutHandle>>,
    tell: Box<dyn Fn(Told<'_>)>,
}

/// What is open; closes on drop.
enum Open {
    Stream(
        EventSource,
        #[expect(dead_code, reason = "they are called as long as they live")] Handlers,
    ),
    Poll(AbortController),
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
        }
    }
}

/// By the wall clock, in ms.
pub fn now() -> f64 {
    js_sys::Date::now()
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

    fn open(self: &Rc<Self>, line: Line) -> Option<()> {
        let query = self.roster.borrow().query();
        let open = match line {
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
        // A newer server may say things this tab does not know yet.
        let Some(told) = json::parse::<StreamEvent>(data) else { return self.on(Event::Sign) };
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
