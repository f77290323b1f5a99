//! Accounts: reads and decisions.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTableMetadata as _};

use super::change::Change;
use super::key::Table;
use super::record::Stats;
use super::view::View;
use super::write::Decision;
use super::{audit, codec, quota, record, table};
use crate::domain::audit::{Act, Actor, AuditAction};
use crate::domain::email::Email;
use crate::domain::id::{SessionId, UserId};
use crate::domain::page::{Page, UserPage};
use crate::domain::password::PasswordHash;
use crate::domain::session::Session;
use crate::domain::user::{
    Account, Admission, Credential, Ended, Ending, NewUser, Refused, Role, User,
    UserChange,
};
use crate::store::StoreError;

type Refusable<T> = Result<Decision<Result<T, Refused>>, StoreError>;

const fn refused<T>(why: Refused) -> Decision<Result<T, Refused>> {
    Decision::unchanged(Err(why))
}

/// Creates an account if there are fewer than `most`; the operator always may.
pub(super) fn create(
    view: &View<'_, '_>,
    new: NewUser,
    most: Option<u64>,
) -> Refusable<User> {
    let id = view.next_user_id()?;
    let mut changes = Vec::new();
    match new.admission {
        Admission::Open => {}
        Admission::Invited(invitation, digest) => {
            let email = new.email.canonical();
            let admitted = view
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
            changes.extend(audit::add(view, act, made, Some(id))?);
        }
    }
    let is_operator =
        matches!(new.admission, Admission::By(Act { actor: Actor::Operator, .. }));
    if !is_operator
        && let Some(most) = most
        && view.users()? >= most
    {
        return Ok(refused(Refused::Full));
    }
    // Checked after the invitation, or a caller without one would learn which accounts exist.
    if view.user_id(&new.email)?.is_some() {
        return Ok(refused(Refused::EmailTaken));
    }
    let Some(key) = view.email_key(&new.email, id)? else {
        return Ok(refused(Refused::EmailTaken));
    };
    let credential = new.into_credential(id);
    let result = Ok(credential.user.clone());
    changes.push(Change::UserCreate(credential, key));
    Ok(Decision { result, changes })
}

pub(super) fn patch(
    view: &View<'_, '_>,
    id: UserId,
    change: UserChange,
) -> Refusable<(User, Ended)> {
    let Some(old) = view.credential(id)? else { return Ok(refused(Refused::Missing)) };
    let UserChange { patch, quota, ending, expected, by } = change;
    if expected.is_some_and(|expected| expected != old.password) {
        return Ok(refused(Refused::PasswordChanged));
    }
    let new = patch.apply(&old);
    if new.user.email != old.user.email {
        let owner = view.user_id(&new.user.email)?;
        if owner.is_some_and(|owner| owner != id) {
            return Ok(refused(Refused::EmailTaken));
        }
    }
    if !new.user.is_active_admin() && view.is_last_admin(id)? {
        return Ok(refused(Refused::LastAdmin));
    }
    // A disabled account has no sessions, whatever the request.
    let (ended, mut changes) = if new.user.disabled && !old.user.disabled {
        let (sessions, changes) = all_sessions_but(view, id, None)?;
        (Ended { sessions, tokens: 0 }, changes)
    } else {
        end(view, id, ending)?
    };
    let result = Ok((new.user.clone(), ended));
    let own = view.stats(id)?.unwrap_or(Stats::EMPTY).own;
    let quota = Some(quota.apply(own)).filter(|quota| *quota != own);
    if let Some(act) = by {
        let mut actions = actions(&old, &new);
        actions.extend(quota.map(|_| AuditAction::QuotaSet));
        changes.extend(audit::add(view, act, &actions, Some(id))?);
    }
    changes.extend(quota.map(|quota| Change::QuotaSet(id, quota)));
    if old.user.is_active_admin() && !new.user.is_active_admin() {
        changes.extend(uninvite(view, id)?);
    }
    if new != old {
        changes.push(Change::UserReplace { old, new });
    }
    Ok(Decision { result, changes })
}

