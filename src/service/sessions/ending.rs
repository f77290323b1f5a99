//! Listing and ending sessions.

use super::NO_SESSION;
use crate::auth::Caller;
use crate::auth::permission::{Account, Entry, Leave};
use crate::domain::access::Access;
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::user::{Ended, Ending, Refused};
use crate::service::{Doing, Error, Service};
use tracing::instrument;

impl Service {
    /// Ends the credential of the caller: the session, or the personal token.
    ///
    /// # Errors
    ///
    /// Store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn session_leave(
        &self,
        caller: &Caller<Leave>,
        doing: Doing<()>,
    ) -> Result<(), Error> {
        self.access_leave(caller.user.id, caller.access, doing).await
    }

    pub(super) async fn access_leave(
        &self,
        user: UserId,
        access: Access,
        doing: Doing<()>,
    ) -> Result<(), Error> {
        // It may have ended meanwhile, as intended.
        let ended = match access {
            Access::Session(id) => self.0.store.session_delete(user, id),
            Access::Token(id) => self.0.store.token_delete(user, id),
        };
        doing.record(ended, |ended: &bool| ended.then_some(())).await?;
        Ok(())
    }

    /// Ends all sessions and personal tokens of the caller.
    ///
    /// # Errors
    ///
    /// Store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn session_leave_all(
        &self,
        caller: &Caller<Entry>,
        doing: Doing<Ended>,
    ) -> Result<Ended, Error> {
        let ended = self.0.store.access_end(caller.user.id, Ending::Everything, None);
        let ended = doing.record(ended, |ended: &Result<Ended, Refused>| ended.ok());
        self.write(caller, ended).await?.map_err(|_| Error::BadToken)
    }

    /// Lists the caller's live sessions, most recently used first.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn session_list(
        &self,
        caller: &Caller<Account>,
    ) -> Result<Vec<Session>, Error> {
        let now = self.0.clock.now();
        let mut sessions = self.0.store.session_list(caller.user.id).await?;
        sessions.retain(|session| !session.is_expired(now));
        sessions
            .sort_by_key(|it| std::cmp::Reverse((it.last_used_at, it.created_at, it.id)));
        Ok(sessions)
    }

    /// Ends one of the caller's sessions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn session_delete(
        &self,
        caller: &Caller<Account>,
        id: Option<SessionId>,
        doing: Doing<()>,
    ) -> Result<(), Error> {
        let id = id.ok_or(NO_SESSION)?;
        let deleted = self.0.store.session_delete(caller.user.id, id);
        let deleted = doing.record(deleted, |deleted: &bool| deleted.then_some(()));
        if self.write(caller, deleted).await? { Ok(()) } else { Err(NO_SESSION) }
    }
}
