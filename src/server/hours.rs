//! When the team is there, and what a visitor is told of it: "We usually answer within 30 minutes", or "We are back on
//! Monday at 09:00", in the visitor's own time zone. Writing is possible at any time; this only says what to expect.
//!
//! `HOTLINE_HOURS` names days and times in the team's zone (`HOTLINE_TIME_ZONE`), separated by commas:
//! `mon-fri 09:00-17:00, sat 10:00-13:00`. Times that end before they begin go on into the next day (`fri 22:00-06:00`);
//! `24:00` is the end of the day. On `HOTLINE_HOLIDAYS` nobody is there from midnight to midnight.
//!
//! Clocks that are changed: an opening in the hour that is left out begins right after it; in the hour that comes twice,
//! at its first time.

use super::{clock::Clock, language::cookie};
use crate::language::{Locale, say_in};
use axum::http::HeaderMap;
use jiff::{
    Timestamp, ToSpan, Zoned,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// The cookie in which a tab tells its visitor's time zone.
pub const ZONE_COOKIE: &str = "hotline_tz";
/// So far ahead the next opening is looked for, in days.
const HORIZON: i64 = 400;
const MINUTES_A_DAY: u16 = 24 * 60;

/// Times of one day, in minutes after midnight; `to` may lie on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: u16,
    to: u16,
}

/// The team's times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Week {
    /// From Monday on; empty: nothing is told of them.
    days: [Vec<Span>; 7],
}

/// What the operator said of the team's times.
#[derive(Debug, Clone)]
pub struct HoursSettings {
    /// The week; one without any times: the team is always there, or does not say.
    pub week: Week,
    /// The zone that the week is meant in.
    pub zone: TimeZone,
    /// Days on which nobody is there.
    pub holidays: BTreeSet<Date>,
    /// How long an answer usually takes while the team is there, in minutes.
    pub answer_minutes: Option<u32>,
}

impl Default for HoursSettings {
    fn default() -> Self {
        Self {
            week: Week::default(),
            zone: TimeZone::UTC,
            holidays: BTreeSet::new(),
            answer_minutes: None,
        }
    }
}

/// Whether the team is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Team {
    /// It is.
    There,
    /// Not before this moment; none: not in the next year.
    Away(Option<Timestamp>),
}

impl Week {
    /// Reads `mon-fri 09:00-17:00, sat 10:00-13:00`. The error says which part cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut week = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let fault = |why: &str| format!("`{part}` {why}");
            let (days, times) = part
                .split_once(char::is_whitespace)
                .ok_or_else(|| fault("is no day and its times"))?;
            let span =
                span(times.trim()).ok_or_else(|| fault("has no times of the form 09:00-17:00"))?;
            let (first, last) = days.split_once('-').unwrap_or((days, days));
            let day = |name| {
                day(name).ok_or_else(|| fault("names no day of mon, tue, wed, thu, fri, sat, sun"))
            };
            let (mut at, last) = (day(first)?, day(last)?);
            loop {
                week.days[at].push(span);
                if at == last {
                    break;
                }
                at = (at + 1) % 7;
            }
        }
        Ok(week)
    }

    fn is_empty(&self) -> bool {
        self.days.iter().all(Vec::is_empty)
    }
}

fn day(name: &str) -> Option<usize> {
    let name = name.trim().to_ascii_lowercase();
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|day| *day == name)
}

fn span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minutes(from.trim())?, minutes(to.trim())?);
    if from == to || from == MINUTES_A_DAY {
        return None;
    }
    Some(Span { from, to: if to > from { to } else { to + MINUTES_A_DAY } })
}

fn minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !(digits(hours) && digits(minutes)) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let all = hours * 60 + minutes;
    (minutes < 60 && all <= MINUTES_A_DAY).then_some(all)
}

/// Reads `2026-12-25, 2027-01-01`.
pub fn holidays(text: &str) -> Result<BTreeSet<Date>, String> {
    let dates = text.split(',').map(str::trim).filter(|date| !date.is_empty());
    dates
        .map(|date| match date.len() {
            10 => date.parse().map_err(|_| format!("`{date}` is no date")),
            _ => Err(format!("`{date}` is no date of the form 2026-12-25")),
        })
        .collect()
}

