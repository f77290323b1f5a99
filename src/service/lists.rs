//! Lists.
//!
//! Every method takes the [`Caller`] and finds the lists of that account only.

use tracing::instrument;

use super::tasks::Check;
use super::{Error, FieldError, Preconditions, Recorder, Service};
use crate::auth::Caller;
use crate::auth::permission::{TasksRead, TasksWrite};
use crate::domain::id::ListId;
use crate::domain::label::Label;
use crate::domain::list::{
    Colour, Emptied, Icon, ListAction, ListDone, ListPatch, ListRefused, ListState,
    ListWrite, NewList, TaskList, TasksOfList,
};
use crate::domain::position::Position;
use crate::domain::task::IfMatch;
use crate::domain::timestamp::Timestamp;

const NO_LIST: Error = Error::NotFound { what: "list" };

/// Data of a new list, unchecked.
#[derive(Clone, Debug)]
pub struct ListInput {
    /// Name, checked by [`Label::typed`].
    pub name: String,
    /// Colour, checked by [`Colour::parse`].
    pub colour: Option<String>,
    /// Icon, checked by [`Icon::new`].
    pub icon: Option<String>,
    /// Position, checked by [`Position::parse`].
    pub position: Option<String>,
}

/// Changes to a list, unchecked. `None` leaves a member unchanged, `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct ListPatchInput {
    /// Name, checked by [`Label::new`].
    pub name: Option<String>,
    /// Colour, checked by [`Colour::parse`].
    pub colour: Option<Option<String>>,
    /// Icon, checked by [`Icon::new`].
    pub icon: Option<Option<String>>,
    /// Position, checked by [`Position::parse`].
    pub position: Option<String>,
    /// Whether the list is put aside.
    pub archived: Option<bool>,
    /// Identifier, which cannot be changed.
    pub id: Option<ListId>,
    /// Time of creation, which cannot be changed.
    pub created_at: Option<Timestamp>,
}

/// Result of the deletion of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListGone {
    /// Number of tasks that moved to the default list.
    pub moved: u64,
    /// Number of tasks that were deleted.
    pub deleted: u64,
}

impl ListGone {
    const fn plus(self, tasks: TasksOfList, count: u64) -> Self {
        match tasks {
            TasksOfList::Move => Self { moved: self.moved + count, ..self },
            TasksOfList::Delete => Self { deleted: self.deleted + count, ..self },
        }
    }
}

impl ListInput {
    fn check(self) -> Result<NewList, Vec<FieldError>> {
        let mut check = Check::default();
        let name = check.take("name", Label::typed(&self.name));
        let colour = check.maybe("colour", self.colour, |text| Colour::parse(&text));
        let icon = check.maybe("icon", self.icon, |text| Icon::new(&text));
        let position =
            check.maybe("position", self.position, |text| Position::parse(&text));
        check.finish(name.map(|name| NewList { name, colour, icon, position }))
    }
}

impl ListPatchInput {
    fn check(self) -> Result<ListPatch, Vec<FieldError>> {
        let mut check = Check::default();
        let patch = ListPatch {
            name: check.maybe("name", self.name, |text| Label::new(&text)),
            colour: check.maybe("colour", self.colour, |text| {
                text.map(|text| Colour::parse(&text)).transpose()
            }),
            icon: check.maybe("icon", self.icon, |text| {
                text.map(|text| Icon::new(&text)).transpose()
            }),
            position: check
                .maybe("position", self.position, |text| Position::parse(&text)),
            archived: self.archived,
            id: self.id,
            created_at: self.created_at,
        };
        check.finish(Some(patch))
    }
}

