//! Model of the rules of accounts and credentials.

use std::net::IpAddr;
use std::time::Duration;

use duly::domain::access::Access;
use duly::domain::audit::{Act, AuditAction, AuditRecord};
use duly::domain::digest::SecretDigest;
use duly::domain::email::Email;
use duly::domain::id::{InvitationId, UserId};
use duly::domain::session::Session;
use duly::domain::timestamp::Timestamp;
use duly::domain::user::{
    Admission, Credential, Ended, Ending, NewUser, Refused, Role, User,
};

use crate::harness::memory::State;

impl State {
    pub(super) fn register(&mut self, new: NewUser) -> Result<User, Refused> {
        let id = UserId::new(self.last_user + 1);
        if let Admission::Invited(invitation, digest) = new.admission
            && !self.is_invited(invitation, digest, &new)
        {
            return Err(Refused::BadInvitation);
        }
        if self.quota.accounts.is_some_and(|most| self.users.len() as u64 >= most) {
            return Err(Refused::Full);
        }
        if self.by_email(&new.email).is_some() {
            return Err(Refused::EmailTaken);
        }
        match new.admission {
            Admission::Open => {}
            Admission::By(act) => {
                self.audit(act, AuditAction::UserCreated, Some(id));
                if new.role == Role::Admin {
                    self.audit(act, AuditAction::AdminMade, Some(id));
                }
            }
            Admission::Invited(invitation, _) => {
                self.invitations.remove(&invitation);
            }
        }
        self.last_user += 1;
        let credential = new.into_credential(id);
        let user = credential.user.clone();
        self.users.insert(user.id, credential);
        Ok(user)
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

    /// Records a change to an account in the audit log.
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

    /// Records the use of a credential.
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

    /// Removes ended sessions and, while there are too many, the least useful one.
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
}
