//! The marks of a single instance, in a file.

use super::{Mark, Marking, Marks};
use crate::{
    domain::ids::{EntryId, ThreadId},
    server::journal::{self, Journal, Sure},
};
use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// So many threads are remembered, about 20 MB; the longest unread go first.
const MOST: usize = 100_000;
/// When there are too many, so many go at once.
const SPARE: usize = 1000;

/// A [`Journal`] of lines `{at} {thread} {entry}`, the later ones counting. It is not made sure that the disk has each line:
/// what a crash of the machine takes away is read once more.
#[derive(Debug, Clone)]
pub struct MarksFile(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    journal: Journal,
    marks: HashMap<ThreadId, Mark>,
}

impl MarksFile {
    /// Reads what is there, and makes sure that it can be written.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let (journal, text) = Journal::read(path)?;
        let mut book = Book { journal, marks: HashMap::new() };
        for (thread, mark) in text.lines().filter_map(entry) {
            match mark {
                Some(mark) => drop(book.marks.insert(thread, mark)),
                None => drop(book.marks.remove(&thread)),
            }
        }
        book.rewrite()?;
        Ok(Self(Arc::new(Mutex::new(book))))
    }
}

impl Marks for MarksFile {
    fn advance<'a>(&'a self, thread: &'a ThreadId, to: &'a Mark) -> Marking<'a, (Mark, bool)> {
        let (thread, to) = (thread.clone(), to.clone());
        journal::on(&self.0, move |book| book.advance(&thread, to))
    }

    fn of<'a>(&'a self, thread: &'a ThreadId) -> Marking<'a, Option<Mark>> {
        let thread = thread.clone();
        journal::on(&self.0, move |book| Ok(book.marks.get(&thread).cloned()))
    }

    fn forget<'a>(&'a self, threads: &'a [ThreadId]) -> Marking<'a, ()> {
        let threads = threads.to_vec();
        journal::on(&self.0, move |book| {
            for thread in threads {
                if book.marks.remove(&thread).is_some() {
                    book.append(&line(&thread, None))?;
                }
            }
            Ok(())
        })
    }
}

/// A line; without a mark, the thread was forgotten.
fn entry(line: &str) -> Option<(ThreadId, Option<Mark>)> {
    let mut words = line.split(' ');
    let at: i64 = words.next()?.parse().ok()?;
    let thread = ThreadId::parse(words.next()?).ok()?;
    let mark = match words.next()? {
        "-" => None,
        entry => Some(Mark { at, entry: EntryId::parse(entry).ok()? }),
    };
    words.next().is_none().then_some((thread, mark))
}

fn line(thread: &ThreadId, mark: Option<&Mark>) -> String {
    match mark {
        Some(Mark { at, entry }) => format!("{at} {thread} {entry}\n"),
        None => format!("0 {thread} -\n"),
    }
}

impl Book {
    fn advance(&mut self, thread: &ThreadId, to: Mark) -> io::Result<(Mark, bool)> {
        if let Some(mark) = self.marks.get(thread)
            && *mark >= to
        {
            return Ok((mark.clone(), false));
        }
        self.append(&line(thread, Some(&to)))?;
        self.marks.insert(thread.clone(), to.clone());
        if self.marks.len() > MOST {
            let mut times: Vec<i64> = self.marks.values().map(|mark| mark.at).collect();
            let (_, limit, _) = times.select_nth_unstable(SPARE);
            let limit = *limit;
            self.marks.retain(|_, mark| mark.at >= limit);
            self.rewrite()?;
        }
        Ok((to, true))
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        if self.journal.is_due() {
            self.rewrite()?;
        }
        self.journal.append(line, Sure::Written)
    }

    fn rewrite(&mut self) -> io::Result<()> {
        self.journal.rewrite(self.marks.iter().map(|(thread, mark)| line(thread, Some(mark))))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::conformance::{self, mark, thread},
        *,
    };
    use crate::server::journal::SLACK;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("read")
        }

        fn open(&self) -> MarksFile {
            MarksFile::open(self.path()).unwrap()
        }

        fn lines(&self) -> usize {
            std::fs::read_to_string(self.path()).unwrap().lines().count()
        }
    }

    #[tokio::test]
    async fn conforms() {
        conformance::all(&Place::new().open()).await;
    }

    #[tokio::test]
    async fn what_was_read_stays_read_over_restarts() {
        let place = Place::new();
        let marks = place.open();
        marks.advance(&thread(1), &mark(10, 1)).await.unwrap();
        marks.advance(&thread(1), &mark(20, 2)).await.unwrap();
        marks.advance(&thread(2), &mark(10, 3)).await.unwrap();
        marks.forget(&[thread(2)]).await.unwrap();
        // No farewell: as after a crash.
        let again = place.open();
        assert_eq!(again.of(&thread(1)).await.unwrap(), Some(mark(20, 2)));
        assert_eq!(again.of(&thread(2)).await.unwrap(), None);
        assert!(!again.advance(&thread(1), &mark(15, 9)).await.unwrap().1);
    }

    #[tokio::test]
    async fn a_line_that_a_crash_cut_harms_no_other() {
        let place = Place::new();
        let whole = line(&thread(1), Some(&mark(10, 1)));
        let cut = &line(&thread(2), Some(&mark(10, 2)))[..40];
        let text = [whole.as_bytes(), b"\xff nonsense\n\n1 2 3 4\n", cut.as_bytes()].concat();
        std::fs::write(place.path(), text).unwrap();
        let marks = place.open();
        assert_eq!(marks.of(&thread(1)).await.unwrap(), Some(mark(10, 1)));
        assert_eq!(marks.of(&thread(2)).await.unwrap(), None);
        assert_eq!(place.lines(), 1);
    }

    #[tokio::test]
    async fn it_does_not_grow_for_ever() {
        let place = Place::new();
        let marks = place.open();
        for n in 1..=5 * SLACK as i64 {
            marks.advance(&thread(1), &mark(n, 1)).await.unwrap();
        }
        assert!(place.lines() <= SLACK + 3, "{}", place.lines());
        let path = place.path();
        // More threads than it keeps: those that were read longest ago go.
        let text: String = (0..MOST).map(|n| line(&thread(n), Some(&mark(n as i64, n)))).collect();
        std::fs::write(&path, text).unwrap();
        let marks = place.open();
        marks.advance(&thread(MOST), &mark(MOST as i64, 1)).await.unwrap();
        assert_eq!(place.lines(), MOST + 1 - SPARE);
        assert_eq!(marks.of(&thread(0)).await.unwrap(), None);
        assert_eq!(marks.of(&thread(MOST)).await.unwrap(), Some(mark(MOST as i64, 1)));
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_not_promised() {
        let place = Place::new();
        let marks = place.open();
        // A folder in the way of the new file, and a handle that is gone.
        std::fs::create_dir(place.path().with_extension("new")).unwrap();
        marks.0.lock().unwrap().journal.lose();
        assert!(marks.advance(&thread(1), &mark(1, 1)).await.is_err());
        assert_eq!(marks.of(&thread(1)).await.unwrap(), None);
        std::fs::remove_dir(place.path().with_extension("new")).unwrap();
        assert!(marks.advance(&thread(1), &mark(1, 1)).await.unwrap().1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        place.open().advance(&thread(1), &mark(1, 1)).await.unwrap();
        let mode = std::fs::metadata(place.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
