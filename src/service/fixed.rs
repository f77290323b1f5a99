//! Members of an account that a client sends back and cannot change.

use super::FieldError;
use crate::domain::id::UserId;
use crate::domain::label::Label;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Role, User};

/// Members as a client has them. A client that sends a whole account back sends them too.
#[derive(Clone, Debug, Default)]
pub struct FixedAccount {
    /// The id.
    pub id: Option<UserId>,
    /// When the account was made.
    pub created_at: Option<Timestamp>,
    /// The role, where the owner asks.
    pub role: Option<Role>,
    /// Whether another password must be set, where the owner asks.
    pub must_change_password: Option<bool>,
    /// The email, where an administrator asks.
    pub email: Option<String>,
    /// The name, where an administrator asks; `Some(None)` for none.
    pub display_name: Option<Option<String>>,
}

impl FixedAccount {
    /// Names every member that is not that of the account.
    pub(super) fn check(&self, user: &User) -> Vec<FieldError> {
        let name = user.display_name.as_ref().map(Label::as_str);
        let email = self.email.as_deref();
        let sent_name = self.display_name.as_ref().map(Option::as_deref);
        let must_change = self.must_change_password;
        [
            ("id", self.id.is_none_or(|it| it == user.id)),
            ("created_at", self.created_at.is_none_or(|it| it == user.created_at)),
            ("role", self.role.is_none_or(|it| it == user.role)),
            (
                "must_change_password",
                must_change.is_none_or(|it| it == user.must_change_password),
            ),
            ("email", email.is_none_or(|it| it == user.email.as_str())),
            ("display_name", sent_name.is_none_or(|it| it == name)),
        ]
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(name, _)| FieldError::new(name, "cannot be changed"))
        .collect()
    }
}
