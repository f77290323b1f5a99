//! State of the store in memory.

use std::collections::BTreeMap;

use duly::domain::audit::{Actor, AuditRecord};
use duly::domain::due::DueRange;
use duly::domain::email::Email;
use duly::domain::id::{InvitationId, ListId, SessionId, TaskId, TokenId, UserId};
use duly::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use duly::domain::invitation::Invitation;
use duly::domain::list::{ListState, TaskList};
use duly::domain::page::{AuditPart, Page, TaskPage};
use duly::domain::quota::{OwnQuota, Quota, Usage};
use duly::domain::session::Session;
use duly::domain::tag::Tag;
use duly::domain::task::{
    ChangeKinds, ChangePage, ChangeQuery, Changed, HistoryEntry, Start, TagCounts, Task,
    TaskCounts, TaskQuery, TaskSummary, Tombstone,
};
use duly::domain::timestamp::Timestamp;
use duly::domain::token::PersonalToken;
use duly::domain::transfer::NextIds;
use duly::domain::user::Credential;

#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) last_user: u64,
    pub(crate) last_task: u64,
    pub(crate) users: BTreeMap<UserId, Credential>,
    pub(crate) emails: BTreeMap<String, UserId>,
    pub(crate) sessions: BTreeMap<(UserId, SessionId), Session>,
    pub(crate) tokens: BTreeMap<(UserId, TokenId), PersonalToken>,
    pub(crate) invitations: BTreeMap<InvitationId, Invitation>,
    pub(crate) audited: Vec<AuditRecord>,
    pub(crate) idempotency: BTreeMap<(UserId, IdempotencyKey), IdempotencyRecord>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) newest: BTreeMap<UserId, Timestamp>,
    pub(crate) quota: Quota,
    pub(crate) own: BTreeMap<UserId, OwnQuota>,
    /// Number of the last change of each account, of the last change of the account itself, and of the last deletion
    /// whose tombstone is gone.
    pub(crate) seqs: BTreeMap<UserId, Seqs>,
    pub(crate) tombstones: BTreeMap<(UserId, u64), Tombstone>,
    pub(crate) history: BTreeMap<(UserId, u64), HistoryEntry>,
    /// Deleted tasks, by the number of the deletion.
    pub(crate) trash: BTreeMap<(UserId, u64), Task>,
    /// Number of the last change of each account that was removed from its history because of its age.
    pub(crate) forgotten: BTreeMap<UserId, u64>,
    /// Stored lists.
    pub(crate) lists: BTreeMap<(UserId, ListId), TaskList>,
    /// Greatest id that a list of each account has had.
    pub(crate) last_list: BTreeMap<UserId, u64>,
}

/// Numbers of changes of an account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seqs {
    pub(crate) last: u64,
    pub(crate) account: u64,
    pub(crate) horizon: u64,
}

impl State {
    pub(super) const fn next_ids(&self) -> NextIds {
        NextIds { user: self.last_user + 1, task: self.last_task + 1 }
    }

    pub(crate) fn by_email(&self, email: &Email) -> Option<&Credential> {
        let same =
            |found: &&Credential| found.user.email.canonical() == email.canonical();
        let exact = |found: &&Credential| found.user.email.lower() == email.lower();
        let mut users = self.users.values();
        users.clone().find(exact).or_else(|| users.find(same))
    }

    /// Finds records that are about an account.
    pub(crate) fn audit_about(
        &self,
        user: UserId,
        after: u64,
        limit: usize,
    ) -> AuditPart {
        let rest = self.audited.iter().filter(|record| record.id > after);
        let some: Vec<_> = rest.take(limit).copied().collect();
        let last = some.last().map(|record| record.id);
        let next = last.filter(|_| some.len() == limit);
        let mine = some.into_iter().filter(|record| {
            record.act.actor == Actor::Admin(user) || record.target == Some(user)
        });
        AuditPart { records: mine.collect(), next }
    }

    /// Returns the usage of an account, without bytes.
    pub(crate) fn usage(&self, id: UserId) -> Usage {
        let tasks = u64::try_from(self.tasks_of(id).count()).unwrap();
        Usage { tasks, bytes: 0, own: self.own.get(&id).copied().unwrap_or_default() }
    }

