//! The rows that a task takes in a store, and its memory, so that what is done at once can be bounded by them.

use super::Task;
use crate::domain::tag::Tags;
use crate::domain::words;

/// Rows of a task without tags and words: its record, and one in each index.
pub(crate) const ROWS: u64 = 7;

impl Task {
    /// The most that [`Self::rows`] can be.
    pub(crate) const MAX_ROWS: u64 = ROWS + (Tags::MAX + Self::MAX_WORDS) as u64;

    /// An upper bound of the rows of a task: a tag has one each, and so has a word by which it is found.
    pub(crate) fn rows(&self) -> u64 {
        let description = self.description.as_ref().map(|it| it.as_str());
        let words = word_rows(self.title.as_str(), description);
        ROWS + size(self.tags.iter().len()) + words
    }

    /// The memory that it takes, about, in bytes.
    pub(crate) fn memory(&self) -> usize {
        let description = self.description.as_ref().map_or(0, |it| it.as_str().len());
        let tags: usize = self.tags.iter().map(|tag| tag.as_str().len()).sum();
        size_of::<Self>() + self.title.as_str().len() + description + tags
    }
}

/// An upper bound of the rows for the words of these texts. Repeated words count as often as they occur, but never more
/// than a task is found by.
pub(crate) fn word_rows(title: &str, description: Option<&str>) -> u64 {
    let count = words::count(title) + description.map_or(0, words::count);
    size(count.min(Task::MAX_WORDS))
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
