//! Scan of index entries, merged from several scans of an index into one order.

use std::ops::Bound;

use super::{ReadBudget, Stop};
use crate::domain::due::{DAY_MS, DayStarts, DueRange, first_day_from, moment_of};
use crate::domain::id::UserId;
use crate::domain::task::due_key;
use crate::domain::time_zone::TimeZone;
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

    /// Range of the ends of tasks that were changed at a time or later.
    pub(super) fn changed_since(since: Timestamp) -> Self {
        Self { from: Bound::Included(task_key::time(since).to_vec()), ..Self::NONE }
    }

    /// Restricts the range to the ends behind a bound in the direction of the list.
    fn behind(&self, bound: Bound<Vec<u8>>, descending: bool) -> Self {
        let mut bounds = self.clone();
        if descending {
            bounds.to = lesser(bounds.to, bound);
        } else {
            bounds.from = greater(bounds.from, bound);
        }
        bounds
    }
}

/// Entries of one index with the same prefix, in a range of ends.
#[derive(Clone)]
pub(super) struct EntryRange {
    pub(super) prefix: KeyPrefix,
    pub(super) bounds: Bounds,
    /// Shape of the due dates or times of the entries, if they are of the index by due date.
    shape: Option<u8>,
}

impl From<KeyPrefix> for EntryRange {
    fn from(prefix: KeyPrefix) -> Self {
        Self { prefix, bounds: Bounds::NONE, shape: None }
    }
}

impl EntryRange {
    /// Returns the entries of tasks in these states with a due date or time, or with one in a range.
    pub(super) fn due(
        owner: UserId,
        states: &[bool],
        range: Option<&DueRange>,
    ) -> Vec<Self> {
        let number = |number: i64| number.max(0).to_be_bytes().to_vec();
        let between = |from: i64, to: i64| Bounds {
            from: Bound::Included(number(from)),
            to: Bound::Excluded(number(to)),
        };
        let bounds = range.map(|DueRange { days, millis }| {
            let day = |day: i32| i64::from(day) * DAY_MS;
            [between(day(days.start), day(days.end)), between(millis.start, millis.end)]
        });
        let [of_days, of_times] = bounds.unwrap_or([Bounds::NONE, Bounds::NONE]);
        let shapes = [(DAY, of_days), (TIME, of_times)];
        let of_state = |state: &bool| {
            let state = *state;
            shapes.clone().map(|(shape, bounds)| Self {
                prefix: KeyPrefix::due(owner, state, shape),
                bounds,
                shape: Some(shape),
            })
        };
        states.iter().flat_map(of_state).collect()
    }

    /// Restricts the range to the entries behind a place, in the direction of the list.
    pub(super) fn behind(&self, place: &[u8], descending: bool, home: &TimeZone) -> Self {
        let bound = match (self.shape, DuePlace::of(place)) {
            (Some(shape), Some(due)) if shape != due.shape => due.first_of(shape, home),
            (Some(_), Some(due)) => Bound::Excluded(due.end.to_vec()),
            _ => Bound::Excluded(place.to_vec()),
        };
        // The first entry behind a place of the other shape is the last one before it in the other direction.
        let bound = match bound {
            Bound::Included(end) if descending => Bound::Excluded(end),
            bound => bound,
        };
        Self { bounds: self.bounds.behind(bound, descending), ..self.clone() }
    }
}

/// Shapes of due dates and times.
const DAY: u8 = 0;
const TIME: u8 = 1;

/// Place in the order of due dates and times, taken apart ([`due_key`]).
struct DuePlace<'a> {
    shape: u8,
    number: i64,
    /// End of an entry of this shape.
    end: &'a [u8],
}

impl<'a> DuePlace<'a> {
    fn of(place: &'a [u8]) -> Option<Self> {
        let (shape, end) = place.get(8..)?.split_first()?;
        let number = i64::from_be_bytes(*end.first_chunk()?);
        Some(Self { shape: *shape, number, end })
    }

    /// Returns the bound of the entries of the other shape that come after this place.
    fn first_of(&self, shape: u8, home: &TimeZone) -> Bound<Vec<u8>> {
        let moment = moment_of((self.number, self.shape), home);
        let first = if shape == TIME {
            moment
        } else {
            // A day comes before a time at its first moment.
            let after = Timestamp::from_millis(moment + 1).unwrap_or(Timestamp::MAX);
            i64::from(first_day_from(after, home)) * DAY_MS
        };
        Bound::Included(first.to_be_bytes().to_vec())
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

/// Entries of several ranges, in one order.
pub(super) struct MergedScan<'a> {
    sources: Vec<Source<'a>>,
    descending: bool,
    days: DayStarts,
}

/// Entries of one range.
pub(super) struct Source<'a> {
    entries: redb::Range<'a, &'static [u8], &'static [u8]>,
    range: EntryRange,
    /// Next place, once it was read.
    next: Option<Vec<u8>>,
    is_over: bool,
}

impl<'a> MergedScan<'a> {
    /// Opens ranges. Dates without a time begin in the `home` zone.
    pub(super) fn open(
        owned: &'a Snapshot,
        ranges: &[EntryRange],
        descending: bool,
        home: &TimeZone,
    ) -> Result<Self, Stop> {
        let sources = ranges.iter().map(|range| Source::open(owned, range));
        let sources = sources.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Self { sources, descending, days: DayStarts::new(home) })
    }

    /// Returns the next place.
    pub(super) fn next(
        &mut self,
        cost: &mut ReadBudget,
    ) -> Result<Option<Vec<u8>>, Stop> {
        for source in &mut self.sources {
            source.look(self.descending, &mut self.days, cost)?;
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
        range: &EntryRange,
    ) -> Result<Option<Self>, Stop> {
        let EntryRange { prefix, bounds, .. } = range;
        let (first, last) = prefix.range().into_inner();
        let from = at(prefix, &bounds.from).unwrap_or(Bound::Included(first));
        let to = at(prefix, &bounds.to).unwrap_or(Bound::Included(last));
        if is_empty(&from, &to) {
            return Ok(None);
        }
        let entries = owned.range::<&[u8]>((as_slice(&from), as_slice(&to)))?;
        Ok(Some(Self { entries, range: range.clone(), next: None, is_over: false }))
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

    fn look(
        &mut self,
        descending: bool,
        days: &mut DayStarts,
        cost: &mut ReadBudget,
    ) -> Result<(), Stop> {
        if self.next.is_some() || self.is_over {
            return Ok(());
        }
        match self.next_key(descending, cost)? {
            Some(key) => self.next = Some(self.place(key.value(), days)),
            None => self.is_over = true,
        }
        Ok(())
    }

    /// Returns the place of an entry in the order of its index.
    fn place(&self, key: &[u8], days: &mut DayStarts) -> Vec<u8> {
        let end = self.range.prefix.end(key);
        let number = end.split_first_chunk();
        match (self.range.shape, number) {
            (Some(shape), Some((number, id))) => {
                let due = (i64::from_be_bytes(*number), shape);
                let mut place = due_key(due, days.moment_of(due));
                place.extend(id);
                place
            }
            _ => end.to_vec(),
        }
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
