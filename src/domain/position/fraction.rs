//! The fractions of positions: digits after the point, without zeros at the end.

use super::digit::{BASE, digit, value};

/// An integer with a fraction about half way between two others. `None` stands for one.
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
            // Digits after that of the upper end leave room for it alone. Else what follows may be
            // anything after the rest of the lower end.
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
