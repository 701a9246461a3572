//! The owner of a tab's `EventSource`: opens it, notices when it is dead, brings it back, and never loses its place.
//!
//! A native `EventSource` comes back by itself after a broken connection, but gives up for ever on any answer other
//! than 200 (a proxy's 502 during a deploy is enough), and does not notice a connection that died in silence. So
//! this wrapper reopens it with its own back-off, watches the server's heartbeats, and looks after the stream when
//! the tab wakes up. On the server nothing here runs.

use super::{
    document::{Listeners, is_online, is_visible},
    json,
};
use crate::domain::{
    ids::{Cursor, ThreadId},
    live::{LiveEvent, StreamEvent},
};
use leptos::{leptos_dom::helpers::IntervalHandle, leptos_dom::helpers::TimeoutHandle, prelude::*};
use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::{Rc, Weak},
    time::Duration,
};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{EventSource, MessageEvent};

/// The state of the connection, as the visitor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The first connection is being made.
    Connecting,
    /// Answers arrive at once.
    Live,
    /// The connection broke and is being made again.
    Reconnecting,
    /// The browser has no network.
    Offline,
    /// There is nothing to connect to any more.
    Closed,
}

impl Link {
    /// The word for `data-state`.
    pub fn word(self) -> &'static str {
        match self {
            Link::Connecting => "connecting",
            Link::Live => "live",
            Link::Reconnecting => "reconnecting",
            Link::Offline => "offline",
            Link::Closed => "closed",
        }
    }

    /// What stands beside the dot.
    pub fn label(self) -> &'static str {
        match self {
            Link::Connecting => "Connecting…",
            Link::Live => "Live: answers appear at once",
            Link::Reconnecting => "Reconnecting…",
            Link::Offline => "Offline: answers wait until you are back",
            Link::Closed => "Closed: no more answers here",
        }
    }
}

/// What the stream tells its page.
#[derive(Debug)]
pub enum News {
    /// The dot changes.
    Link(Link),
    /// Something happened in the thread.
    Event(Box<LiveEvent>),
    /// Something may have been missed: fetch the conversation.
    Resync,
}

/// Own back-off: doubles from the first to the last, spread over half of it.
const FIRST_DELAY_MS: f64 = 1000.0;
const LAST_DELAY_MS: f64 = 20_000.0;
/// No sign of life for this many heartbeats: the connection is dead, whatever the browser says.
const SILENT_HEARTBEATS: f64 = 2.5;
/// How often the watchdog looks.
const WATCH_MS: u64 = 1000;
/// After how long a tab that somebody looks at takes its place among too many tabs back; a longer absence shows.
const LOOKED_AT_MS: f64 = 4000.0;
/// A connection that is still being made after this long is made anew.
const OPENING_MS: f64 = 10_000.0;

/// A live stream of one thread. Dropping it closes the connection and ends every timer and listener.
pub struct EventStream(Rc<Inner>);

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("thread", &self.0.thread).finish_non_exhaustive()
    }
}

struct Inner {
    thread: ThreadId,
    tell: Box<dyn Fn(News)>,
    cursor: RefCell<Cursor>,
    source: RefCell<Option<Source>>,
    link: Cell<Link>,
    failures: Cell<u32>,
    heartbeat_ms: Cell<f64>,
    last_sign: Cell<f64>,
    timer: Cell<Option<TimeoutHandle>>,
    watchdog: Cell<Option<IntervalHandle>>,
    listeners: RefCell<Option<Listeners>>,
}

/// An open `EventSource` with its handlers; closes on drop.
struct Source {
    raw: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _error: Closure<dyn FnMut()>,
}

impl Drop for Source {
    fn drop(&mut self) {
        self.raw.set_onmessage(None);
        self.raw.set_onerror(None);
        self.raw.close();
    }
}

