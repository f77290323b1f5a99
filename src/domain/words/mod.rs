//! Words of texts, and queries for texts by their words.

mod count;
mod query;

use std::collections::BTreeSet;

pub use self::count::count;
pub use self::query::{Words, WordsError};
use super::fold::{cut, fold, is_mark};

/// Maximum length of a word, in bytes. The rest is ignored.
pub const MAX_WORD_BYTES: usize = 32;

/// Returns the words of a text: runs of letters and digits, [folded](fold). Every Chinese character and every kana
/// is a word of its own, since those scripts put no spaces between words.
///
/// ```
/// use duly::domain::words::words;
/// assert!(words("Call José (2x)").iter().eq(["2x", "call", "jose"]));
/// assert!(words("東京へ").iter().eq(["へ", "京", "東"]));
/// ```
pub fn words(text: &str) -> BTreeSet<String> {
    in_order(text).into_iter().collect()
}

/// Returns the first different words of several texts, up to a maximum.
pub fn first_words<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> BTreeSet<String> {
    let mut first = BTreeSet::new();
    for word in texts.into_iter().flat_map(in_order) {
        if first.len() == most {
            break;
        }
        first.insert(word);
    }
    first
}

fn in_order(text: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in fold(text).chars() {
        let is_alone = is_alone(c);
        let goes_on = is_of_word(c, !word.is_empty());
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

/// Whether a character begins a word, or continues the current one.
fn is_of_word(c: char, is_inside: bool) -> bool {
    if is_mark(c) { is_inside } else { c.is_alphanumeric() }
}

/// Whether a character is Hiragana, Katakana or Han, other than punctuation.
fn is_alone(c: char) -> bool {
    let ranges = matches!(c, '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{1B000}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFF}');
    ranges && c.is_alphanumeric()
}

#[cfg(test)]
mod tests;
