//! What stands before every route: same-origin check, security headers, the peer's address.

use super::{config::Config, language::Languages, telemetry::is_private, webhook::Peer};
use crate::{
    domain::{
        error::{Code, DeskError},
        sentence::Sentence,
    },
    language::{Locale, said},
};
use axum::{
    Json,
    extract::{ConnectInfo, Request},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Whether a request that opens a WebSocket names its page, and that page is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnPage(pub bool);

/// What the guard needs to know.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The origin visitors use, if configured: `https://support.example.com`.
    public_origin: Option<String>,
    https: bool,
    trusted_proxies: Vec<IpNet>,
    languages: Languages,
    /// Whether an unnamed proxy was warned about.
    wondered: Arc<AtomicBool>,
}

impl Guard {
    /// From the settings.
    pub fn new(config: &Config) -> Self {
        Self {
            public_origin: config.public_url.as_ref().map(|url| url.origin().ascii_serialization()),
            https: config.https(),
            trusted_proxies: config.trusted_proxies.clone(),
            languages: config.languages.clone(),
            wondered: Arc::default(),
        }
    }

    /// Whether a state-changing request comes from one of our own pages. Everything that the browser says about it must
    /// agree: `Sec-Fetch-Site`, `Origin`, and where there is no `Origin` the `Referer`. A client that sends none of them
    /// is no browser and carries nobody's cookies but its own.
    fn is_own_page(&self, headers: &HeaderMap) -> bool {
        let site = headers.get_all("sec-fetch-site").iter().all(|site| {
            // `none`: typed into the address bar or reloaded by the visitor.
            matches!(site.as_bytes(), b"same-origin" | b"none")
        });
        let mut origins = headers.get_all(header::ORIGIN).iter().peekable();
        site && if origins.peek().is_some() {
            origins.all(|origin| origin.to_str().is_ok_and(|it| self.is_own_origin(it, headers)))
        } else {
            headers.get_all(header::REFERER).iter().all(|page| {
                let page = page.to_str().ok().and_then(|page| page.parse::<url::Url>().ok());
                page.is_some_and(|page| {
                    self.is_own_origin(&page.origin().ascii_serialization(), headers)
                })
            })
        }
    }

