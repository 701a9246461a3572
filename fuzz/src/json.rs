//! Bends JSON: takes a text that parses, changes one or a few places in it, and writes it again. So the inputs keep
//! the shape that makes them pass the first checks.

use serde_json::{Number, Value};

/// A small generator of numbers; the same seed gives the same row.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// libFuzzer's custom mutator: the new size, or nothing if this is no JSON or the bytes shall be mutated instead.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> Option<usize> {
    let mut chance = Chance::new(seed.into());
    if chance.below(8) == 0 {
        return None;
    }
    let bent = bend(&data[..size], &mut chance)?;
    if bent.len() > max_size.min(data.len()) {
        return None;
    }
    data[..bent.len()].copy_from_slice(&bent);
    Some(bent.len())
}

/// The text with one to four places changed.
pub fn bend(text: &[u8], chance: &mut Chance) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(text).ok()?;
    for _ in 0..=chance.below(4) {
        let places = places(&value);
        let place = chance.below(places);
        change(&mut value, place, chance);
    }
    serde_json::to_vec(&value).ok()
}

/// How many values there are, the whole one included.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        _ => 0,
    }
}

fn change(value: &mut Value, place: usize, chance: &mut Chance) {
    if place == 0 {
        *value = other(value, chance);
        return;
    }
    let mut left = place - 1;
    let children: Box<dyn Iterator<Item = &mut Value>> = match value {
        Value::Array(items) => Box::new(items.iter_mut()),
        Value::Object(fields) => Box::new(fields.values_mut()),
        _ => return,
    };
    for child in children {
        let within = places(child);
        if left < within {
            return change(child, left, chance);
        }
        left -= within;
    }
}

/// Texts that mean something somewhere.
const TEXTS: [&str; 45] = [
    "",
    " ",
    "\0",
    "\r\n\r\n",
    "\u{2028}",
    "ä🚀",
    "</script>",
    "id: 1\ndata: x",
    "null",
    "-1",
    "ADDED",
    "UPDATED",
    "REMOVED",
    "MESSAGE_EDITED",
    "MESSAGE_DELETED",
    "REACTIONS_CHANGED",
    "UNKNOWN",
    "chat",
    "note",
    "email",
    "custom",
    "user",
    "customer",
    "machineUser",
    "system",
    "ChatEntry",
    "NoteEntry",
    "EmailEntry",
    "CustomEntry",
    "SlackMessageEntry",
    "MSTeamsMessageEntry",
    "TODO",
    "SNOOZED",
    "DONE",
    "MESSAGING",
    "FORBIDDEN",
    "RATE_LIMITED",
    "INTERNAL_SERVER_ERROR",
    "th_01KQS44ER0KVVBRC15MBB8ADPP",
    "t_01KQS44ER0KVVBRC15MBB8ADPQ",
    "thread.chat_sent",
    "thread.note_created",
    "thread.slack_message_updated",
    "timeline.timeline_entry_changed",
    "thread.reply_sent",
];

/// Times at and beyond the edges.
const TIMES: [&str; 8] = [
    "2026-05-04T09:12:03.410Z",
    "1970-01-01T00:00:00Z",
    "9999-12-30T22:00:00.999Z",
    "-009999-01-02T01:59:59Z",
    "2026-05-04T09:12:03+23:59",
    "2026-02-30T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-05-04",
];

const NUMBERS: [i64; 7] = [0, 1, -1, i64::MAX, i64::MIN, 5_368_709_120, 86_400_000_000_000];

fn other(value: &Value, chance: &mut Chance) -> Value {
    match chance.below(12) {
        0 => Value::Null,
        1 => Value::Bool(chance.below(2) == 0),
        2 => Number::from(*chance.pick(&NUMBERS)).into(),
        3 => Number::from(u64::MAX).into(),
        4 => Number::from_f64(1e300).into(),
        5 => (*chance.pick(&TIMES)).into(),
        6 | 7 => (*chance.pick(&TEXTS)).into(),
        8 => Value::Array(vec![value.clone(); chance.below(4)]),
        9 => serde_json::json!({ *chance.pick(&TEXTS): value }),
        10 => match value {
            // A field fewer, or under another name.
            Value::Object(fields) if !fields.is_empty() => {
                let mut fields = fields.clone();
                let key =
                    fields.keys().nth(chance.below(fields.len())).cloned().unwrap_or_default();
                let gone = fields.remove(&key);
                if chance.below(2) == 0 {
                    fields.insert(format!("{key}_"), gone.unwrap_or_default());
                }
                Value::Object(fields)
            }
            Value::String(text) => text.repeat(1 + chance.below(3)).into(),
            other => other.clone(),
        },
        _ => match value {
            Value::String(text) => {
                let mut letters: Vec<char> = text.chars().collect();
                if !letters.is_empty() {
                    let at = chance.below(letters.len());
                    letters[at] =
                        char::from_u32(chance.next() as u32 % 0x11_0000).unwrap_or('\u{FFFD}');
                }
                Value::String(letters.into_iter().collect())
            }
            Value::Array(items) => items.iter().rev().cloned().collect(),
            Value::Number(number) => {
                Number::from(number.as_i64().unwrap_or_default().wrapping_add(chance.next() as i64))
                    .into()
            }
            other => other.clone(),
        },
    }
}
