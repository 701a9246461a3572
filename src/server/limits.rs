//! How often a visitor may do what costs us or the support desk something.
//!
//! Everything is counted twice: for the session, and for the client's address, which is allowed a multiple because a
//! whole company may share it. Who has no session is counted by the address alone. The session is asked first, so that
//! one visitor who is refused does not use up what the colleagues share; and where the address refuses, the session
//! gets back what it paid.
//!
//! What counts as what:
//!
//! - Every form post, and every read that may reach Plain, is a read: that is what answering it costs us.
//! - Opening a thread and replying count in their own, much smaller buckets as well, but only once they are valid: a
//!   form that was refused for its fields (422) must not eat up the right to send it corrected.
//! - What the desk could not take (503, nothing was sent) is given back: who is told to try again may do so.
//!
//! Webhooks, health, and static files are never counted here.

mod body;
mod network;
mod rate;
mod recent;

pub use body::in_time;
pub use network::Network;
pub use rate::{NoRate, Rate};

use super::session::Session;
use crate::domain::{
    error::{Code, DeskError},
    sentence::{Much, Sentence},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
};
use recent::Recent;
use std::{
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

/// What is counted by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucket {
    /// Threads opened.
    Form,
    /// Replies sent.
    Replies,
    /// Posts, and reads that may reach Plain.
    Reads,
    /// Live streams opened.
    Streams,
    /// Resume links made and exchanged.
    Links,
    /// Attachments fetched.
    Downloads,
    /// Transcripts fetched.
    Transcripts,
    /// Ratings, and threads solved and reopened.
    Marks,
    /// Files sent.
    Uploads,
    /// Signs of typing and reading.
    Signals,
}

impl Bucket {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Form,
        Self::Replies,
        Self::Reads,
        Self::Streams,
        Self::Links,
        Self::Downloads,
        Self::Transcripts,
        Self::Marks,
        Self::Uploads,
        Self::Signals,
    ];

    /// Its name in settings and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Replies => "replies",
            Self::Reads => "reads",
            Self::Streams => "streams",
            Self::Links => "links",
            Self::Downloads => "downloads",
            Self::Transcripts => "transcripts",
            Self::Marks => "marks",
            Self::Uploads => "uploads",
            Self::Signals => "signals",
        }
    }

    /// What is said to whom did too much of it.
    fn sentence(self, shared: bool, seconds: u64) -> Sentence {
        let much = match (self, shared) {
            (Self::Form, false) => Much::Requests,
            (Self::Replies, false) => Much::Messages,
            (_, false) => Much::Asked,
            // There is a text to worry about.
            (Self::Form | Self::Replies, true) => Much::NetworkSends,
            (_, true) => Much::NetworkAsks,
        };
        Sentence::TooOften(much, seconds)
    }
}

/// How much of what a session may do, and how many sessions an address counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// Threads opened.
    pub form: Rate,
    /// Replies sent.
    pub replies: Rate,
    /// Posts, and reads that may reach Plain.
    pub reads: Rate,
    /// Live streams opened.
    pub streams: Rate,
    /// Resume links made and exchanged.
    pub links: Rate,
    /// Attachments fetched.
    pub downloads: Rate,
    /// Transcripts fetched.
    pub transcripts: Rate,
    /// Ratings, and threads solved and reopened.
    pub marks: Rate,
    /// Files sent.
    pub uploads: Rate,
    /// Signs of typing and reading.
    pub signals: Rate,
    /// An address may do so many times as much as a session.
    pub address_factor: NonZeroU32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            form: Rate::new(10, 600),
            replies: Rate::new(30, 60),
            reads: Rate::new(600, 60),
            streams: Rate::new(120, 60),
            links: Rate::new(20, 600),
            downloads: Rate::new(60, 60),
            transcripts: Rate::new(10, 600),
            marks: Rate::new(30, 600),
            uploads: Rate::new(120, 600),
            signals: Rate::new(120, 60),
            address_factor: NonZeroU32::MIN.saturating_add(9),
        }
    }
}

impl LimitSettings {
    fn rate(&self, bucket: Bucket) -> Rate {
        match bucket {
            Bucket::Form => self.form,
            Bucket::Replies => self.replies,
            Bucket::Reads => self.reads,
            Bucket::Streams => self.streams,
            Bucket::Links => self.links,
            Bucket::Downloads => self.downloads,
            Bucket::Transcripts => self.transcripts,
            Bucket::Marks => self.marks,
            Bucket::Uploads => self.uploads,
            Bucket::Signals => self.signals,
        }
    }
}

/// For so many sessions, and so many addresses, each bucket remembers what they did: about a megabyte for both.
const TRACKED: usize = 20_000;

