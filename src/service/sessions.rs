//! Logging in and out, and knowing who asks.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tracing::instrument;
use zeroize::Zeroizing;

use super::refresh_token::RefreshToken;
use super::{Doing, Done, Error, Once, Service};
use crate::auth::opaque::{PERSONAL_TOKEN, digest};
use crate::auth::password::{HashError, Verdict, Whose};
use crate::auth::permission::{Account, Entry, Leave, Permission};
use crate::auth::{Caller, Secret};
use crate::domain::access::Access;
use crate::domain::email::{CanonicalEmail, Email};
use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::label::Label;
use crate::domain::network::Network;
use crate::domain::password::{Password, PasswordHash};
use crate::domain::scope::Scopes;
use crate::domain::session::{RefreshState, Refreshed, Refreshing, Renewed, Session};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::user::{Credential, Ended, Ending, Refused, User};
use crate::plant::{self, Bug};
use crate::store::StoreError;

const NO_SESSION: Error = Error::NotFound { what: "session" };

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The address of the client.
    pub address: IpAddr,
    /// What the client calls itself.
    pub client: Option<Label>,
}

/// What a log-in gives.
#[derive(Clone, Debug)]
pub struct Grant {
    /// To be sent with every request.
    pub access_token: Secret,
    /// How long the access token is good for.
    pub expires_in: Duration,
    /// Stands for the session when the access token has expired. Good for one use.
    pub refresh_token: Secret,
    /// What the access token may be used for.
    pub scopes: Scopes,
}

impl Service {
    /// Logs somebody in, for these scopes alone. The session is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::WrongCredentials`] for an unknown email, a disabled account and a wrong password, after the
    /// same work; [`Error::Throttled`]; [`Error::Busy`] when too many passwords wait; and those of the store.
    #[instrument(skip_all, fields(user.id))]
    pub async fn session_open(
        &self,
        email: &str,
        password: Zeroizing<String>,
        scopes: Scopes,
        origin: Origin,
        once: Once<Grant>,
    ) -> Result<Done<Grant>, Error> {
        // What cannot be an email is nobody's email.
        let email = Email::new(email).ok();
        let account = email.as_ref().map(Email::canonical);
        let account = account.as_ref().map_or("", CanonicalEmail::as_str);
        let network = Network::of(origin.address);
        if let Some(throttle) = &self.0.throttle {
            throttle
                .login(network, account)
                .map_err(|why| self.throttled(network, None, why))?;
        }
        let credential = match email {
            Some(email) => self.0.store.user_by_email(email).await?,
            None => None,
        };
        let password = Password::claimed(password);
        let (user, mut stored, outdated) =
            self.session_prove(credential, password.clone(), network, account).await?;
        tracing::Span::current().record("user.id", tracing::field::display(user.id));
        if let Some(throttle) = &self.0.throttle {
            throttle.succeeded(network, account);
        }
        if outdated {
            let whose = Whose::Known(user.id, network);
            if let Some(better) =
                self.session_rehash(user.id, whose, password, &stored).await?
            {
                stored = better;
            }
        }

        // A client that asks again has proven as much as the first time. A refresh token that was used since would end
        // the session, so the answer is not given again then. One that is used between this look and the replay is used
        // while the answer is on its way, which clients that share a session cannot rule out.
        let once = match self.answer_session(user.id, once.asked()).await? {
            Some(session) if !self.is_unused(user.id, session).await? => {
                once.without_key()
            }
            _ => once,
        };
        let begin = |doing| self.session_begin(user.id, stored, scopes, origin, doing);
        self.once_of(user.id, once, begin).await
    }

