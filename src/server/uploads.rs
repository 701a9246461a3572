//! Files that visitors send: `POST /api/support/attachments`, and the files of the reply box without script.
//!
//! With script a file is a request of its own and passes straight on to Plain; nothing of it is kept here. What it
//! answers is a ticket, which says whose file it is and for which thread: a reply takes nobody else's, on any instance.
//!
//! A form without script says how large all of it is, but not each file, and Plain wants to know that first. So its
//! files wait on the disk, without a name that anybody could find, and never in memory.

mod spool;
mod ticket;

pub use spool::Spooled;
pub use ticket::Tickets;

use super::{
    config::Config,
    desk::uploads::{Attached, wrong},
    guard::{client_address, error_response},
    limits::Bucket,
    multipart::{self, Broken, Form},
    state::AppState,
    visitor,
};
use crate::domain::{
    error::{Code, DeskError},
    ids::{AttachmentId, ThreadId},
    sentence::Sentence,
};
use axum::{
    Json,
    body::Body,
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, Method, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many files as Plain takes with one message.
pub const MAX_FILES: usize = 100;
/// The route.
pub const PATH: &str = "/api/support/attachments";
/// Bytes a second that an upload must bring to be let go on for longer than other bodies.
const PACE: u32 = 16 * 1024;
/// The longest text field of a form; what is longer than a message may be is refused by name.
const MAX_FIELD: usize = 64 * 1024;
/// What a form may have around its files.
const AROUND: u64 = 256 * 1024;
/// So much of a refused form is read and thrown away, so that the browser reads our answer.
const MAX_DRAIN: usize = 16 * 1024 * 1024;
/// Forms with files that are read at once on this instance.
const MAX_SPOOLS: usize = 16;

/// What taking files needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Uploads {
    tickets: Tickets,
    folder: Arc<PathBuf>,
    places: Arc<Semaphore>,
}

impl Uploads {
    /// From the settings.
    pub fn new(config: &Config, tickets: Tickets) -> Self {
        let folder = Arc::new(config.data_dir.join("uploads"));
        Self { tickets, folder, places: Arc::new(Semaphore::new(MAX_SPOOLS)) }
    }
}

/// How fast the body of this request must come once it has taken as long as others may; none for others.
pub fn pace(request: &Request) -> Option<u32> {
    let path = request.uri().path();
    let form = || path.starts_with("/t/") && form_boundary(request.headers()).is_some();
    (*request.method() == Method::POST && (path == PATH || form())).then_some(PACE)
}

/// The boundary of a form with files.
pub fn form_boundary(headers: &HeaderMap) -> Option<&str> {
    multipart::boundary(headers.get(header::CONTENT_TYPE)?.to_str().ok()?)
}

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UploadQuery {
    thread_id: String,
    file_name: String,
    file_size_bytes: String,
}

/// What an upload answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    /// Plain's id, under which the file is found once a message carries it.
    attachment_id: AttachmentId,
    /// To be given back as one of the reply's `attachment_ids[]`, within a day. Opaque: an id alone attaches nothing.
    ticket: String,
    file_name: String,
    bytes: u64,
    mime_type: &'static str,
}

/// The route. 401 without a session, 404 for a thread that is not the session's; 422 for a kind of file that is not
/// taken and for an empty one, 413 for one that is too large, all before any of the file is read; 400 for one that is
/// not as long as its sender said; 503 where Plain cannot take it now.
pub async fn take(
    State(state): State<AppState>,
    query: Result<Query<UploadQuery>, QueryRejection>,
    request: Request,
) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    match taken(&state, query, request).await {
        Ok(taken) => ([(header::CACHE_CONTROL, "no-store")], Json(taken)).into_response(),
        Err(error) => error_response(&error),
    }
}

