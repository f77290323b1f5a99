//! Tests of writes and dry runs while the writer thread waits for the disk.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::time::Duration;

use duly::domain::id::UserId;
use duly::domain::task::{TaskAction, TaskWrite};
use duly::store::redb::{Options, RedbStore};
use duly::store::{Store, WriteContext};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use tokio::task::JoinHandle;

use crate::harness::TaskStore as _;
use crate::harness::values::Counts as _;
use crate::harness::values::{at, given_user, new_task};

/// Longer than any result takes that does not wait for the disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// Disk in memory that can block syncs.
#[derive(Clone, Debug)]
struct SlowDisk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    data: InMemoryBackend,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_held: bool,
    /// Number of blocked syncs.
    waiting: usize,
}

impl SlowDisk {
    fn new() -> Self {
        let state = Mutex::default();
        Self(Arc::new(Inner {
            data: InMemoryBackend::new(),
            state,
            changed: Condvar::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Blocks syncs until the result is dropped.
    fn hold(&self) -> Hold {
        self.state().is_held = true;
        Hold(self.clone())
    }

    /// Waits while the disk is held.
    fn pass(&self) {
        let mut state = self.state();
        state.waiting += 1;
        self.0.changed.notify_all();
        let mut state = self.0.changed.wait_while(state, |it| it.is_held).unwrap();
        state.waiting -= 1;
    }

    /// Returns when a sync is blocked.
    async fn is_waited_for(&self) {
        let disk = self.clone();
        let waited = tokio::task::spawn_blocking(move || {
            let state = disk.state();
            let none = |state: &mut State| state.waiting == 0;
            let (_state, timeout) =
                disk.0.changed.wait_timeout_while(state, PATIENCE, none).unwrap();
            assert!(!timeout.timed_out(), "nothing is written");
        });
        waited.await.unwrap();
    }
}

/// Blocks syncs while it exists. Releases them when a test fails, too, or the store would never close.
struct Hold(SlowDisk);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.state().is_held = false;
        self.0.0.changed.notify_all();
    }
}

impl StorageBackend for SlowDisk {
    fn len(&self) -> io::Result<u64> {
        self.0.data.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.data.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.data.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.pass();
        self.0.data.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.data.write(offset, data)
    }
}

fn given_store() -> (SlowDisk, Arc<RedbStore>) {
    let (disk, options) = (SlowDisk::new(), Options::default());
    // redb begins no read while it makes room in the file and syncs that. A file that was closed has room.
    drop(RedbStore::open_backend(disk.clone(), &options).unwrap());
    let store = RedbStore::open_backend(disk.clone(), &options).unwrap();
    (disk, Arc::new(store))
}

/// Begins to create a task, and returns when its commit waits for the disk.
async fn held_up(
    disk: &SlowDisk,
    store: &Arc<RedbStore>,
    owner: UserId,
) -> (JoinHandle<()>, Hold) {
    let hold = disk.hold();
    let writer = Arc::clone(store);
    let write = tokio::spawn(async move {
        let made = writer.task_create(owner, new_task("first", 1)).await.unwrap();
        assert!(made.is_some());
    });
    disk.is_waited_for().await;
    (write, hold)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_tried_is_answered_while_the_writer_waits_for_the_disk() {
    let (disk, store) = given_store();
    let owner = given_user(&*store, "a@example.com").await.id;
    let (write, hold) = held_up(&disk, &store, owner).await;

    let create = TaskAction::Create(Box::new(new_task("second", 2)));
    let tried = TaskWrite { dry_run: true, ..TaskWrite::one(create, at(2)) };
    let answer = tokio::time::timeout(
        PATIENCE,
        store.task_write(owner, tried, WriteContext::system()),
    )
    .await;

    let written = answer.expect("it waits for the writer").unwrap();
    assert!(written.is_some_and(|it| !it.applied && it.results[0].is_ok()));
    assert!(!write.is_finished());
    drop(hold);
    write.await.unwrap();
    assert_eq!(store.task_counts(owner).await.unwrap().total, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_has_not_begun_when_its_caller_goes_is_never_done() {
    let (disk, store) = given_store();
    let owner = given_user(&*store, "a@example.com").await.id;
    let (write, hold) = held_up(&disk, &store, owner).await;

    for n in 2..50 {
        let mut second = store.task_create(owner, new_task("second", n));
        let begun = second.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(begun.is_pending());
    }

    drop(hold);
    write.await.unwrap();
    assert!(store.task_create(owner, new_task("last", 50)).await.unwrap().is_some());
    assert_eq!(store.task_counts(owner).await.unwrap().total, 2);
}
