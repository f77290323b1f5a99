//! Logging in, and knowing who asks.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tracing::instrument;

use super::{Error, Service};
use crate::auth::password::Verdict;
use crate::auth::{Caller, Secret};
use crate::domain::email::Email;
use crate::domain::hex::hex;
use crate::domain::id::SessionId;
use crate::domain::network::Network;
use crate::domain::password::Password;
use crate::domain::session::{RefreshDigest, Session};
use crate::store::StoreError;

/// How long a session lasts without being used.
const IDLE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a log-in gives.
#[derive(Debug)]
pub struct Grant {
    /// To be sent with every request.
    pub access_token: Secret,
    /// How long the access token is good for.
    pub expires_in: Duration,
    /// Stands for the session when the access token has expired.
    pub refresh_token: Secret,
}

impl Service {
    /// Logs somebody in. The session is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::WrongCredentials`] for an unknown email and for a wrong password, after the same work;
    /// [`Error::Throttled`]; [`Error::Busy`] when too many passwords wait; and those of the store.
    #[instrument(skip_all, fields(user.id))]
    pub async fn session_open(
        &self,
        email: &str,
        password: String,
        network: Network,
    ) -> Result<Grant, Error> {
        // What cannot be an email is nobody's email.
        let email = Email::new(email).ok().map(|email| email.canonical());
        let account = email.as_ref().map_or("", |email| email.as_str()).to_owned();
        if let Some(throttle) = &self.0.throttle {
            throttle.login(network, &account)?;
        }
        let credential = match email {
            Some(email) => self.0.store.user_by_email(email).await?,
            None => None,
        };
        let (user, stored) = credential.map(|found| (found.user, found.password)).unzip();
        let password = Password::claimed(password);
        let verdict = self.0.hasher.verify(password, stored.clone()).await?;
        let (Verdict::Right { better }, Some(user), Some(stored)) =
            (verdict, user, stored)
        else {
            return Err(Error::WrongCredentials);
        };
        tracing::Span::current().record("user.id", tracing::field::display(user.id));
        if let Some(throttle) = &self.0.throttle {
            throttle.succeeded(network, &account);
        }
        if let Some(better) = better {
            match self.0.store.user_rehash(user.id, stored, better).await {
                // It is only an improvement: the next log-in tries again.
                Ok(_) | Err(StoreError::DiskFull | StoreError::Busy) => {}
                Err(error) => return Err(error.into()),
            }
        }

        let now = self.0.clock.now();
        let refresh_token = hex(&self.random::<32>()?);
        let session = Session {
            id: SessionId::from_bytes(self.random()?),
            user: user.id,
            created_at: now,
            expires_at: now.plus(IDLE.max(self.0.tokens.lifetime())),
            refresh: RefreshDigest(Sha256::digest(&refresh_token).into()),
        };
        let token_id = self.random()?;
        let access_token = self
            .0
            .tokens
            .issue(user.id, session.id, token_id, now)
            .map_err(std::io::Error::other)?;
        // The account may have been deleted since it was read.
        if !self.0.store.session_create(session).await? {
            return Err(Error::WrongCredentials);
        }
        tracing::info!("session opened");
        Ok(Grant {
            access_token,
            expires_in: self.0.tokens.lifetime(),
            refresh_token: Secret::new(refresh_token),
        })
    }

    /// Finds out who sent this token. Asks the store every time, so that the end of a session or an
    /// account ends access with the next request.
    ///
    /// # Errors
    ///
    /// [`Error::BadToken`], [`Error::Throttled`], and those of the store.
    pub async fn authenticate(&self, token: &str) -> Result<Caller, Error> {
        let now = self.0.clock.now();
        let claims = self.0.tokens.verify(token, now).map_err(|_| Error::BadToken)?;
        let found = self.0.store.session_get(claims.user, claims.session).await?;
        match found {
            Some((user, session)) if session.expires_at > now => {
                self.admit(&session.id.to_bytes())?;
                Ok(Caller { user, session: session.id })
            }
            _ => Err(Error::BadToken),
        }
    }
}
