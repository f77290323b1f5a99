//! Verification: derives everything that can be derived, and reports each difference.
//!
//! Invariants of a sound file:
//!
//! 1. Every value has the checksum of its place and a known layout; every key has a known layout.
//! 2. `meta` has this program's format, and its next ids are above all ids in use.
//! 3. Each user has exactly one email entry, by one of the keys of that user's email, and one stats row, at
//!    the place of its format.
//! 4. Each row of `owned` belongs to a user, or to a deleted one who is named in `purge`.
//! 5. No two tasks of any owners have the same id. Each task has exactly its index entries, and each entry a task.
//! 6. Counts match the rows, also for each tag; `newest` and `in_order` claim no more than the rows do.
//!    The counted bytes are the bytes of the rows, except for the row of the counts.
//!    The parent of a task exists, and no task is below itself; only an open one with a date recurs.
//! 7. No account named in `purge` is a user. There is no other table.
//! 8. `admins` names the accounts that are active administrators. The numbers of `audit` have no gaps.
//! 9. Each task and each tombstone has a number of its own, up to that of the last change; a tombstone and a uid can be
//!    found from their rows, and no task has a tombstone.
//! 10. The list of each task exists, and is that of its parent. The counts of each list match its tasks, no id of a list
//!     is given again, and the default list is not archived.
//! 11. Each row of the history belongs to a task or to one in the trash, has a number up to that of the task's last
//!     change, and leads to earlier rows. Each task in the trash has a tombstone. Their counts and bytes match the rows.
//! 12. Each idempotency record has exactly one entry by age, each entry a record, and their stats match the rows.

mod changes;
mod emails;
mod history;
mod idempotency;
mod lists;
mod tasks;

use std::collections::BTreeSet;

use redb::{ReadTransaction, ReadableTableMetadata, TableHandle};

use self::tasks::Seen;
use crate::domain::email::Email;
use crate::domain::id::UserId;
use crate::domain::id_set::TaskIds;
use crate::domain::progress::Phase;
use crate::domain::timestamp::Timestamp;
use crate::store::StoreError;
use crate::store::redb::RedbStore;
use crate::store::redb::export::records;
use crate::store::redb::file::migrate::FORMAT;
use crate::store::redb::file::progress::Progress;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{Owned, Table};
use crate::store::redb::format::table::Snapshot;
use crate::store::redb::format::{index, record, table};

/// Maximum number of findings that are spelled out.
const MAX_FINDINGS: usize = 100;

/// Results of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Accounts.
    pub users: u64,
    /// Sessions.
    pub sessions: u64,
    /// Personal tokens.
    pub tokens: u64,
    /// Tasks.
    pub tasks: u64,
    /// Idempotency records.
    pub answers: u64,
    /// Rows of deleted accounts that wait for removal.
    pub to_purge: u64,
    /// Latest time in any record.
    pub latest: Option<Timestamp>,
    /// Number of differences.
    pub problems: u64,
    /// First differences, in words. May name keys, never contents.
    pub findings: Vec<String>,
    /// Pairs of accounts whose emails are one address in two spellings, from before these were treated as one. Not a
    /// defect.
    pub namesakes: BTreeSet<(UserId, UserId)>,
}

