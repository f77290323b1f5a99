//! The same work in SQLite: WAL, `synchronous = FULL`, the same cache size.
//!
//! The [`PLAIN`] tables have one index; the [`INDEXED`] ones have those of the store: an index for each order, the tags,
//! and the words through FTS5.

mod indexed;
mod plain;
mod select;

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ::duly::domain::id::UserId;
use rusqlite::{Connection, Result};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub(crate) use self::indexed::{INDEXED, fill_lists};
pub(crate) use self::plain::PLAIN;
pub(crate) use self::select::Select;
use crate::data::Data;
use crate::engine::{Dice, Engine, Work};

/// Largest number of connections at once.
const MAX_CONNECTIONS: usize = 8;

static STEP: AtomicI64 = AtomicI64::new(2_000_000);

/// Design of the tables, and the work on them.
#[derive(Debug)]
pub(crate) struct Design {
    /// Name of the engine with one commit for each write, and with group commit.
    names: [&'static str; 2],
    file: &'static str,
    /// Statements before the first task.
    tables: &'static str,
    /// Statements after the last task of many: a finished index is built faster than one that grows.
    indexes: &'static str,
    execute: fn(&Connection, Job) -> Result<()>,
}

/// Database with the same tasks as the store.
#[derive(Debug)]
pub(crate) struct Sqlite {
    runtime: Arc<Runtime>,
    data: Arc<Data>,
    /// Connections that stay open: a new one would start with an empty cache, and closing the
    /// last one would empty the log.
    connections: Arc<[Mutex<Connection>]>,
    design: &'static Design,
    /// Whether one thread writes, with up to 256 writes in a transaction, instead of one write each.
    group: bool,
}

/// One piece of work with its random values.
#[derive(Clone, Copy, Debug)]
struct Job {
    work: Work,
    owner: i64,
    id: i64,
    step: i64,
}

impl Sqlite {
    /// Fills a new file, or takes the one that the other commit mode has filled.
    pub(crate) fn new(
        folder: &Path,
        runtime: &Arc<Runtime>,
        data: &Arc<Data>,
        design: &'static Design,
        group: bool,
    ) -> Self {
        let path = folder.join(design.file);
        if !path.exists() {
            fill(&path, data, design).unwrap();
        }
        let connections =
            (0..MAX_CONNECTIONS).map(|_| Mutex::new(connect(&path).unwrap()));
        Self {
            connections: connections.collect(),
            runtime: Arc::clone(runtime),
            data: Arc::clone(data),
            design,
            group,
        }
    }

