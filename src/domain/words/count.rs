//! Counting words without folding them.

use super::class::{Class, may_be_composite};

/// Maximum number of words of one character, as of the square in which a measure is written.
const MOST_PARTS: usize = 6;

/// Returns an upper bound of the words of a text: their number with repetitions, and more if the text has signs that may
/// stand for several.
pub fn count(text: &str) -> usize {
    let (mut count, mut is_inside) = (0, false);
    for c in text.chars() {
        let (words, goes_on) = match Class::of(c) {
            _ if !is_simple(c) => (MOST_PARTS, false),
            Class::Letter => (usize::from(!is_inside), true),
            Class::Ignored => (0, is_inside),
            Class::Break => (0, false),
            Class::Unspaced | Class::Symbol | Class::HalfFlag => (1, false),
        };
        count += words;
        is_inside = goes_on;
    }
    count
}

/// Whether a character stands for no more than one word.
const fn is_simple(c: char) -> bool {
    !may_be_composite(c)
        || matches!(c, '\u{2002}'..='\u{206F}' | '\u{2190}'..='\u{221E}' | '\u{2300}'..='\u{245F}'
        | '\u{2500}'..='\u{2A0B}' | '\u{3000}'..='\u{3030}' | '\u{FE10}'..='\u{FE6B}'
        | '\u{FF00}'..='\u{FF65}' | '\u{FFE0}'..='\u{FFEF}' | '\u{1D400}'..='\u{1D7FF}'
        | '\u{1F1E6}'..='\u{1F1FF}')
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn words_are_counted_as_often_as_they_occur() {
        for (text, expected) in [
            ("", 0),
            ("- !", 0),
            ("a", 1),
            ("milk, milk and José", 4),
            ("$5 = 5+0", 6),
            ("東京へ", 3),
            ("a東b", 3),
            ("น้ำ", 2),
            ("❤️ 👍🏽", 2),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn no_character_gives_more_words_than_are_counted() {
        // Most Chinese characters are skipped: they are many and behave alike.
        let chars = ('\0'..='\u{3400}').chain('\u{9F00}'..='\u{20000}');
        let texts = chars
            .flat_map(|c| [format!("a{c}b"), format!("東{c}京"), format!("{c}x{c}")]);
        let wrong = texts.filter(|text| words(text).len() > count(text));
        assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
    }
}
