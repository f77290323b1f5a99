//! Word queries.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::{MAX_WORD_BYTES, count, first_words, in_order};

/// Query for texts that contain all of some words.
///
/// A word whose piece of the query ends in `*` matches all words that start with it.
///
/// ```
/// use duly::domain::words::{Words, words};
/// let query = Words::parse("JOSE call*")?;
/// assert!(query.matches(&words("Calling José")));
/// assert!(!query.matches(&words("Calling Joseph")));
/// # Ok::<(), duly::domain::words::WordsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(BTreeSet<(String, bool)>);

/// Reason that a text is not a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// More characters than [`Words::MAX_CHARS`].
    #[error("must have at most 200 characters")]
    TooLong,
    /// More words than [`Words::MAX`], counting duplicates once.
    #[error("must have at most 10 words")]
    TooMany,
}

impl Words {
    /// Query without words, which matches every text.
    pub const NONE: Self = Self(BTreeSet::new());

    /// Maximum length of the text, in characters (not bytes).
    pub const MAX_CHARS: usize = 200;

    /// Maximum number of words.
    pub const MAX: usize = 10;

    /// Parses a query. Without words, it matches every text.
    ///
    /// # Errors
    ///
    /// Every variant of [`WordsError`].
    pub fn parse(text: &str) -> Result<Self, WordsError> {
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(WordsError::TooLong);
        }
        let mut query = BTreeSet::new();
        for piece in text.split_whitespace() {
            let mut words = in_order(piece);
            if piece.ends_with('*') {
                query.extend(words.pop().map(|word| (word, true)));
            }
            query.extend(words.into_iter().map(|word| (word, false)));
        }
        if query.len() > Self::MAX { Err(WordsError::TooMany) } else { Ok(Self(query)) }
    }

    /// Returns each word, and whether it is a prefix.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, bool)> {
        self.0.iter().map(|(word, is_prefix)| (word.as_str(), *is_prefix))
    }

    /// Whether the query has no words, and thus matches every text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every word is among the first `most` different words of a title and a description.
    pub fn fit(&self, title: &str, description: Option<&str>, most: usize) -> bool {
        if self.is_empty() {
            return true;
        }
        let texts = || [title].into_iter().chain(description);
        let is_ascii = texts().all(str::is_ascii);
        if is_ascii && texts().map(count).sum::<usize>() <= most {
            return self.iter().all(|(word, is_prefix)| {
                texts().flat_map(ascii_words).any(|found| is_word(found, word, is_prefix))
            });
        }
        self.matches(&first_words(texts(), most))
    }

    /// Whether every word is among the [`words`](super::words) of a text.
    pub fn matches(&self, words: &BTreeSet<String>) -> bool {
        self.iter().all(|(word, is_prefix)| {
            let from = (Bound::Included(word), Bound::Unbounded);
            let found = words.range::<str, _>(from).next();
            found.is_some_and(|found| {
                found == word || is_prefix && found.starts_with(word)
            })
        })
    }
}

/// Splits an ASCII text into words, unfolded.
fn ascii_words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.map(|word| word.get(..MAX_WORD_BYTES).unwrap_or(word))
}

/// Whether an unfolded ASCII word is the word of a query, or starts with it.
fn is_word(found: &str, word: &str, is_prefix: bool) -> bool {
    let found = if is_prefix { found.get(..word.len()) } else { Some(found) };
    found.is_some_and(|found| found.eq_ignore_ascii_case(word))
}
