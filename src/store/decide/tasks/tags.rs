//! Tags that a request adds to a task.

use super::overlay::TaskOverlay;
use super::write::Decided;
use crate::domain::tag::{Tag, Tags};
use crate::domain::task::TaskRefused;
use crate::domain::visible::is_visible;
use crate::store::StoreError;

/// Maximum number of tags of an account that are examined: an import may bring more than requests.
const MOST: usize = 2_000;

/// Returns the tags that a task gets: a tag that no task has is replaced by its twin that some task has, and only one
/// of two twins stays. Previous tags of the task are not examined. A refusal names the `field`.
pub(super) fn settle(
    overlay: &mut TaskOverlay<'_>,
    before: &Tags,
    wanted: Tags,
    field: &'static str,
) -> Decided<Tags> {
    let mut settled = Vec::with_capacity(wanted.len());
    for tag in wanted.iter() {
        if before.contains(tag) {
            settled.push(tag.clone());
        } else if !is_visible(tag.as_str()) {
            return Ok(Err(TaskRefused::Invisible(field)));
        } else {
            settled.push(used(overlay, before, tag)?.unwrap_or_else(|| tag.clone()));
        }
    }
    // The number was valid before some tags became equal.
    let settled = Tags::new(settled).unwrap_or(wanted);
    Ok(Ok(settled.without_twins(before)))
}

/// Returns the tags that are added to those of a task, without twins of tags that it keeps.
pub(super) fn settle_added(
    overlay: &mut TaskOverlay<'_>,
    before: &Tags,
    removed: Option<&Tags>,
    added: Tags,
) -> Decided<Tags> {
    let kept = before.clone().without(removed);
    let has_twin = |tag: &Tag| kept.iter().any(|it| it.caseless() == tag.caseless());
    let new = added.iter().filter(|tag| !has_twin(tag)).cloned().collect();
    settle(overlay, before, Tags::new(new).unwrap_or(added), "tags_add")
}

/// Returns the existing twin of a tag that no task has. A tag that only this task has may be respelled.
fn used(
    overlay: &mut TaskOverlay<'_>,
    before: &Tags,
    tag: &Tag,
) -> Result<Option<Tag>, StoreError> {
    if overlay.is_tag_used(tag, 0)? {
        return Ok(None);
    }
    for twin in overlay.twins(tag, MOST)? {
        let others = u64::from(before.contains(&twin));
        if overlay.is_tag_used(&twin, others)? {
            return Ok(Some(twin));
        }
    }
    Ok(None)
}
