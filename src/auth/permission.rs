//! Permissions, as types.
//!
//! A [`Caller`] carries its permission in its type, and the methods of the service require the one they need: a handler
//! that forgets to ask does not compile.

use super::Caller;
use crate::domain::access::Access;
use crate::domain::network::Network;
use crate::domain::scope::{Scope, Scopes};
use crate::domain::user::{Role, User};

/// Requirements of a permission.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Name of the permission in the OpenAPI document.
    pub name: &'static str,
    /// Scope that a personal token must have.
    pub scope: Option<Scope>,
    /// Whether the caller must be an administrator.
    pub admin: bool,
    /// Whether a log-in with every scope is required.
    pub log_in: bool,
    /// Whether it is granted before a required change of the password.
    pub before_password_change: bool,
}

impl Need {
    /// Whether a valid credential may be insufficient.
    pub fn is_more_than_a_credential(&self) -> bool {
        let Self { scope, admin, log_in, before_password_change, .. } = self;
        scope.is_some() || *admin || *log_in || !before_password_change
    }
}

/// A permission.
pub trait Permission: Send + Sync + 'static {
    /// Requirements.
    const NEED: Need;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident, $need:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Permission for $name {
                const NEED: Need = $need;
            }
        )+

        /// All permissions.
        pub const ALL: &[Need] = &[$($name::NEED),+];
    };
}

const fn scope(name: &'static str, scope: Scope) -> Need {
    Need {
        name,
        scope: Some(scope),
        admin: false,
        log_in: false,
        before_password_change: false,
    }
}

/// Requires a valid credential and nothing else.
const fn credential(name: &'static str) -> Need {
    Need { name, scope: None, admin: false, log_in: false, before_password_change: true }
}

permissions! {
    /// Reading tasks.
    TasksRead, scope("tasks:read", Scope::TasksRead);
    /// Creating, changing and deleting tasks.
    TasksWrite, scope("tasks:write", Scope::TasksWrite);
    /// Managing the account.
    Account, scope("account", Scope::Account);
    /// Creating personal tokens. Tokens cannot create tokens: a credential that expires or is revoked must not live on
    /// in another.
    Mint, Need { log_in: true, ..scope("mint", Scope::Account) };
    /// Access to the change of the password, and so granted before a required one.
    Entry, Need { before_password_change: true, ..scope("entry", Scope::Account) };
    /// Asking for the identity of the credential. Granted to every credential.
    Identity, credential("identity");
    /// Ending the credential. Granted to every credential.
    Leave, credential("leave");
    /// Managing accounts.
    Admin, Need {
        name: "admin",
        scope: None,
        admin: true,
        log_in: true,
        before_password_change: false,
    };
}

/// Reason that a caller with a valid credential is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
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

impl<P: Permission> Caller<P> {
    /// Creates a caller with this permission, if it is granted. The only way to create one.
    ///
    /// # Errors
    ///
    /// Every variant of [`Denied`].
    pub fn admit(
        user: User,
        access: Access,
        network: Network,
        scopes: Scopes,
    ) -> Result<Self, Denied> {
        let need = P::NEED;
        if let Some(scope) = need.scope.filter(|scope| !scopes.contain(*scope)) {
            return Err(Denied::Scope(scope));
        }
        if need.admin && user.role != Role::Admin {
            return Err(Denied::Role);
        }
        let is_whole = matches!(access, Access::Session(_)) && scopes == Scopes::ALL;
        if need.log_in && !is_whole {
            return Err(Denied::LogIn);
        }
        if user.must_change_password && !need.before_password_change {
            return Err(Denied::PasswordChange);
        }
        Ok(Self { user, access, network, scopes, permission: std::marker::PhantomData })
    }
}
