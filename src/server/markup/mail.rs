//! Where in an e-mail the words end that were written now, and what every mail program hangs on begins: the mail that is
//! answered, and the signature.
//!
//! Only what goes on to the mail's end is found. A quote between somebody's own words belongs to them.

/// Words before the name or date of a quote, and behind it.
const WROTE: [(&str, &str); 6] = [
    ("On ", "wrote:"),
    ("Am ", ":"),
    ("Le ", "écrit :"),
    ("Le ", "écrit:"),
    ("El ", "escribió:"),
    ("", "のメール:"),
];
/// The first line of a header block, and what may follow it: Outlook's in the languages of the house.
const FROM: [&str; 6] = ["From:", "Von:", "De :", "De:", "差出人:", "من:"];
const HEADERS: [&str; 22] = [
    "Sent:",
    "Date:",
    "To:",
    "Cc:",
    "Subject:",
    "Gesendet:",
    "Datum:",
    "An:",
    "Betreff:",
    "Envoyé :",
    "Envoyé:",
    "À :",
    "À:",
    "Objet :",
    "Objet:",
    "Enviado:",
    "Para:",
    "Asunto:",
    "送信日時:",
    "宛先:",
    "件名:",
    "تاريخ:",
];
/// An attribution may be broken into so many lines.
const BROKEN: usize = 3;

/// The byte at which the rest of the text is to be folded; none where there is nothing to fold, or nothing before it.
pub fn fold(text: &str) -> Option<usize> {
    let lines: Vec<(usize, &str)> = line_starts(text).collect();
    // From here on all is quote.
    let last_own = lines.iter().rposition(|(_, line)| !is_quote(line) && !line.trim().is_empty());
    let quotes_from = last_own.map_or(0, |last| last + 1);
    let mut own = false;
    for (index, (start, line)) in lines.iter().enumerate() {
        if own && begins(&lines, index, quotes_from) {
            return Some(*start);
        }
        own |= !line.trim().is_empty() && !is_quote(line);
    }
    None
}

fn begins(lines: &[(usize, &str)], index: usize, quotes_from: usize) -> bool {
    let line = bare(lines[index].1);
    if lines[index].1.trim_end_matches('\r') == "-- " || line == "--" {
        return true;
    }
    // Written about what is quoted from the next line on, whatever the language.
    let quoted = lines[index..].iter().any(|(_, line)| is_quote(line));
    let about = |n: usize| {
        quoted
            && index + n + 1 >= quotes_from
            && index + n < lines.len()
            && bare(lines[index + n].1).ends_with(':')
    };
    if is_quote(lines[index].1) {
        return index >= quotes_from;
    }
    if !line.is_empty() && about(0) && has_date_or_address(line) {
        return true;
    }
    let whole = lines[index..].iter().take(BROKEN).map(|(_, line)| bare(line));
    let whole: Vec<&str> = whole.take_while(|line| !line.is_empty()).collect();
    for n in 1..=whole.len() {
        let said = whole[..n].join(" ");
        let fits =
            |(before, after): &(&str, &str)| said.starts_with(before) && said.ends_with(after);
        if WROTE.iter().any(fits) && has_date_or_address(&said) {
            return true;
        }
    }
    let divider = |line: &str| {
        let inner = line.trim_matches('-').trim();
        line.starts_with("-----") && line.ends_with("-----") && !inner.is_empty()
    };
    if divider(line) {
        return true;
    }
    let rule = line.len() >= 10 && line.bytes().all(|b| b == b'_' || b == b'-');
    let header = |line: &str, of: &[&str]| of.iter().any(|name| line.starts_with(name));
    let next = lines.iter().skip(index).map(|(_, line)| bare(line)).filter(|line| !line.is_empty());
    let mut next = next.skip(usize::from(rule));
    let first = next.next().unwrap_or_default();
    (rule || !line.is_empty())
        && header(first, &FROM)
        && next.take(5).filter(|line| header(line, &HEADERS)).count() >= 2
}

