//! Tests of many callers at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use duly::domain::task::{Task, TaskCounts};
use duly::store::{Store, WriteContext};
use tokio::task::JoinSet;

use crate::harness::TaskStore as _;
use crate::harness::values::Counts as _;
use crate::harness::values::{
    ALL, OPEN, at, given_task, given_user, ids, new_task, new_user, patch,
};

pub(super) async fn two_hundred_writes_at_once_all_land(store: Arc<dyn Store>) {
    let mine = given_user(&*store, "a@example.com").await.id;
    let others = given_user(&*store, "b@example.com").await.id;
    let mut writes = JoinSet::new();
    for n in 0..200 {
        let store = Arc::clone(&store);
        let owner = if n % 2 == 0 { mine } else { others };
        writes.spawn(async move { store.task_create(owner, new_task("a", 1)).await });
    }

    let made = writes.join_all().await.into_iter();
    let made: Vec<Task> = made.map(|made| made.unwrap().unwrap()).collect();

    let numbers: BTreeSet<u64> = made.iter().map(|task| task.id.get()).collect();
    assert_eq!(numbers, (1..=200).collect(), "each its own id, and none left out");
    for task in made {
        assert_eq!(store.task_get(task.owner, task.id).await.unwrap(), Some(task));
    }
    for owner in [mine, others] {
        let counts = store.task_counts(owner).await.unwrap();
        assert_eq!(counts, TaskCounts { total: 100, open: 100 });
        assert_eq!(ids(&*store, owner, ALL).await.len(), 100);
    }
}

pub(super) async fn one_of_many_registrations_at_once_wins(store: Arc<dyn Store>) {
    let mut writes = JoinSet::new();
    for n in 0..64 {
        let store = Arc::clone(&store);
        let spelling = if n % 2 == 0 { "jane@example.com" } else { "JANE@Example.com" };
        writes.spawn(async move {
            store.user_create(new_user(spelling), WriteContext::system()).await
        });
    }

    let answers = writes.join_all().await.into_iter();
    let winners: Vec<_> = answers.filter_map(|answer| answer.unwrap().ok()).collect();

    assert_eq!(winners.len(), 1);
    assert_eq!(store.user_list(None, 10).await.unwrap(), winners);
    assert_eq!(
        given_user(&*store, "next@example.com").await.id.get(),
        2,
        "no id was wasted"
    );
}

pub(super) async fn patches_at_once_are_each_applied_whole(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let task = given_task(&*store, owner, "a", 1).await.id;
    let mut writes = JoinSet::new();
    for n in 0..64_i64 {
        let store = Arc::clone(&store);
        let patch = patch(&format!("{n}"), n % 2 == 0);
        writes
            .spawn(async move { store.task_patch(owner, task, patch, at(1 + n)).await });
    }

    let answers = writes.join_all().await.into_iter();
    let mut answers: Vec<Task> = answers.map(|answer| answer.unwrap().unwrap()).collect();

    answers.sort_by_key(|answer| answer.revision);
    let revisions: Vec<u64> = answers.iter().map(|answer| answer.revision).collect();
    assert_eq!(revisions, (2..=65).collect::<Vec<u64>>(), "one after the other");
    for answer in &answers {
        let title = answer.title.as_str();
        assert_eq!(answer.description.as_ref().map(|it| it.as_str()), Some(title));
        assert_eq!(answer.is_completed(), title.parse::<u64>().unwrap() % 2 == 0);
    }
    assert!(answers.is_sorted_by_key(|answer| answer.updated_at));
    let last = answers.pop().unwrap();
    let counts = TaskCounts { total: 1, open: u64::from(!last.is_completed()) };
    assert_eq!(store.task_counts(owner).await.unwrap(), counts);
    assert_eq!(ids(&*store, owner, OPEN).await.len(), usize::from(!last.is_completed()));
    assert_eq!(store.task_get(owner, task).await.unwrap(), Some(last));
}

pub(super) async fn one_of_many_deletions_at_once_finds_the_task(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let task = given_task(&*store, owner, "a", 1).await.id;
    let mut writes = JoinSet::new();
    for _ in 0..32 {
        let store = Arc::clone(&store);
        writes.spawn(async move { store.task_delete(owner, task).await });
    }

    let found =
        writes.join_all().await.into_iter().filter(|found| *found.as_ref().unwrap());

    assert_eq!(found.count(), 1);
    assert_eq!(store.task_counts(owner).await.unwrap(), TaskCounts::default());
}
