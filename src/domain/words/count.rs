//! Counting words without folding them.

use super::{is_alone, is_of_word};

/// Counts the words of a text, including repetitions. Allocates no memory, and may be off by a few where folding
/// joins or splits words.
pub fn count(text: &str) -> usize {
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
    fn words_are_counted_as_often_as_they_occur() {
        for (text, expected) in [
            ("", 0),
            ("- !", 0),
            ("a", 1),
            ("milk, milk and José", 4),
            ("\u{6771}\u{4EAC}\u{3078}", 3),
            ("a\u{6771}b", 3),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }
}
