//! Counts as stored records.

use bincode::{BorrowDecode, Encode};

use super::{V1, V2, V3, V4, V5, time, v1};
use crate::domain::id::{ListId, TaskId, UserId};
use crate::domain::position::Position;
use crate::domain::priority::Priority;
use crate::domain::quota::OwnQuota;
use crate::domain::task::TaskCounts;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::decide::HistoryUsage;
use crate::store::redb::format::codec::{Envelope, open, seal};
use crate::store::redb::format::key;
use crate::store::redb::format::key::Table;

#[derive(Encode, BorrowDecode)]
struct StatsV1 {
    tasks: u64,
    open: u64,
    newest_created_ms: i64,
    in_order: bool,
}

/// `by_priority`: all and open tasks, from the lowest priority to the highest.
#[derive(Encode, BorrowDecode)]
struct StatsV2 {
    newest_created_ms: i64,
    in_order: bool,
    by_priority: [(u64, u64); Priority::ALL.len()],
    nested: u64,
    tags: u64,
}

impl StatsV2 {
    fn stats(self, envelope: &Envelope<'_, '_>) -> Result<Stats, StoreError> {
        Ok(Stats {
            by_priority: self.by_priority.map(|(total, open)| TaskCounts { total, open }),
            nested: self.nested,
            tags: self.tags,
            newest: time(envelope, self.newest_created_ms)?,
            in_order: self.in_order,
            ..Stats::EMPTY
        })
    }
}

/// Extension of V2 by the bytes of all other rows, and the limits of this account.
#[derive(Encode, BorrowDecode)]
struct StatsV3 {
    counts: StatsV2,
    bytes: u64,
    max_tasks: Option<u64>,
    max_mib: Option<u64>,
}

/// Extension of V3 by the state of the indexes, and by values that would otherwise be read from an index. `last`: id and
/// position.
#[derive(Encode, BorrowDecode)]
struct StatsV4<'a> {
    before: StatsV3,
    is_indexed: bool,
    weight: u64,
    latest_change_ms: i64,
    last: Option<(u64, &'a str)>,
}

/// Extension of V4 by numbers of changes: the last one, the last of the account itself, and the last one that had a
/// tombstone which is gone. `tombstones`: their number. `lists`: number of lists besides the default list.
#[derive(Encode, BorrowDecode)]
struct StatsV5<'a> {
    before: StatsV4<'a>,
    seq: u64,
    account_seq: u64,
    horizon: u64,
    tombstones: u64,
    lists: u64,
    next_list: u64,
    changes: u64,
    trashed: u64,
    history_bytes: u64,
    forgotten: u64,
    tombstone_bytes: u64,
}

impl StatsV4<'_> {
    fn stats(self, envelope: &Envelope<'_, '_>) -> Result<Stats, StoreError> {
        let Self { before, is_indexed, weight, latest_change_ms, last } = self;
        let latest_change = time(envelope, latest_change_ms)?;
        let last = last.map(|(id, position)| LastTask {
            id: TaskId::new(id),
            position: Position::new_unchecked(position.to_owned()),
        });
        let before = before.stats(envelope)?;
        Ok(Stats { is_indexed, weight, latest_change, last, ..before })
    }
}

impl StatsV3 {
    fn stats(self, envelope: &Envelope<'_, '_>) -> Result<Stats, StoreError> {
        let own = OwnQuota { tasks: self.max_tasks, mib: self.max_mib };
        Ok(Stats { bytes: self.bytes, own, ..self.counts.stats(envelope)? })
    }
}

#[derive(Encode, BorrowDecode)]
struct TaskCountsV1 {
    tasks: u64,
    open: u64,
}

/// Average weight of a task up to which an account has no index entries, so that one transaction can add all of them, and
/// one list can read all tasks.
const WEIGHT_PER_TASK: u64 = 16;

/// Share of the limits at which an indexed account loses its entries.
const KEPT_SHARE: u64 = 4;

/// Place of a task at the end of its owner's order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LastTask {
    pub(crate) position: Position,
    pub(crate) id: TaskId,
}

impl LastTask {
    /// Maximum length of a stored position, in bytes. Positions at the end of an order are much shorter, unless a client
    /// chose them.
    const MAX_BYTES: usize = 32;

