//! Whether a request is somebody who opens a link, or only a program that looks at it.

use axum::http::{HeaderMap, HeaderValue, Method};

/// Words in the `User-Agent` of programs that fetch a link to show a preview of it, or to index it. All in lower case.
/// (A person whose browser says one of these, too, presses one button more.)
const ROBOTS: [&str; 13] = [
    "bot",
    "crawler",
    "spider",
    "facebookexternalhit",
    "whatsapp/",
    "skypeuripreview",
    "microsoftpreview",
    "ms-office",
    "slack-imgproxy",
    "google-safety",
    "embedly",
    "iframely",
    "linkpreview",
];

/// Whether a person's browser goes there now. Not: HEAD, prefetching, an image or frame of another page, a link
/// preview of a messenger.
pub fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let prefetch = ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        says(name).is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            contains(&value, b"prefetch") || contains(&value, b"preview")
        })
    });
    // A browser that says what it wants it for wants it as a page of its own.
    let page = says("sec-fetch-dest").is_none_or(|dest| dest == b"document");
    let robot = says("user-agent").is_some_and(|agent| {
        let agent = agent.to_ascii_lowercase();
        ROBOTS.iter().any(|word| contains(&agent, word.as_bytes()))
    });
    *method == Method::GET && page && !prefetch && !robot
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(name: &'static str, value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        is_visit(&Method::GET, &headers)
    }

    #[test]
    fn people_and_programs() {
        assert!(is_visit(&Method::GET, &HeaderMap::new()));
        assert!(!is_visit(&Method::HEAD, &HeaderMap::new()));
        for person in [
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "curl/8.9.1",
        ] {
            assert!(visit("user-agent", person), "{person}");
        }
        for robot in [
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "WhatsApp/2.23.20.0 A",
            "TelegramBot (like TwitterBot)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        ] {
            assert!(!visit("user-agent", robot), "{robot}");
        }
        assert!(!visit("sec-purpose", "prefetch;prerender"));
        assert!(!visit("purpose", "Prefetch"));
        assert!(!visit("x-moz", "prefetch"));
        assert!(visit("sec-fetch-dest", "document"));
        for part in ["image", "iframe", "empty", "script"] {
            assert!(!visit("sec-fetch-dest", part), "{part}");
        }
    }
}
