//! Benchmarks of the store itself, with and without group commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::duly::domain::id::{TaskId, UserId};
use ::duly::domain::page::Page;
use ::duly::domain::task::{TaskFilter, TaskPatch, TaskQuery, Title};
use ::duly::store::Store;
use ::duly::store::redb::RedbStore;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::data::{Data, new_task, time};
use crate::engine::{Dice, Engine, Work};
use crate::tasks::TaskStore as _;

/// The redb store and its runtime.
#[derive(Debug)]
pub(crate) struct Duly {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) caller: Caller,
    /// Makes each write wait for the one before, so that each has a commit of its own.
    pub(crate) one_by_one: bool,
}

/// State of one caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) store: Arc<RedbStore>,
    pub(crate) data: Arc<Data>,
    turn: Arc<Mutex<()>>,
}

/// Counter over the whole run, so that no patch repeats another and the clock advances.
static STEP: AtomicUsize = AtomicUsize::new(2_000_000);

impl Caller {
    pub(crate) fn new(store: Arc<RedbStore>, data: Arc<Data>) -> Self {
        Self { store, data, turn: Arc::default() }
    }

    async fn work(&self, work: Work, dice: &mut Dice, doomed: Option<(UserId, TaskId)>) {
        let step = STEP.fetch_add(1, Ordering::Relaxed);
        match work {
            Work::Create => {
                let owner = self.data.owner(dice);
                self.store
                    .task_create(owner, new_task(step, None))
                    .await
                    .unwrap()
                    .unwrap();
            }
            Work::Get => {
                let (owner, id) = self.data.task(dice);
                self.store.task_get(owner, id).await.unwrap().unwrap();
            }
            Work::List => {
                let (owner, _) = self.data.task(dice);
                let page = Page { skip: 0, limit: 50 };
                let query = TaskQuery::newest(TaskFilter::ALL, page);
                let listed = self.store.task_list(owner, query).await;
                assert!(listed.unwrap().total > 0);
            }
            Work::Patch => {
                let (owner, id) = self.data.task(dice);
                let patch = TaskPatch {
                    title: Some(Title::new(format!("Buy {step} other bottles")).unwrap()),
                    completed: Some(step.is_multiple_of(2)),
                    ..TaskPatch::default()
                };
                self.store
                    .task_patch(owner, id, patch, time(step))
                    .await
                    .unwrap()
                    .unwrap();
            }
            Work::Delete => {
                let (owner, id) = doomed.unwrap();
                assert!(self.store.task_delete(owner, id).await.unwrap());
            }
        }
    }

    /// Creates tasks to be deleted.
    async fn doomed(&self, count: u64, dice: &mut Dice) -> Vec<(UserId, TaskId)> {
        let mut doomed = Vec::new();
        for _ in 0..count {
            let owner = self.data.owner(dice);
            let step = STEP.fetch_add(1, Ordering::Relaxed);
            let task = self.store.task_create(owner, new_task(step, None)).await;
            doomed.push((owner, task.unwrap().unwrap().id));
        }
        doomed
    }
}

impl Duly {
    /// Like [`Engine::run`], but returns the time of each piece of work.
    pub(crate) fn times(
        &self,
        work: Work,
        callers: usize,
        rounds: u64,
    ) -> (Duration, Vec<Duration>) {
        self.runtime.block_on(async {
            let mut preparing = JoinSet::new();
            for _ in 0..callers {
                let caller = self.caller.clone();
                preparing.spawn(async move {
                    let mut dice = Dice::new();
                    let count = if work == Work::Delete { rounds } else { 0 };
                    let doomed = caller.doomed(count, &mut dice).await;
                    (caller, dice, doomed)
                });
            }
            let prepared = preparing.join_all().await;
            let started = Instant::now();
            let mut running = JoinSet::new();
            for (caller, mut dice, mut doomed) in prepared {
                let one_by_one = self.one_by_one;
                running.spawn(async move {
                    let mut times = Vec::new();
                    for _ in 0..rounds {
                        let started = Instant::now();
                        let turn = if one_by_one {
                            Some(caller.turn.lock().await)
                        } else {
                            None
                        };
                        caller.work(work, &mut dice, doomed.pop()).await;
                        drop(turn);
                        times.push(started.elapsed());
                    }
                    times
                });
            }
            let times = running.join_all().await;
            (started.elapsed(), times.into_iter().flatten().collect())
        })
    }
}

impl Engine for Duly {
    fn name(&self) -> &'static str {
        if self.one_by_one { "duly, a commit each" } else { "duly" }
    }

    fn run(&self, work: Work, callers: usize, rounds: u64) -> Duration {
        self.times(work, callers, rounds).0
    }
}
