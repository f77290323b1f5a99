//! Queries for all parts of titles in scripts without spaces.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::super::class::{Class, is_unspaced};
use super::super::{Words, words};
use crate::domain::fold::fold_char;

/// Titles in Thai, Chinese and Japanese ([the script](../../../../.ci/search-vectors.mjs)).
const TITLES: &str = include_str!("../../../../tests/fixtures/titles.tsv");

/// Returns the characters of a text as they are compared: without what has no key, and with one gap for all that is
/// between words.
fn compared(text: &str, keys: &mut BTreeMap<char, Vec<u8>>) -> Vec<Vec<u8>> {
    let (mut all, mut was_unspaced) = (Vec::new(), None);
    for c in text.chars() {
        let key = keys.entry(c).or_insert_with(|| fold_char(c));
        if key.is_empty() {
            continue;
        }
        let is_unspaced =
            (key.as_slice() > [0x0C, 0x55].as_slice()).then(|| is_unspaced(c));
        if is_unspaced != was_unspaced
            && all.last().is_some_and(|last: &Vec<u8>| !last.is_empty())
        {
            all.push(Vec::new());
        }
        was_unspaced = is_unspaced;
        if is_unspaced.is_some() {
            all.push(key.clone());
        }
    }
    all.pop_if(|last| last.is_empty());
    all
}

#[test]
fn every_part_of_a_title_finds_the_titles_that_contain_it_and_no_other() {
    let titles: Vec<&str> =
        TITLES.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    let (mut queries, mut index) = (BTreeSet::new(), BTreeMap::<_, BTreeSet<_>>::new());
    let (mut containing, mut keys) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeMap::new());
    for (number, title) in titles.iter().enumerate() {
        for word in words(title) {
            index.entry(word).or_default().insert(number);
        }
        let chars: Vec<char> = title.chars().collect();
        for length in 1..=chars.len() {
            for part in chars.windows(length).map(|part| part.iter().collect::<String>())
            {
                containing.entry(compared(&part, &mut keys)).or_default().insert(number);
                // Parts without a character of these scripts are words, and found whole.
                if length > 1
                    && part.chars().any(|c| Class::of(c) == Class::Unspaced)
                    && !part.contains(' ')
                {
                    queries.insert(part);
                }
            }
        }
    }
    // All of them take long where tests are not optimized.
    let step = if cfg!(debug_assertions) { 9 } else { 1 };
    for part in queries.iter().step_by(step) {
        let query = Words::parse(part).unwrap();
        let lookups = query.iter().map(|(word, is_prefix)| {
            let from = index.range::<[u8], _>((Bound::Included(word), Bound::Unbounded));
            let found = from.take_while(|(found, _)| {
                *found == word || is_prefix && found.starts_with(word)
            });
            found
                .flat_map(|(_, numbers)| numbers.iter().copied())
                .collect::<BTreeSet<usize>>()
        });
        let mut found = lookups.reduce(|all, found| &all & &found).unwrap();
        found.retain(|number| {
            query.is_exact() || query.search(titles[*number], None, 512).is_fit
        });
        assert_eq!(found, containing[&compared(part, &mut keys)], "{part}");
    }
    assert!(queries.len() > 40_000, "{}", queries.len());
}
