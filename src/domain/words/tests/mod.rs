mod titles;

use proptest::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use super::class::Class;
use super::*;
use crate::domain::fold::{decompose, fold};

/// Returns whether a query finds a text, by its words and a second look, as lists do.
fn found(query: &str, text: &str) -> bool {
    let query = Words::parse(query).unwrap();
    let fits = query.search(text, None, usize::MAX).is_fit;
    let by_words = has_all(&query, &words(text));
    assert!(by_words || !fits, "{query:?} is not found by words in {text}");
    assert!(!query.is_exact() || by_words == fits, "{query:?} is not exact in {text}");
    fits
}

/// Whether words are among those of a text, as an index tells.
fn has_all(query: &Words, words: &BTreeSet<Vec<u8>>) -> bool {
    let has = |(word, is_prefix): (&[u8], bool)| {
        words.iter().any(|found| found == word || is_prefix && found.starts_with(word))
    };
    query.iter().all(has)
}

#[test]
fn words_are_found_whole_or_by_their_start() {
    assert!(found("", "anything") && found(" * - ", "anything"));
    assert!(found("müll", "Den MULL rausbringen"));
    assert!(
        !found("mul", "Den MULL rausbringen") && found("mul*", "Den MULL rausbringen")
    );
    assert!(found("e-mai*", "write e mails") && !found("e-mai*", "write emails"));
    assert!(found("हिन्दी", "हिन्दी सीखो") && !found("हिन", "हिन्दी सीखो"));
    assert!(
        found("lodz", "do Łódź!")
            && found("oresund", "Øresund")
            && found("da nang", "Đà Nẵng")
    );
    assert!(found("caf*", "Cafés") && found("하*", "한국") && found("3", "٣"));
    assert!(found("collegi", "col·legi") && found("col·legi", "COLLEGI"));
}

#[test]
fn long_words_are_found_as_a_whole_or_by_their_start() {
    for letter in ["x", "ж", "é"] {
        let long = |count| letter.repeat(count);
        for length in [20, 31, 32, 33, 50, 200] {
            for other in [20, 31, 32, 33, 50, 200] {
                assert_eq!(found(&long(other), &long(length)), length == other);
                let start = format!("{}*", long(other - 1));
                assert_eq!(
                    found(&start, &long(length)),
                    other - 1 <= length,
                    "{start} {length}"
                );
            }
        }
    }
    let (one, other) = (format!("{}a", "x".repeat(40)), format!("{}b", "x".repeat(40)));
    assert!(!found(&one, &other) && !found(&format!("{one}*"), &other));
}

#[test]
fn symbols_are_words() {
    assert!(found("❤", "I ❤️ NY") && found("❤️", "I ❤ NY") && !found("❤", "I love NY"));
    assert!(found("👍", "ok 👍🏽") && found("👍🏿", "ok👍") && found("👩‍💻", "👩‍💻!"));
    assert!(found("💻", "👩‍💻") && found("1️⃣", "1"));
    assert!(found("🇩🇪", "🇫🇷🇩🇪") && !found("🇩🇪", "🇪🇪 🇩🇰") && !found("🇩🇪", "🇪🇩"));
    assert!(found("C++", "learn c++") && !found("C++", "learn C") && found("C", "C++"));
    assert!(found("€", "5€") && found("5", "5€") && found("→", "a→b") && found("∞", "∞"));
    assert!(
        found("!?-", "nothing to find") && words("\"(a)\", «b» – …#%&/*@ ^ `").len() == 2
    );
}

#[test]
fn scripts_without_spaces_are_found_by_any_part() {
    assert!(
        found("東京", "東京都")
            && !found("東京", "東西と京都")
            && !found("東京", "東・京")
    );
    assert!(
        found("東", "東京")
            && found("京", "東京")
            && found("京都*", "東京都")
            && !found("大*", "東京都")
    );
    assert!(
        found("東京駅前", "今日は東京駅前で") && !found("東京駅前", "東京駅 京駅前 駅前")
    );
    assert!(
        found("JR", "JR東日本") && found("R東", "JR東日本") && found("JR東", "jr 東日本")
    );
    assert!(
        found("26年", "2026年")
            && !found("26年", "2025年")
            && found("第3", "第3回")
            && found("第3", "第30回")
    );
    assert!(!found("第3回", "第30回") && !found("第3回", "回3第"));
    assert!(
        found("「東京」", "東京")
            && found("京、大", "東京、大阪")
            && !found("京、大", "東京大阪")
    );
    assert!(
        found("カメラ", "かめら")
            && found("ｶﾒﾗ", "デジタルカメラ")
            && found("がっこう", "かつこう")
    );
    assert!(
        found("น้ำ", "ซื้อน้ำเปล่า") && found("เป", "ซื้อน้ำเปล่า") && !found("นา", "ซื้อน้ำเปล่า")
    );
    assert!(found("東京❤大阪", "東京❤️大阪") && !found("東京❤大阪", "大阪❤東京"));
}

#[test]
fn queries_have_limits() {
    assert!(Words::parse(&"ü".repeat(200)).is_ok());
    assert_eq!(Words::parse(&"a".repeat(201)), Err(WordsError::TooLong));
    assert!(Words::parse("a b c d e f g h i j a").is_ok());
    assert_eq!(Words::parse("a b c d e f g h i j k"), Err(WordsError::TooMany));
    let query = Words::parse("b-a* b").unwrap();
    assert!(
        query.iter().eq([(fold("a").as_slice(), true), (fold("b").as_slice(), false)])
    );
    let long = Words::parse(&"東京都大阪府".repeat(33)).unwrap();
    assert!(long.iter().len() <= 4 && !long.is_exact());
    assert!(Words::parse(&"東京 ".repeat(66)).is_ok());
}

