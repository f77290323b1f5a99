//! Copy of the tasks and lists of an account, kept by following the changes.

use std::collections::BTreeMap;

use duly::domain::id::{ListId, TaskId, UserId};
use duly::domain::list::TaskList;
use duly::domain::task::{ChangeKinds, ChangeQuery, Changed, Gone, Task};
use duly::store::Store;

/// Client that reads changes, some at a time.
#[derive(Debug)]
pub(super) struct Follower {
    owner: UserId,
    limit: usize,
    since: u64,
    deleted_since: u64,
    lists_after: u64,
    copy: BTreeMap<TaskId, Task>,
    lists: BTreeMap<ListId, TaskList>,
}

impl Follower {
    pub(super) const fn new(owner: UserId, limit: usize) -> Self {
        Self {
            owner,
            limit,
            since: 0,
            deleted_since: u64::MAX,
            lists_after: 0,
            copy: BTreeMap::new(),
            lists: BTreeMap::new(),
        }
    }

    /// Reads one page. Returns whether there are more changes.
    pub(super) async fn step(&mut self, store: &dyn Store) -> bool {
        let Self { owner, limit, since, deleted_since, lists_after, .. } = *self;
        let kinds = ChangeKinds::ALL;
        let query = ChangeQuery { since, deleted_since, lists_after, limit, kinds };
        let page = store.change_list(owner, query).await.unwrap().unwrap();
        assert!(page.changes.len() <= limit, "{page:?}");
        assert!(page.seq >= since && page.seq <= page.latest, "{page:?}");
        self.since = page.seq;
        self.deleted_since = deleted_since.min(page.latest);
        self.lists_after = page.lists_after;
        let (mut last, mut is_first) = (since, since == 0);
        for (seq, changed) in page.changes {
            // All lists come first at the beginning, whatever their numbers.
            is_first &= matches!(changed, Changed::List(_));
            match changed {
                Changed::Task(task) => {
                    assert_eq!(task.seq, seq);
                    let known = self.copy.insert(task.id, task.clone());
                    assert_ne!(known, Some(task), "told again");
                }
                Changed::List(list) => {
                    assert!(is_first || list.seq == seq);
                    let known = self.lists.insert(list.id, list.clone());
                    assert_ne!(known, Some(list), "told again");
                }
                Changed::Deleted(gone) => {
                    assert_eq!(gone.seq, seq);
                    match gone.of {
                        Gone::Task(id, _) => drop(self.copy.remove(&id)),
                        Gone::List(id) => drop(self.lists.remove(&id)),
                    }
                }
                Changed::Account(user) => assert_eq!(user.id, owner),
            }
            if is_first {
                continue;
            }
            assert!(seq > last && seq <= page.seq, "{seq} comes after {last}");
            last = seq;
        }
        page.more
    }

    /// Reads all changes, and compares the copy with the tasks and lists.
    pub(super) async fn catch_up(&mut self, store: &dyn Store) {
        while self.step(store).await {}
        let tasks = store.task_after(self.owner, None, 10_000).await.unwrap();
        let copy: Vec<Task> = self.copy.values().cloned().collect();
        assert_eq!(copy, tasks);
        let lists = store.list_all(self.owner).await.unwrap().unwrap();
        let mut lists: Vec<TaskList> = lists.into_iter().map(|it| it.list).collect();
        lists.sort_by_key(|list| list.id);
        let copy: Vec<TaskList> = self.lists.values().cloned().collect();
        assert_eq!(copy, lists);
    }
}
