//! How long a form was open before it was sent: programs are faster than people.
//!
//! The form's `submission_id` carries the moment of its page, signed: `{random}-{milliseconds since 1970, hexadecimal}-{mark}`,
//! 61 characters of a browser's key. A key that was not made here (a tab makes one for the next request, and so may whoever
//! calls the API) tells nothing, and passes.

use super::{clock::Clock, config::Secret, session::random_key, signed::Signer};
use std::{fmt, sync::Arc, time::Duration};

const CONTEXT: &[u8] = b"hotline form v1\0";

/// Makes the keys of forms, and reads their age.
#[derive(Clone)]
pub struct Forms(Arc<Inner>);

struct Inner {
    signer: Signer,
    least: Duration,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forms").field("least", &self.0.least).finish_non_exhaustive()
    }
}

impl Forms {
    /// Whoever sends a form sooner than `least` after its page was made is no person; zero: nobody is suspected.
    pub fn new(secrets: Vec<Secret>, least: Duration, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { signer: Signer::new(secrets, CONTEXT, 64), least, clock }))
    }

    /// A key for a form on a page that is made now.
    pub fn key(&self) -> String {
        let random = random_key();
        if self.0.least.is_zero() {
            return random;
        }
        let moment = format!("{random}-{:x}", self.0.clock.now_ms().max(0));
        match self.0.signer.mark(&moment) {
            Some(mark) => format!("{moment}-{mark}"),
            None => random,
        }
    }

    /// Whether a form with this key was sent sooner than a person could.
    pub fn too_fast(&self, key: &str) -> bool {
        let Some(made) = self.made(key) else { return false };
        let age = self.0.clock.now_ms().saturating_sub(made);
        u128::try_from(age.max(0)).is_ok_and(|age| age < self.0.least.as_millis())
    }

    /// When a key was made, in milliseconds since 1970; none if not here.
    fn made(&self, key: &str) -> Option<i64> {
        let (moment, mark) = key.rsplit_once('-')?;
        let (_, made) = moment.split_once('-')?;
        let made = i64::from_str_radix(made, 16).ok()?;
        self.0.signer.is_marked(moment, mark).then_some(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::ids::SubmissionId, server::clock::FixedClock};

    fn forms(secret: &str, least: u64) -> (Forms, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::at(1_777_885_924_000));
        let secrets = vec![Secret::new(secret)];
        (Forms::new(secrets, Duration::from_millis(least), clock.clone()), clock)
    }

    #[test]
    fn the_age_of_a_form() {
        let (forms, clock) = forms("k", 2000);
        let key = forms.key();
        assert!(SubmissionId::parse(key.as_str()).is_ok(), "{key}");
        assert!(forms.too_fast(&key));
        clock.advance(1999);
        assert!(forms.too_fast(&key));
        clock.advance(1);
        assert!(!forms.too_fast(&key));
        // A clock that was put back makes nobody wait for hours.
        assert_ne!(forms.key(), forms.key());
    }

    #[test]
    fn what_was_not_made_here_passes() {
        let (forms, clock) = self::forms("k", 2000);
        let (others, _) = self::forms("other", 2000);
        let key = forms.key();
        let older = key.replacen(&format!("{:x}", clock.now_ms()), "1", 1);
        assert_ne!(older, key);
        for key in [random_key(), others.key(), older, String::new(), "a-b-c".into(), "--".into()] {
            assert!(!forms.too_fast(&key), "{key}");
        }
    }

    #[test]
    fn switched_off() {
        let (forms, _) = forms("k", 0);
        let key = forms.key();
        assert_eq!(key.len(), 32);
        assert!(!forms.too_fast(&key));
    }
}
