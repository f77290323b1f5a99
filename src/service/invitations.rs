//! Invitations to register.

use std::time::Duration;

use tracing::instrument;

use super::{Doing, Error, FieldError, Service};
use crate::auth::opaque::{INVITATION, digest};
use crate::auth::permission::Admin;
use crate::auth::{Caller, Secret};
use crate::domain::email::Email;
use crate::domain::id::InvitationId;
use crate::domain::invitation::Invitation;
use crate::domain::timestamp::Timestamp;

/// How long an invitation is good for when nobody says.
const USUAL: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long an invitation can be good for.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);

const NO_INVITATION: Error = Error::NotFound { what: "invitation" };

impl Service {
    /// Invites somebody. The invitation itself is given here and never again.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that was refused, [`Error::TooMany`], and those of the store.
    #[instrument(skip_all, fields(admin.id = %caller.user.id))]
    pub async fn invitation_create(
        &self,
        caller: &Caller<Admin>,
        email: Option<String>,
        expires_at: Option<Timestamp>,
        doing: Doing<(Invitation, Secret)>,
    ) -> Result<(Invitation, Secret), Error> {
        let now = self.0.clock.now();
        let mut refused = Vec::new();
        let email = email.as_deref().map(Email::new).transpose();
        let email = email.map_err(|error| refused.push(FieldError::new("email", error)));
        let expires_at = expires_at.unwrap_or_else(|| now.plus(USUAL));
        if expires_at <= now {
            refused.push(FieldError::new("expires_at", "must be later than now"));
        }
        if expires_at > now.plus(LONGEST) {
            refused.push(FieldError::new("expires_at", "must be within 90 days"));
        }
        let (Ok(email), []) = (email, refused.as_slice()) else {
            return Err(Error::Invalid(refused));
        };
        let id = InvitationId::from_bytes(self.random()?);
        let secret: [u8; 32] = self.random()?;
        let invitation = Invitation {
            id,
            email,
            created_by: caller.user.id,
            created_at: now,
            expires_at,
            digest: digest(&secret),
        };
        let by = self.act(caller)?;
        let made = self.0.store.invitation_create(invitation.clone(), by);
        let answer = (invitation, INVITATION.write(&[&id.to_bytes(), &secret]));
        let kept = answer.clone();
        let made = doing.record(made, |made: &bool| made.then_some(kept));
        if !self.write(caller, made).await? {
            let most = Invitation::MAX;
            return Err(Error::TooMany { what: "invitations", most });
        }
        Ok(answer)
    }

    /// Lists invitations that are still good, newest first.
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn invitation_list(
        &self,
        _caller: &Caller<Admin>,
    ) -> Result<Vec<Invitation>, Error> {
        let now = self.0.clock.now();
        let mut all = self.0.store.invitation_list().await?;
        all.retain(|invitation| invitation.expires_at > now);
        Ok(all)
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and those of the store.
    #[instrument(skip_all, fields(admin.id = %caller.user.id))]
    pub async fn invitation_delete(
        &self,
        caller: &Caller<Admin>,
        id: Option<InvitationId>,
        doing: Doing<()>,
    ) -> Result<(), Error> {
        let id = id.ok_or(NO_INVITATION)?;
        let deleted = self.0.store.invitation_delete(id, self.act(caller)?);
        let deleted = doing.record(deleted, |deleted: &bool| deleted.then_some(()));
        if self.write(caller, deleted).await? { Ok(()) } else { Err(NO_INVITATION) }
    }
}
