//! Data that a write may read while it decides: all earlier writes, including those of its own batch.

use std::cell::Cell;
use std::ops::Bound;

use redb::{ReadableTable, ReadableTableMetadata as _};

use super::batch::Batch;
use super::key::{self, AnswerByAge, KeyRange, Owned, Table};
use super::record::{self, AnswerStats, Stats};
use super::table::{Range, Snapshot, SnapshotTables, Value, Writable};
use super::work::Work;
use super::{codec, table, task_key};
use crate::domain::access::Access;
use crate::domain::answer::{Answer, AnswerKey};
use crate::domain::email::Email;
use crate::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use crate::domain::invitation::Invitation;
use crate::domain::session::Session;
use crate::domain::tag::Tag;
use crate::domain::task::{Task, TaskCounts};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::user::{Credential, Role};
use crate::store::{Behalf, StoreError};

/// Future state of the file, or a snapshot of it. Read-only.
pub(super) struct View<'a, 'txn> {
    source: Source<'a, 'txn>,
    read: Cell<Work>,
}

/// Source of the rows.
#[derive(Clone, Copy)]
enum Source<'a, 'txn> {
    /// Write transaction, with all earlier writes.
    Batch(&'a Batch<'txn>),
    /// Snapshot, to try a decision whose changes are not made.
    Snapshot(&'a SnapshotTables),
}

/// Table of either source.
#[derive(Clone, Copy)]
enum Rows<'a, 'txn> {
    Batch(&'a Writable<'txn>),
    Snapshot(&'a Snapshot),
}

/// Reads a table of either source with the same expression.
macro_rules! read {
    ($rows:expr, $table:ident => $read:expr) => {
        match $rows {
            Rows::Batch($table) => $read,
            Rows::Snapshot($table) => $read,
        }
    };
}

impl<'a, 'txn> View<'a, 'txn> {
    pub(super) const fn of(batch: &'a Batch<'txn>) -> Self {
        Self { source: Source::Batch(batch), read: Cell::new(Work::new(0, 0)) }
    }

    pub(super) const fn of_snapshot(tables: &'a SnapshotTables) -> Self {
        Self { source: Source::Snapshot(tables), read: Cell::new(Work::new(0, 0)) }
    }

    /// Returns the approximate number of rows read so far, with the bytes of single values and of answers.
    pub(super) const fn read(&self) -> Work {
        self.read.get()
    }

    /// Counts bytes that an answer holds until the commit is on disk.
    pub(super) fn count_answer(&self, bytes: u64) {
        self.count(Work::new(0, bytes));
    }

    fn count(&self, more: Work) {
        let mut read = self.read.get();
        read.add(more);
        self.read.set(read);
    }

    fn rows(&self, table: Table) -> Rows<'a, 'txn> {
        self.count(Work::new(1, 0));
        match self.source {
            Source::Batch(batch) => Rows::Batch(batch.tables.get(table)),
            Source::Snapshot(tables) => Rows::Snapshot(tables.get(table)),
        }
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Value<'a>>, StoreError> {
        let value = read!(self.rows(table), table => table.get(key)?);
        let length = value.as_ref().map_or(0, |value| value.value().len());
        self.count(Work::new(0, u64::try_from(length).unwrap_or(u64::MAX)));
        Ok(value)
    }

    fn range(&self, table: Table, range: &KeyRange) -> Result<Range<'a>, StoreError> {
        read!(self.rows(table), table => table::range(table, range))
    }

    /// Returns the ids of users, starting after `after`.
    pub(super) fn users_after(
        &self,
        after: Option<UserId>,
    ) -> Result<impl Iterator<Item = Result<UserId, StoreError>>, StoreError> {
        let start = after.map(UserId::to_bytes);
        let start =
            start.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(&key[..]));
        let range = (start, Bound::Unbounded);
        let users = read!(self.rows(Table::Users), table => table.range::<&[u8]>(range)?);
        Ok(users.map(|entry| codec::user_id(Table::Users, entry?.0.value())))
    }

    /// Whether an account with so many rows is deleted in one transaction.
    pub(super) fn is_deleted_at_once(&self, rows: u64) -> bool {
        match self.source {
            Source::Batch(batch) => {
                rows.saturating_add(batch.rows_deleted) <= batch.delete_at_once
            }
            Source::Snapshot(_) => true,
        }
    }

