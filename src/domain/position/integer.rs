//! Integers of positions, compared byte by byte.
//!
//! | first character | digits after it | |
//! |---|---|---|
//! | `A` to `Z` | 26 to 1 | before `a0`: the longer, the earlier |
//! | `a` to `z` | 1 to 26 | the longer, the later |

use super::digit::{BASE, digit, value};

/// Smallest integer. No position precedes it.
pub(super) const LOWEST: &str = "A00000000000000000000000000";

/// Returns the length of the integer at the start of a text; `usize::MAX` if there is none.
pub(super) fn len(text: &str) -> usize {
    match text.bytes().next() {
        Some(head @ b'a'..=b'z') => usize::from(head - b'a') + 2,
        Some(head @ b'A'..=b'Z') => usize::from(b'Z' - head) + 2,
        _ => usize::MAX,
    }
}

/// Whether a text that consists of digits is an integer.
pub(super) fn is_whole(text: &str) -> bool {
    text.len() == len(text)
}

/// Returns the integer of a number; 0 is `a0`.
pub(super) fn of_number(mut number: u64) -> String {
    let (mut head, mut size, mut count) = (b'a', 1_usize, u64::from(BASE));
    while number >= count {
        number -= count;
        head += 1;
        size += 1;
        // Numbers of 11 digits exceed `u64`.
        count = count.saturating_mul(u64::from(BASE));
    }
    let mut digits = Vec::with_capacity(size + 1);
    for _ in 0..size {
        digits.push(digit(u8::try_from(number % u64::from(BASE)).unwrap_or(0)));
        number /= u64::from(BASE);
    }
    digits.push(char::from(head));
    digits.iter().rev().collect()
}

/// Returns the next integer; `None` after the last.
pub(super) fn next(whole: &str) -> Option<String> {
    step(
        whole,
        BASE - 1,
        0,
        |digit| digit + 1,
        |head| match head {
            b'Z' => Some(b'a'),
            b'z' => None,
            _ => Some(head + 1),
        },
    )
}

/// Returns the previous integer; `None` before the first.
pub(super) fn previous(whole: &str) -> Option<String> {
    step(
        whole,
        0,
        BASE - 1,
        |digit| digit - 1,
        |head| match head {
            b'a' => Some(b'Z'),
            b'A' => None,
            _ => Some(head - 1),
        },
    )
}

/// Steps the last digit that is not `end`, and sets the digits after it to `start`. If every digit is `end`, the
/// first character changes, and with it the length.
fn step(
    whole: &str,
    end: u8,
    start: u8,
    digit_step: impl Fn(u8) -> u8,
    head_step: impl Fn(u8) -> Option<u8>,
) -> Option<String> {
    let (head, digits) = whole.as_bytes().split_first()?;
    let values: Vec<u8> = digits.iter().map(|digit| value(*digit).unwrap_or(0)).collect();
    let Some(at) = values.iter().rposition(|value| *value != end) else {
        let mut text = char::from(head_step(*head)?).to_string();
        text.extend(std::iter::repeat_n(digit(start), len(&text).saturating_sub(1)));
        return Some(text);
    };
    let changed = values.iter().enumerate().map(|(place, value)| match place.cmp(&at) {
        std::cmp::Ordering::Less => digit(*value),
        std::cmp::Ordering::Equal => digit(digit_step(*value)),
        std::cmp::Ordering::Greater => digit(start),
    });
    Some(std::iter::once(char::from(*head)).chain(changed).collect())
}
