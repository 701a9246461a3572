//! The HTML document around every page, and its content security policy.

use super::bundle::Bundle;
use crate::{
    app::{App, site},
    domain::site::Theme,
    language::{direction, locale, say, tag},
};
use axum::http::{HeaderValue, header};
use leptos::{config::LeptosOptions, html::meta, nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::MetaTags;

/// Only what comes from here may run or load: scripts by this answer's nonce, no inline style, no other host.
///
/// There is no `require-trusted-types-for`: leptos makes its elements through `innerHTML`, so it would take a policy that
/// lets everything pass.
fn policy(nonce: &str, reload: Option<u32>) -> String {
    // `cargo leptos watch` tells the page over a socket on its own port when to reload.
    let reload = reload
        .map(|port| format!(" ws://127.0.0.1:{port} ws://localhost:{port}"))
        .unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'strict-dynamic' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self'; media-src 'self'; connect-src 'self'{reload}; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         object-src 'none'; frame-ancestors 'none'"
    )
}

/// The document.
pub fn shell(options: LeptosOptions, bundle: Bundle) -> impl IntoView {
    let locale = locale();
    let site = site();
    let watched = std::env::var_os("LEPTOS_WATCH").is_some();
    if let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), use_nonce()) {
        if let Ok(policy) =
            HeaderValue::from_str(&policy(&nonce, watched.then_some(options.reload_port)))
        {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
        // What a page shows is its visitor's alone, and old by the next message.
        response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let language = HeaderValue::from_static(tag(locale));
        response.insert_header(header::CONTENT_LANGUAGE, language);
        response.insert_header(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    }
    let chosen = (site.theme != Theme::Auto).then(|| site.theme.word());
    let css = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang=tag(locale) dir=direction(locale) data-theme=chosen>
            <head>
                <meta charset="utf-8" />
                <meta
                    name="viewport"
                    content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"
                />
                // `--surface` of both appearances, for what is around the page.
                <meta name="color-scheme" content=if site.theme == Theme::Auto { "light dark" } else { site.theme.word() } />
                {[(Theme::Light, "#ffffff"), (Theme::Dark, "#1b1918")]
                    .map(|(theme, colour)| {
                        let wished = format!("(prefers-color-scheme: {})", theme.word());
                        let media = (site.theme == Theme::Auto).then_some(wished);
                        (site.theme == theme || media.is_some())
                            .then(|| meta().name("theme-color").content(colour).attr("media", media))
                    })
                    .to_vec()}
                <meta name="description" content=say!(common.description) />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" id="leptos" href=css />
                {site.colours.map(|colours| view! { <link rel="stylesheet" href=colours /> })}
                <AutoReload options=options.clone() />
                <HydrationScripts options=bundle.scripts(options.clone()) islands=true />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

#[cfg(test)]
mod tests {
    use super::policy;

    #[test]
    fn nothing_unsafe_but_wasm() {
        let text = policy("abc", None);
        for part in [
            "default-src 'none'",
            "img-src 'self'",
            "media-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(text.split("; ").any(|known| known == part), "{part} in {text}");
        }
        assert!(text.contains("'nonce-abc'") && text.contains("'wasm-unsafe-eval'"));
        assert!(
            !text.contains("unsafe-inline")
                && !text.contains("'unsafe-eval'")
                && !text.contains("http")
        );
        assert!(!text.contains("ws:"));
    }
}