impl EventStream {
    /// Opens the stream of a thread from a place on. `tell` must not drop the stream it is called by.
    pub fn open(thread: ThreadId, cursor: Cursor, tell: impl Fn(News) + 'static) -> Self {
        let inner = Rc::new(Inner {
            thread,
            tell: Box::new(tell),
            cursor: RefCell::new(cursor),
            source: RefCell::new(None),
            link: Cell::new(Link::Connecting),
            failures: Cell::new(0),
            heartbeat_ms: Cell::new(15_000.0),
            last_sign: Cell::new(now()),
            timer: Cell::new(None),
            watchdog: Cell::new(None),
            listeners: RefCell::new(None),
        });
        let weak = Rc::downgrade(&inner);
        let watch = move || with(&weak, Inner::watch);
        inner.watchdog.set(set_interval_with_handle(watch, Duration::from_millis(WATCH_MS)).ok());
        let weak = Rc::downgrade(&inner);
        let events = ["online", "offline", "pageshow", "pagehide", "visibilitychange"];
        *inner.listeners.borrow_mut() =
            Some(Listeners::on(&events, move |event| with(&weak, |inner| inner.tab_event(event))));
        inner.connect();
        Self(inner)
    }

    /// Ends the stream of a conversation that is gone: it is never opened again.
    pub fn close(&self) {
        self.0.end();
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.0.shut();
        if let Some(watchdog) = self.0.watchdog.take() {
            watchdog.clear();
        }
    }
}

fn with(weak: &Weak<Inner>, f: impl FnOnce(&Rc<Inner>)) {
    if let Some(inner) = weak.upgrade() {
        f(&inner);
    }
}

/// How long to stay away after a goodbye.
fn absence(reason: &str, after_ms: f64, looked_at: bool) -> f64 {
    if reason == StreamEvent::REPLACED && looked_at { after_ms.min(LOOKED_AT_MS) } else { after_ms }
}

fn now() -> f64 {
    js_sys::Date::now()
}

impl Inner {
    /// Closes the connection and forgets a planned one.
    fn shut(&self) {
        self.source.take();
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
    }

