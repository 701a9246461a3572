//! What a visitor may do: every call of a server function, page or POST twin ends here, and here it is checked.

pub mod socket;

use super::{
    guard::{client_address, error_response, set_retry_after},
    limits::Bucket,
    links::{self, Exchange},
    markup,
    session::Session,
    state::AppState,
    stream::{self, MOST_THREADS, StreamQuery, Wanted},
    uploads::Enclosed,
};
use crate::{
    domain::{
        echo::ReplyEcho,
        error::{Code, DeskError, FieldError},
        ids::{ClientMessageId, ThreadId},
        link::{NotOpened, ResumeLink},
        message::SentReply,
        rating,
        request::{Draft, check_text},
        sentence::Sentence,
        thread::{Conversation, Thread},
    },
    features::{
        conversation::api::{Rated, Replied, Turned},
        new_request::api::Created,
    },
    language::{Locale, said, say_in},
};
use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header::SET_COOKIE, request::Parts},
    response::Response,
};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use std::{future::Future, net::IpAddr, time::Duration};

/// The request that a server function or page works for.
struct Here {
    state: AppState,
    uri: Uri,
    headers: HeaderMap,
    address: IpAddr,
    response: Option<ResponseOptions>,
}

impl Here {
    /// From leptos' context, which must still be this request's: call it before the first `await`.
    fn new() -> Result<Self, DeskError> {
        let state = use_context::<AppState>();
        let (Some(state), Some(parts)) = (state, use_context::<Parts>()) else {
            tracing::error!("a server function ran outside a request");
            return Err(DeskError::of(Code::Internal, Sentence::Internal));
        };
        let address = client_address(&parts.extensions);
        Ok(Self { state, uri: parts.uri, headers: parts.headers, address, response: use_context() })
    }

    /// The visitor's session, if the cookie proves one.
    fn session(&self) -> Option<Session> {
        self.state.sessions.read(&self.headers)
    }

    /// Counts a read.
    fn may_read(&self, session: Option<&Session>) -> Result<(), DeskError> {
        self.state.limits.check(Bucket::Reads, session, self.address)
    }

    /// Says an error in the visitor's language, and gives its status to the answer, and when to come back.
    fn answered<T>(&self, result: Result<T, DeskError>) -> Result<T, DeskError> {
        let result = result.map_err(|error| said(self.state.languages.of(&self.headers), error));
        if let (Err(error), Some(response)) = (&result, &self.response)
            && let Ok(status) = StatusCode::from_u16(error.code.status())
        {
            response.set_status(status);
            let mut headers = HeaderMap::new();
            set_retry_after(&mut headers, error);
            for (name, value) in &headers {
                response.insert_header(name.clone(), value.clone());
            }
        }
        result
    }
}

/// The thread, if this session holds it. A thread that does not exist, one of somebody else's and a text that is no
/// thread id are one answer.
pub(super) fn held(session: Option<&Session>, thread: &str) -> Result<ThreadId, DeskError> {
    let thread = ThreadId::parse(thread).map_err(|_| DeskError::not_found())?;
    match session {
        Some(session) if session.holds(&thread) => Ok(thread),
        _ => Err(DeskError::not_found()),
    }
}

/// Does what counts in a bucket of its own. What the desk could not take, because it could not be reached, counts
/// as nothing: who is told to try again may do so.
pub(super) async fn counted<T>(
    state: &AppState,
    bucket: Bucket,
    session: Option<&Session>,
    address: IpAddr,
    work: impl Future<Output = Result<T, DeskError>>,
) -> Result<T, DeskError> {
    state.limits.check(bucket, session, address)?;
    let result = work.await;
    if result.as_ref().is_err_and(|error| error.code == Code::Unavailable) {
        state.limits.give_back(bucket, session, address);
    }
    result
}

/// Without a cookie of ours.
pub(super) fn no_session() -> DeskError {
    DeskError::of(Code::NoSession, Sentence::NoSession)
}

/// Opens a thread and grants it. The header is the new cookie.
pub async fn open(
    state: &AppState,
    headers: &HeaderMap,
    address: IpAddr,
    draft: &Draft,
) -> Result<(Created, Option<HeaderValue>), DeskError> {
    let session = state.sessions.read(headers);
    state.limits.check(Bucket::Reads, session.as_ref(), address)?;
    let topics = state.desk.topics();
    let request = draft.check_among(|topic| topics.get(topic).is_some())?;
    if draft.is_trapped() || state.forms.too_fast(&draft.submission_id) {
        metrics::counter!("hotline_requests_trapped_total").increment(1);
        return Ok((Created { thread_id: None, path: "/threads".into() }, None));
    }
    let work = state.desk.open_request(&request);
    let thread = counted(state, Bucket::Form, session.as_ref(), address, work).await?;
    let mut session = session.unwrap_or_default();
    session.grant(thread.clone());
    let cookie = state.sessions.write(&session);
    Ok((Created { path: format!("/t/{thread}"), thread_id: Some(thread) }, cookie))
}

