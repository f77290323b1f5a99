//! Tests of chunks of an import, one at a time.

use std::sync::Arc;

use duly::domain::id::{TaskId, UserId};
use duly::domain::position::Position;
use duly::domain::transfer::{Chunk, Conflict, Existing, NextIds, Owner, Record};
use duly::store::Store;

use crate::harness::values::Counts as _;
use crate::harness::values::{at, delete_user, given_task, given_user, new_task, open};

#[tokio::test]
async fn the_account_may_be_deleted_between_two_chunks() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let taken = store.import_begin(NextIds { user: 2, task: 10 }).await.unwrap().unwrap();
    assert!(delete_user(&*store, jane).await.is_ok());

    let chunk = chunk(jane, &[7]);
    let outcome = store.import(chunk, taken, at(1)).await.unwrap();

    assert_eq!(outcome, Err(Conflict::Stray(TaskId::new(7))));
    store.ready().await.unwrap();
}

#[tokio::test]
async fn ids_of_an_import_are_given_to_nobody_else_from_its_beginning() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let taken = store.import_begin(NextIds { user: 3, task: 10 }).await.unwrap().unwrap();

    let made = given_task(&*store, john, "meanwhile", 1).await;
    let outcome = store.import(chunk(jane, &[7, 9]), taken, at(1)).await.unwrap();

    assert_eq!(made.id, TaskId::new(10));
    assert_eq!(outcome.unwrap().0.tasks_added, 2);
    assert!(store.verify().unwrap().findings.is_empty());
}

#[tokio::test]
async fn a_chunk_is_taken_in_whole_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let johns = given_task(&*store, john, "a", 1).await.id;
    let taken = store.import_begin(NextIds { user: 3, task: 10 }).await.unwrap().unwrap();

    let outcome = store.import(chunk(jane, &[7, johns.get()]), taken, at(1)).await;

    assert_eq!(outcome.unwrap(), Err(Conflict::Taken(johns)));
    assert_eq!(store.task_counts(jane).await.unwrap().total, 0);
}

#[tokio::test]
async fn two_people_never_get_the_same_id() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let taken = store.import_begin(NextIds { user: 3, task: 10 }).await.unwrap().unwrap();
    let janes = store.import(chunk(jane, &[7]), Arc::clone(&taken), at(1)).await.unwrap();
    assert_eq!(janes.unwrap().0.tasks_added, 1);

    let johns = store.import(chunk(john, &[7]), taken, at(1)).await.unwrap();

    assert_eq!(johns, Err(Conflict::Taken(TaskId::new(7))));
}

#[tokio::test]
async fn there_is_one_import_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let first = store.import_begin(NextIds { user: 1, task: 1 }).await.unwrap().unwrap();

    let second = store.import_begin(NextIds { user: 1, task: 1 }).await;

    assert!(second.unwrap().is_none());
    drop(first);
    let third = store.import_begin(NextIds { user: 1, task: 1 }).await;
    assert!(third.unwrap().is_some());
}

#[tokio::test]
async fn a_task_that_an_import_replaces_has_changed_after_all_others() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    given_task(&*store, jane, "b", 1).await;
    given_task(&*store, jane, "b", 500_000).await;
    let taken = store.import_begin(NextIds { user: 2, task: 10 }).await.unwrap().unwrap();
    let chunk = Chunk { existing: Existing::Replace, ..chunk(jane, &[1, 7]) };

    let outcome = store.import(chunk, taken, at(2)).await.unwrap();

    let (done, _) = outcome.unwrap();
    assert_eq!((done.tasks_replaced, done.tasks_added), (1, 1));
    let updated = async |id| {
        store.task_get(jane, TaskId::new(id)).await.unwrap().unwrap().updated_at
    };
    assert_eq!(updated(1).await, at(500_000));
    assert_eq!(updated(7).await, at(1), "what is new here keeps its times");
}

/// Tasks of an account that came with the chunk before.
fn chunk(owner: UserId, ids: &[u64]) -> Chunk {
    let task = |id: &u64| {
        let (id, position) = (TaskId::new(*id), Position::of_number(*id));
        new_task("a", 1).into_task(owner, id, position).unwrap()
    };
    let records = ids.iter().map(|id| Record::Task(task(id))).collect();
    let owner = Some(Owner { there: owner, here: owner });
    Chunk { records, owner, existing: Existing::Keep }
}
