//! `hotline send-webhook`: one of Plain's webhooks for a thread, signed and posted as Plain does it. For developers
//! and tests; it needs no running sandbox.

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use reqwest::StatusCode;

use super::webhooks::request::{Attempt, Request};
use super::webhooks::{events, samples};
use super::{ids, time};

/// How long the receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// More of an answer than this many bytes is not read.
const LONGEST_ANSWER: usize = 4096;

/// The subcommand with its arguments.
pub fn command() -> Command {
    let value = |id: &'static str, name: &'static str, help: &'static str| {
        Arg::new(id).long(id).value_name(name).help(help)
    };
    let count = value_parser!(u32).range(1..=1_000_000);
    Command::new("send-webhook")
        .about("sign and post one of Plain's webhooks, for developers and tests")
        .after_help(
            "Exits with 0 if every answer was 2xx, with 1 if not, with 2 if the arguments are wrong.\n\
             \n  hotline send-webhook --type chat_sent --thread th_… --text 'On its way!'\
             \n  hotline send-webhook --type note_created --thread th_… --print=curl | curl -K -",
        )
        .arg(
            value("type", "TYPE", "the event type, also without what stands before its dot")
                .required_unless_present("list")
                .value_parser(event_type),
        )
        .arg(value("thread", "th_…", "the thread that it is about").value_parser(id_of("th")))
        .arg(value("text", "TEXT", "what the message says"))
        .arg(
            value("url", "URL", "where to post it")
                .default_value("http://127.0.0.1:3000/api/webhooks/plain")
                .value_parser(address),
        )
        .arg(value("count", "N", "how many to send, one after the other").default_value("1").value_parser(count))
        .arg(
            value("event-id", "pEv_…", "the event's id; with --count, attempts of one event [default: a new one each]")
                .value_parser(id_of("pEv")),
        )
        .arg(value("entry", "t_…", "the message's timeline entry [default: a new one]").value_parser(id_of("t")))
        .arg(value("customer", "c_…", "the customer [default: a new one]").value_parser(id_of("c")))
        .arg(
            value("attempt", "N", "the number of the (first) delivery attempt")
                .default_value("1")
                .value_parser(value_parser!(u32).range(1..)),
        )
        .arg(value("at", "TIME", "when it happened and was sent, ISO 8601 [default: now]").value_parser(instant))
        .arg(
            value("payload-version", "DATE", "the webhook target's version")
                .long("version")
                .default_value(events::VERSION)
                .value_parser(version),
        )
        .arg(value("secret", "SECRET", "signs it [default: the first PLAIN_WEBHOOK_SECRET, else the sandbox's]"))
        .arg(
            value("print", "FORMAT", "print instead of sending: headers, an empty line, the body; or input for curl -K -")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("http")
                .value_parser(PossibleValuesParser::new(["http", "curl"])),
        )
        .arg(Arg::new("list").long("list").action(ArgAction::SetTrue).help("list the event types"))
}

/// Does what the arguments say. `secret` signs unless they name another one.
pub fn run(arguments: &ArgMatches, secret: &str) -> ExitCode {
    if arguments.get_flag("list") {
        for (kind, about) in events::ALL {
            println!("{kind:<52} {about}");
        }
        return ExitCode::SUCCESS;
    }
    match Order::read(arguments, secret) {
        Ok(order) => order.execute(),
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::from(2)
        }
    }
}

/// What to send, and where to.
struct Order<'a> {
    kind: &'static str,
    thread: Option<&'a str>,
    text: Option<&'a str>,
    customer: Option<&'a str>,
    entry: Option<&'a str>,
    event_id: Option<&'a str>,
    at: Option<i64>,
    version: &'a str,
    secret: &'a str,
    url: &'a str,
    first_attempt: u32,
    count: u32,
    print: Option<&'a str>,
}

