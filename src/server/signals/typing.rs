//! `POST /api/support/typing`: who types, by two callers.
//!
//! Agents' own tools sign what they say like Plain's webhooks (`Plain-Request-Signature` over the raw body, any
//! configured secret, `at` within five minutes). The visitor's open tabs then show the name, for a few seconds unless
//! it comes again:
//!
//! ```text
//! {"threadId":"th_…", "name":"Ines", "typing":true, "at":"2026-05-04T09:12:04Z"}   →   204
//! ```
//!
//! A visitor's tab sends a form, `threadId=th_…&typing=true`, with its cookie. It is remembered for a few seconds and
//! told to who asks for presence.

use super::{SHOWN_MS, Signals};
use crate::{
    domain::{
        error::{Code, DeskError},
        ids::ThreadId,
    },
    server::{
        guard::{client_address, error_response, error_with_status},
        limits::Bucket,
        pages::read_body,
        redis::Redis,
        state::AppState,
        visitor::held,
        webhook::{Intake, Peer, Refusal, address, signature},
    },
};
use axum::{
    Extension, Json,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long the visitor's typing is remembered.
const REMEMBERED: Duration = Duration::from_millis(SHOWN_MS as u64);
/// So many visitors type at once; one more is not noticed.
const MOST: usize = 10_000;
/// Characters of a name.
const LONGEST_NAME: usize = 60;

/// Which visitors type, remembered for a moment.
#[derive(Debug)]
pub enum Typists {
    /// On this instance: until when each counts.
    Here(Mutex<HashMap<ThreadId, Instant>>),
    /// On all instances.
    Shared(Redis),
}

impl Typists {
    /// Shared with other instances, where there is a Redis.
    pub fn new(redis: Option<Redis>) -> Self {
        redis.map_or_else(|| Self::Here(Mutex::default()), Self::Shared)
    }

    pub(super) async fn note(&self, thread: &ThreadId, typing: bool) {
        match self {
            Self::Here(until) => {
                let mut until = lock(until);
                until.remove(thread);
                if typing {
                    let now = Instant::now();
                    if until.len() >= MOST {
                        until.retain(|_, until| *until > now);
                    }
                    if until.len() < MOST {
                        until.insert(thread.clone(), now + REMEMBERED);
                    }
                }
            }
            Self::Shared(redis) => {
                let key = key(redis, thread);
                let cmd = match typing {
                    true => ::redis::cmd("SET").arg(key).arg(1).arg("PX").arg(SHOWN_MS).take(),
                    false => ::redis::cmd("DEL").arg(key).take(),
                };
                if let Err(error) = redis.run::<::redis::Value>(&cmd).await {
                    tracing::debug!(%error, "cannot note that a visitor types");
                }
            }
        }
    }

    pub(super) async fn has(&self, thread: &ThreadId) -> bool {
        match self {
            Self::Here(until) => {
                lock(until).get(thread).is_some_and(|until| *until > Instant::now())
            }
            Self::Shared(redis) => {
                let cmd = ::redis::cmd("EXISTS").arg(key(redis, thread)).take();
                redis.run::<bool>(&cmd).await.unwrap_or(false)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(redis: &Redis, thread: &ThreadId) -> String {
    redis.key(&format!("typing:{thread}"))
}

/// A name as it is shown: one line of a bounded length, without what is invisible or turns the text around it.
pub(super) fn shown_name(name: &str) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
    };
    let words = name.split(|c: char| c.is_whitespace() || c.is_control());
    let clean = words
        .map(|word| word.chars().filter(|c| !unseen(*c)).collect::<String>())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    let short: String = clean.chars().take(LONGEST_NAME).collect();
    short.trim_end().to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    thread_id: ThreadId,
    #[serde(default)]
    name: String,
    typing: bool,
    at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Typed {
    thread_id: String,
    typing: String,
}

pub(super) async fn post(
    State((state, intake)): State<(AppState, Arc<Intake>)>,
    peer: Option<Extension<Peer>>,
    socket: Option<Extension<ConnectInfo<SocketAddr>>>,
    parts: Parts,
    body: Body,
) -> Response {
    let headers = &parts.headers;
    if signature::is_in(headers) {
        let address = address(peer, socket);
        return by_agent(&state.signals, &intake, address, headers, body).await;
    }
    let body = match read_body(headers, body).await {
        Ok(body) => body,
        Err((status, error)) => {
            return error_with_status(status, &error);
        }
    };
    let typed: Typed = serde_urlencoded::from_bytes(&body).unwrap_or_default();
    let session = state.sessions.read(headers);
    let noted = async {
        let thread = held(session.as_ref(), &typed.thread_id)?;
        let address = client_address(&parts.extensions);
        state.limits.check(Bucket::Signals, session.as_ref(), address)?;
        let typing = typed
            .typing
            .parse()
            .map_err(|_| DeskError::new(Code::BadRequest, "`typing` is `true` or `false`."))?;
        state.signals.visitor_types(&thread, typing).await;
        Ok::<_, DeskError>(())
    };
    match noted.await {
        Ok(()) => done(),
        Err(error) => error_response(&error),
    }
}

async fn by_agent(
    signals: &Signals,
    intake: &Intake,
    address: std::net::IpAddr,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let body = match intake.believed(address, headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let told = serde_json::from_slice::<Told>(&body).ok();
    let told = told.and_then(|told| {
        let at: jiff::Timestamp = told.at.parse().ok()?;
        Some((told, at.as_millisecond()))
    });
    let Some((told, at)) = told else {
        let error =
            "Expected {\"threadId\",\"name\",\"typing\":true|false,\"at\":\"<now, ISO 8601>\"}";
        let body = Json(json!({"error": error, "code": "bad_request"}));
        return (StatusCode::BAD_REQUEST, body).into_response();
    };
    if !intake.is_fresh(at) {
        return Refusal::Stale.into_response();
    }
    match signals.agent_types(&told.thread_id, &told.name, told.typing).await {
        Ok(()) => done(),
        Err(_) => Refusal::Unavailable.into_response(),
    }
}

pub(super) fn done() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(n: usize) -> ThreadId {
        ThreadId::parse(format!("th_{n:026}")).unwrap()
    }

    #[test]
    fn a_name_is_one_short_visible_line() {
        for (name, shown) in [
            ("Ines", "Ines"),
            ("  Ines \t\n Marchetti ", "Ines Marchetti"),
            ("I\u{202e}nes\u{200b}", "Ines"),
            ("\u{0}\u{7}", ""),
            ("\u{2066}\u{feff}", ""),
            ("سارة", "سارة"),
        ] {
            assert_eq!(shown_name(name), shown, "{name:?}");
        }
        assert_eq!(shown_name(&"ä".repeat(500)).chars().count(), LONGEST_NAME);
    }

    #[tokio::test]
    async fn typing_ends_by_itself_and_is_bounded() {
        let typists = Typists::new(None);
        typists.note(&thread(0), true).await;
        assert!(typists.has(&thread(0)).await && !typists.has(&thread(1)).await);
        typists.note(&thread(0), false).await;
        assert!(!typists.has(&thread(0)).await);
        for n in 0..=MOST {
            typists.note(&thread(n), true).await;
        }
        let Typists::Here(until) = &typists else { unreachable!() };
        assert_eq!(lock(until).len(), MOST);
        assert!(!typists.has(&thread(MOST)).await, "one too many");
        // Their time is over: nobody has to say so, and there is room again.
        lock(until).values_mut().for_each(|until| *until = Instant::now());
        assert!(!typists.has(&thread(1)).await);
        typists.note(&thread(MOST), true).await;
        assert_eq!(lock(until).len(), 1);
    }
}