    /// Creates a place. `None` if its position is too long to be stored.
    pub(crate) fn new(position: Position, id: TaskId) -> Option<Self> {
        (position.as_str().len() <= Self::MAX_BYTES).then_some(Self { position, id })
    }
}

/// Statistics of all tasks of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Tasks of each priority, from the lowest to the highest.
    pub(crate) by_priority: [TaskCounts; Priority::ALL.len()],
    /// Number of tasks below another.
    pub(crate) nested: u64,
    /// Number of distinct tags.
    pub(crate) tags: u64,
    /// Latest time of creation so far, or of the last change of a deleted task.
    pub(crate) newest: Timestamp,
    /// Whether every task was created at a later time than the one before, so that ids sort like times. Lost
    /// for good when the clock steps back.
    pub(crate) in_order: bool,
    /// Key and value bytes of all rows of table `owned` under the account's id, except for the stats row.
    pub(crate) bytes: u64,
    /// Limits of this account, set by the operator or an administrator.
    pub(crate) own: OwnQuota,
    /// Whether the tasks have index entries. The tasks of a small account are scanned instead.
    pub(crate) is_indexed: bool,
    /// Sum of [`Task::weight`](crate::domain::task::Task) of all tasks.
    pub(crate) weight: u64,
    /// Latest change of any task so far.
    pub(crate) latest_change: Timestamp,
    /// Last task in the owner's order. `None` if there is none, or if its position is too long to be stored.
    pub(crate) last: Option<LastTask>,
    /// Number of the last change.
    pub(crate) seq: u64,
    /// Number of the last change of the account itself.
    pub(crate) account_seq: u64,
    /// Number of the last deletion whose tombstone is gone. A client that knows only earlier changes begins anew.
    pub(crate) horizon: u64,
    /// Number of tombstones.
    pub(crate) tombstones: u64,
    /// Bytes of tombstones and of the rows by which they are found.
    pub(crate) tombstone_bytes: u64,
    /// Number of lists besides the default list.
    pub(crate) lists: u64,
    /// Id of the next list.
    pub(crate) next_list: u64,
    /// Size of the history.
    pub(crate) history: HistoryUsage,
}

impl Stats {
    pub(crate) const EMPTY: Self = Self {
        by_priority: [TaskCounts { total: 0, open: 0 }; Priority::ALL.len()],
        nested: 0,
        tags: 0,
        newest: Timestamp::EPOCH,
        in_order: true,
        bytes: 0,
        own: OwnQuota { tasks: None, mib: None },
        is_indexed: false,
        weight: 0,
        latest_change: Timestamp::EPOCH,
        last: None,
        seq: 0,
        account_seq: 0,
        horizon: 0,
        tombstones: 0,
        tombstone_bytes: 0,
        lists: 0,
        next_list: ListId::DEFAULT.get() + 1,
        history: HistoryUsage { changes: 0, trashed: 0, bytes: 0, forgotten: 0 },
    };

    /// Whether the tasks should have index entries: more than `scan_at_most` tasks, or very heavy ones. An indexed account keeps its entries until it is well below the limits.
    pub(crate) fn wants_index(&self, scan_at_most: u64) -> bool {
        let share = if self.is_indexed { KEPT_SHARE } else { 1 };
        let weight = scan_at_most.saturating_mul(WEIGHT_PER_TASK);
        self.counts().total > scan_at_most / share || self.weight > weight / share
    }

    /// Returns the bytes of the history and of the tombstones, which make room for a write that needs it.
    pub(crate) const fn traces(&self) -> u64 {
        self.history.bytes.saturating_add(self.tombstone_bytes)
    }

    /// Counts all tasks.
    pub(crate) fn counts(&self) -> TaskCounts {
        let sum = |of: fn(&TaskCounts) -> u64| {
            self.by_priority.iter().map(of).fold(0, u64::saturating_add)
        };
        TaskCounts { total: sum(|it| it.total), open: sum(|it| it.open) }
    }

