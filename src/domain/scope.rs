//! Scopes of credentials.

use std::fmt;
use std::str::FromStr;

/// Permission of a credential. There are few on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Read access to tasks.
    TasksRead,
    /// Creation, change and deletion of tasks.
    TasksWrite,
    /// Access to the account: its sessions, tokens, profile and password.
    Account,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::TasksRead, Self::TasksWrite, Self::Account];

    /// Returns the name shown to clients.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TasksRead => "tasks:read",
            Self::TasksWrite => "tasks:write",
            Self::Account => "account",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::TasksRead => 1,
            Self::TasksWrite => 2,
            Self::Account => 4,
        }
    }
}

/// Set of scopes.
///
/// ```
/// use duly::domain::scope::{Scope, Scopes};
/// let scopes: Scopes = [Scope::TasksRead, Scope::Account].into_iter().collect();
/// assert!(scopes.contain(Scope::Account) && !scopes.contain(Scope::TasksWrite));
/// assert_eq!(scopes.to_string(), "tasks:read account");
/// assert_eq!("account tasks:read".parse(), Ok(scopes));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// All scopes, as a session has.
    pub const ALL: Self = Self(7);

    /// Whether a scope is in the set.
    pub const fn contain(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the scopes in a fixed order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contain(*scope))
    }

    /// Whether the set contains every scope of another.
    pub const fn contain_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Returns the stored form, one bit per scope, which never changes.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Restores a set from its bits. Returns `None` if a bit is unknown.
    pub fn from_bits(bits: u8) -> Option<Self> {
        (bits & !Self::ALL.0 == 0).then_some(Self(bits))
    }
}

/// Unknown scope name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "scope must be one or more of tasks:read, tasks:write and account, separated by spaces"
)]
pub struct UnknownScope;

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Parses names separated by spaces, in any order.
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let names = text.split(' ').filter(|name| !name.is_empty());
        let known = |name| Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
        names.map(|name| known(name).ok_or(UnknownScope)).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(iter: T) -> Self {
        Self(iter.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    /// Joins the names by spaces ([RFC 6749, section 3.3](https://www.rfc-editor.org/rfc/rfc6749#section-3.3)).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&names.join(" "))
    }
}