/// Revokes the invitations of a former administrator.
fn uninvite(view: &View<'_, '_>, id: UserId) -> Result<Vec<Change>, StoreError> {
    let mut invitations = view.invitations()?;
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
pub(super) fn end_access(
    view: &View<'_, '_>,
    id: UserId,
    ending: Ending,
    by: Option<Act>,
) -> Refusable<Ended> {
    if view.credential(id)?.is_none() {
        return Ok(refused(Refused::Missing));
    }
    let (ended, mut changes) = end(view, id, ending)?;
    if let Some(act) = by {
        changes.extend(audit::add(view, act, &[AuditAction::AccessEnded], Some(id))?);
    }
    Ok(Decision { result: Ok(ended), changes })
}

fn end(
    view: &View<'_, '_>,
    id: UserId,
    ending: Ending,
) -> Result<(Ended, Vec<Change>), StoreError> {
    let keep = match ending {
        Ending::Nothing => return Ok((Ended::default(), Vec::new())),
        Ending::AllBut(session) => Some(session),
        Ending::Everything => None,
    };
    let (sessions, mut changes) = all_sessions_but(view, id, keep)?;
    let tokens = view.tokens(id)?;
    let count = u64::try_from(tokens.len()).unwrap_or(u64::MAX);
    changes.extend(tokens.into_iter().map(|token| Change::TokenDelete(id, token.id)));
    Ok((Ended { sessions, tokens: count }, changes))
}

/// Ends every session of an account except one, and returns how many.
fn all_sessions_but(
    view: &View<'_, '_>,
    user: UserId,
    keep: Option<SessionId>,
) -> Result<(u64, Vec<Change>), StoreError> {
    let mut sessions = view.sessions(user)?;
    sessions.retain(|session| Some(session.id) != keep);
    let count = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
    let end = |session: Session| Change::SessionDelete(user, session.id);
    Ok((count, sessions.into_iter().map(end).collect()))
}

pub(super) fn rehash(
    view: &View<'_, '_>,
    id: UserId,
    expected: &PasswordHash,
    password: PasswordHash,
) -> Result<Decision<bool>, StoreError> {
    match view.credential(id)? {
        Some(old) if old.password == *expected => {
            let new = Credential { password, ..old.clone() };
            let changes = vec![Change::UserReplace { old, new }];
            Ok(Decision { result: true, changes })
        }
        _ => Ok(Decision::unchanged(false)),
    }
}

pub(super) fn delete(
    view: &View<'_, '_>,
    id: UserId,
    expected: Option<&PasswordHash>,
    by: Option<Act>,
) -> Refusable<()> {
    let Some(old) = view.credential(id)? else { return Ok(refused(Refused::Missing)) };
    if expected.is_some_and(|expected| *expected != old.password) {
        return Ok(refused(Refused::PasswordChanged));
    }
    if view.is_last_admin(id)? {
        return Ok(refused(Refused::LastAdmin));
    }
    let mut changes = match by {
        Some(act) => audit::add(view, act, &[AuditAction::UserDeleted], Some(id))?,
        None => Vec::new(),
    };
    changes.extend(uninvite(view, id)?);
    changes.push(Change::UserDelete(old));
    Ok(Decision { result: Ok(()), changes })
}

pub(super) fn get(
    txn: &ReadTransaction,
    id: UserId,
) -> Result<Option<Credential>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let value = users.get(id.to_bytes().as_slice())?;
    value.map(|value| record::decode_user(id, value.value())).transpose()
}

/// Finds an account like [`get`], without its password hash.
pub(super) fn owner(
    txn: &ReadTransaction,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let value = users.get(id.to_bytes().as_slice())?;
    value.map(|value| record::decode_account(id, value.value())).transpose()
}

pub(super) fn by_email(
    txn: &ReadTransaction,
    email: &Email,
) -> Result<Option<Credential>, StoreError> {
    let index = table::open(txn, Table::UserByEmail)?;
    for key in email.spellings() {
        let key = key.as_bytes();
        let Some(value) = index.get(key)? else { continue };
        let id = record::decode_number(Table::UserByEmail, key, value.value())?;
        return match get(txn, UserId::new(id))? {
            Some(found) if found.user.email.canonical() == email.canonical() => {
                Ok(Some(found))
            }
            _ => Err(codec::damaged(Table::UserByEmail, key, &"names another account")),
        };
    }
    Ok(None)
}

pub(super) fn list(
    txn: &ReadTransaction,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<User>, StoreError> {
    each_after(txn, after, limit, record::decode_account)
}

/// Lists password hashes, by account.
pub(super) fn passwords(
    txn: &ReadTransaction,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<(UserId, PasswordHash)>, StoreError> {
    each_after(txn, after, limit, |id, value| {
        record::decode_user(id, value).map(|found| (id, found.password))
    })
}

/// Decodes each account by id, at most `limit`, starting after `after`.
fn each_after<T>(
    txn: &ReadTransaction,
    after: Option<UserId>,
    limit: usize,
    decode: impl Fn(UserId, &[u8]) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let users = table::open(txn, Table::Users)?;
    let after = after.map(UserId::to_bytes);
    let start =
        after.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.as_slice()));
    let mut page = Vec::new();
    for entry in users.range::<&[u8]>((start, Bound::Unbounded))?.take(limit) {
        let (key, value) = entry?;
        let id = codec::user_id(Table::Users, key.value())?;
        page.push(decode(id, value.value())?);
    }
    Ok(page)
}

/// Lists accounts, newest first. A search reads every account; a plain list only skipped and returned ones.
pub(super) fn page(
    txn: &ReadTransaction,
    containing: Option<&str>,
    page: Page,
) -> Result<UserPage, StoreError> {
    let table = table::open(txn, Table::Users)?;
    let owned = table::open(txn, Table::Owned)?;
    let (mut users, mut found) = (Vec::new(), 0);
    let end = page.skip.saturating_add(u64::from(page.limit));
    for entry in table::all(&table)?.rev() {
        if containing.is_none() && found >= end {
            break;
        }
        let (key, value) = entry?;
        if containing.is_none() && found < page.skip {
            found += 1;
            continue;
        }
        let id = codec::user_id(Table::Users, key.value())?;
        let user = record::decode_account(id, value.value())?;
        if containing.is_some_and(|text| !user.email.contains(text)) {
            continue;
        }
        if (page.skip..end).contains(&found) {
            let usage = quota::usage(&owned, id)?.unwrap_or_default();
            users.push(Account { user, usage });
        }
        found += 1;
    }
    let total = if containing.is_none() { table.len()? } else { found };
    Ok(UserPage { users, total })
}
