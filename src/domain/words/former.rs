//! Words of files of formats 3 to 6. They never change.

use std::collections::BTreeSet;

use crate::domain::fold::former::{cut, fold};
use crate::domain::fold::is_mark;

/// Maximum length of a word, in bytes. The rest is ignored.
const MAX_WORD_BYTES: usize = 32;

/// Returns the first different words of several texts, up to a maximum.
pub(crate) fn first_words<'a>(
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

/// Counts the words of a text, including repetitions. Allocates no memory, and may be off by a few where folding
/// joins or splits words.
pub(crate) fn count(text: &str) -> usize {
    let (mut count, mut is_inside) = (0, false);
    for c in text.chars() {
        let is_word = is_of_word(c, is_inside);
        let begins = is_word && (!is_inside || is_alone(c));
        count += usize::from(begins);
        is_inside = is_word && !is_alone(c);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_words_that_they_always_had() {
        for (text, words, counted) in [
            ("Call José (2x)", &["2x", "call", "jose"][..], 3),
            ("\u{6771}\u{4EAC}\u{3078}", &["\u{3078}", "\u{4EAC}", "\u{6771}"], 3),
            ("a\u{6771}b", &["a", "b", "\u{6771}"], 3),
            ("❤️ 5 $", &["5"], 1),
            ("- !", &[], 0),
        ] {
            assert!(first_words([text], 512).iter().eq(words), "{text}");
            assert_eq!(count(text), counted, "{text}");
        }
        let long = "x".repeat(50);
        assert!(first_words([long.as_str()], 512).into_iter().eq(["x".repeat(32)]));
        assert!(first_words(["b a c"], 2).iter().eq(["a", "b"]));
    }
}
