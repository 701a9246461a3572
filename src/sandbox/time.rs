//! Instants are milliseconds since 1970 inside, ISO 8601 in UTC with milliseconds outside.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// `2026-05-04T09:12:03.410Z`.
pub fn iso(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{at:.3}")
}

/// Milliseconds of an ISO 8601 instant, or nothing when it is not one.
pub fn parse(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|at| at.as_millisecond())
}

#[cfg(test)]
mod tests {
    #[test]
    fn instants_survive_the_round_trip() {
        assert_eq!(super::iso(1_777_885_923_410), "2026-05-04T09:12:03.410Z");
        assert_eq!(super::iso(1_777_885_923_000), "2026-05-04T09:12:03.000Z");
        assert_eq!(super::parse("2026-05-04T09:12:03.410Z"), Some(1_777_885_923_410));
        assert_eq!(super::parse("yesterday"), None);
    }
}
