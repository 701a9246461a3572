//! Resume links: a visitor's way to the same conversation on another device, without an account.
//!
//! `/r/{token}`. The token names a thread, itself and its end, and is signed with a context of its own. It is exchanged
//! once: whoever opens it first holds the thread from then on, and the address bar shows the conversation's address,
//! not the token. Nothing is stored when a link is made; only used ones are remembered ([`used`]), until they expire.

pub mod used;
mod visit;

pub use visit::is_visit;

use self::used::UsedLinks;
use super::{clock::Clock, config::Secret, session::random_key, signed::Signer};
use crate::domain::{ids::ThreadId, link::ResumeLink, time::At};
use axum::http::{HeaderMap, Uri, header::HOST};
use std::{sync::Arc, time::Duration};

const CONTEXT: &[u8] = b"hotline resume link v1\0";
/// A token has 142 characters, and a few more with a longer prefix of the thread's id.
const MAX_TOKEN: usize = 256;

/// Makes links and takes them back. Clones are the same.
#[derive(Debug, Clone)]
pub struct Links(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    signer: Signer,
    life: Duration,
    origin: Option<String>,
    used: Arc<dyn UsedLinks>,
    clock: Arc<dyn Clock>,
}

/// What a genuine token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The thread that it opens.
    pub thread: ThreadId,
    /// Its own id: 32 hexadecimal digits.
    id: String,
    /// Its end, in seconds since 1970.
    expires: i64,
}

/// What becomes of a genuine link that somebody opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// This was the first time: the visitor may have the thread.
    First,
    /// It was exchanged before.
    Used,
    /// It is too late.
    Expired,
}

impl Links {
    /// The first secret signs, all verify. Links live for `life`. `origin` is how visitors reach us
    /// (`https://support.example.com`); without one, [`Links::make`] believes the request's host.
    pub fn new(
        secrets: Vec<Secret>,
        life: Duration,
        origin: Option<String>,
        used: Arc<dyn UsedLinks>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let signer = Signer::new(secrets, CONTEXT, MAX_TOKEN);
        Self(Arc::new(Inner { signer, life, origin, used, clock }))
    }

    fn now(&self) -> i64 {
        self.0.clock.now_ms().div_euclid(1000)
    }

    /// A link to a thread that the caller may give away. `host` is the request's ([`host_of`]). None if nobody knows
    /// under which address we are reached.
    pub fn make(&self, thread: &ThreadId, host: Option<&str>) -> Option<ResumeLink> {
        let origin = match (&self.0.origin, host) {
            (Some(origin), _) => origin.clone(),
            (None, host) => format!("http://{}", host?),
        };
        let life = i64::try_from(self.0.life.as_secs()).unwrap_or(i64::MAX);
        let expires = self.now().saturating_add(life);
        let link = Link { thread: thread.clone(), id: random_key(), expires };
        let token = self.0.signer.seal(link.payload().as_bytes())?;
        let expires_at = At::from_millis(expires.saturating_mul(1000));
        Some(ResumeLink { url: format!("{origin}/r/{token}"), expires_at })
    }

    /// What a token says, if it is one of ours, unaltered. It may have expired, or been used.
    pub fn read(&self, token: &str) -> Option<Link> {
        Link::parse(&self.0.signer.open(token)?.payload)
    }

    /// Uses a link up. Of however many at once, exactly one is told [`Exchange::First`], and that holds after a
    /// restart. An error: it is not known whether it was used before; nobody may have the thread for it.
    pub async fn exchange(&self, link: &Link) -> std::io::Result<Exchange> {
        if link.expires <= self.now() {
            return Ok(Exchange::Expired);
        }
        let first = self.0.used.claim(&link.id, link.expires).await?;
        Ok(if first { Exchange::First } else { Exchange::Used })
    }
}

impl Link {
    /// As it is signed: `{expires}.{id}.{thread}`.
    fn payload(&self) -> String {
        format!("{}.{}.{}", self.expires, self.id, self.thread)
    }

    fn parse(payload: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut parts = text.splitn(3, '.');
        let expires = parts.next()?.parse().ok()?;
        let id = parts.next().filter(|id| is_id(id))?.to_owned();
        let thread = ThreadId::parse(parts.next()?).ok()?;
        let link = Self { thread, id, expires };
        // Numbers have more than one spelling.
        (link.payload() == text).then_some(link)
    }
}

