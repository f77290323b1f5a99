//! Tests of tasks, one at a time.

use std::sync::Arc;

use duly::domain::id::TaskId;
use duly::domain::task::{
    Description, NewTask, Task, TaskCounts, TaskPatch, TaskQuery, Title,
};
use duly::store::Store;

use crate::harness::TaskStore as _;
use crate::harness::values::Counts as _;
use crate::harness::values::{
    ALL, DONE, OPEN, at, complete, given_task, given_user, ids, new_task, page, patch,
};

pub(super) async fn a_task_is_read_back_as_it_was_written(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let longest = NewTask {
        description: Some(Description::new("\0\u{1F600}".repeat(1000)).unwrap()),
        completed: true,
        ..NewTask::new(
            Title::new("\u{1F600}".repeat(Title::MAX_CHARS)).unwrap(),
            duly::domain::timestamp::Timestamp::MAX,
        )
    };
    let shortest = new_task(" ", 0);

    for new in [shortest, longest] {
        let made = store.task_create(owner, new.clone()).await.unwrap().unwrap();
        let expected =
            new.into_task(owner, made.id, made.uid.clone(), made.position.clone());
        let (seq, origin) = (made.seq, made.origin.clone());
        assert_eq!(made, Task { seq, origin, ..expected.unwrap() });
        assert_eq!(store.task_get(owner, made.id).await.unwrap(), Some(made));
    }
}

pub(super) async fn tasks_of_others_look_like_missing_ones(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let other = given_user(&*store, "b@example.com").await.id;
    let task = given_task(&*store, owner, "a", 1).await;
    let missing = TaskId::new(99);

    for id in [task.id, missing] {
        assert_eq!(store.task_get(other, id).await.unwrap(), None);
        assert_eq!(
            store.task_patch(other, id, complete(true), at(2)).await.unwrap(),
            None
        );
        assert!(!store.task_delete(other, id).await.unwrap());
    }
    assert_eq!(
        store.task_list(other, TaskQuery::newest(ALL, page(0, 10))).await.unwrap().tasks,
        []
    );
    assert_eq!(store.task_counts(other).await.unwrap(), TaskCounts::default());
    assert_eq!(store.task_get(owner, task.id).await.unwrap(), Some(task), "left alone");
}

pub(super) async fn a_patch_changes_what_it_names_and_nothing_else(
    store: Arc<dyn Store>,
) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let old = given_task(&*store, owner, "a", 10).await;
    let beside = given_task(&*store, owner, "beside", 10).await;
    let title = Title::new("b".to_owned()).unwrap();
    let description = Description::new("more".to_owned()).unwrap();
    let steps = [
        (
            TaskPatch { title: Some(title.clone()), ..TaskPatch::default() },
            Task { title: title.clone(), ..old.clone() },
        ),
        (
            TaskPatch {
                description: Some(Some(description.clone())),
                ..TaskPatch::default()
            },
            Task {
                title: title.clone(),
                description: Some(description.clone()),
                ..old.clone()
            },
        ),
        (
            complete(true),
            Task {
                title: title.clone(),
                description: Some(description),
                completed_at: Some(at(400)),
                ..old.clone()
            },
        ),
        (
            TaskPatch { description: Some(None), ..TaskPatch::default() },
            Task { title, completed_at: Some(at(400)), ..old.clone() },
        ),
    ];

    for (revision, (patch, expected)) in (2..).zip(steps) {
        let now = at(100 * i64::try_from(revision).unwrap());
        let patched = store.task_patch(owner, old.id, patch, now).await.unwrap().unwrap();
        let seq = patched.seq;
        assert_eq!(patched, Task { updated_at: now, revision, seq, ..expected });
        assert_eq!(store.task_get(owner, old.id).await.unwrap(), Some(patched));
    }
    assert_eq!(store.task_get(owner, beside.id).await.unwrap(), Some(beside));
}