/// An IANA zone by its name.
pub fn zone(name: &str) -> Option<TimeZone> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_+-/".contains(&b);
    let sound = (1..=64).contains(&name.len()) && name.bytes().all(fits);
    sound.then(|| TimeZone::get(name).ok()).flatten()
}

impl HoursSettings {
    /// Whether the team is there at a moment.
    pub fn at(&self, now: Timestamp) -> Team {
        if self.week.is_empty() {
            return Team::There;
        }
        let today = now.to_zoned(self.zone.clone()).date();
        let mut next = None;
        // Yesterday's times may go on into today.
        let mut date = today.saturating_sub(1.day());
        for _ in 0..=HORIZON {
            for (from, to) in self.times_of(date) {
                if from <= now && now < to {
                    return Team::There;
                }
                if from > now {
                    next = Some(next.map_or(from, |known: Timestamp| known.min(from)));
                }
            }
            if next.is_some() && date > today {
                break;
            }
            date = date.saturating_add(1.day());
        }
        Team::Away(next)
    }

    /// When the team is there on the times that begin on a day; none on a holiday.
    fn times_of(&self, date: Date) -> Vec<(Timestamp, Timestamp)> {
        if self.holidays.contains(&date) {
            return Vec::new();
        }
        let next = date.saturating_add(1.day());
        let day = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
        let spans = self.week.days[day].iter().map(|span| {
            // A holiday ends what goes on into it.
            let to =
                if self.holidays.contains(&next) { span.to.min(MINUTES_A_DAY) } else { span.to };
            (self.moment(date, span.from), self.moment(date, to))
        });
        let real = |times: (Option<Timestamp>, Option<Timestamp>)| times.0.zip(times.1);
        spans.filter_map(real).filter(|(from, to)| from < to).collect()
    }

    fn moment(&self, date: Date, minutes: u16) -> Option<Timestamp> {
        let days = i64::from(minutes / MINUTES_A_DAY);
        let rest = minutes % MINUTES_A_DAY;
        let (hour, minute) = (i8::try_from(rest / 60).ok()?, i8::try_from(rest % 60).ok()?);
        let date = date.checked_add(days.days()).ok()?;
        let zoned = date.to_datetime(Time::new(hour, minute, 0, 0).ok()?);
        Some(zoned.to_zoned(self.zone.clone()).ok()?.timestamp())
    }

    /// What a visitor is told at a moment; none where there is nothing to tell. Without the visitor's zone the team's is
    /// used, and named.
    pub fn sentence(
        &self,
        now: Timestamp,
        locale: Locale,
        visitor: Option<&TimeZone>,
    ) -> Option<String> {
        match self.at(now) {
            Team::There => {
                let minutes = self.answer_minutes?;
                let time = match minutes {
                    _ if minutes % (24 * 60) == 0 => {
                        say_in!(locale, channel.days, count = minutes / (24 * 60))
                    }
                    _ if minutes % 60 == 0 => say_in!(locale, channel.hours, count = minutes / 60),
                    _ => say_in!(locale, channel.minutes, count = minutes),
                };
                Some(say_in!(locale, channel.answer_within, time = time))
            }
            Team::Away(None) => None,
            Team::Away(Some(back)) => {
                let zone = visitor.unwrap_or(&self.zone);
                let when = when(locale, &now.to_zoned(zone.clone()), &back.to_zoned(zone.clone()));
                Some(match (visitor, zone.iana_name()) {
                    (None, Some(name)) => {
                        say_in!(locale, channel.back_zone, when = when, zone = name.to_owned())
                    }
                    _ => say_in!(locale, channel.back, when = when),
                })
            }
        }
    }
}

/// A moment to come, as people say it.
fn when(locale: Locale, now: &Zoned, then: &Zoned) -> String {
    let time = format!("{:02}:{:02}", then.hour(), then.minute());
    let days = now.date().until(then.date()).map_or(0, |span| i64::from(span.get_days()));
    match days {
        0 => say_in!(locale, channel.today, time = time),
        1 => say_in!(locale, channel.tomorrow, time = time),
        2..7 => say_in!(locale, channel.on_day, day = weekday(locale, then.weekday()), time = time),
        _ => {
            let (day, month) = (then.day().to_string(), month(locale, then.month()));
            let date = say_in!(locale, channel.date, day = day, month = month);
            say_in!(locale, channel.on_date, date = date, time = time)
        }
    }
}

