//! Permissions: requirements of an operation, and the rule that checks them.

use super::access::Access;
use super::scope::{Scope, Scopes};
use super::user::{Role, User};

/// Requirements of a permission.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Name of the permission in the OpenAPI document.
    pub name: &'static str,
    /// Scope that the credential must have.
    pub scope: Option<Scope>,
    /// Whether the caller must be an administrator.
    pub admin: bool,
    /// Whether a log-in with every scope is required.
    pub log_in: bool,
    /// Whether it is granted before a required change of the password.
    pub before_password_change: bool,
}

/// Reason that a caller with a valid credential is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The account is disabled.
    #[error("this account is disabled")]
    Disabled,
    /// The token lacks this scope.
    #[error("this token lacks the scope {}", .0.as_str())]
    Scope(Scope),
    /// The role `admin` is required.
    #[error("this operation requires the role admin")]
    Role,
    /// A log-in with every scope is required.
    #[error("this operation requires a log-in with every scope")]
    LogIn,
    /// The password must be changed first.
    #[error("the password must be changed first, at auth/password")]
    PasswordChange,
}

impl Need {
    /// Whether a valid credential may be insufficient.
    pub fn is_more_than_a_credential(&self) -> bool {
        let Self { scope, admin, log_in, before_password_change, .. } = self;
        scope.is_some() || *admin || *log_in || !before_password_change
    }

    /// Checks that the owner of a live credential with these scopes has the permission.
    ///
    /// # Errors
    ///
    /// Every variant of [`Denied`].
    pub fn check(
        &self,
        owner: &User,
        access: Access,
        scopes: Scopes,
    ) -> Result<(), Denied> {
        if owner.disabled {
            return Err(Denied::Disabled);
        }
        if let Some(scope) = self.scope.filter(|scope| !scopes.contain(*scope)) {
            return Err(Denied::Scope(scope));
        }
        if self.admin && owner.role != Role::Admin {
            return Err(Denied::Role);
        }
        let is_whole = matches!(access, Access::Session(_)) && scopes == Scopes::ALL;
        if self.log_in && !is_whole {
            return Err(Denied::LogIn);
        }
        if owner.must_change_password && !self.before_password_change {
            return Err(Denied::PasswordChange);
        }
        Ok(())
    }
}
