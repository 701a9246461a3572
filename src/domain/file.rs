//! Files that hang on messages. Their names are written by strangers, for strangers to read.

/// The longest name that is shown, in characters.
const LONGEST: usize = 100;
/// So much of a longer name's end stays: the extension says what a file is.
const TAIL: usize = 30;

/// Extensions of programs and of what starts programs. Plain takes no such upload; one that came another way, by
/// e-mail for example, is not handed on.
pub const REFUSED: [&str; 31] = [
    "bat", "bin", "chm", "com", "cpl", "crt", "exe", "hlp", "hta", "inf", "ins", "isp", "jse",
    "lnk", "mdb", "msc", "msi", "msp", "mst", "pcd", "pif", "reg", "scr", "sct", "shs", "vba",
    "vbe", "vbs", "wsf", "wsh", "wsl",
];

/// Whether a file of this name is not handed on. Dots and blanks at the end do not count, as they do not for Windows.
pub fn is_refused(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
    extension.is_some_and(|extension| REFUSED.contains(&&*extension))
}

/// What a browser shows or plays by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Drawn in the message.
    Picture,
    /// Played in the message.
    Audio,
    /// Played in the message.
    Video,
    /// Opened in a tab of its own.
    Document,
}

/// The kinds that may be shown, under the one name that is sent for each. No text, no markup, no SVG: nothing in these
/// can run.
const SHOWN: [(&str, Media); 16] = [
    ("image/png", Media::Picture),
    ("image/jpeg", Media::Picture),
    ("image/gif", Media::Picture),
    ("image/webp", Media::Picture),
    ("image/avif", Media::Picture),
    ("audio/mpeg", Media::Audio),
    ("audio/mp4", Media::Audio),
    ("audio/aac", Media::Audio),
    ("audio/ogg", Media::Audio),
    ("audio/wav", Media::Audio),
    ("audio/webm", Media::Audio),
    ("audio/flac", Media::Audio),
    ("video/mp4", Media::Video),
    ("video/webm", Media::Video),
    ("video/ogg", Media::Video),
    ("application/pdf", Media::Document),
];

/// How a file of this MIME type is shown, and as what it is sent; none for what is only handed out.
pub fn media(mime_type: &str) -> Option<(Media, &'static str)> {
    let bare = mime_type.split(';').next().unwrap_or_default().trim();
    let known = match bare {
        "image/jpg" => "image/jpeg",
        "audio/mp3" => "audio/mpeg",
        "audio/x-wav" => "audio/wav",
        "audio/x-m4a" | "audio/m4a" => "audio/mp4",
        "audio/x-flac" => "audio/flac",
        other => other,
    };
    SHOWN
        .iter()
        .find(|(kind, _)| known.eq_ignore_ascii_case(kind))
        .map(|(kind, media)| (*media, *kind))
}

/// A name as it may be shown: one line of visible text that reads in the order in which it is stored, without
/// folders, its end in sight. Never empty.
pub fn shown_name(given: &str) -> String {
    let mut name = String::new();
    for c in given.chars() {
        match c {
            '/' | '\\' => name.push('_'),
            // A row of blanks would push the extension out of sight.
            c if c.is_whitespace() || c == '\u{2800}' => {
                if !name.is_empty() && !name.ends_with(' ') {
                    name.push(' ');
                }
            }
            c if c.is_control() || is_unseen(c) => {}
            c => name.push(c),
        }
    }
    let name = name.trim_end();
    let length = name.chars().count();
    if length > LONGEST {
        let head = name.chars().take(LONGEST - TAIL - 1);
        return head.chain(['…']).chain(name.chars().skip(length - TAIL)).collect();
    }
    if name.is_empty() { "file".into() } else { name.into() }
}

/// Characters without a shape of their own: marks that turn the direction of reading (`exe.gpj` that reads `jpg.exe`),
/// fillers, tags. The joiners that some scripts are written with stay.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_shown_as_they_are_stored() {
        for (given, shown) in [
            ("report.pdf", "report.pdf"),
            ("Übersicht 2026 (final).xlsx", "Übersicht 2026 (final).xlsx"),
            ("می\u{200c}خواهم.txt", "می\u{200c}خواهم.txt"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("\u{2067}a\u{2069}\u{200f}.txt", "a.txt"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("C:\\Windows\\a.txt", "C:_Windows_a.txt"),
            ("a\r\nSet-Cookie: b\u{2028}c\0.txt", "a Set-Cookie: b c.txt"),
            ("invoice.pdf                         .exe", "invoice.pdf .exe"),
            ("invoice.pdf\u{2800}\u{3000}\u{a0}.exe", "invoice.pdf .exe"),
            ("\u{202e}\u{feff} \u{200b}", "file"),
            ("", "file"),
        ] {
            assert_eq!(shown_name(given), shown, "{given:?}");
        }
        let long = shown_name(&format!("{}.tar.gz", "ä".repeat(5000)));
        assert_eq!(long.chars().count(), LONGEST);
        assert!(long.starts_with("ää") && long.ends_with("ä.tar.gz"), "{long}");
    }

    #[test]
    fn only_what_cannot_run_is_shown() {
        assert_eq!(media("Image/PNG"), Some((Media::Picture, "image/png")));
        assert_eq!(media("audio/x-wav"), Some((Media::Audio, "audio/wav")));
        assert_eq!(media("video/mp4; codecs=avc1"), Some((Media::Video, "video/mp4")));
        for none in [
            "image/svg+xml",
            "text/html",
            "application/xhtml+xml",
            "text/plain",
            "application/octet-stream",
            "multipart/x-mixed-replace",
            "text/html;image/png",
            "",
        ] {
            assert_eq!(media(none), None, "{none}");
        }
    }

    #[test]
    fn programs_are_known_by_their_extension() {
        for name in ["a.exe", "A.EXE", "a.pdf.scr", "a.lnk. .", ".bat", "a.\u{212a}.VbS"] {
            assert!(is_refused(name), "{name}");
        }
        for name in ["exe", "a.pdf", "a.exe.txt", "a.", "", "a.exes"] {
            assert!(!is_refused(name), "{name}");
        }
        assert!(is_refused(&shown_name("invoice\u{202e}fdp.exe\u{200b}")));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_one_short_visible_line(given in any::<String>()) {
            let shown = shown_name(&given);
            prop_assert!(!shown.is_empty() && shown.chars().count() <= LONGEST);
            let bad = |c: char| c.is_control() || is_unseen(c) || "/\\\u{2028}\u{2029}".contains(c);
            prop_assert!(!shown.contains(bad));
            prop_assert_eq!(shown_name(&shown), shown.clone());
        }
    }
}
