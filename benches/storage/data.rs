//! Tasks that exist before anything is measured.

use std::path::Path;
use std::sync::Arc;

use ::duly::domain::email::Email;
use ::duly::domain::id::{TaskId, UserId};
use ::duly::domain::password::PasswordHash;
use ::duly::domain::task::{Description, NewTask, Title};
use ::duly::domain::timestamp::Timestamp;
use ::duly::domain::user::{Admission, NewUser, Role};
use ::duly::store::redb::{CommitMode, Options, RedbStore};
use ::duly::store::{Store, WriteContext};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::engine::Dice;
use crate::tasks::TaskStore as _;

/// Numbers of accounts and tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    pub(crate) tasks: usize,
    pub(crate) owners: usize,
}

/// Data to query: accounts, and tasks that are never deleted.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) owners: Vec<UserId>,
    pub(crate) tasks: Vec<(UserId, TaskId)>,
}

impl Data {
    pub(crate) fn owner(&self, dice: &mut Dice) -> UserId {
        self.owners[dice.below(self.owners.len())]
    }

    pub(crate) fn task(&self, dice: &mut Dice) -> (UserId, TaskId) {
        self.tasks[dice.below(self.tasks.len())]
    }
}

/// Runtime with two workers, as on the target machine of the program.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) fn open(path: &Path, commit: CommitMode) -> RedbStore {
    RedbStore::open(path, &Options { commit, ..Options::default() }).unwrap()
}

/// Fills an empty store account by account, with as many writes at once as the queue holds.
pub(crate) fn fill(
    runtime: &Runtime,
    store: &Arc<RedbStore>,
    size: Size,
    description: usize,
) -> Data {
    let description = Some("d".repeat(description)).filter(|text| !text.is_empty());
    let owners: Vec<UserId> = at_once(runtime, size.owners, {
        let store = Arc::clone(store);
        move |n| {
            let store = Arc::clone(&store);
            async move {
                store
                    .user_create(new_user(n), WriteContext::system())
                    .await
                    .unwrap()
                    .unwrap()
                    .id
            }
        }
    });
    let each = size.tasks.div_ceil(size.owners);
    let all = owners.clone();
    let store = Arc::clone(store);
    let tasks = at_once(runtime, size.tasks, move |n| {
        let (store, owner) = (Arc::clone(&store), all[n / each]);
        let new = new_task(n, description.clone());
        async move { (owner, store.task_create(owner, new).await.unwrap().unwrap().id) }
    });
    Data { owners, tasks }
}

/// Does work for each number, up to 100 at once, and returns the results in the order they came.
pub(crate) fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    runtime: &Runtime,
    count: usize,
    work: impl Fn(usize) -> F,
) -> Vec<T> {
    runtime.block_on(async {
        let room = Arc::new(Semaphore::new(100));
        let mut running = JoinSet::new();
        let mut results = Vec::with_capacity(count);
        for n in 0..count {
            let place = Arc::clone(&room).acquire_owned().await.unwrap();
            let work = work(n);
            running.spawn(async move {
                let result = work.await;
                drop(place);
                result
            });
            while let Some(done) = running.try_join_next() {
                results.push(done.unwrap());
            }
        }
        results.extend(running.join_all().await);
        results
    })
}

pub(crate) fn new_user(n: usize) -> NewUser {
    NewUser {
        email: Email::new(&format!("person{n}@example.com")).unwrap(),
        password: PasswordHash::new(
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned(),
        ),
        role: Role::User,
        must_change_password: false,
        created_at: Timestamp::EPOCH,
        admission: Admission::Open,
    }
}

/// Task of about 60 bytes, created a millisecond after the one before.
pub(crate) fn new_task(n: usize, description: Option<String>) -> NewTask {
    NewTask {
        description: description.map(|text| Description::new(text).unwrap()),
        completed: n.is_multiple_of(3),
        ..NewTask::new(
            Title::new(format!("Buy {n} bottles of milk for the whole family")).unwrap(),
            time(n),
        )
    }
}

/// Time in 2030 or later.
pub(crate) fn time(n: usize) -> Timestamp {
    Timestamp::from_millis(1_900_000_000_000 + i64::try_from(n).unwrap()).unwrap()
}
