//! The open conversation in a tab: what it knows, what it hears, and when it reads. Everything else of the conversation
//! hangs on it: one file a part, each with a `start`.

use super::{
    after, alerts,
    client::messages,
    composer, connection_dot, drafts, files, menu, older, reading,
    rows::Rows,
    seen,
    sending::{self, Outbox},
    share, spoken,
    timeline::{Change, Timeline},
    tray::{self, Tray},
    typing, unseen,
};
use crate::{
    browser::{
        clock, document,
        dom::{Element, find, set_attribute, set_shown, set_text, write},
        event_stream::{EventStream, Link, News},
        form,
        later::{self, NotThere},
        scroll::{self, Extent},
        shared::{Bell, Shared},
    },
    domain::{
        error::Code,
        live::LiveEvent,
        message::Message,
        opening::Opening,
        thread::Status,
        words::{Word, Words},
    },
    language,
};
use leptos::{prelude::*, task::spawn_local};
use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

/// Events that come within this time share one read.
const SETTLE: Duration = Duration::from_millis(150);

/// A handle on the open conversation, which lives as long as its page.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    /// The messages and the thread's state.
    pub timeline: &'static Shared<Timeline>,
    /// The state of the connection.
    pub link: &'static Shared<Link>,
    /// Messages that came while the reader was further up.
    pub unseen: &'static Shared<u32>,
    /// Messages that came while the tab was hidden.
    pub missed: &'static Shared<u32>,
    /// Who is typing: their name, as far as it is known.
    pub typing: &'static Shared<Option<String>>,
    /// What the visitor sent and the server has not taken yet.
    pub outbox: &'static RefCell<Outbox>,
    /// Files for the next message.
    pub tray: &'static RefCell<Tray>,
    bell: &'static Bell,
    tab: &'static Tab,
}

#[derive(Debug)]
struct Tab {
    main: Element,
    /// What scrolls.
    list: Element,
    thread: String,
    words: Words,
    reading: Cell<Reading>,
    /// That the view goes to the end with the next frame: whether to something new there, and where it was before.
    following: Cell<Option<(bool, Extent)>>,
    /// Where the view was put that is not the end: at the first line of a tall message.
    resting: Cell<Option<i32>>,
    stream: RefCell<Option<EventStream>>,
}

/// Where the coalesced read stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Idle,
    /// One is planned or under way.
    Busy,
    /// One is under way, and something happened since it began.
    Again,
    /// The last one failed.
    Failed,
}

/// Wakes the conversation up that the server rendered.
pub fn start() {
    let Some(main) = document::main() else { return };
    let Some(opening) = document::carried::<Opening>(Opening::ID) else { return };
    let Some(list) = find(&main, ".conversation__scroll") else { return };
    let Opening { conversation, newest } = opening;
    let thread = conversation.thread.id.clone();
    let cursor = conversation.cursor.clone();
    let read_to = conversation.read_to.clone();
    let words = language::words();
    let bell = Bell::hang();
    let live = Live {
        timeline: Shared::new(bell, Timeline::new(conversation)),
        link: Shared::new(bell, Link::Connecting),
        unseen: Shared::new(bell, 0),
        missed: Shared::new(bell, 0),
        typing: Shared::new(bell, None),
        outbox: Box::leak(Box::default()),
        tray: Box::leak(Box::default()),
        bell,
        tab: Box::leak(Box::new(Tab {
            main,
            list: list.into(),
            thread: thread.to_string(),
            words,
            reading: Cell::new(Reading::Idle),
            following: Cell::default(),
            resting: Cell::default(),
            stream: RefCell::default(),
        })),
    };
    live.draw();
    live.head();
    connection_dot::start(live);
    older::start(live);
    sending::start(live);
    drafts::start(live);
    unseen::start(live);
    share::start(live);
    files::start(live);
    tray::start(live);
    alerts::start(live);
    after::start(live);
    menu::start(live);
    seen::start(live);
    typing::start(live);
    if newest {
        reading::start(live, read_to);
        let stream = EventStream::open(thread, cursor, move |news| live.hear(news));
        *live.tab.stream.borrow_mut() = Some(stream);
    }
    document::mark_hydrated();
}

impl Live {
    /// Calls `f` now, and whenever something of all this has changed. It must not begin to watch something itself.
    pub fn watch(self, f: impl Fn() + 'static) {
        self.bell.watch(f);
    }

