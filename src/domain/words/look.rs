//! Places of the characters of a text, by which queries are found in it character by character.

use super::token::Token;
use crate::domain::fold::fold_char;

/// Byte behind every key; no key has it.
const END: u8 = 1;

/// Byte that stands for all that separates words; it is no key.
const GAP: u8 = 2;

/// Keys of the characters of a text, one by one, with gaps between them where a word begins or ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Look {
    bytes: Vec<u8>,
    /// Whether a gap is before the next character.
    is_apart: bool,
}

impl Look {
    pub(super) fn new() -> Self {
        Self { bytes: vec![END], is_apart: false }
    }

    /// Returns the characters of some tokens.
    pub(super) fn of<'a>(tokens: impl IntoIterator<Item = &'a Token>) -> Self {
        let mut look = Self::new();
        tokens.into_iter().for_each(|token| look.add(token));
        Self { is_apart: false, ..look }
    }

    /// Adds the characters of the next token.
    pub(super) fn add(&mut self, token: &Token) {
        if let Token::Unit(key) = token {
            self.push(key);
            return;
        }
        self.is_apart = true;
        match token {
            // The dot of Catalan has a key only where it is alone.
            Token::Word(word) => word
                .chars()
                .filter(|c| *c != '\u{B7}')
                .for_each(|c| self.push(&fold_char(c))),
            Token::Symbol(key) => self.push(key),
            Token::Unit(_) | Token::Gap => {}
        }
        self.is_apart = true;
    }

    /// Whether the characters of another text are among these, in a row.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self.bytes.windows(other.bytes.len()).any(|part| part == other.bytes)
    }

    fn push(&mut self, key: &[u8]) {
        if key.is_empty() {
            return;
        }
        if self.is_apart && self.bytes.len() > 1 {
            self.bytes.extend([GAP, END]);
        }
        self.is_apart = false;
        self.bytes.extend(key);
        self.bytes.push(END);
    }
}
