//! Static files: the bundle under `/pkg`, and what `public/` brought to the site root.

use super::{bundle::Asked, pages, state::AppState};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// A file of the site root, or the page that says there is none. Precompressed twins (`.br`, `.gz`) are picked by
/// what the browser takes. Of what does not name its build, the browser asks each time whether its copy still holds.
pub async fn file_or_page(State(state): State<AppState>, request: Request) -> Response {
    // Nothing that hides in a folder is meant for visitors.
    let path = request.uri().path();
    let hidden = path.split('/').any(|part| part.starts_with('.') && part != ".well-known");
    let (place, fixed) = match state.bundle.asked(path) {
        Asked::Plain => (request.uri().clone(), false),
        Asked::Ours(place) => match place.parse::<Uri>() {
            Ok(place) => (place, true),
            Err(_) => return pages::not_found(State(state), request).await,
        },
        Asked::Foreign => return pages::not_found(State(state), request).await,
    };
    if hidden || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return pages::not_found(State(state), request).await;
    }
    let mut files =
        ServeDir::new(state.leptos.site_root.as_ref()).append_index_html_on_directories(false);
    // While files change under the server, their twins may be those of a build before.
    if !state.bundle.is_watched() {
        files = files.precompressed_br().precompressed_gzip();
    }
    let mut asked = Request::new(Body::empty());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = place;
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
            let cache = if fixed { "public, max-age=31536000, immutable" } else { "no-cache" };
            found.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
            found
        }
        _ => pages::not_found(State(state), request).await,
    }
}
