//! The same work in SQLite: WAL, `synchronous = FULL`, the same cache size, the same columns.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Result, params};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::data::Data;
use crate::engine::{Dice, Engine, Work};

/// Largest number of connections at once.
const MAX_CONNECTIONS: usize = 8;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY);
    CREATE TABLE tasks (
        id INTEGER PRIMARY KEY,
        owner INTEGER NOT NULL REFERENCES users (id),
        title TEXT NOT NULL,
        description TEXT,
        completed INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL,
        revision INTEGER NOT NULL
    );
    CREATE INDEX tasks_by_owner ON tasks (owner);
";

const INSERT: &str = "INSERT INTO tasks VALUES (NULL, ?1, ?2, NULL, ?3, ?4, ?4, 1)";

static STEP: AtomicI64 = AtomicI64::new(2_000_000);

/// Database with the same tasks as the store.
#[derive(Debug)]
pub(crate) struct Sqlite {
    runtime: Arc<Runtime>,
    data: Arc<Data>,
    /// Connections that stay open: a new one would start with an empty cache, and closing the
    /// last one would empty the log.
    connections: Arc<[Mutex<Connection>]>,
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
        group: bool,
    ) -> Self {
        let path = folder.join("bench.sqlite");
        if !path.exists() {
            fill(&path, data).unwrap();
        }
        let connections =
            (0..MAX_CONNECTIONS).map(|_| Mutex::new(connect(&path).unwrap()));
        Self {
            connections: connections.collect(),
            runtime: Arc::clone(runtime),
            data: Arc::clone(data),
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
                execute(&txn, Job { work: Work::Create, ..*job }).unwrap();
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
        if self.group { "sqlite, group commit" } else { "sqlite" }
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

fn fill(path: &Path, data: &Data) -> Result<()> {
    let mut connection = connect(path)?;
    let txn = connection.transaction()?;
    txn.execute_batch(SCHEMA)?;
    for owner in &data.owners {
        txn.execute(
            "INSERT INTO users VALUES (?1)",
            [i64::try_from(owner.get()).unwrap()],
        )?;
    }
    let mut tasks = data.tasks.clone();
    tasks.sort_unstable_by_key(|(_, id)| *id);
    for (n, (owner, _)) in (0..).zip(tasks) {
        let owner = i64::try_from(owner.get()).unwrap();
        execute(&txn, Job { work: Work::Create, owner, id: 0, step: n })?;
    }
    txn.commit()
}

/// Row as a program would read it.
type Row = (i64, String, Option<String>, bool, i64, i64, i64);

fn row(row: &rusqlite::Row<'_>) -> Result<Row> {
    Ok((
        row.get(0)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
        row.get(6)?,
        row.get(7)?,
    ))
}

fn execute(connection: &Connection, job: Job) -> Result<()> {
    let Job { work, owner, id, step } = job;
    match work {
        Work::Create => {
            let title = format!("Buy {step} bottles of milk for the whole family");
            let created = 1_900_000_000_000 + step;
            let mut insert = connection.prepare_cached(INSERT)?;
            insert.execute(params![owner, title, step % 3 == 0, created])?;
        }
        Work::Get => {
            let text = "SELECT * FROM tasks WHERE id = ?1 AND owner = ?2";
            let found = connection
                .prepare_cached(text)?
                .query_row([id, owner], row)
                .optional()?;
            assert!(found.is_some());
        }
        Work::List => {
            let text = "SELECT * FROM tasks WHERE owner = ?1 ORDER BY id DESC LIMIT 50";
            let mut list = connection.prepare_cached(text)?;
            let tasks = list.query_map([owner], row)?.collect::<Result<Vec<Row>>>()?;
            let text = "SELECT count(*) FROM tasks WHERE owner = ?1";
            let total: i64 =
                connection.prepare_cached(text)?.query_row([owner], |it| it.get(0))?;
            assert!(total >= i64::try_from(tasks.len()).unwrap());
        }
        Work::Patch => {
            let text = "UPDATE tasks SET title = ?3, completed = ?4, updated_ms = ?5,
                revision = revision + 1 WHERE id = ?1 AND owner = ?2 RETURNING *";
            let title = format!("Buy {step} other bottles");
            let values =
                params![id, owner, title, step % 2 == 0, 1_900_000_000_000 + step];
            connection.prepare_cached(text)?.query_row(values, row)?;
        }
        Work::Delete => {
            let text = "DELETE FROM tasks WHERE id = ?1 AND owner = ?2";
            assert_eq!(connection.prepare_cached(text)?.execute([id, owner])?, 1);
        }
    }
    Ok(())
}
