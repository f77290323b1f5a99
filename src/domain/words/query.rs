//! Word queries.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::look::Look;
use super::token::{Token, tokens};
use super::{First, LONG_BYTES, MAX_WORD_BYTES, count, pair, shortened};
use crate::domain::fold::{ascii_key, composed_once, fold, fold_char};

/// Query for texts that contain all of some words.
///
/// A word whose piece of the query ends in `*` matches all words that start with it. A piece with characters of a script
/// without spaces, as Chinese and Thai, matches texts that contain it, whatever is before and behind it.
///
/// ```
/// use duly::domain::words::Words;
/// let query = Words::parse("JOSE call*")?;
/// assert!(query.search("Calling José", None, 512).is_fit);
/// assert!(!query.search("Calling Joseph", None, 512).is_fit);
/// let query = Words::parse("東京")?;
/// assert!(query.search("東京都へ", None, 512).is_fit);
/// assert!(!query.search("東西と京都", None, 512).is_fit);
/// # Ok::<(), duly::domain::words::WordsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Words, and whether each is a prefix, that every match has.
    lookups: BTreeSet<(Vec<u8>, bool)>,
    /// Conditions of matches beside the words.
    seconds: BTreeSet<Second>,
}

/// Result of a search in the texts of a task, and its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Whether the texts fulfil the query.
    pub is_fit: bool,
    /// Bytes that were compared as they are, once for each word.
    pub read: usize,
    /// Bytes that were folded.
    pub folded: usize,
}

impl Search {
    /// Result that took no search.
    pub const fn free(is_fit: bool) -> Self {
        Self { is_fit, read: 0, folded: 0 }
    }
}

