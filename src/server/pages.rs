//! The pages' handlers: leptos renders them; their POST twins take plain forms from browsers without script, answer
//! 303 on success, and on a fault render the same page again with what was typed.

use super::{
    guard::{client_address, set_retry_after},
    limits::Bucket,
    links::is_visit,
    preferences,
    shell::shell,
    state::AppState,
    uploads::{self, Enclosed, Filled},
    visitor, zone,
};
use crate::{
    app::{SetStatus, Site},
    domain::{
        echo::FormEcho,
        error::{Code, DeskError},
        link::NotOpened,
        request::Draft,
        sentence::Sentence,
    },
    features::conversation::file_page::FileRefused,
    language::{own_name, said, tag},
};
use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
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
        let parts = use_context::<Parts>().map(|parts| (parts.headers, parts.uri));
        let (headers, uri) = parts.unwrap_or_default();
        let locale = state.languages.of(&headers);
        provide_context(locale);
        provide_context(zone::wall_clock(&headers));
        provide_context(Site {
            name: state.name.to_string(),
            fresh_key: state.forms.key(),
            upload_bytes: state.desk.upload_bytes(),
            hours: state.hours.told(&headers, locale),
            transport: state.transport.word(),
            topics: state
                .desk
                .topics()
                .all()
                .iter()
                .map(|topic| (topic.name.clone(), topic.words.clone()))
                .collect(),
            here: here(&uri),
            theme: preferences::theme(&headers),
            languages: state.languages.all().iter().map(|it| (tag(*it), own_name(*it))).collect(),
            logo: state.look.logo_path(),
            colours: state.look.colours_path(),
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

/// Where the switches of a page come back to. What stands in for another address (`/404`, `/r`) is none to come back to.
fn here(uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |it| it.as_str());
    if matches!(path, "/404" | "/r") { "/".into() } else { path.into() }
}

/// Renders the page of this request's path, with something more in its context.
async fn render<T: Clone + Send + Sync + 'static>(
    state: AppState,
    request: Request,
    extra: T,
) -> Response {
    let (options, bundle) = (state.leptos.clone(), state.bundle.clone());
    let base = context(state);
    let more = move || {
        base();
        provide_context(extra.clone());
    };
    render_app_async_with_context(more, move || shell(options.clone(), bundle.clone()))(request)
        .await
}

/// The page that stands in for a file that is not handed on, with the error's status.
pub(super) async fn instead(
    state: AppState,
    request: Request,
    mut refused: FileRefused,
) -> Response {
    refused.error = said(state.languages.of(request.headers()), refused.error);
    let status = status_of(&refused.error);
    let mut response = render(state, request, refused).await;
    *response.status_mut() = status;
    response
}

/// Whether a person follows a link, rather than a program.
pub(super) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/html"))
    })
}