    pub(crate) fn find(&self, owner: UserId, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id).filter(|task| task.owner == owner)
    }

    pub(crate) fn tasks_of(&self, owner: UserId) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.owner == owner)
    }

    /// Counts tasks, by tag.
    pub(crate) fn tags_of(&self, owner: UserId) -> BTreeMap<Tag, TaskCounts> {
        let mut tags: BTreeMap<Tag, TaskCounts> = BTreeMap::new();
        for task in self.tasks_of(owner) {
            for tag in task.tags.iter() {
                let counts = tags.entry(tag.clone()).or_default();
                counts.total += 1;
                counts.open += u64::from(!task.is_completed());
            }
        }
        tags
    }

    pub(crate) fn tombstones_of(
        &self,
        owner: UserId,
    ) -> impl Iterator<Item = &Tombstone> {
        self.tombstones.range((owner, 0)..=(owner, u64::MAX)).map(|(_, found)| found)
    }

    pub(crate) fn lists_of(&self, owner: UserId) -> impl Iterator<Item = &TaskList> {
        let all = (owner, ListId::new(0))..=(owner, ListId::new(u64::MAX));
        self.lists.range(all).map(|(_, list)| list)
    }

    /// Returns all lists of an account with the counts of their tasks, by position.
    pub(crate) fn list_states(&self, owner: UserId) -> Vec<ListState> {
        let account = &self.users[&owner].user;
        let default = TaskList::default_of(owner, account.created_at);
        let mut all = BTreeMap::from([(ListId::DEFAULT, default)]);
        all.extend(self.lists_of(owner).map(|list| (list.id, list.clone())));
        let state = |list: TaskList| {
            let mut counts = TaskCounts::default();
            for task in self.tasks_of(owner).filter(|task| task.list == list.id) {
                counts.total += 1;
                counts.open += u64::from(!task.is_completed());
            }
            ListState { list, counts }
        };
        let mut states: Vec<ListState> = all.into_values().map(state).collect();
        states.sort_by_key(|it| (it.list.position.clone(), it.list.id));
        states
    }

    /// Lists changes in their order.
    pub(crate) fn changes(
        &self,
        owner: UserId,
        query: ChangeQuery,
    ) -> Option<ChangePage> {
        let user = &self.users.get(&owner)?.user;
        let seqs = self.seqs[&owner];
        let ChangeQuery { since, deleted_since, lists_after, limit, kinds } = query;
        let ChangeKinds { tasks, lists, account } = kinds;
        let deleted_since = deleted_since.max(since);
        if since > seqs.last || deleted_since < seqs.horizon {
            return None;
        }
        let mut all = BTreeMap::new();
        if account && seqs.account > since {
            all.insert(seqs.account, Changed::Account(user.clone()));
        }
        let mut first: BTreeMap<ListId, TaskList> = BTreeMap::new();
        if lists {
            let began = query.deleted_since;
            for ListState { list, .. } in self.list_states(owner) {
                if list.seq > began.max(since) {
                    all.insert(list.seq, Changed::List(list));
                } else if list.seq <= began && list.id.get() > lists_after {
                    first.insert(list.id, list);
                }
            }
        }
        if tasks {
            let changed = self.tasks_of(owner).filter(|task| task.seq > since);
            all.extend(changed.map(|it| (it.seq, Changed::Task(it.clone()))));
        }
        let gone = self.tombstones_of(owner).filter(|it| it.seq > deleted_since);
        let gone = gone.filter(|it| kinds.has(&it.of));
        all.extend(gone.map(|it| (it.seq, Changed::Deleted(it.clone()))));
        let more = first.len() + all.len() > limit;
        let first: Vec<TaskList> = first.into_values().take(limit).collect();
        let lists_after = first.last().map_or(lists_after, |list| list.id.get());
        let mut changes: Vec<(u64, Changed)> =
            first.into_iter().map(|list| (since, Changed::List(list))).collect();
        let rest = limit - changes.len();
        changes.extend(all.into_iter().take(rest));
        let last = changes.last().map_or(since, |(seq, _)| *seq);
        let seq = if more { last } else { seqs.last };
        Some(ChangePage { changes, seq, lists_after, more, latest: seqs.last })
    }

    pub(super) fn task_page(&self, query: TaskQuery, owner: UserId) -> TaskPage {
        let TaskQuery { mut filter, order, home, start, limit } = query;
        let known = self.tags_of(owner);
        for tag in filter.tags_mut().filter(|tag| !known.contains_key(tag)) {
            let twin = known.keys().find(|it| it.caseless() == tag.caseless());
            *tag = twin.unwrap_or(tag).clone();
        }
        let fitting =
            self.tasks_of(owner).filter(|task| filter.search(&task.fields()).is_fit);
        let mut tasks: Vec<Task> = fitting.cloned().collect();
        tasks.sort_by(|a, b| {
            order
                .place(&a.fields(), &home)
                .compare(&order.place(&b.fields(), &home), order)
        });
        let total = u64::try_from(tasks.len()).unwrap();
        let rest: Vec<Task> = match start {
            Start::Skip(skip) => tasks
                .into_iter()
                .skip(usize::try_from(skip).unwrap_or(usize::MAX))
                .collect(),
            Start::After(place) => {
                let is_after = |task: &Task| {
                    order.place(&task.fields(), &home).compare(&place, order).is_gt()
                };
                tasks.into_iter().filter(is_after).collect()
            }
        };
        let limit = usize::from(limit);
        let more = rest.len() > limit;
        TaskPage { tasks: rest.into_iter().take(limit).collect(), total, more }
    }

    pub(super) fn summary(&self, owner: UserId, overdue: &DueRange) -> TaskSummary {
        let mut summary = TaskSummary::default();
        let count = |counts: &mut TaskCounts, task: &Task| {
            counts.total += 1;
            counts.open += u64::from(!task.is_completed());
        };
        for task in self.tasks_of(owner) {
            count(&mut summary.counts, task);
            let is_due = task.due.as_ref().is_some_and(|due| overdue.contains(due));
            summary.overdue += u64::from(is_due && !task.is_completed());
        }
        let tags = self.tags_of(owner);
        summary.tags =
            tags.into_iter().map(|(tag, counts)| TagCounts { tag, counts }).collect();
        summary
    }

    pub(super) fn idempotency_of(
        &self,
        owner: UserId,
    ) -> impl Iterator<Item = &IdempotencyRecord> {
        let mine = self.idempotency.iter().filter(move |((user, _), _)| *user == owner);
        mine.map(|(_, record)| record)
    }
}

/// Returns a page of a list.
pub(crate) fn part<T>(all: Vec<T>, page: Page) -> Vec<T> {
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    all.into_iter().skip(skip).take(usize::from(page.limit)).collect()
}
