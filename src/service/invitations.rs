//! Invitations to register.

use std::time::Duration;

use tracing::instrument;

use super::{Error, FieldError, Recorder, Service};
use crate::auth::opaque::{INVITATION, digest};
use crate::auth::permission::Admin;
use crate::auth::{Caller, Secret};
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, UserId};
use crate::domain::invitation::Invitation;
use crate::domain::timestamp::Timestamp;
use crate::store::WriteContext;

/// Default lifetime of an invitation.
const USUAL: Duration = Duration::from_secs(7 * DAY);

/// Maximum lifetime of an invitation.
const LONGEST: Duration = Duration::from_secs(90 * DAY);

/// One day, in seconds.
const DAY: u64 = 24 * 3600;

const FULL: Error = Error::TooMany { what: "invitations", most: Invitation::MAX };

const NO_INVITATION: Error = Error::NotFound { what: "invitation" };

impl Service {
    /// Creates an invitation. Returns the secret, which is never shown again.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, [`Error::TooMany`], and store errors.
    #[instrument(skip_all, fields(admin.id = %caller.user.id))]
    pub async fn invitation_create(
        &self,
        caller: &Caller<Admin>,
        email: Option<String>,
        expires_at: Option<Timestamp>,
        recorder: Recorder<(Invitation, Secret)>,
    ) -> Result<(Invitation, Secret), Error> {
        let created_by = Some(caller.user.id);
        let (invitation, secret) = self.invitation(created_by, email, expires_at)?;
        let by = self.act(caller)?;
        let created = (invitation.clone(), secret);
        let outcome = created.clone();
        let context = recorder.context(self.authority(caller), move |made: &bool| {
            made.then(|| outcome.clone())
        });
        if self.0.store.invitation_create(invitation, by, context).await? {
            Ok(created)
        } else {
            Err(FULL)
        }
    }

    /// Creates an invitation that is valid for `days`, or seven by default, for the operator.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, [`Error::TooMany`], and store errors.
    #[instrument(skip_all)]
    pub async fn user_invite(
        &self,
        email: Option<String>,
        days: Option<u64>,
    ) -> Result<(Invitation, Secret), Error> {
        let now = self.0.clock.now();
        let time = days.map(|days| Duration::from_secs(days.saturating_mul(DAY)));
        // A lifetime beyond the range of timestamps is refused as one that is too long.
        let expires_at = time.map(|time| now.plus(time.min(LONGEST * 2)));
        let (invitation, secret) = self.invitation(None, email, expires_at)?;
        let by = self.operator();
        let context = WriteContext::system();
        if self.0.store.invitation_create(invitation.clone(), by, context).await? {
            Ok((invitation, secret))
        } else {
            Err(FULL)
        }
    }

    fn invitation(
        &self,
        created_by: Option<UserId>,
        email: Option<String>,
        expires_at: Option<Timestamp>,
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
            created_by,
            created_at: now,
            expires_at,
            digest: digest(&secret),
        };
        Ok((invitation, INVITATION.write(&[&id.to_bytes(), &secret])))
    }

    /// Lists invitations that are still valid, newest first.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn invitation_list(
        &self,
        _caller: &Caller<Admin>,
    ) -> Result<Vec<Invitation>, Error> {
        let now = self.0.clock.now();
        let mut all = self.0.store.invitation_list().await?;
        all.retain(|invitation| invitation.expires_at > now);
        Ok(all)
    }

    /// Revokes an invitation.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and store errors.
    #[instrument(skip_all, fields(admin.id = %caller.user.id))]
    pub async fn invitation_delete(
        &self,
        caller: &Caller<Admin>,
        id: Option<InvitationId>,
        recorder: Recorder<()>,
    ) -> Result<(), Error> {
        let id = id.ok_or(NO_INVITATION)?;
        let by = self.act(caller)?;
        let context = recorder
            .context(self.authority(caller), |deleted: &bool| deleted.then_some(()));
        if self.0.store.invitation_delete(id, by, context).await? {
            Ok(())
        } else {
            Err(NO_INVITATION)
        }
    }
}
