//! Permissions, as types.
//!
//! A [`Caller`] carries its permission in its type, and the methods of the service require the one they need: a handler
//! that forgets to ask does not compile.

use super::Caller;
use crate::domain::access::Access;
use crate::domain::network::Network;
use crate::domain::permission::{Denied, Need};
use crate::domain::scope::{Scope, Scopes};
use crate::domain::user::User;

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
    CreateToken, Need { log_in: true, ..scope("create_token", Scope::Account) };
    /// Access to the change of the password, and so granted before a required one.
    ChangePassword, Need { before_password_change: true, ..scope("change_password", Scope::Account) };
    /// Asking for the identity of the credential. Granted to every credential.
    Identity, credential("identity");
    /// Ending the credential. Granted to every credential.
    LogOut, credential("log_out");
    /// Managing accounts.
    Admin, Need {
        name: "admin",
        scope: None,
        admin: true,
        log_in: true,
        before_password_change: false,
    };
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
        P::NEED.check(&user, access, scopes)?;
        Ok(Self { user, access, network, scopes, permission: std::marker::PhantomData })
    }
}