    /// Returns the counts of one priority.
    pub(crate) fn of(&self, priority: Priority) -> TaskCounts {
        let mut all = Priority::ALL.iter().zip(self.by_priority);
        all.find(|(it, _)| **it == priority).map(|(_, counts)| counts).unwrap_or_default()
    }

    /// Returns the counts of some different priorities, or of all if there are none.
    pub(crate) fn with_priorities(&self, priorities: &[Priority]) -> TaskCounts {
        if priorities.is_empty() {
            return self.counts();
        }
        let mut counts = TaskCounts::default();
        for priority in priorities {
            let TaskCounts { total, open } = self.of(*priority);
            counts.total = counts.total.saturating_add(total);
            counts.open = counts.open.saturating_add(open);
        }
        counts
    }

    /// Returns the counts of one priority, to be changed.
    pub(crate) fn of_mut(&mut self, priority: Priority) -> &mut TaskCounts {
        let [none, low, medium, high, urgent] = &mut self.by_priority;
        match priority {
            Priority::None => none,
            Priority::Low => low,
            Priority::Medium => medium,
            Priority::High => high,
            Priority::Urgent => urgent,
        }
    }
}

/// Place of the stats of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatsPlace {
    /// Before all other rows, in formats 1 to 5.
    Former,
    /// Directly behind the tasks.
    Current,
}

impl StatsPlace {
    /// Returns the place in files of a format.
    pub(crate) const fn in_format(format: u64) -> Self {
        if format < 6 { Self::Former } else { Self::Current }
    }

    pub(crate) fn key(self, owner: UserId) -> [u8; UserId::LEN + 1] {
        match self {
            Self::Former => key::former_stats(owner),
            Self::Current => key::stats(owner),
        }
    }

    pub(crate) fn encode(
        self,
        owner: UserId,
        stats: &Stats,
    ) -> Result<Vec<u8>, StoreError> {
        encode(&self.key(owner), stats)
    }

    pub(crate) fn decode(self, owner: UserId, value: &[u8]) -> Result<Stats, StoreError> {
        decode(&self.key(owner), value)
    }
}

pub(crate) fn stats(owner: UserId, stats: &Stats) -> Result<Vec<u8>, StoreError> {
    StatsPlace::Current.encode(owner, stats)
}

fn encode(key: &[u8], stats: &Stats) -> Result<Vec<u8>, StoreError> {
    let counts = StatsV2 {
        newest_created_ms: stats.newest.as_millis(),
        in_order: stats.in_order,
        by_priority: stats.by_priority.map(|it| (it.total, it.open)),
        nested: stats.nested,
        tags: stats.tags,
    };
    let OwnQuota { tasks: max_tasks, mib: max_mib } = stats.own;
    let before = StatsV3 { counts, bytes: stats.bytes, max_tasks, max_mib };
    let before = StatsV4 {
        before,
        is_indexed: stats.is_indexed,
        weight: stats.weight,
        latest_change_ms: stats.latest_change.as_millis(),
        last: stats.last.as_ref().map(|it| (it.id.get(), it.position.as_str())),
    };
    let record = StatsV5 {
        before,
        seq: stats.seq,
        account_seq: stats.account_seq,
        horizon: stats.horizon,
        tombstones: stats.tombstones,
        lists: stats.lists,
        next_list: stats.next_list,
        changes: stats.history.changes,
        trashed: stats.history.trashed,
        history_bytes: stats.history.bytes,
        forgotten: stats.history.forgotten,
        tombstone_bytes: stats.tombstone_bytes,
    };
    seal(Table::Owned, key, V5, &record)
}

pub(crate) fn decode_stats(owner: UserId, value: &[u8]) -> Result<Stats, StoreError> {
    StatsPlace::Current.decode(owner, value)
}