    /// For good.
    fn end(&self) {
        self.shut();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.clear();
        }
        self.listeners.take();
        self.show(Link::Closed);
    }

    fn show(&self, link: Link) {
        if self.link.replace(link) != link {
            (self.tell)(News::Link(link));
        }
    }

    fn connect(self: &Rc<Self>) {
        self.shut();
        self.last_sign.set(now());
        if !is_online() {
            self.show(Link::Offline);
            return;
        }
        let url =
            format!("/api/support/stream?threadId={}&after={}", self.thread, self.cursor.borrow());
        let Ok(raw) = EventSource::new(&url) else {
            self.retry_later();
            return;
        };
        let weak = Rc::downgrade(self);
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            with(&weak, |inner| inner.message(&event));
        });
        let weak = Rc::downgrade(self);
        let error = Closure::<dyn FnMut()>::new(move || with(&weak, Inner::error));
        raw.set_onmessage(Some(message.as_ref().unchecked_ref()));
        raw.set_onerror(Some(error.as_ref().unchecked_ref()));
        *self.source.borrow_mut() = Some(Source { raw, _message: message, _error: error });
    }

    /// Opens again after a delay of our own.
    fn retry_later(self: &Rc<Self>) {
        let failures = self.failures.get();
        self.failures.set(failures.saturating_add(1));
        let delay = (FIRST_DELAY_MS * 2f64.powi(failures.min(10) as i32)).min(LAST_DELAY_MS);
        self.connect_in(delay * (0.5 + js_sys::Math::random() / 2.0));
    }

    fn connect_in(self: &Rc<Self>, delay_ms: f64) {
        self.shut();
        let weak = Rc::downgrade(self);
        let again = move || with(&weak, Inner::connect);
        self.timer.set(set_timeout_with_handle(again, Duration::from_millis(delay_ms as u64)).ok());
    }

    fn message(self: &Rc<Self>, event: &MessageEvent) {
        self.last_sign.set(now());
        let Some(data) = event.data().as_string() else { return };
        // A newer server may say things this tab does not know yet.
        let Some(told) = json::parse::<StreamEvent>(&data) else { return };
        match told {
            StreamEvent::Connected { cursor, gap, heartbeat_ms, .. } => {
                self.heartbeat_ms.set(f64::from(heartbeat_ms));
                *self.cursor.borrow_mut() = cursor;
                leptos::logging::log!("Connected to real-time updates");
                self.show(Link::Live);
                if gap {
                    (self.tell)(News::Resync);
                }
            }
            StreamEvent::Webhook(live) => {
                let whole = *self.cursor.borrow() == live.prev;
                if let Ok(cursor) = Cursor::parse(event.last_event_id()) {
                    *self.cursor.borrow_mut() = cursor;
                }
                leptos::logging::log!("Received instant update");
                (self.tell)(News::Event(live));
                if !whole {
                    (self.tell)(News::Resync);
                }
            }
            // One that lived long enough for a heartbeat was a healthy connection.
            StreamEvent::Heartbeat { .. } => self.failures.set(0),
            StreamEvent::Bye { reason, .. } if reason == StreamEvent::REMOVED => self.end(),
            StreamEvent::Bye { reason, after_ms, .. } => {
                self.dismissed(&reason, f64::from(after_ms))
            }
        }
    }

    /// The server closed the connection on purpose. A tab that made room for a newer one waits as long as it was told,
    /// unless somebody is looking at it: then one that nobody looks at will make room.
    fn dismissed(self: &Rc<Self>, reason: &str, after_ms: f64) {
        let delay = absence(reason, after_ms, is_visible());
        if delay > LOOKED_AT_MS {
            self.show(Link::Reconnecting);
        }
        self.connect_in(delay);
    }

    fn error(self: &Rc<Self>) {
        let given_up = match &*self.source.borrow() {
            Some(source) => source.raw.ready_state() == EventSource::CLOSED,
            None => return,
        };
        self.show(if is_online() { Link::Reconnecting } else { Link::Offline });
        self.last_sign.set(now());
        if given_up {
            // Perhaps the session or the thread is gone: reading the conversation tells.
            if self.failures.get() > 0 {
                (self.tell)(News::Resync);
            }
            self.retry_later();
        }
    }

    /// Once a second: has the server been silent for too long?
    fn watch(self: &Rc<Self>) {
        let waiting = self.source.borrow().is_none();
        let limit = if self.link.get() == Link::Live {
            self.heartbeat_ms.get() * SILENT_HEARTBEATS
        } else {
            OPENING_MS
        };
        if !waiting && now() - self.last_sign.get() > limit {
            self.show(if is_online() { Link::Reconnecting } else { Link::Offline });
            self.retry_later();
        }
    }

    fn tab_event(self: &Rc<Self>, event: &str) {
        match event {
            // An open stream keeps a page out of the back/forward cache.
            "pagehide" => self.shut(),
            "offline" => {
                self.shut();
                self.show(Link::Offline);
            }
            "online" | "pageshow" => {
                if self.source.borrow().is_none() {
                    self.failures.set(0);
                    if self.link.get() != Link::Connecting {
                        self.show(Link::Reconnecting);
                    }
                    self.connect();
                }
            }
            // A phone may have cut the connection in its sleep without a word: timers stood still, the clock did not.
            _ => {
                let silent = now() - self.last_sign.get() > self.heartbeat_ms.get() * 1.5;
                if is_visible() && (silent || self.source.borrow().is_none()) {
                    self.failures.set(0);
                    self.connect();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tab_that_is_looked_at_comes_back_early() {
        assert_eq!(absence("replaced", 60_000.0, false), 60_000.0);
        assert_eq!(absence("replaced", 60_000.0, true), LOOKED_AT_MS);
        assert_eq!(absence("replaced", 700.0, true), 700.0);
        for looked_at in [false, true] {
            assert_eq!(absence("restart", 60_000.0, looked_at), 60_000.0);
            assert_eq!(absence("lifetime", 700.0, looked_at), 700.0);
        }
    }
}