    fn roll(&self, work: Work, dice: &mut Dice) -> Job {
        let (owner, id) = self.data.task(dice);
        Job {
            work,
            owner: i64::try_from(owner.get()).unwrap(),
            id: i64::try_from(id.get()).unwrap(),
            step: STEP.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Returns the work of each caller. Creates the tasks to be deleted first.
    fn jobs(&self, work: Work, callers: usize, rounds: u64) -> Vec<Vec<Job>> {
        let mut dice = Dice::new();
        let mut jobs: Vec<Vec<Job>> = (0..callers)
            .map(|_| (0..rounds).map(|_| self.roll(work, &mut dice)).collect())
            .collect();
        if work == Work::Delete {
            let mut connection = self.connections[0].lock().unwrap();
            let txn = connection.transaction().unwrap();
            for job in jobs.iter_mut().flatten() {
                (self.design.execute)(&txn, Job { work: Work::Create, ..*job }).unwrap();
                job.id = txn.last_insert_rowid();
            }
            txn.commit().unwrap();
        }
        jobs
    }

    /// Runs the work with a connection for each thread and a transaction for each write.
    fn run_each(&self, jobs: Vec<Vec<Job>>) -> Duration {
        let threads = jobs.len().min(MAX_CONNECTIONS);
        let shares: Vec<Vec<Job>> = (0..threads)
            .map(|n| jobs.iter().skip(n).step_by(threads).flatten().copied().collect())
            .collect();
        let execute = self.design.execute;
        let started = Instant::now();
        thread::scope(|scope| {
            for (share, connection) in shares.into_iter().zip(self.connections.iter()) {
                scope.spawn(move || {
                    let connection = connection.lock().unwrap();
                    for job in share {
                        execute(&connection, job).unwrap();
                    }
                });
            }
        });
        started.elapsed()
    }

    /// Runs the work through a queue; one thread writes the queued jobs and replies after the commit.
    fn run_group(&self, jobs: Vec<Vec<Job>>) -> Duration {
        let connections = Arc::clone(&self.connections);
        let execute = self.design.execute;
        let (sender, mut queue) = mpsc::channel::<(Job, oneshot::Sender<()>)>(1024);
        let writer = thread::spawn(move || {
            let mut connection = connections[0].lock().unwrap();
            let mut batch = Vec::new();
            while queue.blocking_recv_many(&mut batch, 256) > 0 {
                let txn = connection.transaction().unwrap();
                for (job, _) in &batch {
                    execute(&txn, *job).unwrap();
                }
                txn.commit().unwrap();
                for (_, reply) in batch.drain(..) {
                    reply.send(()).unwrap();
                }
            }
        });
        let started = Instant::now();
        self.runtime.block_on(async {
            let mut callers = JoinSet::new();
            for share in jobs {
                let sender = sender.clone();
                callers.spawn(async move {
                    for job in share {
                        let (reply, done) = oneshot::channel();
                        sender.send((job, reply)).await.unwrap();
                        done.await.unwrap();
                    }
                });
            }
            callers.join_all().await;
        });
        let took = started.elapsed();
        drop(sender);
        writer.join().unwrap();
        took
    }

    /// Runs reads on the thread of the caller, as the store does.
    fn run_reads(&self, jobs: Vec<Vec<Job>>) -> Duration {
        let execute = self.design.execute;
        let started = Instant::now();
        self.runtime.block_on(async {
            let mut callers = JoinSet::new();
            for (n, share) in jobs.into_iter().enumerate() {
                let connections = Arc::clone(&self.connections);
                callers.spawn(async move {
                    for job in share {
                        let connection = connections[n % MAX_CONNECTIONS].lock().unwrap();
                        execute(&connection, job).unwrap();
                    }
                });
            }
            callers.join_all().await;
        });
        started.elapsed()
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        let [each, group] = self.design.names;
        if self.group { group } else { each }
    }

    fn run(&self, work: Work, callers: usize, rounds: u64) -> Duration {
        let jobs = self.jobs(work, callers, rounds);
        match (work.writes(), self.group) {
            (false, _) => self.run_reads(jobs),
            (true, false) => self.run_each(jobs),
            (true, true) => self.run_group(jobs),
        }
    }
}

/// Opens a connection with as much cache as the whole store has.
fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(60))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn fill(path: &Path, data: &Data, design: &Design) -> Result<()> {
    let mut connection = connect(path)?;
    let txn = connection.transaction()?;
    txn.execute_batch(design.tables)?;
    for owner in &data.owners {
        user(&txn, *owner)?;
    }
    let mut tasks = data.tasks.clone();
    tasks.sort_unstable_by_key(|(_, id)| *id);
    for (n, (owner, _)) in (0..).zip(tasks) {
        let owner = i64::try_from(owner.get()).unwrap();
        (design.execute)(&txn, Job { work: Work::Create, owner, id: 0, step: n })?;
    }
    txn.execute_batch(design.indexes)?;
    txn.commit()
}

/// Adds an account.
fn user(connection: &Connection, id: UserId) -> Result<()> {
    let text = "INSERT INTO users VALUES (?1)";
    connection.prepare_cached(text)?.execute([i64::try_from(id.get()).unwrap()])?;
    Ok(())
}
