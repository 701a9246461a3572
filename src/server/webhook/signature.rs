//! `Plain-Request-Signature`: hex HMAC-SHA256 of the raw request body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// The header's official name. Names of headers are case-insensitive.
pub const HEADER: &str = "plain-request-signature";
/// The name in older texts, accepted where the official one is absent.
pub const OLD_HEADER: &str = "x-plain-signature";

/// A signing secret, ready to verify with. Never shows itself.
#[derive(Clone)]
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// None for an empty text: everybody could sign with it.
    pub fn new(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return None;
        }
        // HMAC takes keys of any length.
        Hmac::new_from_slice(text.as_bytes()).ok().map(Self)
    }

    /// The signature of a body, as it stands in the header.
    pub fn sign(&self, body: &[u8]) -> String {
        hex::encode(self.0.clone().chain_update(body).finalize().into_bytes())
    }

    /// Compares in constant time.
    fn verifies(&self, body: &[u8], signature: &Signature) -> bool {
        self.0.clone().chain_update(body).verify_slice(&signature.0).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A signature that at least has the shape of one.
#[derive(Debug, Clone, Copy)]
pub struct Signature([u8; 32]);

/// Whether a request brings one, whatever it is worth.
pub fn is_in(headers: &axum::http::HeaderMap) -> bool {
    headers.contains_key(HEADER) || headers.contains_key(OLD_HEADER)
}

impl Signature {
    /// From the header's text: 64 hexadecimal digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// The place of the secret that made the signature. All are tried, so time does not tell which it was.
pub fn verify(secrets: &[Secret], body: &[u8], signature: &Signature) -> Option<usize> {
    secrets.iter().enumerate().fold(None, |found, (place, secret)| {
        let verifies = secret.verifies(body, signature);
        found.or(verifies.then_some(place))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &[u8] = br#"{"id":"pEv_01K6M2ABCDEFGHJKMNPQRSTVWX","type":"thread.chat_sent"}"#;
    const SIGNATURE: &str = "f336f44b56f4a5ad2bba7e0f309886ce8bbf41eaeb7292b8a18aa23ee738c556";

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    #[test]
    fn a_known_signature() {
        let secrets = [secret("sandbox-signing-secret")];
        assert_eq!(secrets[0].sign(BODY), SIGNATURE);
        let signature = Signature::parse(SIGNATURE.as_bytes()).unwrap();
        assert_eq!(verify(&secrets, BODY, &signature), Some(0));
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let secrets = [secret("sandbox-signing-secret")];
        let signature = Signature::parse(SIGNATURE.as_bytes()).unwrap();
        for index in 0..BODY.len() {
            let mut body = BODY.to_vec();
            body[index] ^= 1;
            assert_eq!(verify(&secrets, &body, &signature), None, "body byte {index}");
        }
        for index in 0..32 {
            let mut flipped = signature;
            flipped.0[index] ^= 0x80;
            assert_eq!(verify(&secrets, BODY, &flipped), None, "signature byte {index}");
        }
    }

    #[test]
    fn each_of_several_secrets_verifies() {
        let secrets = [secret("new"), secret("old")];
        for (place, secret) in secrets.iter().enumerate() {
            let signature = Signature::parse(secret.sign(BODY).as_bytes()).unwrap();
            assert_eq!(verify(&secrets, BODY, &signature), Some(place));
        }
        let foreign = Signature::parse(secret("other").sign(BODY).as_bytes()).unwrap();
        assert_eq!(verify(&secrets, BODY, &foreign), None);
        assert_eq!(verify(&[], BODY, &foreign), None, "without a secret nothing verifies");
    }

    /// What the header says, judged as the intake does.
    fn judged(secrets: &[Secret], body: &[u8], header: &[u8]) -> Option<usize> {
        Signature::parse(header).and_then(|signature| verify(secrets, body, &signature))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        /// The right signature verifies, in either case; nothing near it does.
        #[test]
        fn only_the_signature_of_this_body_by_this_secret(
            text in "[ -~]{0,40}[!-~]",
            body in prop::collection::vec(any::<u8>(), 0..300),
            place in any::<prop::sample::Index>(),
            other in 1u8..,
            more in prop::collection::vec(any::<u8>(), 1..20),
        ) {
            let secrets = [secret(&text)];
            let right = secrets[0].sign(&body);
            prop_assert_eq!(judged(&secrets, &body, right.as_bytes()), Some(0));
            prop_assert_eq!(judged(&secrets, &body, right.to_uppercase().as_bytes()), Some(0));

            // Another byte, more bytes, fewer bytes of the body.
            if !body.is_empty() {
                let mut changed = body.clone();
                changed[place.index(body.len())] ^= other;
                prop_assert_eq!(judged(&secrets, &changed, right.as_bytes()), None);
                prop_assert_eq!(judged(&secrets, &body[1..], right.as_bytes()), None);
                prop_assert_eq!(judged(&secrets, &body[..body.len() - 1], right.as_bytes()), None);
            }
            prop_assert_eq!(judged(&secrets, &[&body[..], &more].concat(), right.as_bytes()), None);
            let before = [&more[..], &body].concat();
            prop_assert_eq!(judged(&secrets, &before, right.as_bytes()), None);

            // Another byte, more bytes, fewer bytes of the signature. (A letter in the other case is the same digit.)
            let mut changed = right.clone().into_bytes();
            let at = place.index(changed.len());
            changed[at] ^= other;
            if !changed[at].eq_ignore_ascii_case(&right.as_bytes()[at]) {
                prop_assert_eq!(judged(&secrets, &body, &changed), None);
            }
            for wrong in [
                [right.as_bytes(), &more].concat(),
                [&more[..], right.as_bytes()].concat(),
                right.as_bytes()[..place.index(64)].to_vec(),
                right.as_bytes()[1 + place.index(63)..].to_vec(),
                more.clone(),
            ] {
                prop_assert_eq!(judged(&secrets, &body, &wrong), None);
            }

            // Another secret, and one that only looks the same.
            for near in [format!("{text}x"), format!(" {text}"), text.chars().rev().chain(['.']).collect()] {
                prop_assert_eq!(judged(&[secret(&near)], &body, right.as_bytes()), None);
            }
        }
    }

    #[test]
    fn shapes() {
        assert!(Signature::parse(SIGNATURE.to_uppercase().as_bytes()).is_some());
        for bad in ["", "f3", &SIGNATURE[..62], &format!("{SIGNATURE}00"), &"zz".repeat(32)] {
            assert!(Signature::parse(bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(Secret::new("").is_none());
        assert!(Secret::new(" \n").is_none());
        assert_eq!(format!("{:?}", secret("hunter2")), "Secret(…)");
    }
}
