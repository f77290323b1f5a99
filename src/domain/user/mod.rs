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

/// One person's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Never changes.
    pub id: UserId,
    /// As typed.
    pub email: Email,
    /// What the account may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// What its owner wants to be called.
    pub display_name: Option<Label>,
    /// Where its owner lives, as far as the clock goes.
    pub time_zone: Option<TimeZone>,
    /// Whether nobody may use it.
    pub disabled: bool,
    /// Whether nothing may be done with it before its password is changed.
    pub must_change_password: bool,
}

impl User {
    /// Whether it counts among those of whom there must be one left.
    pub const fn is_active_admin(&self) -> bool {
        matches!(self.role, Role::Admin) && !self.disabled
    }
}

/// An account and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub user: User,
    /// Usage, and limits of its own.
    pub usage: Usage,
}

/// An account with what proves that somebody owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The account.
    pub user: User,
    /// The hash to verify a password against.
    pub password: PasswordHash,
    /// Where its owner has logged in, the latest first. No more than [`Self::MAX_NETWORKS`].
    pub networks: Vec<Network>,
}

impl Credential {
    /// Most networks that are remembered.
    pub const MAX_NETWORKS: usize = 8;

    /// Remembers where its owner has logged in. `None` if that is known already.
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