async fn taken(state: &AppState, query: UploadQuery, request: Request) -> Result<Taken, DeskError> {
    let session = state.sessions.read(request.headers()).ok_or_else(visitor::no_session)?;
    let thread = visitor::held(Some(&session), &query.thread_id)?;
    let bytes = query.file_size_bytes.parse::<u64>().map_err(|_| {
        DeskError::new(Code::BadRequest, "`fileSizeBytes` is the file's size, a number.")
    })?;
    let name = state.desk.check_file(&query.file_name, bytes)?;
    let length = request.headers().get(header::CONTENT_LENGTH);
    if length.and_then(|it| it.to_str().ok()?.parse().ok()) != Some(bytes) {
        return Err(DeskError::new(
            Code::BadRequest,
            "The body must be the file, and `Content-Length` its size.",
        ));
    }
    let address = client_address(request.extensions());
    state.limits.check(Bucket::Uploads, Some(&session), address)?;
    let content = request.into_body().into_data_stream();
    let id = state.desk.upload(&thread, &name, bytes, content).await.inspect_err(|error| {
        if error.code == Code::Unavailable {
            state.limits.give_back(Bucket::Uploads, Some(&session), address);
        }
    })?;
    let mime_type = mime_guess::from_path(&name).first_raw().unwrap_or("application/octet-stream");
    let ticket = state.uploads.tickets.write(&session.id, &thread, &id, bytes);
    let ticket = ticket.ok_or_else(|| DeskError::of(Code::Internal, Sentence::Internal))?;
    Ok(Taken { attachment_id: id, ticket, file_name: name, bytes, mime_type })
}

/// The files of a reply, as they came with it.
#[derive(Debug)]
pub enum Enclosed {
    /// Uploaded before: what that answered.
    Tickets(Vec<String>),
    /// Waiting on the disk.
    Spooled(Vec<Spooled>),
}

impl Enclosed {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Tickets(list) => list.is_empty(),
            Self::Spooled(list) => list.is_empty(),
        }
    }

    /// Brings them to Plain, those that are not there yet. [`Code::Forbidden`] for a ticket that is not this session's
    /// and thread's.
    pub async fn attach(
        self,
        state: &AppState,
        session: &str,
        thread: &ThreadId,
    ) -> Result<Vec<Attached>, DeskError> {
        let mut files: Vec<Attached> = Vec::new();
        match self {
            Self::Tickets(list) => {
                if list.len() > MAX_FILES {
                    return Err(too_many());
                }
                for ticket in list {
                    let read = state.uploads.tickets.read(&ticket, session, thread);
                    let (id, bytes) = read.ok_or_else(not_yours)?;
                    if files.iter().all(|file| file.id != id) {
                        files.push(Attached { print: id.to_string(), id, bytes });
                    }
                }
                too_much(state, files.iter().map(|file| file.bytes).sum())?;
            }
            Self::Spooled(list) => {
                for file in list {
                    let Spooled { name, bytes, print, .. } = &file;
                    let (name, bytes, print) = (name.clone(), *bytes, print.clone());
                    let id = state.desk.upload(thread, &name, bytes, file.content()).await?;
                    files.push(Attached { id, bytes, print });
                }
            }
        }
        Ok(files)
    }
}

fn too_many() -> DeskError {
    wrong(Sentence::FilesMany(MAX_FILES))
}

fn too_much(state: &AppState, bytes: u64) -> Result<(), DeskError> {
    let most = state.desk.upload_bytes();
    if bytes <= most {
        return Ok(());
    }
    Err(DeskError::of(Code::TooLarge, Sentence::FilesLarge(most / 1_000_000)))
}

fn not_yours() -> DeskError {
    DeskError::of(Code::Forbidden, Sentence::FileForeign)
}

/// A reply box with files, as it came without script.
#[derive(Debug, Default)]
pub struct Filled {
    /// What is typed in; what came before a fault stands here, too.
    pub text: String,
    /// The message's key.
    pub key: String,
    /// Another of the page's forms.
    pub intent: String,
    /// The files.
    pub files: Vec<Spooled>,
    /// To be held until the files are gone.
    pub place: Option<OwnedSemaphorePermit>,
}

