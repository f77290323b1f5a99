//! Hexadecimal text.

use std::fmt::Write as _;

/// Encodes each byte as two lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _written = write!(text, "{byte:02x}");
    }
    text
}

/// Decodes `2 * LEN` digits. Accepts lower case only, so that bytes have one spelling.
///
/// ```
/// use duly::domain::hex::{hex, unhex};
/// assert_eq!(unhex("00ff"), Some([0, 255]));
/// assert_eq!(unhex::<2>(&hex(&[1, 2])), Some([1, 2]));
/// assert_eq!(unhex::<1>("FF"), None);
/// ```
pub fn unhex<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    let mut bytes = [0; LEN];
    let digits = text.as_bytes();
    if digits.len() != 2 * LEN {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for &digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = (*byte << 4) | value;
        }
    }
    Some(bytes)
}
