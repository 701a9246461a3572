//! How often something may be done, as operators write it: `10/10m`.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// So many at once, refilled evenly over a period: `10/10m` lets ten through and then one a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: NonZeroU32,
    /// How long all of them take to come back.
    pub period: Duration,
}

/// The text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a count and a period such as `10/10m` (from 1/1s to 1000000/24h; s, m or h)")]
pub struct NoRate;

const MAX_BURST: u32 = 1_000_000;
const MAX_PERIOD: u64 = 24 * 3600;

impl Rate {
    /// A rate that is known to be one.
    pub const fn new(burst: u32, seconds: u64) -> Self {
        let burst = match NonZeroU32::new(burst) {
            Some(burst) => burst,
            None => NonZeroU32::MIN,
        };
        Self { burst, period: Duration::from_secs(seconds) }
    }

    /// The same period for so many times as many.
    pub fn times(self, factor: NonZeroU32) -> Self {
        Self { burst: self.burst.saturating_mul(factor), ..self }
    }

    /// How long one takes to come back.
    pub fn interval(self) -> Duration {
        (self.period / self.burst.get()).max(Duration::from_nanos(1))
    }
}

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (burst, period) = text.trim().split_once('/').ok_or(NoRate)?;
        let burst: u32 = digits(burst)?;
        let unit = match period.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            _ => return Err(NoRate),
        };
        // `/m` is `/1m`.
        let count: u64 = match &period[..period.len() - 1] {
            "" => 1,
            count => digits(count)?,
        };
        let seconds = count.checked_mul(unit).ok_or(NoRate)?;
        if !(1..=MAX_BURST).contains(&burst) || !(1..=MAX_PERIOD).contains(&seconds) {
            return Err(NoRate);
        }
        Ok(Self::new(burst, seconds))
    }
}

/// A number without sign or blanks, which Rust's own parser would let pass.
fn digits<T: FromStr>(text: &str) -> Result<T, NoRate> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NoRate);
    }
    text.parse().map_err(|_| NoRate)
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.period.as_secs();
        match seconds {
            s if s % 3600 == 0 => write!(f, "{}/{}h", self.burst, s / 3600),
            s if s % 60 == 0 => write!(f, "{}/{}m", self.burst, s / 60),
            s => write!(f, "{}/{s}s", self.burst),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_operators_write() {
        assert_eq!("10/10m".parse(), Ok(Rate::new(10, 600)));
        assert_eq!(" 3/90s ".parse(), Ok(Rate::new(3, 90)));
        assert_eq!("1000000/24h".parse(), Ok(Rate::new(1_000_000, 86_400)));
        assert_eq!("5/m".parse(), Ok(Rate::new(5, 60)));
        assert_eq!(Rate::new(10, 600).interval(), Duration::from_secs(60));
        assert_eq!(Rate::new(10, 600).times(NonZeroU32::new(5).unwrap()).interval().as_secs(), 12);
        for wrong in [
            "",
            "/",
            "10",
            "10/",
            "/m",
            "0/1m",
            "10/0s",
            "10/25h",
            "1000001/1m",
            "-1/1m",
            "+1/1m",
            "1 0/1m",
            "10/ 1m",
            "10/1d",
            "10/1",
            "10/1ms",
            "1.5/1m",
            "10/1m/1m",
            "１0/1m",
            "10/１m",
            "99999999999999999999/1m",
            "1/99999999999999999999h",
            "10/µ",
        ] {
            assert_eq!(wrong.parse::<Rate>(), Err(NoRate), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(burst in 1u32..=MAX_BURST, seconds in 1u64..=MAX_PERIOD) {
            let rate = Rate::new(burst, seconds);
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_makes_it_panic_and_none_gets_out_of_bounds(text in any::<String>()) {
            if let Ok(rate) = text.parse::<Rate>() {
                prop_assert!(rate.burst.get() <= MAX_BURST && rate.interval() > Duration::ZERO);
            }
        }

        #[test]
        fn near_misses_neither(text in "[0-9]{0,8}/?[0-9]{0,24}[smhd]?") {
            if let Ok(rate) = text.parse::<Rate>() {
                prop_assert!((1..=MAX_PERIOD).contains(&rate.period.as_secs()));
            }
        }
    }
}
