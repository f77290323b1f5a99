//! Error responses by code, counted by the middleware.

use crate::metrics::Counter;

/// All codes of [`crate::http::problem`], sorted; other codes count as `other`.
const CODES: [&str; 53] = [
    "account_busy",
    "answer_too_large",
    "base_unknown",
    "batch_failed",
    "body_too_large",
    "body_too_slow",
    "busy",
    "changed_since",
    "cursor_outdated",
    "disk_full",
    "edit_conflict",
    "edited_since",
    "email_taken",
    "header_too_large",
    "idempotency_answer_lost",
    "idempotency_key_reused",
    "if_match_required",
    "insufficient_role",
    "insufficient_scope",
    "internal",
    "invalid",
    "invalid_grant",
    "invalid_scope",
    "invalid_token",
    "last_admin",
    "log_in_required",
    "malformed",
    "method_not_allowed",
    "no_token",
    "not_applied",
    "not_found",
    "not_tried",
    "outcome_unknown",
    "password_change_required",
    "quota_exceeded",
    "registration_closed",
    "registration_full",
    "resync_required",
    "stopping",
    "storage_corrupt",
    "task_deleted",
    "throttled",
    "timeout",
    "too_many",
    "too_many_requests_at_once",
    "too_much",
    "two_credentials",
    "unavailable",
    "unsupported_grant_type",
    "unsupported_media_type",
    "unsupported_transfer_coding",
    "uri_too_long",
    "wrong_credentials",
];

/// Counts of error responses.
#[derive(Debug)]
pub(in crate::http) struct Problems {
    by_code: [Counter; CODES.len()],
    other: Counter,
}

impl Default for Problems {
    fn default() -> Self {
        let by_code = std::array::from_fn(|_| Counter::default());
        Self { by_code, other: Counter::default() }
    }
}

impl Problems {
    /// Counts an error response.
    pub(in crate::http) fn count(&self, code: &str) {
        let known = CODES.binary_search(&code).ok();
        known.and_then(|it| self.by_code.get(it)).unwrap_or(&self.other).add(1);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let known = CODES.into_iter().zip(self.by_code.iter().map(Counter::get));
        known.chain([("other", self.other.get())])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::*;

    #[test]
    fn every_code_that_is_written_in_the_source_is_counted() {
        let source = include_str!("../problem.rs");
        let code = Regex::new(
            r#"(?:(?:StatusCode::[A-Z_]+,|status,|unavailable\()\s*|Denied::\w+(?:\(_\))? => |const [A-Z_]+: &str = )"([a-z_]+)""#,
        )
        .unwrap();
        let found: BTreeSet<&str> =
            code.captures_iter(source).map(|it| it.get(1).unwrap().as_str()).collect();
        assert_eq!(found, BTreeSet::from(CODES));
        assert!(CODES.is_sorted());
    }
}
