//! Colours and icons of lists.

use std::fmt;

use crate::domain::hex::{hex, unhex};

/// Colour of three bytes, such as `#3366cc`.
///
/// ```
/// use duly::domain::list::{Colour, ColourError};
/// assert_eq!(Colour::parse("#3366CC")?.to_string(), "#3366cc");
/// assert_eq!(Colour::parse("blue"), Err(ColourError));
/// # Ok::<(), ColourError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

/// Text that is not a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour such as #3366cc")]
pub struct ColourError;

impl Colour {
    /// Parses `#` and six hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`ColourError`].
    pub fn parse(text: &str) -> Result<Self, ColourError> {
        let digits = text.strip_prefix('#').map(str::to_ascii_lowercase);
        digits.and_then(|digits| unhex(&digits)).map(Self).ok_or(ColourError)
    }

    /// Creates a colour from its red, green and blue bytes.
    pub const fn of_bytes(bytes: [u8; 3]) -> Self {
        Self(bytes)
    }

    /// Returns the red, green and blue bytes.
    pub const fn to_bytes(self) -> [u8; 3] {
        self.0
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", hex(&self.0))
    }
}

/// Icon of a list: 1 to [`Self::MAX_BYTES`] bytes of text, such as an emoji or the name of an icon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icon(String);

/// Reason that a text is not an icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IconError {
    /// Empty text.
    #[error("must not be empty")]
    Empty,
    /// More bytes than allowed.
    #[error("must have at most 32 bytes")]
    TooLong,
    /// Line break or another control character.
    #[error("must not contain control characters")]
    Control,
}

impl Icon {
    /// Maximum length, in bytes. An emoji of a family has 25.
    pub const MAX_BYTES: usize = 32;

    /// Validates a text.
    ///
    /// # Errors
    ///
    /// Every variant of [`IconError`].
    pub fn new(text: &str) -> Result<Self, IconError> {
        if text.is_empty() {
            return Err(IconError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(IconError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(IconError::Control);
        }
        Ok(Self(text.to_owned()))
    }

    /// Wraps an icon that was validated before it was stored.
    pub(crate) const fn new_unchecked(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_six_digits() {
        for text in ["", "#", "#12345", "#1234567", "123456", "#12345g", "#\u{e9}1234"] {
            assert_eq!(Colour::parse(text), Err(ColourError), "{text}");
        }
        let colour = Colour::parse("#0aF0ff").unwrap();
        assert_eq!(Colour::of_bytes(colour.to_bytes()).to_string(), "#0af0ff");
    }

    #[test]
    fn icons_have_up_to_32_bytes() {
        assert_eq!(Icon::new(""), Err(IconError::Empty));
        assert_eq!(Icon::new(&"x".repeat(33)), Err(IconError::TooLong));
        assert_eq!(Icon::new("a\n"), Err(IconError::Control));
        assert_eq!(Icon::new("👨‍👩‍👧‍👦").unwrap().as_str(), "👨‍👩‍👧‍👦");
    }
}
