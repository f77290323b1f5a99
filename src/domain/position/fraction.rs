//! Fractions of positions: digits after the point, without trailing zeros.

use super::digit::{BASE, digit, value};

/// Returns an integer with a fraction about halfway between two fractions. `None` as the upper end stands for one.
pub(super) fn between(whole: &str, low: &str, high: Option<&str>) -> String {
    let mut text = whole.to_owned();
    let mut low = low.bytes().map(|c| value(c).unwrap_or(0));
    let mut high =
        high.map(|high| high.bytes().map(|c| value(c).unwrap_or(0)).peekable());
    loop {
        let from = low.next().unwrap_or(0);
        let to = high.as_mut().and_then(Iterator::next).unwrap_or(BASE);
        match to.saturating_sub(from) {
            0 => text.push(digit(from)),
            // If the upper end has more digits, its digit alone is between the two. Otherwise, the result may be
            // any fraction after the rest of the lower end.
            1 => {
                if high.as_mut().is_some_and(|high| high.peek().is_some()) {
                    text.push(digit(to));
                    return text;
                }
                text.push(digit(from));
                high = None;
            }
            gap => {
                text.push(digit(from + gap / 2));
                return text;
            }
        }
    }
}
