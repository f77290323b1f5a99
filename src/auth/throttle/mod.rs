//! Slows down the guessing of passwords and the making of accounts, and who asks too much.
//!
//! | what | counted by | at once, then one every |
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
//! So 100 wrong passwords in a row are the most that come cheap ([NIST SP 800-63B](https://pages.nist.gov/800-63-4/sp800-63b.html),
//! section 3.2.2), and nobody is ever locked out: not the owner, whose network the account knows, by
//! strangers; and of strangers there is always a next one who is let through. The right password makes the network's
//! tries before it forgotten, in both counts of the account.
//!
//! A wrong password counts as a stranger's also where the owner is known, and gets what a stranger gets: otherwise an
//! email without an account, for which every network is a stranger's, could be told from one that is registered.
//!
//! An attempt that is refused counts nowhere within the call that refuses it, so the time said is the
//! time to wait, and who asks too early is not punished for it. Everything is forgotten with the
//! process, and by itself once it limits nobody.

mod counts;
mod ladder;
mod refusals;
mod requests;

use std::fmt;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};

use self::counts::Room;
use self::ladder::{Ladder, longest};
pub use self::refusals::Refusals;
pub use self::requests::RequestLimit;
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

/// So many attempts in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Letters, digits and hyphens.
    pub name: &'static str,
    /// Attempts that may be made at once.
    pub quota: NonZeroU32,
    /// After this time without an attempt, all of them may be made again.
    pub window: Duration,
}

impl Policy {
    /// The time from one attempt to the next when all at once have been made.
    fn interval(&self) -> Duration {
        self.window / self.quota.get()
    }
}

/// Too many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// When the next one may be made.
    pub retry_after: Duration,
    /// What they were too many for.
    pub policy: Policy,
}

/// Counts attempts, in memory.
pub struct Throttle<C: Clock = DefaultClock> {
    networks: Ladder<C>,
    pairs: Ladder<C>,
    strangers: Ladder<C>,
    registrations: Ladder<C>,
    refreshes: Ladder<C>,
    passwords: Ladder<C>,
    owners: Ladder<C>,
    admins: Ladder<C>,
    hash: RandomState,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Room::USUAL, &DefaultClock::default())
    }
}

impl<C: Clock + Clone> Throttle<C> {
    fn new(room: Room, clock: &C) -> Self {
        let ladder = |policies: &[Policy]| Ladder::new(policies, room, clock);
        Self {
            networks: ladder(&NETWORK),
            pairs: ladder(&PAIR),
            strangers: ladder(&STRANGER),
            registrations: ladder(&REGISTRATION),
            refreshes: ladder(&REFRESH),
            passwords: ladder(&PASSWORD),
            owners: ladder(&OWNER),
            admins: ladder(&ADMIN),
            hash: RandomState::new(),
        }
    }

    /// Counts one log-in at an account, by its canonical email, whether there is one or not.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there have been too many of this network. The attempt must not go on then, not
    /// even with the right password.
    pub fn login(&self, network: Network, account: &str) -> Result<(), Throttled> {
        let (pair, network) = (self.key((network, account)), self.key(network));
        longest([self.networks.look(network), self.pairs.look(pair)])?;
        self.networks.count(network)?;
        self.pairs.count(pair)
    }

    /// Counts one log-in from a network that the account does not know, or with a wrong password, for all
    /// networks together. Also for an email without an account, which knows none.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there have been too many. The attempt must not go on then.
    pub fn stranger(&self, account: &str) -> Result<(), Throttled> {
        self.strangers.check(self.key(account))
    }

    /// Forgets what was counted of this network at this account, also among strangers: the right password was given.
    ///
    /// Of the strangers' count no more goes than this network has tried, so a flood from elsewhere stays counted.
    pub fn succeeded(&self, network: Network, account: &str) {
        let pair = self.key((network, account));
        self.strangers.give_back(self.key(account), &self.pairs, pair);
        self.pairs.forget(pair);
    }

    /// Counts one registration.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there have been too many of this network.
    pub fn registration(&self, network: Network) -> Result<(), Throttled> {
        self.registrations.check(self.key(network))
    }

    /// Counts one refresh of a session.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there have been too many of this network.
    pub fn refresh(&self, network: Network) -> Result<(), Throttled> {
        self.refreshes.check(self.key(network))
    }

    /// Counts one password that was asked again of somebody who is logged in: whoever has stolen one session
    /// does not keep the owner in another from setting a new password.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there have been too many with this credential, or for this account.
    pub fn password(&self, user: UserId, access: Access) -> Result<(), Throttled> {
        let (access, user) = (self.key(access), self.key(user));
        longest([self.passwords.look(access), self.owners.look(user)])?;
        self.passwords.count(access)?;
        self.owners.count(user)
    }

    /// Counts one thing that an administrator does, so that the records of what was done before are not pushed
    /// out in minutes.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there have been too many.
    pub fn admin(&self, admin: UserId) -> Result<(), Throttled> {
        self.admins.check(self.key((admin, "admin")))
    }

    /// Nobody outside can choose what this comes to, so nobody can meet somebody else's count.
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
