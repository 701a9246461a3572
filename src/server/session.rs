//! Who a visitor is: a signed cookie that grants the threads this browser opened. Nothing is stored on the server.
//!
//! The cookie holds a random session id and thread ids; no name, no address. It is signed, not encrypted: whoever
//! holds it learns nothing that the pages do not show, and nobody can add a grant to it.

use super::config::Secret;
use crate::domain::ids::ThreadId;
use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// More than this, and the oldest grant drops: the cookie stays near 1.5 KB, browsers take 4 KB.
const MAX_GRANTS: usize = 32;
/// A cookie value longer than this is not ours.
const MAX_COOKIE: usize = 4096;
/// Half a year.
const MAX_AGE_SECONDS: u32 = 182 * 86_400;
/// What the signature covers besides the payload, so that no other signed text of ours can pass for a cookie.
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
    secrets: Vec<Secret>,
    https: bool,
}

impl Sessions {
    /// The first secret signs, all verify. Under https the cookie is `Secure` and carries the `__Host-` prefix.
    pub fn new(secrets: Vec<Secret>, https: bool) -> Self {
        Self { secrets, https }
    }

    fn cookie_name(&self) -> &'static str {
        if self.https { "__Host-hotline" } else { "hotline" }
    }

    /// The session that a request's cookie proves. Anything forged, damaged or foreign counts as none.
    pub fn read(&self, headers: &HeaderMap) -> Option<Session> {
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

    fn verify(&self, value: &str) -> Option<Session> {
        if value.len() > MAX_COOKIE {
            return None;
        }
        let (payload, signature) = value.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let genuine = self
            .secrets
            .iter()
            .any(|secret| self.mac(secret, payload).verify_slice(&signature).is_ok());
        if !genuine {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// The `Set-Cookie` value for a session.
    pub fn write(&self, session: &Session) -> Option<HeaderValue> {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(session).ok()?);
        let signature = self.mac(self.secrets.first()?, &payload).finalize().into_bytes();
        let secure = if self.https { "; Secure" } else { "" };
        HeaderValue::from_str(&format!(
            "{}={payload}.{}; Path=/; Max-Age={MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax{secure}",
            self.cookie_name(),
            URL_SAFE_NO_PAD.encode(signature),
        ))
        .ok()
    }

    fn mac(&self, secret: &Secret, payload: &str) -> Hmac<Sha256> {
        // HMAC takes keys of any length; `new_from_slice` has no other failure.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose().as_bytes())
            .unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&Default::default()));
        mac.update(CONTEXT);
        mac.update(payload.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(n: u32) -> ThreadId {
        ThreadId::parse(format!("th_{n:026}")).unwrap()
    }

    fn headers(set_cookie: &HeaderValue) -> HeaderMap {
        let pair = set_cookie.to_str().unwrap().split(';').next().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, format!("a=b; {pair}; c=d").parse().unwrap());
        headers
    }

    fn sessions(secrets: &[&str], https: bool) -> Sessions {
        Sessions::new(secrets.iter().map(|s| Secret::new(*s)).collect(), https)
    }

    #[test]
    fn round_trip_and_rotation() {
        let mut session = Session::new();
        session.grant(thread(1));
        let old = sessions(&["old"], false);
        let cookie = old.write(&session).unwrap();
        assert!(cookie.to_str().unwrap().contains("HttpOnly; SameSite=Lax"));
        assert_eq!(old.read(&headers(&cookie)), Some(session.clone()));
        assert_eq!(sessions(&["new", "old"], false).read(&headers(&cookie)), Some(session));
        assert_eq!(sessions(&["new"], false).read(&headers(&cookie)), None);
    }

    #[test]
    fn https_cookies_are_host_bound() {
        let text = sessions(&["k"], true).write(&Session::new()).unwrap();
        let text = text.to_str().unwrap();
        assert!(text.starts_with("__Host-hotline=") && text.ends_with("; Secure"), "{text}");
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let all = sessions(&["k"], false);
        let mut session = Session::new();
        session.grant(thread(7));
        let cookie = all.write(&session).unwrap();
        let value = cookie
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .split_once('=')
            .unwrap()
            .1
            .to_string();
        assert!(all.verify(&value).is_some());
        for at in 0..value.len() {
            let mut bytes = value.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(bytes).unwrap();
            // The last character of a base64 group may carry unused bits; the decoder refuses those too.
            assert!(all.verify(&forged).is_none(), "position {at}");
        }
        for junk in ["", ".", "a.b", "….…", &"x".repeat(5000)] {
            assert!(all.verify(junk).is_none());
        }
    }

    #[test]
    fn the_oldest_grant_drops() {
        let mut session = Session::new();
        for n in 0..40 {
            session.grant(thread(n));
        }
        assert_eq!(session.grants().len(), MAX_GRANTS);
        assert!(!session.holds(&thread(0)) && session.holds(&thread(39)));
        let cookie = sessions(&["k"], true).write(&session).unwrap();
        assert!(cookie.len() < 2500, "{}", cookie.len());
    }
}