    /// The element around everything.
    pub fn scope(self) -> &'static Element {
        &self.tab.main
    }

    /// The element that scrolls.
    pub fn list(self) -> &'static Element {
        &self.tab.list
    }

    /// The thread's id.
    pub fn thread(self) -> &'static str {
        &self.tab.thread
    }

    /// All of the page's words.
    pub fn words(self) -> &'static Words {
        &self.tab.words
    }

    /// One of the page's words.
    pub fn word(self, word: Word) -> &'static str {
        self.tab.words.say(word)
    }

    /// A word with something in the place of `{name}`.
    pub fn fill(self, word: Word, name: &str, value: &str) -> String {
        self.tab.words.fill(word, name, value)
    }

    /// Says something once to those who hear the page.
    pub fn say(self, words: &str) {
        if let Some(place) = find(self.scope(), "[data-part=spoken]") {
            set_text(&place, words);
        }
    }

    /// Runs a part of the bundle that may have to be fetched; beside the reply box it says so if it cannot be had.
    pub fn later(self, part: impl Future<Output = Result<(), NotThere>> + 'static) {
        later::run(part, move || {
            form::say(self.scope(), composer::PROBLEM, self.word(Word::CannotReach));
        });
    }

    /// Lets something be done with the stream, if there is one.
    pub fn with_stream(self, f: impl Fn(&EventStream)) {
        self.tab.stream.borrow().iter().for_each(f);
    }

    /// Whether the server hears what is said over the live connection.
    pub fn is_heard(self) -> bool {
        self.tab.stream.borrow().as_ref().is_some_and(EventStream::hears)
    }

    /// Says something to the server over the live connection; false where that hears nothing.
    pub fn speak(self, words: &str) -> bool {
        self.tab.stream.borrow().as_ref().is_some_and(|stream| stream.speak(words))
    }

    /// The rows follow the timeline.
    fn draw(self) {
        let Some(rows) = Rows::adopt(self.scope(), self.thread()) else { return };
        let rows = RefCell::new(rows);
        self.watch(move || {
            let shown = self.timeline.read().rows(|at| clock::day(at.as_str()));
            rows.borrow_mut().show(shown, self.words());
        });
    }

    /// What stands above and below the messages follows the thread's state.
    fn head(self) {
        self.watch(move || {
            let timeline = self.timeline.read();
            let (main, thread) = (self.scope(), &timeline.thread);
            if let Some(pill) = find(main, ".status") {
                set_attribute(&pill, "data-status", Some(thread.status.word()));
                set_text(&pill, self.word(status_word(thread.status)));
            }
            let done = thread.status == Status::Done;
            set_attribute(main, "data-done", done.then_some(""));
            set_shown(main, ".older", timeline.older.is_some());
            set_shown(main, ".timeline__empty", timeline.is_empty());
        });
    }

    fn hear(self, news: News) {
        match news {
            News::Link(link) => {
                self.link.set(link);
                if link == Link::Closed {
                    self.close(self.word(Word::Removed));
                }
                if matches!(link, Link::Live | Link::Slow) {
                    if self.reading() == Reading::Failed {
                        self.read();
                    }
                    sending::again(self);
                } else {
                    sending::unanswered(self, None);
                }
            }
            News::Event(event) => {
                self.apply(*event);
                self.read_soon();
            }
            News::Answer(words) => later::run(spoken::heard(self, words), || ()),
            News::Typing { name, for_ms } => typing::heard(self, name, for_ms),
            News::Resync => self.read(),
        }
    }

    fn apply(self, event: LiveEvent) {
        let LiveEvent { entry, status, seen, at, .. } = event;
        let spoken = entry.as_ref().map(|message| self.spoken(message));
        let new = self.change(move |timeline| {
            if let Some(status) = status {
                timeline.set_status(status, at);
            }
            if seen.is_some() {
                timeline.seen = seen;
            }
            entry.map_or(Change::Nothing, |entry| timeline.apply(entry))
        });
        if let (true, Some((who, what))) = (new, spoken) {
            self.say(&[&who, ": ", &what].concat());
            self.typing.set(None);
            alerts::answered(self, who, what);
        }
    }

    /// Who wrote it, and what.
    fn spoken(self, message: &Message) -> (String, String) {
        let name = match message.author.name.as_str() {
            "" => self.word(Word::Support).to_owned(),
            name => name.to_owned(),
        };
        let file = message.attachments.first().map(|file| &file.file_name);
        let what = file.filter(|_| message.text.is_empty()).unwrap_or(&message.text);
        (name, what.clone())
    }

    /// Changes the list and keeps the reader's place: at the end it follows, further up it stays. Tells whether
    /// something new came from the team.
    pub fn change(self, change: impl FnOnce(&mut Timeline) -> Change) -> bool {
        let list = self.list();
        let at_end = scroll::at_end(list);
        // At the first line of what came last, where the page put it, and not moved since.
        let resting = self.tab.resting.get() == Some(scroll::place(list));
        let hidden = !document::is_visible();
        let result = self.timeline.update(|timeline| {
            let result = change(timeline);
            if result == Change::New && hidden {
                timeline.came_unseen();
            }
            result
        });
        let new = result == Change::New;
        if new && hidden {
            self.missed.update(|missed| *missed += 1);
        }
        if new {
            // Until the view has followed.
            self.unseen.update(|unseen| *unseen += 1);
        }
        if at_end {
            self.follow(new);
        } else if resting && !new {
            // A line came below, or something grew.
            self.follow(true);
        }
        new
    }

    /// Goes to the newest message once it is drawn; of a new one that is taller than the view, to its first line. Whoever
    /// scrolls up in that moment stays.
    pub fn follow(self, new: bool) {
        // One answer may come as several events within a frame.
        let planned = self.tab.following.get();
        let before = planned.map_or_else(|| Extent::of(self.list()), |(_, before)| before);
        let new = new || planned.is_some_and(|(new, _)| new);
        self.tab.following.set(Some((new, before)));
        if planned.is_some() {
            return;
        }
        request_animation_frame(move || {
            let list = self.list();
            let Some((new, before)) = self.tab.following.take() else { return };
            if !scroll::at_end(list) && Extent::of(list).is_scrolled_up_from(before) {
                return;
            }
            match find(list, ".message:nth-last-child(1 of .message)").filter(|_| new) {
                Some(last) => scroll::to_last(list, &last),
                None => scroll::to_end(list),
            }
            let above = (!scroll::at_end(list)).then(|| scroll::place(list));
            self.tab.resting.set(above);
            if self.unseen.get() > 0 {
                self.unseen.set(0);
            }
        });
    }

    /// Reads the conversation, together with whatever else asks for it in the next moment.
    pub fn read_soon(self) {
        match self.reading() {
            Reading::Busy => self.set_reading(Reading::Again),
            Reading::Again => {}
            Reading::Idle | Reading::Failed => {
                self.set_reading(Reading::Busy);
                set_timeout(move || self.fetch(), SETTLE);
            }
        }
    }

    /// Reads the conversation now.
    pub fn read(self) {
        match self.reading() {
            Reading::Busy | Reading::Again => self.set_reading(Reading::Again),
            Reading::Idle | Reading::Failed => self.fetch(),
        }
    }

    fn fetch(self) {
        self.set_reading(Reading::Busy);
        leptos::logging::log!("Fetching latest messages");
        spawn_local(async move {
            let answer = messages(self.thread(), None).await;
            let again = self.reading() == Reading::Again;
            self.set_reading(Reading::Idle);
            match answer {
                Ok(page) => {
                    self.change(|timeline| match again {
                        true => timeline.reconcile_outrun(page),
                        false => timeline.reconcile(page),
                    });
                    if again {
                        self.read_soon();
                    }
                }
                Err(error)
                    if matches!(error.code, Code::NotFound | Code::NoSession | Code::Removed) =>
                {
                    self.close(&error.error);
                    self.with_stream(EventStream::close);
                }
                // The stream's next good connection tries again.
                Err(_) => self.set_reading(Reading::Failed),
            }
        });
    }

    /// The conversation cannot be shown any more; what was said first stays.
    fn close(self, why: &str) {
        let Some(foot) = find(self.scope(), ".conversation__foot") else { return };
        if !foot.has_attribute("data-gone") {
            set_attribute(&foot, "data-gone", Some(""));
            write(&foot, "[data-part=gone] p", why);
            set_shown(&foot, "[data-part=gone]", true);
        }
    }

    fn reading(self) -> Reading {
        self.tab.reading.get()
    }

    fn set_reading(self, reading: Reading) {
        self.tab.reading.set(reading);
    }
}

/// The word for a state.
pub fn status_word(status: Status) -> Word {
    match status {
        Status::InProgress => Word::InProgress,
        Status::WaitingForYou => Word::WaitingForYou,
        Status::Done => Word::Done,
    }
}
