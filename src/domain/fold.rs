//! What is left of a text when case and accents do not count.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// The text without the difference of case, accents and compatible forms
/// ([NFKC](https://www.unicode.org/reports/tr15/)). Control characters are spaces.
///
/// ```
/// use duly::domain::fold::fold;
/// assert_eq!(fold("STRASSE"), fold("Straße"));
/// assert_eq!(fold("Crème\nbrûlée ①"), "creme brulee 1");
/// ```
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_ascii(text);
    }
    let plain = text.nfkd().filter(|c| !is_dropped(*c));
    // By way of upper case, so that ß becomes SS and every sigma the same, and ẞ becomes ß before. Letter
    // by letter, so that the end of a word does not matter.
    let cased = plain.flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    let cased = cased.flat_map(char::to_lowercase);
    // Case may bring marks, as in İ.
    let plain = cased.nfkd().filter(|c| !is_dropped(*c));
    plain.nfc().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// [`fold`] of ASCII, where only letters and control characters change.
fn fold_ascii(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c.to_ascii_lowercase() };
    text.chars().map(plain).collect()
}

/// What texts are sorted by: folded, and cut to [`SORT_KEY_MAX_BYTES`]. Has no NUL.
pub fn sort_key(text: &str) -> String {
    cut(fold(text), SORT_KEY_MAX_BYTES)
}

/// Longest [`sort_key`], in bytes.
pub const SORT_KEY_MAX_BYTES: usize = 255;

/// The text with every letter and its accents in one character, where there is one (NFC).
pub(super) fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// The same of characters, one after the other.
pub(super) fn compose(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    chars.nfc()
}

/// The text with every letter apart from its accents (NFD).
pub(super) fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

/// The text without the difference of case. Letter by letter, as in [`fold`].
pub(super) fn caseless(text: &str) -> String {
    let cased = text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    cased.flat_map(char::to_lowercase).nfc().collect()
}

/// Whether a character belongs to the word that it follows.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && is_combining_mark(c)
}

/// The start of a text, in whole characters.
pub(super) fn cut(mut text: String, max_bytes: usize) -> String {
    let end = (0..=max_bytes).rev().find(|end| text.is_char_boundary(*end));
    if text.len() > max_bytes {
        text.truncate(end.unwrap_or(0));
    }
    text
}

/// Accents, and characters that show nothing. Marks which are no accents but vowels, as in Hindi and Thai, or
/// make another consonant, as in Japanese, stay.
fn is_dropped(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
    );
    hidden || matches!(canonical_combining_class(c), 1 | 10..=36 | 200..=240)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_word_fold_alike() {
        for (text, folded) in [
            ("ÄÖÜ äöü ẞß", "aou aou ssss"),
            ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
            ("İstanbul ısı", "istanbul isi"),
            ("ﬁancé ＦＵＬＬ ℌ", "fiance full h"),
            ("Ёлка йод", "елка иод"),
            ("שָׁלוֹם سَلَام", "שלום سلام"),
            ("がぎ ｶﾞ 한국", "がぎ ガ 한국"),
            ("हिन्दी", "हिन्दी"),
            ("so\u{AD}ft\u{0}\t", "soft  "),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn folding_each_character_twice_changes_nothing_more() {
        // Neither Hangul nor most of Chinese, which are many and all alike.
        let chars = ('\0'..='\u{33FF}').chain('\u{A000}'..='\u{ABFF}');
        for c in chars.chain('\u{F900}'..='\u{1FFFF}') {
            let once = fold(&format!("a{c}b"));
            assert_eq!(fold(&once), once, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn ascii_folds_alone_as_it_does_beside_other_letters(text in "[\\x00-\\x7f]{0,40}") {
            let beside = fold(&format!("{text}Ä"));
            prop_assert_eq!(format!("{}a", fold(&text)), beside);
        }

        #[test]
        fn folding_twice_changes_nothing_more(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(&fold(&once), &once);
            prop_assert!(!once.contains(char::is_control));
            let key = sort_key(&text.repeat(20));
            prop_assert!(key.len() <= 255 && fold(&text.repeat(20)).starts_with(&key));
        }
    }
}
