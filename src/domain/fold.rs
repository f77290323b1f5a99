//! Folding of text for comparisons that ignore case and accents.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};

/// Removes differences of case, accents and compatible forms ([NFKC](https://www.unicode.org/reports/tr15/)).
/// Control characters become spaces.
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
    // Upper case maps ß to SS and every sigma to one; lower case before it maps ẞ to ß. Characters are mapped one
    // by one, so that the end of a word does not matter.
    let cased = plain.flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    let cased = cased.flat_map(char::to_lowercase);
    // Case mapping may add marks, as for İ.
    let plain = cased.nfkd().filter(|c| !is_dropped(*c));
    plain.nfc().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Computes [`fold`] of ASCII text, where only letters and control characters change.
fn fold_ascii(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c.to_ascii_lowercase() };
    let mut folded = String::with_capacity(text.len());
    folded.extend(text.chars().map(plain));
    folded
}

/// Returns the sort key of a text: folded, truncated to [`SORT_KEY_MAX_BYTES`], without NUL.
pub fn sort_key(text: &str) -> String {
    cut(fold(text), SORT_KEY_MAX_BYTES)
}

/// Maximum length of a [`sort_key`], in bytes.
pub const SORT_KEY_MAX_BYTES: usize = 255;

/// Composes letters and accents into single characters where possible (NFC).
pub(super) fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// Composes a sequence of characters (NFC).
pub(super) fn compose(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    chars.nfc()
}

/// Decomposes letters and accents into separate characters (NFD).
pub(super) fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

/// Removes differences of case, character by character as in [`fold`].
pub(super) fn caseless(text: &str) -> String {
    let cased = text.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    cased.flat_map(char::to_lowercase).nfc().collect()
}

/// Whether a character is a mark that belongs to the preceding character.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && is_combining_mark(c)
}

/// Truncates a text to a maximum length, at a character boundary.
pub(super) fn cut(mut text: String, max_bytes: usize) -> String {
    let end = (0..=max_bytes).rev().find(|end| text.is_char_boundary(*end));
    if text.len() > max_bytes {
        text.truncate(end.unwrap_or(0));
    }
    text
}

/// Whether a character is an accent or invisible. Marks that are vowels, as in Hindi and Thai, or that change a
/// consonant, as in Japanese, are kept.
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
        // Hangul and most Chinese characters are skipped: they are many and behave alike.
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