/// Condition that words do not tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Second {
    /// A word, unshortened, begins with this.
    Prefix(Vec<u8>),
    /// The characters of a text contain these.
    Contains(Look),
}

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
    pub const NONE: Self = Self { lookups: BTreeSet::new(), seconds: BTreeSet::new() };

    /// Maximum length of the text, in characters (not bytes).
    pub const MAX_CHARS: usize = 200;

    /// Maximum number of words. A piece in a script without spaces is one.
    pub const MAX: usize = 10;

    /// Maximum number of words that are looked up for one piece in a script without spaces.
    const MAX_LOOKUPS: usize = 4;

    /// Parses a query. Without words, it matches every text.
    ///
    /// # Errors
    ///
    /// Every variant of [`WordsError`].
    pub fn parse(text: &str) -> Result<Self, WordsError> {
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            return Err(WordsError::TooLong);
        }
        let (mut query, mut words, mut phrases) =
            (Self::NONE, BTreeSet::new(), BTreeSet::new());
        for piece in composed_once(text).split_whitespace() {
            let mut tokens: Vec<Token> = tokens(piece).collect();
            if tokens.iter().any(|token| matches!(token, Token::Unit(_))) {
                phrases.insert(Look::of(&tokens));
                query.add_phrase(&tokens);
                continue;
            }
            tokens.retain(|token| *token != Token::Gap);
            let last = tokens.len().saturating_sub(1);
            for (number, token) in tokens.into_iter().enumerate() {
                let is_prefix = number == last && piece.ends_with('*');
                words.insert(match token {
                    Token::Word(word) => (fold(&word), is_prefix),
                    Token::Unit(key) | Token::Symbol(key) => (key, false),
                    Token::Gap => continue,
                });
            }
        }
        if words.len() + phrases.len() > Self::MAX {
            return Err(WordsError::TooMany);
        }
        for (word, is_prefix) in words {
            query.add_word(word, is_prefix);
        }
        Ok(query)
    }

    /// Returns words, and whether each is a prefix. Every text that matches has all of them. Unless the query is
    /// [exact](Self::is_exact), other texts may have them as well.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], bool)> {
        self.lookups.iter().map(|(word, is_prefix)| (word.as_slice(), *is_prefix))
    }

    /// Whether every text that has the words matches.
    pub fn is_exact(&self) -> bool {
        self.seconds.is_empty()
    }

    /// Whether the query has no words, and thus matches every text.
    pub fn is_empty(&self) -> bool {
        self.lookups.is_empty()
    }

    /// Searches a title and a description, up to the first `most` different words of both.
    pub fn search(&self, title: &str, description: Option<&str>, most: usize) -> Search {
        if self.is_empty() {
            return Search::free(true);
        }
        let texts = || [title].into_iter().chain(description);
        let bytes: usize = texts().map(str::len).sum();
        let is_ascii = texts().all(str::is_ascii);
        if is_ascii && self.is_exact() && texts().map(count).sum::<usize>() <= most {
            let mut read = 0;
            let is_fit = self.iter().all(|(word, is_prefix)| {
                read += bytes;
                texts().flat_map(ascii_words).any(|found| is_word(found, word, is_prefix))
            });
            return Search { is_fit, read, folded: 0 };
        }
        Search {
            is_fit: self.fit_folded(title, description, most),
            read: 0,
            folded: bytes,
        }
    }

    /// Does the work of [`Self::search`] for texts that have to be folded.
    fn fit_folded(&self, title: &str, description: Option<&str>, most: usize) -> bool {
        let texts = || [title].into_iter().chain(description);
        let mut first = First::new(most);
        let mut unmet: Vec<&Second> = self.seconds.iter().collect();
        for text in texts() {
            let mut look = Look::new();
            let needs_look =
                unmet.iter().any(|second| matches!(second, Second::Contains(_)));
            first.read(text, |token| {
                if let Token::Word(word) = token {
                    unmet.retain(|second| !second.is_start_of(word));
                }
                if needs_look {
                    look.add(token);
                }
            });
            unmet.retain(|second| !second.is_in(&look));
        }
        unmet.is_empty() && self.are_among(&first.words)
    }

    /// Whether every word is among those of a text.
    fn are_among(&self, words: &BTreeSet<Vec<u8>>) -> bool {
        self.iter().all(|(word, is_prefix)| {
            let from = (Bound::Included(word), Bound::Unbounded);
            let found = words.range::<[u8], _>(from).next();
            found.is_some_and(|found| {
                found == word || is_prefix && found.starts_with(word)
            })
        })
    }

    fn add_word(&mut self, word: Vec<u8>, is_prefix: bool) {
        if !is_prefix {
            self.lookups.insert((shortened(word), false));
        } else if word.len() <= LONG_BYTES {
            self.lookups.insert((word, true));
        } else {
            let start = word.iter().take(LONG_BYTES).copied().collect();
            self.lookups.insert((start, true));
            self.seconds.insert(Second::Prefix(word));
        }
    }

    /// Adds a piece with characters of a script without spaces.
    fn add_phrase(&mut self, tokens: &[Token]) {
        let first = tokens.iter().position(|token| *token != Token::Gap).unwrap_or(0);
        let end = tokens
            .iter()
            .rposition(|token| *token != Token::Gap)
            .map_or(0, |last| last + 1);
        let tokens = tokens.get(first..end).unwrap_or_default();
        let mut lookups = BTreeSet::new();
        for (number, token) in tokens.iter().enumerate() {
            let before = number.checked_sub(1).and_then(|before| tokens.get(before));
            match (before, token, tokens.get(number + 1)) {
                (_, Token::Unit(key), Some(Token::Unit(next))) => {
                    lookups.insert((pair(key.clone(), next), false));
                }
                // The last of a run is in the pair before it, unless it is alone.
                (Some(Token::Unit(_)), Token::Unit(_), _) => {}
                (_, Token::Unit(key), next) => {
                    lookups.insert((pair(key.clone(), &[]), next.is_none()));
                }
                // A text may have more before the first word, and behind the last.
                (None, Token::Word(_), _) | (_, Token::Gap, _) => {}
                (Some(_), Token::Word(word), Some(_)) => {
                    lookups.insert((shortened(fold(word)), false));
                }
                (Some(_), Token::Word(word), None) => {
                    let key = fold(word).into_iter().take(LONG_BYTES);
                    lookups.insert((key.collect(), true));
                }
                (_, Token::Symbol(key), _) => {
                    lookups.insert((key.clone(), false));
                }
            }
        }
        if !matches!(tokens, [Token::Unit(_)] | [Token::Unit(_), Token::Unit(_)]) {
            self.seconds.insert(Second::Contains(Look::of(tokens)));
        }
        let step = lookups.len().div_ceil(Self::MAX_LOOKUPS).max(1);
        self.lookups.extend(lookups.into_iter().step_by(step));
    }
}

impl Second {
    fn is_start_of(&self, word: &str) -> bool {
        matches!(self, Self::Prefix(start) if fold(word).starts_with(start))
    }

    fn is_in(&self, look: &Look) -> bool {
        matches!(self, Self::Contains(part) if look.contains(part))
    }
}

/// Splits an ASCII text into words and symbols, unfolded.
fn ascii_words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.chain(text.matches(['$', '+', '<', '=', '>', '|', '~']))
}

/// Whether an unfolded ASCII word or symbol is the word of a query, or starts with it.
fn is_word(found: &str, word: &[u8], is_prefix: bool) -> bool {
    match found.chars().next() {
        Some(c) if !c.is_ascii_alphanumeric() => !is_prefix && fold_char(c) == word,
        _ if found.len() > MAX_WORD_BYTES && !is_prefix => shortened(fold(found)) == word,
        _ => {
            let mut keys = found.chars().filter_map(ascii_key);
            let starts = word.iter().all(|byte| keys.next() == Some(*byte));
            starts && (is_prefix || keys.next().is_none())
        }
    }
}
