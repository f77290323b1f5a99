//! Sets of tags.

use std::collections::BTreeSet;

use super::Tag;

/// Set of tags: at most [`Self::MAX`], unique and sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

/// More tags than [`Tags::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at most 20 tags")]
pub struct TagsError;

impl Tags {
    /// Maximum number of tags.
    pub const MAX: usize = 20;

    /// Creates a set. Duplicates count once.
    ///
    /// # Errors
    ///
    /// There are more than [`Self::MAX`] tags.
    pub fn new(mut tags: Vec<Tag>) -> Result<Self, TagsError> {
        tags.sort_unstable();
        tags.dedup();
        if tags.len() > Self::MAX { Err(TagsError) } else { Ok(Self(tags)) }
    }

    /// Removes twins. A tag in `before` takes precedence over its twin; if both are in `before`, both stay.
    #[must_use]
    pub fn without_twins(self, before: &Self) -> Self {
        let (mut kept, others): (Vec<Tag>, Vec<Tag>) =
            self.0.into_iter().partition(|tag| before.contains(tag));
        let mut seen: BTreeSet<String> = kept.iter().map(Tag::caseless).collect();
        kept.extend(others.into_iter().filter(|tag| seen.insert(tag.caseless())));
        kept.sort_unstable();
        Self(kept)
    }

    /// Removes tags, in any case of their letters.
    #[must_use]
    pub fn without(self, others: Option<&Self>) -> Self {
        let others: BTreeSet<String> =
            others.into_iter().flat_map(Self::iter).map(Tag::caseless).collect();
        if others.is_empty() {
            return self;
        }
        let kept = self.0.into_iter().filter(|tag| !others.contains(&tag.caseless()));
        Self(kept.collect())
    }

    /// Adds tags.
    ///
    /// # Errors
    ///
    /// There would be more than [`Self::MAX`] tags.
    pub fn with(self, others: Option<&Self>) -> Result<Self, TagsError> {
        match others {
            Some(others) => Self::new([self.0, others.0.clone()].concat()),
            None => Ok(self),
        }
    }

    /// Wraps tags that came from [`Self::iter`] before they were stored, in that order.
    pub const fn new_unchecked(tags: Vec<Tag>) -> Self {
        Self(tags)
    }

    /// Iterates over the tags in sorted order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tag> {
        self.0.iter()
    }

    /// Whether the set contains a tag.
    pub fn contains(&self, tag: &Tag) -> bool {
        self.0.binary_search(tag).is_ok()
    }

    /// Whether the set is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of tags.
    pub const fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_twins_one_stays_or_those_that_were_there() {
        let tags = |texts: &[&str]| {
            Tags::new(texts.iter().map(|text| Tag::new(text).unwrap()).collect()).unwrap()
        };
        let all =
            tags(&["Home", "home", "HOME", "a", "\u{c9}t\u{e9}", "e\u{301}te\u{301}"]);
        for (before, after) in [
            (&[][..], &["HOME", "a", "\u{c9}t\u{e9}"][..]),
            (&["home", "b"], &["a", "home", "\u{c9}t\u{e9}"]),
            (&["Home", "home"], &["Home", "a", "home", "\u{c9}t\u{e9}"]),
        ] {
            assert_eq!(all.clone().without_twins(&tags(before)), tags(after));
        }
        assert!(
            !tags(&["a"]).iter().any(|tag| tag.is_twin(&Tag::new("\u{e1}").unwrap()))
        );
    }

    #[test]
    fn tags_are_a_small_set() {
        let tags = |numbers: std::ops::Range<u32>| -> Vec<Tag> {
            numbers.map(|number| Tag::new(&number.to_string()).unwrap()).collect()
        };
        let twice = Tags::new([tags(0..20), tags(0..20)].concat()).unwrap();
        assert_eq!(Tags::new(tags(0..20)), Ok(twice.clone()));
        assert_eq!(Tags::new(tags(0..21)), Err(TagsError));
        assert!(twice.iter().is_sorted() && twice.len() == 20);
        assert!(
            twice.contains(&Tag::new("7").unwrap())
                && !twice.contains(&Tag::new("20").unwrap())
        );
        assert!(Tags::default().is_empty());
    }
}
