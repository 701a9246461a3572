//! The operator's look: an accent colour and a logo, as small files under names that change with their content.

use super::state::AppState;
use axum::{
    extract::{Path, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, fs, path::Path as FilePath, str::FromStr};

/// The largest logo: it is in every page's way.
const MAX_LOGO: u64 = 256 * 1024;

/// What text needs (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

/// A colour, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour([u8; 3]);

const WHITE: Colour = Colour([255; 3]);
const BLACK: Colour = Colour([0; 3]);
/// `--ink` and `--sunken` of the light appearance, `--sunken` and `--surface` of the dark one: see `style/tokens.css`.
const INK: Colour = Colour([0x1d, 0x1a, 0x18]);
const LIGHT_SUNKEN: Colour = Colour([0xf2, 0xf0, 0xed]);
const DARK_SUNKEN: Colour = Colour([0x25, 0x22, 0x20]);
const DARK_SURFACE: Colour = Colour([0x1b, 0x19, 0x18]);

impl Colour {
    /// As WCAG defines it.
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|byte| {
            let c = f64::from(byte) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// From 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// So many hundredths of the way to another colour.
    fn towards(self, other: Self, hundredths: u16) -> Self {
        let mut mixed = self.0;
        for (own, other) in mixed.iter_mut().zip(other.0) {
            let sum = u16::from(*own) * (100 - hundredths) + u16::from(other) * hundredths;
            *own = (sum / 100) as u8;
        }
        Self(mixed)
    }

    /// The nearest one, on the way to `end`, that can be read on all of these.
    fn readable_on(self, grounds: &[Self], end: Self) -> Self {
        (0..=100)
            .step_by(2)
            .map(|step| self.towards(end, step))
            .find(|it| grounds.iter().all(|ground| it.contrast(*ground) >= READABLE))
            .unwrap_or(end)
    }

    fn hex(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }
}

/// An operator's accent, with text on it that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent {
    colour: Colour,
    on: Colour,
}

impl FromStr for Accent {
    type Err = String;

    /// From `#1a5fb4` or `#15b`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        let wide: String = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => digits.into(),
        };
        let mut bytes = [0; 3];
        hex::decode_to_slice(&wide, &mut bytes)
            .map_err(|_| format!("`{text}` is not a colour of three or six hexadecimal digits"))?;
        let colour = Colour(bytes);
        let (white, ink) = (colour.contrast(WHITE), colour.contrast(INK));
        let on = if white >= READABLE { WHITE } else { INK };
        if white.max(ink) < READABLE {
            return Err(format!(
                "`{text}` can be read neither under white ({white:.1}:1) nor under black text ({ink:.1}:1); \
                 {READABLE}:1 is needed: choose a darker or a lighter one"
            ));
        }
        Ok(Self { colour, on })
    }
}

impl Accent {
    /// What goes over the tokens of the same names.
    fn css(self) -> String {
        let Self { colour, on } = self;
        // Away from the text on it.
        let hover = colour.towards(if on == WHITE { BLACK } else { WHITE }, 14);
        let light = [WHITE, LIGHT_SUNKEN, WHITE.towards(colour, 10)];
        let dark = [DARK_SUNKEN, DARK_SURFACE.towards(colour, 20)];
        let (by_day, by_night) =
            (colour.readable_on(&light, BLACK), colour.readable_on(&dark, WHITE));
        // Not by `light-dark()`: browsers that do not know it would show links in no colour at all.
        format!(
            ":root{{--accent:{};--on-accent:{};--accent-hover:{};--accent-text:{by_day}}}\n\
             @media(prefers-color-scheme:dark){{:root:not([data-theme=\"light\"]){{--accent-text:{by_night}}}}}\n\
             :root[data-theme=\"dark\"]{{--accent-text:{by_night}}}\n",
            colour.hex(),
            on.hex(),
            hover.hex(),
            by_day = by_day.hex(),
            by_night = by_night.hex()
        )
    }
}

/// A small file of the operator's.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    /// With a part that changes with the content.
    name: String,
    kind: &'static str,
    content: Bytes,
}

impl File {
    fn new(stem: &str, ending: &str, kind: &'static str, content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let mut name = format!("{stem}-");
        for byte in &Sha256::digest(&content)[..8] {
            let _ = write!(name, "{byte:02x}");
        }
        Self { name: format!("{name}.{ending}"), kind, content }
    }

    fn path(&self) -> String {
        format!("/look/{}", self.name)
    }
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    colours: Option<File>,
    logo: Option<File>,
}

impl Look {
    /// With this accent.
    pub fn accent(&mut self, accent: Accent) {
        self.colours = Some(File::new("colours", "css", "text/css; charset=utf-8", accent.css()));
    }

