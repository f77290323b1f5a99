//! Tests of imports, chunk by chunk.

use std::sync::Arc;

use duly::domain::id::{TaskId, UserId};
use duly::domain::position::Position;
use duly::domain::task::Task;
use duly::domain::transfer::{
    Chunk, Conflict, Existing, ImportOptions, Imported, NextIds, Record,
};
use duly::domain::uid::Uid;
use duly::store::redb::RedbStore;
use duly::store::{ImportError, Store};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::harness::values::Counts as _;
use crate::harness::values::{
    at, chunk, delete_user, given_task, given_user, new_task, open,
};

const OPTIONS: ImportOptions = ImportOptions {
    existing: Existing::Keep,
    allow_admins: false,
    ids: NextIds { user: 3, task: 10 },
};

/// Import whose chunks are sent one at a time.
struct Sending {
    store: Arc<RedbStore>,
    chunks: mpsc::Sender<Chunk>,
    done: watch::Receiver<Imported>,
    outcome: JoinHandle<Result<(), ImportError>>,
}

impl Sending {
    async fn begin(store: &Arc<RedbStore>, options: ImportOptions) -> Self {
        let (chunks, waiting) = mpsc::channel(1);
        let (progress, mut done) = watch::channel(Imported::default());
        let store = Arc::clone(store);
        let importing = Arc::clone(&store);
        let outcome =
            tokio::spawn(
                async move { importing.import(options, waiting, progress).await },
            );
        // Fails if the import does not begin, which its end tells.
        let _ = done.changed().await;
        Self { store, chunks, done, outcome }
    }

    /// Sends an account with tasks of these ids, as lines from 501 on.
    async fn send(&self, owner: UserId, ids: &[u64]) {
        let account = self.store.user_get(owner).await.unwrap();
        let records = account.map(Record::User).into_iter().chain(tasks(owner, ids));
        self.chunks.send(chunk(501, records.collect(), at(1))).await.unwrap();
    }

    /// Sends an account with one task, and waits until the task is imported.
    async fn import(&mut self, owner: UserId, id: u64) {
        self.send(owner, &[id]).await;
        self.done.changed().await.unwrap();
        let task = self.store.task_get(owner, TaskId::new(id)).await.unwrap();
        assert!(task.is_some(), "it is told before it is done");
    }

    async fn end(self) -> (Imported, Result<(), ImportError>) {
        drop(self.chunks);
        let outcome = self.outcome.await.unwrap();
        (*self.done.borrow(), outcome)
    }