/// Whether a text could be a link's id.
fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The host that a request was sent to, `name[:port]`, if it is one and well formed. `X-Forwarded-…` is not asked:
/// behind a proxy, HOTLINE_PUBLIC_URL says it.
pub fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?,
        // HTTP/2 has it in the address.
        (None, None) => uri.authority()?.as_str(),
        _ => return None,
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let address = |text: &str| text.parse::<std::net::Ipv6Addr>().is_ok();
    let named = name.split('.').all(label)
        || name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(address);
    let ported = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    (host.len() <= 255 && named && ported).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{used::UsedFile, *};
    use crate::server::clock::FixedClock;
    use proptest::prelude::*;

    const NOW: i64 = 1_777_885_924;
    const DAY: i64 = 86_400;

    struct Desk {
        links: Links,
        clock: Arc<FixedClock>,
        _folder: tempfile::TempDir,
    }

    fn desk(secrets: &[&str]) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(NOW * 1000));
        let used = UsedFile::open(folder.path().join("used-links"), clock.clone()).unwrap();
        let secrets = secrets.iter().map(|s| Secret::new(*s)).collect();
        let week = Duration::from_secs(7 * 86_400);
        let links = Links::new(secrets, week, None, Arc::new(used), clock.clone());
        Desk { links, clock, _folder: folder }
    }

    /// Remembers nothing: for tests that only make and read.
    #[derive(Debug)]
    struct Nowhere;

    impl UsedLinks for Nowhere {
        fn claim<'a>(&'a self, _: &'a str, _: i64) -> used::Claim<'a> {
            Box::pin(async { Err(std::io::Error::other("nowhere")) })
        }
    }

    fn reader(secret: &str) -> Links {
        let clock = Arc::new(FixedClock::at(NOW * 1000));
        Links::new(
            vec![Secret::new(secret)],
            Duration::from_secs(60),
            None,
            Arc::new(Nowhere),
            clock,
        )
    }

    fn thread() -> ThreadId {
        ThreadId::parse("th_01KQS44ER0KVVBRC15MBB8ADPP").unwrap()
    }

    fn token(links: &Links) -> String {
        let made = links.make(&thread(), Some("localhost:3000")).unwrap();
        made.url.strip_prefix("http://localhost:3000/r/").unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_link_is_exchanged_once_and_in_time() {
        let Desk { links, clock, _folder } = desk(&["k"]);
        let made = links.make(&thread(), Some("localhost:3000")).unwrap();
        assert_eq!(made.expires_at, At::from_millis((NOW + 7 * DAY) * 1000));
        let (one, two) = (token(&links), token(&links));
        assert!(one != two && one.len() == 142, "{}", one.len());
        let link = links.read(&one).unwrap();
        assert_eq!(link.thread, thread());
        assert_eq!(links.exchange(&link).await.unwrap(), Exchange::First);
        assert_eq!(links.exchange(&link).await.unwrap(), Exchange::Used);
        clock.advance((7 * DAY - 1) * 1000);
        let other = links.read(&two).unwrap();
        assert_eq!(links.exchange(&other).await.unwrap(), Exchange::First);
        clock.advance(1000);
        assert_eq!(links.exchange(&other).await.unwrap(), Exchange::Expired);
    }

    #[tokio::test]
    async fn of_many_at_once_one_wins() {
        let desk = desk(&["k"]);
        let link = desk.links.read(&token(&desk.links)).unwrap();
        let tries = (0..32).map(|_| {
            let (links, link) = (desk.links.clone(), link.clone());
            tokio::spawn(async move { links.exchange(&link).await.unwrap() })
        });
        let all = futures::future::join_all(tries).await;
        let first = all.iter().filter(|it| *it.as_ref().unwrap() == Exchange::First).count();
        assert_eq!((first, all.len()), (1, 32));
    }

    #[test]
    fn secrets_rotate_and_cookies_are_no_links() {
        let old = desk(&["old"]);
        let text = token(&old.links);
        assert!(desk(&["new", "old"]).links.read(&text).is_some());
        assert!(desk(&["new"]).links.read(&text).is_none());
        let payload = old.links.read(&text).unwrap().payload();
        let cookies = Signer::new(vec![Secret::new("old")], b"hotline session v1\0", 4096);
        assert!(old.links.read(&cookies.seal(payload.as_bytes()).unwrap()).is_none());
    }

    #[test]
    fn the_configured_address_wins() {
        let desk = desk(&["k"]);
        assert!(desk.links.make(&thread(), None).is_none());
        let inner = &desk.links.0;
        let origin = Some("https://help.example.com".to_owned());
        let (used, clock) = (inner.used.clone(), inner.clock.clone());
        let links = Links::new(vec![Secret::new("k")], inner.life, origin, used, clock);
        let made = links.make(&thread(), Some("evil.example")).unwrap();
        assert!(made.url.starts_with("https://help.example.com/r/"));
    }

    #[test]
    fn hosts() {
        let host = |values: &[&'static [u8]], uri: &'static str| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HOST, axum::http::HeaderValue::from_bytes(value).unwrap());
            }
            headers.insert("x-forwarded-host", "evil.example".parse().unwrap());
            host_of(&headers, &Uri::from_static(uri))
        };
        for good in
            ["localhost", "127.0.0.1:3000", "help.example.com", "[::1]:3000", "[::1]", "a-b.c:1"]
        {
            assert_eq!(host(&[good.as_bytes()], "/").as_deref(), Some(good));
        }
        for bad in [
            &b""[..],
            b":",
            b":80",
            b"a:",
            b"a:0",
            b"a:+1",
            b"a:65536",
            b"a b",
            b"a/b",
            b"a@b",
            b"a..b",
            b"a?b",
            b"a#b",
            b"[::1",
            b"[x]",
            b"::1",
            b"\xc3\xa4.example",
            b"a\\b",
            b"a,b",
            b"a%2fb",
            b"<b>",
            b"\"a\"",
        ] {
            assert_eq!(host(&[bad], "/"), None, "{bad:?}");
        }
        assert_eq!(host(&[b"a.example", b"b.example"], "/"), None);
        assert_eq!(host(&[], "/"), None);
        assert_eq!(host(&[], "https://h2.example:8443/t").as_deref(), Some("h2.example:8443"));
        assert_eq!(host(&[], "https://me@h2.example/t"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_other_text_is_no_token(text in ".{0,400}") {
            prop_assert_eq!(reader("k").read(&text), None);
        }

        #[test]
        fn any_signed_nonsense_is_no_token(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            near in "[-+0 ]?[0-9]{1,22}\\.[0-9a-fA-F]{31,33}\\.th_[0-9A-Z]{26}\\.?",
        ) {
            // Even under our own signature, only the one spelling counts.
            let links = reader("k");
            let seal = |payload: &[u8]| links.0.signer.seal(payload).unwrap();
            prop_assert_eq!(links.read(&seal(&bytes)), None);
            if let Some(link) = links.read(&seal(near.as_bytes())) {
                prop_assert_eq!(link.payload(), near);
            }
        }

        #[test]
        fn one_changed_character_is_no_token(at in any::<prop::sample::Index>(), to in "[-_.0-9A-Za-z]") {
            let links = reader("k");
            let text = token(&links);
            let at = at.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(links.read(&changed).is_some(), changed == text);
        }

        #[test]
        fn what_is_made_is_read(prefix in "[a-zA-Z]{1,20}", ulid in "[0-9A-HJKMNP-TV-Z]{26}") {
            let links = reader("k");
            let thread = ThreadId::parse(format!("{prefix}_{ulid}")).unwrap();
            let made = links.make(&thread, Some("h")).unwrap();
            let link = links.read(made.url.strip_prefix("http://h/r/").unwrap()).unwrap();
            prop_assert_eq!(link.thread, thread);
        }

        #[test]
        fn any_host_header_is_a_host_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = axum::http::HeaderValue::from_bytes(&bytes) {
                headers.insert(HOST, value);
            }
            if let Some(host) = host_of(&headers, &Uri::from_static("/")) {
                let url = url::Url::parse(&format!("http://{host}/r/x")).unwrap();
                prop_assert_eq!(url.path(), "/r/x");
                prop_assert!(url.username().is_empty());
            }
        }
    }
}