impl<'a> Order<'a> {
    fn read(arguments: &'a ArgMatches, secret: &'a str) -> Result<Self, String> {
        let text = |name: &str| arguments.get_one::<String>(name).map(String::as_str);
        let kind = *arguments.get_one::<&'static str>("type").ok_or("which --type?")?;
        let thread = text("thread");
        if thread.is_none() && !kind.starts_with("customer.") {
            return Err(format!(
                "{kind} is about a thread: say about which, with --thread th_…\n\
                 The address of a conversation page ends with its id."
            ));
        }
        let said = text("text");
        if let Some(said) = said
            && (said.trim().is_empty() || said.chars().count() > 5000)
        {
            return Err("--text must have 1 to 5000 characters, as in Plain".into());
        }
        let secret = text("secret").unwrap_or(secret);
        if secret.is_empty() {
            return Err("--secret must not be empty".into());
        }
        Ok(Self {
            kind,
            thread,
            text: said,
            customer: text("customer"),
            entry: text("entry"),
            event_id: text("event-id"),
            at: arguments.get_one("at").copied(),
            version: text("payload-version").unwrap_or(events::VERSION),
            secret,
            url: text("url").ok_or("where to? --url")?,
            first_attempt: arguments.get_one("attempt").copied().unwrap_or(1),
            count: arguments.get_one("count").copied().unwrap_or(1),
            print: text("print"),
        })
    }

    fn execute(&self) -> ExitCode {
        let requests =
            Requests { order: self, workspace: ids::new("w"), target: ids::new("whTarget") };
        let done = match self.print {
            Some(format) => requests.print(format).map(|()| true),
            None => tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| error.to_string())
                .and_then(|runtime| runtime.block_on(requests.post())),
        };
        match done {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(fault) => {
                eprintln!("error: {fault}");
                ExitCode::FAILURE
            }
        }
    }
}

/// The requests of one run.
struct Requests<'a> {
    order: &'a Order<'a>,
    workspace: String,
    target: String,
}

impl Requests<'_> {
    /// The request with this place in the run, counted from 0, and its event's id.
    fn make(&self, place: u32) -> Result<(Request, String), String> {
        let order = self.order;
        let at = order.at.unwrap_or_else(time::now);
        let about = samples::About {
            workspace: &self.workspace,
            thread: order.thread,
            customer: order.customer,
            entry: order.entry,
            text: order.text,
            at,
        };
        let payload = samples::payload(order.kind, &about).map_err(|refusal| refusal.message)?;
        let event_id = order.event_id.map_or_else(|| ids::new("pEv"), Into::into);
        // The same event again is its next attempt; other events are at their own first.
        let further = if order.event_id.is_some() { place } else { 0 };
        let request = Attempt {
            workspace_id: &self.workspace,
            target_id: &self.target,
            version: order.version,
            event_id: &event_id,
            kind: order.kind,
            event_at: at,
            payload: &payload.to_string(),
            id: &ids::new("whAttempt"),
            number: order.first_attempt.saturating_add(further),
            at,
        }
        .signed(order.secret);
        Ok((request, event_id))
    }

    /// Nothing stands after the last body, so that it can be taken as it is; only a terminal gets its line end.
    fn print(&self, format: &str) -> Result<(), String> {
        let mut out = std::io::stdout().lock();
        let between = if format == "curl" { "\nnext\n" } else { "\n\n" };
        let mut write =
            |text: &str| out.write_all(text.as_bytes()).map_err(|error| error.to_string());
        for place in 0..self.order.count {
            if place > 0 {
                write(between)?;
            }
            let (request, _) = self.make(place)?;
            write(&if format == "curl" {
                for_curl(&request, self.order.url)
            } else {
                as_http(&request)
            })?;
        }
        if std::io::stdout().is_terminal() { write("\n") } else { Ok(()) }
    }

    /// Whether all of them were taken.
    async fn post(&self) -> Result<bool, String> {
        let http = super::client().map_err(|error| error.to_string())?;
        let mut all = true;
        for place in 0..self.order.count {
            let (request, event_id) = self.make(place)?;
            let began = Instant::now();
            let sent = request.to(&http, self.order.url).timeout(TIMEOUT).send().await;
            let (status, body) = match sent {
                Ok(response) => answer(response).await,
                Err(error) => return Err(no_answer(self.order.url, error)),
            };
            let ms = began.elapsed().as_secs_f64() * 1000.0;
            println!("{status} {body}  {ms:.1} ms  {} {event_id}", self.order.kind);
            if status == StatusCode::UNAUTHORIZED && place == 0 {
                eprintln!(
                    "It may expect another secret (--secret, PLAIN_WEBHOOK_SECRET) or a time nearer to now (--at)."
                );
            }
            all &= status.is_success();
        }
        Ok(all)
    }
}

