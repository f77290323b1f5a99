//! Accounts.

mod change;
mod new;
mod role;

pub use self::change::{Ended, Ending, Refused, UserChange, UserPatch};
pub use self::new::{Admission, NewUser};
pub use self::role::Role;
use super::email::Email;
use super::id::UserId;
use super::label::Label;
use super::network::Network;
use super::password::PasswordHash;
use super::quota::Usage;
use super::time_zone::TimeZone;
use super::timestamp::Timestamp;

/// Account of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identifier, which never changes.
    pub id: UserId,
    /// Email address as typed.
    pub email: Email,
    /// Role.
    pub role: Role,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Display name.
    pub display_name: Option<Label>,
    /// Time zone of the owner.
    pub time_zone: Option<TimeZone>,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// Whether the password must be changed before anything else.
    pub must_change_password: bool,
}

impl User {
    /// Whether the account is an enabled administrator, of whom one must remain.
    pub const fn is_active_admin(&self) -> bool {
        matches!(self.role, Role::Admin) && !self.disabled
    }
}

/// Account and its usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Account.
    pub user: User,
    /// Usage, and limits of its own.
    pub usage: Usage,
}

/// Account and its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Account.
    pub user: User,
    /// Hash to verify a password against.
    pub password: PasswordHash,
    /// Networks from which the owner has logged in, the latest first. At most [`Self::MAX_NETWORKS`].
    pub networks: Vec<Network>,
}

impl Credential {
    /// Maximum number of remembered networks.
    pub const MAX_NETWORKS: usize = 8;

    /// Remembers the network of a login. Returns `None` if it is already known.
    pub fn seen_at(&self, network: Network) -> Option<Self> {
        if self.networks.contains(&network) {
            return None;
        }
        let networks = [network].into_iter().chain(self.networks.iter().copied());
        Some(Self {
            networks: networks.take(Self::MAX_NETWORKS).collect(),
            ..self.clone()
        })
    }
}
