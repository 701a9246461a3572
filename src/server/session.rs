//! Who a visitor is: a signed cookie that grants the threads this browser opened. Nothing is stored on the server.
//!
//! The cookie holds a random session id, thread ids and when it was signed; no name, no address. It is signed, not
//! encrypted: whoever holds it learns nothing that the pages do not show, and nobody can add a grant to it.
//!
//! It is signed anew on a page view once it is a few days old or another secret than the first signed it. So a visitor
//! who comes back now and then stays known, and a rotated secret can go once every cookie in use was signed anew.

use super::{clock::Clock, config::Secret, signed::Signer};
use crate::domain::ids::ThreadId;
use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// More than this, and the oldest grant drops: the cookie stays near 1.5 KB, browsers take 4 KB.
const MAX_GRANTS: usize = 32;
/// A cookie value longer than this is not ours.
const MAX_COOKIE: usize = 4096;
/// Half a year.
const MAX_AGE_SECONDS: i64 = 182 * 86_400;
/// A cookie that is older than this is signed anew.
const RENEW_SECONDS: i64 = 3 * 86_400;
/// How far the clocks of two instances may be apart.
const SKEW_SECONDS: i64 = 300;
const CONTEXT: &[u8] = b"hotline session v1\0";

/// A visitor's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Random; names the session in limits and logs.
    #[serde(rename = "s")]
    pub id: String,
    /// The threads it may see, newest last.
    #[serde(rename = "g")]
    grants: Vec<ThreadId>,
}

/// What a cookie carries.
#[derive(Serialize, Deserialize)]
struct Carried {
    #[serde(flatten)]
    session: Session,
    /// When it was signed, in seconds since 1970. Cookies of the first days do not say.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    issued: Option<i64>,
}

impl Session {
    /// A session without any thread yet.
    pub fn new() -> Self {
        Self { id: random_key(), grants: Vec::new() }
    }

    /// Whether it may see this thread.
    pub fn holds(&self, thread: &ThreadId) -> bool {
        self.grants.contains(thread)
    }

    /// Lets it see this thread.
    pub fn grant(&mut self, thread: ThreadId) {
        self.grants.retain(|t| *t != thread);
        self.grants.push(thread);
        if self.grants.len() > MAX_GRANTS {
            self.grants.remove(0);
        }
    }

    /// The threads it may see, newest last.
    pub fn grants(&self) -> &[ThreadId] {
        &self.grants
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

/// 32 hexadecimal digits from the system's random source: session ids, submission ids, client message ids.
pub fn random_key() -> String {
    let mut bytes = [0u8; 16];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Systems that run this server always have one; a predictable key would let visitors collide.
        tracing::error!(%error, "the system gives no random bytes");
        std::process::abort();
    }
    hex::encode(bytes)
}

/// Signs and verifies cookies.
#[derive(Debug, Clone)]
pub struct Sessions {
    signer: Signer,
    https: bool,
    clock: Arc<dyn Clock>,
}

impl Sessions {
    /// The first secret signs, all verify. Under https the cookie is `Secure` and carries the `__Host-` prefix.
    pub fn new(secrets: Vec<Secret>, https: bool, clock: Arc<dyn Clock>) -> Self {
        Self { signer: Signer::new(secrets, CONTEXT, MAX_COOKIE), https, clock }
    }

    fn cookie_name(&self) -> &'static str {
        if self.https { "__Host-hotline" } else { "hotline" }
    }

    fn now(&self) -> i64 {
        self.clock.now_ms().div_euclid(1000)
    }

    /// The session that a request's cookie proves. Anything forged, damaged, foreign or out of its time counts as
    /// none.
    pub fn read(&self, headers: &HeaderMap) -> Option<Session> {
        self.find(headers).map(|(session, _)| session)
    }

    /// The cookie signed anew, if it is time for that; see [`Sessions::write`].
    pub fn renew(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let (session, due) = self.find(headers)?;
        due.then(|| self.write(&session)).flatten()
    }

