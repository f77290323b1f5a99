//! Making and keeping accounts.

use tracing::instrument;

use super::{Error, FieldError, Service};
use crate::domain::email::Email;
use crate::domain::network::Network;
use crate::domain::user::{NewUser, Role, User};

/// What somebody sends to register.
pub struct NewAccount {
    /// Checked by [`Email::new`].
    pub email: String,
    /// Checked by the rules for passwords.
    pub password: String,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewAccount(..)")
    }
}

impl Service {
    /// Makes an account for somebody from this network, `None` for the operator.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] with every field that was refused, [`Error::EmailTaken`], [`Error::Throttled`],
    /// [`Error::Busy`] when too many passwords wait, and those of the store.
    #[instrument(skip_all, fields(user.id))]
    pub async fn user_register(
        &self,
        new: NewAccount,
        network: Option<Network>,
    ) -> Result<User, Error> {
        let email =
            Email::new(&new.email).map_err(|error| FieldError::new("email", error));
        let password = self.password_length(new.password);
        let (email, password) = match (email, password) {
            (Ok(email), Ok(password)) => (email, password),
            (email, password) => {
                let refused = [email.err(), password.err()].into_iter().flatten();
                return Err(Error::Invalid(refused.collect()));
            }
        };
        let canonical = email.canonical();
        if let (Some(throttle), Some(network)) = (&self.0.throttle, network) {
            throttle.registration(network)?;
        }
        self.password_strength(&password, email.as_str()).await?;
        // Spares a hash. Whether the email is free is decided by the store, below.
        if self.0.store.user_by_email(canonical).await?.is_some() {
            return Err(Error::EmailTaken);
        }
        let new = NewUser {
            email,
            password: self.0.hasher.hash(password).await?,
            role: Role::User,
            created_at: self.0.clock.now(),
        };
        let user = self.0.store.user_create(new).await?.ok_or(Error::EmailTaken)?;
        tracing::Span::current().record("user.id", tracing::field::display(user.id));
        tracing::info!("user registered");
        Ok(user)
    }

    /// Sets the password of an account and ends its sessions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Invalid`], and those of the store.
    #[instrument(skip_all)]
    pub async fn user_set_password(
        &self,
        email: &str,
        password: String,
    ) -> Result<(), Error> {
        let user = self.user_by_email(email).await?;
        let password = self.new_password(password, user.email.as_str()).await?;
        let hash = self.0.hasher.hash(password).await?;
        if self.0.store.user_set_password(user.id, hash).await? {
            Ok(())
        } else {
            Err(Error::NotFound { what: "user" })
        }
    }

    /// Deletes an account with all that it has.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], and those of the store.
    #[instrument(skip_all)]
    pub async fn user_delete(&self, email: &str) -> Result<(), Error> {
        let user = self.user_by_email(email).await?;
        if self.0.store.user_delete(user.id).await? {
            Ok(())
        } else {
            Err(Error::NotFound { what: "user" })
        }
    }

    pub(super) async fn user_by_email(&self, email: &str) -> Result<User, Error> {
        let missing = Error::NotFound { what: "user" };
        let Ok(email) = Email::new(email) else { return Err(missing) };
        let found = self.0.store.user_by_email(email.canonical()).await?;
        found.map(|credential| credential.user).ok_or(missing)
    }
}
