//! Snapshot that decisions read.

use std::cmp::Reverse;
use std::collections::VecDeque;

use duly::domain::email::Email;
use duly::domain::id::{InvitationId, ListId, SessionId, TaskId, TokenId, UserId};
use duly::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use duly::domain::invitation::Invitation;
use duly::domain::list::TaskList;
use duly::domain::position::Position;
use duly::domain::session::Session;
use duly::domain::tag::Tag;
use duly::domain::task::{HistoryEntry, Task, TaskCounts, Tombstone};
use duly::domain::timestamp::Timestamp;
use duly::domain::token::PersonalToken;
use duly::domain::uid::Uid;
use duly::domain::user::Credential;
use duly::store::StoreError;
use duly::store::decide::{
    Family, Figures, HistoryUsage, IdempotencyAge, IdempotencyUsage, Side, Snapshot,
};

use super::State;

type Read<T> = Result<T, StoreError>;

impl Snapshot for State {
    fn next_user_id(&self) -> Read<UserId> {
        Ok(UserId::new(self.last_user + 1))
    }

    fn next_task_id(&self) -> Read<TaskId> {
        Ok(TaskId::new(self.last_task + 1))
    }

    fn credential(&self, id: UserId) -> Read<Option<Credential>> {
        Ok(self.users.get(&id).cloned())
    }

    fn users(&self) -> Read<u64> {
        Ok(self.users.len() as u64)
    }

    fn users_after(&self, after: Option<UserId>, limit: usize) -> Read<Vec<UserId>> {
        let rest = self.users.keys().filter(|id| Some(**id) > after);
        Ok(rest.take(limit).copied().collect())
    }

    fn user_id(&self, email: &Email) -> Read<Option<UserId>> {
        Ok(email.spellings().iter().find_map(|key| self.emails.get(key)).copied())
    }

    fn user_of_key(&self, key: &str) -> Read<Option<UserId>> {
        Ok(self.emails.get(key).copied())
    }

    fn is_last_admin(&self, id: UserId) -> Read<bool> {
        let admins = self.users.values().filter(|found| found.user.is_active_admin());
        Ok(admins.map(|found| found.user.id).eq([id]))
    }

    fn is_purged(&self, _id: UserId) -> Read<bool> {
        Ok(false)
    }

    fn sessions(&self, owner: UserId) -> Read<Vec<Session>> {
        Ok(self.sessions.values().filter(|it| it.user == owner).cloned().collect())
    }

    fn session(&self, owner: UserId, id: SessionId) -> Read<Option<Session>> {
        Ok(self.sessions.get(&(owner, id)).cloned())
    }

    fn tokens(&self, owner: UserId) -> Read<Vec<PersonalToken>> {
        Ok(self.tokens.values().filter(|it| it.user == owner).cloned().collect())
    }

    fn token(&self, owner: UserId, id: TokenId) -> Read<Option<PersonalToken>> {
        Ok(self.tokens.get(&(owner, id)).cloned())
    }

    fn invitations(&self) -> Read<Vec<Invitation>> {
        let mut all: Vec<_> = self.invitations.values().cloned().collect();
        all.sort_by_key(|found| Reverse((found.created_at, found.id)));
        Ok(all)
    }

    fn invitation(&self, id: InvitationId) -> Read<Option<Invitation>> {
        Ok(self.invitations.get(&id).cloned())
    }

    fn audited(&self) -> Read<Option<(u64, u64)>> {
        Ok(self.audited.first().zip(self.audited.last()).map(|(a, b)| (a.id, b.id)))
    }

    fn idempotency(
        &self,
        owner: UserId,
        key: IdempotencyKey,
    ) -> Read<Option<IdempotencyRecord>> {
        Ok(self.idempotency.get(&(owner, key)).cloned())
    }

    fn idempotency_by_age(
        &self,
        owner: UserId,
        after: Option<IdempotencyAge>,
        limit: usize,
    ) -> Read<Vec<IdempotencyAge>> {
        let mut all: Vec<_> = self
            .idempotency_of(owner)
            .map(|it| IdempotencyAge { made_at: it.made_at, key: it.key })
            .collect();
        all.sort_unstable();
        Ok(all.into_iter().filter(|it| Some(*it) > after).take(limit).collect())
    }

