//! Slack's `mrkdwn`: `*bold*`, `_italic_`, `~struck~`, code, quotes, pictures by their
//! names (`:tada:`), and what Slack itself puts between `<` and `>`.

use super::{link, writer::Writer};
use crate::server::emoji;

const FENCE: &str = "```";

pub fn write(source: &str, to: &mut Writer) {
    let mut rest = source;
    while let Some((before, code, after)) = block(rest) {
        // The block begins and ends lines by itself.
        lines(before.strip_suffix('\n').unwrap_or(before), to);
        if !before.is_empty() {
            to.gap();
        }
        to.open("pre");
        to.open("code");
        to.text(&readable(code.strip_prefix('\n').unwrap_or(code).trim_end_matches('\n')));
        to.close();
        to.close();
        rest = after.strip_prefix('\n').unwrap_or(after);
        if !rest.is_empty() {
            to.gap();
        }
    }
    lines(rest, to);
}

/// What stands before the first fenced block, in it and after it.
fn block(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(FENCE)?;
    let (code, after) = rest.split_once(FENCE)?;
    Some((before, code, after))
}

fn lines(text: &str, to: &mut Writer) {
    let mut quoted = false;
    for (index, line) in text.split('\n').enumerate() {
        if to.is_full() {
            return;
        }
        let quote = line.strip_prefix("&gt;").or_else(|| line.strip_prefix('>'));
        match (index, quoted, quote.is_some()) {
            (0, ..) => {}
            // A quote begins and ends lines by itself.
            (_, was, is) if was != is => to.gap(),
            _ => to.text("\n"),
        }
        if quoted && quote.is_none() {
            to.close();
        } else if !quoted && quote.is_some() {
            to.open("blockquote");
        }
        quoted = quote.is_some();
        spans(quote.map_or(line, |quote| quote.strip_prefix(' ').unwrap_or(quote)), to);
    }
    if quoted {
        to.close();
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Bold,
    Italic,
    Struck,
}

impl Mark {
    fn of(sign: u8) -> Option<Self> {
        Some(match sign {
            b'*' => Self::Bold,
            b'_' => Self::Italic,
            b'~' => Self::Struck,
            _ => return None,
        })
    }

    fn sign(self) -> char {
        match self {
            Self::Bold => '*',
            Self::Italic => '_',
            Self::Struck => '~',
        }
    }

    fn tag(self) -> &'static str {
        match self {
            Self::Bold => "strong",
            Self::Italic => "em",
            Self::Struck => "del",
        }
    }
}

enum Piece {
    Words(String),
    Code(String),
    Link {
        target: String,
        label: String,
    },
    /// An opening sign is only words until its twin is found.
    Sign(Mark),
    Open(Mark),
    Close,
}

/// One line.
fn spans(line: &str, to: &mut Writer) {
    let mut buffer = String::new();
    for piece in pieces(line) {
        match piece {
            Piece::Words(words) => {
                buffer.push_str(&words);
                continue;
            }
            Piece::Sign(mark) => {
                buffer.push(mark.sign());
                continue;
            }
            _ => to.words(&std::mem::take(&mut buffer)),
        }
        match piece {
            Piece::Open(mark) => to.open(mark.tag()),
            Piece::Close => to.close(),
            Piece::Code(code) => {
                to.open("code");
                to.text(&code);
                to.close();
            }
            Piece::Link { target, label } => {
                to.open_link(Some(target));
                to.text(&label);
                to.close();
            }
            Piece::Words(_) | Piece::Sign(_) => {}
        }
    }
    to.words(&buffer);
}

