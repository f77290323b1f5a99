//! Repeated completions without an `Idempotency-Key`.
//!
//! Clients of the replaced service have no keys. A client that gets no answer to `PATCH {"completed":true}` repeats it,
//! and a recurring task would advance twice. So the outcome is kept as if the request had a key, made of the credential,
//! the task, the state after the change, and the change. For [`AGAIN`] the same request gets the same response, unless
//! the task was changed meanwhile.

use std::time::Duration;

use tracing::instrument;

use super::{Moved, Preconditions};
use crate::auth::Caller;
use crate::auth::permission::TasksWrite;
use crate::domain::access::Access;
use crate::domain::id::TaskId;
use crate::domain::task::{IfMatch, Task};
use crate::service::tasks::TaskPatchInput;
use crate::service::{Error, Outcome, RequestKey, Service};

/// Time for which the outcome is replayed.
const AGAIN: Duration = Duration::from_secs(20);

/// Maximum tries while others change the task at the same time.
const TRIES: usize = 3;

impl Service {
    /// Changes a task. The change is durable when this returns. A recurring task that was completed advances; the id is
    /// then that of the task that keeps the finished occurrence.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, [`Error::NotFound`], [`Error::Changed`],
    /// [`Error::IfMatchRequired`], the errors of [`Self::once`], and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_patch(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        change: TaskPatchInput,
        preconditions: Preconditions,
        key: Option<RequestKey>,
    ) -> Result<Outcome<Moved>, Error> {
        let is_exact = preconditions.if_match.is_some() || self.0.require_if_match;
        let is_implied = key.is_none() && !is_exact && !preconditions.dry_run;
        if is_implied && change.completed == Some(true) {
            for _ in 0..TRIES {
                let Some(task) = self.0.store.task_get(caller.user.id, id).await? else {
                    break;
                };
                if task.recurrence.is_none() || task.is_completed() {
                    break;
                }
                match self.task_move_on(caller, &task, &change).await {
                    Err(Error::Changed(_)) => {}
                    // There is no room for the record, or an old one is in its place: go on without.
                    Err(Error::Quota(_) | Error::Repeated) => break,
                    done => return done,
                }
            }
        }
        let work =
            |recorder| self.task_change(caller, id, change, preconditions, recorder);
        self.once(caller, key, work).await
    }

    /// Completes a recurring task in the state that was read, unless the same request has just produced that state.
    async fn task_move_on(
        &self,
        caller: &Caller<TasksWrite>,
        task: &Task,
        change: &TaskPatchInput,
    ) -> Result<Outcome<Moved>, Error> {
        let owner = caller.user.id;
        let before = implied_key(caller.access, task.id, task.revision, change);
        match self.replay(owner, Some(&before)).await {
            Ok(Some(before)) => {
                self.reauthorize(caller).await?;
                return Ok(Outcome::Replayed(before));
            }
            Ok(None) => {}
            // The record shows that the same request has produced this state, even if it cannot be read.
            Err(Error::OutcomeLost) => {
                self.reauthorize(caller).await?;
                return Ok(Outcome::Replayed((task.clone(), None)));
            }
            Err(error) => return Err(error),
        }
        let after = implied_key(caller.access, task.id, task.next_revision(), change);
        let seen = Some(IfMatch::OneOf(vec![task.revision]));
        let preconditions = Preconditions { if_match: seen, dry_run: false };
        let work = |recorder| {
            self.task_change(caller, task.id, change.clone(), preconditions, recorder)
        };
        self.once_of(owner, Some(after), work).await
    }
}

fn implied_key(
    access: Access,
    id: TaskId,
    revision: u64,
    change: &TaskPatchInput,
) -> RequestKey {
    let access = match access {
        Access::Session(id) => id.to_bytes().to_vec(),
        Access::Token(id) => id.to_bytes().to_vec(),
    };
    let (id, revision) = (id.get().to_be_bytes(), revision.to_be_bytes());
    let change = change.identity();
    RequestKey::implied(&[&access, &id, &revision, change.as_bytes()], AGAIN)
}
