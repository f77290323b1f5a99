//! Counts of the tasks of an account.

use redb::ReadTransaction;

use super::merged_scan::{EntryRange, Source};
use super::{ReadBudget, Stop, Tasks, scan};
use crate::domain::due::DueRange;
use crate::domain::id::UserId;
use crate::domain::task::{TagCounts, TaskSummary};
use crate::store::StoreError;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::task_key;
use crate::store::redb::format::{codec, record, table};
use crate::store::redb::tasks::stats;

/// Reads one row per tag, and one entry per open task that is due in the range. `None` if that costs more than
/// it may.
pub(in crate::store::redb) fn summary(
    txn: &ReadTransaction,
    owner: UserId,
    overdue: &DueRange,
    cost: &mut ReadBudget,
) -> Result<Option<TaskSummary>, StoreError> {
    let owned = table::open(txn, Table::Owned)?;
    let Some(stats) = stats(&owned, owner)? else {
        return Ok(Some(TaskSummary::default()));
    };
    let mut tags = Vec::new();
    for entry in table::range(&owned, &task_key::all_tag_counts(owner))? {
        let (key, value) = entry?;
        let counts = record::decode_task_counts(key.value(), value.value())?;
        let tag = task_key::tag(key.value())
            .ok_or_else(|| codec::damaged(Table::Owned, key.value(), &"not a tag"))?;
        tags.push(TagCounts { tag, counts });
    }
    let tasks = Tasks { owned: &owned, owner, stats };
    let counted = if tasks.stats.is_indexed {
        count(&owned, owner, overdue, cost)
    } else {
        scan::overdue(&tasks, overdue, cost)
    };
    match counted {
        Ok(overdue) => {
            let counts = tasks.stats.counts();
            Ok(Some(TaskSummary { counts, overdue, tags }))
        }
        Err(Stop::OverBudget) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn count(
    owned: &table::Snapshot,
    owner: UserId,
    overdue: &DueRange,
    cost: &mut ReadBudget,
) -> Result<u64, Stop> {
    let mut count = 0;
    for range in EntryRange::due(owner, &[false], Some(overdue)) {
        let Some(mut source) = Source::open(owned, &range)? else { continue };
        while source.next_key(false, cost)?.is_some() {
            count += 1;
        }
    }
    Ok(count)
}
