//! Positions in an order that people arrange by hand.

mod digit;
mod fraction;
mod integer;

use std::cmp::Ordering;

/// Position in a list, compared byte by byte. Another position fits between any two.
///
/// A position is an integer, whose first character gives the number of digits that follow, and an optional fraction
/// without trailing zeros. Digits are `0-9A-Za-z`. A new position at either end of the list stays short, and no
/// other position ever changes.
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

/// Reason that a position is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PositionError {
    /// Text that is not a position.
    #[error("must be a valid position")]
    Malformed,
    /// The position would be longer than [`Position::MAX_CHARS`].
    #[error("has no room between its neighbours")]
    Full,
    /// The neighbours are not in order.
    #[error("must be before the next position")]
    Order,
}

impl Position {
    /// Maximum length, in characters. About 40,000 positions fit between two neighbours if each is next to the
    /// last.
    pub const MAX_CHARS: usize = 8000;

    /// Validates a text.
    ///
    /// # Errors
    ///
    /// [`PositionError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, PositionError> {
        let fits = text.len() <= Self::MAX_CHARS
            && text.bytes().all(|c| digit::value(c).is_some());
        let (whole, fraction) = split(text);
        // No position precedes the lowest integer.
        let sound = integer::is_whole(whole)
            && !fraction.ends_with('0')
            && text != integer::LOWEST;
        if fits && sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(PositionError::Malformed)
        }
    }

    /// Wraps a position that was validated or created before it was stored.
    pub const fn new_unchecked(text: String) -> Self {
        Self(text)
    }

    /// Creates the position of a number in an existing order: a greater number comes later.
    pub fn of_number(number: u64) -> Self {
        Self(integer::of_number(number))
    }

    /// Creates a position between two others. `None` is the end of the list on that side.
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
                // The lowest integer is not a position, but positions exist between it and the next.
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

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Splits a position into integer and fraction. Both are empty if the text has no integer.
fn split(text: &str) -> (&str, &str) {
    text.split_at_checked(integer::len(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