impl Report {
    fn add(&mut self, finding: String) {
        self.problems += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn seen(&mut self, time: Timestamp) {
        self.latest = self.latest.max(Some(time));
    }

    /// Reports damage to one value and continues; fails only if the file cannot be read.
    fn sound<T>(
        &mut self,
        outcome: Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Damaged { what }) => {
                self.add(what);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl RedbStore {
    /// Checks one snapshot, row by row.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file cannot be read. Damage is not an error but part of the [`Report`].
    pub fn verify(&self) -> Result<Report, StoreError> {
        self.verify_watched(&mut Progress::untold())
    }

    /// Checks one snapshot like [`Self::verify`], with progress. A cancelled check reports on the rows before.
    ///
    /// # Errors
    ///
    /// Same as [`Self::verify`].
    pub fn verify_watched(
        &self,
        progress: &mut Progress<'_>,
    ) -> Result<Report, StoreError> {
        progress.begin(&[(Phase::Rows, 1)]);
        self.read(|txn| verify(txn, FORMAT, progress))
    }
}

/// Checks a snapshot of a file that should have this format.
pub(in crate::store::redb) fn verify(
    txn: &ReadTransaction,
    format: u64,
    progress: &mut Progress<'_>,
) -> Result<Report, StoreError> {
    let is_told = progress.is_told();
    let mut tell = |work, rows| progress.step(Phase::Rows, work, rows).is_continue();
    let mut check = Check {
        users: table::open(txn, Table::Users)?,
        by_email: table::open(txn, Table::UserByEmail)?,
        // Format 1 lacks these tables.
        admins: (format > 1).then(|| table::open(txn, Table::Admins)).transpose()?,
        owned: table::open(txn, Table::Owned)?,
        purge: table::open(txn, Table::Purge)?,
        report: Report::default(),
        format,
        highest_user: 0,
        highest_task: 0,
        ids: TaskIds::default(),
        rows: 0,
        done: 0,
        total: 0,
        tell: &mut tell,
        is_stopped: false,
    };
    check.total = check.users.len()? + check.by_email.len()? + check.owned.len()?;
    if is_told {
        let everyone = vec![]..=vec![0xFF; UserId::LEN];
        let records = records(&check.users, &check.owned, &everyone)?;
        check.total = check.total.saturating_add(records.saturating_mul(LOOKUPS));
    }
    check.users()?;
    check.emails()?;
    check.admins()?;
    check.purge()?;
    check.owned()?;
    check.tell();
    if format > 1 {
        check.invitations(txn)?;
        check.audit(txn)?;
    }
    check.meta(txn)?;
    Ok(check.report)
}

struct Check<'a> {
    users: Snapshot,
    by_email: Snapshot,
    admins: Option<Snapshot>,
    owned: Snapshot,
    purge: Snapshot,
    report: Report,
    format: u64,
    highest_user: u64,
    highest_task: u64,
    ids: TaskIds,
    rows: u64,
    /// Work done and total work, in units of a row that is only read.
    done: u64,
    total: u64,
    tell: &'a mut dyn FnMut((u64, u64), u64) -> bool,
    is_stopped: bool,
}

/// Work for a task or an account beyond reading its row: its entries are looked up.
const LOOKUPS: u64 = 30;

impl Check<'_> {
    fn step(&mut self) {
        self.rows += 1;
        self.done += 1;
        if self.rows.is_multiple_of(256) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.is_stopped |= !(self.tell)((self.done, self.total), self.rows);
    }

    fn users(&mut self) -> Result<(), StoreError> {
        for entry in table::all(&self.users)? {
            let (key, value) = entry?;
            self.step();
            if self.is_stopped {
                return Ok(());
            }
            self.done += LOOKUPS;
            self.report.users += 1;
            let Some(id) = key::decode_user_id(key.value()) else {
                self.report.add("table users: a key that is not a user id".to_owned());
                continue;
            };
            self.highest_user = self.highest_user.max(id.get());
            let found = record::decode_user(id, value.value());
            let Some(found) = self.report.sound(found)? else { continue };
            self.report.seen(found.user.created_at);
            if let Err(error) = Email::new(found.user.email.as_str()) {
                self.report.add(format!("the email of {id:?} {error}"));
            }
            self.email(id, &found.user.email)?;
            if self.owned.get(self.stats_key(id).as_slice())?.is_none() {
                self.report.add(format!("{id:?} has no counts"));
            }
            let key = id.to_bytes();
            let listed = match &self.admins {
                Some(admins) => admins.get(key.as_slice())?.is_some(),
                None => false,
            };
            if listed != index::admin(&found.user).is_some() {
                self.report.add(format!(
                    "admins is wrong about whether {id:?} is an active administrator"
                ));
            }
        }
        Ok(())
    }

    fn admins(&mut self) -> Result<(), StoreError> {
        let Some(admins) = &self.admins else { return Ok(()) };
        for entry in table::all(admins)? {
            let (key, value) = entry?;
            if self.users.get(key.value())?.is_none() || !value.value().is_empty() {
                self.report.add("admins names a user who does not exist".to_owned());
            }
        }
        Ok(())
    }

    fn invitations(&mut self, txn: &ReadTransaction) -> Result<(), StoreError> {
        for entry in table::all(&table::open(txn, Table::Invitations)?)? {
            let (key, value) = entry?;
            let Some(id) = key::decode_invitation(key.value()) else {
                self.report.add("table invitations: a key that is not an id".to_owned());
                continue;
            };
            let found = record::decode_invitation(id, value.value());
            if let Some(found) = self.report.sound(found)? {
                self.report.seen(found.created_at);
            }
        }
        Ok(())
    }

    /// Checks that the numbers are consecutive: the oldest records are the first to be removed.
    fn audit(&mut self, txn: &ReadTransaction) -> Result<(), StoreError> {
        let mut last = None;
        for entry in table::all(&table::open(txn, Table::Audit)?)? {
            let (key, value) = entry?;
            let Some(id) = key::decode_audit(key.value()) else {
                self.report.add("table audit: a key that is not a number".to_owned());
                continue;
            };
            if last.is_some_and(|last: u64| last.checked_add(1) != Some(id)) {
                self.report.add(format!("the audit record before {id} is missing"));
            }
            last = Some(id);
            let found = record::decode_audit(id, value.value());
            if let Some(found) = self.report.sound(found)? {
                self.report.seen(found.act.at);
            }
        }
        Ok(())
    }

    fn purge(&mut self) -> Result<(), StoreError> {
        for entry in table::all(&self.purge)? {
            let (key, value) = entry?;
            let number = record::decode_number(Table::Purge, key.value(), value.value());
            self.report.sound(number)?;
            if key::decode_user_id(key.value()).is_none() {
                self.report.add("table purge: a key that is not a user id".to_owned());
            }
            if self.users.get(key.value())?.is_some() {
                self.report.add("purge names a user who still exists".to_owned());
            }
        }
        Ok(())
    }

    fn owned(&mut self) -> Result<(), StoreError> {
        let mut seen: Option<Seen> = None;
        for entry in table::all(&self.owned)? {
            let (key, value) = entry?;
            self.step();
            if self.is_stopped {
                return Ok(());
            }
            let Some(meaning) = Owned::decode(key.value()) else {
                self.report.add("table owned: a key of unknown layout".to_owned());
                if let Some(seen) = seen.as_mut().filter(|it| it.has_row(key.value())) {
                    seen.count_bytes(key.value(), value.value());
                }
                continue;
            };
            let owner = meaning.owner();
            if seen.as_ref().is_none_or(|seen| seen.owner != owner) {
                self.leave(seen.take())?;
                let is_user = self.users.get(owner.to_bytes().as_slice())?.is_some();
                let stats = if is_user { self.stats(owner)? } else { None };
                seen = Some(Seen::new(owner, is_user, stats));
            }
            let Some(seen) = seen.as_mut() else { continue };
            if !seen.is_user {
                let purged = self.purge.get(owner.to_bytes().as_slice())?.is_some();
                if purged {
                    self.report.to_purge += 1;
                } else {
                    self.report.add(format!("a row of {owner:?}, who does not exist"));
                }
                continue;
            }
            if key.value() != self.stats_key(owner) {
                seen.count_bytes(key.value(), value.value());
            }
            self.row(seen, meaning, key.value(), value.value())?;
        }
        self.leave(seen)
    }

    fn row(
        &mut self,
        seen: &mut Seen,
        row: Owned,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), StoreError> {
        match row {
            Owned::Stats(owner) | Owned::FormerStats(owner) => {
                if key != self.stats_key(owner) {
                    let format = self.format;
                    self.report.add(format!(
                        "the counts of {owner:?} are not at their place in format {format}"
                    ));
                }
            }
            Owned::Session(owner, id) => {
                self.report.sessions += 1;
                let session =
                    self.report.sound(record::decode_session(owner, id, value))?;
                if let Some(session) = session {
                    self.report.seen(session.last_used_at.max(session.created_at));
                }
            }
            Owned::Token(owner, id) => {
                self.report.tokens += 1;
                let token = self.report.sound(record::decode_token(owner, id, value))?;
                if let Some(token) = token {
                    self.report.seen(
                        token
                            .created_at
                            .max(token.last_used_at.unwrap_or(Timestamp::EPOCH)),
                    );
                }
            }
            Owned::Idempotency(owner, key) => {
                self.idempotency(seen, owner, key, value)?;
            }
            Owned::IdempotencyByAge(entry) => {
                self.idempotency_entry(seen, entry, value)?;
            }
            Owned::IdempotencyStats(owner) => {
                let stats = record::decode_idempotency_stats(owner, value);
                seen.idempotency_stats =
                    self.report.sound(stats)?.unwrap_or(seen.idempotency);
            }
            Owned::TaskIndex(..) => self.entry(seen, key, value),
            Owned::TagCounts(_) => self.tag_counts(seen, key, value)?,
            Owned::Tombstone(_, seq) => self.tombstone(seen, seq, (key, value))?,
            Owned::Buried(..) => Self::buried(seen, key, value),
            Owned::History(_, seq) => self.history(seen, seq, key, value)?,
            Owned::Trash(_, seq) => self.trash(seen, seq, key, value)?,
            Owned::Uid(_) => Self::uid(seen),
            Owned::List(_, id) => self.list(seen, id, value)?,
            Owned::ListCounts(_) => self.list_counts(seen, key, value)?,
            Owned::Task(owner, id) => {
                let task = self.report.sound(record::decode_task(owner, id, value))?;
                self.task(seen, id, task)?;
            }
        }
        Ok(())
    }

    fn meta(&mut self, txn: &ReadTransaction) -> Result<(), StoreError> {
        let meta = table::open(txn, Table::Meta)?;
        let known: [(&[u8], u64, &str); 5] = [
            (key::FORMAT, self.format, "the format number is wrong"),
            (
                key::NEXT_USER_ID,
                self.highest_user.saturating_add(1),
                "the next user id is in use",
            ),
            (
                key::NEXT_TASK_ID,
                self.highest_task.saturating_add(1),
                "the next task id is in use",
            ),
            (key::EPOCH, u64::from(self.format >= 8), "the epoch is missing"),
            (key::COPIED, 0, "the mark of a backup is wrong"),
        ];
        for (name, least, wrong) in known {
            let value = meta.get(name)?;
            let value = value
                .map(|value| record::decode_number(Table::Meta, name, value.value()));
            let value = self.report.sound(value.transpose())?.flatten().unwrap_or(0);
            if value < least || (name == key::FORMAT && value != least) {
                self.report.add(format!("meta: {wrong}"));
            }
        }
        for entry in table::all(&meta)? {
            let (key, _) = entry?;
            if known.iter().all(|(name, ..)| *name != key.value()) {
                self.report.add("table meta: an unknown name".to_owned());
            }
        }
        for name in txn.list_tables()? {
            if Table::ALL.iter().all(|table| table.name() != name.name()) {
                self.report.add(format!("an unknown table, {}", name.name()));
            }
        }
        Ok(())
    }
}
