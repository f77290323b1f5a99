//! Members of an account that a client may send back but cannot change.

use super::FieldError;
use crate::domain::id::UserId;
use crate::domain::label::Label;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Role, User};

/// Read-only members as the client sent them. A client that sends a whole account back includes them.
#[derive(Clone, Debug, Default)]
pub struct FixedAccount {
    /// Id.
    pub id: Option<UserId>,
    /// Creation time.
    pub created_at: Option<Timestamp>,
    /// Role, in requests of the owner.
    pub role: Option<Role>,
    /// Whether the password must be changed, in requests of the owner.
    pub must_change_password: Option<bool>,
    /// Email, in requests of an administrator.
    pub email: Option<String>,
    /// Name, in requests of an administrator; `Some(None)` for none.
    pub display_name: Option<Option<String>>,
}

impl FixedAccount {
    /// Returns an error for every member that differs from the account.
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