    /// Browsers write an origin in one way only, so it is compared sign by sign: another scheme, port or case, a dot at
    /// the end and `null` are other origins.
    ///
    /// Where the public URL is set it is ours, whatever `Host` says: a proxy may have changed that, and in an attack by
    /// DNS rebinding both are the attacker's. Beside it, and where none is set, the request's own host is ours; with a
    /// public URL only if it is an address or `localhost`, which no DNS answer can move.
    fn is_own_origin(&self, origin: &str, headers: &HeaderMap) -> bool {
        if self.public_origin.as_deref() == Some(origin) {
            return true;
        }
        let of_origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(of_origin), Some(host), None) = (of_origin, hosts.next(), hosts.next()) else {
            return false;
        };
        host.as_bytes() == of_origin.as_bytes()
            && (self.public_origin.is_none() || is_unmovable(of_origin))
    }

    /// The peer, or the nearest untrusted address behind trusted proxies.
    fn client_ip(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |ip: &IpAddr| self.trusted_proxies.iter().any(|net| net.contains(ip));
        if !trusted(&peer) {
            self.wonder_about(peer, headers);
            return peer;
        }
        // Each proxy appended whom it heard from. So the list is walked from its end, as far as proxies of ours wrote
        // it; what stands before that anybody may have written, and is not even read.
        let mut nearest = peer;
        for value in headers.get_all("x-forwarded-for").iter().rev() {
            for part in value.as_bytes().rsplit(|byte| *byte == b',') {
                let Some(address) = forwarded_address(part) else { return nearest };
                nearest = address;
                if !trusted(&nearest) {
                    return nearest;
                }
            }
        }
        nearest
    }

    /// A proxy that nobody named makes all its visitors one address, with one address's limits. Said once.
    fn wonder_about(&self, peer: IpAddr, headers: &HeaderMap) {
        let proxied = headers.contains_key("x-forwarded-for") && is_private(peer);
        if proxied && !self.wondered.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                proxy = %peer,
                "Requests come through a proxy that HOTLINE_TRUSTED_PROXIES does not name: all its visitors share one \
                 address and its limits"
            );
        }
    }

    /// The middleware: refuses foreign pages' posts, notes the client's address, adds the headers.
    pub async fn watch(self, mut request: Request, next: Next) -> Response {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        let client = self.client_ip(peer, request.headers());
        request.extensions_mut().insert(Peer(client));
        // HTTP/2 names the host in the address.
        if let (false, Some(host)) =
            (request.headers().contains_key(header::HOST), request.uri().authority().cloned())
            && let Ok(host) = HeaderValue::from_str(host.as_str())
        {
            request.headers_mut().insert(header::HOST, host);
        }
        // What servers send proves itself by its signature.
        let path = request.uri().path();
        let machine = path.starts_with("/api/webhooks/") || path == "/api/support/presence";
        let socket = path == "/api/support/ws";
        if socket {
            let headers = request.headers();
            let own = headers.contains_key(header::ORIGIN) && self.is_own_page(headers);
            request.extensions_mut().insert(OwnPage(own));
        }
        let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let api = request.uri().path().starts_with("/api/");
        // Programs do not read sentences.
        let locale = (!machine && (api || !safe)).then(|| self.languages.of(request.headers()));
        let mut response = if !is_plain_path(request.uri().path()) {
            (StatusCode::BAD_REQUEST, "This is not a path.\n").into_response()
        } else if safe || machine || self.is_own_page(request.headers()) {
            next.run(request).await
        } else {
            let error = DeskError::of(Code::Forbidden, Sentence::Foreign);
            if api {
                error_response(&error)
            } else {
                let error = said(locale.unwrap_or_default(), error);
                (StatusCode::FORBIDDEN, format!("{}\n", error.error)).into_response()
            }
        };
        if let (Some(locale), Some(unsaid)) = (locale, response.extensions_mut().remove()) {
            say_again(locale, unsaid, &mut response);
        }
        let headers = response.headers_mut();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("origin-agent-cluster", "?1"),
            (
                "permissions-policy",
                "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
                 hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()",
            ),
        ] {
            // A route may say it more strictly.
            let name = HeaderName::from_static(name);
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        // Some answers are stricter.
        headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
        // Pages bring their own policy with its nonce; nothing else needs anything.
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ));
        if self.https {
            headers.insert(
                header::STRICT_TRANSPORT_SECURITY,
                HeaderValue::from_static("max-age=31536000; includeSubDomains"),
            );
        }
        response
    }
}

/// Whether this is a path, and one that means the same to everybody. `CONNECT host:80`, `GET host:80` and `OPTIONS *`
/// have none; dot segments are resolved by every client, so who sends them hopes for a reader that reads them otherwise.
fn is_plain_path(path: &str) -> bool {
    let dots = |part: &str| {
        let rest = part.replace("%2e", ".").replace("%2E", ".");
        rest == "." || rest == ".."
    };
    path.starts_with('/') && !path.split('/').any(dots)
}

/// Whether this host stays where it is: an address or `localhost`. Every other name is what somebody's DNS says now.
fn is_unmovable(host: &str) -> bool {
    host.parse::<SocketAddr>().is_ok()
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
        || host.rsplit_once(':').map_or(host, |(name, _)| name) == "localhost"
}

/// An element of `X-Forwarded-For`: `192.0.2.1`, `192.0.2.1:567`, `2001:db8::1`, `[2001:db8::1]` or
/// `[2001:db8::1]:567`. Anything else (`unknown`, a name) is none.
fn forwarded_address(part: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(part).ok()?.trim();
    let address = text
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()))
        .or_else(|error| {
            let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            bare.ok_or(error)?.parse::<Ipv6Addr>().map(IpAddr::V6)
        });
    Some(address.ok()?.to_canonical())
}

