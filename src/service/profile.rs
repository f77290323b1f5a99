//! Changing the own account: profile, email, password, and leaving.

use tracing::instrument;
use zeroize::Zeroizing;

use super::{Doing, Error, FieldError, FixedAccount, Service};
use crate::auth::Caller;
use crate::auth::password::Verdict;
use crate::auth::permission::{Account, Entry, Permission};
use crate::domain::access::Access;
use crate::domain::email::Email;
use crate::domain::label::Label;
use crate::domain::password::Password;
use crate::domain::time_zone::TimeZone;
use crate::domain::user::{
    Credential, Ended, Ending, Refused, User, UserChange, UserPatch,
};

/// What somebody sends to change the own account. What is `None` stays as it is.
#[derive(Default)]
pub struct ProfileChange {
    /// Checked by [`Email::new`]. Takes the password.
    pub email: Option<String>,
    /// Checked by [`Label::typed`]; `Some(None)` clears it.
    pub display_name: Option<Option<String>>,
    /// Checked by [`TimeZone::new`]; `Some(None)` clears it.
    pub time_zone: Option<Option<String>>,
    /// The password, to prove that it is the owner who asks for another email.
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
    /// Changes name, time zone and email of the caller.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that was refused, a wrong password among them;
    /// [`Error::EmailTaken`], [`Error::Throttled`], and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn user_update(
        &self,
        caller: &Caller<Account>,
        change: ProfileChange,
        doing: Doing<User>,
    ) -> Result<User, Error> {
        let mut refused = change.fixed.check(&caller.user);
        let mut note = |field: &str, error: String| {
            refused.push(FieldError::new(field, error));
        };
        // A whole account that comes back has its email in it.
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
        let changed = self.0.store.user_patch(caller.user.id, change);
        let changed = doing.record(changed, |changed: &Changed| {
            changed.as_ref().ok().map(|(user, _)| user.clone())
        });
        let changed = self.write(caller, changed).await?;
        let (user, _) = changed.map_err(|why| self::refused(why, "password"))?;
        Ok(user)
    }

    /// Sets another password of the caller, and ends all other access. Says how much that was.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a wrong or a bad password; [`Error::Throttled`], and those of the store.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn user_change_password(
        &self,
        caller: &Caller<Entry>,
        current: Zeroizing<String>,
        new: Zeroizing<String>,
        doing: Doing<Ended>,
    ) -> Result<Ended, Error> {
        let new = self.password_length("new_password", new);
        let new = new.map_err(|refused| Error::Invalid(vec![refused]))?;
        let current = Password::claimed(current);
        let same = new.as_bytes() == current.as_bytes();
        let old = self.confirm(caller, "current_password", current).await?;
        if same && caller.user.must_change_password {
            return Err(Error::field("new_password", "must be another one"));
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
        let changed = self.0.store.user_patch(caller.user.id, change);
        let changed = doing
            .record(changed, |changed: &Changed| changed.as_ref().ok().map(|it| it.1));
        let changed = self.write(caller, changed).await?;
        let (_, ended) = changed.map_err(|why| refused(why, "current_password"))?;
        tracing::info!("password changed");
        Ok(ended)
    }

    /// Deletes the caller's account with all that it has.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a wrong password; [`Error::LastAdmin`], [`Error::Throttled`], and those of the
    /// store.
    #[instrument(skip_all, fields(user.id = %caller.user.id))]
    pub async fn user_leave(
        &self,
        caller: &Caller<Account>,
        password: Zeroizing<String>,
    ) -> Result<(), Error> {
        let password = Password::claimed(password);
        let expected = self.confirm(caller, "password", password).await?.password;
        let deleted = self.0.store.user_delete(caller.user.id, Some(expected), None);
        self.write(caller, deleted).await?.map_err(|why| refused(why, "password"))?;
        tracing::info!("user deleted");
        Ok(())
    }

    /// Sees that the caller knows the password.
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
            Verdict::Right { .. } => Ok(found),
            Verdict::Wrong => {
                self.0.events.login_failed(caller.network, Some(id));
                Err(Error::field(field, WRONG_PASSWORD))
            }
        }
    }
}

pub(super) type Changed = Result<(User, Ended), Refused>;

const WRONG_PASSWORD: &str = "is not the password of this account";

/// What a refusal means to the owner of the account.
fn refused(why: Refused, field: &str) -> Error {
    match why {
        // It was there when the request came in.
        Refused::Missing => Error::BadToken,
        Refused::PasswordChanged => Error::field(field, WRONG_PASSWORD),
        other => other.into(),
    }
}
