//! Folding of text for comparisons that ignore case and accents.
//!
//! A folded text is a *key*: bytes without 00 and 01 that sort like texts, by the primary level of the
//! [Unicode Collation Algorithm](https://www.unicode.org/reports/tr10/) in the root order of CLDR. Files store keys, so
//! they never change without a new format: the crate of the tables is pinned, and a test has a sum of all keys.

pub(crate) mod former;
mod kept;

use std::borrow::Cow;

use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{CollationKeySink, CollatorBorrowed};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use self::kept::Kept;

static COLLATOR: CollatorBorrowed<'static> = CollatorBorrowed::new_root({
    let mut options = CollatorOptions::default();
    options.strength = Some(Strength::Primary);
    options
});

/// Maximum length of a [`sort_key`], in bytes.
pub const SORT_KEY_MAX_BYTES: usize = 255;

/// Marks in a row that are folded; further ones are ignored. Words have fewer than ten.
const MAX_MARKS: usize = 30;

/// Character that never belongs to a text. Keys of many of them would not sort below the end of a range of keys.
const NONE: char = '\u{FFFF}';

/// Returns the key of a text without differences of case, accents and compatible forms. The key of the beginning of a
/// word begins the key of the word.
///
/// ```
/// use duly::domain::fold::fold;
/// assert_eq!(fold("lodz"), fold("Łódź"));
/// assert_eq!(fold("STRASSE"), fold("Straße"));
/// assert!(fold("Ørsted") > fold("oasis") && fold("Ørsted") < fold("owl"));
/// ```
pub fn fold(text: &str) -> Vec<u8> {
    fold_at_most(text, usize::MAX)
}

/// Returns the sort key of a text: the first [`SORT_KEY_MAX_BYTES`] of its key.
pub fn sort_key(text: &str) -> Vec<u8> {
    fold_at_most(text, SORT_KEY_MAX_BYTES)
}

/// Returns the key of a character on its own. It is empty for accents and invisible characters.
pub(super) fn fold_char(c: char) -> Vec<u8> {
    let Kept { key, length } = Kept::of(c);
    length.map_or_else(
        || collate(c, usize::MAX),
        |length| key.into_iter().take(length).collect(),
    )
}

/// Returns the first two bytes of the key of a character on its own. Zeros stand for missing ones.
pub(super) fn key_start(c: char) -> [u8; 2] {
    let [first, second, ..] = Kept::of(c).key;
    [first, second]
}

/// Computes the key of a character, up to a maximum length.
fn collate(c: char, most: usize) -> Vec<u8> {
    let mut sink = Sink { key: Vec::with_capacity(8), most };
    if c != NONE {
        let _full = COLLATOR.write_sort_key_to(c.encode_utf8(&mut [0; 4]), &mut sink);
    }
    sink.key
}

/// Returns the key of an ASCII character that has the same one in every text: one byte.
pub(super) const fn ascii_key(c: char) -> Option<u8> {
    Some(match c {
        ' ' => 0x04,
        ',' => 0x06,
        '.' => 0x08,
        '0'..='9' => 0x12 + 2 * (c as u8 - b'0'),
        'a'..='z' => 0x2B + 2 * (c as u8 - b'a'),
        'A'..='Z' => 0x2B + 2 * (c as u8 - b'A'),
        _ => return None,
    })
}

fn fold_at_most(text: &str, most: usize) -> Vec<u8> {
    let mut key = Vec::with_capacity(text.len().min(most));
    key.extend(text.chars().map_while(ascii_key).take(most));
    // Most texts end here.
    if key.len() == text.len().min(most) {
        return key;
    }
    key.clear();
    let mut sink = Sink { key, most };
    // A full sink is no failure.
    let _full = if is_usual(text) {
        COLLATOR.write_sort_key_to(text, &mut sink)
    } else {
        COLLATOR.write_sort_key_to(&usual(text), &mut sink)
    };
    sink.key
}

/// Whether a text has no character and no row of marks that [`usual`] removes.
fn is_usual(text: &str) -> bool {
    let mut marks = 0;
    text.chars().all(|c| {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        c != NONE && marks <= MAX_MARKS
    })
}

/// Removes what would take long to fold, or would disturb the order of keys.
fn usual(text: &str) -> String {
    let mut marks = 0;
    let is_kept = |c: &char| {
        marks = if is_mark(*c) { marks + 1 } else { 0 };
        *c != NONE && marks <= MAX_MARKS
    };
    text.chars().filter(is_kept).collect()
}

/// Key that grows up to a maximum length.
struct Sink {
    key: Vec<u8>,
    most: usize,
}

/// Reason that a [`Sink`] takes no more.
struct Full;

impl CollationKeySink for Sink {
    type Error = Full;
    type State = ();
    type Output = ();

    fn write(&mut self, _state: &mut (), buf: &[u8]) -> Result<(), Full> {
        let room = self.most.saturating_sub(self.key.len());
        self.key.extend(buf.iter().take(room));
        if self.key.len() < self.most { Ok(()) } else { Err(Full) }
    }

    fn finish(&mut self, _state: ()) -> Result<(), Full> {
        Ok(())
    }
}

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

/// Composes letters and accents of a text, unless they are composed.
pub(super) fn composed_once(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || unicode_normalization::is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(composed(text))
    }
}

/// Passes on the characters that a character stands for (NFKD).
pub(super) fn decompose(c: char, each: impl FnMut(char)) {
    decompose_compatible(c, each);
}

/// Whether a character is a mark that belongs to the preceding character.
pub(super) fn is_mark(c: char) -> bool {
    !c.is_ascii() && is_combining_mark(c)
}

#[cfg(test)]
mod tests;