    /// Returns the id of the next user.
    pub(super) fn next_user_id(&self) -> Result<UserId, StoreError> {
        self.next_id(|batch| batch.next_user_id, key::NEXT_USER_ID).map(UserId::new)
    }

    /// Returns the id of the next task.
    pub(super) fn next_task_id(&self) -> Result<TaskId, StoreError> {
        self.next_id(|batch| batch.next_task_id, key::NEXT_TASK_ID).map(TaskId::new)
    }

    fn next_id(
        &self,
        of_batch: impl Fn(&Batch<'txn>) -> u64,
        name: &'static [u8],
    ) -> Result<u64, StoreError> {
        match self.source {
            Source::Batch(batch) => Ok(of_batch(batch)),
            Source::Snapshot(tables) => table::number(&tables.meta, name),
        }
    }

    pub(super) fn credential(
        &self,
        id: UserId,
    ) -> Result<Option<Credential>, StoreError> {
        let value = self.get(Table::Users, id.to_bytes().as_slice())?;
        value.map(|value| record::decode_user(id, value.value())).transpose()
    }

    /// Returns the number of accounts.
    pub(super) fn users(&self) -> Result<u64, StoreError> {
        Ok(read!(self.rows(Table::Users), table => table.len()?))
    }

    /// Finds the account with an email, in any spelling.
    pub(super) fn user_id(&self, email: &Email) -> Result<Option<UserId>, StoreError> {
        for key in email.spellings() {
            if let Some(id) = self.user_of_key(&key)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Finds the account of an entry in the index of emails.
    pub(super) fn user_of_key(&self, key: &str) -> Result<Option<UserId>, StoreError> {
        let key = key.as_bytes();
        let value = self.get(Table::UserByEmail, key)?;
        let id = value
            .map(|value| record::decode_number(Table::UserByEmail, key, value.value()));
        Ok(id.transpose()?.map(UserId::new))
    }

    /// Returns the key of an account in the index of emails, existing or free. `None` if other accounts have all its
    /// possible keys.
    pub(super) fn email_key(
        &self,
        email: &Email,
        id: UserId,
    ) -> Result<Option<String>, StoreError> {
        let mut free = None;
        for key in email.keys() {
            match self.user_of_key(&key)? {
                Some(user) if user == id => return Ok(Some(key)),
                Some(_) => {}
                None => free = free.or(Some(key)),
            }
        }
        Ok(free)
    }

    /// Returns the statistics of the tasks of an account. They exist exactly as long as the account.
    pub(super) fn stats(&self, owner: UserId) -> Result<Option<Stats>, StoreError> {
        let value = self.get(Table::Owned, key::stats(owner).as_slice())?;
        value.map(|value| record::decode_stats(owner, value.value())).transpose()
    }

    /// Returns tags of the tasks of an account, at most `most`.
    pub(super) fn tags(
        &self,
        owner: UserId,
        most: usize,
    ) -> Result<Vec<Tag>, StoreError> {
        let entries = self.range(Table::Owned, &task_key::all_tag_counts(owner))?;
        let tag = |entry: Result<table::Found<'_>, redb::StorageError>| {
            let (key, _) = entry?;
            task_key::tag(key.value())
                .ok_or_else(|| codec::damaged(Table::Owned, key.value(), &"not a tag"))
        };
        entries.take(most).map(tag).collect()
    }

    /// Counts the tasks with a tag.
    pub(super) fn tag_counts(
        &self,
        owner: UserId,
        tag: &Tag,
    ) -> Result<TaskCounts, StoreError> {
        let key = task_key::tag_counts(owner, tag);
        let value = self.get(Table::Owned, key.as_slice())?;
        let counts = value.map(|value| record::decode_tag_counts(&key, value.value()));
        Ok(counts.transpose()?.unwrap_or_default())
    }

    /// Returns the entries of an index in a range, in their order.
    pub(super) fn entries(&self, range: &KeyRange) -> Result<Range<'_>, StoreError> {
        self.range(Table::Owned, range)
    }

    /// Returns the time of the last change of any of the owner's tasks.
    pub(super) fn latest_change(
        &self,
        owner: UserId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let beginning = task_key::Beginning::updated(owner);
        let Some(entry) = self.entries(&beginning.range())?.next_back() else {
            return Ok(None);
        };
        let (key, _) = entry?;
        let time = task_key::time_of(beginning.end(key.value()));
        let damaged = || codec::damaged(Table::Owned, key.value(), &"not an index entry");
        time.map(Some).ok_or_else(damaged)
    }

    /// Whether rows of a deleted account with this id still wait for removal.
    pub(super) fn is_purged(&self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.get(Table::Purge, id.to_bytes().as_slice())?.is_some())
    }

