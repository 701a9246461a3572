//! Handing out files: only those that hang on a message which the thread's visitor may see.
//!
//! Plain gives a file to whoever names its id, so the proof is ours: the id must be on a page of this very thread
//! that passed the gate. The newest page is kept and fresh anyway; older ones are remembered for a while as they are
//! read, and if need be read for this.

use super::{Desk, errors};
use crate::{
    domain::{
        error::{Code, DeskError},
        file,
        ids::{AttachmentId, ThreadId},
        message::Attachment,
        sentence::Sentence,
        thread::Conversation,
    },
    server::plain::{
        operations::{Download, DownloadUrl},
        storage::Fetched,
    },
};
use std::time::Duration;

/// So many older pages are read in search of one file.
const MAX_PAGES: usize = 20;

/// What was seen on older pages. Bounded, and all of it may be lost.
#[derive(Debug)]
pub(super) struct Files {
    known: moka::future::Cache<(ThreadId, AttachmentId), Attachment>,
    /// Addresses of files that are shown piece by piece, for much less than the minutes that they live.
    minted: moka::future::Cache<(ThreadId, AttachmentId), DownloadUrl>,
    /// Threads that were searched just now; what was not found there is not there.
    searched: moka::future::Cache<ThreadId, ()>,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            known: bounded(20_000, 600),
            searched: bounded(10_000, 30),
            minted: bounded(10_000, 60),
        }
    }
}

fn bounded<K, V>(most: u64, seconds: u64) -> moka::future::Cache<K, V>
where
    K: std::hash::Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    let time = Duration::from_secs(seconds);
    moka::future::Cache::builder().max_capacity(most).time_to_live(time).build()
}

impl Files {
    /// Remembers the files of an older page.
    pub(super) async fn note(&self, page: &Conversation) {
        for file in page.messages.iter().flat_map(|message| &message.attachments) {
            self.known.insert((page.thread.id.clone(), file.id.clone()), file.clone()).await;
        }
    }
}

impl Desk {
    /// A short-lived address of a file in this thread. [`Code::NotFound`] for a file that is not in it, whether it
    /// exists elsewhere or not; Plain is not asked for such one. [`Code::Forbidden`] for what may do harm.
    /// [`Code::Unavailable`]: try again in a moment.
    pub async fn download(
        &self,
        thread: &ThreadId,
        id: &AttachmentId,
    ) -> Result<DownloadUrl, DeskError> {
        let file = self.handed_on(thread, id).await?;
        self.address(&file).await
    }

    /// The same for a file that the conversation shows, with the MIME type under which it is sent.
    /// [`Code::Forbidden`] for every kind that is not shown.
    pub async fn shown(
        &self,
        thread: &ThreadId,
        id: &AttachmentId,
    ) -> Result<(DownloadUrl, &'static str), DeskError> {
        let file = self.handed_on(thread, id).await?;
        let Some((_, kind)) = file::media(&file.mime_type) else {
            return Err(DeskError::of(Code::Forbidden, Sentence::FileNotShown));
        };
        let wanted = (thread.clone(), id.clone());
        if let Some(url) = self.0.files.minted.get(&wanted).await {
            return Ok((url, kind));
        }
        let url = self.address(&file).await?;
        self.0.files.minted.insert(wanted, url.clone()).await;
        Ok((url, kind))
    }

    /// A part of a shown file, or all of it.
    pub async fn fetch(
        &self,
        url: &DownloadUrl,
        range: Option<&str>,
    ) -> Result<Fetched, DeskError> {
        self.0.plain.fetch(url, range).await.ok_or_else(errors::no_file_now)
    }

    async fn handed_on(
        &self,
        thread: &ThreadId,
        id: &AttachmentId,
    ) -> Result<Attachment, DeskError> {
        let file = self.attachment(thread, id).await.map_err(|error| match error.code {
            Code::NotFound => error,
            _ => errors::no_file_now(),
        })?;
        if file::is_refused(&file.file_name) {
            return Err(DeskError::of(Code::Forbidden, Sentence::Program));
        }
        Ok(file)
    }

    async fn address(&self, file: &Attachment) -> Result<DownloadUrl, DeskError> {
        match self.0.plain.download_url(file.id.as_str()).await.map_err(errors::for_download)? {
            Download::Ready(url) => Ok(url),
            Download::Pending => Err(DeskError::of(Code::Unavailable, Sentence::BeingChecked)),
            Download::Infected => Err(DeskError::of(Code::Forbidden, Sentence::Harmful)),
            Download::Unscanned => Err(DeskError::of(Code::Forbidden, Sentence::Unchecked)),
        }
    }

    /// The file, if it hangs on a message of this thread that a visitor may see.
    async fn attachment(
        &self,
        thread: &ThreadId,
        id: &AttachmentId,
    ) -> Result<Attachment, DeskError> {
        let newest = self.conversation(thread).await?;
        if let Some(file) = on_page(&newest, id) {
            return Ok(file);
        }
        let Some(mut older) = newest.older.clone() else { return Err(DeskError::no_such_file()) };
        let Files { known, searched, .. } = &self.0.files;
        let wanted = (thread.clone(), id.clone());
        if let Some(file) = known.get(&wanted).await {
            return Ok(file);
        }
        // One searches; those who waited meanwhile find what it noted.
        let _turn = self.0.turns.take(&format!("files:{thread}")).await;
        if let Some(file) = known.get(&wanted).await {
            return Ok(file);
        }
        if searched.contains_key(thread) {
            return Err(DeskError::no_such_file());
        }
        for _ in 0..MAX_PAGES {
            let page = self.older(thread, &older).await?;
            if let Some(file) = on_page(&page, id) {
                return Ok(file);
            }
            match page.older {
                Some(next) => older = next,
                None => break,
            }
        }
        searched.insert(thread.clone(), ()).await;
        Err(DeskError::no_such_file())
    }
}

fn on_page(page: &Conversation, id: &AttachmentId) -> Option<Attachment> {
    page.messages
        .iter()
        .flat_map(|message| &message.attachments)
        .find(|file| file.id == *id)
        .cloned()
}
