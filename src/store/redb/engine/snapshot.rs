//! Reads of decisions, from the rows of a view.

use std::collections::VecDeque;
use std::ops::Bound;

use redb::{ReadableTable as _, ReadableTableMetadata as _};

use crate::domain::email::Email;
use crate::domain::id::{InvitationId, ListId, SessionId, TaskId, TokenId, UserId};
use crate::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use crate::domain::invitation::Invitation;
use crate::domain::list::TaskList;
use crate::domain::position::Position;
use crate::domain::session::Session;
use crate::domain::tag::Tag;
use crate::domain::task::{HistoryEntry, Task, TaskCounts, Tombstone, text_key};
use crate::domain::timestamp::Timestamp;
use crate::domain::token::PersonalToken;
use crate::domain::uid::Uid;
use crate::domain::user::Credential;
use crate::store::StoreError;
use crate::store::decide::{
    Family, Figures, IdempotencyAge, IdempotencyUsage, Side, Snapshot,
};
use crate::store::redb::engine::history;
use crate::store::redb::engine::view;
use crate::store::redb::engine::view::{Rows, View, read};
use crate::store::redb::engine::work::Work;
use crate::store::redb::format::key;
use crate::store::redb::format::key::{IdempotencyByAge, Owned, Table};
use crate::store::redb::format::task_key;
use crate::store::redb::format::task_key::KeyPrefix;
use crate::store::redb::format::{codec, index, record, table, task_index};
use crate::store::redb::tasks::decoded;

impl Snapshot for View<'_, '_> {
    fn next_user_id(&self) -> Result<UserId, StoreError> {
        self.next_id(|batch| batch.next_user_id, key::NEXT_USER_ID).map(UserId::new)
    }

    fn next_task_id(&self) -> Result<TaskId, StoreError> {
        self.next_id(|batch| batch.next_task_id, key::NEXT_TASK_ID).map(TaskId::new)
    }

    fn credential(&self, id: UserId) -> Result<Option<Credential>, StoreError> {
        let value = self.get(Table::Users, id.to_bytes().as_slice())?;
        value.map(|value| record::decode_user(id, value.value())).transpose()
    }

    fn users(&self) -> Result<u64, StoreError> {
        Ok(read!(self.rows(Table::Users), table => table.len()?))
    }

