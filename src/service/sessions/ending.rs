//! Listing and ending sessions.

use super::NO_SESSION;
use crate::auth::Caller;
use crate::auth::permission::{Account, ChangePassword, LogOut};
use crate::domain::access::Access;
use crate::domain::authority::Authority;
use crate::domain::id::{SessionId, UserId};
use crate::domain::session::Session;
use crate::domain::user::{Ended, Ending, Refused};
use crate::service::{Error, Recorder, Service};
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
        caller: &Caller<LogOut>,
        recorder: Recorder<()>,
    ) -> Result<(), Error> {
        self.access_leave(caller.user.id, caller.access, recorder).await
    }

    pub(super) async fn access_leave(
        &self,
        user: UserId,
        access: Access,
        recorder: Recorder<()>,
    ) -> Result<(), Error> {
        // It may have ended meanwhile, as intended: giving up a credential takes no authority.
        let context =
            recorder.context(Authority::System, |ended: &bool| ended.then_some(()));
        match access {
            Access::Session(id) => self.0.store.session_delete(user, id, context).await?,
            Access::Token(id) => self.0.store.token_delete(user, id, context).await?,
        };
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
        caller: &Caller<ChangePassword>,
        recorder: Recorder<Ended>,
    ) -> Result<Ended, Error> {
        let ended = |ended: &Result<Ended, Refused>| ended.ok();
        let context = recorder.context(self.authority(caller), ended);
        let user = caller.user.id;
        let ended = self.0.store.access_end(user, Ending::Everything, None, context);
        ended.await?.map_err(|_| Error::BadToken)
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
        recorder: Recorder<()>,
    ) -> Result<(), Error> {
        let id = id.ok_or(NO_SESSION)?;
        let context = recorder
            .context(self.authority(caller), |deleted: &bool| deleted.then_some(()));
        if self.0.store.session_delete(caller.user.id, id, context).await? {
            Ok(())
        } else {
            Err(NO_SESSION)
        }
    }
}