    fn idempotency_usage(&self, owner: UserId) -> Read<IdempotencyUsage> {
        let records = self.idempotency_of(owner).count() as u64;
        let bytes = self.idempotency_of(owner).map(|it| it.sealed.len() as u64).sum();
        Ok(IdempotencyUsage { records, bytes })
    }

    fn figures(&self, owner: UserId) -> Read<Option<Figures>> {
        if !self.users.contains_key(&owner) {
            return Ok(None);
        }
        let usage = self.usage(owner);
        Ok(Some(Figures {
            tasks: usage.tasks,
            open: self.tasks_of(owner).filter(|it| !it.is_completed()).count() as u64,
            tags: self.tags_of(owner).len() as u64,
            bytes: usage.bytes,
            newest: self.newest.get(&owner).copied().unwrap_or(Timestamp::EPOCH),
            own: usage.own,
            seq: self.seqs[&owner].last,
            tombstones: self.tombstones_of(owner).count() as u64,
            tombstone_bytes: 0,
            lists: self.lists_of(owner).filter(|it| !it.id.is_default()).count() as u64,
            next_list: ListId::new(self.last_list.get(&owner).map_or(2, |last| last + 1)),
            history: HistoryUsage {
                changes: self.history.range((owner, 0)..=(owner, u64::MAX)).count()
                    as u64,
                trashed: self.trash.range((owner, 0)..=(owner, u64::MAX)).count() as u64,
                bytes: 0,
                forgotten: self.forgotten.get(&owner).copied().unwrap_or_default(),
            },
        }))
    }

    fn task(&self, owner: UserId, id: TaskId) -> Read<Option<Task>> {
        Ok(self.find(owner, id).cloned())
    }

    fn task_of_uid(&self, owner: UserId, uid: &Uid) -> Read<Option<TaskId>> {
        let task = self.tasks_of(owner).find(|it| it.uid == *uid).map(|it| it.id);
        let mut gone = self.tombstones_of(owner).filter_map(|it| it.of.task());
        Ok(task.or_else(|| gone.find(|(_, it)| *it == uid).map(|(id, _)| id)))
    }

    fn tombstone(&self, owner: UserId, id: TaskId) -> Read<Option<Tombstone>> {
        Ok(self
            .tombstones_of(owner)
            .find(|it| it.of.task().is_some_and(|(of, _)| of == id))
            .cloned())
    }

    fn tombstones(&self, owner: UserId, from: u64, limit: usize) -> Read<Vec<Tombstone>> {
        let rest = self.tombstones_of(owner).filter(|it| it.seq >= from);
        Ok(rest.take(limit).cloned().collect())
    }

    fn history(&self, owner: UserId, seq: u64) -> Read<Option<HistoryEntry>> {
        Ok(self.history.get(&(owner, seq)).cloned())
    }

    fn history_from(
        &self,
        owner: UserId,
        seq: u64,
        limit: usize,
    ) -> Read<Vec<HistoryEntry>> {
        let rest = self.history.range((owner, seq)..=(owner, u64::MAX));
        Ok(rest.take(limit).map(|(_, entry)| entry.clone()).collect())
    }

    fn history_bytes(&self, _entry: &HistoryEntry) -> Read<u64> {
        Ok(0)
    }

    fn trash(&self, owner: UserId, seq: u64) -> Read<Option<Task>> {
        Ok(self.trash.get(&(owner, seq)).cloned())
    }

    fn trash_from(&self, owner: UserId, seq: u64, limit: usize) -> Read<Vec<u64>> {
        let rest = self.trash.range((owner, seq)..=(owner, u64::MAX));
        Ok(rest.take(limit).map(|((_, seq), _)| *seq).collect())
    }

    fn trash_before(&self, owner: UserId, seq: u64, limit: usize) -> Read<Vec<u64>> {
        let before = self.trash.range((owner, 0)..(owner, seq)).rev();
        Ok(before.take(limit).map(|((_, seq), _)| *seq).collect())
    }

