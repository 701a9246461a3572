//! The request signature: lower-case hexadecimal HMAC-SHA256 of the raw body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of `Plain-Request-Signature`.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_known_vector_holds() {
        let body = br#"{"id":"pEv_01K6M2ABCDEFGHJKMNPQRSTVWX","type":"thread.chat_sent"}"#;
        assert_eq!(
            super::sign("sandbox-signing-secret", body),
            "f336f44b56f4a5ad2bba7e0f309886ce8bbf41eaeb7292b8a18aa23ee738c556"
        );
    }
}
