//! What the store in memory holds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use duly::domain::access::Access;
use duly::domain::audit::{Act, Actor, AuditAction, AuditRecord};
use duly::domain::digest::SecretDigest;
use duly::domain::email::Email;
use duly::domain::id::{InvitationId, SessionId, TaskId, TokenId, UserId};
use duly::domain::invitation::Invitation;
use duly::domain::page::{AuditPart, Page};
use duly::domain::quota::{OwnQuota, Quota, Usage};
use duly::domain::session::Session;
use duly::domain::task::Task;
use duly::domain::timestamp::Timestamp;
use duly::domain::token::PersonalToken;
use duly::domain::user::{Credential, Ended, Ending, NewUser, Role};

#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) last_user: u64,
    pub(super) last_task: u64,
    pub(super) users: BTreeMap<UserId, Credential>,
    pub(super) sessions: BTreeMap<(UserId, SessionId), Session>,
    pub(super) tokens: BTreeMap<(UserId, TokenId), PersonalToken>,
    pub(super) invitations: BTreeMap<InvitationId, Invitation>,
    pub(super) audited: Vec<AuditRecord>,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    pub(super) newest: BTreeMap<UserId, Timestamp>,
    /// Times of the tasks that a write has deleted so far.
    pub(super) gone: Vec<Timestamp>,
    pub(super) quota: Quota,
    pub(super) own: BTreeMap<UserId, OwnQuota>,
}

impl State {
    pub(super) fn by_email(&self, email: &Email) -> Option<&Credential> {
        let same =
            |found: &&Credential| found.user.email.canonical() == email.canonical();
        let exact = |found: &&Credential| found.user.email.lower() == email.lower();
        let mut users = self.users.values();
        users.clone().find(exact).or_else(|| users.find(same))
    }

    pub(super) fn is_last_admin(&self, id: UserId) -> bool {
        let admins = self.users.values().filter(|found| found.user.is_active_admin());
        admins.map(|found| found.user.id).collect::<Vec<_>>() == [id]
    }

    pub(super) fn is_invited(
        &self,
        invitation: InvitationId,
        digest: SecretDigest,
        new: &NewUser,
    ) -> bool {
        self.invitations.get(&invitation).is_some_and(|found| {
            let email = found.email.as_ref().map(Email::canonical);
            found.digest == digest
                && found.expires_at > new.created_at
                && email.is_none_or(|it| it == new.email.canonical())
        })
    }

    pub(super) fn audit(
        &mut self,
        act: Act,
        action: AuditAction,
        target: Option<UserId>,
    ) {
        let id = u64::try_from(self.audited.len()).unwrap() + 1;
        self.audited.push(AuditRecord { id, act, action, target });
    }

    /// Notes what somebody has changed of an account.
    pub(super) fn audit_patch(&mut self, act: Act, old: &Credential, new: &Credential) {
        let id = old.user.id;
        use AuditAction as A;
        let (was, is) = (&old.user, &new.user);
        match (was.role, is.role) {
            (Role::User, Role::Admin) => self.audit(act, A::AdminMade, Some(id)),
            (Role::Admin, Role::User) => self.audit(act, A::AdminUnmade, Some(id)),
            _ => {}
        }
        match (was.disabled, is.disabled) {
            (false, true) => self.audit(act, A::UserDisabled, Some(id)),
            (true, false) => self.audit(act, A::UserEnabled, Some(id)),
            _ => {}
        }
        match (was.must_change_password, is.must_change_password) {
            (false, true) => self.audit(act, A::PasswordChangeRequired, Some(id)),
            (true, false) => self.audit(act, A::PasswordChangeWaived, Some(id)),
            _ => {}
        }
        if old.password != new.password {
            self.audit(act, A::PasswordSet, Some(id));
        }
    }