/// Sends a reply of this session into a thread that it holds.
pub async fn say(
    state: &AppState,
    session: Option<&Session>,
    address: IpAddr,
    thread: &str,
    text: &str,
    files: Enclosed,
    key: &str,
) -> Result<SentReply, DeskError> {
    let thread = held(session, thread)?;
    state.limits.check(Bucket::Reads, session, address)?;
    // Files may stand for themselves.
    let text = match text.trim().is_empty() && !files.is_empty() {
        true => String::new(),
        false => check_text(text)
            .map_err(|sentence| DeskError::invalid(vec![FieldError::new("text", sentence)]))?,
    };
    let key = ClientMessageId::parse(key)
        .map_err(|_| DeskError::of(Code::BadRequest, Sentence::PageStale))?;
    let work = async {
        let whose = session.map(|session| session.id.as_str()).unwrap_or_default();
        let files = files.attach(state, whose, &thread).await?;
        state.desk.reply_with(&thread, &text, files, &key).await
    };
    counted(state, Bucket::Replies, session, address, work).await
}

/// What a visitor does to a thread of theirs besides writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Rates it, 1 to 5.
    Rate(u8),
    /// Says that it is solved, or opens it again.
    Solve(bool),
}

impl Mark {
    /// From a form of the page: what is wanted, and with which value. None for what is no such form; an error for a rating
    /// that is none.
    pub fn wanted(intent: &str, value: &str) -> Option<Result<Self, DeskError>> {
        Some(match intent {
            "rate" => rating::read(value).map(Self::Rate).ok_or_else(bad_rating),
            "solve" => Ok(Self::Solve(true)),
            "reopen" => Ok(Self::Solve(false)),
            _ => return None,
        })
    }
}

fn bad_rating() -> DeskError {
    DeskError::of(Code::Invalid, Sentence::BadRating)
}

/// Marks a thread that this session holds.
pub async fn mark(
    state: &AppState,
    session: Option<&Session>,
    address: IpAddr,
    thread: &str,
    mark: Result<Mark, DeskError>,
) -> Result<(), DeskError> {
    let thread = held(session, thread)?;
    state.limits.check(Bucket::Reads, session, address)?;
    let mark = mark?;
    let work = async {
        match mark {
            Mark::Rate(value) => state.desk.rate(&thread, value).await,
            Mark::Solve(done) => state.desk.solve(&thread, done).await.map(drop),
        }
    };
    counted(state, Bucket::Marks, session, address, work).await
}

/// `POST /api/support/rating`.
pub async fn rate(thread: String, value: String) -> Result<Rated, DeskError> {
    let here = Here::new()?;
    let value = rating::read(&value).ok_or_else(bad_rating);
    let wanted = value.clone().map(Mark::Rate);
    let done = mark(&here.state, here.session().as_ref(), here.address, &thread, wanted).await;
    here.answered(done.and(value)).map(|rating| Rated { rating })
}

/// `POST /api/support/status`.
pub async fn solve(thread: String, done: String) -> Result<Turned, DeskError> {
    let here = Here::new()?;
    let wanted = match done.as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(DeskError::new(Code::BadRequest, "`done` is `true` or `false`.")),
    };
    let as_mark = wanted.clone().map(Mark::Solve);
    let marked = mark(&here.state, here.session().as_ref(), here.address, &thread, as_mark).await;
    here.answered(marked.and(wanted)).map(|done| Turned { done })
}