fn decode(key: &[u8], value: &[u8]) -> Result<Stats, StoreError> {
    let envelope = open(Table::Owned, key, value)?;
    match envelope.version {
        V1 => {
            let record: StatsV1 = envelope.record()?;
            let mut stats = Stats {
                newest: time(&envelope, record.newest_created_ms)?,
                in_order: record.in_order,
                ..Stats::EMPTY
            };
            *stats.of_mut(Priority::None) =
                TaskCounts { total: record.tasks, open: record.open };
            Ok(stats)
        }
        V2 => {
            let record: StatsV2 = envelope.record()?;
            record.stats(&envelope)
        }
        V3 => envelope.record::<StatsV3>()?.stats(&envelope),
        V4 => envelope.record::<StatsV4<'_>>()?.stats(&envelope),
        V5 => {
            let record: StatsV5<'_> = envelope.record()?;
            let StatsV5 {
                before,
                seq,
                account_seq,
                horizon,
                tombstones,
                lists,
                next_list,
                changes,
                trashed,
                history_bytes: bytes,
                forgotten,
                tombstone_bytes,
            } = record;
            let history = HistoryUsage { changes, trashed, bytes, forgotten };
            let before = before.stats(&envelope)?;
            Ok(Stats {
                seq,
                account_seq,
                horizon,
                tombstones,
                tombstone_bytes,
                lists,
                next_list,
                history,
                ..before
            })
        }
        _ => Err(envelope.unknown_version()),
    }
}

pub(crate) fn task_counts(key: &[u8], counts: TaskCounts) -> Result<Vec<u8>, StoreError> {
    let record = TaskCountsV1 { tasks: counts.total, open: counts.open };
    seal(Table::Owned, key, V1, &record)
}

