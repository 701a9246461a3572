//! The `ConversationView` island: one thread, live.
//!
//! The server renders it whole. In the browser it opens the stream from the cursor of that very render, so nothing
//! falls between; an event's message is shown at once, and then the conversation is fetched to reconcile.

use super::{
    client::{messages, reply},
    composer,
    connection_dot::ConnectionDot,
    message::RowView,
    timeline::{Change, Timeline},
};
use crate::{
    browser::{
        clock, document,
        event_stream::{EventStream, Link, News},
        form, scroll,
    },
    domain::{
        error::Code, ids::ClientMessageId, live::LiveEvent, message::Message, opening::Opening,
        thread::Status,
    },
    features::resume,
    ui::{
        icon::{Icon, Shape},
        notice::{Kind, Notice},
        status::StatusPill,
    },
};
use leptos::{
    ev::{KeyboardEvent, MouseEvent, SubmitEvent},
    html,
    prelude::*,
    task::spawn_local,
};
use std::{collections::VecDeque, time::Duration};

/// Events that come within this time share one read.
const SETTLE: Duration = Duration::from_millis(150);

/// The state of one open conversation; every handle is `Copy`.
#[derive(Clone, Copy)]
struct Live {
    timeline: RwSignal<Timeline>,
    around: RwSignal<Around>,
    /// Whether times are shown in the visitor's zone; not before the first view, which is the server's.
    local: RwSignal<bool>,
    scroller: NodeRef<html::Div>,
    foot: NodeRef<html::Div>,
    work: StoredValue<Work>,
}

/// What is shown around the messages.
struct Around {
    link: Link,
    /// Messages that came while the reader was further up.
    unseen: u32,
    /// Said once by a screen reader.
    spoken: String,
    /// Why this conversation cannot be shown any more; empty while it can.
    gone: String,
}

/// What goes on behind the view.
struct Work {
    thread: String,
    reading: Reading,
    queue: VecDeque<(ClientMessageId, String)>,
    sending: bool,
    /// Made in the browser only: what belongs to one thread must not exist on the server, where a page may be
    /// dropped by another thread than the one that rendered it.
    stream: Option<StoredValue<EventStream, LocalStorage>>,
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

impl Live {
    fn hear(self, news: News) {
        match news {
            News::Link(link) => {
                self.around.update(|around| {
                    around.link = link;
                    if link == Link::Closed && around.gone.is_empty() {
                        around.gone = "This conversation was removed.".into();
                    }
                });
                if matches!(link, Link::Live | Link::Slow)
                    && self.reading() == Some(Reading::Failed)
                {
                    self.read();
                }
            }
            News::Event(event) => {
                self.apply(*event);
                self.read_soon();
            }
            News::Typing { .. } => {}
            News::Resync => self.read(),
        }
    }

    fn apply(self, event: LiveEvent) {
        let spoken = event.entry.as_ref().map(spoken_words);
        let new = self.change(move |timeline| {
            if let Some(status) = event.status {
                timeline.set_status(status, event.at);
            }
            event.entry.map_or(Change::Nothing, |entry| timeline.apply(entry))
        });
        if let (true, Some(words)) = (new, spoken) {
            self.around.update(|around| around.spoken = words);
        }
    }

    /// Changes the list and keeps the reader's place: at the end it follows, further up it stays. Tells whether
    /// something new came from the other side.
    fn change(self, change: impl FnOnce(&mut Timeline) -> Change) -> bool {
        let at_end = self.scroller.get_untracked().is_none_or(|list| scroll::at_end(&list));
        let mut result = Change::Nothing;
        self.timeline.maybe_update(|timeline| {
            let before = (timeline.thread.status, timeline.thread.title.len());
            result = change(timeline);
            result != Change::Nothing
                || before != (timeline.thread.status, timeline.thread.title.len())
        });
        if at_end {
            self.follow();
        } else if result == Change::New {
            self.around.update(|around| around.unseen += 1);
        }
        result == Change::New
    }

    /// Goes to the newest message once it is rendered.
    fn follow(self) {
        request_animation_frame(move || {
            if let Some(list) = self.scroller.try_get_untracked().flatten() {
                scroll::to_end(&list);
            }
            self.around.maybe_update(|around| std::mem::take(&mut around.unseen) > 0);
        });
    }

    fn read_soon(self) {
        match self.reading() {
            Some(Reading::Busy) => self.set_reading(Reading::Again),
            Some(Reading::Again) | None => {}
            Some(Reading::Idle | Reading::Failed) => {
                self.set_reading(Reading::Busy);
                set_timeout(move || self.fetch(), SETTLE);
            }
        }
    }

    fn read(self) {
        match self.reading() {
            Some(Reading::Busy | Reading::Again) => self.set_reading(Reading::Again),
            Some(Reading::Idle | Reading::Failed) => self.fetch(),
            None => {}
        }
    }

