//! Up to which entry each thread was read. A mark only moves forward, and outlives the process.

mod file;
mod redis;

pub use file::MarksFile;
pub use redis::MarksInRedis;

use crate::domain::ids::{EntryId, ThreadId};
use std::{fmt, future::Future, io, pin::Pin};

/// The newest entry that was read. They are ordered as a conversation is: by time, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// When the entry was written, in milliseconds since 1970.
    pub at: i64,
    /// The entry.
    pub entry: EntryId,
}

/// A boxed future, so that the trait stays object safe.
pub type Marking<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Remembers marks. Instances that share their visitors share one of these.
pub trait Marks: Send + Sync + fmt::Debug + 'static {
    /// Moves a thread's mark on. The mark that holds afterwards, and whether it moved.
    fn advance<'a>(&'a self, thread: &'a ThreadId, to: &'a Mark) -> Marking<'a, (Mark, bool)>;

    /// A thread's mark.
    fn of<'a>(&'a self, thread: &'a ThreadId) -> Marking<'a, Option<Mark>>;

    /// Forgets threads.
    fn forget<'a>(&'a self, threads: &'a [ThreadId]) -> Marking<'a, ()>;
}

#[cfg(test)]
pub(super) mod conformance {
    use super::*;

    pub fn thread(n: usize) -> ThreadId {
        ThreadId::parse(format!("th_{n:026}")).unwrap()
    }

    pub fn mark(at: i64, entry: usize) -> Mark {
        Mark { at, entry: EntryId::parse(format!("t_{entry:026}")).unwrap() }
    }

    /// What both memories must do.
    pub async fn all(marks: &dyn Marks) {
        let one = thread(1);
        assert_eq!(marks.of(&one).await.unwrap(), None);
        assert_eq!(marks.advance(&one, &mark(20, 5)).await.unwrap(), (mark(20, 5), true));
        // Not back in time, not back among those of one moment, and not twice.
        for old in [mark(19, 9), mark(20, 4), mark(20, 5), mark(-1, 9), mark(3, 9)] {
            assert_eq!(marks.advance(&one, &old).await.unwrap(), (mark(20, 5), false), "{old:?}");
        }
        for new in [mark(20, 6), mark(100, 1), mark(1_800_000_000_000, 1)] {
            assert_eq!(marks.advance(&one, &new).await.unwrap(), (new.clone(), true));
            assert_eq!(marks.of(&one).await.unwrap(), Some(new));
        }
        assert_eq!(marks.of(&thread(2)).await.unwrap(), None);
        marks.advance(&thread(2), &mark(1, 1)).await.unwrap();
        marks.forget(&[one.clone(), thread(3)]).await.unwrap();
        assert_eq!(marks.of(&one).await.unwrap(), None);
        assert_eq!(marks.of(&thread(2)).await.unwrap(), Some(mark(1, 1)));
    }
}
