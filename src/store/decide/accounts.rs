//! Decisions about accounts.

use super::{Change, Decision, Figures, Snapshot, audit};
use crate::domain::audit::{Act, Actor, AuditAction};
use crate::domain::id::{SessionId, UserId};
use crate::domain::password::PasswordHash;
use crate::domain::session::Session;
use crate::domain::user::{
    Admission, Credential, Ended, Ending, NewUser, Refused, Role, User, UserChange,
};
use crate::store::StoreError;

type Refusable<T> = Result<Decision<Result<T, Refused>>, StoreError>;

const fn refused<T>(why: Refused) -> Decision<Result<T, Refused>> {
    Decision::unchanged(Err(why))
}

/// Creates an account if there are fewer than `most`; the operator always may.
///
/// # Errors
///
/// Errors of the database.
pub fn create(
    snapshot: &dyn Snapshot,
    new: NewUser,
    most: Option<u64>,
) -> Refusable<User> {
    let id = snapshot.next_user_id()?;
    let mut changes = Vec::new();
    match new.admission {
        Admission::Open => {}
        Admission::Invited(invitation, digest) => {
            let email = new.email.canonical();
            let admitted = snapshot
                .invitation(invitation)?
                .is_some_and(|found| found.admits(digest, Some(&email), new.created_at));
            if !admitted {
                return Ok(refused(Refused::BadInvitation));
            }
            changes.push(Change::InvitationDelete(invitation));
        }
        Admission::By(act) => {
            let made: &[AuditAction] = match new.role {
                Role::User => &[AuditAction::UserCreated],
                Role::Admin => &[AuditAction::UserCreated, AuditAction::AdminMade],
            };
            changes.extend(audit::add(snapshot, act, made, Some(id))?);
        }
    }
    let is_operator =
        matches!(new.admission, Admission::By(Act { actor: Actor::Operator, .. }));
    if !is_operator
        && let Some(most) = most
        && snapshot.users()? >= most
    {
        return Ok(refused(Refused::Full));
    }
    // Checked after the invitation, or a caller without one would learn which accounts exist.
    if snapshot.user_id(&new.email)?.is_some() {
        return Ok(refused(Refused::EmailTaken));
    }
    let Some(key) = snapshot.email_key(&new.email, id)? else {
        return Ok(refused(Refused::EmailTaken));
    };
    let credential = new.into_credential(id);
    let result = Ok(credential.user.clone());
    let seq = Figures::NEW.seq;
    changes.push(Change::UserCreate { new: credential, email_key: key, seq });
    Ok(Decision { result, changes })
}

/// Changes an account and ends the access that the change revokes.
///
/// # Errors
///
/// Errors of the database.
pub fn patch(
    snapshot: &dyn Snapshot,
    id: UserId,
    change: UserChange,
) -> Refusable<(User, Ended)> {
    let Some(old) = snapshot.credential(id)? else {
        return Ok(refused(Refused::Missing));
    };
    let UserChange { patch, quota, ending, expected, by } = change;
    if expected.is_some_and(|expected| expected != old.password) {
        return Ok(refused(Refused::PasswordChanged));
    }
    let new = patch.apply(&old);
    if new.user.email != old.user.email {
        let owner = snapshot.user_id(&new.user.email)?;
        if owner.is_some_and(|owner| owner != id) {
            return Ok(refused(Refused::EmailTaken));
        }
    }
    if !new.user.is_active_admin() && snapshot.is_last_admin(id)? {
        return Ok(refused(Refused::LastAdmin));
    }
    // A disabled account has no sessions, whatever the request.
    let (ended, mut changes) = if new.user.disabled && !old.user.disabled {
        let (sessions, changes) = all_sessions_but(snapshot, id, None)?;
        (Ended { sessions, tokens: 0 }, changes)
    } else {
        end(snapshot, id, ending)?
    };
    let result = Ok((new.user.clone(), ended));
    let own = snapshot.figures(id)?.unwrap_or(Figures::NEW).own;
    let quota = Some(quota.apply(own)).filter(|quota| *quota != own);
    if let Some(act) = by {
        let mut actions = actions(&old, &new);
        actions.extend(quota.map(|_| AuditAction::QuotaSet));
        changes.extend(audit::add(snapshot, act, &actions, Some(id))?);
    }
    changes.extend(quota.map(|quota| Change::QuotaSet(id, quota)));
    if old.user.is_active_admin() && !new.user.is_active_admin() {
        changes.extend(uninvite(snapshot, id)?);
    }
    if new != old {
        changes.push(Change::UserReplace { old, new });
    }
    Ok(Decision { result, changes })
}

