//! Tags in a query.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{ReadBudget, Stop, Tasks};
use crate::domain::task::{TaskFilter, TaskQuery};
use crate::store::StoreError;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{codec, table, task_key};

/// Returns the query with known tags: replaces a tag that no task has by a twin that some task has.
pub(super) fn known<'a>(
    tasks: &Tasks<'_>,
    query: &'a TaskQuery,
    cost: &mut ReadBudget,
) -> Result<Cow<'a, TaskQuery>, Stop> {
    let mut unknown: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let TaskFilter { tags, any_tags, no_tags, .. } = &query.filter;
    for (number, tag) in tags.iter().chain(any_tags).chain(no_tags).enumerate() {
        let key = task_key::tag_counts(tasks.owner, tag);
        if tasks.owned.get(key.as_slice())?.is_none() {
            unknown.entry(tag.caseless()).or_default().push(number);
        }
    }
    let mut query = Cow::Borrowed(query);
    if unknown.is_empty() {
        return Ok(query);
    }
    for entry in table::range(tasks.owned, &task_key::all_tag_counts(tasks.owner))? {
        let (key, _) = entry?;
        cost.row()?;
        let twin = task_key::tag(key.value()).ok_or_else(|| -> StoreError {
            codec::damaged(Table::Owned, key.value(), &"not a tag")
        })?;
        for number in unknown.remove(&twin.caseless()).into_iter().flatten() {
            if let Some(tag) = query.to_mut().filter.tags_mut().nth(number) {
                *tag = twin.clone();
            }
        }
        if unknown.is_empty() {
            break;
        }
    }
    Ok(query)
}
