//! The words of texts, and queries for texts by their words.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::fold::{cut, fold, is_mark};

/// Longest word, in bytes. What comes after is not looked at.
pub const MAX_WORD_BYTES: usize = 32;

/// The words of a text: runs of letters and digits, [folded](fold). Every Chinese character and every kana is a
/// word of its own, since those scripts put no spaces between words.
///
/// ```
/// use duly::domain::words::words;
/// assert!(words("Call José (2x)").iter().eq(["2x", "call", "jose"]));
/// assert!(words("東京へ").iter().eq(["へ", "京", "東"]));
/// ```
pub fn words(text: &str) -> BTreeSet<String> {
    in_order(text).into_iter().collect()
}

fn in_order(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in fold(text).chars() {
        let is_alone = is_alone(c);
        let goes_on =
            !word.is_empty() && is_mark(c) || c.is_alphanumeric() && !is_mark(c);
        if (!goes_on || is_alone) && !word.is_empty() {
            words.push(cut(std::mem::take(&mut word), MAX_WORD_BYTES));
        }
        if is_alone {
            words.push(c.to_string());
        } else if goes_on {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(cut(word, MAX_WORD_BYTES));
    }
    words
}

/// Characters of Hiragana, Katakana and Han, less their punctuation.
fn is_alone(c: char) -> bool {
    let ranges = matches!(c, '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}');
    ranges && c.is_alphanumeric()
}

/// A query: texts that have every one of some words.
///
/// A word whose piece of the query ends in `*` stands for all words that start with it.
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

/// Why a text is no query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// More characters than [`Words::MAX_CHARS`].
    #[error("must have at most 200 characters")]
    TooLong,
    /// More words than [`Words::MAX`], not counting a word twice.
    #[error("must have at most 10 words")]
    TooMany,
}

impl Words {
    /// No words: everything has them.
    pub const NONE: Self = Self(BTreeSet::new());

    /// Most characters (not bytes) of the text.
    pub const MAX_CHARS: usize = 200;

    /// Most words.
    pub const MAX: usize = 10;

    /// Reads a query. One without words finds everything.
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

    /// Each word, and whether words that start with it will do.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, bool)> {
        self.0.iter().map(|(word, is_prefix)| (word.as_str(), *is_prefix))
    }

    /// Whether there are none, so that everything is found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every one is among the [`words`] of a text.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(query: &str, text: &str) -> bool {
        Words::parse(query).unwrap().matches(&words(text))
    }

    #[test]
    fn words_are_found_whole_or_by_their_start() {
        assert!(found("", "anything") && found(" * - ", "anything"));
        assert!(found("müll", "Den MULL rausbringen"));
        assert!(
            !found("mul", "Den MULL rausbringen")
                && found("mul*", "Den MULL rausbringen")
        );
        assert!(found("e-mai*", "write e mails") && !found("e-mai*", "write emails"));
        assert!(found("京都*", "東京都") && !found("大*", "東京都"));
        assert!(found("हिन्दी", "हिन्दी सीखो") && !found("हिन", "हिन्दी सीखो"));
        let long = "x".repeat(50);
        assert!(
            found(&long, &long)
                && found(&"x".repeat(32), &long)
                && !found(&"x".repeat(31), &long)
        );
    }

    #[test]
    fn queries_have_limits() {
        assert!(Words::parse(&"ü".repeat(200)).is_ok());
        assert_eq!(Words::parse(&"a".repeat(201)), Err(WordsError::TooLong));
        assert!(Words::parse("a b c d e f g h i j a").is_ok());
        assert_eq!(Words::parse("a b c d e f g h i j k"), Err(WordsError::TooMany));
        let query = Words::parse("b-a* b").unwrap();
        assert!(query.iter().eq([("a", true), ("b", false)]));
    }

    proptest! {
        #[test]
        fn a_text_has_its_own_words(text in any::<String>(), other in "\\PC{0,20}") {
            let all = words(&text);
            for word in &all {
                prop_assert!(!word.is_empty() && word.len() <= MAX_WORD_BYTES);
                let prefix: String = word.chars().take(1).collect();
                prop_assert!(found(word, &text), "{}", word);
                prop_assert!(found(&format!("{prefix}*"), &text), "{}", prefix);
            }
            // Words do not depend on what stands beside them.
            let both = words(&format!("{text} {other}"));
            prop_assert_eq!(both, all.union(&words(&other)).cloned().collect::<BTreeSet<_>>());
        }
    }
}
