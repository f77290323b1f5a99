//! Counters of the writer, the readers and the verifying backend of the file.

use std::time::Duration;

use crate::domain::quota::QuotaExceeded;
use crate::domain::task::{TaskRefused, TaskWritten};
use crate::domain::user::Refused;
use crate::metrics::{Counter, Histogram, Unit};
use crate::store::StoreError;
use crate::store::metrics::Commits;

/// Counts since the file was opened.
#[derive(Debug)]
pub(in crate::store::redb) struct Meters {
    pub(in crate::store::redb) commit_times: Histogram,
    pub(in crate::store::redb) commit_rows: Histogram,
    pub(in crate::store::redb) commit_writes: Histogram,
    pub(in crate::store::redb) commits_failed: Counter,
    pub(in crate::store::redb) syncs: Histogram,
    pub(in crate::store::redb) page_reads: Counter,
    pub(in crate::store::redb) page_read_bytes: Counter,
    refused: Refusals,
    quota: QuotaRefusals,
}

#[derive(Debug, Default)]
struct Refusals {
    busy: Counter,
    account_busy: Counter,
    disk_full: Counter,
    disk_short: Counter,
}

#[derive(Debug, Default)]
struct QuotaRefusals {
    tasks: Counter,
    bytes: Counter,
    accounts: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            commit_times: Histogram::new(Unit::Time),
            commit_rows: Histogram::new(Unit::Size),
            commit_writes: Histogram::new(Unit::Size),
            commits_failed: Counter::default(),
            syncs: Histogram::new(Unit::Time),
            page_reads: Counter::default(),
            page_read_bytes: Counter::default(),
            refused: Refusals::default(),
            quota: QuotaRefusals::default(),
        }
    }
}

impl Meters {
    /// Counts a commit.
    pub(in crate::store::redb) fn committed(
        &self,
        took: Duration,
        rows: u64,
        writes: usize,
    ) {
        self.commit_times.add_time(took);
        self.commit_rows.add(rows);
        self.commit_writes.add(u64::try_from(writes).unwrap_or(u64::MAX));
    }

    /// Counts a write without effect, if it was refused.
    pub(in crate::store::redb) fn refused(&self, error: &StoreError) {
        match error {
            StoreError::Busy => self.refused.busy.add(1),
            StoreError::AccountBusy => self.refused.account_busy.add(1),
            StoreError::DiskFull => self.refused.disk_full.add(1),
            StoreError::DiskShort => self.refused.disk_short.add(1),
            StoreError::Quota(exceeded) => self.over_quota(exceeded),
            _ => {}
        }
    }

    /// Counts the changes of a write that a quota refused.
    pub(in crate::store::redb) fn written(&self, written: Option<&TaskWritten>) {
        for result in written.iter().flat_map(|it| &it.results) {
            if let Err(TaskRefused::Quota(exceeded)) = result {
                self.over_quota(exceeded);
            }
        }
    }

    /// Counts a registration that was refused because the maximum number of accounts is reached.
    pub(in crate::store::redb) fn registered<T>(&self, outcome: &Result<T, Refused>) {
        if matches!(outcome, Err(Refused::Full)) {
            self.quota.accounts.add(1);
        }
    }

    fn over_quota(&self, exceeded: &QuotaExceeded) {
        match exceeded {
            QuotaExceeded::Tasks { .. } => self.quota.tasks.add(1),
            QuotaExceeded::Bytes { .. } => self.quota.bytes.add(1),
        }
    }

    pub(in crate::store::redb) fn commits(&self) -> Commits {
        Commits {
            times: self.commit_times.snapshot(),
            rows: self.commit_rows.snapshot(),
            writes: self.commit_writes.snapshot(),
            syncs: self.syncs.snapshot(),
            failed: self.commits_failed.get(),
        }
    }

    pub(in crate::store::redb) fn refusals(&self) -> Vec<(&'static str, u64)> {
        let Refusals { busy, account_busy, disk_full, disk_short } = &self.refused;
        vec![
            ("busy", busy.get()),
            ("account_busy", account_busy.get()),
            ("disk_full", disk_full.get()),
            ("disk_short", disk_short.get()),
        ]
    }

    pub(in crate::store::redb) fn quota_refusals(&self) -> Vec<(&'static str, u64)> {
        let QuotaRefusals { tasks, bytes, accounts } = &self.quota;
        vec![("tasks", tasks.get()), ("bytes", bytes.get()), ("accounts", accounts.get())]
    }
}
