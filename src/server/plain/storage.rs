//! Plain's file storage: bytes go to an upload form, bytes come from a download address. Either address is its own
//! permission, so nothing else of ours is sent along, least of all the API key.
//!
//! Both ways the bytes pass through: what is in memory is what one read brought, however large the file.

use super::{
    client::PlainClient,
    operations::{DownloadUrl, UploadForm},
};
use bytes::Bytes;
use futures::{Stream, stream};
use reqwest::{
    Body, Response, StatusCode,
    header::{CONTENT_RANGE, RANGE},
    multipart,
};
use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

/// What went wrong with an upload, and on whose side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadError {
    /// The file broke off, or came too slowly.
    Broken,
    /// Fewer bytes came than were announced.
    Short,
    /// More bytes came than were announced.
    Long,
    /// The storage refused, failed, or stopped reading.
    Storage,
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "the file broke off",
            Self::Short => "the file is shorter than announced",
            Self::Long => "the file is longer than announced",
            Self::Storage => "the storage did not take the file",
        })
    }
}

impl std::error::Error for UploadError {}

/// Bytes that come from a download address.
#[derive(Debug)]
pub struct Fetched {
    response: Response,
    patience: Duration,
}

impl Fetched {
    /// 200, 206 for a part, 416 for a part that is not there.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// How many bytes come.
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Which part they are: `bytes 0-9/100`.
    pub fn part(&self) -> Option<&str> {
        self.response.headers().get(CONTENT_RANGE)?.to_str().ok()
    }

    /// The bytes. Ends with an error where the storage stops sending.
    pub fn content(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
        let Self { response, patience } = self;
        stream::try_unfold(response, move |mut response| async move {
            match tokio::time::timeout(patience, response.chunk()).await {
                Ok(Ok(chunk)) => Ok(chunk.map(|chunk| (chunk, response))),
                Ok(Err(_)) => Err(std::io::Error::other("the storage broke off")),
                Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
            }
        })
    }
}

impl PlainClient {
    /// Sends a file of exactly [`UploadForm::bytes`] bytes to its form. Dropping this ends the upload.
    pub async fn upload<S, E>(&self, form: &UploadForm, content: S) -> Result<(), UploadError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Send + 'static,
    {
        let flow = Arc::new(Flow::default());
        let counted = Counted { content: Box::pin(content), left: form.bytes, flow: flow.clone() };
        let file = multipart::Part::stream_with_length(Body::wrap_stream(counted), form.bytes)
            // The name came with the announcement; here it would only have to be quoted.
            .file_name("file")
            .mime_str("application/octet-stream")
            .map_err(|_| UploadError::Storage)?;
        let mut fields = multipart::Form::new();
        for (name, value) in &form.fields {
            fields = fields.text(name.clone(), value.clone());
        }
        let sending = self.storage().post(form.url.clone()).multipart(fields.part("file", file));
        let mut sending = Box::pin(sending.send());
        let answer = loop {
            let before = flow.taken.load(Relaxed);
            tokio::select! {
                answer = &mut sending => break answer,
                () = tokio::time::sleep(self.storage_patience()) => {
                    // Whoever sends us the file is watched by others.
                    let stuck = flow.taken.load(Relaxed) == before && !flow.waiting.load(Relaxed);
                    if stuck {
                        tracing::warn!("the storage stopped reading an upload");
                        return Err(UploadError::Storage);
                    }
                }
            }
        };
        if let Some(fault) = flow.fault() {
            return Err(fault);
        }
        match answer {
            Ok(answer)
                if answer.status().is_success() && flow.taken.load(Relaxed) == form.bytes =>
            {
                Ok(())
            }
            Ok(answer) => {
                tracing::warn!(status = answer.status().as_u16(), "the storage refused an upload");
                Err(UploadError::Storage)
            }
            Err(error) => {
                // The address is a permission; it stays out of the log.
                tracing::warn!(error = %error.without_url(), "the storage failed in an upload");
                Err(UploadError::Storage)
            }
        }
    }

