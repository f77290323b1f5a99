//! Tags, by which people sort their tasks.

mod set;

pub use self::set::{Tags, TagsError};

/// Tag: 1 to [`Self::MAX_CHARS`] characters in one line, without surrounding white space.
///
/// Spellings that look the same are equal: tags are stored in
/// [Normalization Form C](https://www.unicode.org/reports/tr15/). Tags that differ in case only are twins: a request
/// assigns the twin that the account already uses ([`Tags::without_twins`]).
///
/// ```
/// use duly::domain::tag::{Tag, TagError};
/// assert_eq!(Tag::new(" cafe\u{301} ")?, Tag::new("caf\u{e9}")?);
/// assert_ne!(Tag::new("Home")?, Tag::new("home")?);
/// assert!(Tag::new("Home")?.is_twin(&Tag::new("home")?));
/// # Ok::<(), TagError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Reason that a text is not a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Empty text.
    #[error("must not be empty")]
    Empty,
    /// More characters than [`Tag::MAX_CHARS`].
    #[error("must have at most 50 characters")]
    TooLong,
    /// Line break or another control character.
    #[error("must not contain control characters")]
    Control,
}

impl Tag {
    /// Maximum length, in characters (not bytes).
    pub const MAX_CHARS: usize = 50;

    /// Validates a text.
    ///
    /// # Errors
    ///
    /// Every variant of [`TagError`].
    pub fn new(text: &str) -> Result<Self, TagError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        // A composed character consists of at most four, so a text that is cut here was too long already.
        let text: String = text.chars().take(4 * Self::MAX_CHARS + 1).collect();
        let text = super::fold::composed(&text);
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(TagError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(TagError::Control);
        }
        Ok(Self(text))
    }

    /// Wraps a tag that [`Self::new`] validated before it was stored.
    pub const fn new_unchecked(text: String) -> Self {
        Self(text)
    }

    /// Whether two tags are equal except for case.
    pub fn is_twin(&self, other: &Self) -> bool {
        self.caseless() == other.caseless()
    }

    /// Returns the form that twins share.
    pub fn caseless(&self) -> String {
        super::fold::caseless(&self.0)
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
    fn a_tag_is_one_short_line() {
        assert_eq!(Tag::new("\u{2003} "), Err(TagError::Empty));
        assert_eq!(Tag::new("a\tb"), Err(TagError::Control));
        assert!(Tag::new(&"é".repeat(50)).is_ok());
        assert!(Tag::new(&"e\u{301}".repeat(50)).is_ok(), "counted as composed");
        assert_eq!(Tag::new(&"a".repeat(51)), Err(TagError::TooLong));
        assert_eq!(Tag::new(&"a".repeat(1_000_000)), Err(TagError::TooLong));
    }
}