/// Revokes the invitations of a former administrator.
fn uninvite(snapshot: &dyn Snapshot, id: UserId) -> Result<Vec<Change>, StoreError> {
    let mut invitations = snapshot.invitations()?;
    invitations.retain(|found| found.created_by == Some(id));
    Ok(invitations.into_iter().map(|found| Change::InvitationDelete(found.id)).collect())
}

/// Returns the audit actions of a change.
fn actions(old: &Credential, new: &Credential) -> Vec<AuditAction> {
    use AuditAction as A;
    let (before, after) = (&old.user, &new.user);
    let is_admin = |user: &User| user.role == Role::Admin;
    let flags = [
        (is_admin(before), is_admin(after), A::AdminMade, A::AdminUnmade),
        (before.disabled, after.disabled, A::UserDisabled, A::UserEnabled),
        (
            before.must_change_password,
            after.must_change_password,
            A::PasswordChangeRequired,
            A::PasswordChangeWaived,
        ),
    ];
    let mut actions: Vec<A> = Vec::new();
    for (before, after, set, cleared) in flags {
        if before != after {
            actions.push(if after { set } else { cleared });
        }
    }
    if old.password != new.password {
        actions.push(A::PasswordSet);
    }
    actions
}

/// Ends access to an account.
///
/// # Errors
///
/// Errors of the database.
pub fn end_access(
    snapshot: &dyn Snapshot,
    id: UserId,
    ending: Ending,
    by: Option<Act>,
) -> Refusable<Ended> {
    if snapshot.credential(id)?.is_none() {
        return Ok(refused(Refused::Missing));
    }
    let (ended, mut changes) = end(snapshot, id, ending)?;
    if let Some(act) = by {
        changes.extend(audit::add(snapshot, act, &[AuditAction::AccessEnded], Some(id))?);
    }
    Ok(Decision { result: Ok(ended), changes })
}

fn end(
    snapshot: &dyn Snapshot,
    id: UserId,
    ending: Ending,
) -> Result<(Ended, Vec<Change>), StoreError> {
    let keep = match ending {
        Ending::Nothing => return Ok((Ended::default(), Vec::new())),
        Ending::AllBut(session) => Some(session),
        Ending::Everything => None,
    };
    let (sessions, mut changes) = all_sessions_but(snapshot, id, keep)?;
    let tokens = snapshot.tokens(id)?;
    let count = u64::try_from(tokens.len()).unwrap_or(u64::MAX);
    changes.extend(tokens.into_iter().map(|token| Change::TokenDelete(id, token.id)));
    Ok((Ended { sessions, tokens: count }, changes))
}

/// Ends every session of an account except one, and returns how many.
fn all_sessions_but(
    snapshot: &dyn Snapshot,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<(u64, Vec<Change>), StoreError> {
    let mut sessions = snapshot.sessions(user)?;
    sessions.retain(|session| Some(session.id) != keep);
    let count = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
    let end = |session: Session| Change::SessionDelete(user, session.id);
    Ok((count, sessions.into_iter().map(end).collect()))
}

/// Replaces a password hash, unless it has changed.
///
/// # Errors
///
/// Errors of the database.
pub fn rehash(
    snapshot: &dyn Snapshot,
    id: UserId,
    expected: &PasswordHash,
    password: PasswordHash,
) -> Result<Decision<bool>, StoreError> {
    match snapshot.credential(id)? {
        Some(old) if old.password == *expected => {
            let new = Credential { password, ..old.clone() };
            let changes = vec![Change::UserReplace { old, new }];
            Ok(Decision { result: true, changes })
        }
        _ => Ok(Decision::unchanged(false)),
    }
}

/// Deletes an account with all its data.
///
/// # Errors
///
/// Errors of the database.
pub fn delete(
    snapshot: &dyn Snapshot,
    id: UserId,
    expected: Option<&PasswordHash>,
    by: Option<Act>,
) -> Refusable<()> {
    let Some(old) = snapshot.credential(id)? else {
        return Ok(refused(Refused::Missing));
    };
    if expected.is_some_and(|expected| *expected != old.password) {
        return Ok(refused(Refused::PasswordChanged));
    }
    if snapshot.is_last_admin(id)? {
        return Ok(refused(Refused::LastAdmin));
    }
    let mut changes = match by {
        Some(act) => audit::add(snapshot, act, &[AuditAction::UserDeleted], Some(id))?,
        None => Vec::new(),
    };
    changes.extend(uninvite(snapshot, id)?);
    changes.push(Change::UserDelete(old));
    Ok(Decision { result: Ok(()), changes })
}
