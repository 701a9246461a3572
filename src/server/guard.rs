//! What stands before every route: same-origin check, security headers, the peer's address.

use super::{config::Config, webhook::Peer};
use crate::domain::error::{Code, DeskError};
use axum::{
    Json,
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What the guard needs to know.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The origin visitors use, if configured: `https://support.example.com`.
    public_origin: Option<String>,
    https: bool,
    trusted_proxies: Vec<IpNet>,
}

impl Guard {
    /// From the settings.
    pub fn new(config: &Config) -> Self {
        Self {
            public_origin: config.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
            https: config.https(),
            trusted_proxies: config.trusted_proxies.clone(),
        }
    }

    /// Whether a state-changing request comes from one of our own pages. Browsers say so by `Sec-Fetch-Site`, older
    /// ones by `Origin`; a client that sends neither is no browser and carries nobody's cookies but its own.
    fn is_own_page(&self, headers: &HeaderMap) -> bool {
        match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
            Some(b"same-origin" | b"none") => return true,
            Some(_) => return false,
            None => {}
        }
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        if self.public_origin.as_deref() == Some(origin) {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let of_origin = origin.split_once("://").map(|(_, host)| host);
        host.is_some() && host == of_origin
    }

    /// The peer, or the nearest untrusted address behind trusted proxies.
    fn client_ip(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |ip: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(ip));
        if !trusted(&peer) {
            return peer;
        }
        let forwarded: Vec<IpAddr> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map_while(|part| part.trim().parse().ok())
            .collect();
        forwarded.into_iter().rev().find(|ip| !trusted(ip)).unwrap_or(peer)
    }

    /// The middleware: refuses foreign pages' posts, notes the client's address, adds the headers.
    pub async fn watch(self, mut request: Request, next: Next) -> Response {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        let client = self.client_ip(peer, request.headers());
        request.extensions_mut().insert(Peer(client));
        // Webhooks prove themselves by their signature; they come from servers.
        let machine = request.uri().path().starts_with("/api/webhooks/");
        let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let api = request.uri().path().starts_with("/api/");
        let mut response = if safe || machine || self.is_own_page(request.headers()) {
            next.run(request).await
        } else {
            let error = DeskError::new(
                Code::Forbidden,
                "This request came from another website. Please open the page here and send it again.",
            );
            if api {
                error_response(&error)
            } else {
                (StatusCode::FORBIDDEN, format!("{}\n", error.error)).into_response()
            }
        };
        let headers = response.headers_mut();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=()"),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        // Some answers are stricter.
        headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
        // Pages bring their own policy with its nonce; nothing else needs anything.
        headers
            .entry(header::CONTENT_SECURITY_POLICY)
            .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        if self.https {
            headers.insert(
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static("max-age=31536000; includeSubDomains"),
            );
        }
        response
    }
}

/// An error of the API, as JSON with its status.
pub fn error_response(error: &DeskError) -> Response {
    let status =
        StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CACHE_CONTROL, "no-store")], Json(error)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard {
            public_origin: Some("https://help.example.com".into()),
            https: true,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v)))
            .collect()
    }

    #[test]
    fn own_pages_and_foreign_ones() {
        let g = guard();
        for own in [
            &[][..],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://help.example.com"), ("host", "internal:3000")],
            &[("origin", "http://localhost:3000"), ("host", "localhost:3000")],
        ] {
            assert!(g.is_own_page(&headers(own)), "{own:?}");
        }
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "https://help.example.com")],
            &[("origin", "https://evil.example"), ("host", "help.example.com")],
            &[("origin", "null"), ("host", "help.example.com")],
            &[("origin", "https://help.example.com.evil.example"), ("host", "help.example.com")],
        ] {
            assert!(!g.is_own_page(&headers(foreign)), "{foreign:?}");
        }
    }

    #[test]
    fn forwarded_addresses_count_from_trusted_peers_only() {
        let g = guard();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let forged = headers(&[("x-forwarded-for", "1.1.1.1")]);
        assert_eq!(g.client_ip(ip("9.9.9.9"), &forged), ip("9.9.9.9"));
        let chain = headers(&[("x-forwarded-for", "1.1.1.1, 8.8.8.8, 10.0.0.7")]);
        assert_eq!(g.client_ip(ip("10.0.0.1"), &chain), ip("8.8.8.8"));
        assert_eq!(g.client_ip(ip("10.0.0.1"), &headers(&[])), ip("10.0.0.1"));
    }
}