    /// Finds records that are about an account.
    pub(super) fn audit_about(
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

    /// Notes that a credential was used.
    pub(super) fn touch(
        &mut self,
        user: UserId,
        access: Access,
        at: Timestamp,
        address: Option<IpAddr>,
    ) {
        match access {
            Access::Session(id) => {
                let found = self.sessions.get_mut(&(user, id));
                if let Some(found) = found.filter(|it| it.last_used_at < at) {
                    found.last_used_at = at;
                    found.address = address.or(found.address);
                }
            }
            Access::Token(id) => {
                let found = self.tokens.get_mut(&(user, id));
                if let Some(found) = found.filter(|it| it.last_used_at < Some(at)) {
                    found.last_used_at = Some(at);
                }
            }
        }
    }

    /// What an account holds, but for bytes.
    pub(super) fn usage(&self, id: UserId) -> Usage {
        let tasks = u64::try_from(self.tasks_of(id).count()).unwrap();
        Usage { tasks, bytes: 0, own: self.own.get(&id).copied().unwrap_or_default() }
    }

    pub(super) fn end(&mut self, id: UserId, ending: Ending) -> Ended {
        let keep = match ending {
            Ending::Nothing => return Ended::default(),
            Ending::AllBut(session) => Some(session),
            Ending::Everything => None,
        };
        let (sessions, tokens) = (self.sessions.len(), self.tokens.len());
        self.sessions.retain(|(user, session), _| *user != id || Some(*session) == keep);
        self.tokens.retain(|(user, _), _| *user != id);
        let count = |before: usize, after: usize| u64::try_from(before - after).unwrap();
        Ended {
            sessions: count(sessions, self.sessions.len()),
            tokens: count(tokens, self.tokens.len()),
        }
    }

    /// Removes the sessions that are over, and as long as there are too many, the one that nobody will miss.
    pub(super) fn make_room_for(&mut self, new: &Session) {
        let now = new.created_at;
        self.sessions.remove(&(new.user, new.id));
        self.sessions.retain(|_, old| old.user != new.user || old.expires_at > now);
        let is_recent = |it: &Session| {
            it.last_used_at > it.created_at
                && it.last_used_at.plus(Duration::from_secs(3660)) >= now
        };
        let came_back =
            |it: &Session| it.last_used_at >= it.created_at.plus(Duration::from_secs(60));
        loop {
            let all: Vec<&Session> =
                self.sessions.values().filter(|it| it.user == new.user).collect();
            if all.len() < Session::MAX_PER_USER {
                return;
            }
            let mut latest: Vec<_> =
                all.iter().map(|it| (it.created_at, it.id)).collect();
            latest.sort_unstable();
            let latest = latest.split_off(latest.len() - 10);
            let arrives = |it: &Session| {
                it.created_at.plus(Duration::from_secs(60)) > now
                    && latest.contains(&(it.created_at, it.id))
            };
            let longest_unused = |of: &dyn Fn(&Session) -> bool| {
                let some = all.iter().filter(|it| of(it));
                some.map(|it| (it.last_used_at, it.created_at, it.id)).min()
            };
            let victim = longest_unused(&|it| !is_recent(it) && !arrives(it))
                .or_else(|| longest_unused(&|it| !came_back(it)))
                .or_else(|| longest_unused(&|_| true));
            self.sessions.remove(&(new.user, victim.unwrap().2));
        }
    }

    /// Takes in a task as it was.
    pub(super) fn restore(&mut self, task: Task) {
        let newest = self.newest.entry(task.owner).or_insert(Timestamp::EPOCH);
        *newest = (*newest).max(task.created_at);
        self.tasks.insert(task.id, task);
    }

    /// A task that has just changed, dated no earlier than any change before.
    pub(super) fn dated(&self, mut task: Task) -> Task {
        let others = self.tasks_of(task.owner).map(|other| other.updated_at);
        let newest = self.newest.get(&task.owner).copied();
        let all = others.chain(newest).chain([task.updated_at]);
        task.updated_at = all.max().unwrap();
        task
    }

    pub(super) fn task(&self, owner: UserId, id: TaskId) -> Option<&Task> {
        self.tasks.get(&id).filter(|task| task.owner == owner)
    }

    pub(super) fn tasks_of(&self, owner: UserId) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.owner == owner)
    }
}

/// A page of a list.
pub(super) fn part<T>(all: Vec<T>, page: Page) -> Vec<T> {
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    all.into_iter().skip(skip).take(usize::from(page.limit)).collect()
}
