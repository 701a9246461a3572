//! The pages' handlers: leptos renders them; their POST twins take plain forms from browsers without script, answer
//! 303 on success, and on a fault render the same page again with what was typed.

use super::{shell::shell, state::AppState, visitor};
use crate::{
    app::{SetStatus, Site},
    domain::{
        echo::FormEcho,
        error::{Code, DeskError},
        request::Draft,
    },
    features::conversation::file_page::FileRefused,
};
use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{ResponseOptions, render_app_async_with_context};
use serde::Deserialize;
use std::sync::Arc;

/// A form with every field at its limit, percent-encoded, stays below this.
const MAX_FORM: usize = 128 * 1024;
/// So much of an oversized body is read and thrown away, so that the browser reads our answer instead of seeing a
/// broken connection.
const MAX_DRAIN: usize = 16 * 1024 * 1024;

/// What every page and server function finds in its context.
pub fn context(state: AppState) -> impl Fn() + Clone + Send + Sync + 'static {
    move || {
        provide_context(state.clone());
        provide_context(Site {
            name: state.name.to_string(),
            fresh_key: super::session::random_key(),
        });
        if let Some(response) = use_context::<ResponseOptions>() {
            provide_context(SetStatus(Arc::new(move |status| {
                if let Ok(status) = StatusCode::from_u16(status) {
                    response.set_status(status);
                }
            })));
        }
    }
}

/// Renders the page of this request's path, with something more in its context.
async fn render<T: Clone + Send + Sync + 'static>(
    state: AppState,
    request: Request,
    extra: T,
) -> Response {
    let options = state.leptos.clone();
    let base = context(state);
    let more = move || {
        base();
        provide_context(extra.clone());
    };
    render_app_async_with_context(more, move || shell(options.clone()))(request).await
}

/// The page that stands in for a file that is not handed on, with the error's status.
pub(super) async fn instead(state: AppState, request: Request, refused: FileRefused) -> Response {
    let status = status_of(&refused.error);
    with_status(render(state, request, refused).await, status)
}

/// The page for an address that does not exist.
pub async fn not_found(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return super::guard::error_response(&DeskError::new(
            Code::NotFound,
            "There is no such route.",
        ));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response();
    }
    render(state, request, ()).await
}

/// Reads the body of a form, a page's or a server function's: 415 for another content type, 413 for too much.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, (StatusCode, DeskError)> {
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            DeskError::new(
                Code::BadRequest,
                "This form came in a way that we cannot read. Please send it from this page.",
            ),
        ));
    }
    let mut read = Vec::new();
    let mut length = 0usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk.map_err(|_| {
            (
                StatusCode::BAD_REQUEST,
                DeskError::new(
                    Code::BadRequest,
                    "The form did not arrive whole. Please send it again.",
                ),
            )
        })?;
        length += chunk.len();
        if length <= MAX_FORM {
            read.extend_from_slice(&chunk);
        } else if length > MAX_DRAIN {
            break;
        }
    }
    if length > MAX_FORM {
        return Err((
            StatusCode::PAYLOAD_TOO_LARGE,
            DeskError::new(
                Code::TooLarge,
                "This is more than the form can take. Please go back, shorten the message to 5,000 characters and send it again.",
            ),
        ));
    }
    Ok(read)
}

/// Reads a plain form.
async fn read_form<T: for<'de> Deserialize<'de>>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, (StatusCode, DeskError)> {
    serde_urlencoded::from_bytes(&read_body(headers, body).await?).map_err(|_| {
        (
            StatusCode::BAD_REQUEST,
            DeskError::new(Code::BadRequest, "The form could not be read. Please send it again."),
        )
    })
}

/// To another page of ours, after a successful POST.
fn see_other(path: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response =
        (StatusCode::SEE_OTHER, [(header::CACHE_CONTROL, "no-store")]).into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

fn status_of(error: &DeskError) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// `POST /`.
pub async fn post_request(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (draft, status, error) = match read_form::<Draft>(&parts.headers, body).await {
        Ok(draft) => match visitor::open(&state, &parts.headers, &draft).await {
            Ok((created, cookie)) => return see_other(&created.path, cookie),
            Err(error) => (draft, status_of(&error), error),
        },
        Err((status, error)) => (Draft::default(), status, error),
    };
    let again = Request::from_parts(parts, Body::empty());
    with_status(render(state, again, FormEcho::of(draft, error)).await, status)
}

/// The reply box's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReplyForm {
    text: String,
    client_message_id: String,
}

/// `POST /t/{threadId}`.
pub async fn post_reply(
    State(state): State<AppState>,
    Path(thread): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let session = state.sessions.read(&parts.headers);
    let (form, status, error) = match read_form::<ReplyForm>(&parts.headers, body).await {
        Ok(form) => {
            match visitor::say(
                &state,
                session.as_ref(),
                &thread,
                &form.text,
                &form.client_message_id,
            )
            .await
            {
                Ok(_) => return see_other(&format!("/t/{thread}"), None),
                Err(error) => (form, status_of(&error), error),
            }
        }
        Err((status, error)) => (ReplyForm::default(), status, error),
    };
    let echo = visitor::reply_echo(form.text, form.client_message_id, &error);
    let again = Request::from_parts(parts, Body::empty());
    with_status(render(state, again, echo).await, status)
}
