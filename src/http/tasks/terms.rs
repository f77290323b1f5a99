//! What a request says beside the path and the body about how a task is to be changed.

use poem_openapi::param::{Header, Query};

use crate::http::etag;
use crate::http::param::{Faults, FlagParam, TagsParam};
use crate::http::problem::Problem;
use crate::service::Terms;

pub(super) const IF_MATCH: &str = "If-Match";

/// Reads a header of one text and a flag.
pub(super) fn terms(
    if_match: &Header<Option<TagsParam>>,
    dry_run: &Query<Option<FlagParam>>,
) -> Result<Terms, Problem> {
    let mut faults = Faults::default();
    let if_match = if_match.0.as_ref().map(|text| etag::if_match(text.as_str()));
    let if_match = faults.take(IF_MATCH, if_match.transpose());
    let dry_run = faults.take("dry_run", FlagParam::parse(dry_run.0.as_ref()));
    match (if_match, dry_run) {
        (Some(if_match), Some(dry_run)) => {
            Ok(Terms { if_match, dry_run: dry_run.unwrap_or(false) })
        }
        _ => Err(faults.into_problem()),
    }
}

/// Reads the flag alone.
pub(super) fn is_dry(dry_run: &Query<Option<FlagParam>>) -> Result<bool, Problem> {
    terms(&Header(None), dry_run).map(|terms| terms.dry_run)
}
