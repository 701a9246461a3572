//! Upload forms and download links. Neither takes the API key: a secret in the address is the permission,
//! and it does not last.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::graphql::render;
use super::model::Attachment;
use super::webhooks::sign::sign;
use super::workspace::Workspace;
use super::{multipart, store, time};

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

async fn upload(
    State(workspace): State<Arc<Workspace>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match store_upload(&workspace, &token, &headers, &body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err((status, why)) => (status, why).into_response(),
    }
}

fn store_upload(
    workspace: &Arc<Workspace>,
    token: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), (StatusCode, &'static str)> {
    let wrong = |why| (StatusCode::BAD_REQUEST, why);
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(wrong("Only one way of authentication is allowed."));
    }
    let mut file = workspace
        .read(|db| Ok(store::files::by_upload_token(db, token)?))
        .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "The storage failed."))?
        .ok_or((StatusCode::FORBIDDEN, "Access denied."))?;
    if time::now() > file.upload_expires_at {
        return Err((StatusCode::FORBIDDEN, "The policy has expired."));
    }
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let parts = multipart::parts(kind, body)
        .ok_or_else(|| wrong("The body is not multipart/form-data."))?;
    let Some((last, fields)) = parts.split_last() else { return Err(wrong("The form is empty.")) };
    if last.name != "file" || fields.iter().any(|field| field.name == "file") {
        return Err(wrong("The form's last field must be file."));
    }
    let given = upload_form(workspace, &file);
    let pairs = given["uploadFormData"].as_array().map(Vec::as_slice).unwrap_or_default();
    let complete = pairs.iter().all(|pair| {
        fields.iter().any(|it| {
            pair["key"] == it.name && pair["value"].as_str().map(str::as_bytes) == Some(it.content)
        })
    });
    if !complete {
        return Err((StatusCode::FORBIDDEN, "Fields of the upload form are missing or changed."));
    }
    if last.content.len() as i64 != file.size {
        return Err(wrong("The file does not have the size that was announced."));
    }
    file.uploaded = true;
    workspace
        .act(|act| {
            store::files::store_content(act.db, &file.id, last.content)?;
            Ok(store::files::save(act.db, &file)?)
        })
        .map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, "The storage failed."))
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
) -> Response {
    let denied = (StatusCode::FORBIDDEN, "Access denied.").into_response();
    if link.signature != link_signature(&workspace, &id, link.expires) || time::now() > link.expires
    {
        return denied;
    }
    let found =
        workspace.read(|db| Ok((store::files::by_id(db, &id)?, store::files::content(db, &id)?)));
    match found {
        Ok((Some(file), Some(content))) => {
            let name: String = file
                .file_name
                .chars()
                .map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' })
                .collect();
            let mut response = content.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, value(&file.mime));
            headers.insert(
                header::CONTENT_DISPOSITION,
                value(&format!("attachment; filename=\"{name}\"")),
            );
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
            response
        }
        Ok(_) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}
