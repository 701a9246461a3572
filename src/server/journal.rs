//! A file of lines: read once, then only appended to, and written anew when it has grown. What the lines say is its owner's
//! business.

use std::{
    fs::{File, OpenOptions},
    future::Future,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

/// So many lines are appended, beyond twice as many as are needed, before the file is written anew.
pub const SLACK: usize = 1024;

/// How sure a line has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sure {
    /// The disk has it when [`Journal::append`] returns.
    Kept,
    /// A crash of the machine may take it away.
    Written,
}

/// The file. It is its owner's alone (mode 600).
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// None: the last write failed, perhaps in the middle of a line, and the file must be written anew.
    file: Option<File>,
    lines: usize,
    rewrite_at: usize,
}

impl Journal {
    /// The journal, and what is in the file; its last line may have been cut by a crash. [`Journal::rewrite`] comes next.
    pub fn read(path: PathBuf) -> io::Result<(Self, String)> {
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        Ok((Self { path, file: None, lines: 0, rewrite_at: 0 }, text))
    }

    /// Whether it has to be written anew before anything can be appended.
    pub fn is_due(&self) -> bool {
        self.file.is_none() || self.lines >= self.rewrite_at
    }

    /// Appends a line, with its end. An error promises nothing, and makes a rewrite due.
    pub fn append(&mut self, line: &str, sure: Sure) -> io::Result<()> {
        let Some(mut file) = self.file.take() else {
            return Err(io::Error::other(format!("{} is closed", self.path.display())));
        };
        file.write_all(line.as_bytes())?;
        if sure == Sure::Kept {
            file.sync_data()?;
        }
        self.file = Some(file);
        self.lines += 1;
        Ok(())
    }

    /// Writes these lines, and no others, into a new file, which takes the old one's place whole.
    pub fn rewrite(&mut self, lines: impl Iterator<Item = String>) -> io::Result<()> {
        let mut count = 0;
        let text: String = lines.inspect(|_| count += 1).collect();
        let new = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        sync_folder(&self.path)?;
        self.file = Some(file);
        self.lines = count;
        self.rewrite_at = 2 * count + SLACK;
        Ok(())
    }

    /// As after a write that failed.
    #[cfg(test)]
    pub fn lose(&mut self) {
        self.file = None;
    }
}

/// A renamed file is there after a crash only if its folder is written, too.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => {
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(here)?.sync_all()
        }
        _ => Ok(()),
    }
}

/// What [`on`] will have done.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Does something with a book that keeps a journal, elsewhere: waiting for the disk must not hold up other visitors.
pub fn on<'a, B: Send + 'static, T: Send + 'static>(
    book: &Arc<Mutex<B>>,
    work: impl FnOnce(&mut B) -> io::Result<T> + Send + 'static,
) -> Work<'a, T> {
    let book = book.clone();
    Box::pin(async move {
        let work = move || work(&mut book.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e)))
    })
}
