//! The agent desk: what the team sees. Pages are whole without script; with it they follow changes.

mod forms;
mod live;
mod page;
mod presence;
mod thread;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;

use super::workspace::Workspace;

const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                   connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// An answer with files.
const FORM_LIMIT: usize = 101 * 1024 * 1024;

pub fn routes(stop: CancellationToken) -> Router<Arc<Workspace>> {
    Router::new()
        .route("/", get(page::home))
        .route("/threads/{id}", get(page::thread))
        .route("/threads/{id}/reply", post(forms::reply).layer(DefaultBodyLimit::max(FORM_LIMIT)))
        .route("/threads/{id}/presence", get(presence::answer))
        .route("/threads/{id}/typing", post(presence::typing))
        .route("/threads/{id}/assign", post(forms::assign))
        .route("/threads/{id}/status", post(forms::status))
        .route("/threads/{id}/label", post(forms::label))
        .route("/threads/{id}/unlabel", post(forms::unlabel))
        .route("/threads/{id}/delete-customer", post(forms::delete_customer))
        .route("/messages/{id}/edit", post(forms::edit))
        .route("/messages/{id}/delete", post(forms::delete))
        .route("/messages/{id}/react", post(forms::react))
        .route("/faults", post(forms::faults))
        .route("/desk/files/{id}", get(thread::file))
        .route("/desk/live", get(move |state, query| live::stream(state, query, stop.clone())))
        .route(
            "/desk/desk.css",
            get(|| text("text/css; charset=utf-8", include_str!("desk/desk.css"))),
        )
        .route(
            "/desk/desk.js",
            get(|| text("text/javascript; charset=utf-8", include_str!("desk/desk.js"))),
        )
        .layer(middleware::from_fn(guard))
}

/// Whether a browser sent this from a page of another origin.
pub fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok());
    // A browser that says this knows best: from a page without referrer, forms come with `Origin: null`.
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_none_or(|(_, authority)| authority != host)
        }
        (Some(_), None) => true,
        (None, _) => false,
    }
}

async fn guard(request: Request, next: Next) -> Response {
    if !request.method().is_safe() && is_foreign(request.headers()) {
        return (StatusCode::FORBIDDEN, "This form came from another site.").into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    response
}

async fn text(kind: &'static str, body: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], body)
}

#[cfg(test)]
mod tests {
    use super::is_foreign;
    use axum::http::HeaderMap;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_other_origins_are_foreign() {
        assert!(!is_foreign(&headers(&[("host", "a:1")])));
        assert!(!is_foreign(&headers(&[("host", "a:1"), ("origin", "http://a:1")])));
        assert!(is_foreign(&headers(&[("host", "a:1"), ("origin", "http://a:2")])));
        assert!(is_foreign(&headers(&[("host", "a:1"), ("origin", "null")])));
        assert!(is_foreign(&headers(&[("host", "a:1"), ("sec-fetch-site", "cross-site")])));
        let own = [("host", "a:1"), ("sec-fetch-site", "same-origin"), ("origin", "null")];
        assert!(!is_foreign(&headers(&own)));
    }
}