fn weekday(locale: Locale, day: Weekday) -> String {
    match day {
        Weekday::Monday => say_in!(locale, channel.monday),
        Weekday::Tuesday => say_in!(locale, channel.tuesday),
        Weekday::Wednesday => say_in!(locale, channel.wednesday),
        Weekday::Thursday => say_in!(locale, channel.thursday),
        Weekday::Friday => say_in!(locale, channel.friday),
        Weekday::Saturday => say_in!(locale, channel.saturday),
        Weekday::Sunday => say_in!(locale, channel.sunday),
    }
}

fn month(locale: Locale, month: i8) -> String {
    match month {
        1 => say_in!(locale, channel.january),
        2 => say_in!(locale, channel.february),
        3 => say_in!(locale, channel.march),
        4 => say_in!(locale, channel.april),
        5 => say_in!(locale, channel.may),
        6 => say_in!(locale, channel.june),
        7 => say_in!(locale, channel.july),
        8 => say_in!(locale, channel.august),
        9 => say_in!(locale, channel.september),
        10 => say_in!(locale, channel.october),
        11 => say_in!(locale, channel.november),
        _ => say_in!(locale, channel.december),
    }
}

/// The team's times with a clock, for the pages.
#[derive(Clone)]
pub struct Hours(Arc<(HoursSettings, Arc<dyn Clock>)>);

impl fmt::Debug for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hours").field(&self.0.0).finish()
    }
}

impl Hours {
    /// What is told by this clock.
    pub fn new(settings: HoursSettings, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new((settings, clock)))
    }

    /// What the visitor who sent a request with these headers is told now.
    pub fn told(&self, headers: &HeaderMap, locale: Locale) -> Option<String> {
        let (settings, clock) = &*self.0;
        let now = Timestamp::from_millisecond(clock.now_ms()).ok()?;
        settings.sentence(now, locale, visitor_zone(headers).as_ref())
    }
}