/// Status and body, the latter fit for a terminal whatever was sent.
async fn answer(mut response: reqwest::Response) -> (StatusCode, String) {
    let mut body = Vec::new();
    while body.len() < LONGEST_ANSWER {
        // An answer that breaks off is shown as far as it came.
        let Ok(Some(chunk)) = response.chunk().await else { break };
        body.extend_from_slice(&chunk);
    }
    body.truncate(LONGEST_ANSWER);
    let text = String::from_utf8_lossy(&body);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    (response.status(), text.trim().chars().map(plain).collect())
}

/// The address without credentials, and the causes down to the last one.
fn no_answer(url: &str, error: reqwest::Error) -> String {
    let place = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
    let mut text = format!("no answer from {}", place.as_deref().unwrap_or("there"));
    let error = error.without_url();
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn as_http(request: &Request) -> String {
    let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    format!("{}\n{}", headers.collect::<String>(), request.body)
}

/// A configuration for `curl -K -`.
fn for_curl(request: &Request, url: &str) -> String {
    let quoted = |text: &str| {
        let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    };
    let mut lines = vec![format!("url = {}", quoted(url))];
    for (name, value) in &request.headers {
        lines.push(format!("header = {}", quoted(&format!("{name}: {value}"))));
    }
    lines.push(format!("data-raw = {}", quoted(&request.body)));
    lines.join("\n")
}

/// The event type of this name, whole or what stands behind the dot.
fn event_type(name: &str) -> Result<&'static str, String> {
    let mut kinds = events::ALL.iter().map(|(kind, _)| *kind);
    let short = |kind: &str| kind.split_once('.').is_some_and(|(_, short)| short == name);
    kinds.find(|kind| *kind == name || short(kind)).ok_or_else(|| {
        let nearest = nearest(name).join(", ");
        format!("there is no such event type; the nearest are {nearest}; --list names all")
    })
}

/// The three types whose names take the fewest changes to come to this one.
fn nearest(name: &str) -> Vec<&'static str> {
    let ending = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let wanted = ending(&name.to_ascii_lowercase());
    let mut kinds: Vec<_> = events::ALL
        .iter()
        .map(|(kind, _)| {
            let own = ending(kind);
            let within = wanted.len() >= 4 && own.contains(&wanted);
            (if within { 0 } else { distance(&wanted, &own) }, *kind)
        })
        .collect();
    kinds.sort();
    kinds.into_iter().take(3).map(|(_, kind)| kind).collect()
}

/// How many letters must be put in, taken out or exchanged to make one text of the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, letter) in from.chars().take(100).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], done + 1);
        for (at, other) in to.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = exchanged.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[to.len()]
}

fn id_of(
    prefix: &'static str,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| match ids::is(prefix, text) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "an id looks like {prefix}_01KQS44ER0KVVBRC15MBB8ADPP: {prefix}_ and 26 of the characters 0-9 A-Z without I L O U"
        )),
    }
}

fn address(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.to_owned())
        }
        _ => Err("an address looks like http://127.0.0.1:3000/api/webhooks/plain".into()),
    }
}

fn instant(text: &str) -> Result<i64, String> {
    time::parse(text).ok_or_else(|| "a time looks like 2026-05-04T09:12:03.410Z".into())
}

/// Also versions that do not exist: a portal must stand them.
fn version(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    match (1..=32).contains(&text.len()) && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("a version looks like {}", events::VERSIONS.join(" or "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        command().debug_assert();
    }

    #[test]
    fn types_by_whole_and_short_name() {
        for (kind, _) in events::ALL {
            assert_eq!(event_type(kind), Ok(kind));
            assert_eq!(event_type(kind.split_once('.').unwrap().1), Ok(kind));
        }
    }

    #[test]
    fn a_wrong_type_is_told_its_neighbours() {
        for (wrong, right) in [
            ("chat_send", "thread.chat_sent"),
            ("thread.chatsent", "thread.chat_sent"),
            ("CHAT_SENT", "thread.chat_sent"),
            ("status_transitioned", "thread.thread_status_transitioned"),
            ("customer.deleted", "customer.customer_deleted"),
            ("note", "thread.note_created"),
        ] {
            assert!(nearest(wrong).contains(&right), "{wrong}: {:?}", nearest(wrong));
        }
        assert!(event_type("").is_err());
        assert!(event_type(&"x".repeat(10_000)).is_err());
    }

    #[test]
    fn distances() {
        for (a, b, far) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), far, "{a} {b}");
        }
    }
}
