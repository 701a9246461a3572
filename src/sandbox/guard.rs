//! What stands before every route of the sandbox: whom it answers, and what its answers may do in a browser.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Pages bring their own.
const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The middleware. The sandbox listens where only this machine reaches it, and a website whose name leads to this
/// machine (DNS rebinding) would be of one origin with it: so it answers to no name that a website can have.
pub async fn watch(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let known = host.is_none_or(|host| str::from_utf8(host).is_ok_and(is_local));
    let mut response = if known {
        next.run(request).await
    } else {
        let why = "The sandbox answers under an address, localhost or a name without a dot only.\n";
        (StatusCode::MISDIRECTED_REQUEST, why).into_response()
    };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// An address, `localhost`, or a name that is in no public DNS, such as a container's.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.starts_with('[')
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || name.ends_with(".localhost")
        || !name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn names_of_websites_are_not_answered() {
        for host in [
            "127.0.0.1:3100",
            "[::1]:3100",
            "localhost:3100",
            "localhost",
            "desk.localhost:1",
            "sandbox:3100",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3100",
            "127.0.0.1.evil.example:3100",
            "localhost.:3100",
            "localhost.evil.example",
            "a.b:c",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
