//! Which language a visitor gets: the one chosen by the switch, else the best of those that the browser asks for, else
//! the first of this installation.

use crate::language::{ALL, Locale, tag};
use axum::http::{HeaderMap, header};
use leptos_i18n::{Locale as _, reexports::icu::locid::LanguageIdentifier};
use std::str::FromStr;

/// The cookie of the switch.
pub const COOKIE: &str = "hotline_lang";

/// More wishes than anybody has.
const MOST_WISHES: usize = 32;

/// The languages of this installation, at least one; the first is the one without another wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Languages(Vec<Locale>);

impl Default for Languages {
    fn default() -> Self {
        Self(ALL.to_vec())
    }
}

impl FromStr for Languages {
    type Err = String;

    /// From `de,en`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut chosen = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let known: Vec<_> = ALL.map(tag).into();
            let locale = ALL.into_iter().find(|locale| tag(*locale) == word);
            let locale =
                locale.ok_or_else(|| format!("`{word}` is none of {}", known.join(", ")))?;
            if !chosen.contains(&locale) {
                chosen.push(locale);
            }
        }
        if chosen.is_empty() { Err("names no language".into()) } else { Ok(Self(chosen)) }
    }
}

impl Languages {
    /// All of them.
    pub fn all(&self) -> &[Locale] {
        &self.0
    }

    /// The one of this tag.
    pub fn find(&self, wanted: &str) -> Option<Locale> {
        self.0.iter().copied().find(|locale| tag(*locale) == wanted)
    }

    /// The language of the answer to a request with these headers.
    pub fn of(&self, headers: &HeaderMap) -> Locale {
        cookie(headers, COOKIE)
            .and_then(|wanted| self.find(wanted))
            .or_else(|| self.accepted(headers))
            .unwrap_or(self.0[0])
    }

    /// The best of `Accept-Language`.
    fn accepted(&self, headers: &HeaderMap) -> Option<Locale> {
        let mut wishes: Vec<(u16, LanguageIdentifier)> = headers
            .get_all(header::ACCEPT_LANGUAGE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .take(MOST_WISHES)
            .filter_map(wish)
            .collect();
        // Stable: of equal weights the first one counts.
        wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        wishes
            .iter()
            .flat_map(|(_, wanted)| Locale::find_matchs(wanted))
            .find(|locale| self.0.contains(locale))
    }
}

/// `de-AT;q=0.8` as its weight in thousandths and its language; none for what is not wanted or not readable.
fn wish(text: &str) -> Option<(u16, LanguageIdentifier)> {
    let (range, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let weight: f32 = weight.trim().strip_prefix("q=")?.trim().parse().ok()?;
    let weight = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
    // Extensions (`ar-EG-u-nu-arab`) choose no catalogue.
    let wanted = LanguageIdentifier::try_from_locale_bytes(range.trim().as_bytes()).ok()?;
    (weight > 0).then_some((weight, wanted))
}

/// The value of a cookie that is not signed: a wish of the visitor, checked where it is used.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(languages: &str, headers: &[(header::HeaderName, &str)]) -> Locale {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        languages.parse::<Languages>().unwrap().of(&headers.collect())
    }

    fn asked(accepted: &str) -> Locale {
        of("en,de,fr,es,ja,ar", &[(header::ACCEPT_LANGUAGE, accepted)])
    }

    #[test]
    fn the_best_wish_that_we_speak() {
        for (accepted, wanted) in [
            ("de", Locale::de),
            ("de-AT, en;q=0.5", Locale::de),
            ("en;q=0.5,fr-CA;q=0.8", Locale::fr),
            ("zh-Hant-TW, pt-BR, ja;q=0.1", Locale::ja),
            ("ar-EG-u-nu-arab", Locale::ar),
            ("ar-EG;q=0.9", Locale::ar),
            ("DE-de", Locale::de),
            ("de;q=0, es", Locale::es),
            ("pt", Locale::en),
            ("*", Locale::en),
            ("", Locale::en),
            (";;q=,=,de;q=x", Locale::en),
            ("fr;q=9", Locale::fr),
            ("de;q=0.8,fr;q=0.8", Locale::de),
        ] {
            assert_eq!(asked(accepted), wanted, "{accepted}");
        }
    }

    #[test]
    fn the_switch_counts_more() {
        let asked = (header::ACCEPT_LANGUAGE, "de");
        for (cookie, wanted) in [
            ("hotline_lang=fr", Locale::fr),
            ("a=b; hotline_lang=ar; c=d", Locale::ar),
            ("hotline_lang=xx", Locale::de),
            ("hotline_langs=fr", Locale::de),
            ("xhotline_lang=fr", Locale::de),
        ] {
            let both = [asked.clone(), (header::COOKIE, cookie)];
            assert_eq!(of("en,de,fr,ar", &both), wanted, "{cookie}");
        }
        // Not a language of this installation.
        assert_eq!(of("en,de", &[asked, (header::COOKIE, "hotline_lang=fr")]), Locale::de);
    }

    #[test]
    fn an_installation_speaks_what_it_was_told() {
        let asked = [(header::ACCEPT_LANGUAGE, "de,ja;q=0.5")];
        assert_eq!(of("fr, ja", &asked), Locale::ja);
        assert_eq!(of("fr", &asked), Locale::fr);
        assert!("".parse::<Languages>().is_err());
        assert!("en,klingon".parse::<Languages>().unwrap_err().contains("klingon"));
    }
}
