//! Short names given by people or their programs.

use super::visible::{INVISIBLE, is_visible};

/// Name in one line: 1 to [`Self::MAX_CHARS`] characters without control characters or surrounding white space.
///
/// ```
/// use duly::domain::label::{Label, LabelError};
/// assert_eq!(Label::new(" Jane ")?.as_str(), "Jane");
/// assert_eq!(Label::new("  "), Err(LabelError::Empty));
/// assert_eq!(Label::new("a\nb"), Err(LabelError::Control));
/// # Ok::<(), LabelError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

/// Reason that a text is not a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Empty text.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must have at most 100 characters")]
    TooLong,
    /// Line break or another control character.
    #[error("must not contain control characters")]
    Control,
    /// No visible character.
    #[error("{INVISIBLE}")]
    Invisible,
}

impl Label {
    /// Maximum length, in characters (not bytes).
    pub const MAX_CHARS: usize = 100;

    /// Validates a text.
    ///
    /// # Errors
    ///
    /// Every variant of [`LabelError`] but [`LabelError::Invisible`].
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(LabelError::Empty);
        }
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(LabelError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(LabelError::Control);
        }
        Ok(Self(text.to_owned()))
    }

    /// Validates a name given by a person. Stored names that predate this rule may violate it.
    ///
    /// # Errors
    ///
    /// Every variant of [`LabelError`].
    pub fn typed(text: &str) -> Result<Self, LabelError> {
        let label = Self::new(text)?;
        if is_visible(text) { Ok(label) } else { Err(LabelError::Invisible) }
    }

    /// Wraps a label that [`Self::new`] validated before it was stored. Every request reads the session of its
    /// caller, and validation would cost more than the read.
    pub const fn new_unchecked(text: String) -> Self {
        Self(text)
    }

    /// Fits the name that a program gives itself into a label. Returns `None` if no visible character is left.
    pub fn of_client(text: &str) -> Option<Self> {
        let shown = text.chars().filter(|c| !c.is_control());
        let text: String = shown.take(Self::MAX_CHARS).collect();
        Self::typed(&text).ok()
    }

    /// Consumes the label and returns its text.
    pub fn into_string(self) -> String {
        self.0
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
    fn a_name_that_a_person_gives_can_be_seen() {
        for unseen in ["\u{200B}", "\u{2800}", "\u{3164} \u{FEFF}", "\u{E0020}"] {
            assert_eq!(Label::typed(unseen), Err(LabelError::Invisible), "{unseen:?}");
            assert!(Label::new(unseen).is_ok(), "one from before is read");
            assert_eq!(Label::of_client(unseen), None);
        }
        assert_eq!(Label::typed(" \u{2003}"), Err(LabelError::Empty));
        assert_eq!(
            Label::typed("\u{1F3E0}\u{FE0F}").unwrap().as_str(),
            "\u{1F3E0}\u{FE0F}"
        );
    }
}