/// The limits of this instance. Clones count together.
#[derive(Debug, Clone)]
pub struct Limits(Option<Arc<Counters>>);

impl Limits {
    /// Limits that hold.
    pub fn new(settings: &LimitSettings) -> Self {
        Self(Some(Arc::new(Counters::new(settings, &MonotonicClock))))
    }

    /// None at all, for benchmarks.
    pub fn off() -> Self {
        Self(None)
    }

    /// Counts one, or refuses with [`Code::RateLimited`], a sentence, and the seconds to wait in `retry_after`.
    pub fn check(
        &self,
        bucket: Bucket,
        session: Option<&Session>,
        address: IpAddr,
    ) -> Result<(), DeskError> {
        let Some(counters) = &self.0 else { return Ok(()) };
        let Err(refusal) = counters.check(bucket, session, address) else { return Ok(()) };
        metrics::counter!("hotline_rate_limited_total", "bucket" => bucket.word()).increment(1);
        tracing::debug!(bucket = bucket.word(), %address, refusal.shared, "Over the limit");
        // A wait of a moment is told as a second.
        let seconds = refusal.wait.as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        let mut error = DeskError::of(Code::RateLimited, bucket.sentence(refusal.shared, seconds));
        error.retry_after = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
        Err(error)
    }

    /// Gives back what the last [`Limits::check`] counted, because nothing came of it.
    pub fn give_back(&self, bucket: Bucket, session: Option<&Session>, address: IpAddr) {
        if let Some(counters) = &self.0 {
            counters.give_back(bucket, session, address);
        }
    }
}

struct Counters<C: Clock = MonotonicClock> {
    buckets: [Pair<C>; Bucket::ALL.len()],
    /// Session ids are counted by a hash whose key nobody outside knows.
    hasher: RandomState,
}

struct Pair<C: Clock> {
    sessions: Keyed<u64, C>,
    addresses: Keyed<Network, C>,
}

/// Too much.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    /// Whether all who share the address wait.
    shared: bool,
    wait: Duration,
}

impl<C: Clock> fmt::Debug for Counters<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tracked = |bucket: &Bucket| {
            let pair = &self.buckets[*bucket as usize];
            (bucket.word(), pair.sessions.recent.len(), pair.addresses.recent.len())
        };
        f.debug_list().entries(Bucket::ALL.iter().map(tracked)).finish()
    }
}

impl<C: Clock + Clone> Counters<C> {
    fn new(settings: &LimitSettings, clock: &C) -> Self {
        let buckets = Bucket::ALL.map(|bucket| {
            let rate = settings.rate(bucket);
            Pair {
                sessions: Keyed::new(rate, clock),
                addresses: Keyed::new(rate.times(settings.address_factor), clock),
            }
        });
        Self { buckets, hasher: RandomState::new() }
    }

    fn check(
        &self,
        bucket: Bucket,
        session: Option<&Session>,
        address: IpAddr,
    ) -> Result<(), Refusal> {
        let pair = &self.buckets[bucket as usize];
        let session = session.map(|session| self.hasher.hash_one(&session.id));
        if let Some(session) = session {
            pair.sessions.take(session).map_err(|wait| Refusal { shared: false, wait })?;
        }
        pair.addresses.take(address.into()).map_err(|wait| {
            session.inspect(|session| pair.sessions.give_back(*session));
            Refusal { shared: true, wait }
        })
    }

    fn give_back(&self, bucket: Bucket, session: Option<&Session>, address: IpAddr) {
        let pair = &self.buckets[bucket as usize];
        if let Some(session) = session {
            pair.sessions.give_back(self.hasher.hash_one(&session.id));
        }
        pair.addresses.give_back(address.into());
    }
}

/// One limiter for many.
struct Keyed<K: Hash + Eq + Copy, C: Clock> {
    limiter: RateLimiter<K, Recent<K>, C, NoOpMiddleware<C::Instant>>,
    recent: Recent<K>,
    interval: Duration,
}

impl<K: Hash + Eq + Copy, C: Clock + Clone> Keyed<K, C> {
    fn new(rate: Rate, clock: &C) -> Self {
        let interval = rate.interval();
        // `with_period` has no other fault than a period of nothing.
        let quota = Quota::with_period(interval)
            .unwrap_or(Quota::per_second(rate.burst))
            .allow_burst(rate.burst);
        let recent = Recent::new(TRACKED);
        Self { limiter: RateLimiter::new(quota, recent.clone(), clock.clone()), recent, interval }
    }

    /// Counts one, or says how long until one more may be.
    fn take(&self, key: K) -> Result<(), Duration> {
        self.limiter
            .check_key(&key)
            .map_err(|not_until| not_until.wait_time_from(self.limiter.clock().now()))
    }