/// Reads the form. The fields stand before the files, so a refused one still brings its text back.
pub async fn read_form(
    state: &AppState,
    boundary: &str,
    body: Body,
) -> (Filled, Result<(), DeskError>) {
    let mut filled = Filled::default();
    let Ok(place) = state.uploads.places.clone().try_acquire_owned() else {
        return (filled, Err(DeskError::of(Code::Unavailable, Sentence::NoUploadNow)));
    };
    filled.place = Some(place);
    let mut form = Form::new(boundary, body.into_data_stream());
    let result = match read_parts(state, &mut form, &mut filled).await {
        Ok(result) => result,
        Err(Broken) => Err(DeskError::of(Code::BadRequest, Sentence::FormBroken)),
    };
    if result.is_err() {
        filled.files.clear();
        form.drain(MAX_DRAIN).await;
    }
    (filled, result)
}

async fn read_parts<S, E>(
    state: &AppState,
    form: &mut Form<S>,
    filled: &mut Filled,
) -> Result<Result<(), DeskError>, Broken>
where
    S: futures::Stream<Item = Result<bytes::Bytes, E>> + Unpin,
{
    let most = state.desk.upload_bytes();
    let mut left = most;
    let mut around = AROUND;
    while let Some(head) = form.next().await? {
        // Parts without content count as well.
        let Some(still) = around.checked_sub(512) else { return Err(Broken) };
        around = still;
        let Some(file_name) = head.file_name else {
            let mut field = Vec::new();
            while let Some(chunk) = form.chunk().await? {
                if field.len() + chunk.len() > MAX_FIELD {
                    return Err(Broken);
                }
                field.extend_from_slice(&chunk);
            }
            let field = String::from_utf8_lossy(&field).into_owned();
            match head.name.as_str() {
                "text" => filled.text = field,
                "client_message_id" => filled.key = field,
                "intent" => filled.intent = field,
                _ => {}
            }
            continue;
        };
        // A box in which no file was chosen sends a part without a name.
        if file_name.is_empty() || head.name != "files" {
            continue;
        }
        if filled.files.len() == MAX_FILES {
            return Ok(Err(too_many()));
        }
        let name = match state.desk.check_file(&file_name, 1) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        let mut spool = match spool::Spool::new(&state.uploads.folder).await {
            Ok(spool) => spool,
            Err(error) => return Ok(Err(no_room(&error))),
        };
        while let Some(chunk) = form.chunk().await? {
            let Some(still) = left.checked_sub(chunk.len() as u64) else {
                let alone = filled.files.is_empty();
                let check = state.desk.check_file(&file_name, most + 1).map(drop);
                let error = if alone { check } else { too_much(state, most + 1) };
                return Ok(error);
            };
            left = still;
            if let Err(error) = spool.write(&chunk).await {
                return Ok(Err(no_room(&error)));
            }
        }
        let Some(bytes) = NonZeroUsize::new(spool.bytes() as usize) else {
            return Ok(state.desk.check_file(&file_name, 0).map(drop));
        };
        match spool.done(name, bytes).await {
            Ok(file) => filled.files.push(file),
            Err(error) => return Ok(Err(no_room(&error))),
        }
    }
    Ok(Ok(()))
}

fn no_room(error: &std::io::Error) -> DeskError {
    tracing::error!(%error, "files of a form cannot be kept in HOTLINE_DATA_DIR for a moment");
    DeskError::of(Code::Unavailable, Sentence::NoUploadNow)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str, kind: &str) -> Request {
        Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(Body::empty())
            .unwrap()
    }

    #[test]
    fn only_files_may_take_their_time() {
        let form = "multipart/form-data; boundary=x";
        assert!(pace(&request("POST", PATH, "image/png")).is_some());
        assert!(pace(&request("POST", "/t/th_1", form)).is_some());
        for (method, path, kind) in [
            ("GET", PATH, ""),
            ("POST", "/t/th_1", "application/x-www-form-urlencoded"),
            ("POST", "/api/support/reply", form),
            ("POST", "/", form),
        ] {
            assert_eq!(pace(&request(method, path, kind)), None, "{method} {path}");
        }
    }
}
