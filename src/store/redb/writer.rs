//! The one thread that writes.
//!
//! redb allows one writer at a time and each commit waits for the disk, so writes that arrive while a
//! commit is under way share the next one.
//!
//! A write is a *decision*: a function that looks at a [`View`] and returns an answer and the [`Change`]s
//! it wants. It cannot change anything itself. That is what makes sharing safe: a decision that is
//! refused, or that meets a damaged record, has left nothing behind, and the rest of its batch goes on.
//!
//! **Large deletions.** A deleted account with very many rows is unreachable after one small transaction;
//! its rows are then removed here, at most [`PURGE_SLICE`] with each commit, beside the writes that
//! wait. So nobody waits longer than for one slice, and a crash in between loses nothing: the `purge`
//! table is read again at the next start.

use std::sync::Arc;
use std::thread;

use redb::{
    Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction,
};
use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::change::{self, Change};
use super::key::{self, Table};
use super::open::CommitMode;
use super::table;
use super::view::View;
use super::vitals::Vitals;
use crate::store::StoreError;

/// Most writes that share one commit.
const MAX_BATCH: usize = 256;

/// Most writes that may wait. Beyond that they are refused as [`StoreError::Busy`].
const MAX_QUEUED: usize = 1024;

/// Rows of a deleted account that are removed with one commit: about 2 ms of work.
const PURGE_SLICE: usize = 2_000;

/// What a write decided.
pub(super) struct Verdict<T> {
    /// Told to the caller once the changes are on disk.
    pub(super) answer: T,
    /// Made in this order. May be empty.
    pub(super) changes: Vec<Change>,
}

impl<T> Verdict<T> {
    /// An answer without any change.
    pub(super) const fn unchanged(answer: T) -> Self {
        Self { answer, changes: Vec::new() }
    }
}

/// Decides, and answers at once if there is nothing to write.
type Job = Box<dyn FnOnce(&mut Batch<'_>) -> Result<Option<Reply>, StoreError> + Send>;
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Sends writes to the thread. Dropping it waits for the thread to finish.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Writer {
    pub(super) fn spawn(
        db: Arc<Database>,
        vitals: Arc<Vitals>,
        mode: CommitMode,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(MAX_QUEUED);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&db, queue, &vitals, mode))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Decides and writes. The changes are on disk when this returns `Ok`.
    ///
    /// A caller that stops waiting does not stop the write.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&View<'_, '_>) -> Result<Verdict<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |batch| {
            let view = View(batch);
            let decided = decide(&view).and_then(|Verdict { answer, changes }| {
                change::plan(&view, &changes).map(|ops| (answer, ops))
            });
            let (answer, ops) = match decided {
                Ok((answer, ops)) => (answer, ops),
                Err(error) => {
                    drop(sender.send(Err(error)));
                    return Ok(None);
                }
            };
            batch.apply(ops)?;
            // Also without changes: the answer may rest on an earlier write of this batch.
            Ok(Some(Box::new(move |committed| {
                drop(sender.send(committed.map(|()| answer)));
            })))
        });
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        receiver.await.unwrap_or_else(|_| Err(stopped()))
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

fn stopped() -> StoreError {
    StoreError::unavailable(std::io::Error::other("the store writer has stopped"))
}

/// Fails the store when the thread ends for a reason that nobody planned.
struct FailOnPanic<'a>(&'a Vitals);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
    }
}

fn run(db: &Database, mut queue: mpsc::Receiver<Job>, vitals: &Vitals, mode: CommitMode) {
    let _guard = FailOnPanic(vitals);
    let mut jobs = Vec::with_capacity(MAX_BATCH);
    // A purge may have been cut short when the process ended.
    let mut purging = match purge_is_due(db) {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(error = %Causes(&error), "the list of deleted accounts is unreadable");
            vitals.note(&error);
            false
        }
    };
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
        let span = tracing::debug_span!("store.commit", writes = jobs.len());
        let mut replies = Vec::with_capacity(jobs.len());
        let outcome =
            span.in_scope(|| commit(db, mode, jobs.drain(..), purging, &mut replies));
        match &outcome {
            Ok(more) => purging = *more,
            Err(error) => {
                tracing::error!(error = %Causes(error), writes = replies.len(), "a commit failed");
                vitals.note(error);
                // Writes that still wait are answered as their jobs are dropped.
                queue.close();
            }
        }
        for reply in replies {
            reply(outcome.as_ref().map(|_| ()).map_err(StoreError::clone));
        }
        if outcome.is_err() {
            return;
        }
    }
}

/// Runs all jobs and a slice of the purge in one transaction. Says whether there is more to purge.
fn commit(
    db: &Database,
    mode: CommitMode,
    jobs: impl Iterator<Item = Job>,
    purging: bool,
    replies: &mut Vec<Reply>,
) -> Result<bool, StoreError> {
    let txn = begin(db, mode)?;
    let mut batch = Batch::open(&txn)?;
    let mut failed = None;
    for job in jobs {
        // Once a step has failed the transaction is lost; the jobs left are dropped unanswered,
        // which tells their callers that nothing was written.
        match job(&mut batch) {
            Ok(reply) => replies.extend(reply),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    // A user deleted in this batch may have left rows behind.
    let more = purge_slice(&mut batch, purging)?;
    batch.finish()?;
    txn.commit().map_err(|error| StoreError::OutcomeUnknown(Arc::new(error)))?;
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
    Ok(txn)
}

fn purge_is_due(db: &Database) -> Result<bool, StoreError> {
    Ok(!table::open(&db.begin_read()?, Table::Purge)?.is_empty()?)
}

/// Removes rows of the first deleted account that still has some.
fn purge_slice(batch: &mut Batch<'_>, purging: bool) -> Result<bool, StoreError> {
    let first = batch.tables.purge.first()?.map(|(key, _)| key.value().to_vec());
    let Some(key) = first else { return Ok(false) };
    if !purging {
        // Found only now: the commit at hand has work enough, the next one begins.
        return Ok(true);
    }
    let user = key::decode_user_id(&key)
        .ok_or_else(|| super::codec::damaged(Table::Purge, &key, &"not a user id"))?;
    if batch.delete_owned(&key::everything_of(user), PURGE_SLICE)? < PURGE_SLICE {
        drop(batch.tables.purge.remove(key.as_slice())?);
    }
    Ok(true)
}

/// Shows an error with all its causes, on one line.
struct Causes<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