/// The page for an address that does not exist.
pub async fn not_found(State(state): State<AppState>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return super::guard::error_response(&DeskError::of(Code::NotFound, Sentence::NoRoute));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response();
    }
    // The router of the pages reads `/t/..` as `/`; what is no route stays none.
    let mut request = request;
    *request.uri_mut() = axum::http::Uri::from_static("/404");
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
            DeskError::of(Code::BadRequest, Sentence::FormKind),
        ));
    }
    let mut read = Vec::new();
    let mut length = 0usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk: Bytes = chunk.map_err(|_| {
            (StatusCode::BAD_REQUEST, DeskError::of(Code::BadRequest, Sentence::FormBroken))
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
            DeskError::of(Code::TooLarge, Sentence::FormLarge),
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
        (StatusCode::BAD_REQUEST, DeskError::of(Code::BadRequest, Sentence::FormUnread))
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

/// A page that says why, under the status that says so too.
fn refused(mut response: Response, status: StatusCode, error: &DeskError) -> Response {
    *response.status_mut() = status;
    set_retry_after(response.headers_mut(), error);
    response
}

fn status_of(error: &DeskError) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// `POST /`.
pub async fn post_request(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let address = client_address(&parts.extensions);
    let (draft, status, error) = match read_form::<Draft>(&parts.headers, body).await {
        Ok(draft) => match visitor::open(&state, &parts.headers, address, &draft).await {
            Ok((created, cookie)) => return see_other(&created.path, cookie),
            Err(error) => (draft, status_of(&error), error),
        },
        Err((status, error)) => (Draft::default(), status, error),
    };
    let error = said(state.languages.of(&parts.headers), error);
    let again = Request::from_parts(parts, Body::empty());
    let echo = FormEcho::of(draft, error.clone());
    refused(render(state, again, echo).await, status, &error)
}

/// The fields of the conversation's forms: the reply box, with `intent=link` the one that asks for a link, and those of
/// [`visitor::Mark`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ReplyForm {
    intent: String,
    text: String,
    client_message_id: String,
    value: String,
}

/// `POST /t/{threadId}`.
pub async fn post_reply(
    State(state): State<AppState>,
    Path(thread): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let session = state.sessions.read(&parts.headers);
    let address = client_address(&parts.extensions);
    let mut files = Enclosed::Tickets(Vec::new());
    let mut _place = None;
    let read = match uploads::form_boundary(&parts.headers) {
        None => read_form::<ReplyForm>(&parts.headers, body).await,
        Some(boundary) => {
            // Nobody fills our disk who may not send anything.
            let allowed = visitor::held(session.as_ref(), &thread)
                .and_then(|_| state.limits.check(Bucket::Uploads, session.as_ref(), address));
            let (filled, read) = match allowed {
                Ok(()) => uploads::read_form(&state, boundary, body).await,
                Err(error) => (Filled::default(), Err(error)),
            };
            let Filled { text, key, intent, files: spooled, place } = filled;
            if spooled.is_empty() && read.is_ok() {
                state.limits.give_back(Bucket::Uploads, session.as_ref(), address);
            }
            _place = place;
            files = Enclosed::Spooled(spooled);
            let form = ReplyForm { intent, text, client_message_id: key, ..ReplyForm::default() };
            match read {
                Ok(()) => Ok(form),
                Err(error) => {
                    let error = said(state.languages.of(&parts.headers), error);
                    let echo = visitor::reply_echo(form.text, form.client_message_id, &error);
                    let again = Request::from_parts(parts, Body::empty());
                    return refused(render(state, again, echo).await, status_of(&error), &error);
                }
            }
        }
    };
    let (form, status, error) = match read {
        Ok(form) if form.intent == "link" => {
            match visitor::make_link(&state, address, &thread, &parts.headers, &parts.uri) {
                Ok(link) => {
                    let again = Request::from_parts(parts, Body::empty());
                    return render(state, again, link).await;
                }
                Err(error) => (form, status_of(&error), error),
            }
        }
        Ok(form) if let Some(wanted) = visitor::Mark::wanted(&form.intent, &form.value) => {
            let address = client_address(&parts.extensions);
            match visitor::mark(&state, session.as_ref(), address, &thread, wanted).await {
                Ok(()) => return see_other(&format!("/t/{thread}#after"), None),
                Err(error) => (form, status_of(&error), error),
            }
        }
        Ok(form) => {
            match visitor::say(
                &state,
                session.as_ref(),
                address,
                &thread,
                &form.text,
                files,
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
    let error = said(state.languages.of(&parts.headers), error);
    let echo = visitor::reply_echo(form.text, form.client_message_id, &error);
    let again = Request::from_parts(parts, Body::empty());
    refused(render(state, again, echo).await, status, &error)
}

/// `GET /r/{token}`: exchanges the link for the cookie and goes to the conversation. A program that only looks at the
/// link gets a page without anything in it, and the link stays good. On that page, a person whose browser looks like
/// a program presses a button: `POST /r/{token}`.
pub async fn resume(State(state): State<AppState>, request: Request) -> Response {
    let token = request.uri().path().strip_prefix("/r/").unwrap_or_default().to_owned();
    let (method, headers) = (request.method(), request.headers());
    let result = if *method == Method::POST || is_visit(method, headers) {
        visitor::resume(&state, client_address(request.extensions()), headers, &token).await
    } else {
        Err(NotOpened::Looked)
    };
    let mut response = match result {
        Ok((thread, cookie)) => see_other(&format!("/t/{thread}"), cookie),
        Err(why) => {
            // The page is rendered for an address that does not hold the token, so it cannot show it.
            let mut bare = Request::new(Body::empty());
            *bare.uri_mut() = Uri::from_static("/r");
            for name in [header::ACCEPT_LANGUAGE, header::COOKIE] {
                for value in headers.get_all(&name) {
                    bare.headers_mut().append(name.clone(), value.clone());
                }
            }
            let status = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::FORBIDDEN);
            let mut response = render(state, bare, why).await;
            *response.status_mut() = status;
            if let NotOpened::Often(seconds) = why {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
    };
    // A page has forms, and `no-referrer` would make their posts' `Origin` null, which the guard refuses. An origin has no
    // path, so the token is not told either way.
    let shown = !response.status().is_redirection();
    let referrer = if shown { "strict-origin" } else { "no-referrer" };
    for (name, value) in [
        (header::REFERRER_POLICY, referrer),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Around the pages: a page view keeps a visitor's session alive.
pub async fn renew(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let viewed = *request.method() == Method::GET;
    let cookie = viewed.then(|| state.sessions.renew(request.headers())).flatten();
    let mut response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if let Some(cookie) = cookie.filter(|_| page) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use proptest::prelude::*;

    fn form(bytes: Vec<u8>) -> (HeaderMap, Body) {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        (headers, Body::from(bytes))
    }

    fn read<T: for<'de> Deserialize<'de>>(bytes: Vec<u8>) -> Result<T, (StatusCode, DeskError)> {
        let (headers, body) = form(bytes);
        block_on(read_form(&headers, body))
    }

    /// Bytes of any kind, and bytes that come near to a form.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let pair = "(name|email|text|message|intent|submission_id|x)?(=[%&+=0-9a-fA-F\\PC]{0,9})?";
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..400),
            prop::collection::vec(pair, 0..9).prop_map(|pairs| pairs.join("&").into_bytes()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_bytes_are_a_form_or_an_error(bytes in bytes()) {
            let refused = |result: Result<(), (StatusCode, DeskError)>| match result {
                Ok(()) => true,
                Err((status, error)) => status == 400 && error.code == Code::BadRequest,
            };
            prop_assert!(refused(read::<ReplyForm>(bytes.clone()).map(drop)));
            let draft = read::<Draft>(bytes);
            prop_assert!(refused(draft.as_ref().map(drop).map_err(Clone::clone)));
            let Ok(draft) = draft else { return Ok(()) };
            let Err(error) = draft.check() else { return Ok(()) };
            prop_assert_eq!(error.code, Code::Invalid);
            prop_assert!(!error.fields.is_empty());
        }

        #[test]
        fn what_was_typed_comes_back(
            typed in prop::collection::vec("[\\PC\\r\\n\\t\0&=%+<>\"']{0,60}", 7),
            key in "[0-9A-Za-z-]{0,70}",
        ) {
            let draft = Draft {
                name: typed[0].clone(),
                email: typed[1].clone(),
                topic: typed[2].clone(),
                subject: typed[3].clone(),
                message: typed[4].clone(),
                submission_id: key.clone(),
                website: typed[5].clone(),
            };
            let sent = serde_urlencoded::to_string(&draft).unwrap();
            let arrived = read::<Draft>(sent.into_bytes()).unwrap();
            prop_assert_eq!(&arrived, &draft);
            if let Err(error) = arrived.check() {
                let shown = FormEcho::of(arrived, error).draft;
                let kept = if (8..=64).contains(&key.len()) { &*key } else { "" };
                prop_assert_eq!(&shown.submission_id, kept);
                prop_assert_eq!(Draft { submission_id: key.clone(), ..shown }, draft);
            }

            let pairs = [("text", &*typed[6]), ("client_message_id", &*key), ("id", "x")];
            let sent = serde_urlencoded::to_string(pairs).unwrap();
            let arrived = read::<ReplyForm>(sent.into_bytes()).unwrap();
            prop_assert_eq!(&arrived.text, &typed[6]);
            prop_assert_eq!(&arrived.intent, "");
            let error = DeskError::unavailable();
            let echo = visitor::reply_echo(arrived.text, arrived.client_message_id, &error);
            prop_assert_eq!(&echo.text, &typed[6]);
            prop_assert!(echo.key == key || !(8..=64).contains(&key.len()));
        }
    }

    #[test]
    fn people_get_pages() {
        let wants = |accept: &str| {
            wants_page(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
        };
        assert!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(wants("application/xml, Text/HTML;q=0.5"));
        for program in ["*/*", "application/json", "", "text/htmlx"] {
            assert!(!wants(program), "{program}");
        }
        assert!(!wants_page(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_form_is_refused_by_name() {
        let (mut headers, body) = form(b"text=a".to_vec());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (status, _) = block_on(read_form::<ReplyForm>(&headers, body)).unwrap_err();
        assert_eq!(status, 415);
        let (status, error) = read::<ReplyForm>(vec![b'a'; MAX_FORM + 1]).unwrap_err();
        assert_eq!((status.as_u16(), error.code), (413, Code::TooLarge));
    }
}
