//! Rate limits on guessing passwords, creating accounts, and other frequent requests.
//!
//! | action | counted by | burst, then one every |
//! |---|---|---|
//! | log-in | network | 60, then 1 s |
//! | log-in | network and account together | 20, then 6 s; after 40 a minute; after 100 15 minutes |
//! | log-in from a network that the account does not know, or with a wrong password | account | 30, then 6 s; after 100 a minute; after 200 5 minutes |
//! | registration | network | 60, then 6 s; after 300 a minute |
//! | refresh | network | 120, then 0.5 s |
//! | password asked again | session or token | 10, then a minute; after 30 15 minutes |
//! | password asked again | account | 60, then a minute |
//! | managing accounts | administrator | 300, then 1 s |
//!
//! At most 100 wrong passwords in a row are therefore cheap
//! ([NIST SP 800-63B](https://pages.nist.gov/800-63-4/sp800-63b.html), section 3.2.2), and no client is ever locked
//! out: strangers cannot lock out the owner, whose network the account knows, and among strangers a next one is always
//! let through. The right password clears the network's earlier attempts from both counts of the account.
//!
//! A wrong password counts as a stranger's even on a known network, and gets a stranger's answer: otherwise an email
//! without an account, for which every network is unknown, could be told from a registered one.
//!
//! A refused attempt counts nowhere within the call that refuses it, so the reported time is the time to wait, and
//! asking too early is not punished. Counts are lost when the process ends, and are dropped once they no longer limit.

mod counts;
mod refusals;
mod requests;
mod tiered_quota;

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};

use self::counts::Room;
pub use self::refusals::Refusals;
pub use self::requests::RequestLimit;
use self::tiered_quota::{TieredQuota, longest};
use crate::domain::access::Access;
use crate::domain::id::UserId;
use crate::domain::network::Network;

const NETWORK: [Policy; 1] = [policy("login-network", 60, 60)];

const PAIR: [Policy; 3] = [
    policy("login", 20, 2 * 60),
    policy("login-hour", 40, 40 * 60),
    policy("login-day", 100, 25 * 3600),
];

const STRANGER: [Policy; 3] = [
    policy("login-stranger", 30, 3 * 60),
    policy("login-stranger-hour", 100, 100 * 60),
    policy("login-stranger-day", 200, 1000 * 60),
];

const REGISTRATION: [Policy; 2] =
    [policy("registration", 60, 6 * 60), policy("registration-day", 300, 5 * 3600)];

const REFRESH: [Policy; 1] = [policy("refresh", 120, 60)];

const PASSWORD: [Policy; 2] =
    [policy("password", 10, 10 * 60), policy("password-day", 30, 450 * 60)];

const fn policy(name: &'static str, quota: u32, seconds: u64) -> Policy {
    let quota = NonZeroU32::new(quota).expect("a quota is not zero");
    Policy { name, quota, window: Duration::from_secs(seconds) }
}

const OWNER: [Policy; 1] = [policy("password-account", 60, 60 * 60)];

const ADMIN: [Policy; 1] = [policy("admin", 300, 300)];

/// Maximum number of attempts in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Name of letters, digits and hyphens.
    pub name: &'static str,
    /// Attempts that may be made at once.
    pub quota: NonZeroU32,
    /// Time without attempts after which all of them may be made again.
    pub window: Duration,
}

impl Policy {
    /// Returns the time between attempts once the burst is used up.
    fn interval(&self) -> Duration {
        self.window / self.quota.get()
    }
}

/// Refusal of an attempt that exceeds a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Time until the next attempt.
    pub retry_after: Duration,
    /// Policy that was exceeded.
    pub policy: Policy,
}

/// Counter of attempts, in memory.
pub struct Throttle<C: Clock = DefaultClock> {
    networks: TieredQuota<C>,
    pairs: TieredQuota<C>,
    strangers: TieredQuota<C>,
    registrations: TieredQuota<C>,
    refreshes: TieredQuota<C>,
    passwords: TieredQuota<C>,
    owners: TieredQuota<C>,
    admins: TieredQuota<C>,
    hash: RandomState,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Room::USUAL, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Throttle<C> {
    fn new(room: Room, clock: &C) -> Self {
        let quota = |policies: &[Policy]| TieredQuota::new(policies, room, clock);
        Self {
            networks: quota(&NETWORK),
            pairs: quota(&PAIR),
            strangers: quota(&STRANGER),
            registrations: quota(&REGISTRATION),
            refreshes: quota(&REFRESH),
            passwords: quota(&PASSWORD),
            owners: quota(&OWNER),
            admins: quota(&ADMIN),
            hash: RandomState::new(),
        }
    }

    /// Counts a log-in to an account, by its canonical email, even if no such account exists.
    ///
    /// # Errors
    ///
    /// [`Throttled`] after too many from this network. The attempt must not go on then, not even with the right
    /// password.
    pub fn login(&self, network: Network, account: &str) -> Result<(), Throttled> {
        let (pair, network) = (self.key((network, account)), self.key(network));
        longest([self.networks.look(network), self.pairs.look(pair)])?;
        self.networks.count(network)?;
        self.pairs.count(pair)
    }

    /// Counts a log-in from a network that the account does not know, or with a wrong password, over all networks. An
    /// email without an account knows no network.
    ///
    /// # Errors
    ///
    /// [`Throttled`] after too many. The attempt must not go on then.
    pub fn stranger(&self, account: &str) -> Result<(), Throttled> {
        self.strangers.check(self.key(account))
    }

    /// Clears the counts of this network at this account, also among strangers: the right password was given.
    ///
    /// The strangers' count is reduced only by this network's attempts, so a flood from elsewhere stays counted.
    pub fn succeeded(&self, network: Network, account: &str) {
        let pair = self.key((network, account));
        self.strangers.give_back(self.key(account), &self.pairs, pair);
        self.pairs.forget(pair);
    }

    /// Counts one registration.
    ///
    /// # Errors
    ///
    /// [`Throttled`] after too many from this network.
    pub fn registration(&self, network: Network) -> Result<(), Throttled> {
        self.registrations.check(self.key(network))
    }

    /// Counts one refresh of a session.
    ///
    /// # Errors
    ///
    /// [`Throttled`] after too many from this network.
    pub fn refresh(&self, network: Network) -> Result<(), Throttled> {
        self.refreshes.check(self.key(network))
    }

    /// Counts a password that a logged-in caller enters again. The thief of one session does not keep the owner, in
    /// another session, from setting a new password.
    ///
    /// # Errors
    ///
    /// [`Throttled`] after too many with this credential, or for this account.
    pub fn password(&self, user: UserId, access: Access) -> Result<(), Throttled> {
        let (access, user) = (self.key(access), self.key(user));
        longest([self.passwords.look(access), self.owners.look(user)])?;
        self.passwords.count(access)?;
        self.owners.count(user)
    }

    /// Counts an action of an administrator, so that older audit records are not pushed out in minutes.
    ///
    /// # Errors
    ///
    /// [`Throttled`] after too many.
    pub fn admin(&self, admin: UserId) -> Result<(), Throttled> {
        self.admins.check(self.key((admin, "admin")))
    }

    /// Hashes a key with a secret seed, so that a client cannot choose a key that collides with another client's.
    fn key(&self, of: impl Hash) -> u64 {
        self.hash.hash_one(of)
    }
}

impl<C: Clock> fmt::Debug for Throttle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
