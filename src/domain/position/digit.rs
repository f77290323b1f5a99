//! Digits of positions, in byte order.

/// Number of digits.
pub(super) const BASE: u8 = 62;

/// Returns the value of a digit.
pub(super) const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'Z' => Some(digit - b'A' + 10),
        b'a'..=b'z' => Some(digit - b'a' + 36),
        _ => None,
    }
}

/// Returns the digit of a value less than [`BASE`].
pub(super) fn digit(value: u8) -> char {
    char::from(match value {
        0..=9 => b'0' + value,
        10..=35 => b'A' + (value - 10),
        36..BASE => b'a' + (value - 36),
        BASE.. => b'z',
    })
}
