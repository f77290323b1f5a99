//! Sessions: log-in, log-out and authentication.

mod caller;
mod ending;
mod refresh;
mod refresh_token;
mod revocation;

use self::refresh_token::RefreshToken;
use super::{Error, Outcome, Recorder, RequestKey, Service};
use crate::auth::Secret;
use crate::auth::password::{HashError, PasswordCheck, Whose};
use crate::domain::authority::Authority;
use crate::domain::email::{CanonicalEmail, Email};
use crate::domain::id::{SessionId, UserId};
use crate::domain::label::Label;
use crate::domain::network::Network;
use crate::domain::password::{Password, PasswordHash};
use crate::domain::scope::Scopes;
use crate::domain::session::{RefreshState, Session};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Credential, User};
use crate::store::StoreError;
use std::net::IpAddr;
use std::time::Duration;
use tracing::instrument;
use zeroize::Zeroizing;

const NO_SESSION: Error = Error::NotFound { what: "session" };

/// Origin of a request.
#[derive(Clone, Debug)]
pub struct Origin {
    /// IP address of the client.
    pub address: IpAddr,
    /// Name that the client gives itself.
    pub client: Option<Label>,
}

/// Tokens of a log-in.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Token to send with every request.
    pub access_token: Secret,
    /// Lifetime of the access token.
    pub expires_in: Duration,
    /// Token that renews the session after the access token has expired. Valid once.
    pub refresh_token: Secret,
    /// Scopes of the access token.
    pub scopes: Scopes,
}

impl Service {
    /// Logs in an account, with these scopes only. The session is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::WrongCredentials`] for an unknown email, a disabled account or a wrong password, after the same work;
    /// [`Error::Throttled`]; [`Error::Busy`] if too many passwords wait; and store errors.
    #[instrument(skip_all, fields(user.id))]
    pub async fn session_open(
        &self,
        email: &str,
        password: Zeroizing<String>,
        scopes: Scopes,
        origin: Origin,
        key: Option<RequestKey>,
    ) -> Result<Outcome<Grant>, Error> {
        // A text that is not a valid email matches no account.
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

        // A client that retries has proven as much as the first time. A refresh token that was used since would end the
        // session, so the outcome is not replayed then. A token used between this check and the replay is used while
        // the response is on its way, which clients that share a session cannot rule out.
        let key = match self.replayed_session(user.id, key.as_ref()).await? {
            Some(session) if !self.is_unused(user.id, session).await? => None,
            _ => key,
        };
        let begin =
            |recorder| self.session_begin(user.id, stored, scopes, origin, recorder);
        self.once_of(user.id, key, begin).await
    }

    /// Verifies the password of a log-in. Distributed guessing is slowed down, but not the owner on a known network.
    /// Without the right password, neither the answer nor its time reveals whether the account knows the network: a
    /// wrong password counts, and waits, as one from an unknown network.
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
            (PasswordCheck::Right { outdated }, Some(user), Some(stored))
                if !user.disabled =>
            {
                Some((user, stored, outdated))
            }
            _ => None,
        };
        // After the hash for every client: otherwise `Retry-After` would reveal which were counted before it.
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

    /// Replaces a hash by one of the current cost. Best effort: if it fails, the next log-in tries again.
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
        recorder: Recorder<Grant>,
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
        let outcome = grant.clone();
        let created = move |created: &bool| created.then(|| outcome.clone());
        let context =
            recorder.of_session(token.session).context(Authority::System, created);
        if !self.0.store.session_create(session, Some(stored), context).await? {
            return Err(Error::WrongCredentials);
        }
        tracing::info!("session opened");
        Ok(grant)
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

    /// Returns the lifetime of a session, at least that of an access token.
    fn session_lifetime(&self) -> Duration {
        Session::IDLE.max(self.0.tokens.lifetime())
    }
}
