//! Copy of the tasks of an account, kept by following the changes.

use std::collections::BTreeMap;

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::{ChangeQuery, Changed, Task};
use duly::store::Store;

/// Client that reads changes, some at a time.
#[derive(Debug)]
pub(super) struct Follower {
    owner: UserId,
    limit: usize,
    since: u64,
    deleted_since: u64,
    copy: BTreeMap<TaskId, Task>,
}

impl Follower {
    pub(super) const fn new(owner: UserId, limit: usize) -> Self {
        let copy = BTreeMap::new();
        Self { owner, limit, since: 0, deleted_since: u64::MAX, copy }
    }

    /// Reads one page. Returns whether there are more changes.
    pub(super) async fn step(&mut self, store: &dyn Store) -> bool {
        let Self { owner, limit, since, deleted_since, .. } = *self;
        let query =
            ChangeQuery { since, deleted_since, limit, tasks: true, account: true };
        let page = store.change_list(owner, query).await.unwrap().unwrap();
        assert!(page.changes.len() <= limit, "{page:?}");
        assert!(page.seq >= since && page.seq <= page.latest, "{page:?}");
        self.since = page.seq;
        self.deleted_since = deleted_since.min(page.latest);
        let mut last = since;
        for (seq, changed) in page.changes {
            match changed {
                Changed::Task(task) => {
                    assert_eq!(task.seq, seq);
                    self.copy.insert(task.id, task);
                }
                Changed::TaskDeleted(gone) => {
                    assert_eq!(gone.seq, seq);
                    self.copy.remove(&gone.id);
                }
                Changed::Account(user) => assert_eq!(user.id, owner),
            }
            assert!(seq > last && seq <= page.seq, "{seq} comes after {last}");
            last = seq;
        }
        page.more
    }

    /// Reads all changes, and compares the copy with the tasks.
    pub(super) async fn catch_up(&mut self, store: &dyn Store) {
        while self.step(store).await {}
        let tasks = store.task_after(self.owner, None, 10_000).await.unwrap();
        let copy: Vec<Task> = self.copy.values().cloned().collect();
        assert_eq!(copy, tasks);
    }
}