    /// Sees that the password is that of the account. A guess that comes from everywhere is slowed down, and the
    /// owner at home is not. Without the right password it cannot be told from answer or time whether the network is
    /// one that an account knows: a wrong one is counted, and waits, as that of a stranger.
    async fn session_prove(
        &self,
        credential: Option<Credential>,
        password: Password,
        network: Network,
        account: &str,
    ) -> Result<(User, PasswordHash, bool), Error> {
        let known = credential.as_ref().filter(|it| it.networks.contains(&network));
        let known = known.map(|it| it.user.id);
        let (user, stored) = credential.map(|it| (it.user, it.password)).unzip();
        let id = user.as_ref().map(|user| user.id);
        let hasher = &self.0.hasher;
        let verdict =
            hasher.verify_login(known, network, password, stored.clone()).await?;
        let proven = match (verdict, user, stored) {
            (Verdict::Right { outdated }, Some(user), Some(stored)) if !user.disabled => {
                Some((user, stored, outdated))
            }
            _ => None,
        };
        // After the hash for every client: `Retry-After` would tell which ones were counted before it.
        if (known.is_none() || proven.is_none())
            && let Some(throttle) = &self.0.throttle
        {
            throttle.stranger(account).map_err(|why| self.throttled(network, id, why))?;
        }
        proven.ok_or_else(|| {
            self.0.events.login_failed(network, id);
            Error::WrongCredentials
        })
    }