    /// Returns the counts, and which line of the chunk is refused.
    async fn refusal(self) -> (Imported, u64, Conflict) {
        match self.end().await {
            (done, Err(ImportError::Refused { line, from: 501, conflict })) => {
                (done, line - 500, conflict)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn tasks(owner: UserId, ids: &[u64]) -> impl Iterator<Item = Record> {
    ids.iter().map(move |id| {
        let (id, position) = (TaskId::new(*id), Position::of_number(*id));
        let uid = Uid::made(id, 0);
        Record::Task(new_task("a", 1).into_task(owner, id, uid, position).unwrap())
    })
}

#[tokio::test]
async fn the_account_may_be_deleted_between_two_chunks() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let mut import = Sending::begin(&store, OPTIONS).await;
    import.import(jane, 6).await;
    assert!(delete_user(&*store, jane).await.is_ok());

    import.send(jane, &[7]).await;

    let (done, line, conflict) = import.refusal().await;
    assert_eq!((done.tasks_added, line, conflict), (1, 1, Conflict::Stray));
    store.ready().await.unwrap();
}

#[tokio::test]
async fn ids_of_an_import_are_given_to_nobody_else_from_its_beginning() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let mut import = Sending::begin(&store, OPTIONS).await;
    import.import(jane, 7).await;

    let made = given_task(&*store, john, "meanwhile", 1).await;
    import.send(jane, &[9]).await;

    let (done, outcome) = import.end().await;
    outcome.unwrap();
    assert_eq!(made.id, TaskId::new(10));
    assert_eq!(done.tasks_added, 2);
    assert!(store.verify().unwrap().findings.is_empty());
}

#[tokio::test]
async fn higher_ids_are_reserved_when_their_chunk_comes() {
    const FAR: u64 = 1 << 50;
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let ids = NextIds { user: 3, task: FAR + 10 };
    let mut import = Sending::begin(&store, ImportOptions { ids, ..OPTIONS }).await;
    import.import(jane, 7).await;
    let before = given_task(&*store, john, "before", 1).await;

    import.import(jane, FAR).await;
    let after = given_task(&*store, john, "after", 1).await;
    import.send(jane, &[FAR + 9, before.id.get()]).await;

    let (done, line, conflict) = import.refusal().await;
    assert!(before.id < TaskId::new(FAR), "the first line moved the ids too far");
    assert_eq!(after.id, TaskId::new(FAR + 10));
    assert_eq!((done.tasks_added, line, conflict), (2, 3, Conflict::Taken));
}

#[tokio::test]
async fn a_task_finds_its_parent_in_a_chunk_whose_ids_are_reserved_later() {
    const FAR: u64 = 1 << 50;
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let ids = NextIds { user: 3, task: FAR + 10 };
    let mut import = Sending::begin(&store, ImportOptions { ids, ..OPTIONS }).await;
    let account = store.user_get(jane).await.unwrap().map(Record::User);
    let child = tasks(jane, &[7]).map(|record| match record {
        Record::Task(task) => {
            Record::Task(Task { parent: Some(TaskId::new(FAR)), ..task })
        }
        other @ (Record::User(_) | Record::List(_)) => other,
    });
    let first = chunk(1, account.into_iter().chain(child).collect(), at(1));
    import.chunks.send(first).await.unwrap();
    import.done.changed().await.unwrap();

    import.import(jane, FAR).await;

    import.end().await.1.unwrap();
    let child = store.task_get(jane, TaskId::new(7)).await.unwrap().unwrap();
    assert_eq!(child.parent, Some(TaskId::new(FAR)));
}

#[tokio::test]
async fn ids_beyond_those_of_the_first_line_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let import = Sending::begin(&store, OPTIONS).await;

    import.send(jane, &[9, 10]).await;

    let (done, line, conflict) = import.refusal().await;
    assert_eq!((done, line, conflict), (Imported::default(), 3, Conflict::Unreserved));
}

#[tokio::test]
async fn a_chunk_is_taken_in_whole_or_not_at_all() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let johns = given_task(&*store, john, "a", 1).await.id;
    let import = Sending::begin(&store, OPTIONS).await;

    import.send(jane, &[7, johns.get()]).await;

    let (done, line, conflict) = import.refusal().await;
    assert_eq!((done, line, conflict), (Imported::default(), 3, Conflict::Taken));
    assert_eq!(store.task_counts(jane).await.unwrap().total, 0);
}

#[tokio::test]
async fn two_people_never_get_the_same_id() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let john = given_user(&*store, "john@example.com").await.id;
    let mut import = Sending::begin(&store, OPTIONS).await;
    import.import(jane, 7).await;

    import.send(john, &[7]).await;

    let (done, line, conflict) = import.refusal().await;
    assert_eq!((done.tasks_added, line, conflict), (1, 2, Conflict::Taken));
}

#[tokio::test]
async fn there_is_one_import_at_a_time() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    let mut first = Sending::begin(&store, OPTIONS).await;
    first.import(jane, 7).await;

    let (_, second) = Sending::begin(&store, OPTIONS).await.end().await;

    assert!(matches!(second, Err(ImportError::Busy)), "{second:?}");
    first.end().await.1.unwrap();
    let mut third = Sending::begin(&store, OPTIONS).await;
    third.import(jane, 8).await;
    third.end().await.1.unwrap();
}

#[tokio::test]
async fn a_task_that_an_import_replaces_has_changed_after_all_others() {
    let data = tempfile::tempdir().unwrap();
    let store = open(&data.path().join("test.redb"));
    let jane = given_user(&*store, "jane@example.com").await.id;
    given_task(&*store, jane, "b", 1).await;
    given_task(&*store, jane, "b", 500_000).await;
    let replacing = ImportOptions { existing: Existing::Replace, ..OPTIONS };
    let import = Sending::begin(&store, replacing).await;

    import.send(jane, &[1, 7]).await;

    let (done, outcome) = import.end().await;
    outcome.unwrap();
    assert_eq!((done.tasks_replaced, done.tasks_added), (1, 1));
    let updated = async |id| {
        store.task_get(jane, TaskId::new(id)).await.unwrap().unwrap().updated_at
    };
    assert_eq!(updated(1).await, at(500_000));
    assert_eq!(updated(7).await, at(1), "what is new here keeps its times");
}
