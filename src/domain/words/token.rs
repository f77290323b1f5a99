//! Tokens of texts: what words and their places are made of.

use std::iter::Peekable;

use super::class::{Class, Plain, continues};
use crate::domain::fold::fold_char;

/// Part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Run of letters and digits, unfolded.
    Word(String),
    /// Key of a character of a script without spaces.
    Unit(Vec<u8>),
    /// Key of a symbol.
    Symbol(Vec<u8>),
    /// Anything that separates words.
    Gap,
}

/// Splits a text into tokens.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token> {
    let mut chars = Plain::new(text).peekable();
    std::iter::from_fn(move || next(&mut chars))
}

fn next(chars: &mut Peekable<Plain<'_>>) -> Option<Token> {
    loop {
        let c = chars.next()?;
        return Some(match Class::of(c) {
            Class::Letter => Token::Word(word(c, chars)),
            Class::Unspaced => Token::Unit(fold_char(c)),
            Class::Symbol => Token::Symbol(fold_char(c)),
            Class::HalfFlag => {
                let other = chars.next_if(|c| Class::of(*c) == Class::HalfFlag);
                let halves = [c].into_iter().chain(other);
                Token::Symbol(halves.flat_map(fold_char).collect())
            }
            Class::Break => Token::Gap,
            Class::Ignored => continue,
        });
    }
}

/// Reads the rest of a word.
fn word(first: char, chars: &mut Peekable<Plain<'_>>) -> String {
    let mut word = String::with_capacity(16);
    word.push(first);
    let mut last = first;
    while let Some(c) = chars.next_if(|c| continues(last, *c)) {
        word.push(c);
        last = c;
    }
    word
}
