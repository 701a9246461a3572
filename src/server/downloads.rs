//! `GET /api/support/attachment?threadId=&attachmentId=`: a file of a conversation, as a plain link.
//!
//! With `inline=1`, what the conversation itself shows (pictures, sound, films) passes through here, because a page of
//! ours loads nothing from elsewhere; only kinds that cannot run, sent as what they are and sandboxed. Otherwise:
//!
//! The visitor is sent on (303) to an address at Plain's storage that lives for some minutes and is made for this one
//! click. Such a file never passes through here: on another origin its content, whatever it claims to be, has no power
//! over the portal and its cookies, and costs it no memory.

use super::{
    guard::{client_address, error_response, set_retry_after},
    limits::Bucket,
    pages,
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
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

/// What a refusal that will pass tells a client to wait, in seconds.
const RETRY_AFTER: u64 = 5;

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileQuery {
    thread_id: String,
    attachment_id: String,
    inline: String,
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
    // What cannot be had now counts, too: looking for it is what costs. What is shown is asked for in pieces.
    let bucket = if query.inline == "1" { Bucket::Reads } else { Bucket::Downloads };
    let found = thread.as_ref().map_err(DeskError::clone).and_then(|_| {
        let file = AttachmentId::parse(query.attachment_id.as_str());
        let file = file.map_err(|_| DeskError::no_such_file())?;
        let address = client_address(request.extensions());
        state.limits.check(bucket, session.as_ref(), address).map(|()| file)
    });
    if query.inline == "1" {
        let found = match (thread, found) {
            (Ok(thread), Ok(file)) => shown(&state, &thread, &file, request.headers()).await,
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        return found.unwrap_or_else(|error| error_response(&error));
    }
    let found = match (&thread, found) {
        (Ok(thread), Ok(file)) => find(&state, thread, &file).await,
        (_, found) => found.and(Err(DeskError::no_such_file())),
    };
    match found {
        Ok(url) => sent_on(&url),
        Err(error) => refused(state, request, thread.ok(), error).await,
    }
}

async fn find(
    state: &AppState,
    thread: &ThreadId,
    file: &AttachmentId,
) -> Result<DownloadUrl, DeskError> {
    let url = state.desk.download(thread, file).await?;
    tracing::info!(%thread, attachment = %file, "handed out a file");
    Ok(url)
}

/// What a file may do that is shown: nothing. A picture or film needs nothing; what opens it as a page gets no origin.
const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'self'";

/// Passes the file, or the part of it that is asked for, through.
async fn shown(
    state: &AppState,
    thread: &ThreadId,
    file: &AttachmentId,
    headers: &HeaderMap,
) -> Result<Response, DeskError> {
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = range.filter(|range| is_one_part(range));
    let (url, kind) = state.desk.shown(thread, file).await?;
    let found = state.desk.fetch(&url, range).await?;
    let status = StatusCode::from_u16(found.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let part = found.part().and_then(|part| HeaderValue::from_str(part).ok());
    let length = found.length();
    if status == StatusCode::RANGE_NOT_SATISFIABLE {
        let error = DeskError::new(Code::BadRequest, "The file does not have this part.");
        let mut response = error_response(&error);
        *response.status_mut() = status;
        response.headers_mut().extend(part.map(|part| (header::CONTENT_RANGE, part)));
        return Ok(response);
    }
    let mut response = Response::new(Body::from_stream(found.content()));
    *response.status_mut() = status;
    let answer = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, "inline"),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "private, max-age=300"),
        (header::ACCEPT_RANGES, "bytes"),
    ] {
        answer.insert(name, HeaderValue::from_static(value));
    }
    if let Some(part) = part {
        answer.insert(header::CONTENT_RANGE, part);
    }
    if let Some(length) = length {
        answer.insert(header::CONTENT_LENGTH, length.into());
    }
    Ok(response)
}

/// Whether a header asks for one part, `bytes=0-99`, `bytes=100-` or `bytes=-100`. Others are answered with all of it.
fn is_one_part(range: &str) -> bool {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|it| it.split_once('-')) else {
        return false;
    };
    let number = |it: &str| it.len() <= 18 && it.bytes().all(|b| b.is_ascii_digit());
    number(from) && number(to) && !(from.is_empty() && to.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_at_a_time() {
        for range in ["bytes=0-99", "bytes=100-", "bytes=-5"] {
            assert!(is_one_part(range), "{range}");
        }
        for range in ["bytes=-", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "bytes=1", "bytes= 1-2"]
        {
            assert!(!is_one_part(range), "{range}");
        }
    }
}
