use super::*;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use proptest::prelude::*;
use std::cell::RefCell;

#[derive(serde::Deserialize)]
struct Hostile {
    text: String,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// The strings that the browser tests use as well.
fn corpus() -> Vec<String> {
    let json = include_str!("../../../end2end/support/xss.json");
    let corpus: Vec<Hostile> = serde_json::from_str(json).unwrap();
    corpus.into_iter().map(|hostile| hostile.text.repeat(hostile.times)).collect()
}

fn html(source: &str, dialect: Dialect) -> Option<String> {
    render(source.into(), dialect).html
}

fn markdown(source: &str) -> String {
    html(source, Dialect::Markdown).unwrap_or_else(|| format!("text:{source}"))
}

/// Text and HTML; "=" for the HTML where there is none.
fn slack(source: &str) -> (String, String) {
    let shown = render(source.into(), Dialect::Slack);
    (shown.text, shown.html.unwrap_or_else(|| "=".into()))
}

fn linked(href: &str, words: &str) -> String {
    format!(r#"<a href="{href}" target="_blank" rel="noopener nofollow ugc">{words}</a>"#)
}

#[test]
fn markdown_becomes_html() {
    for (source, expected) in [
        ("**b** and *i* and ~~s~~", "<p><strong>b</strong> and <em>i</em> and <del>s</del></p>"),
        ("one\ntwo `x`", "<p>one\ntwo <code>x</code></p>"),
        ("# a\n## b\n###### c", "<h3>a</h3><h4>b</h4><h6>c</h6>"),
        ("- a\n- [x] b", "<ul><li>a</li><li>☑ b</li></ul>"),
        ("3. a\n4. b", "<ol start=\"3\"><li>a</li><li>b</li></ol>"),
        ("> *a*", "<blockquote><p><em>a</em></p></blockquote>"),
        (
            "```rust\n<b> https://a.example\n```",
            "<pre><code>&lt;b&gt; https://a.example\n</code></pre>",
        ),
        ("a *b*\n\n---\n", "<p>a <em>b</em></p><hr>"),
        (
            "|a|b|\n|-|:-:|\n|1|2|",
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
        ),
        ("5 \\* 3 &amp; &lt;b>", "<p>5 * 3 &amp; &lt;b&gt;</p>"),
        ("*a* <b onclick=x>b</b>", "<p><em>a</em> &lt;b onclick=x&gt;b&lt;/b&gt;</p>"),
    ] {
        assert_eq!(markdown(source), expected, "{source}");
    }
}

#[test]
fn links_of_markdown() {
    let a = linked("https://a.example/b_c?d=1&amp;e_f=2", "https://a.example/b_c?d=1&amp;e_f=2");
    assert_eq!(markdown("https://a.example/b_c?d=1&e_f=2."), format!("<p>{a}.</p>"));
    for (source, href, words) in [
        ("[w *x*](https://a.example 'title')", "https://a.example/", "w <em>x</em>"),
        ("<https://a.example>", "https://a.example/", "https://a.example"),
        ("<ada@a.example>", "mailto:ada@a.example", "ada@a.example"),
        ("[](https://a.example)", "https://a.example/", "Link"),
        ("![chart](https://a.example/c.png)", "https://a.example/c.png", "chart"),
        ("![](https://a.example/c.png)", "https://a.example/c.png", "Image"),
        ("[![chart](https://a.example/c.png)](https://b.example)", "https://b.example/", "chart"),
        ("[w https://b.example](https://a.example)", "https://a.example/", "w https://b.example"),
        ("[x]\n\n[x]: https://a.example", "https://a.example/", "x"),
    ] {
        assert_eq!(markdown(source), format!("<p>{}</p>", linked(href, words)), "{source}");
    }
    for source in [
        "[x](javascript:alert(1))",
        "[x](/threads)",
        "![x](data:image/svg+xml,<svg>)",
        "[x](java&#10;script:alert(1))",
    ] {
        assert_eq!(markdown(source), "<p>x</p>", "{source}");
    }
}

#[test]
fn html_that_says_nothing_more_is_left_out() {
    for source in [
        "Hello there!",
        "a\nb\n\n\nc",
        "5 * 3 = 15 & 2 < 3",
        "<script>alert(1)</script>",
        "[x]: https://a.example",
        "",
    ] {
        assert_eq!(html(source, Dialect::Markdown), None, "{source}");
    }
    assert_eq!(html("*a* & <b>", Dialect::Plain), None);
    assert_eq!(slack("a\n\nb  c"), ("a\n\nb  c".into(), "=".into()));
}

#[test]
fn what_customers_type_stays() {
    let link = linked("https://a.example/x", "https://a.example/x");
    assert_eq!(
        html("*a*  <b>\n(https://a.example/x)", Dialect::Plain).unwrap(),
        format!("*a*  &lt;b&gt;\n({link})")
    );
}

#[test]
fn slack_made_readable() {
    for (source, text, html) in [
        (
            "*b* _i_ ~s~ `c &lt; d`",
            "b i s c < d",
            "<strong>b</strong> <em>i</em> <del>s</del> <code>c &lt; d</code>",
        ),
        ("*b _i_ ~s_*", "b i ~s_", "<strong>b <em>i</em> ~s_</strong>"),
        ("2*3*4 a_b_c * x * _ *", "2*3*4 a_b_c * x * _ *", "="),
        ("a &amp; b &lt;b&gt; &copy; &amp;lt;", "a & b <b> &copy; &lt;", "="),
        (
            "<@U123|Ada> <@U9> <#C1|help> <!here> <!subteam^S1|@team>",
            "@Ada @someone #help @here @team",
            "=",
        ),
        ("<!date^1392734382^{date}|Feb 18> <tel:+49123|+49 123>", "Feb 18 +49 123", "="),
        ("<script>alert(1)</script> <b", "<script>alert(1)</script> <b", "="),
        ("<javascript:alert(1)|click>", "<javascript:alert(1)|click>", "="),
        ("&gt; a\n&gt; b\nc", "a\nb\nc", "<blockquote>a\nb</blockquote>c"),
        (
            "x\n```\na *b* <https://a.example|c>\n```\ny",
            "x\na *b* c\ny",
            "x<pre><code>a *b* c</code></pre>y",
        ),
    ] {
        assert_eq!(slack(source), (text.into(), html.into()), "{source}");
    }
    let (text, html) = slack("<https://a.example/?a=1&amp;b=2|our *site*> <mailto:a@b.example>");
    assert_eq!(text, "our *site* a@b.example");
    let links = [
        linked("https://a.example/?a=1&amp;b=2", "our *site*"),
        linked("mailto:a@b.example", "a@b.example"),
    ];
    assert_eq!(html, links.join(" "));
}

#[test]
fn what_is_too_much_stays_text() {
    let long = "*a* ".repeat(MAX_SOURCE / 4 + 1);
    let linked = "http://a ".repeat(MAX_SOURCE / 9);
    let escaped = format!("*a* {}", "&".repeat(MAX_HTML / 5 + 1));
    for source in [long, linked, escaped] {
        let shown = render(source.clone(), Dialect::Markdown);
        assert!(shown == Rendered { text: source, html: None }, "{:.20}", shown.text);
    }
}

/// Depth costs a parser, and a browser, more than length does.
#[test]
fn depth_has_an_end() {
    for source in [
        "> ".repeat(10_000) + "*a*",
        (0..150).map(|n| format!("{}- a\n", "  ".repeat(n))).collect(),
        "*".repeat(15_000) + "a" + &"*".repeat(15_000),
        "[".repeat(30_000) + "a",
        "![".repeat(5_000) + "a" + &"](http://a)".repeat(2_000),
        "<".repeat(30_000),
        "`".repeat(30_000),
        "http://[".repeat(4_000),
        "_a ".repeat(10_000),
        "*a _b ~c ".repeat(3_000),
    ] {
        for dialect in [Dialect::Plain, Dialect::Markdown, Dialect::Slack] {
            if let Some(html) = html(&source, dialect) {
                let depth = tags(&html).iter().try_fold((0usize, 0usize), |(depth, max), tag| {
                    let depth = match (tag.kind, &*tag.name) {
                        (_, "hr") => depth,
                        (TagKind::StartTag, _) => depth + 1,
                        (TagKind::EndTag, _) => depth.checked_sub(1)?,
                    };
                    Some((depth, max.max(depth)))
                });
                assert!(matches!(depth, Some((0, ..=13))), "{depth:?} {}", &source[..20]);
            }
        }
    }
}

/// The tags of a text as a browser's tokenizer sees them.
#[derive(Default)]
struct Tags(RefCell<Vec<Tag>>, RefCell<Vec<String>>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => self.0.borrow_mut().push(tag),
            Token::CommentToken(_) | Token::DoctypeToken(_) => {
                self.1.borrow_mut().push(format!("{token:?}"));
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn tags(html: &str) -> Vec<Tag> {
    let tokenizer = Tokenizer::new(Tags::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(html.into());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let Tags(tags, others) = tokenizer.sink;
    assert!(others.borrow().is_empty(), "{others:?} in {html}");
    tags.into_inner()
}

/// Only what the list has: elements, attributes, schemes.
fn assert_harmless(html: &str) {
    for tag in tags(html) {
        assert!(ELEMENTS.contains(&&*tag.name), "<{}> in {html}", tag.name);
        for attribute in tag.attrs {
            let value = &*attribute.value;
            let fine = match (&*tag.name, &*attribute.name.local) {
                ("a", "href") => {
                    url::Url::parse(value).is_ok_and(|url| SCHEMES.contains(&url.scheme()))
                }
                ("a", "rel") => value == "noopener nofollow ugc",
                ("a", "target") => value == "_blank",
                ("ol", "start") => value.bytes().all(|b| b.is_ascii_digit()),
                _ => false,
            };
            assert!(fine, "{}={value:?} in {html}", &*attribute.name.local);
        }
    }
}

fn assert_all_harmless(source: &str) {
    for dialect in [Dialect::Plain, Dialect::Markdown, Dialect::Slack] {
        let shown = render(source.into(), dialect);
        if dialect != Dialect::Slack {
            assert_eq!(shown.text, source);
        }
        if let Some(html) = shown.html {
            assert!(html.len() <= MAX_HTML);
            assert_harmless(&html);
            // A browser that reads and writes it again makes nothing else of it.
            assert_eq!(FENCE.clean(&html).to_string(), html);
        }
        // The first fence alone, and the second one alone.
        let mut writer = Writer::new(MAX_HTML);
        match dialect {
            Dialect::Plain => writer.words(source),
            Dialect::Markdown => markdown::write(source, &mut writer),
            Dialect::Slack => slack::write(source, &mut writer),
        }
        for tag in tags(&writer.finish().html) {
            assert!(ELEMENTS.contains(&&*tag.name), "<{}> for {source:?}", tag.name);
        }
        assert_harmless(&FENCE.clean(source).to_string());
    }
}

#[test]
fn the_corpus_is_harmless() {
    let corpus = corpus();
    assert!(corpus.len() >= 60, "{}", corpus.len());
    corpus.iter().for_each(|hostile| assert_all_harmless(hostile));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_comes_is_harmless(source in any::<String>()) {
        assert_all_harmless(&source);
    }

    /// Signs that mean something to one of the parsers, in any order.
    #[test]
    fn signs_are_harmless(parts in prop::collection::vec(prop::sample::select(vec![
        "<", ">", "&", "\"", "'", "`", "```", "*", "**", "_", "~", "~~", "[", "]", "(", ")", "!", "|", "\n", "\n\n", "    ", "\t", "> ",
        "- ", "1. ", "#", ":", "//", "=", "-", "\\", ";", "&lt;", "&#60;", "&Tab;", "javascript:", "http://a", "https://b.c/", "data:",
        "<a href=", "<svg", "</p>", "<!--", "-->", "<![CDATA[", "]]>", "<@U1>", "x", " ", "\u{0}", "\u{202e}", "onload=",
    ]), 0..40)) {
        assert_all_harmless(&parts.concat());
    }

    /// Pieces of the corpus, cut anywhere and put together.
    #[test]
    fn splices_of_the_corpus_are_harmless(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6)) {
        let corpus = corpus();
        let source: String = cuts.iter().map(|(which, from, to)| {
            let chars: Vec<char> = corpus[which.index(corpus.len())].chars().collect();
            let (from, to) = (from.index(chars.len() + 1), to.index(chars.len() + 1));
            chars[from.min(to)..from.max(to)].iter().collect::<String>()
        }).collect();
        assert_all_harmless(&source);
    }
}

#[test]
fn pictures_of_slack() {
    for (source, expected) in [
        ("Done :tada: :+1::skin-tone-4:!", "Done 🎉 👍🏽!"),
        (":wave::tada:", "👋🎉"),
        (":our-parrot: at 10:30:00, a:tada:", ":our-parrot: at 10:30:00, a:tada:"),
        (":wave::skin-tone-9:", "👋:skin-tone-9:"),
        ("::: : :tada", "::: : :tada"),
    ] {
        assert_eq!(slack(source).0, expected, "{source}");
    }
    assert_eq!(slack("`:tada:`").1, "<code>:tada:</code>");
    assert_eq!(slack("*:tada:*").1, "<strong>🎉</strong>");
    // Names that go on for ever cost no more than others.
    let long = ":no-such".repeat(4_000);
    assert!(slack(&long).0 == long);
}

#[test]
fn one_line_of_a_message() {
    for (source, dialect, expected) in [
        (
            "**b** and `x < y`\n\n- one\n- two & \"three\"",
            Dialect::Markdown,
            "b and x < y one two & \"three\"",
        ),
        ("[a link](https://a.example) <b>", Dialect::Markdown, "a link <b>"),
        ("*now* <https://a.example|here> &amp; :tada:", Dialect::Slack, "now here & 🎉"),
        ("  one\n\ttwo  *three* ", Dialect::Plain, "one two *three*"),
        ("&amp;lt; stays", Dialect::Plain, "&amp;lt; stays"),
    ] {
        let shown = render(source.into(), dialect);
        assert_eq!(one_line(&shown.text, shown.html.as_deref(), 140), expected, "{source}");
    }
    assert_eq!(one_line("äöü ßéñ", None, 4), "äöü…");
    let mail = render_mail("Yes.\n\n> Does it?\n".into(), Dialect::Plain, "");
    assert_eq!(one_line(&mail.text, mail.html.as_deref(), 140), "Yes.");
}

#[test]
fn what_a_mail_quotes_is_folded() {
    let mail = |source: &str, dialect, more: &str| render_mail(source.into(), dialect, more);
    let shown =
        mail("It <b>works</b>.\n\nOn 4 May 2026, Ines wrote:\n> Does *it*?\n", Dialect::Plain, "");
    assert_eq!(
        shown.html.unwrap(),
        "It &lt;b&gt;works&lt;/b&gt;.<details><summary>•••</summary>On 4 May 2026, Ines wrote:\n&gt; Does *it*?</details>"
    );
    assert!(shown.text.contains("> Does *it*?"), "nothing is lost: {}", shown.text);
    let shown = mail("**Done.**\n\n-- \nInes", Dialect::Markdown, "");
    assert_eq!(
        shown.html.unwrap(),
        "<p><strong>Done.</strong></p><details><summary>•••</summary>-- \nInes</details>"
    );
    // What Plain cut off already.
    let shown = mail("Done.", Dialect::Plain, "\n\n> Older <script>");
    let html = shown.html.unwrap();
    assert_eq!(html, "Done.<details><summary>•••</summary>&gt; Older &lt;script&gt;</details>");
    assert_eq!(
        in_words(&html, "Mehr & <mehr>").unwrap(),
        "Done.<details><summary>Mehr &amp; &lt;mehr&gt;</summary>&gt; Older &lt;script&gt;</details>"
    );
    assert_eq!(in_words("<p>•••</p>", "x"), None);
    // Somebody who writes the sign does not write the element.
    let shown = mail("<summary>•••</summary>\n> a", Dialect::Plain, "");
    assert_eq!(shown.html.unwrap().matches("<summary>").count(), 1);
    // Without anything to fold a mail is a text like any other.
    assert_eq!(
        mail("Just words.", Dialect::Plain, "  "),
        render("Just words.".into(), Dialect::Plain)
    );
    // However long: it is cut, and stays well-formed.
    let long = mail("Short.", Dialect::Plain, &"> <old> & ".repeat(20_000)).html.unwrap();
    assert!(long.len() <= MAX_HTML && long.ends_with("…</details>"), "{}", long.len());
}
