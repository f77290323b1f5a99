//! Authentication of requests by their token.

use crate::auth::Caller;
use crate::auth::opaque::{PERSONAL_TOKEN, digest};
use crate::auth::permission::Permission;
use crate::domain::access::Access;
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::network::Network;
use crate::domain::permission::Denied;
use crate::domain::scope::Scopes;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::user::User;
use crate::service::{Error, Service};
use std::net::IpAddr;
use std::sync::Arc;

impl Service {
    /// Authenticates a token and checks its permission. Asks the store every time, which answers from memory only as long
    /// as nothing has changed: the end of a session, a token or an account ends access with the next request.
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`], [`Error::Denied`], [`Error::Throttled`] if requests are limited, and store errors.
    pub async fn authenticate<P: Permission>(
        &self,
        token: &str,
        address: IpAddr,
    ) -> Result<Caller<P>, Error> {
        let now = self.0.clock.now();
        let (user, access, scopes, used) = self.holder(token, now).await?;
        let (id, network) = (user.id, Network::of(address));
        let admitted = Caller::admit(user, access, network, scopes);
        // A credential that lacks a permission counts as used, that of a disabled account does not.
        if matches!(admitted, Err(Denied::Disabled)) {
            return Err(Error::BadToken);
        }
        if let Some(requests) = &self.0.requests {
            requests.check(id).map_err(|why| self.throttled(network, Some(id), why))?;
        }
        self.note_use(id, access, used, now, address);
        Ok(admitted?)
    }

    /// Authenticates a request by a credential that was authenticated earlier.
    pub(in crate::service) async fn authenticate_again<P: Permission>(
        &self,
        id: UserId,
        access: Access,
        scopes: Scopes,
        address: IpAddr,
    ) -> Result<Caller<P>, Error> {
        let (owner, network) = (self.live(id, access).await?, Network::of(address));
        if let Some(requests) = &self.0.requests {
            requests.check(id).map_err(|why| self.throttled(network, Some(id), why))?;
        }
        Ok(Caller::admit(owner, access, network, scopes)?)
    }

    /// Checks that a caller authenticated earlier is still authorized.
    pub(in crate::service) async fn reauthorize<P: Permission>(
        &self,
        caller: &Caller<P>,
    ) -> Result<(), Error> {
        let owner = self.live(caller.user.id, caller.access).await?;
        Ok(P::NEED.check(&owner, caller.access, caller.scopes)?)
    }

    /// Returns the account of a credential that is still valid.
    async fn live(&self, id: UserId, access: Access) -> Result<User, Error> {
        let now = self.0.clock.now();
        Ok(match access {
            Access::Session(session) => self.live_session(id, session, now).await?.0,
            Access::Token(token) => self.live_token(id, token, now).await?.0,
        })
    }

    pub(super) async fn holder(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<(User, Access, Scopes, Option<Timestamp>), Error> {
        if PERSONAL_TOKEN.fits(token) {
            self.token_holder(token, now).await
        } else {
            self.session_holder(token, now).await
        }
    }

    async fn session_holder(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<(User, Access, Scopes, Option<Timestamp>), Error> {
        let claims = self.0.tokens.verify(token, now).map_err(|_| Error::BadToken)?;
        let (user, session) = self.live_session(claims.user, claims.session, now).await?;
        let access = Access::Session(session.id);
        // The first use marks the session as used, however soon after the log-in it comes. In the same millisecond it
        // could not be told from the log-in.
        let at_once = Some(session.created_at).filter(|made| now <= *made);
        let used = session.used_at().or(at_once);
        Ok((user, access, claims.scopes, used))
    }

    async fn token_holder(
        &self,
        text: &str,
        now: Timestamp,
    ) -> Result<(User, Access, Scopes, Option<Timestamp>), Error> {
        let bytes: [u8; 48] = PERSONAL_TOKEN.read(text).ok_or(Error::BadToken)?;
        let (user, rest) = bytes.split_first_chunk().ok_or(Error::BadToken)?;
        let (id, _) = rest.split_first_chunk().ok_or(Error::BadToken)?;
        let user = UserId::new(u64::from_be_bytes(*user));
        let (user, token) = self.live_token(user, TokenId::from_bytes(*id), now).await?;
        if token.digest != digest(text.as_bytes()) {
            return Err(Error::BadToken);
        }
        Ok((user, Access::Token(token.id), token.scopes, token.last_used_at))
    }

    async fn live_session(
        &self,
        user: UserId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<(User, Session), Error> {
        let found = self.0.store.session_get(user, id).await?;
        found.filter(|(_, session)| !session.is_expired(now)).ok_or(Error::BadToken)
    }

    async fn live_token(
        &self,
        user: UserId,
        id: TokenId,
        now: Timestamp,
    ) -> Result<(User, PersonalToken), Error> {
        let found = self.0.store.token_get(user, id).await?;
        found.filter(|(_, token)| !token.is_expired(now)).ok_or(Error::BadToken)
    }

    /// Records in the background that a credential was used. No request waits for it; if the disk or the queue is full,
    /// the previous record stays.
    fn note_use(
        &self,
        user: UserId,
        access: Access,
        noted: Option<Timestamp>,
        now: Timestamp,
        address: IpAddr,
    ) {
        if !self.0.state.last_use.is_due(access, noted, now) {
            return;
        }
        let store = Arc::clone(&self.0.store);
        tokio::spawn(async move {
            let noted = store.access_touch(user, access, now, Some(address)).await;
            if let Err(error) = noted {
                tracing::debug!(%error, "could not record the use of a credential");
            }
        });
    }
}
