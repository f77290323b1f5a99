//! Records of an import, gathered until they are written together.

use crate::domain::transfer::{Numbered, Record};

/// Maximum records written together. One chunk is one transaction.
const RECORDS: usize = 500;

/// Maximum rows that a chunk takes in the store. All other writes wait for that transaction, and 500 tasks with many
/// words would take a quarter of a million.
const ROWS: u64 = 10_000;

/// Bytes of lines that fill a chunk. Its last line may exceed them.
const BYTES: usize = 4 << 20;

/// Records waiting to be written.
#[derive(Debug)]
pub(super) struct Gathered {
    records: Vec<Numbered>,
    rows: u64,
    bytes: usize,
}

impl Gathered {
    pub(super) fn new() -> Self {
        Self { records: Vec::with_capacity(RECORDS), rows: 0, bytes: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds the record of a line of so many bytes. Returns whether the chunk is full: another record might exceed its
    /// limits.
    pub(super) fn push(&mut self, new: Numbered, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.rows = self.rows.saturating_add(new.record.rows());
        self.records.push(new);
        self.records.len() >= RECORDS
            || self.rows > ROWS - Record::MAX_ROWS
            || self.bytes >= BYTES
    }

    /// Takes all records.
    pub(super) fn take(&mut self) -> Vec<Numbered> {
        std::mem::replace(self, Self::new()).records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::date::Date;
    use crate::domain::due::Due;
    use crate::domain::id::{ListId, TaskId};
    use crate::domain::tag::{Tag, Tags};
    use crate::domain::task::tests::task;
    use crate::domain::task::{Description, Task};
    use crate::domain::timestamp::Timestamp;
    use crate::domain::uid::Uid;

    /// Returns the chunks of `count` tasks like this one.
    fn chunks(task: &Task, count: usize) -> Vec<Vec<Numbered>> {
        let (mut gathered, mut chunks) = (Gathered::new(), Vec::new());
        for line in 1..=count as u64 {
            let record = Record::Task(task.clone());
            if gathered.push(Numbered { line, record }, 1) {
                chunks.push(gathered.take());
            }
        }
        chunks.push(gathered.take());
        chunks
    }

    /// Returns a task with so many words in its description, and so many tags.
    fn rich(words: usize, tags: usize) -> Task {
        let letter =
            |number: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[number % 26]);
        let word = |number| format!("{}{}", letter(number / 26), letter(number));
        let text = (0..words).map(word).collect::<Vec<_>>().join(" ");
        let tag = |number: usize| Tag::new(&format!("t{number}")).unwrap();
        Task {
            description: Some(Description::new(text).unwrap()),
            tags: Tags::new((0..tags).map(tag).collect()).unwrap(),
            completed_at: Some(Timestamp::EPOCH),
            due: Some(Due::On(Date::MIN)),
            parent: Some(TaskId::new(7)),
            ..task()
        }
    }

    #[test]
    fn a_chunk_holds_no_more_rows_than_it_may_whatever_tasks_there_are() {
        for task in [rich(600, Tags::MAX), rich(100, 3), task()] {
            let chunks = chunks(&task, 2_000);
            let rows = |chunk: &Vec<Numbered>| {
                chunk.iter().map(|it| it.record.rows()).sum::<u64>()
            };
            for chunk in &chunks {
                assert!(rows(chunk) <= ROWS && chunk.len() <= RECORDS);
            }
            let (_, full) = chunks.split_last().unwrap();
            for chunk in full {
                let room = ROWS - rows(chunk);
                assert!(room < Record::MAX_ROWS || chunk.len() == RECORDS);
            }
            assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), 2_000);
        }
    }

    #[test]
    fn a_chunk_of_long_lines_is_short() {
        let record = Record::Task(task());
        let mut gathered = Gathered::new();
        for line in 1..4 {
            let record = record.clone();
            assert!(!gathered.push(Numbered { line, record }, BYTES / 4), "{line}");
        }
        assert!(gathered.push(Numbered { line: 4, record }, BYTES / 4));
    }

    #[test]
    fn no_task_takes_more_rows_than_the_most() {
        let uid = Uid::new("given by a client".to_owned()).unwrap();
        let list = ListId::new(2);
        let task = Task { uid, list, ..rich(600, Tags::MAX) };
        assert_eq!(Record::Task(task).rows(), Record::MAX_ROWS);
    }
}