    /// Replaces a hash by one of today's cost. It is only an improvement: if it cannot be made now, the next log-in
    /// tries again.
    async fn session_rehash(
        &self,
        user: UserId,
        whose: Whose,
        password: Password,
        stored: &PasswordHash,
    ) -> Result<Option<PasswordHash>, Error> {
        let better = match self.0.hasher.hash(whose, password).await {
            Ok(better) => better,
            Err(HashError::Busy) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match self.0.store.user_rehash(user, stored.clone(), better.clone()).await {
            Ok(true) => Ok(Some(better)),
            Ok(false)
            | Err(
                StoreError::DiskFull
                | StoreError::DiskShort
                | StoreError::Busy
                | StoreError::AccountBusy,
            ) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn session_begin(
        &self,
        user: UserId,
        stored: PasswordHash,
        scopes: Scopes,
        origin: Origin,
        doing: Doing<Grant>,
    ) -> Result<Grant, Error> {
        let now = self.0.clock.now();
        let token = RefreshToken {
            scopes,
            user,
            session: SessionId::from_bytes(self.random()?),
            family: self.random()?,
            secret: self.random()?,
        };
        let session = Session {
            id: token.session,
            user,
            created_at: now,
            expires_at: now.plus(self.session_lifetime()),
            last_used_at: now,
            client: origin.client,
            address: Some(origin.address),
            refresh: RefreshState {
                family: token.family_digest(),
                current: token.secret_digest(),
                previous: None,
            },
        };
        let grant = self.grant(&token, scopes, now)?;
        // The account may have been deleted or disabled, or its password changed, since it was read.
        let made = self.0.store.session_create(session, Some(stored));
        let answer = grant.clone();
        let made = doing
            .of_session(token.session)
            .record(made, move |made: &bool| made.then_some(answer));
        if !made.await? {
            return Err(Error::WrongCredentials);
        }
        tracing::info!("session opened");
        Ok(grant)
    }

    /// Takes a refresh token for new tokens of the same session. The old one is worth nothing then, but for
    /// [`Session::GRACE`], in which it gives the same answer once more. The access token is for these scopes, or for
    /// all that the session has.
    ///
    /// # Errors
    ///
    /// [`Error::BadGrant`], [`Error::ScopeTooWide`], [`Error::Throttled`], and those of the store.
    #[instrument(skip_all, fields(user.id))]
    pub async fn session_refresh(
        &self,
        token: &str,
        scopes: Option<Scopes>,
        origin: Origin,
        once: Once<Grant>,
    ) -> Result<Done<Grant>, Error> {
        let network = Network::of(origin.address);
        if let Some(throttle) = &self.0.throttle {
            throttle
                .refresh(network)
                .map_err(|why| self.throttled(network, None, why))?;
        }
        let old = RefreshToken::read(token).ok_or(Error::BadGrant)?;
        let scopes = scopes.unwrap_or(old.scopes);
        if !old.scopes.contain_all(scopes) {
            return Err(Error::ScopeTooWide);
        }
        let has_key = once.asked().is_some();
        let once = if has_key && self.is_latest(&old).await? {
            once
        } else {
            once.without_key()
        };
        self.once_of(old.user, once, |doing| {
            self.session_go_on(old, scopes, origin, doing)
        })
        .await
    }

    /// Whether a session is as its log-in has left it: the refresh token of then is the one to come next.
    async fn is_unused(&self, user: UserId, session: SessionId) -> Result<bool, Error> {
        let found = self.0.store.session_get(user, session).await?;
        Ok(found.is_some_and(|(_, session)| {
            !session.is_expired(self.0.clock.now()) && session.refresh.previous.is_none()
        }))
    }

    /// Whether this is the refresh token to come next, or the one before and the one after it was not used yet. Only
    /// then may its answer be given again: what came after it tells a thief from a client that lost an answer.
    async fn is_latest(&self, token: &RefreshToken) -> Result<bool, Error> {
        let found = self.0.store.session_get(token.user, token.session).await?;
        let Some((_, session)) = found else { return Ok(false) };
        let RefreshState { family, current, previous } = session.refresh;
        let presented = token.secret_digest();
        let is_one = current == presented || previous.is_some_and(|it| it.0 == presented);
        let is_live = !session.is_expired(self.0.clock.now());
        Ok(is_live && is_one && family == token.family_digest())
    }

    async fn session_go_on(
        &self,
        old: RefreshToken,
        scopes: Scopes,
        origin: Origin,
        doing: Doing<Grant>,
    ) -> Result<Grant, Error> {
        let (now, network) = (self.0.clock.now(), Network::of(origin.address));
        // The same for the same token: programs that refresh at once, and one that lost the answer, get it.
        let secret = self
            .0
            .tokens
            .derive("refresh token", &[&old.session.to_bytes(), &old.secret]);
        let refreshing = Refreshing {
            family: old.family_digest(),
            presented: old.secret_digest(),
            next: digest(&secret),
            lifetime: self.session_lifetime(),
            at: now,
            client: origin.client,
            address: Some(origin.address),
        };
        let (user, session) = (old.user, old.session);
        let grant = self.grant(&RefreshToken { secret, ..old }, scopes, now)?;
        let answer = grant.clone();
        let refreshed = self.0.store.session_refresh(user, session, refreshing);
        let refreshed =
            doing.of_session(session).record(refreshed, |outcome: &Renewed| {
                matches!(outcome, Refreshed::Renewed(_)).then_some(answer)
            });
        match refreshed.await? {
            Refreshed::Renewed(_) => {}
            Refreshed::Reused => {
                self.0.events.refresh_reused(network, user);
                return Err(Error::BadGrant);
            }
            Refreshed::Unknown => return Err(Error::BadGrant),
        }
        tracing::Span::current().record("user.id", tracing::field::display(user));
        Ok(grant)
    }

    /// Ends what the caller was let in by: the session, or the personal token.
    ///
    /// # Errors
    ///
    /// Those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn session_leave(
        &self,
        caller: &Caller<Leave>,
        doing: Doing<()>,
    ) -> Result<(), Error> {
        self.access_leave(caller.user.id, caller.access, doing).await
    }

    /// Ends the session that an access token or a refresh token stands for, or deletes a personal token. Whoever has
    /// the token may do this. A token that is none, or ended before, changes nothing and is no error
    /// ([RFC 7009, section 2.2](https://www.rfc-editor.org/rfc/rfc7009#section-2.2)).
    ///
    /// # Errors
    ///
    /// [`Error::Throttled`], and those of the store.
    #[instrument(skip_all, fields(user.id))]
    pub async fn session_revoke(
        &self,
        token: &str,
        origin: Origin,
        once: Once<()>,
    ) -> Result<Done<()>, Error> {
        let network = Network::of(origin.address);
        if let Some(throttle) = &self.0.throttle {
            throttle
                .refresh(network)
                .map_err(|why| self.throttled(network, None, why))?;
        }
        let Some((user, access)) = self.access_of(token).await? else {
            return Ok(Done::Now(()));
        };
        tracing::Span::current().record("user.id", tracing::field::display(user));
        self.once_of(user, once, |doing| self.access_leave(user, access, doing)).await
    }

    /// The live credential behind a token of any kind.
    async fn access_of(&self, token: &str) -> Result<Option<(UserId, Access)>, Error> {
        let now = self.0.clock.now();
        if let Some(refresh) = RefreshToken::read(token) {
            let found = self.0.store.session_get(refresh.user, refresh.session).await?;
            // One that was used before is a token of the session still.
            let family = refresh.family_digest();
            let found = found.filter(|(_, session)| session.refresh.family == family);
            return Ok(
                found.map(|(user, session)| (user.id, Access::Session(session.id)))
            );
        }
        match self.holder(token, now).await {
            Ok((user, access, ..)) => Ok(Some((user.id, access))),
            Err(Error::BadToken) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn access_leave(
        &self,
        user: UserId,
        access: Access,
        doing: Doing<()>,
    ) -> Result<(), Error> {
        // It may have ended meanwhile, which is what was wanted.
        let ended = match access {
            Access::Session(id) => self.0.store.session_delete(user, id),
            Access::Token(id) => self.0.store.token_delete(user, id),
        };
        doing.record(ended, |ended: &bool| ended.then_some(())).await?;
        Ok(())
    }

    /// Ends every session and every personal token of the caller.
    ///
    /// # Errors
    ///
    /// Those of the store.
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

    /// Lists the caller's live sessions, the latest used first.
    ///
    /// # Errors
    ///
    /// Those of the store.
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
    /// [`Error::NotFound`], and those of the store.
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

    /// Finds out who sent this token, and whether they may do this. Asks the store every time, so that the
    /// end of a session, a token or an account ends access with the next request.
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`], [`Error::Denied`], [`Error::Throttled`] where requests are limited, and those of the
    /// store.
    pub async fn authenticate<P: Permission>(
        &self,
        token: &str,
        address: IpAddr,
    ) -> Result<Caller<P>, Error> {
        let now = self.0.clock.now();
        let (user, access, scopes, used) = self.holder(token, now).await?;
        if user.disabled && !plant::is(Bug::DisabledLetIn) {
            return Err(Error::BadToken);
        }
        if let Some(requests) = &self.0.requests {
            requests.check(user.id).map_err(|why| {
                self.throttled(Network::of(address), Some(user.id), why)
            })?;
        }
        self.note_use(user.id, access, used, now, address);
        Ok(Caller::admit(user, access, Network::of(address), scopes)?)
    }

    /// Sees that somebody who was let in a while ago would be let in again.
    pub(super) async fn see_again<P: Permission>(
        &self,
        caller: &Caller<P>,
    ) -> Result<(), Error> {
        let (id, now) = (caller.user.id, self.0.clock.now());
        let owner = match caller.access {
            Access::Session(session) => self.live_session(id, session, now).await?.0,
            Access::Token(token) => self.live_token(id, token, now).await?.0,
        };
        if owner.disabled {
            return Err(Error::BadToken);
        }
        Caller::<P>::admit(owner, caller.access, caller.network, caller.scopes)?;
        Ok(())
    }

    async fn holder(
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
        // The first use tells that the session is one that is used, however soon after the log-in it comes. In the same
        // millisecond it could not be told from the log-in.
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

    /// Writes down beside the request that a credential was used. Nobody waits for it, and a full disk or
    /// a full queue only leaves the note of before.
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
                tracing::debug!(%error, "the use of a credential was not noted");
            }
        });
    }

    fn grant(
        &self,
        token: &RefreshToken,
        scopes: Scopes,
        now: Timestamp,
    ) -> Result<Grant, Error> {
        let tokens = &self.0.tokens;
        let access_token = tokens
            .issue(token.user, token.session, scopes, self.random()?, now)
            .map_err(std::io::Error::other)?;
        let expires_in = tokens.lifetime();
        Ok(Grant { access_token, expires_in, refresh_token: token.write(), scopes })
    }

    /// Never shorter than an access token is good for.
    fn session_lifetime(&self) -> Duration {
        Session::IDLE.max(self.0.tokens.lifetime())
    }
}
