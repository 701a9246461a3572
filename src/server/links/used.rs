//! Which links were used. A link that was exchanged must not be exchanged again, after a restart either.

mod redis;

pub use redis::UsedInRedis;

use super::is_id;
use crate::server::{
    clock::Clock,
    journal::{self, Journal, Sure, Work},
};
use std::{
    collections::HashMap,
    fmt, io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// A boxed future, so that the trait stays object safe.
pub type Claim<'a> = Work<'a, bool>;

/// Remembers used links. Instances that share their visitors share one of these.
pub trait UsedLinks: Send + Sync + fmt::Debug + 'static {
    /// Notes that the link `id`, which ends at `expires` (seconds since 1970), is used; whether this was the first
    /// time. Of many at once, one is told `true`. It answers when that is kept for good; an error promises nothing.
    fn claim<'a>(&'a self, id: &'a str, expires: i64) -> Claim<'a>;
}

/// So many used links are remembered, about 10 MB. One more is refused rather than an older one forgotten: forgotten,
/// it would open again.
const MAX_USED: usize = 100_000;
/// Expired links are kept for another day, should the machine's clock be set back.
const GRACE_SECONDS: i64 = 86_400;

/// The memory of a single instance: a [`Journal`] of lines `{expires} {id}`, from which the expired ones go when it is
/// written anew.
#[derive(Debug, Clone)]
pub struct UsedFile(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    journal: Journal,
    clock: Arc<dyn Clock>,
    used: HashMap<String, i64>,
}

impl UsedFile {
    /// Reads what is there, and makes sure that it can be written.
    pub fn open(path: PathBuf, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (journal, text) = Journal::read(path)?;
        // The last line may have been cut by a crash; then nobody was told that its link was the first.
        let used = text.lines().filter_map(entry).collect();
        let mut book = Book { journal, clock, used };
        book.rewrite()?;
        Ok(Self(Arc::new(Mutex::new(book))))
    }
}

impl UsedLinks for UsedFile {
    fn claim<'a>(&'a self, id: &'a str, expires: i64) -> Claim<'a> {
        let id = id.to_owned();
        journal::on(&self.0, move |book| book.claim(&id, expires))
    }
}

fn entry(line: &str) -> Option<(String, i64)> {
    let (expires, id) = line.split_once(' ')?;
    is_id(id).then_some((id.to_owned(), expires.parse().ok()?))
}

impl Book {
    fn claim(&mut self, id: &str, expires: i64) -> io::Result<bool> {
        if self.used.contains_key(id) {
            return Ok(false);
        }
        if self.journal.is_due() || self.used.len() >= MAX_USED {
            self.rewrite()?;
        }
        if self.used.len() >= MAX_USED {
            return Err(io::Error::other("too many used links to remember"));
        }
        self.journal.append(&line(id, expires), Sure::Kept)?;
        self.used.insert(id.to_owned(), expires);
        Ok(true)
    }

    /// Forgets the expired ones.
    fn rewrite(&mut self) -> io::Result<()> {
        let now = self.clock.now_ms().div_euclid(1000);
        self.used.retain(|_, expires| expires.saturating_add(GRACE_SECONDS) > now);
        self.journal.rewrite(self.used.iter().map(|(id, expires)| line(id, *expires)))
    }
}

fn line(id: &str, expires: i64) -> String {
    format!("{expires} {id}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{clock::FixedClock, journal::SLACK};

    const NOW: i64 = 1_777_885_924;
    const DAY: i64 = 86_400;

    struct Place {
        folder: tempfile::TempDir,
        clock: Arc<FixedClock>,
    }

    impl Place {
        fn new() -> Self {
            let clock = Arc::new(FixedClock::at(NOW * 1000));
            Self { folder: tempfile::tempdir().unwrap(), clock }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("used-links")
        }

        fn open(&self) -> UsedFile {
            UsedFile::open(self.path(), self.clock.clone()).unwrap()
        }

        fn lines(&self) -> usize {
            std::fs::read_to_string(self.path()).unwrap().lines().count()
        }
    }

    fn id(n: usize) -> String {
        format!("{n:032x}")
    }

    #[tokio::test]
    async fn used_stays_used_over_restarts() {
        let place = Place::new();
        let book = place.open();
        assert!(book.claim(&id(1), NOW + DAY).await.unwrap());
        assert!(!book.claim(&id(1), NOW + DAY).await.unwrap());
        // No farewell: as after a crash.
        let again = place.open();
        assert!(!again.claim(&id(1), NOW + DAY).await.unwrap());
        assert!(again.claim(&id(2), NOW + DAY).await.unwrap());
        let third = place.open();
        assert!(!third.claim(&id(2), NOW + DAY).await.unwrap());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        place.open().claim(&id(1), NOW + DAY).await.unwrap();
        let mode = std::fs::metadata(place.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_line_that_a_crash_cut_harms_no_other() {
        let place = Place::new();
        let whole = format!("{} {}\n", NOW + DAY, id(1));
        let cut = format!("{} {}", NOW + DAY, &id(2)[..20]);
        std::fs::write(
            place.path(),
            [whole.as_bytes(), b"\xff nonsense\n", cut.as_bytes()].concat(),
        )
        .unwrap();
        let book = place.open();
        assert!(!book.claim(&id(1), NOW + DAY).await.unwrap());
        assert!(book.claim(&id(2), NOW + DAY).await.unwrap());
        assert!(!place.open().claim(&id(2), NOW + DAY).await.unwrap());
    }

    #[tokio::test]
    async fn it_does_not_grow_for_ever() {
        let place = Place::new();
        let book = place.open();
        for n in 0..SLACK {
            book.claim(&id(n), NOW + 60).await.unwrap();
        }
        assert_eq!(place.lines(), SLACK);
        place.clock.advance((DAY + 61) * 1000);
        assert!(book.claim(&id(SLACK), NOW + 9 * DAY).await.unwrap());
        assert_eq!(place.lines(), 1);
        assert!(!book.claim(&id(SLACK), NOW + 9 * DAY).await.unwrap());
        place.clock.advance(9 * DAY * 1000);
        place.open();
        assert_eq!(place.lines(), 0);
    }

    #[tokio::test]
    async fn a_full_book_refuses_and_forgets_nothing() {
        let place = Place::new();
        let text: String = (0..MAX_USED).map(|n| line(&id(n), NOW + 9 * DAY)).collect();
        std::fs::write(place.path(), text).unwrap();
        let book = place.open();
        assert!(book.claim(&id(MAX_USED), NOW + 9 * DAY).await.is_err());
        assert!(!book.claim(&id(0), NOW + 9 * DAY).await.unwrap());
        place.clock.advance(11 * DAY * 1000);
        assert!(book.claim(&id(MAX_USED), NOW + 19 * DAY).await.unwrap());
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_not_promised() {
        let place = Place::new();
        let book = place.open();
        // A folder in the way of the new file, and a handle that is gone.
        std::fs::create_dir(place.path().with_extension("new")).unwrap();
        book.0.lock().unwrap().journal.lose();
        assert!(book.claim(&id(1), NOW + DAY).await.is_err());
        std::fs::remove_dir(place.path().with_extension("new")).unwrap();
        assert!(book.claim(&id(1), NOW + DAY).await.unwrap());
        assert!(!place.open().claim(&id(1), NOW + DAY).await.unwrap());
    }
}
