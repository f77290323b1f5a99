//! Last use of credentials, recorded at most once a minute each.

use std::fmt;
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::domain::access::Access;
use crate::domain::timestamp::Timestamp;

/// Minimum time between two records of one credential.
const EVERY: Duration = Duration::from_secs(60);

/// Maximum credentials that are remembered. One that is forgotten is recorded once more than needed.
const REMEMBERED: usize = 4096;

/// Cache of recorded uses, so that a thousand concurrent requests cause one write.
pub struct LastUse(Cache<Access, Timestamp>);

impl Default for LastUse {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl LastUse {
    /// Whether this use must be recorded, given the last one that the store knows.
    pub fn is_due(
        &self,
        access: Access,
        noted: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let is_old = |time: Timestamp| now.since(time) >= EVERY;
        if !noted.is_none_or(is_old) || !self.0.get(&access).is_none_or(is_old) {
            return false;
        }
        self.0.insert(access, now);
        true
    }
}

impl fmt::Debug for LastUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastUse").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::TokenId;

    #[test]
    fn a_use_is_noted_once_a_minute() {
        let uses = LastUse::default();
        let (one, other) = (TokenId::from_bytes([1; 8]), TokenId::from_bytes([2; 8]));
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000).unwrap();
        assert!(uses.is_due(Access::Token(one), None, at(100)));
        assert!(!uses.is_due(Access::Token(one), None, at(100)), "on its way");
        assert!(uses.is_due(Access::Token(other), None, at(100)));
        assert!(!uses.is_due(Access::Token(one), Some(at(100)), at(159)));
        assert!(uses.is_due(Access::Token(one), Some(at(100)), at(160)));
        // Another process of the same store has recorded it.
        assert!(!uses.is_due(Access::Token(one), Some(at(300)), at(301)));
    }
}
