//! `POST /preferences`: the language and appearance that a visitor chose on a page, kept in two cookies.

use super::{language, pages::read_body, state::AppState};
use crate::{domain::site::Theme, language::tag};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

/// The appearance's cookie; none for automatic.
const THEME: &str = "hotline_theme";

/// A year: a choice is not asked for again.
const KEPT: u32 = 365 * 86_400;

/// Longer addresses of ours do not exist.
const LONGEST: usize = 2000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    language: String,
    theme: String,
    back: String,
}

/// Sets what is a choice of this installation, and goes back to the page.
pub async fn save(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let choice = match read(&parts.headers, body).await {
        Ok(choice) => choice,
        Err(refused) => return *refused,
    };
    let mut response =
        (StatusCode::SEE_OTHER, [(header::CACHE_CONTROL, "no-store")]).into_response();
    let back = HeaderValue::from_str(own_path(&choice.back));
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, back.unwrap_or(HeaderValue::from_static("/")));
    if let Some(locale) = state.languages.find(&choice.language) {
        headers.append(header::SET_COOKIE, cookie(language::COOKIE, tag(locale), state.https));
    }
    if let Some(theme) = Theme::find(&choice.theme) {
        let word = if theme == Theme::Auto { "" } else { theme.word() };
        headers.append(header::SET_COOKIE, cookie(THEME, word, state.https));
    }
    response
}

/// What this visitor chose before.
pub fn theme(headers: &HeaderMap) -> Theme {
    language::cookie(headers, THEME).and_then(Theme::find).unwrap_or_default()
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Choice, Box<Response>> {
    let body =
        read_body(headers, body).await.map_err(|(status, _)| Box::new(status.into_response()))?;
    serde_urlencoded::from_bytes(&body)
        .map_err(|_| Box::new(StatusCode::BAD_REQUEST.into_response()))
}

/// Only names of ours and words of ours get here. An empty value forgets.
fn cookie(name: &str, value: &'static str, https: bool) -> HeaderValue {
    let life = if value.is_empty() { 0 } else { KEPT };
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// A path of this site, or its front page. `//host` and `/\host` are other hosts to a browser, which also reads over tabs
/// and line breaks.
fn own_path(back: &str) -> &str {
    let foreign = back.get(1..).is_none_or(|rest| rest.starts_with(['/', '\\']));
    let plain = back.bytes().all(|byte| byte.is_ascii_graphic());
    if back.starts_with('/') && !foreign && plain && back.len() <= LONGEST { back } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours() {
        for good in ["/", "/threads", "/t/th_01KQS44ER0KVVBRC15MBB8ADPP?before=abc", "/a//b"] {
            assert_eq!(own_path(good), good);
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for bad in [
            "",
            "threads",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            " //evil.example",
            "/ü",
            &long,
        ] {
            assert_eq!(own_path(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn automatic_forgets() {
        let set = cookie(THEME, "dark", true);
        assert_eq!(
            set,
            "hotline_theme=dark; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            cookie(THEME, "", false),
            "hotline_theme=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
        let headers = |text: &str| HeaderMap::from_iter([(header::COOKIE, text.parse().unwrap())]);
        assert_eq!(theme(&headers("a=b; hotline_theme=dark")), Theme::Dark);
        assert_eq!(theme(&headers("hotline_theme=\"><script>")), Theme::Auto);
        assert_eq!(theme(&HeaderMap::new()), Theme::Auto);
    }
}
