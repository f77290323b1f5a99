//! The only thread that writes.
//!
//! redb allows one writer at a time and each commit waits for the disk, so writes that arrive during a commit share the
//! next one. [`crate::store::redb::engine::queue`] determines their order. A commit takes writes until it has done the work of [`COMMIT`],
//! or could need more than half of the free space on the disk. From its first small write on it takes at most a quarter
//! of that ([`Work::most_after`]): a large write behind it begins the next commit, and the small one does not wait for
//! it.
//!
//! A write is a *decision*: a function that reads a [`Snapshot`] and returns an answer and the changes it wants. It cannot
//! change anything itself, which makes sharing safe: a decision that is refused, or that meets a damaged record, leaves
//! nothing behind, and the rest of its batch continues. A batch without changes is not committed.
//!
//! **Large deletions.** A deleted account with very many rows is unreachable after one small transaction; its rows are
//! then removed here, at most [`Options::purge_slice`] with each commit, beside the waiting writes. So a write waits
//! for at most one slice, and a crash in between loses nothing: the `purge` table is read again at the next start.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use crate::domain::error_chain::ErrorChain;
use crate::store::decide::{self, Decision, IdempotencyBounds, Snapshot};
use crate::store::metrics::WaitingWrites;
use crate::store::redb::engine::access_cache::AccessCache;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::commit::begin;
use crate::store::redb::engine::health::Health;
use crate::store::redb::engine::queue::{Lane, Queue, Taken, Ticket};
use crate::store::redb::engine::space::{Growth, Room, Space};
use crate::store::redb::engine::view::View;
use crate::store::redb::engine::watches::Watches;
use crate::store::redb::engine::work::{COMMIT, Work};
use crate::store::redb::engine::write::{Job, job, stopped};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{codec, table};
use crate::store::redb::options::Options;
use crate::store::{Failure, StoreError, WriteContext};

/// Maximum number of writes per commit.
const MAX_BATCH: usize = 256;

/// Maximum number of [`Lane::Access`] writes per commit, so that writes of data continue beside any number of log-ins.
const MAX_ACCESS: usize = 64;

/// Handle that sends writes to the thread. Dropping it waits for the thread to finish.
#[derive(Debug)]
pub(in crate::store::redb) struct Writer {
    queue: Arc<Queue>,
    health: Arc<Health>,
    idempotency: IdempotencyBounds,
    thread: Option<thread::JoinHandle<()>>,
}

/// State of the thread.
struct Thread {
    db: Arc<Database>,
    queue: Arc<Queue>,
    health: Arc<Health>,
    accesses: Arc<AccessCache>,
    watches: Arc<Watches>,
    space: Option<Arc<Space>>,
    options: Options,
}

impl Writer {
    pub(in crate::store::redb) fn spawn(
        db: Arc<Database>,
        health: Arc<Health>,
        (accesses, watches): (Arc<AccessCache>, Arc<Watches>),
        space: Option<Arc<Space>>,
        options: Options,
        purging: bool,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let idempotency = options.idempotency;
        let thread = Thread {
            db,
            queue: Arc::clone(&queue),
            health: Arc::clone(&health),
            accesses,
            watches,
            space,
            options,
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.run(purging))?;
        Ok(Self { queue, health, idempotency, thread: Some(thread) })
    }

    /// Decides and writes, if the context permits it ([`decide::in_context`]). The changes are on disk when this returns
    /// `Ok`. The health of the store notes an error.
    ///
    /// A write that has not begun when its caller stops waiting is dropped; one that has begun is finished.
    pub(in crate::store::redb) async fn write<T: Send + 'static>(
        &self,
        ticket: Ticket,
        growth: Growth,
        mut context: WriteContext<T>,
        decide: impl FnOnce(&dyn Snapshot) -> Result<Decision<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let bounds = self.idempotency;
        let decide = move |view: &View<'_, '_>| {
            decide::in_context(view, &mut context, bounds, decide)
        };
        let (job, answer) = job(growth, ticket.flow.account(), decide);
        let outcome = match self.queue.push(ticket, job) {
            Ok(()) => answer.await.unwrap_or_else(|_| Err(stopped())),
            Err(error) => Err(error),
        };
        outcome.inspect_err(|error| self.health.note(error))
    }

    /// Returns the waiting writes, by lane.
    pub(in crate::store::redb) fn waiting(&self) -> [(&'static str, WaitingWrites); 2] {
        self.queue.waiting()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store writer panicked");
        }
    }
}

