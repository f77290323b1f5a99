//! Lists of tasks.

use super::cursor::{self, CursorError, Scope};
use super::draft::Check;
use super::home;
use super::listing::TaskListing;
use crate::auth::Caller;
use crate::auth::permission::TasksRead;
use crate::domain::page::TaskPage;
use crate::domain::task::{Start, Task, TaskOrder, TaskQuery};
use crate::service::{Error, Service};

/// Start of a page.
#[derive(Clone, Debug)]
pub enum Part {
    /// After this number of tasks.
    Skip(u64),
    /// At a cursor; the empty cursor is the beginning.
    Cursor(String),
}

/// A page of tasks.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Tasks of this page.
    pub tasks: Vec<Task>,
    /// Number of tasks on all pages.
    pub total: u64,
    /// Reference to the next page, if any.
    pub next: Option<Next>,
}

/// Reference to the next page.
#[derive(Clone, Debug)]
pub enum Next {
    /// Skip the tasks of this page as well.
    Skip,
    /// Use this cursor.
    Cursor(String),
}

impl Service {
    /// Lists tasks.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming everything that was rejected, including a cursor of another list; and store errors.
    pub async fn task_list(
        &self,
        caller: &Caller<TasksRead>,
        listing: TaskListing,
        order: TaskOrder,
        part: Part,
        limit: u16,
    ) -> Result<Listed, Error> {
        let scope = Scope::new(caller.user.id, listing.encode(order));
        let mut check = Check::default();
        let (home, now) = (home(&caller.user), self.0.clock.now());
        let filter = listing.check(&home, now, &mut check);
        let sealer = &self.0.sealer;
        let (start, is_by_cursor) = match part {
            Part::Skip(skip) => (Some(Start::Skip(skip)), false),
            Part::Cursor(text) if text.is_empty() => (Some(Start::Skip(0)), true),
            Part::Cursor(text) => {
                let place = cursor::read(sealer, &scope, &text);
                if matches!(place, Err(CursorError::Outdated)) {
                    return Err(Error::CursorOutdated);
                }
                let place = check.take("cursor", place);
                (place.map(|it| Start::After(it.at_home(order, &home))), true)
            }
        };
        let query = start.map(|start| {
            let home = home.clone();
            TaskQuery { filter, order, home, start, limit }
        });
        let query = check.finish(query).map_err(Error::Invalid)?;
        let TaskPage { tasks, total, more } =
            self.0.store.task_list(caller.user.id, query).await?;
        let next = match tasks.last().filter(|_| more) {
            None => None,
            Some(_) if !is_by_cursor => Some(Next::Skip),
            Some(last) => {
                let place = order.place(&last.fields(), &home);
                Some(Next::Cursor(cursor::write(sealer, &scope, &place)))
            }
        };
        Ok(Listed { tasks, total, next })
    }
}
