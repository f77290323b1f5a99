//! Preconditions and options of a write to a task or list: `If-Match`, `If-None-Match` and `dry_run`.

use poem_openapi::param::Query;

use crate::domain::task::IfMatch;
use crate::http::etag::{EntityTags, Named};
use crate::http::param::{Faults, FlagParam};
use crate::http::problem::Problem;
use crate::service::Preconditions;

/// Reads the preconditions and `dry_run`.
pub(in crate::http) fn preconditions(
    if_match: &EntityTags,
    if_none_match: &EntityTags,
    dry_run: &Query<Option<FlagParam>>,
) -> Result<Preconditions, Problem> {
    let named = named(if_match, if_none_match);
    let ((wanted, unwanted), dry_run) = Problem::both(named, is_dry(dry_run))?;
    let wanted = wanted.map(self::if_match);
    let if_match = match unwanted {
        None => wanted,
        Some(Named::All) => Some(IfMatch::OneOf(Vec::new())),
        Some(Named::These(revisions)) => {
            Some(wanted.unwrap_or(IfMatch::Any).but(revisions))
        }
    };
    Ok(Preconditions { if_match, dry_run })
}

/// Reads `dry_run`.
pub(in crate::http) fn is_dry(
    dry_run: &Query<Option<FlagParam>>,
) -> Result<bool, Problem> {
    let mut faults = Faults::default();
    match faults.take("dry_run", FlagParam::parse(dry_run.0.as_ref())) {
        Some(dry_run) => Ok(dry_run.unwrap_or(false)),
        None => Err(faults.into_problem()),
    }
}

/// Reads the revisions that each header names, if it was sent.
pub(in crate::http) fn named(
    if_match: &EntityTags,
    if_none_match: &EntityTags,
) -> Result<(Option<Named>, Option<Named>), Problem> {
    let mut faults = Faults::default();
    let wanted = faults.take("If-Match", if_match.parse());
    let unwanted = faults.take("If-None-Match", if_none_match.parse());
    match (wanted, unwanted) {
        (Some(wanted), Some(unwanted)) => Ok((wanted, unwanted)),
        _ => Err(faults.into_problem()),
    }
}

/// Converts the revisions of an `If-Match` header into a precondition.
pub(super) fn if_match(named: Named) -> IfMatch {
    match named {
        Named::All => IfMatch::Any,
        Named::These(revisions) => IfMatch::OneOf(revisions),
    }
}
