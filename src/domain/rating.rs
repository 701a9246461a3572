//! What a visitor thinks of the help they got.

/// The best rating; the worst is 1.
pub const BEST: u8 = 5;

/// A rating as a form sends it: one digit, 1 to [`BEST`].
pub fn read(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [digit @ b'1'..=b'5'] => Some(digit - b'0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digit_of_five() {
        for (text, rating) in [("1", Some(1)), ("5", Some(BEST))] {
            assert_eq!(read(text), rating);
        }
        for text in ["", "0", "6", "x", "-1", "1.5", "05", " 5", "5 ", "５", "255", "11"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
