//! Who sent requests that could not be verified, and how many: bounded memory, and a bounded answer to guessing.
//!
//! Only failures are counted, so Plain itself is never held up, whoever else shares its address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

const MINUTE: i64 = 60_000;

/// Failures by address, in windows of a minute.
#[derive(Debug)]
pub struct Strangers {
    per_minute: u32,
    tracked: usize,
    windows: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: i64,
    failures: u32,
}

impl Window {
    fn is_over(&self, now: i64) -> bool {
        !(0..MINUTE).contains(&now.saturating_sub(self.began))
    }
}

impl Strangers {
    /// So many failures a minute and address, for so many addresses at most.
    pub fn new(per_minute: u32, tracked: usize) -> Self {
        Self { per_minute, tracked, windows: Mutex::default() }
    }

    /// In how many seconds an address may fail again; none if it may now.
    pub fn limited(&self, address: IpAddr, now: i64) -> Option<u64> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get(&key(address)).filter(|window| !window.is_over(now))?;
        if window.failures < self.per_minute {
            return None;
        }
        let left = window.began.saturating_add(MINUTE).saturating_sub(now);
        Some(left.unsigned_abs().div_ceil(1000).max(1))
    }

    /// Counts a failure.
    pub fn failed(&self, address: IpAddr, now: i64) {
        let address = key(address);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= self.tracked && !windows.contains_key(&address) {
            windows.retain(|_, window| !window.is_over(now));
            if windows.len() >= self.tracked {
                let oldest = windows.iter().min_by_key(|(_, window)| window.began);
                let Some(oldest) = oldest.map(|(address, _)| *address) else { return };
                windows.remove(&oldest);
            }
        }
        let window = windows.entry(address).or_insert(Window { began: now, failures: 0 });
        if window.is_over(now) {
            *window = Window { began: now, failures: 0 };
        }
        window.failures = window.failures.saturating_add(1);
    }
}

/// One customer of a provider has a /64 of addresses; an IPv4 address may come dressed as IPv6.
fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn ten_a_minute() {
        let strangers = Strangers::new(10, 500);
        for _ in 0..10 {
            assert_eq!(strangers.limited(v4(1), 1_000), None);
            strangers.failed(v4(1), 1_000);
        }
        assert_eq!(strangers.limited(v4(1), 1_000), Some(60));
        assert_eq!(strangers.limited(v4(1), 60_999), Some(1));
        assert_eq!(strangers.limited(v4(1), 61_000), None);
        assert_eq!(strangers.limited(v4(2), 1_000), None, "others are not held");
        strangers.failed(v4(1), 61_000);
        assert_eq!(strangers.limited(v4(1), 61_000), None, "a new window");
    }

    #[test]
    fn memory_is_bounded() {
        let strangers = Strangers::new(1, 500);
        for n in 0..5_000 {
            strangers.failed(v4(n), i64::from(n));
        }
        assert_eq!(strangers.windows.lock().unwrap().len(), 500);
        assert!(strangers.limited(v4(4_999), 5_000).is_some(), "the newest are known");
    }

    #[test]
    fn a_network_is_one_stranger() {
        let strangers = Strangers::new(1, 500);
        strangers.failed("2001:db8:1:2::1".parse().unwrap(), 0);
        assert!(strangers.limited("2001:db8:1:2:ffff::9".parse().unwrap(), 0).is_some());
        assert!(strangers.limited("2001:db8:1:3::1".parse().unwrap(), 0).is_none());
        strangers.failed("::ffff:10.0.0.1".parse().unwrap(), 0);
        assert!(strangers.limited("10.0.0.1".parse().unwrap(), 0).is_some());
    }
}
