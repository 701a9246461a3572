//! What a client asks to follow, and from where.

use crate::domain::ids::{Cursor, ThreadId};
use axum::http::HeaderMap;
use url::form_urlencoded;

/// Threads on one stream, at most.
pub const MOST_THREADS: usize = 32;

/// A place in a thread's history, as a client may claim it. It is outside input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// No place: from now on.
    Now,
    /// After this event.
    After(Cursor),
    /// Something that is no cursor: a place of which nothing is known, so that the client is told of a gap.
    Unknown,
}

impl Place {
    fn parse(text: &str) -> Self {
        Cursor::parse(text).map_or(Self::Unknown, Self::After)
    }

    pub(super) fn cursor(&self) -> Option<&Cursor> {
        match self {
            Self::After(cursor) => Some(cursor),
            Self::Now | Self::Unknown => None,
        }
    }
}

/// The threads to follow. Whoever makes one has checked that this visitor may.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Each once, with the place to go on from.
    pub threads: Vec<(ThreadId, Place)>,
    /// Those that were asked for in vain; beside others only, and each is told so.
    pub denied: Vec<ThreadId>,
}

impl Wanted {
    /// One thread.
    pub fn one(thread: ThreadId, place: Place) -> Self {
        Self { threads: vec![(thread, place)], denied: Vec::new() }
    }

    /// Whether the client asked for several, and so understands that one of them ends without the others.
    pub(super) fn several(&self) -> bool {
        self.threads.len() + self.denied.len() > 1
    }
}

/// The query of the stream and of the poll:
/// `threadId=A&after=cA&threadId=B&after=cB…`, where an `after` belongs to the thread before it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StreamQuery {
    /// The threads' ids as they were sent, each once, with the place.
    pub threads: Vec<(String, Place)>,
    /// For the poll: how long to wait, as it was sent.
    pub wait: Option<String>,
}

impl StreamQuery {
    /// Reads a query. Of what is there twice, the first counts.
    ///
    /// For one thread a `Last-Event-ID` header wins over `after`, because a browser that reconnects sends its first URL
    /// again; so does the same value in the query, where `EventSource` replacements put it, which cannot set headers.
    /// Neither tells which of several threads it is for: there, each thread's `after` counts alone.
    pub fn read(query: &str, headers: &HeaderMap) -> Self {
        let mut threads: Vec<(String, Option<Place>)> = Vec::new();
        let mut early = None;
        let mut latest = header(headers);
        let mut wait = None;
        // The place in `threads` of the thread that an `after` is for.
        let mut current = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "threadId" => {
                    let known = threads.iter().position(|(thread, _)| *thread == value);
                    current = Some(known.unwrap_or_else(|| {
                        threads.push((value.into_owned(), None));
                        threads.len() - 1
                    }));
                }
                "after" => {
                    let place = match current {
                        Some(current) => threads.get_mut(current).map(|(_, place)| place),
                        None => Some(&mut early),
                    };
                    if let Some(place) = place {
                        place.get_or_insert_with(|| Place::parse(&value));
                    }
                }
                "lastEventId" | "last_event_id" | "Last-Event-ID" if !value.is_empty() => {
                    latest.get_or_insert_with(|| Place::parse(&value));
                }
                "wait" => {
                    wait.get_or_insert_with(|| value.into_owned());
                }
                _ => {}
            }
        }
        let alone = threads.len() == 1;
        let mut first = if alone { latest } else { None }.or(early);
        let placed = |(thread, place): (String, Option<Place>)| {
            // Of one thread, the newest place; of several, an `after` before all of them is the first one's.
            let place = if alone { first.take().or(place) } else { place.or(first.take()) };
            (thread, place.unwrap_or(Place::Now))
        };
        Self { threads: threads.into_iter().map(placed).collect(), wait }
    }
}

fn header(headers: &HeaderMap) -> Option<Place> {
    let value = headers.get("last-event-id").filter(|value| !value.is_empty())?;
    Some(value.to_str().map_or(Place::Unknown, |text| Place::parse(text.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn after(text: &str) -> Place {
        Place::After(Cursor::parse(text).unwrap())
    }

    fn read(query: &str, last_event_id: Option<&[u8]>) -> Vec<(String, Place)> {
        let mut headers = HeaderMap::new();
        if let Some(value) = last_event_id {
            headers.insert("last-event-id", HeaderValue::from_bytes(value).unwrap());
        }
        StreamQuery::read(query, &headers).threads
    }

    fn place(query: &str, last_event_id: Option<&[u8]>) -> Place {
        let [(thread, place)] = read(query, last_event_id).try_into().unwrap();
        assert_eq!(thread, "A");
        place
    }

    #[test]
    fn the_header_wins_and_nonsense_is_no_cursor() {
        assert_eq!(place("threadId=A", None), Place::Now);
        assert_eq!(place("threadId=A&after=e-1", None), after("e-1"));
        assert_eq!(place("after=e-1&threadId=A", None), after("e-1"));
        assert_eq!(place("threadId=A&after=e-1", Some(b"e-2")), after("e-2"));
        assert_eq!(place("threadId=A&after=e-1", Some(b"")), after("e-1"));
        assert_eq!(place("threadId=A&after=e-1", Some(b"e 2")), Place::Unknown);
        assert_eq!(place("threadId=A", Some(b"\xff")), Place::Unknown);
        assert_eq!(place("threadId=A&after=", None), Place::Unknown);
        assert_eq!(place("threadId=A&after=a%0aid:+9", None), Place::Unknown);
        assert_eq!(place("threadId=A&after=%ff%00", None), Place::Unknown);
    }

    #[test]
    fn what_replacements_of_event_source_send_counts_like_the_header() {
        for name in ["lastEventId", "last_event_id", "Last-Event-ID"] {
            let query = format!("threadId=A&after=e-1&{name}=e-2");
            assert_eq!(place(&query, None), after("e-2"), "{name}");
            assert_eq!(place(&query, Some(b"e-3")), after("e-3"), "{name}");
            let empty = format!("threadId=A&after=e-1&{name}=");
            assert_eq!(place(&empty, None), after("e-1"), "{name}");
        }
    }

    #[test]
    fn each_of_several_has_its_own_place() {
        let wanted = [("A", after("a-1")), ("B", Place::Now), ("C", Place::Unknown)];
        let wanted = wanted.map(|(thread, place)| (thread.to_owned(), place));
        let query = "threadId=A&after=a-1&threadId=B&threadId=C&after=%00";
        assert_eq!(read(query, None), wanted);
        // For which one would these be?
        assert_eq!(read(&format!("{query}&lastEventId=x-9"), Some(b"x-9")), wanted);
        // Twice the same is once.
        let twice =
            "threadId=A&after=a-1&threadId=B&threadId=A&after=a-2&after=a-3&threadId=C&after=";
        assert_eq!(read(twice, None), wanted);
        assert_eq!(place("threadId=A&after=a-1&threadId=A&after=a-2", None), after("a-1"));
        assert_eq!(read("after=e-1&wait=5", Some(b"e-1")), []);
    }

    #[test]
    fn the_wait_is_read_as_it_is() {
        let wait = |query| StreamQuery::read(query, &HeaderMap::new()).wait;
        assert_eq!(wait("threadId=A"), None);
        assert_eq!(wait("threadId=A&wait=20000&wait=1").as_deref(), Some("20000"));
        assert_eq!(wait("wait=soon&threadId=A").as_deref(), Some("soon"));
    }
}
