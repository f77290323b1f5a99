//! What somebody must be let in for, as types.
//!
//! A [`Caller`] carries its permission in its type, and the methods of the service ask for the one
//! they need: a handler that forgets to ask does not compile.

use super::Caller;
use crate::domain::access::Access;
use crate::domain::network::Network;
use crate::domain::scope::{Scope, Scopes};
use crate::domain::user::{Role, User};

/// What a permission takes.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// The name of the permission in the OpenAPI document.
    pub name: &'static str,
    /// The scope that a personal token must have.
    pub scope: Option<Scope>,
    /// Whether it takes an administrator.
    pub admin: bool,
    /// Whether it takes a log-in, with every scope.
    pub log_in: bool,
    /// Whether it is there for those who must change their password first.
    pub before_password_change: bool,
}

impl Need {
    /// Whether a credential that is good may not be good enough.
    pub fn is_more_than_a_credential(&self) -> bool {
        let Self { scope, admin, log_in, before_password_change, .. } = self;
        scope.is_some() || *admin || *log_in || !before_password_change
    }
}

/// Something that may be done.
pub trait Permission: Send + Sync + 'static {
    /// What it takes.
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

        /// Every permission there is.
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

/// Takes a good credential and nothing else.
const fn credential(name: &'static str) -> Need {
    Need { name, scope: None, admin: false, log_in: false, before_password_change: true }
}

permissions! {
    /// Reading tasks.
    TasksRead, scope("tasks:read", Scope::TasksRead);
    /// Making, changing and deleting tasks.
    TasksWrite, scope("tasks:write", Scope::TasksWrite);
    /// Looking after the account.
    Account, scope("account", Scope::Account);
    /// Making personal tokens. They make none themselves: what is made for a while, or is taken away, must not
    /// live on in what it made.
    Mint, Need { log_in: true, ..scope("mint", Scope::Account) };
    /// What is needed to set another password, and so is possible before that.
    Entry, Need { before_password_change: true, ..scope("entry", Scope::Account) };
    /// Asking whose the credential is. Every one may do that.
    Identity, credential("identity");
    /// Giving the credential back. Every one may do that.
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

/// Why somebody whose credential is good may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token was not made for it.
    #[error("this token lacks the scope {}", .0.as_str())]
    Scope(Scope),
    /// It takes the role `admin`.
    #[error("this needs the role admin")]
    Role,
    /// It takes a log-in that may do everything.
    #[error("only a log-in with every scope may do this")]
    LogIn,
    /// There is a password to be changed first.
    #[error("the password must be changed first, at auth/password")]
    PasswordChange,
}

impl<P: Permission> Caller<P> {
    /// Lets somebody in for one thing, if it may be done. The only way to make one.
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
