//! Completions that come again without an `Idempotency-Key`.
//!
//! Clients of the replaced service have no keys. One that gets no answer to `PATCH {"completed":true}` sends it again,
//! and a task that recurs would move on twice. So its answer is kept as if the request had a key: the credential, the
//! task, the state that the change has left it in, and the change. For [`AGAIN`] the same request gets the same answer,
//! unless the task was changed meanwhile.

use std::time::Duration;

use tracing::instrument;

use super::{Moved, Terms};
use crate::auth::Caller;
use crate::auth::permission::TasksWrite;
use crate::domain::access::Access;
use crate::domain::id::TaskId;
use crate::domain::task::{IfMatch, Task};
use crate::service::tasks::TaskChange;
use crate::service::{Asked, Done, Error, Once, Service};

/// How long the answer is given again.
const AGAIN: Duration = Duration::from_secs(20);

/// How often the state of the task is looked at, if others change it at the same time.
const TRIES: usize = 3;

impl Service {
    /// Changes a task. The change is durable when this returns. If the task recurs and was completed, it has moved
    /// on; the id is that of the task which keeps what was finished.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that was refused, [`Error::NotFound`], [`Error::Changed`],
    /// [`Error::IfMatchRequired`], and those of [`Self::once`] and the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_patch(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        change: TaskChange,
        terms: Terms,
        once: Once<Moved>,
    ) -> Result<Done<Moved>, Error> {
        let is_exact = terms.if_match.is_some() || self.0.require_if_match;
        let is_implied = once.asked().is_none() && !is_exact && !terms.dry_run;
        if is_implied && change.completed == Some(true) {
            for _ in 0..TRIES {
                let Some(task) = self.0.store.task_get(caller.user.id, id).await? else {
                    break;
                };
                if task.recurrence.is_none() {
                    break;
                }
                match self.task_move_on(caller, &task, &change, &once).await {
                    Err(Error::Changed(_)) => {}
                    // There is no room for the answer, or one from long ago is in its place: do without.
                    Err(Error::Quota(_) | Error::Repeated) => break,
                    done => return done,
                }
            }
        }
        let work = |doing| self.task_change(caller, id, change, terms, doing);
        self.once(caller, once, work).await
    }

    /// Completes a task that recurs in the state that it was seen in, unless that state is what the same request has
    /// just left.
    async fn task_move_on(
        &self,
        caller: &Caller<TasksWrite>,
        task: &Task,
        change: &TaskChange,
        once: &Once<Moved>,
    ) -> Result<Done<Moved>, Error> {
        let owner = caller.user.id;
        let before = asked(caller.access, task.id, task.revision, change);
        match self.replay(owner, Some(&before)).await {
            Ok(Some(before)) => {
                self.see_again(caller).await?;
                return Ok(Done::Before(before));
            }
            // An answer that was sealed with another key is as good as none here.
            Ok(None) | Err(Error::AnswerLost) => {}
            Err(error) => return Err(error),
        }
        let after = asked(caller.access, task.id, task.next_revision(), change);
        let seen = Some(IfMatch::OneOf(vec![task.revision]));
        let terms = Terms { if_match: seen, dry_run: false };
        let work =
            |doing| self.task_change(caller, task.id, change.clone(), terms, doing);
        self.once_of(owner, once.implied(after), work).await
    }
}

fn asked(access: Access, id: TaskId, revision: u64, change: &TaskChange) -> Asked {
    let access = match access {
        Access::Session(id) => id.to_bytes().to_vec(),
        Access::Token(id) => id.to_bytes().to_vec(),
    };
    let (id, revision) = (id.get().to_be_bytes(), revision.to_be_bytes());
    let change = format!("{change:?}");
    Asked::implied(&[&access, &id, &revision, change.as_bytes()], AGAIN)
}