/// The zone that the visitor's tab told. Slashes may be written as `%2F`.
pub fn visitor_zone(headers: &HeaderMap) -> Option<TimeZone> {
    let name = cookie(headers, ZONE_COOKIE)?;
    zone(&name.replace("%2F", "/").replace("%2f", "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(week: &str, of: &str, days_off: &str, answer: Option<u32>) -> HoursSettings {
        HoursSettings {
            week: Week::parse(week).unwrap(),
            zone: zone(of).unwrap(),
            holidays: holidays(days_off).unwrap(),
            answer_minutes: answer,
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn back(hours: &HoursSettings, now: &str) -> String {
        match hours.at(at(now)) {
            Team::There => "there".into(),
            Team::Away(None) => "never".into(),
            Team::Away(Some(back)) => back.to_string(),
        }
    }

    #[test]
    fn weeks_are_read() {
        let week = Week::parse("mon-fri 09:00-17:00, sat 10:00-13:00 ,MON 18:00-20:00").unwrap();
        assert_eq!(week.days[0], [Span { from: 540, to: 1020 }, Span { from: 1080, to: 1200 }]);
        assert_eq!(week.days[5], [Span { from: 600, to: 780 }]);
        assert!(week.days[6].is_empty());
        // Over the weekend, over midnight, to its end.
        let week = Week::parse("sat-mon 22:00-06:00, tue 00:00-24:00").unwrap();
        assert_eq!(week.days[6], [Span { from: 1320, to: 1800 }]);
        assert!(week.days[3].is_empty() && week.days[0].len() == 1);
        assert_eq!(week.days[1], [Span { from: 0, to: 1440 }]);
        assert_eq!(Week::parse(" , ").unwrap(), Week::default());
        for bad in [
            "mon",
            "mon 9-17",
            "mon 09:00",
            "mon 09:00-09:00",
            "mon 09:00-24:01",
            "mon 24:00-09:00",
            "monday 09:00-17:00",
            "mon-xyz 09:00-17:00",
            "mon 09:60-17:00",
            "mon 9:00-17:00",
            "mon +9:00-17:00",
        ] {
            assert!(Week::parse(bad).unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn dates_and_zones_are_read() {
        assert_eq!(holidays("2026-12-25, 2027-01-01,").unwrap().len(), 2);
        for bad in ["25.12.2026", "2026-13-01", "2026-02-30", "tomorrow", "2026-12-25T00:00"] {
            assert!(holidays(bad).unwrap_err().contains(bad), "{bad}");
        }
        assert!(zone("Europe/Berlin").is_some() && zone("UTC").is_some());
        for bad in ["", "Nowhere/Here", "../etc/passwd", "Europe/Berlin\n", &"x".repeat(99)] {
            assert!(zone(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn there_and_away() {
        // 2026-11-23 is a Monday; Berlin is an hour ahead of UTC.
        let office = hours("mon-fri 09:00-17:00", "Europe/Berlin", "", None);
        for (now, expected) in [
            ("2026-11-23T07:59:59Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T08:00:00Z", "there"),
            ("2026-11-23T15:59:59Z", "there"),
            ("2026-11-23T16:00:00Z", "2026-11-24T08:00:00Z"),
            ("2026-11-27T16:00:00Z", "2026-11-30T08:00:00Z"),
            ("2026-11-28T12:00:00Z", "2026-11-30T08:00:00Z"),
        ] {
            assert_eq!(back(&office, now), expected, "{now}");
        }
        let split = hours("mon 14:00-16:00, mon 09:00-12:00", "UTC", "", None);
        assert_eq!(back(&split, "2026-11-23T13:00:00Z"), "2026-11-23T14:00:00Z");
        assert_eq!(back(&split, "2026-11-23T08:00:00Z"), "2026-11-23T09:00:00Z");
        assert_eq!(back(&hours("", "UTC", "", None), "2026-11-23T13:00:00Z"), "there");
    }

    #[test]
    fn nights_go_over_midnight() {
        let night = hours("fri 22:00-06:00", "UTC", "", None);
        assert_eq!(back(&night, "2026-11-27T23:00:00Z"), "there");
        assert_eq!(back(&night, "2026-11-28T05:59:59Z"), "there");
        assert_eq!(back(&night, "2026-11-28T06:00:00Z"), "2026-12-04T22:00:00Z");
        // A night into a holiday ends at midnight; one that begins on it is none.
        let night = hours("mon-sun 22:00-06:00", "UTC", "2026-12-25", None);
        assert_eq!(back(&night, "2026-12-24T23:59:59Z"), "there");
        assert_eq!(back(&night, "2026-12-25T00:00:00Z"), "2026-12-26T22:00:00Z");
    }

    #[test]
    fn holidays_are_left_out() {
        let office = hours("mon-fri 09:00-17:00", "UTC", "2026-12-24,2026-12-25,2026-12-28", None);
        assert_eq!(back(&office, "2026-12-24T10:00:00Z"), "2026-12-29T09:00:00Z");
        let mut off = String::new();
        let mut date: Date = "2026-11-01".parse().unwrap();
        for _ in 0..500 {
            off.push_str(&format!("{date},"));
            date = date.tomorrow().unwrap();
        }
        let closed = hours("mon-sun 09:00-17:00", "UTC", &off, None);
        assert_eq!(back(&closed, "2026-11-23T10:00:00Z"), "never");
    }

    #[test]
    fn clocks_that_are_changed() {
        // Berlin, 2026-03-29: 02:00 to 03:00 does not exist. 2026-10-25: it comes twice.
        let office = hours("sun 02:30-12:00", "Europe/Berlin", "", None);
        assert_eq!(back(&office, "2026-03-29T00:00:00Z"), "2026-03-29T01:30:00Z");
        assert_eq!(back(&office, "2026-10-24T23:00:00Z"), "2026-10-25T00:30:00Z");
        // Nine o'clock stays nine o'clock.
        let office = hours("mon-fri 09:00-17:00", "Europe/Berlin", "", None);
        assert_eq!(back(&office, "2026-03-27T20:00:00Z"), "2026-03-30T07:00:00Z");
        assert_eq!(back(&office, "2026-10-23T20:00:00Z"), "2026-10-26T08:00:00Z");
        // What lies wholly in the hour that is left out is no time at all.
        let never = hours("sun 02:00-02:30", "Europe/Berlin", "", None);
        assert_eq!(back(&never, "2026-03-29T01:15:00Z"), "there");
        assert_eq!(back(&never, "2026-03-29T01:45:00Z"), "2026-04-05T00:00:00Z");
    }

    #[test]
    fn sentences_in_the_visitors_zone() {
        let office = hours("mon-fri 09:00-17:00", "Europe/Berlin", "", Some(30));
        let say = |now: &str, locale, visitor: Option<&str>| {
            let visitor = visitor.map(|name| zone(name).unwrap());
            office.sentence(at(now), locale, visitor.as_ref()).unwrap()
        };
        let (open, evening) = ("2026-11-23T10:00:00Z", "2026-11-27T18:00:00Z");
        assert_eq!(say(open, Locale::en, None), "We usually answer within 30 minutes.");
        assert_eq!(
            say(evening, Locale::en, Some("Europe/Berlin")),
            "We are back on Monday at 09:00."
        );
        assert_eq!(
            say(evening, Locale::en, Some("America/New_York")),
            "We are back on Monday at 03:00."
        );
        // Sunday evening there is Monday morning here.
        assert_eq!(
            say(evening, Locale::en, Some("Pacific/Honolulu")),
            "We are back on Sunday at 22:00."
        );
        assert_eq!(
            say(evening, Locale::en, None),
            "We are back on Monday at 09:00 (Europe/Berlin time)."
        );
        let early = "2026-11-23T05:00:00Z";
        assert_eq!(say(early, Locale::en, Some("UTC")), "We are back today at 08:00.");
        let late = "2026-11-23T20:00:00Z";
        assert_eq!(say(late, Locale::en, Some("UTC")), "We are back tomorrow at 08:00.");
        // On the other side of the world that is today.
        assert_eq!(say(late, Locale::en, Some("Asia/Tokyo")), "We are back today at 17:00.");
        assert_eq!(
            say(evening, Locale::de, Some("Europe/Berlin")),
            "Wir sind am Montag um 09:00 Uhr wieder für Sie da."
        );
        assert_eq!(say(open, Locale::de, None), "Wir antworten meist innerhalb von 30 Minuten.");
    }

    #[test]
    fn every_language_says_everything() {
        let mut office = hours("mon-fri 09:00-17:00", "UTC", "", Some(30));
        let visitor = TimeZone::UTC;
        for locale in crate::language::ALL {
            let mut said = BTreeSet::new();
            for minutes in [1, 2, 5, 45, 60, 120, 24 * 60, 48 * 60] {
                office.answer_minutes = Some(minutes);
                said.extend(office.sentence(at("2026-11-23T10:00:00Z"), locale, Some(&visitor)));
            }
            assert_eq!(said.len(), 8, "{locale:?}: {said:?}");
            for (now, visitor) in [
                ("2026-11-23T05:00:00Z", Some(&visitor)),
                ("2026-11-23T18:00:00Z", Some(&visitor)),
                ("2026-11-27T18:00:00Z", Some(&visitor)),
                ("2026-11-27T18:00:00Z", None),
            ] {
                let sentence = office.sentence(at(now), locale, visitor).unwrap();
                assert!(sentence.contains("09:00") && said.insert(sentence), "{locale:?}");
            }
        }
        // Further ahead than a week: the date, with the month's name.
        let mut off: BTreeSet<_> = (24..=30).map(|n| Date::constant(2026, 12, n)).collect();
        off.insert(Date::constant(2026, 12, 31));
        office.holidays = off;
        let said = |locale| office.sentence(at("2026-12-23T20:00:00Z"), locale, Some(&visitor));
        assert_eq!(said(Locale::en).unwrap(), "We are back on 1 January at 09:00.");
        assert_eq!(
            said(Locale::de).unwrap(),
            "Wir sind am 1. Januar um 09:00 Uhr wieder für Sie da."
        );
        assert_eq!(said(Locale::ja).unwrap(), "1月1日09:00に対応を再開します。");
    }

    #[test]
    fn the_visitors_zone_is_a_cookie() {
        let zone = |cookie: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("cookie", cookie.parse().unwrap());
            visitor_zone(&headers).and_then(|zone| zone.iana_name().map(str::to_owned))
        };
        assert_eq!(zone("a=b; hotline_tz=Asia/Tokyo").as_deref(), Some("Asia/Tokyo"));
        assert_eq!(zone("hotline_tz=America%2FNew_York").as_deref(), Some("America/New_York"));
        assert_eq!(zone("hotline_tz=Nowhere"), None);
        assert_eq!(zone("hotline_tz=../../etc/localtime"), None);
    }
}