pub(crate) fn decode_task_counts(
    key: &[u8],
    value: &[u8],
) -> Result<TaskCounts, StoreError> {
    let envelope = open(Table::Owned, key, value)?;
    let record: TaskCountsV1 = v1(&envelope)?.record()?;
    Ok(TaskCounts { total: record.tasks, open: record.open })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::hex::hex;

    proptest! {
        #[test]
        fn stats_survive_the_round_trip(
            newest in 0..Timestamp::MAX.as_millis(),
            counts in any::<[(u64, u64); 5]>(),
            more in any::<(u64, u64)>(),
            quota in any::<(u64, Option<u64>, Option<u64>)>(),
            flags in any::<(bool, bool)>(),
            weight in any::<u64>(),
        ) {
            let owner = UserId::new(7);
            let by_priority = counts.map(|(total, open)| TaskCounts { total, open });
            let newest = Timestamp::from_millis(newest).unwrap();
            let own = OwnQuota { tasks: quota.1, mib: quota.2 };
            let (nested, tags) = more;
            let bytes = quota.0;
            let (in_order, is_indexed) = flags;
            let latest_change = newest;
            let position = Position::of_number(weight);
            let last = is_indexed.then(|| LastTask { position, id: TaskId::new(weight) });
            let written = Stats {
                by_priority, nested, tags, newest, in_order, bytes, own, is_indexed, weight, latest_change, last,
                seq: weight, account_seq: bytes, horizon: nested, tombstones: tags, tombstone_bytes: weight,
                lists: nested, next_list: tags,
                history: HistoryUsage { changes: weight, trashed: tags, bytes: nested, forgotten: tags },
            };
            let bytes = stats(owner, &written).unwrap();
            prop_assert_eq!(decode_stats(owner, &bytes).unwrap(), written);
        }
    }

    #[test]
    fn the_first_record_is_read_for_ever() {
        let owner = UserId::new(7);
        let record = StatsV1 { tasks: 3, open: 2, newest_created_ms: 4, in_order: true };
        let bytes = seal(Table::Owned, &key::former_stats(owner), V1, &record).unwrap();
        assert_eq!(hex(&bytes[9..]), "03020801");
        let read = StatsPlace::Former.decode(owner, &bytes).unwrap();
        assert_eq!(read.counts(), TaskCounts { total: 3, open: 2 });
        assert_eq!(read.of(Priority::None), read.counts());
    }

    #[test]
    fn the_second_record_is_read_for_ever() {
        let owner = UserId::new(7);
        let by_priority = [(0, 0), (0, 0), (0, 0), (0, 0), (2, 1)];
        let (newest_created_ms, in_order, nested, tags) = (4, true, 3, 4);
        let record = StatsV2 { newest_created_ms, in_order, by_priority, nested, tags };
        let bytes = seal(Table::Owned, &key::former_stats(owner), V2, &record).unwrap();
        assert_eq!(hex(&bytes[9..]), "0801000000000000000002010304");
        let read = StatsPlace::Former.decode(owner, &bytes).unwrap();
        assert_eq!((read.nested, read.tags, read.bytes), (3, 4, 0));
        assert_eq!(read.of(Priority::Urgent), TaskCounts { total: 2, open: 1 });
    }

    #[test]
    fn the_third_record_is_read_for_ever() {
        let owner = UserId::new(7);
        let by_priority = [(0, 0), (0, 0), (0, 0), (0, 0), (2, 1)];
        let counts = StatsV2 {
            newest_created_ms: 0,
            in_order: true,
            by_priority,
            nested: 3,
            tags: 4,
        };
        let record = StatsV3 { counts, bytes: 5, max_tasks: Some(6), max_mib: None };
        let bytes = seal(Table::Owned, &key::former_stats(owner), V3, &record).unwrap();
        assert_eq!(hex(&bytes[9..]), "000100000000000000000201030405010600");
        let read = StatsPlace::Former.decode(owner, &bytes).unwrap();
        assert_eq!((read.bytes, read.own.tasks, read.own.mib), (5, Some(6), None));
        assert_eq!((read.is_indexed, read.weight, read.last), (false, 0, None));
    }

    #[test]
    fn the_fourth_record_is_read_for_ever() {
        let owner = UserId::new(7);
        let counts = StatsV2 {
            newest_created_ms: 0,
            in_order: true,
            by_priority: [(0, 0), (0, 0), (0, 0), (0, 0), (2, 1)],
            nested: 3,
            tags: 4,
        };
        let before = StatsV3 { counts, bytes: 5, max_tasks: Some(6), max_mib: None };
        let record = StatsV4 {
            before,
            is_indexed: true,
            weight: 7,
            latest_change_ms: 4,
            last: Some((9, "a1")),
        };
        let bytes = seal(Table::Owned, &key::stats(owner), V4, &record).unwrap();
        let first_three = "000100000000000000000201030405010600";
        assert_eq!(hex(&bytes[9..]), format!("{first_three}0107080109026131"));
        let read = StatsPlace::Current.decode(owner, &bytes).unwrap();
        assert_eq!((read.is_indexed, read.weight, read.seq), (true, 7, 0));
    }

    #[test]
    fn the_records_never_change() {
        let owner = UserId::new(7);
        let own = OwnQuota { tasks: Some(6), mib: None };
        let mut written = Stats { nested: 3, tags: 4, bytes: 5, own, ..Stats::EMPTY };
        *written.of_mut(Priority::Urgent) = TaskCounts { total: 2, open: 1 };
        written.is_indexed = true;
        written.weight = 7;
        written.latest_change = Timestamp::from_millis(4).unwrap();
        (written.seq, written.account_seq) = (5, 6);
        (written.horizon, written.tombstones) = (7, 8);
        (written.lists, written.next_list) = (9, 10);
        written.history =
            HistoryUsage { changes: 11, trashed: 12, bytes: 13, forgotten: 14 };
        written.tombstone_bytes = 15;
        written.last =
            Some(LastTask { position: Position::of_number(1), id: TaskId::new(9) });
        let bytes = stats(owner, &written).unwrap();
        let first_three = "000100000000000000000201030405010600";
        assert_eq!(
            hex(&bytes[9..]),
            format!("{first_three}010708010902613105060708090a0b0c0d0e0f")
        );
        let bytes = task_counts(b"k", TaskCounts { total: 2, open: 1 }).unwrap();
        assert_eq!(hex(&bytes[9..]), "0201");
    }

    #[test]
    fn index_entries_come_beyond_the_limits_and_go_well_below_them() {
        let with = |total, weight, is_indexed| {
            let mut stats = Stats { is_indexed, weight, ..Stats::EMPTY };
            *stats.of_mut(Priority::None) = TaskCounts { total, open: total };
            stats.wants_index(8)
        };
        assert!(!with(8, 8 * 16, false));
        assert!(with(9, 9, false));
        assert!(with(1, 8 * 16 + 1, false));
        assert!(with(3, 3, true));
        assert!(with(1, 2 * 16 + 1, true));
        assert!(!with(2, 2 * 16, true));
    }
}
