//! What a visitor may do: every call of a server function, page or POST twin ends here, and here it is checked.

use super::{guard::error_response, session::Session, state::AppState, stream};
use crate::{
    domain::{
        echo::ReplyEcho,
        error::{Code, DeskError},
        ids::{ClientMessageId, ThreadId},
        message::SentReply,
        request::{Draft, check_text},
        thread::{Conversation, Thread},
    },
    features::{conversation::api::Replied, new_request::api::Created},
};
use axum::{
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header::SET_COOKIE, request::Parts},
    response::Response,
};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use serde::Deserialize;

/// The request that a server function or page works for.
struct Here {
    state: AppState,
    headers: HeaderMap,
    response: Option<ResponseOptions>,
}

impl Here {
    /// From leptos' context, which must still be this request's: call it before the first `await`.
    fn new() -> Result<Self, DeskError> {
        let state = use_context::<AppState>();
        let headers = use_context::<Parts>().map(|parts| parts.headers);
        let (Some(state), Some(headers)) = (state, headers) else {
            tracing::error!("a server function ran outside a request");
            return Err(DeskError::new(
                Code::Internal,
                "Something went wrong on our side. Please try again.",
            ));
        };
        Ok(Self { state, headers, response: use_context() })
    }

    /// The visitor's session, if the cookie proves one.
    fn session(&self) -> Option<Session> {
        self.state.sessions.read(&self.headers)
    }

    /// Gives an error's status to the answer.
    fn answered<T>(&self, result: Result<T, DeskError>) -> Result<T, DeskError> {
        if let (Err(error), Some(response)) = (&result, &self.response)
            && let Ok(status) = StatusCode::from_u16(error.code.status())
        {
            response.set_status(status);
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

/// Without a cookie of ours.
pub(super) fn no_session() -> DeskError {
    DeskError::new(
        Code::NoSession,
        "There is no session. Open the conversation in the browser that started it.",
    )
}

/// Opens a thread and grants it. The header is the new cookie.
pub async fn open(
    state: &AppState,
    headers: &HeaderMap,
    draft: &Draft,
) -> Result<(Created, Option<HeaderValue>), DeskError> {
    let request = draft.check()?;
    if draft.is_trapped() {
        metrics::counter!("hotline_requests_trapped_total").increment(1);
        return Ok((Created { thread_id: None, path: "/threads".into() }, None));
    }
    let thread = state.desk.open_request(&request).await?;
    let mut session = state.sessions.read(headers).unwrap_or_default();
    session.grant(thread.clone());
    let cookie = state.sessions.write(&session);
    Ok((Created { path: format!("/t/{thread}"), thread_id: Some(thread) }, cookie))
}

/// Sends a reply of this session into a thread that it holds.
pub async fn say(
    state: &AppState,
    session: Option<&Session>,
    thread: &str,
    text: &str,
    key: &str,
) -> Result<SentReply, DeskError> {
    let thread = held(session, thread)?;
    let text = check_text(text).map_err(|message| {
        DeskError::invalid(vec![crate::domain::error::FieldError { field: "text".into(), message }])
    })?;
    let key = ClientMessageId::parse(key).map_err(|_| {
        DeskError::new(
            Code::BadRequest,
            "This page was out of date. Please send your message once more.",
        )
    })?;
    state.desk.reply(&thread, &text, &key).await
}

/// `POST /api/support/create`.
pub async fn create(draft: Draft) -> Result<Created, DeskError> {
    let here = Here::new()?;
    let result = open(&here.state, &here.headers, &draft).await;
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
    let result = match held(here.session().as_ref(), &thread) {
        Err(error) => Err(error),
        Ok(thread) => match (after, before) {
            (None, None) => here.state.desk.conversation(&thread).await.map(|page| (*page).clone()),
            (None, Some(before)) => here.state.desk.older(&thread, &before).await,
            (Some(after), None) => here.state.desk.newer(&thread, &after).await,
            (Some(_), Some(_)) => {
                Err(DeskError::new(Code::BadRequest, "Give `after` or `before`, not both."))
            }
        },
    };
    here.answered(result)
}

/// `POST /api/support/reply`.
pub async fn reply(
    thread: String,
    text: String,
    key: String,
    attachments: Vec<String>,
) -> Result<Replied, DeskError> {
    let here = Here::new()?;
    if !attachments.is_empty() {
        return here.answered(Err(DeskError::new(
            Code::BadRequest,
            "Files cannot be sent here yet. Please send the message without them.",
        )));
    }
    let result = say(&here.state, here.session().as_ref(), &thread, &text, &key).await;
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
    here.answered(here.state.desk.threads(session.grants()).await)
}

/// The query of the stream.
#[derive(Debug, Deserialize)]
pub struct StreamQuery {
    #[serde(rename = "threadId", default)]
    thread_id: String,
    after: Option<String>,
}

/// `GET /api/support/stream`: 401 without a session, 404 for a thread that is not the session's.
pub async fn live(
    State(state): State<AppState>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Response {
    let Some(session) = state.sessions.read(&headers) else {
        return error_response(&no_session());
    };
    match held(Some(&session), &query.thread_id) {
        Ok(thread) => stream::open(&state.streams, thread, &headers, query.after.as_deref()).await,
        Err(error) => error_response(&error),
    }
}

/// What a page shows again after a refused reply. A key that is none is not kept: the page brings a fresh one, under
/// which the text can be sent.
pub fn reply_echo(text: String, key: String, error: &DeskError) -> ReplyEcho {
    let key = ClientMessageId::parse(key).map(String::from).unwrap_or_default();
    ReplyEcho { text, error: error.error.clone(), key }
}
