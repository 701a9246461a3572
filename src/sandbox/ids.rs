//! Ids as Plain makes them: `<prefix>_<ULID>`. Ids of one process sort in the order they were made, even
//! within a millisecond, because timelines are ordered by them.

use std::sync::Mutex;

use ulid::Ulid;

static LAST: Mutex<Ulid> = Mutex::new(Ulid::nil());

/// A new id with this prefix (`th`, `c`, `t` …).
pub fn new(prefix: &str) -> String {
    let now = super::time::now();
    let mut last = LAST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let next = if last.timestamp_ms() >= now as u64 {
        last.increment().unwrap_or_else(|over| over)
    } else {
        Ulid::from_parts(now as u64, random())
    };
    *last = next;
    format!("{prefix}_{}", next.to_string())
}

/// Whether a text has the shape of an id with this prefix.
pub fn is(prefix: &str, text: &str) -> bool {
    let alphabet = |b: u8| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b));
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|ulid| ulid.len() == 26 && ulid.bytes().all(alphabet))
}

/// `bytes` random bytes in hexadecimal, for secrets in URLs.
pub fn token(bytes: usize) -> String {
    let mut raw = vec![0; bytes];
    fill(&mut raw);
    hex::encode(raw)
}

fn random() -> u128 {
    let mut raw = [0; 16];
    fill(&mut raw);
    // The top bit stays free so that counting up within a millisecond cannot overflow.
    u128::from_le_bytes(raw) & ((1 << 79) - 1)
}

fn fill(raw: &mut [u8]) {
    getrandom::fill(raw).expect("the operating system has randomness");
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_sort_in_the_order_they_were_made() {
        let ids: Vec<_> = (0..2000).map(|_| super::new("t")).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| super::is("t", id)));
    }

    #[test]
    fn shapes() {
        let ulid = "01KQS44ER0KVVBRC15MBB8ADPP";
        assert!(super::is("th", &format!("th_{ulid}")));
        for bad in
            ["", "th_", ulid, "t_01KQS44ER0KVVBRC15MBB8ADPP", "th_01KQS44ER0KVVBRC15MBB8ADPI"]
        {
            assert!(!super::is("th", bad), "{bad}");
        }
    }
}