    fn give_back(&self, key: K) {
        self.recent.refund(key, self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{Locale, said};
    use governor::clock::FakeRelativeClock;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn counters(form: &str, factor: u32) -> (Counters<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let settings = LimitSettings {
            form: form.parse().unwrap(),
            address_factor: NonZeroU32::new(factor).unwrap(),
            ..LimitSettings::default()
        };
        (Counters::new(&settings, &clock), clock)
    }

    fn v4(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(n))
    }

    const FORM: Bucket = Bucket::Form;

    #[test]
    fn so_many_at_once_and_then_evenly() {
        let (counters, clock) = counters("10/10m", 5);
        let dana = Session::new();
        for _ in 0..10 {
            assert_eq!(counters.check(FORM, Some(&dana), v4(1)), Ok(()));
        }
        let wait = Duration::from_secs(60);
        assert_eq!(counters.check(FORM, Some(&dana), v4(1)), Err(Refusal { shared: false, wait }));
        clock.advance(Duration::from_secs(59));
        assert!(counters.check(FORM, Some(&dana), v4(1)).is_err());
        clock.advance(Duration::from_secs(1));
        assert_eq!(counters.check(FORM, Some(&dana), v4(1)), Ok(()));
        assert!(counters.check(FORM, Some(&dana), v4(1)).is_err(), "one came back, not ten");
    }

    #[test]
    fn others_and_other_buckets_are_not_held_up() {
        let (counters, _) = counters("1/10m", 5);
        let (dana, eve) = (Session::new(), Session::new());
        assert!(counters.check(FORM, Some(&eve), v4(1)).is_ok());
        for _ in 0..100 {
            assert!(counters.check(FORM, Some(&eve), v4(1)).is_err());
        }
        assert!(counters.check(Bucket::Replies, Some(&eve), v4(1)).is_ok());
        // What is refused to a session costs its address nothing: four are left.
        for _ in 0..4 {
            assert!(counters.check(FORM, Some(&Session::new()), v4(1)).is_ok());
        }
        let refused = counters.check(FORM, Some(&dana), v4(1)).unwrap_err();
        assert!(refused.shared);
        // And what is refused to an address costs the session nothing.
        assert!(counters.check(FORM, Some(&dana), v4(2)).is_ok());
        // The same session somewhere else is the same session.
        assert!(!counters.check(FORM, Some(&dana), v4(3)).unwrap_err().shared);
    }

    #[test]
    fn without_a_session_the_address_counts() {
        let (counters, _) = counters("2/10m", 3);
        let at = |low: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 2, low, 0, 0, 1));
        for n in 0..6 {
            assert!(counters.check(FORM, None, at(n)).is_ok(), "{n}");
        }
        assert!(counters.check(FORM, None, at(7)).unwrap_err().shared);
        assert!(counters.check(FORM, None, "2001:db8:1:3::1".parse().unwrap()).is_ok());
    }

    #[test]
    fn what_came_to_nothing_is_given_back() {
        let (counters, _) = counters("1/10m", 1);
        let dana = Session::new();
        for _ in 0..50 {
            assert!(counters.check(FORM, Some(&dana), v4(1)).is_ok());
            counters.give_back(FORM, Some(&dana), v4(1));
        }
        assert!(counters.check(FORM, Some(&dana), v4(1)).is_ok());
        assert!(counters.check(FORM, Some(&dana), v4(1)).is_err());
    }

    #[test]
    fn a_hundred_thousand_addresses_fit_and_nobody_new_is_refused() {
        let (counters, _) = counters("1/24h", 1);
        for n in 0..100_000 {
            assert!(counters.check(FORM, Some(&Session::new()), v4(n)).is_ok(), "{n}");
        }
        let pair = &counters.buckets[FORM as usize];
        assert!(pair.addresses.recent.len() <= TRACKED && pair.sessions.recent.len() <= TRACKED);
        assert!(counters.check(FORM, None, v4(99_999)).is_err(), "the newest are known");
    }

    #[test]
    fn what_the_visitor_hears() {
        let limits =
            Limits::new(&LimitSettings { form: Rate::new(1, 90), ..LimitSettings::default() });
        let dana = Session::new();
        limits.check(FORM, Some(&dana), v4(1)).unwrap();
        let error = limits.check(FORM, Some(&dana), v4(1)).unwrap_err();
        let error = said(Locale::en, error);
        assert_eq!((error.code, error.retry_after), (Code::RateLimited, Some(90)));
        assert_eq!(
            error.error,
            "You have sent many requests in a short time. Your text is kept; please send it again in 2 minutes."
        );
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!(json, serde_json::json!({"error": error.error, "code": "rate_limited"}));
        assert!(Limits::off().check(FORM, Some(&dana), v4(1)).is_ok());
    }
}
