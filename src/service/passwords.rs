//! Checks of new passwords.

use zeroize::Zeroizing;

use super::{Error, FieldError, Service};
use crate::auth::password::Whose;
use crate::domain::password::Password;

impl Service {
    /// Checks a new password against the rules, for the account with this email.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the field, and [`Error::Busy`] if too many passwords wait.
    pub(super) async fn new_password(
        &self,
        field: &str,
        text: Zeroizing<String>,
        email: &str,
        whose: Whose,
    ) -> Result<Password, Error> {
        let password = self.password_length(field, text);
        let password = password.map_err(|refused| Error::Invalid(vec![refused]))?;
        self.password_strength(field, &password, email, whose).await?;
        Ok(password)
    }

    /// Checks the length, which costs nothing.
    pub(super) fn password_length(
        &self,
        field: &str,
        text: Zeroizing<String>,
    ) -> Result<Password, FieldError> {
        let checked = self.0.rules.check_length(text);
        checked.map_err(|error| FieldError::new(field, error))
    }

    /// Checks the strength, which costs as much as a hash, so it comes after the throttle. Does nothing if the rules
    /// ask for no strength.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] naming the field, and [`Error::Busy`] if too many passwords wait.
    pub(super) async fn password_strength(
        &self,
        field: &str,
        password: &Password,
        email: &str,
        whose: Whose,
    ) -> Result<(), Error> {
        let rules = self.0.rules;
        if !rules.ask_for_strength() {
            return Ok(());
        }
        let (password, email) = (password.clone(), email.to_owned());
        let judge = move || rules.check_strength(&password, &email);
        let judged = self.0.hasher.run(whose, judge).await?;
        judged.map_err(|error| Error::field(field, error))
    }
}
