//! Store rows and memory of a task, by which the work done at once is bounded.

use super::{Task, TaskSort};
use crate::domain::tag::Tags;
use crate::domain::words;

/// Number of rows of a task without tags and words: its record, and one entry for its parent, its list, its uid, its last
/// change and for each sort key but the time of creation.
pub(crate) const ROWS: u64 = 4 + TaskSort::ALL.len() as u64;

/// Number of rows of every task: without those of its parent, its list, its due date, its completion and its uid.
const COMMON_ROWS: u64 = ROWS - 5;

/// Weight of a task without tags and texts. It stays when an index is added: older files store sums of weights.
const WEIGHT: u64 = 7;

/// Bytes that weigh as much as a row.
const BYTES_A_ROW: usize = 256;

impl Task {
    /// Maximum of [`Self::rows`].
    pub(crate) const MAX_ROWS: u64 = ROWS + (Tags::MAX + Self::MAX_WORDS) as u64;

    /// Returns an upper bound of the rows of a task, with one per tag and one per indexed word.
    pub(crate) fn rows(&self) -> u64 {
        let description = self.description.as_ref().map(|it| it.as_str());
        let words = word_rows(self.title.as_str(), description);
        let has_uid_row = self.uid.named_id() != Some(self.id);
        let fields = [
            self.due.is_some(),
            self.parent.is_some(),
            !self.list.is_default(),
            self.is_completed(),
            has_uid_row,
        ];
        let fields = fields.into_iter().filter(|it| *it).count();
        COMMON_ROWS + size(fields + self.tags.iter().len()) + words
    }

    /// Returns the weight of the task: about its rows, and one for every 256 bytes of its texts. It bounds the work of
    /// reading the task, and of adding its index entries.
    ///
    /// Files store the weight of all tasks of an account. Like the words that are indexed, it never changes without a new
    /// format.
    pub(crate) fn weight(&self) -> u64 {
        let count = self.texts().map(words::count).sum::<usize>();
        // Other texts are counted with reserves.
        let words = if self.texts().all(str::is_ascii) {
            count.min(Self::MAX_WORDS)
        } else {
            self.words().len()
        };
        self.weight_with(words)
    }

    /// Returns the weight of the task in files of formats 5 and 6.
    pub(crate) fn former_weight(&self) -> u64 {
        let count = self.texts().map(words::former::count).sum::<usize>();
        let words = if self.texts().all(str::is_ascii) {
            count.min(Self::MAX_WORDS)
        } else {
            self.former_words().len()
        };
        self.weight_with(words)
    }

    fn weight_with(&self, words: usize) -> u64 {
        let bytes = self.text_bytes() + self.position.as_str().len();
        WEIGHT + size(self.tags.iter().len() + words + bytes / BYTES_A_ROW)
    }

    /// Returns the approximate memory of the task, in bytes.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + self.text_bytes()
    }

    /// Returns the length of the title, the description and the tags, in bytes.
    fn text_bytes(&self) -> usize {
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

#[cfg(test)]
mod tests {
    use crate::domain::id::{TaskId, UserId};
    use crate::domain::position::Position;
    use crate::domain::task::{Description, NewTask, Task, Title};
    use crate::domain::timestamp::Timestamp;
    use crate::domain::uid::Uid;

    fn task(title: &str, description: &str) -> Task {
        let title = Title::new(title.to_owned()).unwrap();
        let description = Some(Description::new(description.to_owned()).unwrap());
        let new = NewTask { description, ..NewTask::new(title, Timestamp::EPOCH) };
        let (owner, id) = (UserId::new(1), TaskId::new(1));
        new.into_task(owner, id, Uid::made(id, 0), Position::of_number(0)).unwrap()
    }

    #[test]
    fn weights_never_change() {
        for (title, description, weight) in [
            ("a", "", 7 + 1),
            ("buy milk, buy bread", "", 7 + 4),
            ("\u{c4}pfel und \u{c4}pfel", "", 7 + 2),
            ("\u{6771}\u{4eac}\u{3078}", "", 7 + 3),
            ("a", &"x".repeat(600), 7 + 2 + 2),
            ("a", &"b ".repeat(1000), 7 + 512 + 7),
        ] {
            assert_eq!(task(title, description).weight(), weight, "{title}");
            assert_eq!(task(title, description).former_weight(), weight, "{title}");
        }
        let symbols = task("\u{2764} 5 $", "");
        assert_eq!((symbols.weight(), symbols.former_weight()), (7 + 3, 7 + 1));
    }

    #[test]
    fn characters_that_fold_to_several_words_weigh_as_much_as_their_entries() {
        let letters = || 'a'..='z';
        let pairs =
            letters().flat_map(|a| letters().map(move |b| format!("{a}{b}\u{2474}")));
        let text: String = pairs.take(500).collect();
        let task = task("a", &text);
        assert!(task.words().len() > 400, "{}", task.words().len());
        assert!(task.weight() > u64::try_from(task.words().len()).unwrap());
    }
}