    /// The session, and whether its cookie should be signed anew.
    fn find(&self, headers: &HeaderMap) -> Option<(Session, bool)> {
        let name = self.cookie_name();
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name)
            .find_map(|(_, value)| self.verify(value))
    }

    fn verify(&self, value: &str) -> Option<(Session, bool)> {
        let opened = self.signer.open(value)?;
        let carried: Carried = serde_json::from_slice(&opened.payload).ok()?;
        let fresh = match carried.issued.map(|issued| self.now().saturating_sub(issued)) {
            Some(age) if !(-SKEW_SECONDS..=MAX_AGE_SECONDS).contains(&age) => return None,
            Some(age) => age <= RENEW_SECONDS,
            None => false,
        };
        Some((carried.session, !(fresh && opened.newest_secret)))
    }

    /// The `Set-Cookie` value for a session, signed now.
    pub fn write(&self, session: &Session) -> Option<HeaderValue> {
        let carried = Carried { session: session.clone(), issued: Some(self.now()) };
        let value = self.signer.seal(&serde_json::to_vec(&carried).ok()?)?;
        let secure = if self.https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!(
            "{}={value}; Path=/; Max-Age={MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax{secure}",
            self.cookie_name(),
        ))
        .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock::FixedClock;
    use proptest::prelude::*;

    const NOW: i64 = 1_777_885_924;

    fn thread(n: u32) -> ThreadId {
        ThreadId::parse(format!("th_{n:026}")).unwrap()
    }

    fn cookie(set_cookie: &HeaderValue) -> &str {
        let pair = set_cookie.to_str().unwrap().split(';').next().unwrap();
        pair.split_once('=').unwrap().1
    }

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, format!("a=b; hotline={value}; c=d").parse().unwrap());
        headers
    }

    fn sessions_at(secrets: &[&str], https: bool, now: i64) -> Sessions {
        let secrets = secrets.iter().map(|s| Secret::new(*s)).collect();
        Sessions::new(secrets, https, Arc::new(FixedClock::at(now * 1000)))
    }

    fn sessions(secrets: &[&str], https: bool) -> Sessions {
        sessions_at(secrets, https, NOW)
    }

    fn one(n: u32) -> Session {
        let mut session = Session::new();
        session.grant(thread(n));
        session
    }

    #[test]
    fn round_trip() {
        let (all, session) = (sessions(&["k"], false), one(1));
        let written = all.write(&session).unwrap();
        assert!(written.to_str().unwrap().contains("HttpOnly; SameSite=Lax"));
        assert_eq!(all.read(&headers(cookie(&written))), Some(session));
        assert_eq!(all.renew(&headers(cookie(&written))), None);
    }

    #[test]
    fn a_secret_can_be_changed_without_losing_anybody() {
        let session = one(1);
        let old = sessions(&["old"], false).write(&session).unwrap();
        let both = sessions(&["new", "old"], false);
        assert_eq!(both.read(&headers(cookie(&old))), Some(session.clone()));
        // Seen once while both were there, the visitor is known when the old one is gone.
        let renewed = both.renew(&headers(cookie(&old))).unwrap();
        let new = sessions(&["new"], false);
        assert_eq!(new.read(&headers(cookie(&renewed))), Some(session));
        assert_eq!(both.renew(&headers(cookie(&renewed))), None);
        assert_eq!(new.read(&headers(cookie(&old))), None);
        assert_eq!(new.renew(&headers(cookie(&old))), None);
    }

    #[test]
    fn its_time_is_ours_to_keep() {
        let session = one(1);
        let written = sessions(&["k"], false).write(&session).unwrap();
        let headers = headers(cookie(&written));
        let after = |seconds: i64| {
            let all = sessions_at(&["k"], false, NOW + seconds);
            (all.read(&headers).is_some(), all.renew(&headers).is_some())
        };
        assert_eq!(after(RENEW_SECONDS), (true, false));
        assert_eq!(after(RENEW_SECONDS + 1), (true, true));
        assert_eq!(after(MAX_AGE_SECONDS), (true, true));
        assert_eq!(after(MAX_AGE_SECONDS + 1), (false, false));
        // Signed in our future: by a clock that was wrong, or not by us.
        assert_eq!(after(-SKEW_SECONDS), (true, false));
        assert_eq!(after(-SKEW_SECONDS - 1), (false, false));
        // Renewed, it lives on from then.
        let later = sessions_at(&["k"], false, NOW + MAX_AGE_SECONDS);
        let renewed = later.renew(&headers).unwrap();
        let later = sessions_at(&["k"], false, NOW + 2 * MAX_AGE_SECONDS);
        assert_eq!(later.read(&self::headers(cookie(&renewed))), Some(session));
    }

    #[test]
    fn cookies_from_before_they_told_their_time_still_count() {
        let all = sessions(&["k"], false);
        let session = one(3);
        let value = all.signer.seal(&serde_json::to_vec(&session).unwrap()).unwrap();
        assert_eq!(all.read(&headers(&value)), Some(session.clone()));
        let renewed = all.renew(&headers(&value)).unwrap();
        assert_eq!(all.read(&headers(cookie(&renewed))), Some(session));
    }

    #[test]
    fn nobody_is_named_in_it() {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let session = one(3);
        let written = sessions(&["k"], false).write(&session).unwrap();
        let payload = cookie(&written).split('.').next().unwrap();
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        let (id, thread) = (&session.id, thread(3));
        assert_eq!(text, format!(r#"{{"s":"{id}","g":["{thread}"],"t":{NOW}}}"#));
    }

    #[test]
    fn https_cookies_are_host_bound() {
        let all = sessions(&["k"], true);
        let written = all.write(&one(1)).unwrap();
        let text = written.to_str().unwrap();
        assert!(text.starts_with("__Host-hotline=") && text.ends_with("; Secure"), "{text}");
        assert!(text.contains("; Path=/;") && !text.contains("Domain"), "{text}");
        // One that a page without https or a neighbouring host could have set does not count.
        assert_eq!(all.read(&headers(cookie(&written))), None);
    }

    #[test]
    fn the_oldest_grant_drops() {
        let mut session = Session::new();
        for n in 0..40 {
            session.grant(thread(n));
        }
        assert_eq!(session.grants().len(), MAX_GRANTS);
        assert!(!session.holds(&thread(7)) && session.holds(&thread(8)));
        assert!(session.holds(&thread(39)));
        // Granted again, a thread is the newest, and no second one.
        session.grant(thread(8));
        session.grant(thread(40));
        assert!(session.holds(&thread(8)) && !session.holds(&thread(9)));
        assert_eq!(session.grants().len(), MAX_GRANTS);
        let cookie = sessions(&["k"], true).write(&session).unwrap();
        assert!(cookie.len() < 2500, "{}", cookie.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_session_comes_back(grants in prop::collection::vec(0u32..99, 0..50)) {
            let all = sessions(&["k"], false);
            let mut session = Session::new();
            grants.into_iter().for_each(|n| session.grant(thread(n)));
            let written = all.write(&session).unwrap();
            prop_assert_eq!(all.read(&headers(cookie(&written))), Some(session));
        }

        #[test]
        fn any_other_bytes_are_nobody(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let all = sessions(&["k"], false);
            let mut whole = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                whole.insert(COOKIE, value);
            }
            if let Ok(value) = HeaderValue::from_bytes(&[b"hotline=", &bytes[..]].concat()) {
                whole.append(COOKIE, value);
            }
            prop_assert_eq!(all.read(&whole), None);
            prop_assert_eq!(all.renew(&whole), None);
        }

        #[test]
        fn any_signed_nonsense_is_nobody(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            // Even under our own signature: a payload of another shape is refused, not trusted.
            let all = sessions(&["k"], false);
            let value = all.signer.seal(&payload).unwrap();
            prop_assert_eq!(all.read(&headers(&value)), None);
        }

        #[test]
        fn one_changed_character_is_nobody(at in any::<prop::sample::Index>(), to in "[-_.0-9A-Za-z]") {
            let all = sessions(&["k"], false);
            let written = all.write(&one(7)).unwrap();
            let value = cookie(&written).to_owned();
            let at = at.index(value.len());
            let mut changed = value.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(all.read(&headers(&changed)).is_some(), changed == value);
        }
    }
}