pub(super) async fn a_patch_that_changes_nothing_leaves_no_trace(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let task = given_task(&*store, owner, "a", 10).await;
    let same = TaskPatch {
        title: Some(task.title.clone()),
        description: Some(None),
        completed: Some(false),
        ..TaskPatch::default()
    };

    for patch in [TaskPatch::default(), same] {
        let answer = store.task_patch(owner, task.id, patch, at(20)).await.unwrap();
        assert_eq!(answer, Some(task.clone()));
    }
    assert_eq!(store.task_get(owner, task.id).await.unwrap(), Some(task));
    assert_eq!(store.task_counts(owner).await.unwrap(), TaskCounts { total: 1, open: 1 });
}

pub(super) async fn a_change_is_never_dated_back(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let task = given_task(&*store, owner, "a", 1000).await;

    let patched = store.task_patch(owner, task.id, complete(true), at(1)).await.unwrap();

    assert_eq!(patched.unwrap().updated_at, at(1000));

    // The change is dated no earlier than the change of another task either, whether that exists or not.
    let other = given_task(&*store, owner, "b", 200_000).await.id;
    let patch = store.task_patch(owner, task.id, complete(false), at(2)).await.unwrap();
    assert_eq!(patch.unwrap().updated_at, at(200_000));
    store.task_patch(owner, other, complete(true), at(300_000)).await.unwrap().unwrap();
    assert!(store.task_delete(owner, other).await.unwrap());
    let patch = store.task_patch(owner, task.id, complete(true), at(3)).await.unwrap();
    assert_eq!(patch.unwrap().updated_at, at(300_000));
    let made = given_task(&*store, owner, "c", 4).await;
    assert_eq!((made.created_at, made.updated_at), (at(4), at(300_000)));
}

pub(super) async fn deleting_twice_finds_nothing_the_second_time(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let task = given_task(&*store, owner, "a", 1).await.id;
    let left = given_task(&*store, owner, "b", 1).await.id;

    assert!(store.task_delete(owner, task).await.unwrap());
    assert!(!store.task_delete(owner, task).await.unwrap());

    assert_eq!(store.task_get(owner, task).await.unwrap(), None);
    assert_eq!(
        store.task_patch(owner, task, patch("c", true), at(2)).await.unwrap(),
        None
    );
    assert_eq!(ids(&*store, owner, ALL).await, [left]);
    assert_eq!(ids(&*store, owner, OPEN).await, [left]);
}

pub(super) async fn counts_follow_every_change(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let counts = async || {
        let counts = store.task_counts(owner).await.unwrap();
        for (filter, expected) in
            [(ALL, counts.total), (OPEN, counts.open), (DONE, counts.total - counts.open)]
        {
            let listed = store
                .task_list(owner, TaskQuery::newest(filter.clone(), page(0, 1)))
                .await
                .unwrap();
            assert_eq!(listed.total, expected, "a page knows what the counts know");
            let rows = ids(&*store, owner, filter).await.len();
            assert_eq!(u64::try_from(rows).unwrap(), expected, "and so do the rows");
        }
        (counts.total, counts.open)
    };
    assert_eq!(counts().await, (0, 0));

    let first = given_task(&*store, owner, "a", 1).await.id;
    let second = given_task(&*store, owner, "b", 2).await.id;
    let born_done = NewTask { completed: true, ..new_task("c", 3) };
    let third = store.task_create(owner, born_done).await.unwrap().unwrap().id;
    assert_eq!(counts().await, (3, 2));

    store.task_patch(owner, first, complete(true), at(4)).await.unwrap().unwrap();
    assert_eq!(counts().await, (3, 1));
    store.task_patch(owner, third, complete(false), at(5)).await.unwrap().unwrap();
    assert_eq!(counts().await, (3, 2));
    store.task_patch(owner, third, patch("d", false), at(6)).await.unwrap().unwrap();
    assert_eq!(counts().await, (3, 2));

    assert!(store.task_delete(owner, first).await.unwrap());
    assert_eq!(counts().await, (2, 2));
    assert!(store.task_delete(owner, second).await.unwrap());
    assert_eq!(counts().await, (1, 1));
}
