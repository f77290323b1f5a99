//! Classes of characters, by their effect on words.

use std::str::Chars;

use crate::domain::fold::{decompose, key_start};

/// Effect of a character on words. It follows from its [key](key_start), not from the tables of the compiler, so that it
/// stays for as long as keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Belongs to a word of many characters.
    Letter,
    /// Belongs to a script without spaces between words.
    Unspaced,
    /// Is a word of its own.
    Symbol,
    /// Is a word together with another one: half a flag.
    HalfFlag,
    /// Changes nothing.
    Ignored,
    /// Separates words.
    Break,
}

/// Beginning of the keys of symbols, behind those of punctuation and of accents without a letter.
const SYMBOLS: [u8; 2] = [0x0C, 0x55];

/// First byte of the keys of currencies, the last symbols.
const CURRENCIES: u8 = 0x0E;

/// First byte of the keys of characters without order: private and unknown ones.
const UNKNOWN: u8 = 0xFE;

impl Class {
    /// Returns the class of a character.
    pub(super) fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => Self::Letter,
            '$' | '+' | '<' | '=' | '>' | '|' | '~' => Self::Symbol,
            // Belong to no text.
            '\0'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' => Self::Break,
            // Tones of skin.
            '\u{1F3FB}'..='\u{1F3FF}' => Self::Ignored,
            '\u{1F1E6}'..='\u{1F1FF}' => Self::HalfFlag,
            // Most Chinese and Korean characters.
            '\u{4E00}'..='\u{9FFF}' => Self::Unspaced,
            '\u{AC00}'..='\u{D7A3}' => Self::Letter,
            _ => Self::of_key(c, key_start(c)),
        }
    }

    fn of_key(c: char, start: [u8; 2]) -> Self {
        match start {
            [0, _] => Self::Ignored,
            _ if start < SYMBOLS => Self::Break,
            [first, _] if first != CURRENCIES && is_unspaced(c) => Self::Unspaced,
            [first, _] if first <= CURRENCIES || first >= UNKNOWN => Self::Symbol,
            _ => Self::Letter,
        }
    }
}

/// Whether a character continues a word. `last` is the last character of the word.
pub(super) fn continues(last: char, c: char) -> bool {
    // Catalan has a dot inside words, as in "col·lega".
    let is_dot = c == '\u{B7}' && matches!(last, 'l' | 'L');
    is_dot || matches!(Class::of(c), Class::Letter | Class::Ignored)
}

/// Whether a character is of a script without spaces between words: Han, Hiragana, Katakana, or one of those of
/// South-East Asia that [line breaking](https://www.unicode.org/reports/tr14/#SA) leaves to dictionaries. Digits are not;
/// punctuation is not told apart.
pub(super) const fn is_unspaced(c: char) -> bool {
    if c < '\u{E00}' {
        return false;
    }
    let is_of_block = matches!(c, '\u{4E00}'..='\u{9FFF}'
        | '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}'
        | '\u{1950}'..='\u{19DF}' | '\u{1A20}'..='\u{1AAF}' | '\u{3005}'..='\u{3007}'
        | '\u{3031}'..='\u{3035}' | '\u{303B}' | '\u{3040}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}'
        | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{A9E0}'..='\u{A9FF}'
        | '\u{AA60}'..='\u{AADF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF66}'..='\u{FF9F}'
        | '\u{116D0}'..='\u{116FF}' | '\u{11700}'..='\u{1174F}' | '\u{16FE0}'..='\u{16FF6}'
        | '\u{1AFF0}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFD}');
    let is_digit = matches!(c, '\u{E50}'..='\u{E59}' | '\u{ED0}'..='\u{ED9}' | '\u{1040}'..='\u{1049}'
        | '\u{1090}'..='\u{1099}' | '\u{17E0}'..='\u{17E9}' | '\u{19D0}'..='\u{19DA}'
        | '\u{1A80}'..='\u{1A99}' | '\u{A9F0}'..='\u{A9F9}' | '\u{116D0}'..='\u{116E3}'
        | '\u{11730}'..='\u{1173B}');
    is_of_block && !is_digit
}

/// Characters of a text. Those that stand for several, which may not all be of one class, are replaced by them.
pub(super) struct Plain<'a> {
    chars: Chars<'a>,
    parts: std::vec::IntoIter<char>,
}

impl<'a> Plain<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { chars: text.chars(), parts: Vec::new().into_iter() }
    }
}

impl Iterator for Plain<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        if let Some(part) = self.parts.next() {
            return Some(part);
        }
        let c = self.chars.next()?;
        if !may_be_composite(c) {
            return Some(c);
        }
        let mut parts = Vec::new();
        decompose(c, |part| parts.push(part));
        self.parts = parts.into_iter();
        self.parts.next()
    }
}

/// Whether a character may stand for several, other than a letter with accents: a fraction, a letter that stands for two,
/// or a sign.
pub(super) const fn may_be_composite(c: char) -> bool {
    matches!(c, '\u{BC}'..='\u{BE}' | '\u{EDC}' | '\u{EDD}' | '\u{1026}' | '\u{2002}'..='\u{2BFF}'
        | '\u{2E80}'..='\u{303F}' | '\u{309F}' | '\u{30FF}' | '\u{3190}'..='\u{319F}'
        | '\u{3200}'..='\u{33FF}' | '\u{FDFC}' | '\u{FE10}'..='\u{FE6B}' | '\u{FF00}'..='\u{FF65}'
        | '\u{FFE0}'..='\u{FFEF}' | '\u{1B000}'..='\u{1B16F}' | '\u{1CCD6}'..='\u{1CCF9}'
        | '\u{1D400}'..='\u{1D7FF}' | '\u{1F100}'..='\u{1F2FF}' | '\u{1FBF0}'..='\u{1FBF9}')
}