/// Guard that answers waiting writes when the thread ends, and fails the store if the thread panics.
struct OnExit<'a>(&'a Thread);

impl Drop for OnExit<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.health.fail(Failure::Io);
        }
        self.0.queue.abandon();
    }
}

impl Thread {
    fn run(self, mut purging: bool) {
        let _on_exit = OnExit(&self);
        let mut gave_up = false;
        loop {
            let has_ended =
                if purging { self.queue.has_ended() } else { !self.queue.wait() };
            if has_ended {
                return;
            }
            let purge = match (gave_up || self.options.purge_slice == 0, purging) {
                (true, _) => Purge::GaveUp,
                (false, true) => Purge::Slice(self.options.purge_slice),
                (false, false) => Purge::Look,
            };
            let mut jobs = Vec::new();
            let span = tracing::debug_span!("store.commit");
            let outcome = span.in_scope(|| self.commit(&mut jobs, purge));
            if let Err(error) = &outcome {
                let writes = jobs.len();
                tracing::error!(error = %ErrorChain(error), writes, "a commit failed");
                self.health.note(error);
                self.health.meters.commits_failed.add(1);
            }
            // A purge that meets damage must not fail the writes beside it again.
            gave_up |= purging && outcome.is_err();
            purging = matches!(outcome, Ok(true));
            for job in jobs {
                job.answer(outcome.as_ref().map(|_| ()).map_err(StoreError::clone));
            }
            if self.health.is_failed() {
                return;
            }
        }
    }

    /// Runs waiting writes and a slice of the purge in one transaction. Returns whether there is more to purge.
    ///
    /// `jobs` receives the writes that were begun, also if the commit fails.
    fn commit(
        &self,
        jobs: &mut Vec<Box<dyn Job>>,
        purge: Purge,
    ) -> Result<bool, StoreError> {
        // The first write is taken before anything can fail, so that its caller gets the error.
        let mut next = self.next(jobs, Spent::new(COMMIT));
        if next.is_none() && !matches!(purge, Purge::Slice(_)) {
            return Ok(false);
        }
        let began = Instant::now();
        let room = self.space.as_ref().map(|space| space.look()).transpose()?;
        let most = room.map_or(COMMIT, Room::most);
        let txn = begin(&self.db, self.options.commit)?;
        let mut batch = Batch::open(&txn, &self.options, room)?;
        let mut spent = Spent::new(most);
        while let (Some(ticket), Some(job)) = (next, jobs.last_mut()) {
            let before = batch.spent();
            job.run(&mut batch)?;
            let more = batch.spent().beyond(before);
            spent.add(ticket, more);
            self.queue.charge(ticket, more);
            next = self.next(jobs, spent);
        }
        let more = purge_slice(&mut batch, purge, most)?;
        tracing::debug!(writes = jobs.len(), rows = batch.spent().rows, "decided");
        let rows = batch.done.rows;
        let access_changed = std::mem::take(&mut batch.access_changed);
        let changed_tasks = std::mem::take(&mut batch.changed_tasks);
        if batch.finish()? {
            let outcome = txn.commit();
            // Also if it failed: the changes may be visible.
            self.accesses.invalidate(&access_changed);
            outcome.map_err(|error| StoreError::OutcomeUnknown(Arc::new(error)))?;
            self.watches.publish(&changed_tasks);
            self.watches.wake(&access_changed);
            self.health.meters.committed(began.elapsed(), rows, jobs.len());
        } else {
            txn.abort()?;
        }
        Ok(more)
    }

    /// Takes the next write of a commit, and adds it to the begun `jobs`. Writes of [`Lane::Access`] come first.
    fn next(&self, jobs: &mut Vec<Box<dyn Job>>, spent: Spent) -> Option<Ticket> {
        let access = (jobs.len() < MAX_ACCESS)
            .then(|| self.queue.pop(Lane::Access, spent.access, spent.most));
        let taken = match access.flatten() {
            Some(taken) => Some(taken),
            None if jobs.len() >= MAX_BATCH => None,
            None => self.queue.pop(Lane::Data, spent.data, spent.most_data),
        };
        let Taken { ticket, job } = taken?;
        jobs.push(job);
        Some(ticket)
    }
}

/// Work of a commit, by lane.
#[derive(Clone, Copy, Debug)]
struct Spent {
    access: Work,
    data: Work,
    /// Maximum work of writes of [`Lane::Access`].
    most: Work,
    /// Maximum work of writes of [`Lane::Data`].
    most_data: Work,
}

