//! The visitor's time zone: what the tab told us by a cookie, or UTC.

use super::hours::visitor_zone;
use crate::{app::WallClock, domain::time::At};
use axum::http::HeaderMap;
use jiff::{Timestamp, tz::TimeZone};
use std::sync::Arc;

/// The zone of whoever asks. A name that is none counts as none.
pub fn of(headers: &HeaderMap) -> TimeZone {
    visitor_zone(headers).unwrap_or(TimeZone::UTC)
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

/// For the pages of whoever asks.
pub fn wall_clock(headers: &HeaderMap) -> WallClock {
    let told = visitor_zone(headers);
    let name = if told.is_some() { "" } else { "UTC" };
    let zone = told.unwrap_or(TimeZone::UTC);
    let show = move |at: &At| match at.as_str().parse::<Timestamp>() {
        Ok(moment) => {
            let ahead = i64::from(zone.to_offset(moment).seconds());
            At::from_millis(moment.as_millisecond() + ahead * 1000)
        }
        Err(_) => at.clone(),
    };
    let now = At::from_millis(Timestamp::now().as_millisecond());
    WallClock { show: Arc::new(show), zone: name, now }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::COOKIE;

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
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(minute(&at, &TimeZone::UTC), "2026-05-04 09:12");
        assert_eq!(minute(&at, &berlin), "2026-05-04 11:12");
        let headers = HeaderMap::from_iter([(COOKIE, "hotline_tz=Asia/Kolkata".parse().unwrap())]);
        let wall = wall_clock(&headers);
        assert_eq!(((wall.show)(&at).hour_minute(), wall.zone), ("14:42", ""));
        let wall = wall_clock(&HeaderMap::new());
        assert_eq!(((wall.show)(&at).hour_minute(), wall.zone), ("09:12", "UTC"));
    }
}
