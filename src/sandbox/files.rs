//! Upload forms and download links. Neither takes the API key: a secret in the address is the permission,
//! and it does not last.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::graphql::render;
use super::model::Attachment;
use super::webhooks::sign::sign;
use super::workspace::Workspace;
use super::{store, time};

/// Three minutes.
pub const DOWNLOAD_LIFE_MS: i64 = 3 * 60 * 1000;
const BODY_LIMIT: usize = 101 * 1024 * 1024;

pub fn routes() -> Router<Arc<Workspace>> {
    Router::new()
        .route("/files/upload/{token}", post(upload))
        .route("/files/{id}", get(download))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

/// GraphQL's `AttachmentUploadUrl`.
pub fn upload_form(workspace: &Workspace, file: &Attachment) -> Value {
    let identity = &workspace.identity;
    let key = format!(
        "{}/pending/machineUser/{}/{}",
        identity.workspace_id, identity.machine_user_id, file.id
    );
    let pair = |key: &str, value: &str| json!({"key": key, "value": value});
    json!({
        "attachment": render::attachment(identity, file),
        "uploadFormUrl": format!("{}/files/upload/{}", workspace.base_url, file.upload_token),
        "uploadFormData": [
            pair("acl", "private"),
            pair("Content-Type", "application/octet-stream"),
            pair("key", &key),
            pair("Policy", &policy(workspace, file)),
        ],
        "expiresAt": render::stamp(file.upload_expires_at),
    })
}

/// Pins the file and its exact size.
fn policy(workspace: &Workspace, file: &Attachment) -> String {
    sign(&workspace.signing_secret, format!("upload:{}:{}", file.id, file.size).as_bytes())
}

pub fn download_url(workspace: &Workspace, file: &Attachment, expires: i64) -> String {
    let signature = link_signature(workspace, &file.id, expires);
    format!("{}/files/{}?expires={expires}&signature={signature}", workspace.base_url, file.id)
}

fn link_signature(workspace: &Workspace, id: &str, expires: i64) -> String {
    sign(&workspace.signing_secret, format!("download:{id}:{expires}").as_bytes())
}

type Wrong = (StatusCode, &'static str);

async fn upload(
    State(workspace): State<Arc<Workspace>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let wrong = (StatusCode::BAD_REQUEST, "The body is not multipart/form-data.");
    let stored = match form {
        _ if headers.contains_key(header::AUTHORIZATION) => {
            Err((StatusCode::BAD_REQUEST, "Only one way of authentication is allowed."))
        }
        Ok(form) => store_upload(&workspace, &token, form).await,
        Err(_) => Err(wrong),
    };
    match stored {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err((status, why)) => (status, why).into_response(),
    }
}

async fn store_upload(
    workspace: &Arc<Workspace>,
    token: &str,
    mut form: Multipart,
) -> Result<(), Wrong> {
    let wrong = |why| (StatusCode::BAD_REQUEST, why);
    let broken = |_| wrong("The body is not a whole multipart/form-data.");
    let failed = |_| (StatusCode::INTERNAL_SERVER_ERROR, "The storage failed.");
    let mut file = workspace
        .read(|db| Ok(store::files::by_upload_token(db, token)?))
        .map_err(failed)?
        .ok_or((StatusCode::FORBIDDEN, "Access denied."))?;
    if time::now() > file.upload_expires_at {
        return Err((StatusCode::FORBIDDEN, "The policy has expired."));
    }
    let mut fields: Vec<(String, Bytes)> = Vec::new();
    let mut last = loop {
        let field = form.next_field().await.map_err(broken)?;
        let field = field.ok_or_else(|| wrong("The form's last field must be file."))?;
        match field.name() {
            Some("file") => break field,
            name => {
                let name = name.unwrap_or_default().to_owned();
                fields.push((name, field.bytes().await.map_err(broken)?));
            }
        }
    };
    let given = upload_form(workspace, &file);
    let pairs = given["uploadFormData"].as_array().map(Vec::as_slice).unwrap_or_default();
    let complete = pairs.iter().all(|pair| {
        let value = pair["value"].as_str().map(str::as_bytes);
        fields.iter().any(|(name, content)| pair["key"] == *name && value == Some(content))
    });
    if fields.len() < pairs.len() {
        return Err(wrong("The form's last field must be file."));
    }
    if !complete {
        return Err((StatusCode::FORBIDDEN, "Fields of the upload form are missing or changed."));
    }
    let size = || wrong("The file does not have the size that was announced.");
    let (mut buffer, mut nth, mut sum) = (Vec::new(), 0, 0);
    while let Some(chunk) = last.chunk().await.map_err(broken)? {
        sum += chunk.len() as i64;
        if sum > file.size {
            return Err(size());
        }
        buffer.extend_from_slice(&chunk);
        while buffer.len() >= PIECE {
            let rest = buffer.split_off(PIECE);
            keep(workspace, &file.id, &mut nth, &buffer)?;
            buffer = rest;
        }
    }
    drop(last);
    if form.next_field().await.map_err(broken)?.is_some() {
        return Err(wrong("The form's last field must be file."));
    }
    if sum != file.size {
        return Err(size());
    }
    keep(workspace, &file.id, &mut nth, &buffer)?;
    file.uploaded = true;
    workspace.act(|act| Ok(store::files::save(act.db, &file)?)).map_err(failed)
}

const PIECE: usize = store::files::PIECE as usize;

fn keep(
    workspace: &Arc<Workspace>,
    file: &str,
    nth: &mut i64,
    content: &[u8],
) -> Result<(), Wrong> {
    if !content.is_empty() {
        workspace
            .act(|act| Ok(store::files::store_piece(act.db, file, *nth, content)?))
            .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "The storage failed."))?;
        *nth += 1;
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Link {
    expires: i64,
    signature: String,
}

async fn download(
    State(workspace): State<Arc<Workspace>>,
    Path(id): Path<String>,
    Query(link): Query<Link>,
    headers: HeaderMap,
) -> Response {
    let denied = (StatusCode::FORBIDDEN, "Access denied.").into_response();
    if link.signature != link_signature(&workspace, &id, link.expires) || time::now() > link.expires
    {
        return denied;
    }
    let found = workspace
        .read(|db| Ok((store::files::by_id(db, &id)?, store::files::piece(db, &id, 0)?.is_some())));
    let file = match found {
        Ok((Some(file), true)) => file,
        Ok(_) => return StatusCode::NOT_FOUND.into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let wanted = headers.get(header::RANGE).and_then(|it| it.to_str().ok());
    let part = match wanted.and_then(|range| part(range, file.size)) {
        Some(Some(part)) => Some(part),
        Some(None) => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{}", file.size))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response();
        }
        None => None,
    };
    let (from, to) = part.unwrap_or((0, file.size));
    let name: String = file
        .file_name
        .chars()
        .map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' })
        .collect();
    let mut response = Response::new(Body::from_stream(content(workspace, id, from, to)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, value(&file.mime));
    headers.insert(header::CONTENT_LENGTH, (to - from).into());
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_DISPOSITION, value(&format!("attachment; filename=\"{name}\"")));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if part.is_some() {
        let range = format!("bytes {from}-{}/{}", to - 1, file.size);
        headers.insert(header::CONTENT_RANGE, value(&range));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// The bytes from one place to another, read as they are sent.
fn content(
    workspace: Arc<Workspace>,
    id: String,
    from: i64,
    to: i64,
) -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::try_unfold(from, move |from| {
        let piece = match from < to {
            true => workspace.read(|db| Ok(store::files::piece(db, &id, from)?)),
            false => Ok(None),
        };
        let next = match piece {
            Ok(Some(mut piece)) => {
                piece.truncate(usize::try_from(to - from).unwrap_or(usize::MAX));
                let next = from + piece.len() as i64;
                Ok(Some((Bytes::from(piece), next)))
            }
            Ok(None) if from < to => Err(std::io::Error::other("the content ends early")),
            Ok(None) => Ok(None),
            Err(_) => Err(std::io::Error::other("the storage failed")),
        };
        std::future::ready(next)
    })
}

/// The part of a file that a header `Range` asks for, from and to; `Some(None)` if there is none of it, none for a header
/// that is not understood and so does not count.
fn part(range: &str, size: i64) -> Option<Option<(i64, i64)>> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (first, last) {
        ("", last) => (size - last.parse::<i64>().ok()?.min(size), size),
        (first, "") => (first.parse().ok()?, size),
        (first, last) => {
            (first.parse().ok()?, last.parse::<i64>().ok()?.saturating_add(1).min(size))
        }
    };
    Some((from < to).then_some((from, to)))
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn parts_of_a_file() {
        for (range, found) in [
            ("bytes=0-4", Some(Some((0, 5)))),
            ("bytes=5-", Some(Some((5, 10)))),
            ("bytes=-3", Some(Some((7, 10)))),
            ("bytes=-30", Some(Some((0, 10)))),
            ("bytes=8-99", Some(Some((8, 10)))),
            ("bytes=10-", Some(None)),
            ("bytes=5-3", Some(None)),
            ("bytes=0-1,4-5", None),
            ("lines=1-2", None),
        ] {
            assert_eq!(part(range, 10), found, "{range}");
        }
    }
}
