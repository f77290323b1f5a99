//! Texts of tasks.

use crate::domain::visible::{INVISIBLE, is_visible};

/// Title of a task: 1 to [`Self::MAX_CHARS`] characters, kept as typed.
///
/// ```
/// use duly::domain::task::{TextError, Title};
/// assert_eq!(Title::new("Buy milk".to_owned())?.as_str(), "Buy milk");
/// assert_eq!(Title::new(String::new()), Err(TextError::Empty));
/// # Ok::<(), TextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Title(String);

/// Description of a task: up to [`Self::MAX_CHARS`] characters, possibly none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(String);

/// Reason that a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Empty text.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must have at most {max} characters")]
    TooLong {
        /// Maximum length, in characters.
        max: usize,
    },
    /// No visible character.
    #[error("{INVISIBLE}")]
    Invisible,
}

impl Title {
    /// Maximum length, in characters (not bytes).
    pub const MAX_CHARS: usize = 255;

    /// Validates a title.
    ///
    /// # Errors
    ///
    /// [`TextError::Empty`] and [`TextError::TooLong`].
    pub fn new(text: String) -> Result<Self, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        at_most(Self::MAX_CHARS, text).map(Self)
    }

    /// Validates a title given by a person. Stored titles that predate this rule may violate it.
    ///
    /// # Errors
    ///
    /// Every variant of [`TextError`].
    pub fn typed(text: &str) -> Result<Self, TextError> {
        let title = Self::new(text.to_owned())?;
        if is_visible(text) { Ok(title) } else { Err(TextError::Invisible) }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Consumes the title and returns its text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl Description {
    /// Maximum length, in characters (not bytes).
    pub const MAX_CHARS: usize = 2000;

    /// Validates a description.
    ///
    /// # Errors
    ///
    /// [`TextError::TooLong`].
    pub fn new(text: String) -> Result<Self, TextError> {
        at_most(Self::MAX_CHARS, text).map(Self)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Consumes the description and returns its text.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Checks the length. Characters are counted only if the bytes exceed the limit.
fn at_most(max: usize, text: String) -> Result<String, TextError> {
    if text.len() > max && text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_characters_not_bytes() {
        assert!(Title::new("ü".repeat(255)).is_ok());
        assert_eq!(Title::new("a".repeat(256)), Err(TextError::TooLong { max: 255 }));
        assert!(Description::new("😀".repeat(2000)).is_ok());
        assert!(Description::new("a".repeat(2001)).is_err());
    }
}
