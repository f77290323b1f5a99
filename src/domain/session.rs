//! Login sessions of one person on one client.

use std::net::IpAddr;
use std::time::Duration;

use super::digest::SecretDigest;
use super::id::{SessionId, UserId};
use super::label::Label;
use super::timestamp::Timestamp;
use super::user::User;

/// Login session. Grants access while it is stored and not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Identifier, carried by the access token.
    pub id: SessionId,
    /// Account.
    pub user: UserId,
    /// Login time.
    pub created_at: Timestamp,
    /// Expiry time; a refresh extends it.
    pub expires_at: Timestamp,
    /// Time of the last use, to the minute. Not after the login if there was none.
    pub last_used_at: Timestamp,
    /// Name that the client gives itself.
    pub client: Option<Label>,
    /// Last address of the client.
    pub address: Option<IpAddr>,
    /// State of the refresh tokens.
    pub refresh: RefreshState,
}

/// Stored state of the refresh tokens of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// Digest of the part that all refresh tokens share.
    pub family: SecretDigest,
    /// Digest of the current refresh token.
    pub current: SecretDigest,
    /// Digest of the previous refresh token, and the time of its replacement.
    pub previous: Option<(SecretDigest, Timestamp)>,
}

/// Degree of use of a session. Where there are too many, the least used is removed first.
///
/// A program that logs in for each run leaves many sessions that are younger than that of a phone, and may have
/// been used later. The difference is that the phone comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InUse {
    /// Expired.
    Expired,
    /// Not used within [`Session::RECENT`]. A login is not a use, but see [`Session::sort_by_use`].
    Idle,
    /// Used within that time, but only in [`Session::RUN`] after its login.
    OneRun,
    /// Used within that time, and later than [`Session::RUN`] after its login.
    InUse,
}

impl Session {
    /// Maximum number of sessions of an account. A new session replaces the least used one.
    pub const MAX_PER_USER: usize = 20;

    /// Time after a use in which a session is in use: an hour, plus the minute by which a use may be noted early.
    pub const RECENT: Duration = Duration::from_secs(3600 + 60);

    /// Time after a login in which uses may come from a program that logs in for each run.
    pub const RUN: Duration = Duration::from_secs(60);

    /// Maximum number of sessions that count as about to be used.
    pub const ARRIVING: usize = 10;

    /// Lifetime of a session that is not refreshed.
    pub const IDLE: Duration = Duration::from_secs(30 * 24 * 3600);

    /// Maximum lifetime of a session.
    pub const ABSOLUTE: Duration = Duration::from_secs(90 * 24 * 3600);

    /// Time in which a replaced refresh token is still accepted. A lost answer, or two programs that refresh at
    /// once, must not log a user out.
    pub const GRACE: Duration = Duration::from_secs(20);

    /// Whether the session is expired.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// Returns the time of the last use; `None` if there was none since the login.
    pub fn used_at(&self) -> Option<Timestamp> {
        Some(self.last_used_at).filter(|used| *used > self.created_at)
    }

    /// Returns the degree of use at a time.
    pub fn in_use(&self, now: Timestamp) -> InUse {
        if self.is_expired(now) {
            return InUse::Expired;
        }
        match self.used_at().filter(|used| now.since(*used) <= Self::RECENT) {
            None => InUse::Idle,
            Some(used) if used.since(self.created_at) < Self::RUN => InUse::OneRun,
            Some(_) => InUse::InUse,
        }
    }

    /// Sorts the sessions of an account in order of removal: the least used first, then the longest unused.
    ///
    /// A client needs a moment after its login, and programs log in several at once. The latest [`Self::ARRIVING`]
    /// sessions made within [`Self::RUN`] therefore rank as [`InUse::OneRun`].
    pub fn sort_by_use(sessions: &mut [Self], now: Timestamp) {
        let made = |it: &Self| (it.created_at, it.id);
        let is_new = |it: &&Self| now.since(it.created_at) < Self::RUN;
        let mut new: Vec<_> = sessions.iter().filter(is_new).map(made).collect();
        new.sort_unstable_by(|one, other| other.cmp(one));
        new.truncate(Self::ARRIVING);
        sessions.sort_by_key(|it| {
            let in_use = match it.in_use(now) {
                InUse::Idle if new.contains(&made(it)) => InUse::OneRun,
                in_use => in_use,
            };
            (in_use, it.last_used_at, it.created_at, it.id)
        });
    }

    /// Checks a refresh token, and renews the session if it is valid.
    pub fn refresh(&self, with: &Refreshing) -> Refreshed {
        let Refreshing { family, presented, next, at, .. } = with;
        // Without the family's part, the token does not belong to this session and proves nothing.
        if self.refresh.family != *family || self.is_expired(*at) {
            return Refreshed::Unknown;
        }
        let previous = match self.refresh.previous {
            _ if self.refresh.current == *presented => (*presented, *at),
            Some((before, since)) if before == *presented => {
                // The successor has not been used, or `before` would be a different token. A clock that was set
                // back makes no token late.
                if at.since(since) > Self::GRACE {
                    return Refreshed::Reused;
                }
                (before, since)
            }
            _ => return Refreshed::Reused,
        };
        let expires_at = at.plus(with.lifetime).min(self.created_at.plus(Self::ABSOLUTE));
        Refreshed::Renewed(Self {
            expires_at: expires_at.max(self.expires_at),
            last_used_at: (*at).max(self.last_used_at),
            client: with.client.clone().or_else(|| self.client.clone()),
            address: with.address.or(self.address),
            refresh: RefreshState {
                family: *family,
                current: *next,
                previous: Some(previous),
            },
            ..self.clone()
        })
    }
}

/// Presented refresh token, and its successor.
#[derive(Clone, Debug)]
pub struct Refreshing {
    /// Digest of the part that all refresh tokens of the session share.
    pub family: SecretDigest,
    /// Digest of the presented token.
    pub presented: SecretDigest,
    /// Digest of the successor. A presented token always has the same one, so that programs that refresh at once
    /// get the same token.
    pub next: SecretDigest,
    /// Lifetime of the session from now on, up to [`Session::ABSOLUTE`].
    pub lifetime: Duration,
    /// Current time.
    pub at: Timestamp,
    /// Name that the client gives itself.
    pub client: Option<Label>,
    /// Address of the client.
    pub address: Option<IpAddr>,
}

/// Outcome of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed<T = Session> {
    /// The session continues.
    Renewed(T),
    /// The token was used before, so another party has a copy. The session must end.
    Reused,
    /// The token does not belong to this session, or the session is expired.
    Unknown,
}

/// Outcome of a refresh, with the account.
pub type Renewed = Refreshed<(User, Session)>;
