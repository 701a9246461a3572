//! When a failed delivery is tried again: twelve times over five days.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Seconds between one attempt and the next.
const TABLE: [u64; 12] =
    [10, 30, 5 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, DAY, DAY, DAY];

/// The pause after a failed attempt (counted from 1), or nothing when that was the last one.
pub fn pause_after(attempt: u32, scale: f64) -> Option<Duration> {
    let seconds = *TABLE.get(attempt.checked_sub(1)? as usize)?;
    Duration::try_from_secs_f64(seconds as f64 * scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_attempts_over_five_days() {
        let pauses: Vec<_> = (1..).map_while(|attempt| pause_after(attempt, 1.0)).collect();
        assert_eq!(pauses.len(), 12);
        let sum = pauses.iter().sum::<Duration>().as_secs();
        assert_eq!(sum, 10 + 30 + 300 + 1800 + 3600 + 10_800 + 21_600 + 43_200 + 4 * DAY);
        assert_eq!(pause_after(1, 0.001), Some(Duration::from_millis(10)));
        assert_eq!(pause_after(13, 1.0), None);
    }
}
