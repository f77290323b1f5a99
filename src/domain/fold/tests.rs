use proptest::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use super::*;

/// Words of 42 languages with their ranks in the order of ICU ([the script](../../../.ci/search-vectors.mjs)).
const VECTORS: &str = include_str!("../../../tests/fixtures/collation.tsv");

fn vectors() -> Vec<(u32, &'static str)> {
    let lines = VECTORS.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    lines.map(|line| (line[0].parse().unwrap(), line[2])).collect()
}

/// Characters with keys that differ in kind. Most Chinese and Korean ones are skipped: they are many and behave alike.
fn chars() -> impl Iterator<Item = char> {
    let chars = ('\0'..='\u{4E10}').chain('\u{A000}'..='\u{AC20}');
    chars.chain('\u{F900}'..='\u{20010}').chain('\u{E0000}'..='\u{E0FFF}')
}

#[test]
fn spellings_of_one_word_fold_alike() {
    for (text, other) in [
        ("lodz", "Łódź"),
        ("oresund", "Øresund"),
        ("da nang", "Đà Nẵng"),
        ("ÄÖÜ äöü ẞß", "aou aou ssss"),
        ("ΣΊΣΥΦΟΣ", "σισυφος"),
        ("İstanbul", "istanbul"),
        ("ﬁancé ＦＵＬＬ ℌ", "fiance full h"),
        ("Ёлка", "елка"),
        ("שָׁלוֹם سَلَام", "שלום سلام"),
        ("ｶﾞ", "か"),
        ("हिन्दी", "हिन्दी"),
        ("so\u{AD}ft\u{0}", "soft"),
        ("ij æ œ", "ĳ ae oe"),
        ("٣ ३ ๓ ③", "3 3 3 3"),
        ("col·lega", "collega"),
    ] {
        assert_eq!(fold(text), fold(other), "{text}");
    }
    for (text, other) in [("и", "й"), ("ı", "i"), ("þ", "th"), ("ə", "e"), ("हिन", "हीन")]
    {
        assert_ne!(fold(text), fold(other), "{text}");
    }
}

#[test]
fn words_of_many_languages_are_equal_and_in_order_as_in_icu() {
    // Chinese characters are sorted by number here, and by their strokes in ICU. Their keys have three bytes.
    let has_han = |word: &str| word.chars().any(|c| fold_char(c).first() >= Some(&0xFA));
    let (mut keys, mut last) = (std::collections::BTreeMap::new(), Vec::new());
    for (rank, word) in vectors() {
        let key = fold(word);
        assert_eq!(keys.entry(key.clone()).or_insert(rank), &rank, "{word}");
        let of_rank = keys.iter().filter(|(_, other)| **other == rank).count();
        assert_eq!(of_rank, 1, "{word}");
        if !has_han(word) {
            assert!(last <= key, "{word}");
            last = key;
        }
    }
}

#[test]
fn keys_of_single_ascii_characters_are_those_of_the_tables() {
    for c in '\0'..='\u{7F}' {
        let mut key = Vec::new();
        let Ok(()) = COLLATOR.write_sort_key_to(&String::from(c), &mut key);
        assert_eq!(
            ascii_key(c).map_or_else(|| key.clone(), |byte| vec![byte]),
            key,
            "{c:?}"
        );
    }
}

/// If this fails, the tables have changed: a new format of the data file must build the indexes of words and titles anew.
#[test]
fn keys_never_change() {
    let mut sum = Xxh3::new();
    for c in chars() {
        sum.update(&fold_char(c));
        sum.update(&[0]);
    }
    for (_, word) in vectors() {
        sum.update(&fold(word));
        sum.update(&[0]);
    }
    assert_eq!(format!("{:016x}", sum.digest()), "a50a40165c31eaf9");
}

#[test]
fn no_key_has_the_bytes_that_separate_keys() {
    for c in chars().filter(|c| *c != '\u{FFFE}') {
        let key = fold_char(c);
        assert!(!key.contains(&0) && !key.contains(&1) && key != [2], "{c:?}");
    }
}

proptest! {
    #[test]
    fn ascii_folds_alone_as_it_does_beside_other_letters(text in "[ ,.a-zA-Z0-9]{0,40}") {
        let mut key = Vec::new();
        let Ok(()) = COLLATOR.write_sort_key_to(&text, &mut key);
        prop_assert_eq!(fold(&text), key);
    }

    #[test]
    fn sort_keys_begin_keys(text in any::<String>()) {
        let text = text.repeat(20);
        let key = sort_key(&text);
        prop_assert!(key.len() <= SORT_KEY_MAX_BYTES && fold(&text).starts_with(&key));
        prop_assert!(!key.windows(4).any(|bytes| bytes == [0xFF; 4]) && !key.contains(&0));
    }

    #[test]
    fn beginnings_of_words_begin_their_keys(word in "[a-zа-яα-ω가-힣ÄÖØŁñçé]{1,12}", length in 1..6_usize) {
        let start: String = word.chars().take(length).collect();
        prop_assert!(fold(&word).starts_with(&fold(&start)));
    }
}
