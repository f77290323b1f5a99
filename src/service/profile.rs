//! Changes by the owner of an account: profile, email, password, and deletion.

use tracing::instrument;
use zeroize::Zeroizing;

use super::{Error, FieldError, FixedAccount, Recorder, Service};
use crate::auth::Caller;
use crate::auth::password::PasswordCheck;
use crate::auth::permission::{Account, ChangePassword, Permission};
use crate::domain::access::Access;
use crate::domain::email::Email;
use crate::domain::label::Label;
use crate::domain::password::Password;
use crate::domain::time_zone::TimeZone;
use crate::domain::user::{
    Credential, Ended, Ending, Refused, User, UserChange, UserPatch,
};
use crate::store::WriteContext;

/// Changes to the caller's own account. `None` leaves a member unchanged.
#[derive(Default)]
pub struct ProfileChange {
    /// Email, checked by [`Email::new`]. Requires the password.
    pub email: Option<String>,
    /// Name, checked by [`Label::typed`]; `Some(None)` clears it.
    pub display_name: Option<Option<String>>,
    /// Time zone, checked by [`TimeZone::new`]; `Some(None)` clears it.
    pub time_zone: Option<Option<String>>,
    /// Current password, which proves that the owner changes the email.
    pub password: Option<Zeroizing<String>>,
    /// Members that cannot be changed.
    pub fixed: FixedAccount,
}

impl std::fmt::Debug for ProfileChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProfileChange(..)")
    }
}

impl Service {
    /// Changes the name, time zone and email of the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming every rejected field, including a wrong password; [`Error::EmailTaken`],
    /// [`Error::Throttled`], and store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn user_update(
        &self,
        caller: &Caller<Account>,
        change: ProfileChange,
        recorder: Recorder<User>,
    ) -> Result<User, Error> {
        let mut refused = change.fixed.check(&caller.user);
        let mut note = |field: &str, error: String| {
            refused.push(FieldError::new(field, error));
        };
        // A client that sends a whole account back includes its email.
        let new = change.email.filter(|email| email != caller.user.email.as_str());
        let email = new.as_deref().map(Email::new).transpose();
        let email = email.map_err(|error| note("email", error.to_string()));
        let name =
            change.display_name.map(|text| text.as_deref().map(Label::typed).transpose());
        let name =
            name.transpose().map_err(|error| note("display_name", error.to_string()));
        let zone =
            change.time_zone.map(|text| text.as_deref().map(TimeZone::new).transpose());
        let zone = zone.transpose().map_err(|error| note("time_zone", error.to_string()));
        if new.is_some() && change.password.is_none() {
            note("password", "is required to change the email".to_owned());
        }
        let (Ok(email), Ok(display_name), Ok(time_zone), []) =
            (email, name, zone, refused.as_slice())
        else {
            return Err(Error::Invalid(refused));
        };
        let expected = match change.password {
            Some(password) => {
                let password = Password::claimed(password);
                Some(self.confirm(caller, "password", password).await?.password)
            }
            None => None,
        };
        let patch = UserPatch { email, display_name, time_zone, ..UserPatch::default() };
        let change = UserChange { patch, expected, ..UserChange::default() };
        let changed =
            |changed: &Changed| changed.as_ref().ok().map(|(user, _)| user.clone());
        let context = recorder.context(self.authority(caller), changed);
        let changed = self.0.store.user_patch(caller.user.id, change, context).await?;
        let (user, _) = changed.map_err(|why| self::refused(why, "password"))?;
        Ok(user)
    }

    /// Sets a new password of the caller, and ends all other access. Returns the counts of ended access.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a wrong or unacceptable password; [`Error::Throttled`], and store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn user_change_password(
        &self,
        caller: &Caller<ChangePassword>,
        current: Zeroizing<String>,
        new: Zeroizing<String>,
        recorder: Recorder<Ended>,
    ) -> Result<Ended, Error> {
        let new = self.password_length("new_password", new);
        let new = new.map_err(|refused| Error::Invalid(vec![refused]))?;
        let current = Password::claimed(current);
        let same = new.as_bytes() == current.as_bytes();
        let old = self.confirm(caller, "current_password", current).await?;
        if same && caller.user.must_change_password {
            return Err(Error::field(
                "new_password",
                "must differ from the current password",
            ));
        }
        let email = caller.user.email.as_str();
        self.password_strength("new_password", &new, email, caller.whose()).await?;
        let patch = UserPatch {
            password: Some(self.0.hasher.hash(caller.whose(), new).await?),
            must_change_password: Some(false),
            ..UserPatch::default()
        };
        let ending = match caller.access {
            Access::Session(id) => Ending::AllBut(id),
            Access::Token(_) => Ending::Everything,
        };
        let change = UserChange {
            patch,
            ending,
            expected: Some(old.password),
            ..UserChange::default()
        };
        let ended = |changed: &Changed| changed.as_ref().ok().map(|it| it.1);
        let context = recorder.context(self.authority(caller), ended);
        let changed = self.0.store.user_patch(caller.user.id, change, context).await?;
        let (_, ended) = changed.map_err(|why| refused(why, "current_password"))?;
        tracing::info!("password changed");
        Ok(ended)
    }

    /// Deletes the caller's account and all its data.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a wrong password; [`Error::LastAdmin`], [`Error::Throttled`], and store errors.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn user_leave(
        &self,
        caller: &Caller<Account>,
        password: Zeroizing<String>,
    ) -> Result<(), Error> {
        let password = Password::claimed(password);
        let expected = self.confirm(caller, "password", password).await?.password;
        // Without a record: deleting the account deletes its records.
        let context =
            WriteContext { authority: self.authority(caller), idempotency: None };
        let deleted =
            self.0.store.user_delete(caller.user.id, Some(expected), None, context);
        deleted.await?.map_err(|why| refused(why, "password"))?;
        tracing::info!("user deleted");
        Ok(())
    }

    /// Verifies the caller's password.
    async fn confirm<P: Permission>(
        &self,
        caller: &Caller<P>,
        field: &str,
        password: Password,
    ) -> Result<Credential, Error> {
        let id = caller.user.id;
        if let Some(throttle) = &self.0.throttle {
            throttle
                .password(id, caller.access)
                .map_err(|why| self.throttled(caller.network, Some(id), why))?;
        }
        let found = self.0.store.user_get(id).await?.ok_or(Error::BadToken)?;
        let stored = found.password.clone();
        match self.0.hasher.verify(caller.whose(), password, stored).await? {
            PasswordCheck::Right { .. } => Ok(found),
            PasswordCheck::Wrong => {
                self.0.events.login_failed(caller.network, Some(id));
                Err(Error::field(field, WRONG_PASSWORD))
            }
        }
    }
}

pub(super) type Changed = Result<(User, Ended), Refused>;

const WRONG_PASSWORD: &str = "is not the password of this account";

/// Converts a refusal to an error for the owner of the account.
fn refused(why: Refused, field: &str) -> Error {
    match why {
        // The account existed when the request was authenticated.
        Refused::Missing => Error::BadToken,
        Refused::PasswordChanged => Error::field(field, WRONG_PASSWORD),
        other => other.into(),
    }
}
