//! The table of routes, by who calls them.

use super::{
    assets, downloads,
    guard::{Guard, error_with_status},
    limits, look, pages, preferences, presence,
    shell::shell,
    signals,
    state::AppState,
    transcript, uploads, visitor, webhook,
};
use crate::{
    app::App,
    domain::{
        error::{Code, DeskError},
        sentence::Sentence,
    },
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, response::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer, Predicate,
        predicate::{DefaultPredicate, NotForContentType},
    },
    timeout::RequestBodyTimeoutLayer,
};

/// A body that stops coming is given up.
const BODY_PAUSE: Duration = Duration::from_secs(20);

/// The pages' routes, listed once a process: while leptos lists them it lets no resource load, in the whole process, and a
/// page that another portal of this process (there are many in tests) renders just then would wait for ever.
static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

/// All routes with their layers.
pub fn router(
    state: AppState,
    intake: Arc<webhook::Intake>,
    guard: Guard,
    health: Router,
    body_timeout: Duration,
) -> Router {
    let (options, bundle) = (state.leptos.clone(), state.bundle.clone());
    let with_signals = state.clone();
    let pages = PAGES.clone();

    // Visitors.
    let visitors = Router::new()
        .route("/", post(pages::post_request))
        .route("/t/{thread_id}", post(pages::post_reply))
        .route("/r/{*token}", get(pages::resume).post(pages::resume))
        .route("/preferences", post(preferences::save))
        .route("/look/{file}", get(look::file))
        .leptos_routes_with_context(&state, pages, pages::context(state.clone()), move || {
            shell(options.clone(), bundle.clone())
        })
        // `/t/{thread_id}.txt` is `/t/{thread_id}` to the router.
        .layer(middleware::from_fn_with_state(state.clone(), transcript::before_pages))
        .layer(middleware::from_fn(api))
        .layer(middleware::from_fn_with_state(state.clone(), pages::renew))
        .fallback(assets::file_or_page)
        .with_state(state.clone());
    let live = Router::new()
        .route("/api/support/stream", get(visitor::live))
        .route("/api/support/poll", get(visitor::poll))
        .route("/api/support/attachment", get(downloads::open))
        .route("/api/support/ws", get(visitor::socket::open))
        .layer(middleware::from_fn(api))
        .with_state(state.clone());
    let uploads =
        Router::new().route("/api/support/attachments", post(uploads::take)).with_state(state);

    // Outermost first: the guard refuses, and dresses whatever comes out; a panic becomes an answer; pages are
    // compressed, and only they: this layer gives every body room for a compressor's state, 6 KB, used or not. Streams,
    // whole or in slices, must never be.
    let compressible =
        DefaultPredicate::new().and(NotForContentType::const_new("application/wasm"));
    visitors
        .layer(CompressionLayer::new().br(true).gzip(true).compress_when(compressible))
        .merge(live)
        .merge(uploads)
        // Plain.
        .merge(webhook::routes(intake.clone()))
        // Agents' own tools.
        .merge(presence::routes(intake.clone(), with_signals.signals.clone()))
        // Both of them.
        .merge(signals::routes(with_signals, intake))
        // Operators.
        .merge(health)
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(middleware::from_fn(move |request, next| {
            let pace = uploads::pace(&request);
            limits::in_time(body_timeout, pace, request, next)
        }))
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a handler panicked");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong on our side. Please try again.\n",
            )
                .into_response()
        }))
        .layer(middleware::from_fn(move |request, next| {
            let guard = guard.clone();
            async move { guard.watch(request, next).await }
        }))
}

/// Server functions read whatever body comes, whole, and answer every error with 500 in leptos 0.8. This lets only
/// small forms through to them, and gives errors that never reached our code (broken arguments) the status that their
/// code names, and a content type.
async fn api(mut request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/support/");
    if api && *request.method() == Method::HEAD {
        // Server functions know GET only; the connection leaves the body out.
        *request.method_mut() = Method::GET;
    }
    if api && *request.method() == Method::POST {
        let (parts, body) = request.into_parts();
        match pages::read_body(&parts.headers, body).await {
            Ok(body) => request = Request::from_parts(parts, Body::from(body)),
            Err((status, error)) => return error_with_status(status, &error),
        }
    }
    let mut response = next.run(request).await;
    if api {
        // A visitor's messages belong into no cache. The stream says more than that, and keeps its own word.
        let no_store = HeaderValue::from_static("no-store");
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    }
    let failed = response.status().is_server_error() || response.status().is_client_error();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let answered = response.status() != StatusCode::INTERNAL_SERVER_ERROR
        && kind.is_some_and(|kind| {
            // The page that stands in for a file is one of ours.
            kind == "application/json" || kind.as_bytes().starts_with(b"text/html")
        });
    if !api || !failed || answered {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, 64 * 1024).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let (code, sentence) = match serde_json::from_slice::<DeskError>(&bytes) {
        // One of ours, on its way out already.
        Ok(error) if !error.error.is_empty() => return restored(parts, &error),
        Ok(DeskError { code: code @ Code::BadRequest, .. }) => (code, Sentence::Malformed),
        Ok(DeskError { code, .. }) => (code, Sentence::Internal),
        Err(_) => match parts.status.as_u16() {
            404 => (Code::NotFound, Sentence::NoRoute),
            405 => (Code::BadRequest, Sentence::NoMethod),
            413 => (Code::TooLarge, Sentence::TooMuch),
            500.. => (Code::Internal, Sentence::Internal),
            _ => (Code::BadRequest, Sentence::Malformed),
        },
    };
    restored(parts, &DeskError::of(code, sentence))
}

/// The answer with this error as its JSON. What leptos could only call 500 gets the status of its code.
fn restored(mut parts: Parts, error: &DeskError) -> Response {
    let named = StatusCode::from_u16(error.code.status()).unwrap_or(parts.status);
    let failed = parts.status == StatusCode::INTERNAL_SERVER_ERROR;
    let (said, body) =
        error_with_status(if failed { named } else { parts.status }, error).into_parts();
    parts.status = said.status;
    parts.extensions.extend(said.extensions);
    parts.headers.remove(header::CONTENT_LENGTH);
    for (name, value) in [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ] {
        parts.headers.insert(name, value);
    }
    Response::from_parts(parts, body)
}
