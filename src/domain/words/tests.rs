use proptest::prelude::*;

use super::*;

fn found(query: &str, text: &str) -> bool {
    Words::parse(query).unwrap().matches(&words(text))
}

#[test]
fn words_are_found_whole_or_by_their_start() {
    assert!(found("", "anything") && found(" * - ", "anything"));
    assert!(found("müll", "Den MULL rausbringen"));
    assert!(
        !found("mul", "Den MULL rausbringen") && found("mul*", "Den MULL rausbringen")
    );
    assert!(found("e-mai*", "write e mails") && !found("e-mai*", "write emails"));
    assert!(found("京都*", "東京都") && !found("大*", "東京都"));
    assert!(found("हिन्दी", "हिन्दी सीखो") && !found("हिन", "हिन्दी सीखो"));
    let long = "x".repeat(50);
    assert!(
        found(&long, &long)
            && found(&"x".repeat(32), &long)
            && !found(&"x".repeat(31), &long)
    );
    for (query, fits) in [(32, true), (31, false), (50, true)] {
        let query = Words::parse(&"x".repeat(query)).unwrap();
        assert_eq!(query.fit(&long.to_uppercase(), None, 9), fits);
    }
}

#[test]
fn queries_have_limits() {
    assert!(Words::parse(&"ü".repeat(200)).is_ok());
    assert_eq!(Words::parse(&"a".repeat(201)), Err(WordsError::TooLong));
    assert!(Words::parse("a b c d e f g h i j a").is_ok());
    assert_eq!(Words::parse("a b c d e f g h i j k"), Err(WordsError::TooMany));
    let query = Words::parse("b-a* b").unwrap();
    assert!(query.iter().eq([("a", true), ("b", false)]));
}

proptest! {
    #[test]
    fn a_text_has_its_own_words(text in any::<String>(), other in "\\PC{0,20}") {
        let all = words(&text);
        for word in &all {
            prop_assert!(!word.is_empty() && word.len() <= MAX_WORD_BYTES);
            let prefix: String = word.chars().take(1).collect();
            prop_assert!(found(word, &text), "{}", word);
            prop_assert!(found(&format!("{prefix}*"), &text), "{}", prefix);
        }
        // Words do not depend on adjacent text.
        let both = words(&format!("{text} {other}"));
        prop_assert_eq!(both, all.union(&words(&other)).cloned().collect::<BTreeSet<_>>());
    }

    #[test]
    fn texts_fit_like_the_set_of_their_words(
        title in "[a-cA-C0é .\\-]{0,12}",
        description in prop::option::of("[a-cA-C0é .\\-]{0,12}"),
        query in "[a-c0é]{1,3}[*]?( [a-c]{1,2}[*]?)?",
        most in 0..6_usize,
    ) {
        let query = Words::parse(&query).unwrap();
        let texts = [title.as_str()].into_iter().chain(description.as_deref());
        let fits = query.matches(&first_words(texts, most));
        prop_assert_eq!(query.fit(&title, description.as_deref(), most), fits);
    }
}
