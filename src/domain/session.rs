//! Sessions: one log-in of one person on one client.

use std::net::IpAddr;
use std::time::Duration;

use super::digest::SecretDigest;
use super::id::{SessionId, UserId};
use super::label::Label;
use super::timestamp::Timestamp;
use super::user::User;

/// One log-in. Access lasts as long as this is in the store and has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Named by the access token.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// When the person logged in.
    pub created_at: Timestamp,
    /// From when on it is as good as gone, unless it is refreshed before.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute: as long as that is not after the log-in, never.
    pub last_used_at: Timestamp,
    /// What the client calls itself.
    pub client: Option<Label>,
    /// Where it was last seen.
    pub address: Option<IpAddr>,
    /// What is kept of its refresh tokens.
    pub refresh: RefreshState,
}

/// What is kept of the refresh tokens of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// Of the part that all of them share.
    pub family: SecretDigest,
    /// Of the one that comes next.
    pub current: SecretDigest,
    /// Of the one before, and when it was replaced.
    pub previous: Option<(SecretDigest, Timestamp)>,
}

/// Degree of use of a session. The least used gives way first where there are too many.
///
/// A program that logs in for each of its runs leaves many sessions that are younger than that of a phone, and may have
/// been used later. What tells them apart is that the phone comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InUse {
    /// It has expired.
    Expired,
    /// It was not used within [`Session::RECENT`]. To log in is no use, but see [`Session::sort_by_use`].
    Idle,
    /// It was used within that time, but only in [`Session::RUN`] after its log-in.
    OneRun,
    /// It was used within that time, and later than that.
    InUse,
}

impl Session {
    /// Most sessions one person can have; the one that is least in use gives way to a new one.
    pub const MAX_PER_USER: usize = 20;

    /// Time after a use in which a session counts as in use: an hour, and the minute by which a use may be noted too early.
    pub const RECENT: Duration = Duration::from_secs(3600 + 60);

    /// Time after a log-in in which uses may come from a program that logs in for each of its runs.
    pub const RUN: Duration = Duration::from_secs(60);

    /// Most sessions that count as about to be used.
    pub const ARRIVING: usize = 10;

    /// How long a session lasts without being refreshed.
    pub const IDLE: Duration = Duration::from_secs(30 * 24 * 3600);

    /// How long a session can last at all.
    pub const ABSOLUTE: Duration = Duration::from_secs(90 * 24 * 3600);

    /// How long the refresh token that was just replaced is still taken. A lost answer, or two programs that
    /// refresh at once, must not log anybody out.
    pub const GRACE: Duration = Duration::from_secs(20);

    /// Whether it is as good as gone.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }

    /// When it was last used; `None` if that was never since its log-in.
    pub fn used_at(&self) -> Option<Timestamp> {
        Some(self.last_used_at).filter(|used| *used > self.created_at)
    }

    /// Degree of use at a time.
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

    /// Sorts the sessions of an account: those that give way first come first, of those alike the one that was used the
    /// longest time ago.
    ///
    /// A client that has just logged in needs a moment to begin, and programs log in several at once. So the latest
    /// [`Self::ARRIVING`] that were made within [`Self::RUN`] are as much in use as those of one run.
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

    /// What becomes of the session when a refresh token is presented.
    pub fn refresh(&self, with: &Refreshing) -> Refreshed {
        let Refreshing { family, presented, next, at, .. } = with;
        // Without the family's part it is no token of this session, and proves nothing.
        if self.refresh.family != *family || self.is_expired(*at) {
            return Refreshed::Unknown;
        }
        let previous = match self.refresh.previous {
            _ if self.refresh.current == *presented => (*presented, *at),
            Some((before, since)) if before == *presented => {
                // Its successor has not been used, or `before` would be another.
                // A clock that was set back makes nobody late.
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

/// A refresh token that was presented, and the one that is to follow it.
#[derive(Clone, Debug)]
pub struct Refreshing {
    /// Of the part that all tokens of the session share.
    pub family: SecretDigest,
    /// Of the one that was presented.
    pub presented: SecretDigest,
    /// Of the one that follows. Always the same one for the same presented, so that programs that refresh at
    /// once get the same.
    pub next: SecretDigest,
    /// How long the session lasts from now on, if it may.
    pub lifetime: Duration,
    /// The time now.
    pub at: Timestamp,
    /// What the client calls itself.
    pub client: Option<Label>,
    /// Where it is.
    pub address: Option<IpAddr>,
}

/// What a refresh token was worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed<T = Session> {
    /// The session goes on.
    Renewed(T),
    /// The token was used before, so somebody has a copy of it. The session must end.
    Reused,
    /// It is no token of this session, or the session has expired.
    Unknown,
}

/// A session that goes on, and whose it is.
pub type Renewed = Refreshed<(User, Session)>;
