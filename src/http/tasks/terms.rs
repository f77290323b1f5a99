//! What a request says beside the path and the body about how a task is to be changed.

use poem_openapi::param::Query;

use crate::domain::task::IfMatch;
use crate::http::etag::{EntityTags, Named};
use crate::http::param::{Faults, FlagParam};
use crate::http::problem::Problem;
use crate::service::Terms;

/// Reads the preconditions and whether the change is only tried.
pub(super) fn terms(
    if_match: &EntityTags,
    if_none_match: &EntityTags,
    dry_run: &Query<Option<FlagParam>>,
) -> Result<Terms, Problem> {
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
    Ok(Terms { if_match, dry_run })
}

/// Reads whether a change is only tried.
pub(super) fn is_dry(dry_run: &Query<Option<FlagParam>>) -> Result<bool, Problem> {
    let mut faults = Faults::default();
    match faults.take("dry_run", FlagParam::parse(dry_run.0.as_ref())) {
        Some(dry_run) => Ok(dry_run.unwrap_or(false)),
        None => Err(faults.into_problem()),
    }
}

/// Revisions that each header names, if it was sent.
pub(super) fn named(
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

/// Which revisions a change is meant for.
pub(super) fn if_match(named: Named) -> IfMatch {
    match named {
        Named::All => IfMatch::Any,
        Named::These(revisions) => IfMatch::OneOf(revisions),
    }
}
