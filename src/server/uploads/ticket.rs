//! Tickets: what an upload answers, and what a reply shows to carry the file.

use crate::{
    domain::ids::{AttachmentId, ThreadId},
    server::{clock::Clock, config::Secret, signed::Signer},
};
use std::sync::Arc;

/// Plain deletes what no message carries after a day.
const LIFE_SECONDS: i64 = 86_400;
const MAX_TICKET: usize = 512;
const CONTEXT: &[u8] = b"hotline upload v1\0";

/// Writes and reads tickets. They are signed, so every instance with the same secret knows them.
#[derive(Debug, Clone)]
pub struct Tickets {
    signer: Signer,
    clock: Arc<dyn Clock>,
}

impl Tickets {
    /// The first secret signs, all verify.
    pub fn new(secrets: Vec<Secret>, clock: Arc<dyn Clock>) -> Self {
        Self { signer: Signer::new(secrets, CONTEXT, MAX_TICKET), clock }
    }

    fn now(&self) -> i64 {
        self.clock.now_ms().div_euclid(1000)
    }

    /// A ticket for a file of this many bytes, good for this session and thread (whose customer it was uploaded for).
    pub fn write(
        &self,
        session: &str,
        thread: &ThreadId,
        file: &AttachmentId,
        bytes: u64,
    ) -> Option<String> {
        let until = self.now() + LIFE_SECONDS;
        self.signer.seal(format!("{session} {thread} {file} {bytes} {until}").as_bytes())
    }

    /// The file of a ticket, and its size; none for whatever is not this session's and thread's, or too old.
    pub fn read(
        &self,
        ticket: &str,
        session: &str,
        thread: &ThreadId,
    ) -> Option<(AttachmentId, u64)> {
        let payload = String::from_utf8(self.signer.open(ticket)?.payload).ok()?;
        let mut parts = payload.split(' ');
        let mut next = || parts.next();
        let (whose, of, file) = (next()?, next()?, next()?);
        let (bytes, until) = (next()?.parse().ok()?, next()?.parse::<i64>().ok()?);
        let good = whose == session && of == thread.as_str() && self.now() < until;
        good.then(|| Some((AttachmentId::parse(file).ok()?, bytes)))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock::FixedClock;

    #[test]
    fn a_ticket_is_its_sessions_and_threads_for_a_day() {
        let clock = Arc::new(FixedClock::at(1_700_000_000_000));
        let tickets = |secret: &str| Tickets::new(vec![Secret::new(secret)], clock.clone());
        let thread = |n| ThreadId::parse(format!("th_0000000000000000000000000{n}")).unwrap();
        let file = AttachmentId::parse("att_00000000000000000000000001").unwrap();
        let one = tickets("a-long-secret");
        let ticket = one.write("dana", &thread(1), &file, 7).unwrap();
        assert!(ticket.len() < MAX_TICKET / 2, "{}", ticket.len());
        let two = tickets("a-long-secret");
        assert_eq!(two.read(&ticket, "dana", &thread(1)), Some((file.clone(), 7)));
        assert_eq!(two.read(&ticket, "eve", &thread(1)), None);
        assert_eq!(two.read(&ticket, "dana", &thread(2)), None);
        assert_eq!(tickets("another-secret").read(&ticket, "dana", &thread(1)), None);
        assert_eq!(two.read(file.as_str(), "dana", &thread(1)), None, "an id alone is nothing");
        clock.advance(86_399_000);
        assert!(two.read(&ticket, "dana", &thread(1)).is_some());
        clock.advance(1000);
        assert_eq!(two.read(&ticket, "dana", &thread(1)), None);
    }
}
