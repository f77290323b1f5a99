//! Write on its way through the writer thread.

use tokio::sync::oneshot;

use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::decide::Decision;
use crate::store::redb::engine::batch::Batch;
use crate::store::redb::engine::change;
use crate::store::redb::engine::space::Growth;
use crate::store::redb::engine::view::View;

/// Write of any decision and any answer.
pub(in crate::store::redb) trait Job: Send {
    /// Decides, and executes the decision in this transaction. A decision that fails has changed nothing
    /// and keeps its error for the answer; an error here is one of the transaction.
    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError>;

    /// Whether the caller is gone.
    fn is_abandoned(&self) -> bool;

    /// Sends the outcome to the caller. A caller without an answer yet gets the error of the batch.
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// Decision and the channel to its caller.
struct Write<T, D> {
    growth: Growth,
    /// Account, if the write is its own.
    account: Option<UserId>,
    decide: Option<D>,
    decided: Option<Result<T, StoreError>>,
    sender: Option<oneshot::Sender<Result<T, StoreError>>>,
}

/// Packs a decision as a job, and returns the receiver of its answer.
pub(in crate::store::redb) fn job<T, D>(
    growth: Growth,
    account: Option<UserId>,
    decide: D,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    D: FnOnce(&View<'_, '_>) -> Result<Decision<T>, StoreError> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let decide = Some(decide);
    let write = Write { growth, account, decide, decided: None, sender: Some(sender) };
    (Box::new(write), receiver)
}

impl<T, D> Job for Write<T, D>
where
    T: Send,
    D: FnOnce(&View<'_, '_>) -> Result<Decision<T>, StoreError> + Send,
{
    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let Some(decide) = self.decide.take() else { return Ok(()) };
        let view = View::of(batch);
        let planned = decide(&view).and_then(|Decision { result, changes }| {
            let ops = change::lower(&view, &changes)?;
            batch.admit(self.growth, self.account, &ops)?;
            Ok((result, ops))
        });
        let read = view.read();
        batch.read.add(read);
        match planned {
            Ok((result, ops)) => {
                self.decided = Some(Ok(result));
                batch.apply(ops)
            }
            Err(error) => {
                self.decided = Some(Err(error));
                Ok(())
            }
        }
    }

    fn is_abandoned(&self) -> bool {
        self.sender.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn answer(mut self: Box<Self>, outcome: Result<(), StoreError>) {
        let answer = match (self.decided.take(), outcome) {
            (Some(decided), Ok(())) => decided,
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Err(stopped()),
        };
        self.send(answer);
    }
}

impl<T, D> Write<T, D> {
    fn send(&mut self, answer: Result<T, StoreError>) {
        if let Some(sender) = self.sender.take() {
            // The write of a caller that is gone is still on disk.
            drop(sender.send(answer));
        }
    }
}

impl<T, D> Drop for Write<T, D> {
    /// Answers a caller without an answer, if the thread ends unexpectedly. The decision may be on disk.
    fn drop(&mut self) {
        let cause = stopped();
        let answer = match (&self.decided, cause) {
            (Some(_), StoreError::Unavailable(cause)) => {
                StoreError::OutcomeUnknown(cause)
            }
            (_, cause) => cause,
        };
        self.send(Err(answer));
    }
}

/// Returns the error of a stopped writer.
pub(in crate::store::redb) fn stopped() -> StoreError {
    StoreError::unavailable(std::io::Error::other("the store writer has stopped"))
}
