//! Refreshing sessions.

use super::refresh_token::RefreshToken;
use super::{Grant, Origin};
use crate::auth::opaque::digest;
use crate::domain::authority::Authority;
use crate::domain::id::{SessionId, UserId};
use crate::domain::network::Network;
use crate::domain::scope::Scopes;
use crate::domain::session::{RefreshState, Refreshed, Refreshing, Renewed};
use crate::service::{Error, Outcome, Recorder, RequestKey, Service};
use tracing::instrument;

impl Service {
    /// Exchanges a refresh token for new tokens of the same session. The old token is invalid from then on, except that
    /// it yields the same answer once more within [`Session::GRACE`](crate::domain::session::Session::GRACE). The
    /// access token has these scopes, or all scopes of the session.
    ///
    /// # Errors
    ///
    /// [`Error::BadGrant`], [`Error::ScopeTooWide`], [`Error::Throttled`], and store errors.
    #[instrument(skip_all, fields(user.id))]
    pub async fn session_refresh(
        &self,
        token: &str,
        scopes: Option<Scopes>,
        origin: Origin,
        key: Option<RequestKey>,
    ) -> Result<Outcome<Grant>, Error> {
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
        let key = match key {
            Some(key) if self.is_latest(&old).await? => Some(key),
            _ => None,
        };
        self.once_of(old.user, key, |recorder| {
            self.session_go_on(old, scopes, origin, recorder)
        })
        .await
    }

    /// Whether a session is as its log-in left it: its first refresh token is the next one to be used.
    pub(super) async fn is_unused(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<bool, Error> {
        let found = self.0.store.session_get(user, session).await?;
        Ok(found.is_some_and(|(_, session)| {
            !session.is_expired(self.0.clock.now()) && session.refresh.previous.is_none()
        }))
    }

    /// Whether this is the next refresh token to be used, or the previous one while its successor is unused. Only then
    /// may its answer be replayed: the use of the successor tells a thief from a client that lost an answer.
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
        recorder: Recorder<Grant>,
    ) -> Result<Grant, Error> {
        let (now, network) = (self.0.clock.now(), Network::of(origin.address));
        // Derived, so that the same token yields the same answer: concurrent refreshes, and clients that lost the
        // answer, get it.
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
        let outcome = grant.clone();
        let renewed = move |refreshed: &Renewed| {
            matches!(refreshed, Refreshed::Renewed(_)).then(|| outcome.clone())
        };
        let context = recorder.of_session(session).context(Authority::System, renewed);
        match self.0.store.session_refresh(user, session, refreshing, context).await? {
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
}
