//! `createAttachmentDownloadUrl`: a short-lived address of a file, and what the virus scan found.

use super::{fault, outcome};
use crate::server::plain::{PlainClient, PlainError, client::Kind};
use graphql_client::GraphQLQuery;
use std::fmt;
use url::{Host, Url};

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/server/plain/schema.graphql",
    query_path = "src/server/plain/operations/create_attachment_download_url.graphql",
    response_derives = "Debug, Clone",
    fragments_other_variant = "true",
    skip_serializing_none
)]
struct CreateAttachmentDownloadUrl;

fault!(create_attachment_download_url);

/// Where a file lies for some minutes. Whoever has the address has the file, so it shows itself to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct DownloadUrl(Url);

impl DownloadUrl {
    /// The address, in characters that a header can carry.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn parse(api: &Url, text: &str) -> Option<Self> {
        Url::parse(text).ok().filter(|url| is_safe(api, url)).map(Self)
    }
}

/// Where files may come from and go to: `https`, or this very machine if Plain itself is reached without encryption,
/// which is the sandbox.
pub(super) fn is_safe(api: &Url, url: &Url) -> bool {
    let here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let safe = match url.scheme() {
        "https" => true,
        "http" => here && api.scheme() == "http",
        _ => false,
    };
    safe && url.username().is_empty() && url.password().is_none()
}

impl fmt::Debug for DownloadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DownloadUrl(redacted)")
    }
}

/// What Plain says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Download {
    /// It was scanned and is clean, or the workspace has no scanner.
    Ready(DownloadUrl),
    /// The scan is not done.
    Pending,
    /// It is harmful.
    Infected,
    /// The scan failed, or ended in a word of tomorrow.
    Unscanned,
}

impl PlainClient {
    /// A fresh address for a file. Changes nothing at Plain. An answer in part is no answer: what is lost might be
    /// the scan's result, whose absence means something.
    pub async fn download_url(&self, attachment_id: &str) -> Result<Download, PlainError> {
        use create_attachment_download_url::*;
        let input = CreateAttachmentDownloadUrlInput { attachment_id: attachment_id.into() };
        let data =
            self.run::<CreateAttachmentDownloadUrl>(Kind::Whole, Variables { input }, None).await?;
        let output = data.create_attachment_download_url;
        let fault = output.error.map(Into::into);
        let url = match (output.attachment_virus_scan_result, &fault) {
            (_, Some(_)) | (None | Some(AttachmentVirusScanResult::CLEAN), None) => {
                output.attachment_download_url
            }
            (Some(AttachmentVirusScanResult::INFECTED), None) => return Ok(Download::Infected),
            (Some(AttachmentVirusScanResult::PENDING), None) => return Ok(Download::Pending),
            (Some(_), None) => return Ok(Download::Unscanned),
        };
        let url = outcome("CreateAttachmentDownloadUrl", None, false, url, fault)?;
        match DownloadUrl::parse(self.api_url(), &url.download_url) {
            Some(url) => Ok(Download::Ready(url)),
            None => {
                tracing::warn!("Plain named a download address that no browser is sent to");
                Err(PlainError::Malformed("a download address of another kind"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_safe_addresses_are_followed() {
        let parse = |api: &str, url: &str| {
            DownloadUrl::parse(&api.parse().unwrap(), url).map(|url| url.as_str().to_owned())
        };
        let plain = "https://core-api.uk.plain.com/graphql/v1";
        let sandbox = "http://127.0.0.1:3100/graphql/v1";
        let s3 = "https://bucket.s3.eu-west-2.amazonaws.com/w_1/att_1?X-Amz-Signature=abc";
        for api in [plain, sandbox] {
            assert_eq!(parse(api, s3).as_deref(), Some(s3));
            for bad in [
                "http://bucket.s3.eu-west-2.amazonaws.com/w_1/att_1",
                "https://ada:secret@bucket.example/att_1",
                "javascript:alert(1)",
                "data:text/html,<script>alert(1)</script>",
                "file:///etc/passwd",
                "//evil.example/a",
                "/t/x",
                "",
            ] {
                assert_eq!(parse(api, bad), None, "{bad}");
            }
        }
        for here in ["http://127.0.0.1:3100/files/a?b=c", "http://[::1]/a", "http://localhost/a"] {
            assert_eq!(parse(sandbox, here).as_deref(), Some(here));
            assert_eq!(parse(plain, here), None);
        }
        assert_eq!(parse(sandbox, "http://localhost.evil.example/a"), None);
        let odd = parse(plain, "https://a.example/b\r\nSet-Cookie: c=d").unwrap();
        assert!(odd.bytes().all(|b| b.is_ascii_graphic()), "{odd}");
        let url = DownloadUrl::parse(&plain.parse().unwrap(), s3).unwrap();
        assert!(!format!("{:?}", Download::Ready(url)).contains("abc"));
    }
}
