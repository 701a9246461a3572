//! A moment, in the one spelling that is used everywhere: `2026-05-04T09:12:00.000Z`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// UTC, milliseconds, always 24 characters, so that comparing the text compares the time.
///
/// The server normalises what comes from outside before it builds one; the browser only compares and shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct At(String);

impl At {
    /// From a count of milliseconds since 1970. Years outside 0–9999 are held at that range's ends.
    pub fn from_millis(millis: i64) -> Self {
        let millis = millis.clamp(-62_167_219_200_000, 253_402_300_799_999);
        let (days, ms) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
        // Days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        Self(format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            ms / 3_600_000,
            ms / 60_000 % 60,
            ms / 1000 % 60,
            ms % 1000
        ))
    }

    /// Reads what [`At::as_str`] gave.
    pub fn parse(text: String) -> Option<Self> {
        (text.len() == 24 && text.is_ascii() && text.ends_with('Z')).then_some(Self(text))
    }

    /// The text, as it travels and as `<time datetime>` takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The calendar day in UTC, `2026-05-04`.
    pub fn day(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }

    /// Month (1 to 12) and day in UTC; `(0, 0)` where the text holds none.
    pub fn month_day(&self) -> (usize, usize) {
        let number = |at: std::ops::Range<usize>| self.0.get(at)?.parse().ok();
        number(5..7).zip(number(8..10)).unwrap_or_default()
    }

    /// Hours and minutes in UTC, `09:12`.
    pub fn hour_minute(&self) -> &str {
        self.0.get(11..16).unwrap_or(&self.0)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(At::from_millis(1_695_742_583_690).month_day(), (9, 26));
        assert_eq!(At::from_millis(0).as_str(), "1970-01-01T00:00:00.000Z");
        assert_eq!(At::from_millis(1_695_742_583_690).as_str(), "2023-09-26T15:36:23.690Z");
        assert_eq!(At::from_millis(951_782_400_000).as_str(), "2000-02-29T00:00:00.000Z");
        assert_eq!(At::from_millis(-1).as_str(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn text_order_is_time_order() {
        let mut last = At::from_millis(i64::MIN);
        for step in 0..2000i64 {
            let next = At::from_millis(step * 1_234_567_891);
            assert!(next > last);
            last = next;
        }
    }
}
