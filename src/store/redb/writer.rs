//! The one thread that writes.
//!
//! redb allows one writer at a time and each commit waits for the disk, so writes that arrive while a
//! commit is under way share the next one.
//!
//! A write is a *decision*: a function that looks at a [`View`] and returns an answer and the changes it
//! wants. It cannot change anything itself. That is what makes sharing safe: a decision that is refused,
//! or that meets a damaged record, has left nothing behind, and the rest of its batch goes on. A batch
//! in which nobody changes anything is not committed at all.
//!
//! **Large deletions.** A deleted account with very many rows is unreachable after one small transaction;
//! its rows are then removed here, at most [`Options::purge_slice`] with each commit, beside the writes that
//! wait. So nobody waits longer than for one slice, and a crash in between loses nothing: the `purge`
//! table is read again at the next start.

use std::sync::Arc;
use std::thread;

use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction,
};
use tokio::sync::mpsc;

use super::batch::Batch;
use super::key::{self, Table};
use super::options::{CommitMode, Options};
use super::view::View;
use super::vitals::Vitals;
use super::write::{Job, Verdict, job, stopped};
use super::{codec, table};
use crate::domain::chain::Chain;
use crate::plant::{self, Bug};
use crate::store::{Failure, StoreError};

/// Most writes that share one commit.
const MAX_BATCH: usize = 256;

/// Most writes that may wait. Beyond that they are refused as [`StoreError::Busy`].
const MAX_QUEUED: usize = 1024;

/// Sends writes to the thread. Dropping it waits for the thread to finish.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn spawn(
        db: Arc<Database>,
        vitals: Arc<Vitals>,
        options: Options,
        purging: bool,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(MAX_QUEUED);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&db, queue, &vitals, &options, purging))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Decides and writes. The changes are on disk when this returns `Ok`.
    ///
    /// A caller that stops waiting does not stop the write.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&View<'_, '_>) -> Result<Verdict<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (job, answer) = job(decide);
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store writer panicked");
        }
    }
}

/// Fails the store when the thread ends for a reason that nobody planned.
struct FailOnPanic<'a>(&'a Vitals);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(Failure::Io);
        }
    }
}

fn run(
    db: &Database,
    mut queue: mpsc::Receiver<Box<dyn Job>>,
    vitals: &Vitals,
    options: &Options,
    mut purging: bool,
) {
    let _guard = FailOnPanic(vitals);
    let mut jobs = Vec::with_capacity(MAX_BATCH);
    let mut gave_up = false;
    loop {
        if !purging && queue.blocking_recv_many(&mut jobs, MAX_BATCH) == 0 {
            return;
        }
        while jobs.len() < MAX_BATCH
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        if purging && jobs.is_empty() && queue.is_closed() {
            return;
        }
        let purge = match (gave_up || options.purge_slice == 0, purging) {
            (true, _) => Purge::GaveUp,
            (false, true) => Purge::Slice(options.purge_slice),
            (false, false) => Purge::Look,
        };
        let span = tracing::debug_span!("store.commit", writes = jobs.len());
        let mut outcome = span.in_scope(|| commit(db, options, &mut jobs, purge));
        if plant::is(Bug::CommitFailureHidden) {
            outcome = outcome.or(Ok(false));
        }
        if let Err(error) = &outcome {
            tracing::error!(error = %Chain(error), writes = jobs.len(), "a commit failed");
            vitals.note(error);
        }
        // A purge that meets damage must not fail the writes beside it again.
        gave_up |= purging && outcome.is_err();
        purging = matches!(outcome, Ok(true));
        for job in jobs.drain(..) {
            job.answer(outcome.as_ref().map(|_| ()).map_err(StoreError::clone));
        }
        if vitals.is_failed() {
            // Those that still wait are told by being dropped.
            return;
        }
    }
}

/// What a commit does about deleted accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purge {
    /// Sees whether one of its writes has left rows behind.
    Look,
    /// Removes so many rows.
    Slice(usize),
    /// Nothing, until the file is opened again: rows that wait are damaged, or nobody wants it.
    GaveUp,
}

/// Runs all jobs and a slice of the purge in one transaction. Says whether there is more to purge.
fn commit(
    db: &Database,
    options: &Options,
    jobs: &mut Vec<Box<dyn Job>>,
    purge: Purge,
) -> Result<bool, StoreError> {
    let txn = begin(db, options.commit)?;
    let mut batch = Batch::open(&txn, options.delete_at_once)?;
    for job in jobs.iter_mut() {
        job.run(&mut batch)?;
    }
    if plant::is(Bug::AnswerBeforeCommit) {
        jobs.drain(..).for_each(|job| job.answer(Ok(())));
    }
    let more = purge_slice(&mut batch, purge)?;
    if batch.finish()? {
        txn.commit().map_err(|error| StoreError::OutcomeUnknown(Arc::new(error)))?;
    } else {
        txn.abort()?;
    }
    Ok(more)
}

/// The one place that begins a write transaction.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
pub(super) fn begin(
    db: &Database,
    mode: CommitMode,
) -> Result<WriteTransaction, StoreError> {
    let mut txn = db.begin_write()?;
    match mode {
        CommitMode::OnePhase => {}
        // Implies the second phase.
        CommitMode::TwoPhase => txn.set_quick_repair(true),
    }
    if plant::is(Bug::NoSync) {
        txn.set_quick_repair(false);
        txn.set_durability(redb::Durability::None).map_err(StoreError::unavailable)?;
    }
    Ok(txn)
}

/// Whether a purge was cut short when the process ended.
pub(super) fn purge_is_due(db: &Database) -> Result<bool, StoreError> {
    Ok(!table::open(&db.begin_read()?, Table::Purge)?.is_empty()?)
}

/// Removes rows of the first deleted account that still has some.
fn purge_slice(batch: &mut Batch<'_>, purge: Purge) -> Result<bool, StoreError> {
    if purge == Purge::GaveUp {
        return Ok(false);
    }
    let first = batch.tables.purge.first()?.map(|(key, _)| key.value().to_vec());
    let Some(key) = first else { return Ok(false) };
    let Purge::Slice(slice) = purge else {
        // Found only now: the commit at hand has work enough, the next one begins.
        return Ok(true);
    };
    let user = codec::user_id(Table::Purge, &key)?;
    if batch.delete_owned(&key::everything_of(user), slice)? < slice {
        drop(batch.tables.purge.remove(key.as_slice())?);
    }
    Ok(true)
}
