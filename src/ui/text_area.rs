//! The only `<textarea>` of the house. Leptos 0.8 does not escape its children on the server, so this one does.

use super::escape::escape;
use leptos::prelude::*;

/// `text` so that it can only be text inside a `<textarea>`, with the leading line break that HTML swallows.
pub fn inner_html(text: &str) -> String {
    format!("\n{}", escape(text))
}

/// A text area with a first value. Other attributes are spread onto it by the caller: `<TextArea … {..} rows="5"/>`.
#[component]
pub fn TextArea(
    /// `name` in the form.
    name: &'static str,
    /// `id` of the element.
    id: &'static str,
    /// Its class.
    class: &'static str,
    /// The first value.
    #[prop(into)]
    value: String,
) -> impl IntoView {
    view! { <textarea class=class id=id name=name inner_html=inner_html(&value)></textarea> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out() {
        assert_eq!(inner_html("</textarea><script>&"), "\n&lt;/textarea&gt;&lt;script&gt;&amp;");
    }

    #[test]
    fn server_html_is_exact() {
        // When leptos escapes by itself (0.9), this fails, and this component has served its time.
        let html =
            view! { <TextArea name="m" id="i" class="c" value="</textarea><b>".to_string() /> }
                .to_html();
        assert_eq!(
            html,
            "<textarea id=\"i\" name=\"m\" class=\"c\">\n&lt;/textarea&gt;&lt;b&gt;</textarea>"
        );
    }
}