/// Where a request came from, as the guard noted it.
pub fn client_address(extensions: &Extensions) -> IpAddr {
    // Without a guard before it, all share one address.
    extensions.get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
}

/// Tells whoever was refused when to come back.
pub fn set_retry_after(headers: &mut HeaderMap, error: &DeskError) {
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
}

/// An error whose visitor's language is not known yet.
#[derive(Debug, Clone)]
struct Unsaid(DeskError);

/// An error of the API, as JSON with its status. The guard, which knows who asked, says it in the visitor's language.
pub fn error_response(error: &DeskError) -> Response {
    let status =
        StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    error_with_status(status, error)
}

/// The same under another status than its code's.
pub fn error_with_status(status: StatusCode, error: &DeskError) -> Response {
    let english = Json(said(Locale::en, error.clone()));
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], english).into_response();
    set_retry_after(response.headers_mut(), error);
    response.extensions_mut().insert(Unsaid(error.clone()));
    response
}

/// Puts the error's JSON in this language in the place of the English one.
fn say_again(locale: Locale, Unsaid(error): Unsaid, response: &mut Response) {
    if locale == Locale::en {
        return;
    }
    *response.body_mut() = Json(said(locale, error)).into_response().into_body();
    // They spoke of the other body.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().remove(header::CONTENT_ENCODING);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard {
            public_origin: Some("https://help.example.com".into()),
            https: true,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            languages: Languages::default(),
            wondered: Arc::default(),
        }
    }

    #[test]
    fn a_proxy_that_nobody_named_is_noticed() {
        let forwarded = headers(&[("x-forwarded-for", "8.8.8.8")]);
        for (peer, headers, wanted) in [
            ("192.168.0.1", headers(&[]), false),
            ("9.9.9.9", forwarded.clone(), false),
            ("10.0.0.1", forwarded.clone(), false),
            ("192.168.0.1", forwarded, true),
        ] {
            let g = guard();
            g.client_ip(peer.parse().unwrap(), &headers);
            assert_eq!(g.wondered.load(Ordering::Relaxed), wanted, "{peer}");
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v)))
            .collect()
    }

    #[test]
    fn plain_paths() {
        for path in ["/", "/t/x", "/.well-known/x", "/a..b", "/...", "/%2ea"] {
            assert!(is_plain_path(path), "{path}");
        }
        for path in ["", "*", "host", "/..", "/t/../x", "/./x", "/t/%2e%2E", "/t/.%2e/", "/%2e"] {
            assert!(!is_plain_path(path), "{path}");
        }
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
            &[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")],
            &[("origin", "http://[::1]:3000"), ("host", "[::1]:3000")],
            &[("referer", "https://help.example.com/t/th_1?a=b")],
        ] {
            assert!(g.is_own_page(&headers(own)), "{own:?}");
        }
        let ours = ("host", "help.example.com");
        for foreign in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "https://help.example.com")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "Same-Origin")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example"), ours],
            &[("origin", "https://help.example.com"), ("origin", "https://evil.example")],
            &[("origin", "https://help.example.com https://evil.example")],
            &[("origin", "https://evil.example"), ours],
            &[("origin", "null"), ours],
            &[("origin", ""), ours],
            &[("origin", "http://help.example.com"), ours],
            &[("origin", "https://help.example.com:8443"), ours],
            &[("origin", "https://help.example.com."), ours],
            &[("origin", "https://Help.Example.com"), ours],
            &[("origin", "https://help.example.com/"), ours],
            &[("origin", "https://help.example.com.evil.example"), ours],
            &[("origin", "https://help.example.com@evil.example"), ours],
            &[("origin", "http://localhost:3000"), ("host", "localhost:3001")],
            &[("referer", "https://evil.example/help.example.com")],
            &[("referer", "about:blank")],
        ] {
            assert!(!g.is_own_page(&headers(foreign)), "{foreign:?}");
        }
    }

    /// The attacker's name leads to this machine: host and origin agree, and are both the attacker's.
    #[test]
    fn a_name_that_leads_here_is_not_ours_for_that() {
        let rebound = headers(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "http://evil.example:3000"),
            ("host", "evil.example:3000"),
        ]);
        assert!(!guard().is_own_page(&rebound));
        // Without a public URL nothing says which names are ours; there are no cookies under such a name either.
        let nameless = Guard { public_origin: None, ..guard() };
        assert!(nameless.is_own_page(&rebound));
        let crossed = [("origin", "http://evil.example"), ("host", "evil.example:3000")];
        assert!(!nameless.is_own_page(&headers(&crossed)));
        for (host, unmovable) in [
            ("127.0.0.1", true),
            ("[::1]", true),
            ("localhost", true),
            ("evil.example:80", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("", false),
            ("notlocalhost", false),
        ] {
            assert_eq!(is_unmovable(host), unmovable, "{host}");
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
        // A proxy that appends a line of its own instead of to the last one.
        let lines = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "8.8.8.8")]);
        assert_eq!(g.client_ip(ip("10.0.0.1"), &lines), ip("8.8.8.8"));
        // All are proxies of ours: the farthest of them began it.
        let inside = headers(&[("x-forwarded-for", "10.0.0.9, 10.0.0.8")]);
        assert_eq!(g.client_ip(ip("10.0.0.1"), &inside), ip("10.0.0.9"));
    }

    #[test]
    fn forwarded_addresses_in_all_spellings() {
        for (text, address) in [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1:567\t", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[::1]:567", "::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
        ] {
            assert_eq!(forwarded_address(text.as_bytes()), address.parse().ok(), "{text}");
        }
        for text in [
            "",
            " ",
            "unknown",
            "_hidden",
            "192.0.2",
            "192.0.2.1:",
            "192.0.2.1:70000",
            "[::1",
            "::1]",
            "[192.0.2.1]",
            "[::1]:x",
            "fe80::1%eth0",
            "192.0.2.1 8.8.8.8",
            "\"192.0.2.1\"",
            "０.0.0.0",
        ] {
            assert_eq!(forwarded_address(text.as_bytes()), None, "{text}");
        }
        assert_eq!(forwarded_address(b"\xff"), None);
    }

    #[test]
    fn a_malformed_element_ends_the_walk_at_what_is_known() {
        let g = guard();
        let proxy: IpAddr = "10.0.0.1".parse().unwrap();
        for (list, address) in [
            ("1.1.1.1, junk, 8.8.8.8", "8.8.8.8"),
            ("1.1.1.1, junk", "10.0.0.1"),
            ("1.1.1.1, junk, 10.0.0.7", "10.0.0.7"),
            ("1.1.1.1,", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("junk, 8.8.8.8:90", "8.8.8.8"),
        ] {
            let headers = headers(&[("x-forwarded-for", list)]);
            assert_eq!(g.client_ip(proxy, &headers), address.parse::<IpAddr>().unwrap(), "{list}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_strangers_write_the_nearest_untrusted_address_counts(
            forged in "[ -~]{0,80}", client in proptest::prelude::any::<u32>(),
        ) {
            let client = IpAddr::V4(Ipv4Addr::from_bits(client));
            let g = guard();
            proptest::prop_assume!(!g.trusted_proxies[0].contains(&client));
            let list = format!("{forged},{client}, 10.0.0.7");
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", list.parse().unwrap());
            proptest::prop_assert_eq!(g.client_ip("10.0.0.1".parse().unwrap(), &headers), client);
            proptest::prop_assert_eq!(g.client_ip(client, &headers), client);
        }
    }
}