impl Service {
    /// Lists all lists with the counts of their tasks, by position.
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`] if the account has just been deleted, and store errors.
    pub async fn list_list(
        &self,
        caller: &Caller<TasksRead>,
    ) -> Result<Vec<ListState>, Error> {
        self.0.store.list_all(caller.user.id).await?.ok_or(Error::BadToken)
    }

    /// Returns a list with the counts of its tasks.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and the errors of [`Self::list_list`].
    pub async fn list_get(
        &self,
        caller: &Caller<TasksRead>,
        id: ListId,
    ) -> Result<ListState, Error> {
        let all = self.list_list(caller).await?;
        all.into_iter().find(|state| state.list.id == id).ok_or(NO_LIST)
    }

    /// Creates a list. It is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, [`Error::TooMany`], [`Error::Quota`], and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id))]
    pub async fn list_create(
        &self,
        caller: &Caller<TasksWrite>,
        draft: ListInput,
        dry_run: bool,
        recorder: Recorder<ListState>,
    ) -> Result<ListState, Error> {
        let new = draft.check().map_err(Error::Invalid)?;
        self.list_put(caller, ListAction::Create(new), dry_run, recorder).await
    }

    /// Changes a list. The change is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, [`Error::NotFound`], [`Error::ListChanged`],
    /// [`Error::IfMatchRequired`], [`Error::Quota`], and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, list.id = %id))]
    pub async fn list_patch(
        &self,
        caller: &Caller<TasksWrite>,
        id: ListId,
        change: ListPatchInput,
        preconditions: Preconditions,
        recorder: Recorder<ListState>,
    ) -> Result<ListState, Error> {
        let patch = change.check().map_err(Error::Invalid)?;
        let if_match = self.precondition(preconditions.if_match)?;
        let action = ListAction::Patch(id, patch, if_match);
        self.list_put(caller, action, preconditions.dry_run, recorder).await
    }

    /// Deletes a list, and moves its tasks to the default list or deletes them, in several writes if there are many. If it
    /// is interrupted, some tasks have left the list, and the same request deletes the rest. Returns how many tasks this
    /// request has moved or deleted.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for the default list, [`Error::NotFound`], [`Error::ListChanged`],
    /// [`Error::IfMatchRequired`], and store errors.
    #[instrument(level = "debug", skip_all, fields(user.id = %caller.user.id, list.id = %id))]
    pub async fn list_delete(
        &self,
        caller: &Caller<TasksWrite>,
        id: ListId,
        tasks: TasksOfList,
        preconditions: Preconditions,
        recorder: Recorder<ListGone>,
    ) -> Result<ListGone, Error> {
        let if_match = self.precondition(preconditions.if_match)?;
        let (mut gone, mut unit) = (ListGone::default(), None);
        loop {
            let action = ListAction::Delete(id, tasks, if_match.clone());
            let write = self.list_write(caller, action, preconditions.dry_run);
            let write = ListWrite { unit, ..write };
            // Only the last write deletes the list, and keeps the outcome.
            let kept = move |written: &Option<Result<ListDone, ListRefused>>| {
                let Emptied { tasks: count, is_deleted, .. } =
                    emptied(written.as_ref()?)?;
                is_deleted.then(|| gone.plus(tasks, count))
            };
            let context = recorder.clone().context(self.authority(caller), kept);
            let written = self.0.store.list_write(caller.user.id, write, context).await?;
            let written = written.ok_or(Error::BadToken)?;
            let done = emptied(&written);
            written.map_err(refused)?;
            let Emptied { tasks: count, is_deleted, unit: batch } =
                done.ok_or(NO_LIST)?;
            unit = Some(batch);
            gone = gone.plus(tasks, count);
            if is_deleted {
                return Ok(gone);
            }
        }
    }

    async fn list_put(
        &self,
        caller: &Caller<TasksWrite>,
        action: ListAction,
        dry_run: bool,
        recorder: Recorder<ListState>,
    ) -> Result<ListState, Error> {
        let write = self.list_write(caller, action, dry_run);
        let kept = |written: &Option<Result<ListDone, ListRefused>>| match written {
            Some(Ok(ListDone::Put(state))) => Some(state.clone()),
            _ => None,
        };
        let context = recorder.context(self.authority(caller), kept);
        let written = self.0.store.list_write(caller.user.id, write, context).await?;
        match written.ok_or(Error::BadToken)?.map_err(refused)? {
            ListDone::Put(state) => Ok(state),
            ListDone::Emptied(_) => Err(NO_LIST),
        }
    }

    fn list_write(
        &self,
        caller: &Caller<TasksWrite>,
        action: ListAction,
        dry_run: bool,
    ) -> ListWrite {
        let (now, access) = (self.0.clock.now(), Some(caller.access));
        ListWrite { action, dry_run, now, access, unit: None }
    }

    /// Returns the precondition of a change.
    fn precondition(&self, if_match: Option<IfMatch>) -> Result<IfMatch, Error> {
        // `If-None-Match` alone names what the client lacks, not what it has.
        let is_said = !matches!(if_match, None | Some(IfMatch::NoneOf(_)));
        if self.0.require_if_match && !is_said {
            return Err(Error::IfMatchRequired);
        }
        Ok(if_match.unwrap_or(IfMatch::Any))
    }
}

/// Returns the progress of a deletion.
const fn emptied(written: &Result<ListDone, ListRefused>) -> Option<Emptied> {
    match written {
        Ok(ListDone::Emptied(emptied)) => Some(*emptied),
        Ok(ListDone::Put(_)) | Err(_) => None,
    }
}

/// Converts a refusal of the rules of lists.
fn refused(refused: ListRefused) -> Error {
    use ListRefused as R;

    let field = match &refused {
        R::Missing => return NO_LIST,
        R::Changed(state) => return Error::ListChanged(state.clone()),
        R::Quota(exceeded) => return Error::Quota(*exceeded),
        R::TooMany => {
            return Error::TooMany { what: "lists", most: TaskList::MAX_PER_USER };
        }
        R::Fixed(names) => {
            let fault = |name: &&str| FieldError::new(name, &refused);
            return Error::Invalid(names.iter().map(fault).collect());
        }
        R::Invisible => "name",
        R::DefaultArchived => "archived",
        R::DefaultDeleted => "id",
        R::NoRoom => "position",
    };
    Error::field(field, refused)
}