/// So that nobody's own sentence with a colon at its end is taken for a mail program's.
fn has_date_or_address(text: &str) -> bool {
    text.contains('@') || text.chars().filter(char::is_ascii_digit).count() >= 3
}

fn is_quote(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// A line without white space and without Markdown's marks around the names of headers.
fn bare(line: &str) -> &str {
    line.trim().trim_start_matches(['*', '#', '\\']).trim_start()
}

fn line_starts(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches('\n'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (&str, &str) {
        fold(text).map_or((text, ""), |at| text.split_at(at))
    }

    #[test]
    fn what_mail_programs_hang_on_is_found() {
        for (own, rest) in [
            // Gmail, and with a line that was broken.
            (
                "Thanks, that works.\n\n",
                "On Mon, May 4, 2026 at 9:12 AM Ines <ines@vendor.example> wrote:\n\n> We found it.\n> Try again.\n",
            ),
            (
                "Yes.\n\n",
                "On Mon, May 4, 2026 at 9:12 AM Ines Marchetti\n<ines@vendor.example> wrote:\n> Did it work?\n",
            ),
            // Apple Mail in German, Thunderbird in French, Gmail in Spanish.
            (
                "Danke!\n\n",
                "Am 04.05.2026 um 09:12 schrieb Ines <ines@vendor.example>:\n\n> Geht es?\n",
            ),
            ("Merci\n", "Le 04/05/2026 à 09:12, Ines a écrit :\n> Ça marche ?\n"),
            (
                "Gracias\n",
                "El lun, 4 may 2026 a las 9:12, Ines (<ines@vendor.example>) escribió:\n> ¿Funciona?\n",
            ),
            // A language that no list knows.
            (
                "Tack\n",
                "Den mån 4 maj 2026 kl 09:12 skrev Ines <ines@vendor.example>:\n> Fungerar det?\n",
            ),
            // Outlook.
            (
                "See below.\n\n",
                "From: Ines <ines@vendor.example>\nSent: Monday, May 4, 2026 9:12 AM\nTo: Dana\nSubject: Export\n\nDid it work?\n",
            ),
            (
                "Siehe unten.\n",
                "Von: Ines\nGesendet: Montag, 4. Mai 2026 09:12\nAn: Dana\nBetreff: Export\n\nGeht es?\n",
            ),
            (
                "Ok\n\n",
                "________________________________\nFrom: Ines\nSent: Monday\nTo: Dana\nSubject: Export\n\nDid it?\n",
            ),
            ("Ok\n\n", "-----Original Message-----\nFrom: Ines\n\nDid it?\n"),
            // As Markdown.
            (
                "Ok\n\n",
                "**From:** Ines  \n**Sent:** Monday  \n**To:** Dana  \n**Subject:** Export\n\nDid it?\n",
            ),
            // Only quotes.
            ("It does.\n\n", "> Does it work?\n>> What?\n\n> Well?\n"),
            // Signatures.
            ("All good.\n\n", "-- \nDana Okafor\nNorthwind\n"),
            ("All good.\r\n", "--\r\nDana\r\n"),
        ] {
            let text = format!("{own}{rest}");
            assert_eq!(parts(&text), (own, rest));
        }
    }

    #[test]
    fn own_words_stay() {
        for text in [
            "",
            "Hello",
            "> Does it work?\nIt does.\n",
            "> One?\nYes.\n> Two?\nNo.\n",
            "On the second day of the week he wrote:\nnothing.\n",
            "Here is what I did:\n1. On\n2. Off\n",
            "From: the settings page\nI went on.\n",
            "From: A\nTo: B\nit is far.\n",
            "a -- b\n--- \n",
            "> Only a quote, and nothing else.\n",
            "| -- | -- |\n",
            "We are open:\n",
        ] {
            assert_eq!(parts(text), (text, ""), "{text}");
        }
    }
}
