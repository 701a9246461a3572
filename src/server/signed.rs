//! Short texts that we give away and get back: cookies and resume links. Signed, not encrypted.
//!
//! `payload.signature`, both base64url without padding. A text has exactly one spelling: whatever is changed, added or
//! spelt in another way is no longer ours.

use super::config::Secret;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs and verifies texts of one kind. The first secret signs, all verify, so that a secret can be changed without
/// losing anything that the old one signed.
#[derive(Debug, Clone)]
pub struct Signer {
    secrets: Vec<Secret>,
    /// What the signature covers besides the payload, so that no signed text of another kind can pass for this one.
    context: &'static [u8],
    /// A longer text is not ours; nothing is computed for it.
    max_length: usize,
}

/// What a genuine text held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The payload.
    pub payload: Vec<u8>,
    /// Whether the first secret signed it, the one that signs today.
    pub newest_secret: bool,
}

impl Signer {
    /// A signer for texts of at most `max_length` characters.
    pub fn new(secrets: Vec<Secret>, context: &'static [u8], max_length: usize) -> Self {
        Self { secrets, context, max_length }
    }

    /// Signs; none without a secret.
    pub fn seal(&self, payload: &[u8]) -> Option<String> {
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let signature = self.mac(self.secrets.first()?, &payload).finalize().into_bytes();
        Some(format!("{payload}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The payload of a text that one of our secrets signed. Compares in constant time.
    pub fn open(&self, text: &str) -> Option<Opened> {
        if text.len() > self.max_length {
            return None;
        }
        let (payload, signature) = text.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let signed_by = |secret| self.mac(secret, payload).verify_slice(&signature).is_ok();
        let index = self.secrets.iter().position(signed_by)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        Some(Opened { payload, newest_secret: index == 0 })
    }

    /// A short signature, for a text that has no room for more; none without a secret. Sixteen hexadecimal digits: enough for
    /// what is worth nothing to whoever would guess it.
    pub fn mark(&self, text: &str) -> Option<String> {
        let mac = self.mac(self.secrets.first()?, text).finalize().into_bytes();
        Some(hex::encode(&mac[..8]))
    }

    /// Whether one of our secrets made this mark for this text. Compares in constant time.
    pub fn is_marked(&self, text: &str, mark: &str) -> bool {
        let Ok(mark) = hex::decode(mark) else { return false };
        let by = |secret| self.mac(secret, text).verify_truncated_left(&mark).is_ok();
        mark.len() == 8 && self.secrets.iter().any(by)
    }

    fn mac(&self, secret: &Secret, payload: &str) -> Hmac<Sha256> {
        // HMAC takes keys of any length; `new_from_slice` has no other failure.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose().as_bytes())
            .unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&Default::default()));
        mac.update(self.context);
        mac.update(payload.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn signer(secrets: &[&str], context: &'static [u8]) -> Signer {
        Signer::new(secrets.iter().map(|s| Secret::new(*s)).collect(), context, 4096)
    }

    #[test]
    fn kinds_and_secrets_are_told_apart() {
        let text = signer(&["old"], b"a\0").seal(b"payload").unwrap();
        let opened = signer(&["new", "old"], b"a\0").open(&text).unwrap();
        assert_eq!(opened, Opened { payload: b"payload".to_vec(), newest_secret: false });
        assert!(signer(&["old"], b"a\0").open(&text).unwrap().newest_secret);
        assert_eq!(signer(&["new"], b"a\0").open(&text), None);
        assert_eq!(signer(&["old"], b"b\0").open(&text), None);
        assert_eq!(signer(&[], b"a\0").open(&text), None);
        assert_eq!(signer(&[], b"a\0").seal(b"payload"), None);
    }

    #[test]
    fn long_texts_are_not_ours() {
        let short = Signer { max_length: 60, ..signer(&["k"], b"a\0") };
        let text = short.seal(&[b'x'; 12]).unwrap();
        assert_eq!(text.len(), 60);
        assert!(short.open(&text).is_some());
        let text = short.seal(&[b'x'; 13]).unwrap();
        assert!(short.open(&text).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn what_is_sealed_opens(payload in prop::collection::vec(any::<u8>(), 0..300)) {
            let s = signer(&["k"], b"a\0");
            prop_assert_eq!(s.open(&s.seal(&payload).unwrap()).unwrap().payload, payload);
        }

        #[test]
        fn nothing_else_opens(text in ".{0,300}", near in "[-_0-9A-Za-z]{0,120}\\.[-_0-9A-Za-z]{43}") {
            let s = signer(&["k", "l"], b"a\0");
            prop_assert_eq!(s.open(&text), None);
            prop_assert_eq!(s.open(&near), None);
        }

        #[test]
        fn one_changed_character_is_one_too_many(
            payload in prop::collection::vec(any::<u8>(), 0..90),
            at in any::<prop::sample::Index>(),
            to in "[-_.=0-9A-Za-z ]",
        ) {
            let s = signer(&["k"], b"a\0");
            let text = s.seal(&payload).unwrap();
            let at = at.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assert_eq!(s.open(&changed).is_some(), changed == text);
            // Nor may one be missing or added.
            let mut shorter = text.clone();
            shorter.remove(at);
            prop_assert_eq!(s.open(&shorter), None);
            let mut longer = text;
            longer.insert_str(at, &to);
            prop_assert_eq!(s.open(&longer), None);
        }
    }
}
