//! `GET /api/support/attachment?threadId=&attachmentId=`: a file of a conversation, as a plain link.
//!
//! The visitor is sent on (303) to an address at Plain's storage that lives for some minutes and is made for this one
//! click. The file never passes through here: on another origin its content, whatever it claims to be, has no power
//! over the portal and its cookies, and costs it no memory.

use super::{
    guard::{client_address, error_response, set_retry_after},
    limits::Bucket,
    pages,
    session::Session,
    state::AppState,
    visitor,
};
use crate::{
    domain::{
        error::{Code, DeskError},
        ids::{AttachmentId, ThreadId},
    },
    features::conversation::file_page::FileRefused,
    server::plain::operations::DownloadUrl,
};
use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::net::IpAddr;

/// What a refusal that will pass tells a client to wait, in seconds.
const RETRY_AFTER: u64 = 5;

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileQuery {
    thread_id: String,
    attachment_id: String,
}

/// The route: 303 to the file; 401 without a session, 404 for a thread that is not the session's and for a file that is
/// not the thread's, 403 for one that may do harm, 503 with `Retry-After` for one that cannot be had yet. A refusal is a
/// page for whoever asks for one, else JSON.
pub async fn open(
    State(state): State<AppState>,
    Query(query): Query<FileQuery>,
    request: Request,
) -> Response {
    let session = state.sessions.read(request.headers());
    let thread = match &session {
        Some(_) => visitor::held(session.as_ref(), &query.thread_id),
        None => Err(visitor::no_session()),
    };
    let found = match &thread {
        Ok(thread) => {
            let address = client_address(request.extensions());
            find(&state, session.as_ref(), address, thread, query.attachment_id).await
        }
        Err(error) => Err(error.clone()),
    };
    match found {
        Ok(url) => sent_on(&url),
        Err(error) => refused(state, request, thread.ok(), error).await,
    }
}

async fn find(
    state: &AppState,
    session: Option<&Session>,
    address: IpAddr,
    thread: &ThreadId,
    file: String,
) -> Result<DownloadUrl, DeskError> {
    let file = AttachmentId::parse(file).map_err(|_| DeskError::no_such_file())?;
    // What cannot be had now counts, too: looking for it is what costs.
    state.limits.check(Bucket::Downloads, session, address)?;
    let url = state.desk.download(thread, &file).await?;
    tracing::info!(%thread, attachment = %file, "handed out a file");
    Ok(url)
}

fn sent_on(url: &DownloadUrl) -> Response {
    let Ok(location) = HeaderValue::from_str(url.as_str()) else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

async fn refused(
    state: AppState,
    request: Request,
    thread: Option<ThreadId>,
    error: DeskError,
) -> Response {
    let passing = matches!(error.code, Code::Unavailable | Code::RateLimited);
    let mut wait = HeaderMap::new();
    set_retry_after(&mut wait, &error);
    let mut response = if pages::wants_page(request.headers()) {
        let again = request.uri().path_and_query().map(|here| here.as_str().to_owned());
        let page = FileRefused {
            back: thread.map_or_else(|| "/threads".into(), |thread| format!("/t/{thread}")),
            again: again.filter(|_| passing),
            error,
        };
        pages::instead(state, request, page).await
    } else {
        error_response(&error)
    };
    if passing {
        wait.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER.into());
        response.headers_mut().extend(wait);
    }
    response
}
