//! The digits of positions, in the order of their bytes.

/// How many digits there are.
pub(super) const BASE: u8 = 62;

/// What a digit is worth.
pub(super) const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'Z' => Some(digit - b'A' + 10),
        b'a'..=b'z' => Some(digit - b'a' + 36),
        _ => None,
    }
}

/// The digit that is worth this, which is less than [`BASE`].
pub(super) fn digit(value: u8) -> char {
    char::from(match value {
        0..=9 => b'0' + value,
        10..=35 => b'A' + (value - 10),
        36..BASE => b'a' + (value - 36),
        BASE.. => b'z',
    })
}
