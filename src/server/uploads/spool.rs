//! Files that wait on the disk for a moment.

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use sha2::{Digest, Sha256};
use std::{io, num::NonZeroUsize, path::Path};
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

/// So much is read at once.
const CHUNK: usize = 64 * 1024;

/// A file that is being written.
pub(super) struct Spool {
    file: File,
    bytes: u64,
    digest: Sha256,
}

/// A file that lies on the disk, nameless: whatever ends this process, it is gone.
#[derive(Debug)]
pub struct Spooled {
    /// As it will be shown.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Of name and content: the same for the same file sent again.
    pub print: String,
    file: File,
}

impl Spool {
    pub(super) async fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder).await?;
        let path = folder.join(crate::server::session::random_key());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        let file = options.open(&path).await?;
        fs::remove_file(&path).await?;
        Ok(Self { file, bytes: 0, digest: Sha256::new() })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) async fn write(&mut self, chunk: &Bytes) -> io::Result<()> {
        self.bytes += chunk.len() as u64;
        self.digest.update(chunk);
        self.file.write_all(chunk).await
    }

    pub(super) async fn done(mut self, name: String, bytes: NonZeroUsize) -> io::Result<Spooled> {
        self.file.flush().await?;
        self.file.rewind().await?;
        self.digest.update(name.as_bytes());
        let print = hex::encode(self.digest.finalize());
        Ok(Spooled { name, bytes: bytes.get() as u64, print, file: self.file })
    }
}

impl Spooled {
    /// The bytes, from the beginning.
    pub fn content(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold((self.file, BytesMut::new()), |(mut file, mut buffer)| async move {
            buffer.reserve(CHUNK);
            let read = file.read_buf(&mut buffer).await?;
            Ok((read > 0).then(|| (buffer.split().freeze(), (file, buffer))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    #[tokio::test]
    async fn what_was_written_is_read_and_has_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
        let mut spool = Spool::new(folder.path()).await.unwrap();
        for chunk in content.chunks(7777) {
            spool.write(&Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        let bytes = NonZeroUsize::new(spool.bytes() as usize).unwrap();
        let file = spool.done("a.bin".into(), bytes).await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(file.bytes, 300_000);
        let read: Vec<Bytes> = file.content().try_collect().await.unwrap();
        assert_eq!(read.concat(), content);
        assert!(read.iter().all(|chunk| chunk.len() <= 2 * CHUNK));
    }
}