    /// Returns the times of creation of the tasks before and after this id.
    pub(super) fn neighbours(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        let (all, key) = (key::tasks_of(owner), key::task(owner, id).to_vec());
        let before = self.range(Table::Owned, &(all.start().clone()..=key.clone()))?;
        let after = self.range(Table::Owned, &(key..=all.end().clone()))?;
        let created = |entry: Option<Result<table::Found<'_>, redb::StorageError>>| {
            let Some(entry) = entry else { return Ok(None) };
            let (key, value) = entry?;
            match Owned::decode(key.value()) {
                Some(Owned::Task(owner, id)) => {
                    record::decode_task(owner, id, value.value())
                        .map(|task| Some(task.created_at))
                }
                _ => Err(codec::damaged(Table::Owned, key.value(), &"not a task's key")),
            }
        };
        let (mut before, mut after) = (before, after);
        Ok((created(before.next_back())?, created(after.next())?))
    }

    pub(super) fn sessions(&self, owner: UserId) -> Result<Vec<Session>, StoreError> {
        read!(self.rows(Table::Owned), table => sessions(table, owner))
    }

    pub(super) fn session(
        &self,
        owner: UserId,
        id: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let value = self.get(Table::Owned, key::session(owner, id).as_slice())?;
        value.map(|value| record::decode_session(owner, id, value.value())).transpose()
    }

    pub(super) fn tokens(&self, owner: UserId) -> Result<Vec<PersonalToken>, StoreError> {
        read!(self.rows(Table::Owned), table => tokens(table, owner))
    }

    pub(super) fn token(
        &self,
        owner: UserId,
        id: TokenId,
    ) -> Result<Option<PersonalToken>, StoreError> {
        let value = self.get(Table::Owned, key::token(owner, id).as_slice())?;
        value.map(|value| record::decode_token(owner, id, value.value())).transpose()
    }

    pub(super) fn answer(
        &self,
        owner: UserId,
        key: AnswerKey,
    ) -> Result<Option<Answer>, StoreError> {
        let value = self.get(Table::Owned, key::answer(owner, key).as_slice())?;
        value.map(|value| record::decode_answer(owner, key, value.value())).transpose()
    }

    /// Returns the number and size of the stored answers of an account.
    pub(super) fn answer_stats(&self, owner: UserId) -> Result<AnswerStats, StoreError> {
        let value = self.get(Table::Owned, key::answer_stats(owner).as_slice())?;
        let stats = value.map(|it| record::decode_answer_stats(owner, it.value()));
        Ok(stats.transpose()?.unwrap_or_default())
    }

    /// Returns the stored answers of an account, oldest first.
    pub(super) fn answers_by_age(
        &self,
        owner: UserId,
    ) -> Result<impl Iterator<Item = Result<AnswerByAge, StoreError>>, StoreError> {
        let entries = self.range(Table::Owned, &key::answers_by_age_of(owner))?;
        Ok(entries.map(|entry| {
            let (key, _) = entry?;
            match Owned::decode(key.value()) {
                Some(Owned::AnswerByAge(entry)) => Ok(entry),
                _ => Err(codec::damaged(Table::Owned, key.value(), &"not the key of a stored response")),
            }
        }))
    }

    /// Whether a credential is still valid for the write.
    pub(super) fn is_good(&self, behalf: Behalf) -> Result<bool, StoreError> {
        let Some(owner) = self.credential(behalf.user)?.map(|found| found.user) else {
            return Ok(false);
        };
        let is_there = match behalf.access {
            Access::Session(id) => {
                let session = self.session(behalf.user, id)?;
                session.is_some_and(|session| !session.is_expired(behalf.at))
            }
            Access::Token(id) => {
                let token = self.token(behalf.user, id)?;
                token.is_some_and(|token| !token.is_expired(behalf.at))
            }
        };
        let is_allowed = !owner.disabled
            && (!behalf.admin || owner.role == Role::Admin)
            && (behalf.before_password_change || !owner.must_change_password);
        Ok(is_there && is_allowed)
    }

    /// Whether this account is the only active administrator.
    pub(super) fn is_last_admin(&self, id: UserId) -> Result<bool, StoreError> {
        let count = read!(self.rows(Table::Admins), table => table.len()?);
        Ok(self.get(Table::Admins, id.to_bytes().as_slice())?.is_some() && count == 1)
    }

    pub(super) fn invitation(
        &self,
        id: InvitationId,
    ) -> Result<Option<Invitation>, StoreError> {
        let value = self.get(Table::Invitations, id.to_bytes().as_slice())?;
        value.map(|value| record::decode_invitation(id, value.value())).transpose()
    }

    pub(super) fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        read!(self.rows(Table::Invitations), table => invitations(table))
    }

    /// Returns the numbers of the first and the last audit record.
    pub(super) fn audited(&self) -> Result<Option<(u64, u64)>, StoreError> {
        let number = |key: &[u8]| {
            key::decode_audit(key)
                .ok_or_else(|| codec::damaged(Table::Audit, key, &"not a number"))
        };
        let ends =
            read!(self.rows(Table::Audit), table => (table.first()?, table.last()?));
        match ends {
            (Some((first, _)), Some((last, _))) => {
                Ok(Some((number(first.value())?, number(last.value())?)))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn task(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Task>, StoreError> {
        // The rows of a large account outlast it for a while, its counts never do.
        if self.get(Table::Owned, key::stats(owner).as_slice())?.is_none() {
            return Ok(None);
        }
        let value = self.get(Table::Owned, key::task(owner, id).as_slice())?;
        value.map(|value| record::decode_task(owner, id, value.value())).transpose()
    }
}

fn token_id(key: &[u8]) -> Result<TokenId, StoreError> {
    match Owned::decode(key) {
        Some(Owned::Token(_, id)) => Ok(id),
        _ => Err(codec::damaged(Table::Owned, key, &"not the key of a token")),
    }
}

fn session_id(key: &[u8]) -> Result<SessionId, StoreError> {
    match Owned::decode(key) {
        Some(Owned::Session(_, id)) => Ok(id),
        _ => Err(codec::damaged(Table::Owned, key, &"not the key of a session")),
    }
}

/// Returns all invitations of a table, newest first.
pub(super) fn invitations(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
) -> Result<Vec<Invitation>, StoreError> {
    let mut found = Vec::new();
    for entry in table.iter()? {
        let (key, value) = entry?;
        let id = key::decode_invitation(key.value()).ok_or_else(|| {
            codec::damaged(Table::Invitations, key.value(), &"not an id")
        })?;
        found.push(record::decode_invitation(id, value.value())?);
    }
    found.sort_by_key(|found| std::cmp::Reverse((found.created_at, found.id)));
    Ok(found)
}

/// Returns all sessions of an account, by id.
pub(super) fn sessions(
    owned: &impl ReadableTable<&'static [u8], &'static [u8]>,
    owner: UserId,
) -> Result<Vec<Session>, StoreError> {
    let mut sessions = Vec::new();
    for entry in table::range(owned, &key::sessions_of(owner))? {
        let (key, value) = entry?;
        let id = session_id(key.value())?;
        sessions.push(record::decode_session(owner, id, value.value())?);
    }
    Ok(sessions)
}

/// Returns all personal tokens of an account, by id.
pub(super) fn tokens(
    owned: &impl ReadableTable<&'static [u8], &'static [u8]>,
    owner: UserId,
) -> Result<Vec<PersonalToken>, StoreError> {
    let mut tokens = Vec::new();
    for entry in table::range(owned, &key::tokens_of(owner))? {
        let (key, value) = entry?;
        let id = token_id(key.value())?;
        tokens.push(record::decode_token(owner, id, value.value())?);
    }
    Ok(tokens)
}
