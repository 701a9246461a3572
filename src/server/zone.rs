//! The visitor's time zone: what the tab told us by a cookie, or UTC.

use crate::domain::time::At;
use axum::http::{HeaderMap, header::COOKIE};
use jiff::{Timestamp, tz::TimeZone};

/// The cookie with a name of the time zone database, `Europe/Berlin`.
pub const COOKIE_NAME: &str = "hotline_tz";

/// No name in the database is longer.
const LONGEST: usize = 48;

/// The zone of whoever asks. A name that is none counts as none.
pub fn of(headers: &HeaderMap) -> TimeZone {
    let names = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == COOKIE_NAME);
    // Browsers' own encoding of the slash.
    let mut names = names.map(|(_, name)| name.replace("%2F", "/").replace("%2f", "/"));
    names.find_map(|name| named(&name)).unwrap_or(TimeZone::UTC)
}

fn named(name: &str) -> Option<TimeZone> {
    let fine = |b: u8| b.is_ascii_alphanumeric() || b"/_+-".contains(&b);
    if name.len() > LONGEST || !name.bytes().all(fine) {
        return None;
    }
    TimeZone::get(name).ok()
}

/// The zone's name, as people write it.
pub fn name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("UTC")
}

/// `2026-05-04 11:12`: the one spelling that every language reads, in a zone.
pub fn minute(at: &At, zone: &TimeZone) -> String {
    match at.as_str().parse::<Timestamp>() {
        Ok(moment) => moment.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => at.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(cookie: &str) -> String {
        let headers = HeaderMap::from_iter([(COOKIE, cookie.parse().unwrap())]);
        name(&of(&headers)).to_owned()
    }

    #[test]
    fn only_zones_that_exist() {
        for (cookie, zone) in [
            ("hotline_tz=Europe/Berlin", "Europe/Berlin"),
            ("a=b; hotline_tz=America%2FArgentina%2FSalta; c=d", "America/Argentina/Salta"),
            ("hotline_tz=Etc/GMT+3", "Etc/GMT+3"),
            ("hotline_tz=", "UTC"),
            ("hotline_tz=Mars/Olympus", "UTC"),
            ("hotline_tz=../../etc/passwd", "UTC"),
            ("hotline_tz=/etc/localtime", "UTC"),
            ("hotline_tz=<b>", "UTC"),
            ("xhotline_tz=Europe/Berlin", "UTC"),
            ("", "UTC"),
        ] {
            assert_eq!(told(cookie), zone, "{cookie}");
        }
        assert_eq!(told(&format!("hotline_tz={}", "Europe/".repeat(20))), "UTC");
    }

    #[test]
    fn times_are_the_visitors() {
        let at = At::from_millis(1_777_885_924_000);
        let berlin = named("Europe/Berlin").unwrap();
        assert_eq!(minute(&at, &TimeZone::UTC), "2026-05-04 09:12");
        assert_eq!(minute(&at, &berlin), "2026-05-04 11:12");
    }
}