#[test]
fn what_is_behind_the_first_words_is_not_found() {
    let fits = |query: &str, most| {
        Words::parse(query).unwrap().search("a b", Some("東京都 c"), most).is_fit
    };
    assert!(fits("a", 1) && !fits("b", 1) && fits("b", 2));
    assert!(
        !fits("東京", 2) && fits("東京", 3) && !fits("東京都", 3) && fits("東京都", 4)
    );
    assert!(!fits("都", 4) && fits("都", 5) && !fits("c", 5) && fits("c", 6));
}

proptest! {
    #[test]
    fn a_text_has_its_own_words(text in any::<String>(), other in "\\PC{0,20}") {
        let all = words(&text);
        for word in &all {
            prop_assert!(!word.is_empty() && !word.contains(&0));
        }
        // Words do not depend on adjacent text.
        let both = words(&format!("{text} {other}"));
        prop_assert_eq!(both, all.union(&words(&other)).cloned().collect::<BTreeSet<_>>());
        prop_assert!(all.len() <= count(&text));
    }

    #[test]
    fn texts_are_found_by_themselves(text in "[a東京ー1เ่ก ❤。ßé-]{1,40}") {
        if let Ok(query) = Words::parse(&text) {
            prop_assert!(query.search(&text, None, 512).is_fit, "{:?}", query);
            prop_assert!(has_all(&query, &words(&text)));
        }
    }

    #[test]
    fn parts_of_texts_find_them(
        text in "[al東京ー1เ่ก ❤。ßé·🇩-]{1,40}",
        from in 0..40_usize,
        length in 2..12_usize,
    ) {
        let part: String = text.chars().skip(from).take(length).collect();
        let part = part.split(' ').find(|part| part.chars().any(|c| Class::of(c) == Class::Unspaced));
        // Half of a flag is no part of a text.
        let part = part.unwrap_or_default().trim_matches('🇩');
        let query = Words::parse(part).unwrap();
        prop_assert!(query.search(&text, None, 512).is_fit, "{part} {query:?}");
        prop_assert!(has_all(&query, &words(&text)));
    }

    #[test]
    fn texts_fit_like_the_set_of_their_words(
        title in "[a-cA-C0é .$\\-東京]{0,12}",
        description in prop::option::of("[a-cA-C0é .$\\-東京]{0,12}"),
        query in "[a-c0é$東京]{1,3}[*]?( [a-c]{1,2}[*]?)?",
        most in 0..6_usize,
    ) {
        let query = Words::parse(&query).unwrap();
        let texts = [title.as_str()].into_iter().chain(description.as_deref());
        let by_words = has_all(&query, &first_words(texts, most));
        let fits = query.search(&title, description.as_deref(), most).is_fit;
        prop_assert!(by_words || !fits);
        prop_assert!(!query.is_exact() || fits == by_words, "{:?}", query);
    }

    #[test]
    fn ascii_texts_fit_as_they_do_beside_other_letters(
        title in "[a-cA-C0 .$+]{0,40}",
        query in "[a-c0$+]{1,3}[*]?( [a-c]{1,2}[*]?)?",
    ) {
        let query = Words::parse(&query).unwrap();
        prop_assert_eq!(query.search(&title, None, 99).is_fit, query.search(&title, Some("é"), 99).is_fit);
    }
}

#[test]
fn characters_that_stand_for_several_are_taken_apart_where_words_differ() {
    let classes = |chars: &[char]| -> Vec<Class> {
        let mut classes: Vec<_> = chars.iter().map(|c| Class::of(*c)).collect();
        classes.retain(|class| *class != Class::Ignored);
        classes.dedup_by(|a, b| a == b && *a == Class::Letter);
        classes
    };
    // Not these: the dot of Catalan, accents on a space, and sentences that are used as signs.
    let kept = "\u{13F}\u{140}\u{37A}\u{FC5E}\u{FC5F}\u{FC60}\u{FC61}\u{FC62}\u{FC63}\u{FDFA}\u{FDFB}\u{FE70}\u{FE72}\
                \u{FE74}\u{FE76}\u{FE78}\u{FE7A}\u{FE7C}\u{FE7E}";
    let chars = ('\0'..='\u{33FF}')
        .chain('\u{A000}'..='\u{ABFF}')
        .chain('\u{F900}'..='\u{1FFFF}');
    for c in chars.filter(|c| !kept.contains(*c)) {
        let mut parts = Vec::new();
        decompose(c, |part| parts.push(part));
        let is_same = classes(&parts) == classes(&[c]);
        assert!(is_same || class::may_be_composite(c), "{c:?} {parts:?}");
    }
}

/// If this fails, other characters have become words or parts of words: a new format of the data file must build the index
/// of words anew.
#[test]
fn words_never_change() {
    let mut sum = Xxh3::new();
    let chars = ('\0'..='\u{4E10}').chain('\u{A000}'..='\u{AC20}');
    for c in chars.chain('\u{F900}'..='\u{20010}') {
        for word in words(&format!("a{c}b東{c}京 {}", "я".repeat(40))) {
            sum.update(&word);
            sum.update(&[0]);
        }
    }
    assert_eq!(format!("{:016x}", sum.digest()), "414596e92b8e4639");
}
