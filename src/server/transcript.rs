//! `GET /t/{threadId}.txt` and `GET /t/{threadId}.json`: a conversation to keep.
//!
//! It is written while it is read, a page at a time, so its size costs no memory; a reader who is slow slows the reading
//! down. If Plain fails in the middle, the download breaks off: nobody takes half of it for the whole.

mod json;
mod text;

use super::{
    desk::transcript::Piece,
    guard::{client_address, error_response, set_retry_after},
    limits::Bucket,
    pages,
    state::AppState,
    visitor, zone,
};
use crate::{
    domain::{
        error::{Code, DeskError},
        message::Message,
        sentence::Sentence,
        thread::Thread,
        time::At,
    },
    features::conversation::file_page::FileRefused,
    language::Locale,
};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;

/// What a refusal that will pass tells a client to wait, in seconds.
const RETRY_AFTER: u64 = 5;

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

impl Format {
    fn kind(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Json => "json",
        }
    }

    fn writer(self, about: &About) -> Box<dyn Writer> {
        match self {
            Self::Text => Box::new(text::Text::new(about)),
            Self::Json => Box::new(json::Json::new(about)),
        }
    }
}

/// What a transcript says of itself.
struct About {
    thread: Thread,
    zone: TimeZone,
    locale: Locale,
    /// When it was asked for.
    now: At,
}

/// Writes a transcript piece by piece.
trait Writer: Send {
    /// Before the messages.
    fn head(&mut self) -> String;
    /// One message.
    fn message(&mut self, message: &Message) -> String;
    /// After the last of so many messages; `whole` unless some were left out.
    fn tail(&mut self, count: usize, whole: bool) -> String;
}

/// The thread and the format that a path asks for. Thread ids hold no dot.
fn wanted(request: &Request) -> Option<(String, Format)> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let name = request.uri().path().strip_prefix("/t/")?;
    let (thread, ending) = name.rsplit_once('.')?;
    let format = match ending {
        "txt" => Format::Text,
        "json" => Format::Json,
        _ => return None,
    };
    (!thread.contains('/')).then(|| (thread.to_owned(), format))
}

/// Around the pages, because the address of a transcript is also one of a page, of a thread with an odd name: 404 for a
/// thread that is not the session's, like its page; 429 and 503 with `Retry-After`.
pub async fn before_pages(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match wanted(&request) {
        Some((thread, format)) => answer(state, request, thread, format).await,
        None => next.run(request).await,
    }
}

async fn answer(state: AppState, request: Request, thread: String, format: Format) -> Response {
    // Without its body, which cannot be lent to another thread.
    let (parts, body) = request.into_parts();
    let error = match begin(&state, &parts, &thread, format).await {
        Ok(response) => return response,
        Err(error) => error,
    };
    let mut response = if pages::wants_page(&parts.headers) {
        let there = !matches!(error.code, Code::NotFound | Code::Removed);
        let page = FileRefused {
            back: if there { format!("/t/{thread}") } else { "/threads".into() },
            again: passing(&error).then(|| parts.uri.path().to_owned()),
            error: error.clone(),
        };
        let mut response = pages::instead(state, Request::from_parts(parts, body), page).await;
        set_retry_after(response.headers_mut(), &error);
        response
    } else {
        error_response(&error)
    };
    if passing(&error) {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(RETRY_AFTER.into());
    }
    response
}

fn passing(error: &DeskError) -> bool {
    matches!(error.code, Code::Unavailable | Code::RateLimited)
}

async fn begin(
    state: &AppState,
    request: &Parts,
    thread: &str,
    format: Format,
) -> Result<Response, DeskError> {
    let headers = &request.headers;
    let session = state.sessions.read(headers);
    let address = client_address(&request.extensions);
    let thread = visitor::held(session.as_ref(), thread)?;
    let first = async {
        let transcript = state.desk.transcript(&thread).await?;
        let about = About {
            thread: transcript.thread().clone(),
            zone: zone::of(headers),
            locale: state.languages.of(headers),
            now: At::from_millis(jiff::Timestamp::now().as_millisecond()),
        };
        let mut pieces = Box::pin(transcript.pieces());
        // Before anything is answered: a fault here still has a status.
        let first = pieces.try_next().await?;
        Ok((about, stream::iter(first.map(Ok)).chain(pieces)))
    };
    let (about, pieces) =
        visitor::counted(state, Bucket::Transcripts, session.as_ref(), address, first).await?;
    tracing::info!(%thread, format = format.ending(), "handed out a transcript");
    let name = file_name(&about.thread.reference, format);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(format.kind())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|_| unnamed())?),
    ];
    let body = match request.method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(written(format.writer(&about), pieces)),
    };
    Ok((StatusCode::OK, headers, body).into_response())
}

fn unnamed() -> DeskError {
    DeskError::of(Code::Internal, Sentence::Internal)
}

/// `attachment; filename="conversation-T-12.txt"`. Of the reference only what no system reads in a way of its own.
fn file_name(reference: &str, format: Format) -> String {
    let safe: String =
        reference.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    let name = ["conversation", &*safe].map(|it| it.trim_matches('-'));
    let name: Vec<_> = name.into_iter().filter(|it| !it.is_empty()).collect();
    format!("attachment; filename=\"{}.{}\"", name.join("-"), format.ending())
}

/// The whole text, as it comes to be.
fn written(
    writer: Box<dyn Writer>,
    pieces: impl Stream<Item = Result<Piece, DeskError>> + Send + 'static,
) -> impl Stream<Item = Result<Bytes, DeskError>> + Send + 'static {
    struct State<S> {
        writer: Box<dyn Writer>,
        pieces: S,
        count: usize,
        begun: bool,
        ended: bool,
        whole: bool,
    }
    let state = State {
        writer,
        pieces: Box::pin(pieces),
        count: 0,
        begun: false,
        ended: false,
        whole: true,
    };
    stream::try_unfold(state, |mut it| async move {
        if it.ended {
            return Ok(None);
        }
        let mut text = if it.begun { String::new() } else { it.writer.head() };
        it.begun = true;
        match it.pieces.try_next().await? {
            Some(Piece::Messages(messages)) => {
                it.count += messages.len();
                text.extend(messages.iter().map(|message| it.writer.message(message)));
            }
            Some(Piece::CutOff) => it.whole = false,
            None => {
                text.push_str(&it.writer.tail(it.count, it.whole));
                it.ended = true;
            }
        }
        Ok(Some((Bytes::from(text), it)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_transcripts() {
        let of = |method: Method, path: &str| {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = method;
            *request.uri_mut() = path.parse().unwrap();
            wanted(&request)
        };
        assert_eq!(of(Method::GET, "/t/th_1.txt?x=y"), Some(("th_1".into(), Format::Text)));
        assert_eq!(of(Method::HEAD, "/t/th_1.json"), Some(("th_1".into(), Format::Json)));
        for path in
            ["/t/th_1", "/t/th_1.html", "/t/a/b.txt", "/r/th_1.txt", "/t/th_1.TXT", "/x.txt"]
        {
            assert_eq!(of(Method::GET, path), None, "{path}");
        }
        assert_eq!(of(Method::POST, "/t/th_1.txt"), None);
    }

    #[test]
    fn names_of_files_are_harmless() {
        for (reference, name) in [
            ("T-12", "conversation-T-12.txt"),
            ("", "conversation.txt"),
            ("../../x\"\r\n;é", "conversation-x.txt"),
            ("--", "conversation.txt"),
        ] {
            let header = file_name(reference, Format::Text);
            assert_eq!(header, format!("attachment; filename=\"{name}\""), "{reference}");
        }
    }
}
