//! Where links may lead, and addresses that stand bare in a text.

use std::ops::Range;
use url::Url;

/// A longer address is no link.
const MAX_URL: usize = 2048;

/// The address as browsers read it, if a message may lead there: the web or a mailbox. An address with a user name
/// before the host is refused, because it is there to look like another host.
pub fn target(address: &str) -> Option<String> {
    if address.len() > MAX_URL {
        return None;
    }
    let url = Url::parse(address).ok()?;
    let allowed = match url.scheme() {
        "http" | "https" => url.has_host() && url.username().is_empty() && url.password().is_none(),
        "mailto" => url.path().contains('@'),
        _ => false,
    };
    allowed.then(|| url.into())
}

/// The next bare address in `text[from..]`: its place, and where it leads.
pub fn next(text: &str, from: usize) -> Option<(Range<usize>, String)> {
    let mut searched = from;
    while let Some(colon) = text[searched..].find(':').map(|at| searched + at) {
        searched = colon + 1;
        let Some(start) = scheme(&text[from..colon]).map(|start| from + start) else { continue };
        if !text[colon..].starts_with("://") && !text[start..colon].eq_ignore_ascii_case("mailto") {
            continue;
        }
        let end = text[start..].find(ends_address).map_or(text.len(), |end| start + end);
        let place = start..start + trimmed(&text[start..end]).len();
        if let Some(target) = target(&text[place.clone()]) {
            return Some((place, target));
        }
        // No second look at what was no address: that keeps the way through a text straight.
        searched = end;
    }
    None
}

/// Where a scheme begins with which `before` ends, as a word of its own.
fn scheme(before: &str) -> Option<usize> {
    super::SCHEMES.iter().find_map(|scheme| {
        let start = before.len().checked_sub(scheme.len())?;
        let word = before.get(start..)?.eq_ignore_ascii_case(scheme)
            && !before[..start].ends_with(char::is_alphanumeric);
        word.then_some(start)
    })
}

/// Without the sentence's punctuation at its end; a bracket is part of that if it was not opened within.
fn trimmed(mut address: &str) -> &str {
    let count = |sign| address.matches(sign).count();
    let mut open = count(')').saturating_sub(count('('));
    let squares = count('[') > 0;
    while let Some(last) = address.chars().next_back() {
        match last {
            ')' if open > 0 => open -= 1,
            ']' | '}' if !squares => {}
            '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '*' | '_' | '~' | '…' | '»' | '’' | '”' =>
                {}
            _ => break,
        }
        address = &address[..address.len() - last.len_utf8()];
    }
    address
}

fn ends_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '|' | '\\' | '“' | '«')
        // They are not seen, or turn around how the rest is read.
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let mut all = Vec::new();
        let mut from = 0;
        while let Some((place, _)) = next(text, from) {
            from = place.end;
            all.push(&text[place]);
        }
        all
    }

    #[test]
    fn bare_addresses() {
        for (text, addresses) in [
            ("see https://example.com/a?b=1&c=2, please.", vec!["https://example.com/a?b=1&c=2"]),
            ("(https://en.example/Rust_(language))", vec!["https://en.example/Rust_(language)"]),
            (
                "HTTP://EXAMPLE.COM! mailto:ada@example.com",
                vec!["HTTP://EXAMPLE.COM", "mailto:ada@example.com"],
            ),
            (
                "„https://example.com“ und <http://a.example>",
                vec!["https://example.com", "http://a.example"],
            ),
            ("https://a.example/\u{202e}gpj.exe", vec!["https://a.example/"]),
            ("xhttp://a.example http: //a http:// mailto: mailto:ada", vec![]),
            ("javascript://a.example/%0aalert(1) ftp://a.example", vec![]),
            ("https://www.example.com@evil.example/", vec![]),
        ] {
            assert_eq!(found(text), addresses, "{text}");
        }
    }

    #[test]
    fn only_the_web_and_mailboxes() {
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "java\tscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://a.example/x",
            "/relative",
            "//a.example",
            "?q",
            "#here",
            "http://",
            "https:",
            "mailto:",
            "tel:1",
            "",
        ] {
            assert_eq!(target(address), None, "{address:?}");
        }
        assert_eq!(target("HTTPS://EXAMPLE.com").as_deref(), Some("https://example.com/"));
        assert_eq!(
            target("http://a.example/\"><b>").as_deref(),
            Some("http://a.example/%22%3E%3Cb%3E")
        );
        assert_eq!(target(&format!("https://a.example/{}", "x".repeat(MAX_URL))), None);
    }
}
