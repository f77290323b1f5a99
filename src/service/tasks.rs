//! Keeping tasks.
//!
//! Every method takes the [`Caller`] and asks the store for that person's tasks only: somebody else's are
//! not found.

use tracing::instrument;

use super::{Doing, Error, FieldError, Service};
use crate::auth::Caller;
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::id::TaskId;
use crate::domain::page::{Page, TaskPage};
use crate::domain::task::{
    Description, NewTask, Task, TaskFilter, TaskPatch, TextError, Title,
};

/// What somebody sends to make a task.
#[derive(Clone, Debug)]
pub struct TaskDraft {
    /// Checked by [`Title::new`].
    pub title: String,
    /// Checked by [`Description::new`].
    pub description: Option<String>,
    /// Whether it is done already.
    pub completed: bool,
}

/// What somebody sends to change a task. What is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct TaskChange {
    /// Checked by [`Title::new`].
    pub title: Option<String>,
    /// Checked by [`Description::new`]; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// Done, or open again.
    pub completed: Option<bool>,
}

const NO_TASK: Error = Error::NotFound { what: "task" };

impl Service {
    /// Makes a task. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that was refused, [`Error::BadToken`] if the account has just
    /// been deleted, and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn task_create(
        &self,
        caller: &Caller<TasksWrite>,
        draft: TaskDraft,
        doing: Doing<Task>,
    ) -> Result<Task, Error> {
        let mut refused = Vec::new();
        let title = checked("title", Title::new(draft.title), &mut refused);
        let description = draft.description.map(Description::new).transpose();
        let description = checked("description", description, &mut refused);
        let (Some(title), Some(description)) = (title, description) else {
            return Err(Error::Invalid(refused));
        };
        let completed = draft.completed;
        let new =
            NewTask { title, description, completed, created_at: self.0.clock.now() };
        let made = self.0.store.task_create(caller.user.id, new);
        let made = doing.record(made, |made: &Option<Task>| made.clone());
        self.write(caller, made).await?.ok_or(Error::BadToken)
    }

    /// Finds a task.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and those of the store.
    pub async fn task_get(
        &self,
        caller: &Caller<TasksRead>,
        id: TaskId,
    ) -> Result<Task, Error> {
        self.0.store.task_get(caller.user.id, id).await?.ok_or(NO_TASK)
    }

    /// Lists tasks, newest first.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn task_list(
        &self,
        caller: &Caller<TasksRead>,
        filter: TaskFilter,
        page: Page,
    ) -> Result<TaskPage, Error> {
        Ok(self.0.store.task_list(caller.user.id, filter, page).await?)
    }

    /// Changes a task. The change is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that was refused, [`Error::NotFound`], and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_patch(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
        change: TaskChange,
    ) -> Result<Task, Error> {
        let mut refused = Vec::new();
        let title = change.title.map(Title::new).transpose();
        let title = checked("title", title, &mut refused);
        let description =
            change.description.map(|text| text.map(Description::new).transpose());
        let description = checked("description", description.transpose(), &mut refused);
        let (Some(title), Some(description)) = (title, description) else {
            return Err(Error::Invalid(refused));
        };
        let patch = TaskPatch { title, description, completed: change.completed };
        let now = self.0.clock.now();
        let patched = self.0.store.task_patch(caller.user.id, id, patch, now);
        self.write(caller, patched).await?.ok_or(NO_TASK)
    }

    /// Deletes a task, durably.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id, task.id = %id))]
    pub async fn task_delete(
        &self,
        caller: &Caller<TasksWrite>,
        id: TaskId,
    ) -> Result<(), Error> {
        let deleted = self.0.store.task_delete(caller.user.id, id);
        if self.write(caller, deleted).await? { Ok(()) } else { Err(NO_TASK) }
    }
}

/// The value, or a note of why the field was refused.
fn checked<T>(
    field: &str,
    value: Result<T, TextError>,
    refused: &mut Vec<FieldError>,
) -> Option<T> {
    value.map_err(|error| refused.push(FieldError::new(field, error))).ok()
}