    fn users_after(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let start = after.map(UserId::to_bytes);
        let start =
            start.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(&key[..]));
        let range = (start, Bound::Unbounded);
        let users = read!(self.rows(Table::Users), table => table.range::<&[u8]>(range)?);
        let id = |entry: Result<table::Found<'_>, redb::StorageError>| {
            codec::user_id(Table::Users, entry?.0.value())
        };
        users.take(limit).map(id).collect()
    }

    fn user_id(&self, email: &Email) -> Result<Option<UserId>, StoreError> {
        for key in email.spellings() {
            if let Some(id) = self.user_of_key(&key)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    fn user_of_key(&self, key: &str) -> Result<Option<UserId>, StoreError> {
        let key = key.as_bytes();
        let value = self.get(Table::UserByEmail, key)?;
        let id = value
            .map(|value| record::decode_number(Table::UserByEmail, key, value.value()));
        Ok(id.transpose()?.map(UserId::new))
    }

    fn is_last_admin(&self, id: UserId) -> Result<bool, StoreError> {
        let count = read!(self.rows(Table::Admins), table => table.len()?);
        Ok(self.get(Table::Admins, id.to_bytes().as_slice())?.is_some() && count == 1)
    }

    fn is_purged(&self, id: UserId) -> Result<bool, StoreError> {
        Ok(self.get(Table::Purge, id.to_bytes().as_slice())?.is_some())
    }

    fn sessions(&self, owner: UserId) -> Result<Vec<Session>, StoreError> {
        read!(self.rows(Table::Owned), table => view::sessions(table, owner))
    }

    fn session(
        &self,
        owner: UserId,
        id: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        let value = self.get(Table::Owned, key::session(owner, id).as_slice())?;
        value.map(|value| record::decode_session(owner, id, value.value())).transpose()
    }

    fn tokens(&self, owner: UserId) -> Result<Vec<PersonalToken>, StoreError> {
        read!(self.rows(Table::Owned), table => view::tokens(table, owner))
    }

    fn token(
        &self,
        owner: UserId,
        id: TokenId,
    ) -> Result<Option<PersonalToken>, StoreError> {
        let value = self.get(Table::Owned, key::token(owner, id).as_slice())?;
        value.map(|value| record::decode_token(owner, id, value.value())).transpose()
    }

    fn invitations(&self) -> Result<Vec<Invitation>, StoreError> {
        read!(self.rows(Table::Invitations), table => view::invitations(table))
    }

    fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>, StoreError> {
        let value = self.get(Table::Invitations, id.to_bytes().as_slice())?;
        value.map(|value| record::decode_invitation(id, value.value())).transpose()
    }

    fn audited(&self) -> Result<Option<(u64, u64)>, StoreError> {
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

    fn idempotency(
        &self,
        owner: UserId,
        key: IdempotencyKey,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let value = self.get(Table::Owned, key::idempotency(owner, key).as_slice())?;
        value
            .map(|value| record::decode_idempotency(owner, key, value.value()))
            .transpose()
    }

    fn idempotency_by_age(
        &self,
        owner: UserId,
        after: Option<IdempotencyAge>,
        limit: usize,
    ) -> Result<Vec<IdempotencyAge>, StoreError> {
        let range = key::idempotency_after(owner, after);
        let entries = self.range(Table::Owned, &range)?;
        let age = |entry: Result<table::Found<'_>, redb::StorageError>| {
            let (key, _) = entry?;
            match Owned::decode(key.value()) {
                Some(Owned::IdempotencyByAge(IdempotencyByAge {
                    made_at, key, ..
                })) => Ok(IdempotencyAge { made_at, key }),
                _ => Err(codec::damaged(
                    Table::Owned,
                    key.value(),
                    &"not the key of an idempotency record",
                )),
            }
        };
        entries.take(limit).map(age).collect()
    }

    fn idempotency_usage(&self, owner: UserId) -> Result<IdempotencyUsage, StoreError> {
        let value = self.get(Table::Owned, key::idempotency_stats(owner).as_slice())?;
        let usage = value.map(|it| record::decode_idempotency_stats(owner, it.value()));
        Ok(usage.transpose()?.unwrap_or_default())
    }

    fn figures(&self, owner: UserId) -> Result<Option<Figures>, StoreError> {
        Ok(self.stats(owner)?.map(|stats| Figures {
            tasks: stats.counts().total,
            open: stats.counts().open,
            tags: stats.tags,
            bytes: stats.bytes,
            newest: stats.newest,
            own: stats.own,
            seq: stats.seq,
            tombstones: stats.tombstones,
            tombstone_bytes: stats.tombstone_bytes,
            lists: stats.lists,
            next_list: ListId::new(stats.next_list),
            history: stats.history,
        }))
    }

    fn task(&self, owner: UserId, id: TaskId) -> Result<Option<Task>, StoreError> {
        // The rows of a large account outlast it for a while, its counts never do.
        if self.stats(owner)?.is_none() {
            return Ok(None);
        }
        let value = self.get(Table::Owned, key::task(owner, id).as_slice())?;
        value.map(|value| record::decode_task(owner, id, value.value())).transpose()
    }

    fn task_of_uid(
        &self,
        owner: UserId,
        uid: &Uid,
    ) -> Result<Option<TaskId>, StoreError> {
        if let Some(id) = uid.named_id() {
            let named = match self.task(owner, id)? {
                Some(task) => Some(task.uid),
                None => self
                    .tombstone(owner, id)?
                    .and_then(|it| it.of.task().map(|(_, uid)| uid.clone())),
            };
            if named.as_ref() == Some(uid) {
                return Ok(Some(id));
            }
        }
        if self.stats(owner)?.is_none() {
            return Ok(None);
        }
        let key = key::uid(owner, uid);
        let value = self.get(Table::Owned, &key)?;
        let id =
            value.map(|value| record::decode_number(Table::Owned, &key, value.value()));
        Ok(id.transpose()?.map(TaskId::new))
    }

    fn tombstone(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Result<Option<Tombstone>, StoreError> {
        if self.stats(owner)?.is_none_or(|stats| stats.tombstones == 0) {
            return Ok(None);
        }
        let key = key::buried(owner, id);
        let Some(value) = self.get(Table::Owned, &key)? else { return Ok(None) };
        let seq = record::decode_number(Table::Owned, &key, value.value())?;
        let key = key::tombstone(owner, seq);
        let value = self.get(Table::Owned, &key)?;
        value.map(|it| record::decode_tombstone(owner, seq, it.value())).transpose()
    }

    fn tombstones(
        &self,
        owner: UserId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Tombstone>, StoreError> {
        if self.stats(owner)?.is_none_or(|stats| stats.tombstones == 0) {
            return Ok(Vec::new());
        }
        let entries = self.range(Table::Owned, &key::tombstones_from(owner, from))?;
        entries.take(limit).map(|entry| view::tombstone(&entry?)).collect()
    }

    fn history(
        &self,
        owner: UserId,
        seq: u64,
    ) -> Result<Option<HistoryEntry>, StoreError> {
        history::entry(self, owner, seq)
    }

    fn history_from(
        &self,
        owner: UserId,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        history::entries(self, owner, seq, limit)
    }

    fn history_bytes(&self, entry: &HistoryEntry) -> Result<u64, StoreError> {
        history::bytes(entry)
    }

    fn trash(&self, owner: UserId, seq: u64) -> Result<Option<Task>, StoreError> {
        history::trash(self, owner, seq)
    }

    fn trash_from(
        &self,
        owner: UserId,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        history::trash_from(self, owner, seq, limit)
    }

    fn trash_before(
        &self,
        owner: UserId,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<u64>, StoreError> {
        history::trash_before(self, owner, seq, limit)
    }

    fn tasks_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Result<Vec<Task>, StoreError> {
        history::tasks_after(self, owner, after, limit)
    }

    fn trash_bytes(&self, task: &Task) -> Result<u64, StoreError> {
        history::trash_bytes(task)
    }

    fn subtree(
        &self,
        owner: UserId,
        top: TaskId,
        most: usize,
        skips: &dyn Fn(TaskId) -> bool,
    ) -> Result<Vec<Family>, StoreError> {
        let scanned =
            if self.is_indexed(owner)? { None } else { Some(self.outlines(owner)?) };
        let (mut families, mut waiting, mut found) =
            (Vec::new(), VecDeque::from([top]), 0);
        while let Some(parent) = waiting.pop_front() {
            let children = match &scanned {
                Some(tasks) => {
                    let below = tasks.iter().filter(|task| task.parent == Some(parent));
                    below.map(|task| task.id).collect()
                }
                None => self.children(owner, parent)?,
            };
            found += children.len();
            waiting.extend(children.iter().filter(|id| !skips(**id)));
            families.push((parent, children));
            if found > most {
                break;
            }
        }
        Ok(families)
    }

    fn position_beside(
        &self,
        owner: UserId,
        from: Option<&Position>,
        side: Side,
        skips: &dyn Fn(TaskId) -> bool,
    ) -> Result<Option<Position>, StoreError> {
        if from.is_none() && side == Side::After {
            let last = self.last_task(owner, skips)?;
            return Ok(last.map(|(position, _)| position));
        }
        if !self.is_indexed(owner)? {
            let tasks = self.outlines(owner)?;
            let others = tasks.iter().filter(|task| !skips(task.id));
            let positions = others.map(|task| &task.position);
            let found = match (from, side) {
                (None, Side::Before) => positions.min(),
                (None, Side::After) => positions.max(),
                (Some(from), Side::Before) => positions.filter(|it| *it < from).max(),
                (Some(from), Side::After) => positions.filter(|it| *it > from).min(),
            };
            return Ok(found.cloned());
        }
        let prefix = KeyPrefix::position(owner);
        let (first, last) = prefix.range().into_inner();
        // Entries are read away from the position, or from the end on this side.
        let (range, backwards) = match (from, side) {
            (None, Side::Before) => (first..=last, false),
            (None, Side::After) => (first..=last, true),
            (Some(from), Side::Before) => {
                (first..=prefix.at(&text_key(from.as_str().as_bytes())), true)
            }
            (Some(from), Side::After) => {
                let here = text_key(from.as_str().as_bytes());
                // Beyond every task at this position.
                let beyond = [here.as_slice(), &[0xFF; 9]].concat();
                (prefix.at(&beyond)..=last, false)
            }
        };
        let mut entries = self.entries(&range)?;
        while let Some(entry) =
            if backwards { entries.next_back() } else { entries.next() }
        {
            let (key, _) = entry?;
            if !skips(id_of(&prefix, key.value())?) {
                return position_of(&prefix, key.value()).map(Some);
            }
        }
        Ok(None)
    }

    fn latest_change(&self, owner: UserId) -> Result<Option<Timestamp>, StoreError> {
        let stats = self.stats(owner)?.filter(|stats| stats.counts().total > 0);
        Ok(stats.map(|stats| stats.latest_change))
    }

    fn neighbours(
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

    fn tags(&self, owner: UserId, limit: usize) -> Result<Vec<Tag>, StoreError> {
        let entries = self.range(Table::Owned, &task_key::all_tag_counts(owner))?;
        let tag = |entry: Result<table::Found<'_>, redb::StorageError>| {
            let (key, _) = entry?;
            task_key::tag(key.value())
                .ok_or_else(|| codec::damaged(Table::Owned, key.value(), &"not a tag"))
        };
        entries.take(limit).map(tag).collect()
    }

    fn tag_counts(&self, owner: UserId, tag: &Tag) -> Result<TaskCounts, StoreError> {
        let key = task_key::tag_counts(owner, tag);
        let value = self.get(Table::Owned, key.as_slice())?;
        let counts = value.map(|value| record::decode_task_counts(&key, value.value()));
        Ok(counts.transpose()?.unwrap_or_default())
    }

    fn task_bytes(&self, task: &Task) -> Result<u64, StoreError> {
        let mut row = key::task(task.owner, task.id).len() + record::task(task)?.len();
        if let Some(key) = index::uid(task.owner, &task.uid, task.id) {
            let value = record::number(Table::Owned, &key, task.id.get())?;
            row += key.len() + value.len();
        }
        let entries: usize = if self.is_indexed(task.owner)? {
            task_index::entries(task).iter().map(Vec::len).sum()
        } else {
            0
        };
        Ok(u64::try_from(row + entries).unwrap_or(u64::MAX))
    }

    fn tag_bytes(&self, owner: UserId, tag: &Tag) -> Result<u64, StoreError> {
        let key = task_key::tag_counts(owner, tag);
        let value = record::task_counts(&key, TaskCounts { total: 1, open: 1 })?;
        Ok(u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX))
    }

    fn lists(&self, owner: UserId) -> Result<Vec<TaskList>, StoreError> {
        if self.stats(owner)?.is_none() {
            return Ok(Vec::new());
        }
        read!(self.rows(Table::Owned), table => view::lists(table, owner))
    }

    fn list(&self, owner: UserId, id: ListId) -> Result<Option<TaskList>, StoreError> {
        if self.stats(owner)?.is_none() {
            return Ok(None);
        }
        let value = self.get(Table::Owned, key::list(owner, id).as_slice())?;
        value.map(|value| record::decode_list(owner, id, value.value())).transpose()
    }

    fn list_counts(&self, owner: UserId, id: ListId) -> Result<TaskCounts, StoreError> {
        let key = task_key::list_counts(owner, id);
        let value = self.get(Table::Owned, key.as_slice())?;
        let counts = value.map(|value| record::decode_task_counts(&key, value.value()));
        Ok(counts.transpose()?.unwrap_or_default())
    }

    fn tasks_in_list(
        &self,
        owner: UserId,
        id: ListId,
        limit: usize,
    ) -> Result<Vec<TaskId>, StoreError> {
        if !self.is_indexed(owner)? {
            let tasks = self.outlines(owner)?;
            let found = tasks.iter().filter(|task| task.list == id).take(limit);
            return Ok(found.map(|task| task.id).collect());
        }
        let mut found = Vec::new();
        for state in [false, true] {
            let prefix = KeyPrefix::list(owner, id, state);
            let entries = self.entries(&prefix.range())?;
            for entry in entries.take(limit.saturating_sub(found.len())) {
                found.push(id_of(&prefix, entry?.0.value())?);
            }
        }
        Ok(found)
    }

    fn list_bytes(&self, list: &TaskList) -> Result<u64, StoreError> {
        let row = key::list(list.owner, list.id).len() + record::list(list)?.len();
        let key = task_key::list_counts(list.owner, list.id);
        let most = TaskCounts { total: u64::MAX, open: u64::MAX };
        let counts = key.len() + record::task_counts(&key, most)?.len();
        Ok(u64::try_from(row + counts).unwrap_or(u64::MAX))
    }

    fn count_result(&self, bytes: u64) {
        self.count(Work::new(0, bytes));
    }
}

impl View<'_, '_> {
    fn is_indexed(&self, owner: UserId) -> Result<bool, StoreError> {
        Ok(self.stats(owner)?.is_some_and(|stats| stats.is_indexed))
    }

    /// Reads the tasks directly below one from the index.
    fn children(&self, owner: UserId, parent: TaskId) -> Result<Vec<TaskId>, StoreError> {
        let prefix = KeyPrefix::parent(owner, parent);
        let entries = self.entries(&prefix.range())?;
        entries.map(|entry| id_of(&prefix, entry?.0.value())).collect()
    }

    /// Finds the last task in the owner's order, except for those that are skipped.
    pub(in crate::store::redb) fn last_task(
        &self,
        owner: UserId,
        skips: &dyn Fn(TaskId) -> bool,
    ) -> Result<Option<(Position, TaskId)>, StoreError> {
        let stats = self.stats(owner)?;
        let last = stats.as_ref().and_then(|stats| stats.last.as_ref());
        if let Some(last) = last.filter(|last| !skips(last.id)) {
            return Ok(Some((last.position.clone(), last.id)));
        }
        if !self.is_indexed(owner)? {
            let tasks = self.outlines(owner)?;
            let others = tasks.iter().filter(|task| !skips(task.id));
            let last = others.max_by_key(|task| (&task.position, task.id));
            return Ok(last.map(|task| (task.position.clone(), task.id)));
        }
        let prefix = KeyPrefix::position(owner);
        for entry in self.entries(&prefix.range())?.rev() {
            let (key, _) = entry?;
            let id = id_of(&prefix, key.value())?;
            if !skips(id) {
                return Ok(Some((position_of(&prefix, key.value())?, id)));
            }
        }
        Ok(None)
    }

    /// Reads all tasks of an account.
    pub(in crate::store::redb) fn all_tasks(
        &self,
        owner: UserId,
    ) -> Result<Vec<Task>, StoreError> {
        let mut tasks = Vec::new();
        for entry in self.entries(&key::tasks_of(owner))? {
            let task = decoded(entry?)?;
            self.count(Work::new(1, 0));
            tasks.push(task);
        }
        Ok(tasks)
    }
}

fn id_of(prefix: &KeyPrefix, key: &[u8]) -> Result<TaskId, StoreError> {
    task_key::id(prefix.end(key))
        .ok_or_else(|| codec::damaged(Table::Owned, key, &"not an index entry"))
}

fn position_of(prefix: &KeyPrefix, key: &[u8]) -> Result<Position, StoreError> {
    let text = prefix.end(key).split(|byte| *byte == 0).next();
    let text = text.and_then(|text| str::from_utf8(text).ok());
    text.map(|text| Position::new_unchecked(text.to_owned()))
        .ok_or_else(|| codec::damaged(Table::Owned, key, &"not an index entry"))
}
