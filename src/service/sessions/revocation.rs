//! Token revocation ([RFC 7009](https://www.rfc-editor.org/rfc/rfc7009)).

use tracing::instrument;

use super::Origin;
use super::refresh_token::RefreshToken;
use crate::domain::access::Access;
use crate::domain::id::UserId;
use crate::domain::network::Network;
use crate::service::{Error, Outcome, RequestKey, Service};

impl Service {
    /// Ends the session of an access token or refresh token, or deletes a personal token. Possession of the token is
    /// enough. An invalid or ended token changes nothing and is no error
    /// ([RFC 7009, section 2.2](https://www.rfc-editor.org/rfc/rfc7009#section-2.2)).
    ///
    /// # Errors
    ///
    /// [`Error::Throttled`], and store errors.
    #[instrument(skip_all, fields(user.id))]
    pub async fn session_revoke(
        &self,
        token: &str,
        origin: Origin,
        key: Option<RequestKey>,
    ) -> Result<Outcome<()>, Error> {
        let network = Network::of(origin.address);
        if let Some(throttle) = &self.0.throttle {
            throttle
                .refresh(network)
                .map_err(|why| self.throttled(network, None, why))?;
        }
        let Some((user, access)) = self.access_of(token).await? else {
            return Ok(Outcome::Fresh(()));
        };
        tracing::Span::current().record("user.id", tracing::field::display(user));
        self.once_of(user, key, |recorder| self.access_leave(user, access, recorder))
            .await
    }

    /// Returns the live credential behind a token of any kind.
    async fn access_of(&self, token: &str) -> Result<Option<(UserId, Access)>, Error> {
        let now = self.0.clock.now();
        if let Some(refresh) = RefreshToken::read(token) {
            let found = self.0.store.session_get(refresh.user, refresh.session).await?;
            // A used refresh token still identifies its session.
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
}