    /// Asks for a file, or for the part of it that a header `Range` names. None: the storage cannot be reached, or
    /// answers something else.
    pub async fn fetch(&self, url: &DownloadUrl, range: Option<&str>) -> Option<Fetched> {
        let mut request = self.storage().get(url.as_str());
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        let patience = self.storage_patience();
        let answer = tokio::time::timeout(patience, request.send()).await;
        let fault = match answer {
            Ok(Ok(response)) => match response.status() {
                StatusCode::OK
                | StatusCode::PARTIAL_CONTENT
                | StatusCode::RANGE_NOT_SATISFIABLE => {
                    return Some(Fetched { response, patience });
                }
                other => other.to_string(),
            },
            Ok(Err(error)) => error.without_url().to_string(),
            Err(_) => "no answer in time".into(),
        };
        tracing::warn!(fault, "the storage did not hand out a file");
        None
    }
}

/// What the upload and its watch know of each other.
#[derive(Debug, Default)]
struct Flow {
    taken: AtomicU64,
    /// The file's next bytes are waited for.
    waiting: AtomicBool,
    fault: AtomicU8,
}

impl Flow {
    fn fault(&self) -> Option<UploadError> {
        match self.fault.load(Relaxed) {
            0 => None,
            1 => Some(UploadError::Broken),
            2 => Some(UploadError::Short),
            _ => Some(UploadError::Long),
        }
    }
}

/// Passes exactly so many bytes on, or fails.
struct Counted<S> {
    content: Pin<Box<S>>,
    left: u64,
    flow: Arc<Flow>,
}

impl<S: Stream<Item = Result<Bytes, E>>, E> Stream for Counted<S> {
    type Item = Result<Bytes, UploadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.content.as_mut().poll_next(cx);
        self.flow.waiting.store(next.is_pending(), Relaxed);
        let Poll::Ready(next) = next else { return Poll::Pending };
        let (word, fault) = match next {
            Some(Ok(chunk)) if chunk.len() as u64 <= self.left => {
                self.left -= chunk.len() as u64;
                self.flow.taken.fetch_add(chunk.len() as u64, Relaxed);
                return Poll::Ready(Some(Ok(chunk)));
            }
            None if self.left == 0 => return Poll::Ready(None),
            Some(Err(_)) => (1, UploadError::Broken),
            None => (2, UploadError::Short),
            Some(Ok(_)) => (3, UploadError::Long),
        };
        // The first one tells: whoever asks again after it finds the end too early.
        let _ = self.flow.fault.compare_exchange(0, word, Relaxed, Relaxed);
        Poll::Ready(Some(Err(fault)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, executor::block_on};

    fn passed(chunks: &[Result<&'static str, ()>], left: u64) -> (usize, Option<UploadError>) {
        let chunks: Vec<_> =
            chunks.iter().map(|it| it.map(|text| Bytes::from_static(text.as_bytes()))).collect();
        let flow = Arc::new(Flow::default());
        let counted = Counted { content: Box::pin(stream::iter(chunks)), left, flow: flow.clone() };
        let passed: Vec<_> = block_on(counted.take(9).collect());
        (passed.iter().flatten().map(Bytes::len).sum(), flow.fault())
    }

    #[test]
    fn exactly_so_many_bytes_pass() {
        assert_eq!(passed(&[Ok("abc"), Ok("de")], 5), (5, None));
        assert_eq!(passed(&[Ok("abc"), Ok("def")], 5), (3, Some(UploadError::Long)));
        assert_eq!(passed(&[Ok("abc"), Err(()), Ok("de")], 5).1, Some(UploadError::Broken));
        let short = stream::iter([Ok::<_, ()>(Bytes::from_static(b"abc"))]);
        let flow = Arc::new(Flow::default());
        let mut counted = Counted { content: Box::pin(short), left: 5, flow: flow.clone() };
        assert!(block_on(counted.next()).unwrap().is_ok());
        assert_eq!(block_on(counted.next()), Some(Err(UploadError::Short)));
        assert_eq!(flow.fault(), Some(UploadError::Short));
    }
}
