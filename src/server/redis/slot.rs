//! Which part of a cluster a key belongs to.

/// How many there are.
pub const SLOTS: u16 = 16_384;

/// The slot of a key or a channel: of its `{hash tag}`, if it has one.
pub fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % SLOTS
}

/// CRC-16/XMODEM, as the cluster specification wants it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_specification_says() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // What `CLUSTER KEYSLOT` answers.
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot("bar{foo}baz"), slot("foo"));
        assert_eq!(slot("{foo}{bar}"), slot("foo"));
        assert_ne!(slot("{}foo"), slot("foo"));
        assert_eq!(slot("{}foo"), crc16(b"{}foo") % SLOTS);
    }
}