impl Spent {
    fn new(most: Work) -> Self {
        let (access, data) = (Work::default(), Work::default());
        Self { access, data, most, most_data: most }
    }

    /// Counts the work of a write. A write without changes counts as a row, since its caller waits for the commit too;
    /// so does a log-in among writes of tasks.
    fn add(&mut self, ticket: Ticket, work: Work) {
        self.most_data = ticket.work.most_after(self.data, self.most_data);
        match ticket.lane {
            Lane::Access => {
                self.access.add(work);
                self.data.add(Work::new(1, 0));
            }
            Lane::Data => self.data.add(Work::new(work.rows.max(1), work.bytes)),
        }
    }
}

/// Purge of deleted accounts by a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purge {
    /// Check whether one of its writes has left rows behind.
    Look,
    /// Removal of so many rows.
    Slice(usize),
    /// Nothing, until the file is opened again: the remaining rows are damaged, or purging is disabled.
    GaveUp,
}

/// Whether a purge was interrupted when the process ended.
pub(in crate::store::redb) fn purge_is_due(db: &Database) -> Result<bool, StoreError> {
    Ok(!table::open(&db.begin_read()?, Table::Purge)?.is_empty()?)
}

/// Removes rows of the first deleted account that still has some, no more than a commit may change here.
fn purge_slice(
    batch: &mut Batch<'_>,
    purge: Purge,
    most: Work,
) -> Result<bool, StoreError> {
    if purge == Purge::GaveUp {
        return Ok(false);
    }
    let first = batch.tables.purge.first()?.map(|(key, _)| key.value().to_vec());
    let Some(key) = first else { return Ok(false) };
    let Purge::Slice(slice) = purge else {
        // Found only now: this commit has enough work, the next one begins the purge.
        return Ok(true);
    };
    let user = codec::user_id(Table::Purge, &key)?;
    let slice = slice.min(usize::try_from(most.rows).unwrap_or(slice)).max(1);
    if batch.delete_owned(&key::everything_of(user), slice)? < slice {
        drop(batch.tables.purge.remove(key.as_slice())?);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use redb::Builder;
    use redb::backends::InMemoryBackend;
    use tokio::sync::oneshot;

    use super::*;
    use crate::domain::id::UserId;
    use crate::store::redb::engine::queue::Flow;
    use crate::store::redb::options::CommitMode;

    const SMALL: Work = Work::new(20, 2_000);
    const MEDIUM: Work = Work::new(200, 20_000);
    const LARGE: Work = Work::new(COMMIT.rows / 2, 0);

    type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

    fn spawn() -> Writer {
        let db = Builder::new().create_with_backend(InMemoryBackend::new()).unwrap();
        let txn = begin(&db, CommitMode::OnePhase).unwrap();
        Batch::create(&txn, 1).unwrap();
        txn.commit().unwrap();
        let (health, told) = (Arc::default(), (Arc::default(), Arc::default()));
        let options = Options::default();
        Writer::spawn(Arc::new(db), health, told, None, options, false).unwrap()
    }

    fn push<T: Send + 'static>(
        writer: &Writer,
        account: u64,
        work: Work,
        decide: impl FnOnce() -> T + Send + 'static,
    ) -> Answer<T> {
        let flow = Flow::Account(UserId::new(account));
        let (job, answer) =
            job(Growth::Adds, None, move |_| Ok(Decision::unchanged(decide())));
        writer.queue.push(Ticket::data(flow, work), job).unwrap();
        answer
    }

    /// Whether a small write of one account is answered when an earlier write of another account begins.
    async fn is_answered_before(other: Work) -> bool {
        let writer = spawn();
        let (begun, has_begun) = oneshot::channel();
        let (go_on, waits) = mpsc::channel();
        let (small, is_small) = mpsc::channel::<Answer<()>>();
        // Holds the thread until both writes wait.
        let first = push(&writer, 1, SMALL, move || {
            begun.send(()).unwrap();
            waits.recv().unwrap();
        });
        has_begun.await.unwrap();
        let answer =
            push(&writer, 1, other, move || is_small.recv().unwrap().try_recv().is_ok());
        small.send(push(&writer, 2, SMALL, || ())).unwrap();
        go_on.send(()).unwrap();
        first.await.unwrap().unwrap();
        answer.await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_small_write_is_answered_before_a_large_one_begins() {
        assert!(is_answered_before(LARGE).await);
    }

    #[tokio::test]
    async fn small_writes_share_a_commit() {
        assert!(!is_answered_before(MEDIUM).await);
    }
}
