//! Passwords that somebody wants to have from now on.

use super::{Error, FieldError, Service};
use crate::domain::password::Password;

impl Service {
    /// Checks a new password against the rules, for the account with this email.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming `password`, and [`Error::Busy`] when too many passwords wait.
    pub(super) async fn new_password(
        &self,
        text: String,
        email: &str,
    ) -> Result<Password, Error> {
        let password = self.password_length(text);
        let password = password.map_err(|refused| Error::Invalid(vec![refused]))?;
        self.password_strength(&password, email).await?;
        Ok(password)
    }

    /// The part of the check that costs nothing.
    pub(super) fn password_length(&self, text: String) -> Result<Password, FieldError> {
        let checked = self.0.rules.check_length(text);
        checked.map_err(|error| FieldError::new("password", error))
    }

    /// The part of the check that costs as much as a hash, and so comes after the throttle: nothing if
    /// the rules ask for no strength.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming `password`, and [`Error::Busy`] when too many passwords wait.
    pub(super) async fn password_strength(
        &self,
        password: &Password,
        email: &str,
    ) -> Result<(), Error> {
        let rules = self.0.rules;
        if !rules.ask_for_strength() {
            return Ok(());
        }
        let (password, email) = (password.clone(), email.to_owned());
        let judged =
            self.0.hasher.run(move || rules.check_strength(&password, &email)).await?;
        judged.map_err(|error| Error::Invalid(vec![FieldError::new("password", error)]))
    }
}
