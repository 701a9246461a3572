//! Static files: the bundle under `/pkg`, and what `public/` brought to the site root.

use super::{pages, state::AppState};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// A file of the site root, or the page that says there is none. Precompressed twins (`.br`, `.gz`) are picked by
/// what the browser takes; without hashed names the browser asks each time whether its copy still holds.
pub async fn file_or_page(State(state): State<AppState>, request: Request) -> Response {
    // Nothing that hides in a folder is meant for visitors.
    let hidden =
        request.uri().path().split('/').any(|part| part.starts_with('.') && part != ".well-known");
    if hidden || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return pages::not_found(State(state), request).await;
    }
    let files = ServeDir::new(state.leptos.site_root.as_ref())
        .append_index_html_on_directories(false)
        .precompressed_br()
        .precompressed_gzip();
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = request.uri().clone();
    *asked.headers_mut() = request.headers().clone();
    match files.oneshot(asked).await {
        // A name that the file system cannot even hold is a failure to `ServeDir`; for a visitor it is nothing.
        Ok(found)
            if !found.status().is_server_error()
                && !matches!(
                    found.status(),
                    StatusCode::NOT_FOUND | StatusCode::TEMPORARY_REDIRECT
                ) =>
        {
            let mut found = found.into_response();
            let hashed = state.leptos.hash_files && request.uri().path().starts_with("/pkg/");
            let cache = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
            found.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
            found
        }
        _ => pages::not_found(State(state), request).await,
    }
}
