//! State of the store in memory.

use std::collections::BTreeMap;

use duly::domain::audit::{Actor, AuditRecord};
use duly::domain::email::Email;
use duly::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use duly::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use duly::domain::invitation::Invitation;
use duly::domain::page::{AuditPart, Page};
use duly::domain::quota::{OwnQuota, Quota, Usage};
use duly::domain::session::Session;
use duly::domain::tag::Tag;
use duly::domain::task::{Task, TaskCounts};
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
