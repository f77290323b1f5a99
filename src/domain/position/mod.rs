//! Places in an order that people make by hand.

mod digit;
mod fraction;
mod integer;

use std::cmp::Ordering;

/// A place in a list, compared byte by byte, between any two of which there is another.
///
/// An integer, whose first character tells how many digits follow, and a fraction, which may be missing and
/// does not end in a zero. Digits are `0-9A-Za-z`. So one more at either end of the list has a place as
/// short as the list is long, and no other place ever changes.
///
/// ```
/// use duly::domain::position::Position;
/// let (first, second) = (Position::of_number(0), Position::of_number(1));
/// let middle = Position::between(Some(&first), Some(&second))?;
/// assert_eq!((first.as_str(), middle.as_str(), second.as_str()), ("a0", "a0V", "a1"));
/// # Ok::<(), duly::domain::position::PositionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(String);

/// Why there is no such place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// Not a text that this program gave out.
    #[error("must be a position that was read before")]
    Malformed,
    /// The place would be longer than [`Position::MAX_CHARS`].
    #[error("must not be in a gap this small")]
    Full,
    /// The neighbours are not in order.
    #[error("must be before the next position")]
    Order,
}

impl Position {
    /// Longest text, in characters. Some 40,000 places fit between two neighbours before that, one always
    /// beside the last.
    pub const MAX_CHARS: usize = 8000;

    /// Checks a text.
    ///
    /// # Errors
    ///
    /// [`PositionError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, PositionError> {
        let fits = text.len() <= Self::MAX_CHARS
            && text.bytes().all(|c| digit::value(c).is_some());
        let (whole, fraction) = split(text);
        // Nothing would be before the lowest.
        let sound = integer::is_whole(whole)
            && !fraction.ends_with('0')
            && text != integer::LOWEST;
        if fits && sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(PositionError::Malformed)
        }
    }

    /// A place that was checked, or given out, before it was stored.
    pub const fn checked_before(text: String) -> Self {
        Self(text)
    }

    /// Places for things that are in order already: the greater the number, the later the place.
    pub fn of_number(number: u64) -> Self {
        Self(integer::of_number(number))
    }

    /// A place after one and before another. `None` is the end of the list on that side.
    ///
    /// # Errors
    ///
    /// [`PositionError::Order`] and [`PositionError::Full`].
    pub fn between(
        after: Option<&Self>,
        before: Option<&Self>,
    ) -> Result<Self, PositionError> {
        if let (Some(after), Some(before)) = (after, before)
            && after.cmp(before) != Ordering::Less
        {
            return Err(PositionError::Order);
        }
        let text = match (after.map(|p| split(&p.0)), before.map(|p| split(&p.0))) {
            (None, None) => integer::of_number(0),
            (None, Some((whole, fraction))) => match integer::previous(whole) {
                // The lowest alone is no place, but some are between it and the next.
                _ if whole == integer::LOWEST => {
                    fraction::between(whole, "", Some(fraction))
                }
                _ if !fraction.is_empty() => whole.to_owned(),
                Some(previous) if previous != integer::LOWEST => previous,
                _ => fraction::between(integer::LOWEST, "", None),
            },
            (Some((whole, fraction)), None) => integer::next(whole)
                .unwrap_or_else(|| fraction::between(whole, fraction, None)),
            (Some((low, fraction)), Some((high, end))) if low == high => {
                fraction::between(low, fraction, Some(end))
            }
            (Some((whole, fraction)), Some(_)) => integer::next(whole)
                .filter(|next| before.is_some_and(|before| *next < before.0))
                .unwrap_or_else(|| fraction::between(whole, fraction, None)),
        };
        if text.len() > Self::MAX_CHARS {
            Err(PositionError::Full)
        } else {
            Ok(Self(text))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The integer and the fraction. Nothing and nothing if the text has no integer.
fn split(text: &str) -> (&str, &str) {
    text.split_at_checked(integer::len(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
