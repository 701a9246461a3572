//! Taking files from visitors: announced at Plain, then passed on to its storage as they come.

use super::{Desk, errors};
use crate::{
    domain::{
        error::{Code, DeskError, FieldError},
        file,
        ids::{AttachmentId, ThreadId},
        sentence::Sentence,
    },
    server::plain::{
        operations::{AttachmentKind, Channel},
        storage::UploadError,
    },
};
use bytes::Bytes;
use futures::Stream;

/// A file that lies at Plain and waits for the message that will carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Plain's id.
    pub id: AttachmentId,
    /// Its exact size.
    pub bytes: u64,
    /// What makes it the same file when a message is sent again: its id, or where each try uploads anew, its content.
    pub print: String,
}

impl Desk {
    /// Checks a file before any of it is read: its kind (422), its size (422 for none, 413 for too much). The name as it
    /// will be shown.
    pub fn check_file(&self, name: &str, bytes: u64) -> Result<String, DeskError> {
        let most = self.0.settings.upload_bytes;
        let shown = file::shown_name(name);
        if file::is_refused(name) || file::is_refused(&shown) {
            return Err(wrong(Sentence::FileKind));
        }
        if bytes == 0 {
            return Err(wrong(Sentence::FileEmpty));
        }
        if bytes > most {
            return Err(too_large(most));
        }
        Ok(shown)
    }

    /// The most bytes that one message may carry in files.
    pub fn upload_bytes(&self) -> u64 {
        self.0.settings.upload_bytes
    }

    /// Passes a file on to Plain. `name` and `bytes` went through [`Desk::check_file`]; `content` must be exactly that
    /// long. Dropping this ends the upload.
    pub async fn upload<S, E>(
        &self,
        thread: &ThreadId,
        name: &str,
        bytes: u64,
        content: S,
    ) -> Result<AttachmentId, DeskError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Send + 'static,
    {
        self.present(thread).await?;
        let customer = self.customer_of(thread).await?;
        let plain = &self.0.plain;
        let kind = match self.channel_of(thread).await {
            Ok(Channel::Chat) => AttachmentKind::Chat,
            Ok(Channel::Slack) => AttachmentKind::Slack,
            Ok(Channel::Other) => AttachmentKind::Email,
            Err(error) => return Err(errors::for_upload(error, self.0.settings.upload_bytes)),
        };
        let form = plain.upload_form(&customer, name, bytes, kind).await;
        let form = match form {
            Ok(form) => form,
            Err(error) => {
                // Perhaps the customer was merged into another; next time it is asked for.
                self.0.customers.invalidate(thread).await;
                return Err(errors::for_upload(error, self.0.settings.upload_bytes));
            }
        };
        let Ok(id) = AttachmentId::parse(form.attachment_id.as_str()) else {
            tracing::warn!("Plain named a file in a way that cannot be used");
            return Err(errors::no_upload_now());
        };
        let outcome = plain.upload(&form, content).await;
        let word = match outcome {
            Ok(()) => "ok",
            Err(UploadError::Storage) => "storage",
            Err(_) => "sender",
        };
        metrics::counter!("hotline_uploads_total", "outcome" => word).increment(1);
        match outcome {
            Ok(()) => {
                tracing::info!(%thread, attachment = %id, bytes, "took a file");
                Ok(id)
            }
            Err(UploadError::Storage) => Err(errors::no_upload_now()),
            Err(fault) => {
                tracing::debug!(%thread, %fault, "a file did not arrive whole");
                Err(DeskError::of(Code::BadRequest, Sentence::FileBroken))
            }
        }
    }
}

/// What is wrong with a file.
pub(in crate::server) fn wrong(sentence: Sentence) -> DeskError {
    DeskError::invalid(vec![FieldError::new("files", sentence)])
}

/// More than a message may carry.
pub(super) fn too_large(most: u64) -> DeskError {
    DeskError::of(Code::TooLarge, Sentence::FileLarge(most / 1_000_000))
}
