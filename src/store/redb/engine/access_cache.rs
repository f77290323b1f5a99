//! Cache of sessions and personal tokens with their accounts, which every request needs.
//!
//! Each account has a version. An entry holds the version from before it was read, and is valid as long as the version
//! stays. The writer raises the version after each commit that wrote the account, a session or a personal token of it,
//! before it answers the callers: access that has ended is refused from that answer on.
//!
//! An entry whose session or token has ended stays until it is evicted. An account that creates and ends them all the
//! time can displace other entries; these accounts are then read from the file.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;

use crate::domain::id::{SessionId, TokenId, UserId};
use crate::domain::session::Session;
use crate::domain::token::PersonalToken;
use crate::domain::user::User;
use crate::store::StoreError;

/// Maximum number of cached sessions, and of cached personal tokens: about 2 MiB each, 5 MiB with the longest texts.
const ENTRIES: usize = 4096;

/// Number of versions. Accounts whose ids are equal modulo this number share one.
const VERSIONS: usize = 1024;

/// Cached sessions and personal tokens.
pub(in crate::store::redb) struct AccessCache {
    sessions: Cache<(UserId, SessionId), Entry<Session>>,
    tokens: Cache<(UserId, TokenId), Entry<PersonalToken>>,
    versions: Vec<AtomicU64>,
}

/// Session or personal token, as read at a version of its account.
struct Entry<T> {
    version: u64,
    found: Arc<(User, T)>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { version: self.version, found: Arc::clone(&self.found) }
    }
}

impl Default for AccessCache {
    fn default() -> Self {
        Self {
            sessions: Cache::new(ENTRIES),
            tokens: Cache::new(ENTRIES),
            versions: (0..VERSIONS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl fmt::Debug for AccessCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessCache").finish_non_exhaustive()
    }
}

impl AccessCache {
    /// Returns a session with its account, from the cache if neither has changed.
    pub(in crate::store::redb) fn session(
        &self,
        user: UserId,
        id: SessionId,
        read: impl FnOnce() -> Result<Option<(User, Session)>, StoreError>,
    ) -> Result<Option<(User, Session)>, StoreError> {
        get(&self.sessions, (user, id), self.version(user), read)
    }

    /// Returns a personal token with its account, from the cache if neither has changed.
    pub(in crate::store::redb) fn token(
        &self,
        user: UserId,
        id: TokenId,
        read: impl FnOnce() -> Result<Option<(User, PersonalToken)>, StoreError>,
    ) -> Result<Option<(User, PersonalToken)>, StoreError> {
        get(&self.tokens, (user, id), self.version(user), read)
    }

    /// Invalidates the entries of accounts.
    pub(in crate::store::redb) fn invalidate(&self, accounts: &[UserId]) {
        for account in accounts {
            if let Some(version) = self.version(*account) {
                version.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    fn version(&self, user: UserId) -> Option<&AtomicU64> {
        let versions = u64::try_from(self.versions.len()).ok()?;
        let number = user.get().checked_rem(versions)?;
        self.versions.get(usize::try_from(number).ok()?)
    }
}

fn get<K: Hash + Eq, T: Clone>(
    cache: &Cache<K, Entry<T>>,
    key: K,
    current: Option<&AtomicU64>,
    read: impl FnOnce() -> Result<Option<(User, T)>, StoreError>,
) -> Result<Option<(User, T)>, StoreError> {
    let Some(current) = current else { return read() };
    // Before the read: a commit in between makes the entry invalid.
    let version = current.load(Ordering::Acquire);
    if let Some(entry) = cache.get(&key)
        && entry.version == version
    {
        return Ok(Some(entry.found.as_ref().clone()));
    }
    let found = read()?;
    match &found {
        Some(found) => {
            cache.insert(key, Entry { version, found: Arc::new(found.clone()) });
        }
        None => drop(cache.remove(&key)),
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::domain::digest::SecretDigest;
    use crate::domain::email::Email;
    use crate::domain::label::Label;
    use crate::domain::scope::Scopes;
    use crate::domain::timestamp::Timestamp;
    use crate::domain::user::Role;

    const USER: UserId = UserId::new(7);
    const TOKEN: TokenId = TokenId::from_bytes([1; 8]);

    fn found(is_disabled: bool) -> (User, PersonalToken) {
        let created_at = Timestamp::from_millis(0).unwrap();
        let user = User {
            id: USER,
            email: Email::new("ada@example.com").unwrap(),
            role: Role::User,
            created_at,
            display_name: None,
            time_zone: None,
            disabled: is_disabled,
            must_change_password: false,
        };
        let token = PersonalToken {
            id: TOKEN,
            user: USER,
            name: Label::new("script").unwrap(),
            scopes: Scopes::ALL,
            created_at,
            expires_at: None,
            last_used_at: None,
            digest: SecretDigest([0; 32]),
        };
        (user, token)
    }

    fn is_disabled(
        cache: &AccessCache,
        read: impl FnOnce() -> Option<(User, PersonalToken)>,
    ) -> Option<bool> {
        let found = cache.token(USER, TOKEN, || Ok(read()));
        found.unwrap().map(|(user, _)| user.disabled)
    }

    #[test]
    fn an_entry_is_read_again_after_a_write_to_its_account_only() {
        let cache = AccessCache::default();
        let reads = Cell::new(0);
        let read = || {
            reads.set(reads.get() + 1);
            Some(found(false))
        };
        is_disabled(&cache, read);
        is_disabled(&cache, read);
        assert_eq!(reads.get(), 1);

        cache.invalidate(&[UserId::new(8)]);
        is_disabled(&cache, read);
        assert_eq!(reads.get(), 1);

        cache.invalidate(&[UserId::new(8), USER]);
        assert_eq!(is_disabled(&cache, || Some(found(true))), Some(true));
        assert_eq!(is_disabled(&cache, || Some(found(false))), Some(true));
    }

    #[test]
    fn an_entry_that_changed_while_it_was_read_is_read_again() {
        let cache = AccessCache::default();
        let read = || {
            let before = Some(found(false));
            cache.invalidate(&[USER]);
            before
        };
        assert_eq!(is_disabled(&cache, read), Some(false));
        assert_eq!(is_disabled(&cache, || Some(found(true))), Some(true));
    }

    #[test]
    fn a_missing_token_is_looked_up_every_time() {
        let cache = AccessCache::default();
        assert_eq!(is_disabled(&cache, || None), None);
        assert_eq!(is_disabled(&cache, || Some(found(false))), Some(false));
    }
}
