//! Words of texts, and queries for texts by their words.
//!
//! A word is the [key](fold) of a run of letters and digits, or of a symbol. Scripts without spaces between words, as
//! Chinese and Thai, have a word for every two adjacent characters, and one for the last of a run. Queries in them take
//! a second look at the text.

mod class;
mod count;
pub(crate) mod former;
mod look;
mod query;
mod token;

use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64;

pub use self::count::count;
pub use self::query::{Search, Words, WordsError};
use self::token::{Token, tokens};
use super::fold::{composed_once, fold};

/// Maximum length of a word, in bytes. A longer one keeps its first [`LONG_BYTES`], and a hash of all.
pub const MAX_WORD_BYTES: usize = 32;

/// Length of the beginning of a word that is too long.
const LONG_BYTES: usize = MAX_WORD_BYTES - 9;

/// Byte between the parts of a word; no key has it.
const PART: u8 = 1;

/// Returns the words of a text.
///
/// ```
/// use duly::domain::words::words;
/// assert_eq!(words("Call José (2x)"), words("call 2X jose"));
/// assert_eq!(words("東京都").len(), 3);
/// ```
pub fn words(text: &str) -> BTreeSet<Vec<u8>> {
    first_words([text], usize::MAX)
}

/// Returns the first different words of several texts, up to a maximum.
pub fn first_words<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> BTreeSet<Vec<u8>> {
    let mut first = First::new(most);
    for text in texts {
        first.read(text, |_| {});
    }
    first.words
}

/// First different words of texts.
struct First {
    words: BTreeSet<Vec<u8>>,
    most: usize,
    is_full: bool,
}

impl First {
    const fn new(most: usize) -> Self {
        Self { words: BTreeSet::new(), most, is_full: false }
    }

    /// Adds the words of a text, up to the first that is one too many. Passes on the tokens up to there.
    fn read(&mut self, text: &str, mut each: impl FnMut(&Token)) {
        let mut unit: Option<Vec<u8>> = None;
        let text = composed_once(text);
        for token in tokens(&text) {
            let is_added = match (unit.take(), &token) {
                (Some(before), Token::Unit(key)) => {
                    unit = Some(key.clone());
                    self.add(pair(before, key))
                }
                (None, Token::Unit(key)) => {
                    unit = Some(key.clone());
                    !self.is_full
                }
                (Some(last), _) => self.add(pair(last, &[])) && self.add_token(&token),
                (None, _) => self.add_token(&token),
            };
            if !is_added {
                return;
            }
            each(&token);
        }
        if let Some(last) = unit {
            self.add(pair(last, &[]));
        }
    }

    fn add_token(&mut self, token: &Token) -> bool {
        match token {
            Token::Word(word) => self.add(shortened(fold(word))),
            Token::Symbol(key) => self.add(key.clone()),
            Token::Unit(_) | Token::Gap => !self.is_full,
        }
    }

    /// Adds a word. Returns whether there was room.
    fn add(&mut self, word: Vec<u8>) -> bool {
        if self.is_full || word.is_empty() {
            return !self.is_full;
        }
        self.is_full = self.words.len() >= self.most && !self.words.contains(&word);
        if !self.is_full {
            self.words.insert(word);
        }
        !self.is_full
    }
}

/// Returns the word of two adjacent characters, or of the last of a run and nothing. All of them begin with the word of
/// the first and nothing.
fn pair(mut first: Vec<u8>, second: &[u8]) -> Vec<u8> {
    first.push(PART);
    first.extend(second);
    first
}

/// Shortens a word to [`MAX_WORD_BYTES`], such that different words stay different.
fn shortened(mut word: Vec<u8>) -> Vec<u8> {
    if word.len() > MAX_WORD_BYTES {
        let hash = xxh3_64(&word).to_be_bytes();
        word.truncate(LONG_BYTES);
        word.push(PART);
        // Entries of an index end with a zero.
        word.extend(hash.map(|byte| byte.max(1)));
    }
    word
}

#[cfg(test)]
mod tests;