fn pieces(line: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    // Signs that wait for their twin, at most one of each kind: where they stand among the pieces.
    let mut waiting: Vec<(Mark, usize)> = Vec::new();
    let mut at = 0;
    while let Some(next) =
        line[at..].find(['*', '_', '~', '`', '<', '&', ':']).map(|next| at + next)
    {
        if next > at {
            pieces.push(Piece::Words(line[at..next].into()));
        }
        let rest = &line[next + 1..];
        at = next + 1;
        match line.as_bytes()[next] {
            b'`' => match rest.find('`') {
                Some(length) if length > 0 => {
                    pieces.push(Piece::Code(readable(&rest[..length])));
                    at += length + 1;
                }
                _ => pieces.push(Piece::Words("`".into())),
            },
            b'<' => {
                let end = rest.find(['<', '>']).filter(|end| rest.as_bytes()[*end] == b'>');
                match end.and_then(|end| Some((sequence(&rest[..end])?, end))) {
                    Some((piece, end)) => {
                        pieces.push(piece);
                        at += end + 1;
                    }
                    None => pieces.push(Piece::Words("<".into())),
                }
            }
            b':' => {
                let word = line[..next].chars().next_back().is_some_and(char::is_alphanumeric);
                match picture(rest).filter(|_| !word) {
                    Some((picture, length)) => {
                        pieces.push(Piece::Words(picture.into()));
                        at += length;
                    }
                    None => pieces.push(Piece::Words(":".into())),
                }
            }
            b'&' => {
                let (sign, length) = entity(rest).unwrap_or(('&', 0));
                pieces.push(Piece::Words(sign.into()));
                at += length;
            }
            sign => {
                let Some(mark) = Mark::of(sign) else { continue };
                let before = line[..next].chars().next_back();
                let after = rest.chars().next();
                let twin = waiting.iter().position(|(waits, _)| *waits == mark);
                let inner = |c: char| !c.is_whitespace() && c != mark.sign();
                let outer = |c: char| !c.is_alphanumeric() && c != mark.sign();
                match twin {
                    Some(twin) if before.is_some_and(inner) && after.is_none_or(outer) => {
                        pieces[waiting[twin].1] = Piece::Open(mark);
                        // What was opened in between and not closed stays words.
                        waiting.truncate(twin);
                        pieces.push(Piece::Close);
                    }
                    None if before.is_none_or(outer) && after.is_some_and(inner) => {
                        waiting.push((mark, pieces.len()));
                        pieces.push(Piece::Sign(mark));
                    }
                    _ => pieces.push(Piece::Sign(mark)),
                }
            }
        }
    }
    pieces.push(Piece::Words(line[at..].into()));
    pieces
}

/// What Slack put between `<` and `>`. None for what is none of its: that is shown as it stands.
fn sequence(inner: &str) -> Option<Piece> {
    let (what, label) = match inner.split_once('|') {
        Some((what, label)) => (what, Some(decoded(label)).filter(|label| !label.is_empty())),
        None => (inner, None),
    };
    let id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let named = |sign: char, nobody: &str| {
        let name = label.as_deref().unwrap_or(nobody);
        Some(Piece::Words(if name.starts_with(sign) {
            name.into()
        } else {
            format!("{sign}{name}")
        }))
    };
    if let Some(user) = what.strip_prefix('@') {
        return id(user).then(|| named('@', "someone"))?;
    }
    if let Some(channel) = what.strip_prefix('#') {
        return id(channel).then(|| named('#', "channel"))?;
    }
    if let Some(command) = what.strip_prefix('!') {
        return match command.split_once('^').map_or(command, |(name, _)| name) {
            name @ ("here" | "channel" | "everyone") => Some(Piece::Words(format!("@{name}"))),
            "subteam" => named('@', "team"),
            "date" => label.map(Piece::Words),
            _ => None,
        };
    }
    let address = decoded(what);
    if let Some(number) = address.strip_prefix("tel:") {
        return Some(Piece::Words(label.unwrap_or_else(|| number.into())));
    }
    let target = link::target(&address)?;
    let label = label.unwrap_or_else(|| address.trim_start_matches("mailto:").into());
    Some(Piece::Link { target, label })
}

/// The picture whose name stands before the next colon, perhaps with a tone of skin behind it, and how long all that is.
fn picture(after_colon: &str) -> Option<(&'static str, usize)> {
    let (name, rest) = after_colon.split_once(':')?;
    let tone = rest.strip_prefix(":skin-tone-").and_then(|rest| rest.split_once(':'));
    if let Some((tone, _)) = tone.filter(|(tone, _)| tone.len() == 1)
        && let Some(picture) = emoji::picture(&format!("{name}::skin-tone-{tone}"))
    {
        return Some((picture, name.len() + 1 + ":skin-tone-".len() + tone.len() + 1));
    }
    Some((emoji::picture(name)?, name.len() + 1))
}

/// Slack escapes three signs and no more.
fn entity(after_ampersand: &str) -> Option<(char, usize)> {
    [("amp;", '&'), ("lt;", '<'), ("gt;", '>')]
        .into_iter()
        .find(|(name, _)| after_ampersand.starts_with(name))
        .map(|(name, sign)| (sign, name.len()))
}

fn decoded(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (sign, length) = entity(after).unwrap_or(('&', 0));
        plain.push(sign);
        rest = &after[length..];
    }
    plain + rest
}

/// Code has neither marks nor links, but entities and Slack's sequences.
fn readable(code: &str) -> String {
    let mut plain = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(&decoded(before));
        let end = after.find(['<', '>']).filter(|end| after.as_bytes()[*end] == b'>');
        match end.and_then(|end| Some((sequence(&after[..end])?, end))) {
            Some((Piece::Words(words) | Piece::Link { label: words, .. }, end)) => {
                plain.push_str(&words);
                rest = &after[end + 1..];
            }
            _ => {
                plain.push('<');
                rest = after;
            }
        }
    }
    plain + &decoded(rest)
}