    fn fetch(self) {
        self.set_reading(Reading::Busy);
        leptos::logging::log!("Fetching latest messages");
        spawn_local(async move {
            let answer = messages(&self.thread(), None).await;
            let again = self.reading() == Some(Reading::Again);
            self.set_reading(Reading::Idle);
            match answer {
                Ok(page) => {
                    self.change(|timeline| timeline.reconcile(page));
                    if again {
                        self.read_soon();
                    }
                }
                Err(error)
                    if matches!(error.code, Code::NotFound | Code::NoSession | Code::Removed) =>
                {
                    self.around.update(|around| around.gone = error.error);
                    self.with_stream(EventStream::close);
                }
                // The stream's next good connection tries again.
                Err(_) => self.set_reading(Reading::Failed),
            }
        });
    }

    fn with_stream(self, f: impl Fn(&EventStream)) {
        if let Some(stream) = self.work.with_value(|work| work.stream) {
            stream.with_value(f);
        }
    }

    fn thread(self) -> String {
        self.work.with_value(|work| work.thread.clone())
    }

    fn reading(self) -> Option<Reading> {
        self.work.try_with_value(|work| work.reading)
    }

    fn set_reading(self, reading: Reading) {
        self.work.update_value(|work| work.reading = reading);
    }

    /// The box below, and what stands around it.
    fn reply_box(self) -> Option<form::Scope> {
        self.foot.get_untracked().map(form::Scope::from)
    }

    fn submit(self) {
        let taken = self.reply_box().and_then(|scope| composer::take(&scope, &self.thread()));
        if let Some(text) = taken {
            self.compose(text);
        }
    }

    fn compose(self, text: String) {
        let Ok(key) = ClientMessageId::parse(document::random_key()) else { return };
        self.timeline.update(|timeline| timeline.compose(key.clone(), text.clone(), clock::now()));
        self.follow();
        self.enqueue(key, text);
    }

    fn retry(self, key: String) {
        let mut again = None;
        self.timeline.update(|timeline| again = timeline.retry(&key));
        if let Some((key, text)) = again {
            self.enqueue(key, text);
        }
    }

    /// Replies go out one after the other, so that they arrive in the order in which they were written.
    fn enqueue(self, key: ClientMessageId, text: String) {
        let mut idle = false;
        self.work.update_value(|work| {
            work.queue.push_back((key, text));
            idle = !std::mem::replace(&mut work.sending, true);
        });
        if !idle {
            return;
        }
        spawn_local(async move {
            while let Some((key, text)) = self.next_reply() {
                let answer = reply(&self.thread(), &text, &key).await;
                self.timeline.update(|timeline| match answer {
                    Ok(replied) => timeline.sent(&key, replied.message_id, replied.at),
                    Err(error) => timeline.failed(&key, error.error),
                });
            }
        });
    }

    fn next_reply(self) -> Option<(ClientMessageId, String)> {
        let mut next = None;
        self.work.update_value(|work| {
            next = work.queue.pop_front();
            work.sending = next.is_some();
        });
        next
    }

    /// Hands out a link to this conversation.
    fn share(self, event: SubmitEvent) {
        event.prevent_default();
        let Some(scope) = form::sent(&event) else { return };
        spawn_local(async move {
            let words = resume::link::copy(&scope, &self.thread()).await;
            self.around.update(|around| around.spoken = words);
        });
    }

