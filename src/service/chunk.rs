//! Records of an import, gathered until they are written together.

use crate::domain::transfer::Record;

/// Maximum records written together. One chunk is one transaction.
const RECORDS: usize = 500;

/// Maximum rows that a chunk takes in the store. All other writes wait for that transaction, and 500 tasks with many
/// words would take a quarter of a million.
const ROWS: u64 = 10_000;

/// Records waiting to be written.
#[derive(Debug)]
pub(super) struct Gathered {
    records: Vec<Record>,
    rows: u64,
}

impl Gathered {
    pub(super) fn new() -> Self {
        Self { records: Vec::with_capacity(RECORDS), rows: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Adds a record. Returns whether the chunk is full: another record might exceed its limits.
    pub(super) fn push(&mut self, record: Record) -> bool {
        self.rows = self.rows.saturating_add(record.rows());
        self.records.push(record);
        self.records.len() >= RECORDS || self.rows > ROWS - Record::MAX_ROWS
    }

    /// Takes all records.
    pub(super) fn take(&mut self) -> Vec<Record> {
        std::mem::replace(self, Self::new()).records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tag::{Tag, Tags};
    use crate::domain::task::tests::task;
    use crate::domain::task::{Description, Task};

    /// Returns the chunks of `count` tasks like this one.
    fn chunks(task: &Task, count: usize) -> Vec<Vec<Record>> {
        let (mut gathered, mut chunks) = (Gathered::new(), Vec::new());
        for _ in 0..count {
            if gathered.push(Record::Task(task.clone())) {
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
            ..task()
        }
    }

    #[test]
    fn a_chunk_holds_no_more_rows_than_it_may_whatever_tasks_there_are() {
        for task in [rich(600, Tags::MAX), rich(100, 3), task()] {
            let chunks = chunks(&task, 2_000);
            let rows = |chunk: &Vec<Record>| chunk.iter().map(Record::rows).sum::<u64>();
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
    fn no_task_takes_more_rows_than_the_most() {
        assert_eq!(Record::Task(rich(600, Tags::MAX)).rows(), Record::MAX_ROWS);
    }
}
