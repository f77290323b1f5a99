//! Folding of files of formats 3 to 6. It never changes.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// Removes differences of case, accents and compatible forms ([NFKC](https://www.unicode.org/reports/tr15/)).
/// Control characters become spaces.
pub(in crate::domain) fn fold(text: &str) -> String {
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
pub(crate) fn sort_key(text: &str) -> String {
    cut(fold(text), SORT_KEY_MAX_BYTES)
}

/// Maximum length of a [`sort_key`], in bytes.
const SORT_KEY_MAX_BYTES: usize = 255;

/// Truncates a text to a maximum length, at a character boundary.
pub(in crate::domain) fn cut(mut text: String, max_bytes: usize) -> String {
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
    use super::*;

    #[test]
    fn texts_fold_as_they_always_did() {
        for (text, folded) in [
            ("ÄÖÜ äöü ẞß", "aou aou ssss"),
            ("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ"),
            ("İstanbul ısı", "istanbul isi"),
            ("ﬁancé ＦＵＬＬ ℌ", "fiance full h"),
            ("Ёлка йод", "елка иод"),
            ("שָׁלוֹם سَلَام", "שלום سلام"),
            ("がぎ ｶﾞ 한국", "がぎ ガ 한국"),
            ("Łódź Øresund", "łodz øresund"),
            ("so\u{AD}ft\u{0}\t", "soft  "),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
        assert_eq!(sort_key(&"É".repeat(300)), "e".repeat(255));
    }
}
