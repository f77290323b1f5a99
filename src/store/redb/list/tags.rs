//! Tags that somebody looks for.

use std::borrow::Cow;

use super::{Cost, Halt, Tasks};
use crate::domain::tag::Tag;
use crate::domain::task::TaskQuery;
use crate::store::StoreError;
use crate::store::redb::key::Table;
use crate::store::redb::{codec, table, task_key};

/// The query with tags that tasks have: in place of one that none has, its twin that some task has.
pub(super) fn known<'a>(
    tasks: &Tasks<'_>,
    query: &'a TaskQuery,
    cost: &mut Cost,
) -> Result<Cow<'a, TaskQuery>, Halt> {
    let mut query = Cow::Borrowed(query);
    for number in 0..query.filter.tags.len() {
        let Some(tag) = query.filter.tags.get(number) else { break };
        let key = task_key::tag_counts(tasks.owner, tag);
        if tasks.owned.get(key.as_slice())?.is_some() {
            continue;
        }
        if let Some(twin) = twin(tasks, tag, cost)?
            && let Some(tag) = query.to_mut().filter.tags.get_mut(number)
        {
            *tag = twin;
        }
    }
    Ok(query)
}

fn twin(tasks: &Tasks<'_>, tag: &Tag, cost: &mut Cost) -> Result<Option<Tag>, Halt> {
    let caseless = tag.caseless();
    for entry in table::range(tasks.owned, &task_key::all_tag_counts(tasks.owner))? {
        let (key, _) = entry?;
        cost.row()?;
        let other = task_key::tag(key.value()).ok_or_else(|| -> StoreError {
            codec::damaged(Table::Owned, key.value(), &"not a tag")
        })?;
        if other.caseless() == caseless {
            return Ok(Some(other));
        }
    }
    Ok(None)
}
