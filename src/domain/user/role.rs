//! Roles of accounts.

/// Permissions of an account beyond its own data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// No further permissions.
    User,
    /// Management of accounts.
    Admin,
}

impl Role {
    /// Returns the name shown to clients.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Returns the role with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}
