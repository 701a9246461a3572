//! An event as Redis keeps it, and its place.

use super::super::{BusError, LiveFrame, NewEvent};
use crate::domain::{
    ids::Cursor,
    live::{LiveEvent, StreamEvent},
};
use std::{fmt, sync::Arc};

/// Where an event stands. As a cursor: `<epoch>-<tag>-<seq>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Names the history; drawn anew when Redis knows nothing of the thread.
    pub epoch: String,
    /// Counts the thread's events from 1, without holes.
    pub seq: u64,
    /// A hash of all events up to this one: `0` before the first.
    pub tag: String,
}

impl Place {
    /// What a cursor says, if it is one of this engine.
    pub fn read(cursor: &Cursor) -> Option<Self> {
        let (epoch, rest) = cursor.as_str().split_once('-')?;
        let (tag, digits) = rest.split_once('-')?;
        let place = Self { epoch: epoch.into(), seq: digits.parse().ok()?, tag: tag.into() };
        // One spelling only: `+7` and `007` parse, but were never given out.
        (place.to_string() == cursor.as_str()).then_some(place)
    }

    /// As it is given out.
    pub fn cursor(&self) -> Result<Cursor, BusError> {
        Cursor::parse(self.to_string()).map_err(|error| BusError(error.to_string()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.epoch, self.tag, self.seq)
    }
}

/// An event, without knowing what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub place: Place,
    /// The tag of the one before it.
    pub prev: String,
    /// What [`encode`] made.
    pub json: Vec<u8>,
}

/// Stands where the place before it will be: only Redis knows that. In a text the quotes would be escaped.
const OPEN: &[u8] = br#""prev":"0""#;

/// The event's JSON as streams carry it, with a gap for `prev`. Once an event, however many instances and streams
/// there are.
pub fn encode(event: NewEvent) -> Result<Vec<u8>, BusError> {
    let fault = |error: &dyn fmt::Display| BusError(error.to_string());
    let live = StreamEvent::Webhook(Box::new(LiveEvent {
        thread_id: event.thread_id,
        event_type: event.event_type,
        event_id: event.event_id,
        prev: Cursor::parse("0").map_err(|error| fault(&error))?,
        entry: event.entry,
        status: event.status,
        seen: event.seen,
        at: event.at,
    }));
    serde_json::to_vec(&live).map_err(|error| fault(&error))
}

impl Entry {
    /// Reads what [`PUBLISH`](super::script::PUBLISH) sends to the channel.
    pub fn read(message: &[u8]) -> Option<Self> {
        let mut parts = message.splitn(6, |byte| *byte == b' ');
        let mut text = || Some(str::from_utf8(parts.next()?).ok()?.to_owned());
        (text()? == "event").then_some(())?;
        let epoch = text()?;
        let seq = text()?.parse().ok()?;
        let (tag, prev) = (text()?, text()?);
        Some(Self { place: Place { epoch, seq, tag }, prev, json: parts.next()?.to_vec() })
    }

    /// The place before it.
    pub fn before(&self) -> Place {
        let seq = self.place.seq.saturating_sub(1);
        Place { epoch: self.place.epoch.clone(), seq, tag: self.prev.clone() }
    }

    /// The frame that all streams of this instance share.
    pub fn frame(&self) -> Result<Arc<LiveFrame>, BusError> {
        let (cursor, prev) = (self.place.cursor()?, self.before().cursor()?);
        let open = self.json.windows(OPEN.len()).position(|bytes| bytes == OPEN);
        let Some(at) = open.map(|at| at + OPEN.len() - 2) else {
            // Of another make. Nothing is shown; the next event's `prev` tells the browser that it missed something.
            tracing::warn!(%cursor, "An event in Redis cannot be read");
            let sse = format!("id: {cursor}\n\n").into();
            return Ok(Arc::new(LiveFrame { cursor, prev, sse }));
        };
        let (head, tail) = self.json.split_at(at);
        let tail = tail.get(1..).unwrap_or_default();
        let mut sse = Vec::with_capacity(self.json.len() + 160);
        let parts: [&[u8]; 7] = [
            b"id: ",
            cursor.as_str().as_bytes(),
            b"\ndata: ",
            head,
            prev.as_str().as_bytes(),
            tail,
            b"\n\n",
        ];
        parts.iter().for_each(|part| sse.extend_from_slice(part));
        Ok(Arc::new(LiveFrame { cursor, prev, sse: sse.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::bus::conformance::{decode, event};

    fn entry() -> Entry {
        let mut event = event(1, 7);
        // Whatever somebody writes is not taken for the gap.
        event.entry.as_mut().unwrap().text = r#"{"prev":"0"} \"prev\":\"0\""#.into();
        Entry {
            place: Place { epoch: "00ab".into(), seq: 8, tag: "cd".into() },
            prev: "ef".into(),
            json: encode(event).unwrap(),
        }
    }

    #[test]
    fn a_frame_is_what_one_made_at_once_would_be() {
        let entry = entry();
        let frame = entry.frame().unwrap();
        assert_eq!(frame.cursor.as_str(), "00ab-cd-8");
        assert_eq!(frame.prev.as_str(), "00ab-ef-7");
        let mut wanted = event(1, 7);
        wanted.entry.as_mut().unwrap().text = r#"{"prev":"0"} \"prev\":\"0\""#.into();
        let wanted = LiveFrame::encode(wanted, frame.cursor.clone(), frame.prev.clone()).unwrap();
        assert_eq!(frame.sse, wanted.sse);
        assert_eq!(decode(&frame).event_id, event(1, 7).event_id);
    }

    #[test]
    fn messages_are_read_back() {
        let entry = entry();
        let Place { epoch, seq, tag } = &entry.place;
        let head = format!("event {epoch} {seq} {tag} {} ", entry.prev);
        let message = [head.as_bytes(), &entry.json].concat();
        assert_eq!(Entry::read(&message), Some(entry));
        for bad in ["", "removed", "event", "event e 1 t p", "event e x t p {}", "other e 1 t p {}"]
        {
            assert_eq!(Entry::read(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn only_places_that_were_given_out_are_read() {
        let read = |text: &str| Place::read(&Cursor::parse(text).unwrap());
        let place = Place { epoch: "e".into(), seq: 7, tag: "t".into() };
        assert_eq!(read("e-t-7"), Some(place));
        for bad in ["e", "e-7", "e-t-07", "e-t--7", "e-t-", "0", "-", "--", "e-t-x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