    fn load_older(self, event: MouseEvent) {
        event.prevent_default();
        let Some(before) = self.timeline.with_untracked(|t| t.older.clone()) else { return };
        spawn_local(async move {
            let page = messages(&self.thread(), Some(&before)).await;
            let Ok(page) = page else { return };
            let list = self.scroller.get_untracked();
            let place = list.as_ref().map(|list| scroll::place(list));
            self.timeline.update(|timeline| {
                // Two clicks ask for the same page.
                if timeline.older.as_deref() == Some(before.as_str()) {
                    timeline.prepend(page);
                }
            });
            // The browser holds on to what has the focus, which is the link above; the reader's eye is on a message.
            request_animation_frame(move || {
                if let (Some(list), Some(place)) = (list, place) {
                    scroll::restore(&list, place);
                }
            });
        });
    }
}

fn spoken_words(message: &Message) -> String {
    let who = if message.author.name.is_empty() { "Support" } else { message.author.name.as_str() };
    let file = message.attachments.first().map(|file| &file.file_name);
    let what = file.filter(|_| message.text.is_empty()).unwrap_or(&message.text);
    format!("{who}: {what}")
}

/// A conversation: header with the dot, messages, reply box. It starts from the page's [`Opening`].
#[island]
pub fn ConversationView(
    /// The reply box.
    children: Children,
) -> impl IntoView {
    // The server has it at hand; the tab finds it in the page.
    let opening = use_context::<Opening>().or_else(|| document::carried(Opening::ID));
    opening.map(|opening| conversation_view(opening, children))
}

fn conversation_view(opening: Opening, children: Children) -> impl IntoView {
    let Opening { conversation, newest } = opening;
    let thread = conversation.thread.id.clone();
    let cursor = conversation.cursor.clone();
    let locked = conversation.thread.locked;
    let title = conversation.thread.title.clone();
    let reference = conversation.thread.reference.clone();
    let live = Live {
        timeline: RwSignal::new(Timeline::new(conversation)),
        around: RwSignal::new(Around {
            link: Link::Connecting,
            unseen: 0,
            spoken: String::new(),
            gone: String::new(),
        }),
        local: RwSignal::new(false),
        scroller: NodeRef::new(),
        foot: NodeRef::new(),
        work: StoredValue::new(Work {
            thread: thread.to_string(),
            reading: Reading::Idle,
            queue: VecDeque::new(),
            sending: false,
            stream: None,
        }),
    };
    let Live { timeline, around, local, .. } = live;
    let status = move || timeline.read().thread.status;

    let of_stream = thread.clone();
    Effect::new(move |_| {
        local.set(true);
        if let Some(scope) = live.reply_box() {
            composer::recall(&scope, &live.thread());
        }
        if let Some(list) = live.scroller.get_untracked() {
            clock::localise(&list);
        }
        if newest {
            let stream =
                EventStream::open(of_stream.clone(), cursor.clone(), move |news| live.hear(news));
            let stream = StoredValue::new_local(stream);
            live.work.update_value(|work| work.stream = Some(stream));
        }
        document::mark_hydrated();
    });

    let rows = move || {
        let local = local.get();
        timeline
            .read()
            .rows(|at| if local { clock::day(at.as_str()) } else { at.day().to_string() })
    };
    let retry = move |key| live.retry(key);
    let older_page = move || {
        let before = timeline.read().older.clone().unwrap_or_default();
        format!("/t/{thread}?before={before}")
    };
    let done = move || match status() {
        Status::Done if !locked => "This request is done. A reply reopens it.".to_string(),
        _ => String::new(),
    };
    let unseen = move || around.read().unseen;
    let unseen_words = move || match unseen() {
        0 => String::new(),
        1 => "1 new message".to_string(),
        n => format!("{n} new messages"),
    };
    view! {
        <main class="conversation" id="main">
            <div class="conversation__bar">
                <header class="conversation__header">
                    <h1>{title}</h1>
                    <div class="conversation__facts" on:submit=move |event| live.share(event)>
                        <StatusPill status=status />
                        <p class="reference">
                            <span class="visually-hidden">"Reference "</span>
                            {reference}
                        </p>
                        <form class="share" method="post">
                            <input type="hidden" name="intent" value="link" />
                            <button class="text-button" type="submit">
                                "Copy link"
                                <span class="share__for">" for another device"</span>
                            </button>
                            <p class="share__said" hidden>
                                <span></span>
                            </p>
                            <input
                                class="share__link field__input"
                                name="link"
                                aria-label="Link to this conversation"
                                readonly
                                hidden
                            />
                        </form>
                        <ConnectionDot
                            link=move || around.read().link
                            shown=newest
                            retry=move || live.with_stream(EventStream::retry)
                        />
                    </div>
                </header>
            </div>
            <div
                class="conversation__scroll"
                tabindex="0"
                role="log"
                aria-live="off"
                aria-label="Conversation"
                node_ref=live.scroller
            >
                <ol class="timeline">
                    <li class="older" hidden=move || timeline.read().older.is_none()>
                        <a class="button button--quiet" href=older_page on:click=move |event| live.load_older(event)>
                            "Load older messages"
                        </a>
                    </li>
                    <For
                        each=rows
                        key=|row| row.key()
                        children=move |row| {
                            view! { <RowView row=row thread=live.thread() local=local.get_untracked() retry=retry /> }
                        }
                    />
                    <li class="timeline__empty" hidden=move || !timeline.read().is_empty()>
                        "No messages yet. Write the first one below."
                    </li>
                </ol>
            </div>
            <div
                class="conversation__foot"
                data-gone=move || (!around.read().gone.is_empty()).then_some("")
                node_ref=live.foot
                on:submit=move |event: SubmitEvent| {
                    event.prevent_default();
                    live.submit();
                }
                on:keydown=move |event: KeyboardEvent| {
                    if form::means_send(&event) {
                        event.prevent_default();
                        live.submit();
                    }
                }
                on:input=move |_| {
                    if let Some(scope) = live.reply_box() {
                        composer::remember(&scope, &live.thread());
                    }
                }
            >
                <button
                    class="button button--quiet jump"
                    type="button"
                    hidden=move || unseen() == 0
                    on:click=move |_| live.follow()
                >
                    <Icon shape=Shape::Down size=16 />
                    <span>{unseen_words}</span>
                </button>
                <Notice kind=Kind::Error text=move || around.read().gone.clone() />
                <Notice kind=Kind::Success text=done />
                {children()}
            </div>
            <p class="visually-hidden" aria-live="polite">
                {move || around.read().spoken.clone()}
            </p>
        </main>
    }
}
