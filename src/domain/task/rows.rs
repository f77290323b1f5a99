//! Store rows and memory of a task, by which the work done at once is bounded.

use super::Task;
use crate::domain::tag::Tags;
use crate::domain::words;

/// Number of rows of a task without tags and words: its record, and one in each index.
pub(crate) const ROWS: u64 = 7;

/// Bytes that weigh as much as a row.
const BYTES_A_ROW: usize = 256;

impl Task {
    /// Maximum of [`Self::rows`].
    pub(crate) const MAX_ROWS: u64 = ROWS + (Tags::MAX + Self::MAX_WORDS) as u64;

    /// Returns an upper bound of the rows of a task, with one per tag and one per indexed word.
    pub(crate) fn rows(&self) -> u64 {
        let description = self.description.as_ref().map(|it| it.as_str());
        let words = word_rows(self.title.as_str(), description);
        ROWS + size(self.tags.iter().len()) + words
    }

    /// Returns the weight of the task: its [rows](Self::rows), and one for every 256 bytes of its texts. It bounds the work
    /// of reading the task, and of adding its index entries.
    pub(crate) fn weight(&self) -> u64 {
        self.rows() + size((self.texts() + self.position.as_str().len()) / BYTES_A_ROW)
    }

    /// Returns the approximate memory of the task, in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.texts()
    }

    /// Returns the length of the title, the description and the tags, in bytes.
    fn texts(&self) -> usize {
        let description = self.description.as_ref().map_or(0, |it| it.as_str().len());
        let tags: usize = self.tags.iter().map(|tag| tag.as_str().len()).sum();
        self.title.as_str().len() + description + tags
    }
}

/// Returns an upper bound of the rows for the words of these texts. Repeated words count each time, up to
/// [`Task::MAX_WORDS`].
pub(crate) fn word_rows(title: &str, description: Option<&str>) -> u64 {
    let count = words::count(title) + description.map_or(0, words::count);
    size(count.min(Task::MAX_WORDS))
}

fn size(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