    /// With the picture in this file, or why not.
    pub fn logo(&mut self, path: &FilePath) -> Result<(), String> {
        let told = |fault: &str| format!("{} {fault}", path.display());
        let size = fs::metadata(path).map_err(|e| told(&format!("cannot be read: {e}")))?.len();
        if size > MAX_LOGO {
            return Err(told(&format!("has {size} bytes; at most {MAX_LOGO} fit")));
        }
        let content = fs::read(path).map_err(|e| told(&format!("cannot be read: {e}")))?;
        let (ending, kind) = picture(&content).ok_or_else(|| {
            told("is no picture of a kind that browsers show (SVG, PNG, WebP, JPEG)")
        })?;
        self.logo = Some(File::new("logo", ending, kind, content));
        Ok(())
    }

    /// The path of the colours.
    pub fn colours_path(&self) -> Option<String> {
        self.colours.as_ref().map(File::path)
    }

    /// The path of the logo.
    pub fn logo_path(&self) -> Option<String> {
        self.logo.as_ref().map(File::path)
    }
}

/// What kind of picture this is, by its first bytes.
fn picture(content: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = std::str::from_utf8(content).is_ok_and(|text| text.contains("<svg"));
    match content {
        [0x89, b'P', b'N', b'G', ..] => Some(("png", "image/png")),
        [0xff, 0xd8, 0xff, ..] => Some(("jpg", "image/jpeg")),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            Some(("webp", "image/webp"))
        }
        _ if text => Some(("svg", "image/svg+xml")),
        _ => None,
    }
}

/// `GET /look/{file}`: kept for good, because another content has another name.
pub async fn file(
    State(state): State<AppState>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let look = &state.look;
    let found = look.colours.iter().chain(&look.logo).find(|file| file.name == name);
    let Some(file) = found else {
        return super::pages::not_found(State(state), request).await;
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, file.content.clone()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(css: &str, token: &str) -> Vec<Colour> {
        let token = format!("{token}:");
        let values = css.split(token.as_str()).skip(1);
        values
            .map(|rest| {
                let mut bytes = [0; 3];
                let text = rest.split([';', '}']).next().unwrap();
                hex::decode_to_slice(text.trim_start_matches('#'), &mut bytes).unwrap();
                Colour(bytes)
            })
            .collect()
    }

    #[test]
    fn contrast_as_wcag_has_it() {
        assert!((WHITE.contrast(BLACK) - 21.0).abs() < 1e-9);
        // The known grey that just passes on white.
        assert!((Colour([0x76; 3]).contrast(WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn whatever_is_accepted_can_be_read() {
        let mut accepted = 0;
        for r in (0..=255u8).step_by(51) {
            for g in (0..=255u8).step_by(51) {
                for b in (0..=255u8).step_by(51) {
                    let Ok(accent) = Colour([r, g, b]).hex().parse::<Accent>() else { continue };
                    accepted += 1;
                    let css = accent.css();
                    let [fill, on, hover] = ["--accent", "--on-accent", "--accent-hover"]
                        .map(|token| value(&css, token)[0]);
                    assert!(on.contrast(fill) >= READABLE, "{css}");
                    assert!(on.contrast(hover) >= READABLE, "{css}");
                    let [by_day, by_night, chosen] = value(&css, "--accent-text")[..] else {
                        panic!()
                    };
                    assert_eq!(by_night, chosen);
                    assert!(by_day.contrast(WHITE) >= READABLE, "{css}");
                    assert!(by_day.contrast(LIGHT_SUNKEN) >= READABLE, "{css}");
                    assert!(by_night.contrast(DARK_SURFACE) >= READABLE, "{css}");
                    assert!(by_night.contrast(DARK_SUNKEN) >= READABLE, "{css}");
                }
            }
        }
        assert!(accepted > 150, "only {accepted}");
    }

    #[test]
    fn what_is_no_accent_says_why() {
        for bad in ["red", "", "#12", "#12345g", "#1234567", "1a5fb4", "#fff;}"] {
            assert!(bad.parse::<Accent>().unwrap_err().contains("not a colour"), "{bad}");
        }
        let grey = "#7f7f7f".parse::<Accent>().unwrap_err();
        assert!(grey.contains("4.0:1") && grey.contains("darker"), "{grey}");
        assert_eq!("#15b".parse::<Accent>().unwrap(), "#1155bb".parse().unwrap());
    }

    #[test]
    fn the_name_changes_with_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logo");
        let mut look = Look::default();
        fs::write(&path, "<svg xmlns='http://www.w3.org/2000/svg'/>").unwrap();
        look.logo(&path).unwrap();
        let first = look.logo_path().unwrap();
        assert!(first.starts_with("/look/logo-") && first.ends_with(".svg"), "{first}");
        fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
        look.logo(&path).unwrap();
        assert!(look.logo_path().unwrap().ends_with(".png"));
        for bad in [&b"MZ"[..], b"", b"<html>"] {
            fs::write(&path, bad).unwrap();
            assert!(look.logo(&path).unwrap_err().contains("no picture"));
        }
        fs::write(&path, vec![0; MAX_LOGO as usize + 1]).unwrap();
        assert!(look.logo(&path).unwrap_err().contains("at most"));
        assert!(look.logo(&folder.path().join("none")).unwrap_err().contains("cannot be read"));
    }
}