    fn tasks_after(
        &self,
        owner: UserId,
        after: Option<TaskId>,
        limit: usize,
    ) -> Read<Vec<Task>> {
        let rest = self.tasks_of(owner).filter(|task| Some(task.id) > after);
        Ok(rest.take(limit).cloned().collect())
    }

    fn trash_bytes(&self, _task: &Task) -> Read<u64> {
        Ok(0)
    }

    fn subtree(
        &self,
        owner: UserId,
        top: TaskId,
        most: usize,
        skips: &dyn Fn(TaskId) -> bool,
    ) -> Read<Vec<Family>> {
        let (mut families, mut waiting, mut found) = (vec![], VecDeque::from([top]), 0);
        while let Some(parent) = waiting.pop_front().filter(|_| found <= most) {
            let children = self.tasks_of(owner).filter(|it| it.parent == Some(parent));
            let children: Vec<TaskId> = children.map(|task| task.id).collect();
            found += children.len();
            waiting.extend(children.iter().filter(|id| !skips(**id)));
            families.push((parent, children));
        }
        Ok(families)
    }

    fn position_beside(
        &self,
        owner: UserId,
        from: Option<&Position>,
        side: Side,
        skips: &dyn Fn(TaskId) -> bool,
    ) -> Read<Option<Position>> {
        let others = self.tasks_of(owner).filter(|task| !skips(task.id));
        let positions = others.map(|task| &task.position);
        let found = match (from, side) {
            (None, Side::Before) => positions.min(),
            (None, Side::After) => positions.max(),
            (Some(from), Side::Before) => positions.filter(|it| *it < from).max(),
            (Some(from), Side::After) => positions.filter(|it| *it > from).min(),
        };
        Ok(found.cloned())
    }

    fn latest_change(&self, owner: UserId) -> Read<Option<Timestamp>> {
        Ok(self.tasks_of(owner).map(|task| task.updated_at).max())
    }

    fn neighbours(
        &self,
        owner: UserId,
        id: TaskId,
    ) -> Read<(Option<Timestamp>, Option<Timestamp>)> {
        let before = self.tasks_of(owner).filter(|task| task.id < id).last();
        let after = self.tasks_of(owner).find(|task| task.id > id);
        Ok((before.map(|it| it.created_at), after.map(|it| it.created_at)))
    }

    fn tags(&self, owner: UserId, limit: usize) -> Read<Vec<Tag>> {
        Ok(self.tags_of(owner).into_keys().take(limit).collect())
    }

    fn tag_counts(&self, owner: UserId, tag: &Tag) -> Read<TaskCounts> {
        Ok(self.tags_of(owner).remove(tag).unwrap_or_default())
    }

    fn task_bytes(&self, _task: &Task) -> Read<u64> {
        Ok(0)
    }

    fn tag_bytes(&self, _owner: UserId, _tag: &Tag) -> Read<u64> {
        Ok(0)
    }

    fn lists(&self, owner: UserId) -> Read<Vec<TaskList>> {
        Ok(self.lists_of(owner).cloned().collect())
    }

    fn list(&self, owner: UserId, id: ListId) -> Read<Option<TaskList>> {
        Ok(self.lists.get(&(owner, id)).cloned())
    }

    fn list_counts(&self, owner: UserId, id: ListId) -> Read<TaskCounts> {
        let mut states = self.list_states(owner).into_iter();
        let found = states.find(|state| state.list.id == id);
        Ok(found.map(|state| state.counts).unwrap_or_default())
    }

    fn tasks_in_list(
        &self,
        owner: UserId,
        id: ListId,
        limit: usize,
    ) -> Read<Vec<TaskId>> {
        let tasks = self.tasks_of(owner).filter(|task| task.list == id);
        Ok(tasks.take(limit).map(|task| task.id).collect())
    }

    fn list_bytes(&self, _list: &TaskList) -> Read<u64> {
        Ok(0)
    }

    fn count_result(&self, _bytes: u64) {}
}
