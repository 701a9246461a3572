//! From the names that Slack gives its pictures to the pictures.

use crate::domain::message::Reaction;
use emojis::{Emoji, SkinTone};
use std::{collections::HashMap, sync::LazyLock};

/// Kinds of reaction under one message; what comes after them is not shown.
const MOST: usize = 24;
/// The longest name that is shown as it is; Slack's own limit is 100.
const LONGEST: usize = 40;

/// The pictures by their official names, written as Slack writes them (`rolling_on_the_floor_laughing`): it uses those
/// where it does not use the names that everybody has.
static OFFICIAL: LazyLock<HashMap<String, &'static Emoji>> = LazyLock::new(|| {
    let name = |emoji: &Emoji| {
        let mut words = String::new();
        for c in emoji.name().chars() {
            match c {
                c if c.is_alphanumeric() => words.extend(c.to_lowercase()),
                _ if words.ends_with('_') => {}
                _ => words.push('_'),
            }
        }
        words
    };
    emojis::iter().map(|emoji| (name(emoji), emoji)).collect()
});

/// The picture of a name without its colons; `wave::skin-tone-3` is one too. None for a name of the workspace's own, or one
/// of tomorrow.
pub fn picture(name: &str) -> Option<&'static str> {
    let (name, tone) = match name.split_once("::") {
        None => (name, None),
        Some((name, tone)) => (name, Some(skin_tone(tone)?)),
    };
    let emoji = named(name)?;
    let toned = tone.and_then(|tone| emoji.with_skin_tone(tone));
    Some(toned.unwrap_or(emoji).as_str())
}

fn named(name: &str) -> Option<&'static Emoji> {
    let name = match name {
        "simple_smile" => "slightly_smiling_face",
        "hugging_face" => "hugs",
        name => name,
    };
    if let Some(country) = name.strip_prefix("flag-") {
        let letter = |b: u8| char::from_u32(0x1F1E6 + u32::from(b.wrapping_sub(b'a')));
        return emojis::get(&country.bytes().map(letter).collect::<Option<String>>()?);
    }
    emojis::get_by_shortcode(name)
        .or_else(|| emojis::get_by_shortcode(&name.replace('-', "_")))
        .or_else(|| OFFICIAL.get(name).copied())
}

fn skin_tone(name: &str) -> Option<SkinTone> {
    Some(match name.strip_prefix("skin-tone-")? {
        "2" => SkinTone::Light,
        "3" => SkinTone::MediumLight,
        "4" => SkinTone::Medium,
        "5" => SkinTone::MediumDark,
        "6" => SkinTone::Dark,
        _ => return None,
    })
}

/// Reactions as they are shown: names that mean the same picture together, in the order in which they were given.
pub fn reactions<'a>(given: impl Iterator<Item = (&'a str, usize)>) -> Vec<Reaction> {
    let mut shown: Vec<Reaction> = Vec::new();
    for (name, count) in given {
        let name = name.trim_matches(':');
        let Some(emoji) = picture(name).map(Into::into).or_else(|| unknown(name)) else { continue };
        let count = u32::try_from(count).unwrap_or(u32::MAX).max(1);
        match shown.iter().position(|reaction| reaction.emoji == emoji) {
            Some(same) => shown[same].count = shown[same].count.saturating_add(count),
            None if shown.len() < MOST => shown.push(Reaction { emoji, count }),
            None => {}
        }
    }
    shown
}

/// A name that has no picture, as people in Slack type it; none for what is no name.
fn unknown(name: &str) -> Option<String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '\'');
    let fine = !name.is_empty() && name.chars().count() <= LONGEST && name.chars().all(fits);
    fine.then(|| format!(":{name}:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_pictures() {
        for (name, shown) in [
            ("tada", "🎉"),
            ("+1", "👍"),
            ("thumbsup", "👍"),
            ("eyes", "👀"),
            ("white_check_mark", "✅"),
            ("heart", "❤️"),
            ("simple_smile", "🙂"),
            ("hugging_face", "🤗"),
            ("rolling_on_the_floor_laughing", "🤣"),
            ("face_with_rolling_eyes", "🙄"),
            ("+1::skin-tone-4", "👍🏽"),
            ("wave::skin-tone-6", "👋🏿"),
            // It has no skin.
            ("tada::skin-tone-2", "🎉"),
            ("flag-de", "🇩🇪"),
        ] {
            assert_eq!(picture(name), Some(shown), "{name}");
        }
        for name in [
            "",
            "our-own-parrot",
            "tada ",
            "flag-",
            "flag-zzz",
            "flag-ü",
            "+1::skin-tone-9",
            "+1::",
            "::",
            "<b>",
        ] {
            assert_eq!(picture(name), None, "{name}");
        }
    }

    #[test]
    fn reactions_are_counted_by_what_they_look_like() {
        let given = [("+1", 2), ("our-parrot", 1), ("thumbsup", 1), ("<b>", 3), ("eyes", 0)];
        let shown = reactions(given.into_iter());
        let shown: Vec<_> = shown.iter().map(|r| (r.emoji.as_str(), r.count)).collect();
        assert_eq!(shown, [("👍", 3), (":our-parrot:", 1), ("👀", 1)]);
        let many: Vec<String> = (0..100).map(|n| format!("own-{n}")).collect();
        assert_eq!(reactions(many.iter().map(|name| (name.as_str(), 1))).len(), MOST);
    }
}