/// A link to a thread that this session holds. `headers` and `uri` are the request's.
pub fn make_link(
    state: &AppState,
    address: IpAddr,
    thread: &str,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<ResumeLink, DeskError> {
    let session = state.sessions.read(headers);
    let thread = held(session.as_ref(), thread)?;
    state.limits.check(Bucket::Links, session.as_ref(), address)?;
    let host = links::host_of(headers, uri);
    let link = state
        .links
        .make(&thread, host.as_deref())
        .ok_or_else(|| DeskError::of(Code::BadRequest, Sentence::NoLink))?;
    metrics::counter!("hotline_links_made_total").increment(1);
    Ok(link)
}

/// `POST /api/support/link`.
pub async fn link(thread: String) -> Result<ResumeLink, DeskError> {
    let here = Here::new()?;
    here.answered(make_link(&here.state, here.address, &thread, &here.headers, &here.uri))
}

/// Exchanges a resume link's token for its thread. The header, if any, is the new cookie. A visitor who holds the thread
/// already is let through without using the link up.
pub async fn resume(
    state: &AppState,
    address: IpAddr,
    headers: &HeaderMap,
    token: &str,
) -> Result<(ThreadId, Option<HeaderValue>), NotOpened> {
    let result = exchange(state, address, headers, token).await;
    let outcome = match &result {
        Ok((_, true)) => "opened",
        Ok((_, false)) => "held",
        Err(NotOpened::Broken) => "broken",
        Err(NotOpened::Expired) => "expired",
        Err(NotOpened::Used) => "used",
        Err(NotOpened::Often(_)) => "often",
        Err(NotOpened::Unsure | NotOpened::Looked) => "unsure",
    };
    metrics::counter!("hotline_links_exchanged_total", "outcome" => outcome).increment(1);
    let (thread, new) = result?;
    let cookie = if new {
        let mut session = state.sessions.read(headers).unwrap_or_default();
        session.grant(thread.clone());
        state.sessions.write(&session)
    } else {
        state.sessions.renew(headers)
    };
    Ok((thread, cookie))
}

/// The link's thread, and whether the visitor did not hold it before.
async fn exchange(
    state: &AppState,
    address: IpAddr,
    headers: &HeaderMap,
    token: &str,
) -> Result<(ThreadId, bool), NotOpened> {
    let session = state.sessions.read(headers);
    state
        .limits
        .check(Bucket::Links, session.as_ref(), address)
        .map_err(|error| NotOpened::Often(error.retry_after.unwrap_or(60)))?;
    let link = state.links.read(token).ok_or(NotOpened::Broken)?;
    if held(session.as_ref(), link.thread.as_str()).is_ok() {
        return Ok((link.thread, false));
    }
    match state.links.exchange(&link).await {
        Ok(Exchange::First) => Ok((link.thread, true)),
        Ok(Exchange::Used) => Err(NotOpened::Used),
        Ok(Exchange::Expired) => Err(NotOpened::Expired),
        Err(error) => {
            tracing::error!(%error, "a used link cannot be noted down, so it was not exchanged");
            Err(NotOpened::Unsure)
        }
    }
}

/// `POST /api/support/create`.
pub async fn create(draft: Draft) -> Result<Created, DeskError> {
    let here = Here::new()?;
    let result = open(&here.state, &here.headers, here.address, &draft).await;
    let (created, cookie) = here.answered(result)?;
    if let (Some(cookie), Some(response)) = (cookie, &here.response) {
        response.append_header(SET_COOKIE, cookie);
    }
    Ok(created)
}

/// `GET /api/support/messages`.
pub async fn messages(
    thread: String,
    after: Option<String>,
    before: Option<String>,
) -> Result<Conversation, DeskError> {
    let here = Here::new()?;
    let session = here.session();
    let allowed = held(session.as_ref(), &thread)
        .and_then(|thread| here.may_read(session.as_ref()).map(|()| thread));
    let result = match allowed {
        Err(error) => Err(error),
        Ok(thread) => match (after, before) {
            (None, None) => {
                // A page that is opened or reloaded shows what no event told of.
                let desk = &here.state.desk;
                let page = match here.uri.path().starts_with("/t/") {
                    true => desk.opened(&thread).await,
                    false => desk.conversation(&thread).await,
                };
                match page {
                    Ok(page) => {
                        // What is read on another screen changes nothing at Plain, so it is no part of what is kept.
                        let read_to = here.state.signals.read_to(&thread).await;
                        Ok(Conversation { read_to, ..(*page).clone() })
                    }
                    Err(error) => Err(error),
                }
            }
            (None, Some(before)) => here.state.desk.older(&thread, &before).await,
            (Some(after), None) => here.state.desk.newer(&thread, &after).await,
            (Some(_), Some(_)) => {
                Err(DeskError::new(Code::BadRequest, "Give `after` or `before`, not both."))
            }
        },
    };
    // Pages are kept for everybody; words are in the language of whoever reads.
    let locale = here.state.languages.of(&here.headers);
    let result = result.map(|page| in_words(page, locale));
    here.answered(result)
}

fn in_words(mut page: Conversation, locale: Locale) -> Conversation {
    let words = say_in!(locale, channel.quoted);
    for html in page.messages.iter_mut().filter_map(|message| message.html.as_mut()) {
        if let Some(worded) = markup::in_words(html, &words) {
            *html = worded;
        }
    }
    page
}

/// The same with files, however it came.
async fn send(
    state: &AppState,
    session: Option<&Session>,
    address: IpAddr,
    thread: &str,
    text: &str,
    key: &str,
    attachments: Vec<String>,
) -> Result<SentReply, DeskError> {
    say(state, session, address, thread, text, Enclosed::Tickets(attachments), key).await
}

/// `POST /api/support/reply`.
pub async fn reply(
    thread: String,
    text: String,
    key: String,
    attachments: Vec<String>,
) -> Result<Replied, DeskError> {
    let here = Here::new()?;
    let session = here.session();
    let result =
        send(&here.state, session.as_ref(), here.address, &thread, &text, &key, attachments).await;
    here.answered(result).map(|sent| Replied {
        message_id: sent.message_id,
        entry_id: None,
        at: sent.at,
    })
}

/// `GET /api/support/threads`.
pub async fn threads() -> Result<Vec<Thread>, DeskError> {
    let here = Here::new()?;
    let Some(session) = here.session() else { return Ok(Vec::new()) };
    if let Err(error) = here.may_read(Some(&session)) {
        return here.answered(Err(error));
    }
    let mut list = here.state.desk.threads(session.grants()).await;
    for thread in list.iter_mut().flatten().filter(|thread| thread.unread) {
        thread.unread = !here.state.signals.has_read(&thread.id, &thread.last_activity_at).await;
    }
    here.answered(list)
}

/// The threads of a query that this session holds. Those that it does not hold are told from those that do not exist by
/// nothing.
fn held_threads(session: &Session, query: StreamQuery) -> Result<Wanted, DeskError> {
    if query.threads.len() > MOST_THREADS {
        let sentence = format!("At most {MOST_THREADS} threads can be followed at once.");
        return Err(DeskError::new(Code::BadRequest, sentence));
    }
    let mut wanted = Wanted::default();
    for (thread, place) in query.threads {
        match held(Some(session), &thread) {
            Ok(thread) => wanted.threads.push((thread, place)),
            // What is not even an id can be told of by no frame.
            Err(_) => wanted.denied.extend(ThreadId::parse(thread)),
        }
    }
    if wanted.threads.is_empty() { Err(DeskError::not_found()) } else { Ok(wanted) }
}

/// `GET /api/support/stream`: 401 without a session, 404 if no thread is the session's.
pub async fn live(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Response {
    let Some(session) = state.sessions.read(&parts.headers) else {
        return error_response(&no_session());
    };
    let address = client_address(&parts.extensions);
    let query = StreamQuery::read(&query.unwrap_or_default(), &parts.headers);
    let allowed = held_threads(&session, query).and_then(|wanted| {
        state.limits.check(Bucket::Streams, Some(&session), address).map(|()| wanted)
    });
    match allowed {
        Ok(wanted) => stream::open(&state.streams, Some(&session.id), wanted).await,
        Err(error) => error_response(&error),
    }
}

/// `GET /api/support/poll`: the stream in slices; the same query, and `wait`, in milliseconds (none: not at all).
pub async fn poll(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    parts: Parts,
) -> Response {
    let Some(session) = state.sessions.read(&parts.headers) else {
        return error_response(&no_session());
    };
    let address = client_address(&parts.extensions);
    let mut query = StreamQuery::read(&query.unwrap_or_default(), &parts.headers);
    let wait = query.wait.take();
    let allowed = held_threads(&session, query).and_then(|wanted| {
        let wait =
            wait.as_deref().unwrap_or("0").parse().map_err(|_| {
                DeskError::new(Code::BadRequest, "`wait` is a number of milliseconds.")
            })?;
        state.limits.check(Bucket::Reads, Some(&session), address)?;
        Ok((wanted, Duration::from_millis(wait)))
    });
    match allowed {
        Ok((wanted, wait)) => stream::poll(&state.streams, Some(&session.id), wanted, wait).await,
        Err(error) => error_response(&error),
    }
}

/// What a page shows again after a refused reply. A key that is none is not kept: the page brings a fresh one, under
/// which the text can be sent.
pub fn reply_echo(text: String, key: String, error: &DeskError) -> ReplyEcho {
    let key = ClientMessageId::parse(key).map(String::from).unwrap_or_default();
    ReplyEcho { text, error: error.error.clone(), key }
}
