//! Tags: words by which people sort their tasks.

/// One tag: 1 to [`Self::MAX_CHARS`] characters in one line, without white space around it.
///
/// Spellings that look the same are the same (they are kept in
/// [Normalization Form C](https://www.unicode.org/reports/tr15/)); case matters.
///
/// ```
/// use duly::domain::tag::{Tag, TagError};
/// assert_eq!(Tag::new(" cafe\u{301} ")?, Tag::new("caf\u{e9}")?);
/// assert_ne!(Tag::new("Home")?, Tag::new("home")?);
/// # Ok::<(), TagError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Why a text is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// There must be something.
    #[error("must not be empty")]
    Empty,
    /// More characters than [`Tag::MAX_CHARS`].
    #[error("must have at most 50 characters")]
    TooLong,
    /// A line break, or another character that does not show.
    #[error("must not have control characters")]
    Control,
}

impl Tag {
    /// Most characters (not bytes).
    pub const MAX_CHARS: usize = 50;

    /// Checks a text.
    ///
    /// # Errors
    ///
    /// Every variant of [`TagError`].
    pub fn new(text: &str) -> Result<Self, TagError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        // No character is made of more than four, so what is left out here was too long already.
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

    /// A tag that was checked by [`Self::new`] before it was stored.
    pub const fn checked_before(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The tags of one thing: at most [`Self::MAX`], each once, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

/// More tags than [`Tags::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be at most 20 tags")]
pub struct TagsError;

impl Tags {
    /// Most tags.
    pub const MAX: usize = 20;

    /// A set of tags. One that is there twice counts once.
    ///
    /// # Errors
    ///
    /// When there are too many.
    pub fn new(mut tags: Vec<Tag>) -> Result<Self, TagsError> {
        tags.sort_unstable();
        tags.dedup();
        if tags.len() > Self::MAX { Err(TagsError) } else { Ok(Self(tags)) }
    }

    /// Tags that came from [`Self::iter`] before they were stored, in that order.
    pub const fn checked_before(tags: Vec<Tag>) -> Self {
        Self(tags)
    }

    /// One after the other, sorted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tag> {
        self.0.iter()
    }

    /// Whether a tag is among them.
    pub fn contains(&self, tag: &Tag) -> bool {
        self.0.binary_search(tag).is_ok()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
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

    #[test]
    fn tags_are_a_small_set() {
        let tags = |numbers: std::ops::Range<u32>| -> Vec<Tag> {
            numbers.map(|number| Tag::new(&number.to_string()).unwrap()).collect()
        };
        let twice = Tags::new([tags(0..20), tags(0..20)].concat()).unwrap();
        assert_eq!(Tags::new(tags(0..20)), Ok(twice.clone()));
        assert_eq!(Tags::new(tags(0..21)), Err(TagsError));
        assert!(twice.iter().is_sorted() && twice.len() == 20);
        assert!(
            twice.contains(&Tag::new("7").unwrap())
                && !twice.contains(&Tag::new("20").unwrap())
        );
        assert!(Tags::default().is_empty());
    }
}
