//! `createAttachmentUploadUrl`: announces a file, and says which form takes its bytes.

use super::{create_attachment_download_url::is_safe, fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;
use std::fmt;
use url::Url;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/create_attachment_upload_url.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct CreateAttachmentUploadUrl;

fault!(create_attachment_upload_url);

/// What kind of message will carry a file. Plain refuses one that was announced for another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentKind {
    /// A chat: 100 MB a message.
    Chat,
    /// A message into Slack: 50 MB a message.
    Slack,
    /// An e-mail: 6 MB a message.
    Email,
}

/// The form that takes one announced file. Whoever has it may upload, so it shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadForm {
    /// The file's id from now on, `att_…`.
    pub attachment_id: String,
    /// Its exact size in bytes; the form takes no other.
    pub bytes: u64,
    pub(in crate::server::plain) url: Url,
    /// To be sent in this order, before the file.
    pub(in crate::server::plain) fields: Vec<(String, String)>,
}

impl fmt::Debug for UploadForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UploadForm({}, redacted)", self.attachment_id)
    }
}

impl PlainClient {
    /// Announces a file of exactly this many bytes. What is announced and never carried by a message, Plain deletes
    /// after a day; so announcing twice does no harm.
    pub async fn upload_form(
        &self,
        customer_id: &str,
        file_name: &str,
        bytes: u64,
        kind: AttachmentKind,
    ) -> Result<UploadForm, PlainError> {
        use create_attachment_upload_url::*;
        let input = CreateAttachmentUploadUrlInput {
            customer_id: customer_id.into(),
            file_name: file_name.into(),
            file_size_bytes: i64::try_from(bytes).map_err(|_| PlainError::Malformed("size"))?,
            attachment_type: match kind {
                AttachmentKind::Chat => AttachmentType::CHAT,
                AttachmentKind::Slack => AttachmentType::SLACK,
                AttachmentKind::Email => AttachmentType::EMAIL,
            },
        };
        let data =
            self.run::<CreateAttachmentUploadUrl>(Kind::Whole, Variables { input }, None).await?;
        let output = data.create_attachment_upload_url;
        let fault = output.error.map(Into::into);
        let given = output.attachment_upload_url;
        let given = outcome("CreateAttachmentUploadUrl", None, false, given, fault)?;
        let url = Url::parse(&given.upload_form_url).ok();
        let Some(url) = url.filter(|url| is_safe(self.api_url(), url)) else {
            tracing::warn!("Plain named an upload address that no file is sent to");
            return Err(PlainError::Malformed("an upload address of another kind"));
        };
        let fields = given.upload_form_data.into_iter().map(|pair| (pair.key, pair.value));
        let fields = fields.collect();
        Ok(UploadForm { attachment_id: given.attachment.id, bytes, url, fields })
    }
}
