//! Scan of index entries, merged from several scans of an index into one order.

use std::ops::Bound;

use super::{ReadBudget, Stop};
use crate::domain::due::DueRange;
use crate::domain::timestamp::Timestamp;
use crate::store::redb::format::table::{Snapshot, Value};
use crate::store::redb::format::task_key;
use crate::store::redb::format::task_key::KeyPrefix;

/// Range of ends.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) from: Bound<Vec<u8>>,
    pub(super) to: Bound<Vec<u8>>,
}

impl Bounds {
    pub(super) const NONE: Self = Self { from: Bound::Unbounded, to: Bound::Unbounded };

    /// Range of the ends that may be due in a range. It includes others ([`task_key::is_due_in`]).
    pub(super) fn due(range: &DueRange) -> Self {
        let (first, last) = task_key::due_ends(range);
        Self { from: Bound::Included(first), to: Bound::Excluded(last) }
    }

    /// Range of the ends of tasks that were changed at a time or later.
    pub(super) fn changed_since(since: Timestamp) -> Self {
        Self { from: Bound::Included(task_key::time(since).to_vec()), ..Self::NONE }
    }

    /// Restricts the range to the ends after an end, in either direction.
    pub(super) fn after(&self, end: &[u8], descending: bool) -> Self {
        let here = Bound::Excluded(end.to_vec());
        let mut bounds = self.clone();
        if descending {
            bounds.to = lesser(bounds.to, here);
        } else {
            bounds.from = greater(bounds.from, here);
        }
        bounds
    }
}

fn lesser(one: Bound<Vec<u8>>, other: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match (value(&one), value(&other)) {
        (Some(a), Some(b)) if a < b => one,
        (None, _) | (Some(_), Some(_)) => other,
        (Some(_), None) => one,
    }
}

fn greater(one: Bound<Vec<u8>>, other: Bound<Vec<u8>>) -> Bound<Vec<u8>> {
    match (value(&one), value(&other)) {
        (Some(a), Some(b)) if a > b => one,
        (None, _) | (Some(_), Some(_)) => other,
        (Some(_), None) => one,
    }
}

fn value(bound: &Bound<Vec<u8>>) -> Option<&Vec<u8>> {
    match bound {
        Bound::Included(value) | Bound::Excluded(value) => Some(value),
        Bound::Unbounded => None,
    }
}

pub(super) struct MergedScan<'a> {
    sources: Vec<Source<'a>>,
    descending: bool,
}

/// Entries of one index with the same prefix, in a range of ends.
pub(super) struct Source<'a> {
    entries: redb::Range<'a, &'static [u8], &'static [u8]>,
    prefix: KeyPrefix,
    /// Next end, once it was read.
    next: Option<Vec<u8>>,
    is_over: bool,
}

impl<'a> MergedScan<'a> {
    pub(super) fn open(
        owned: &'a Snapshot,
        beginnings: &[KeyPrefix],
        bounds: &Bounds,
        descending: bool,
    ) -> Result<Self, Stop> {
        let sources = beginnings.iter().map(|prefix| Source::open(owned, prefix, bounds));
        let sources = sources.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Self { sources, descending })
    }

    /// Returns the next end.
    pub(super) fn next(
        &mut self,
        cost: &mut ReadBudget,
    ) -> Result<Option<Vec<u8>>, Stop> {
        for source in &mut self.sources {
            source.look(self.descending, cost)?;
        }
        let ready = self.sources.iter_mut().filter(|source| source.next.is_some());
        let first = if self.descending {
            ready.max_by(|a, b| a.next.cmp(&b.next))
        } else {
            ready.min_by(|a, b| a.next.cmp(&b.next))
        };
        Ok(first.and_then(|source| source.next.take()))
    }
}

impl<'a> Source<'a> {
    /// Opens a range. `None` if it is empty whatever the entries.
    pub(super) fn open(
        owned: &'a Snapshot,
        prefix: &KeyPrefix,
        bounds: &Bounds,
    ) -> Result<Option<Self>, Stop> {
        let (first, last) = prefix.range().into_inner();
        let from = at(prefix, &bounds.from).unwrap_or(Bound::Included(first));
        let to = at(prefix, &bounds.to).unwrap_or(Bound::Included(last));
        if is_empty(&from, &to) {
            return Ok(None);
        }
        let entries = owned.range::<&[u8]>((as_slice(&from), as_slice(&to)))?;
        let prefix = prefix.clone();
        Ok(Some(Self { entries, prefix, next: None, is_over: false }))
    }

    /// Returns the key of the next entry.
    pub(super) fn next_key(
        &mut self,
        descending: bool,
        cost: &mut ReadBudget,
    ) -> Result<Option<Value<'a>>, Stop> {
        let entry =
            if descending { self.entries.next_back() } else { self.entries.next() };
        let Some(entry) = entry else { return Ok(None) };
        cost.row()?;
        let (key, _) = entry?;
        Ok(Some(key))
    }

    fn look(&mut self, descending: bool, cost: &mut ReadBudget) -> Result<(), Stop> {
        if self.next.is_some() || self.is_over {
            return Ok(());
        }
        match self.next_key(descending, cost)? {
            Some(key) => self.next = Some(self.prefix.end(key.value()).to_vec()),
            None => self.is_over = true,
        }
        Ok(())
    }
}

fn at(prefix: &KeyPrefix, bound: &Bound<Vec<u8>>) -> Option<Bound<Vec<u8>>> {
    match bound {
        Bound::Included(end) => Some(Bound::Included(prefix.at(end))),
        Bound::Excluded(end) => Some(Bound::Excluded(prefix.at(end))),
        Bound::Unbounded => None,
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

/// Whether a range is empty; redb panics over ranges that end before they begin.
fn is_empty(from: &Bound<Vec<u8>>, to: &Bound<Vec<u8>>) -> bool {
    match (value(from), value(to)) {
        (Some(a), Some(b)) if a == b => {
            !matches!((from, to), (Bound::Included(_), Bound::Included(_)))
        }
        (Some(a), Some(b)) => a > b,
        _ => false,
    }
}
