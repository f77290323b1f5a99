//! Tests of authority and idempotency of writes.

use std::sync::Arc;

use duly::auth::permission::{Admin, Permission, TasksWrite};
use duly::domain::access::Access;
use duly::domain::authority::{Authority, Claim};
use duly::domain::id::UserId;
use duly::domain::idempotency::{IdempotencyKey, IdempotencyRecord};
use duly::domain::scope::Scopes;
use duly::domain::task::{TaskAction, TaskWrite, TaskWritten};
use duly::domain::user::{Role, UserChange, UserPatch};
use duly::store::{Idempotency, Store, StoreError, WriteContext};

use crate::harness::values::{
    Counts as _, at, given_user, new_task, session, session_id,
};

/// Authority of a session that expires at 100.
fn caller<P: Permission>(user: UserId, now: i64) -> Authority {
    Authority::Caller(Claim {
        user,
        access: Access::Session(session_id(1)),
        scopes: Scopes::ALL,
        need: P::NEED,
        at: at(now),
    })
}

async fn given_caller(store: &dyn Store) -> UserId {
    let user = given_user(store, "a@example.com").await.id;
    let new = session(user, 1, 0, 100);
    assert!(store.session_create(new, None, WriteContext::system()).await.unwrap());
    user
}

async fn create(
    store: &dyn Store,
    owner: UserId,
    context: WriteContext<Option<TaskWritten>>,
) -> Result<Option<TaskWritten>, StoreError> {
    let write = TaskWrite::one(TaskAction::Create(Box::new(new_task("a", 5))), at(5));
    store.task_write(owner, write, context).await
}

async fn create_as(
    store: &dyn Store,
    owner: UserId,
    authority: Authority,
) -> Result<Option<TaskWritten>, StoreError> {
    create(store, owner, WriteContext { authority, idempotency: None }).await
}

fn is_revoked<T>(written: Result<T, StoreError>) -> bool {
    matches!(written, Err(StoreError::Revoked))
}

pub(super) async fn a_write_takes_a_credential_that_is_live_when_it_is_decided(
    store: Arc<dyn Store>,
) {
    let store = &*store;
    let user = given_caller(store).await;
    assert!(create_as(store, user, caller::<TasksWrite>(user, 99)).await.is_ok());

    let expired = caller::<TasksWrite>(user, 100);
    assert!(is_revoked(create_as(store, user, expired).await));
    let valid = || caller::<TasksWrite>(user, 50);
    let context = || WriteContext { authority: valid(), idempotency: None };
    assert!(store.session_delete(user, session_id(1), context()).await.unwrap());
    assert!(is_revoked(create_as(store, user, valid()).await));
    let again = store.session_delete(user, session_id(1), context()).await;
    assert!(is_revoked(again));
    let change = UserChange::default();
    let context = WriteContext { authority: valid(), idempotency: None };
    assert!(is_revoked(store.user_patch(user, change, context).await));

    assert_eq!(store.task_counts(user).await.unwrap().total, 1);
}

pub(super) async fn a_write_takes_an_account_that_may_still_do_it(store: Arc<dyn Store>) {
    let store = &*store;
    let user = given_caller(store).await;
    let set = async |patch| {
        let change = UserChange { patch, ..UserChange::default() };
        store.user_patch(user, change, WriteContext::system()).await.unwrap().unwrap();
    };
    let admin =
        || WriteContext { authority: caller::<Admin>(user, 50), idempotency: None };
    let end = async || {
        let ending = duly::domain::user::Ending::Nothing;
        store.access_end(user, ending, None, admin()).await
    };
    assert!(is_revoked(end().await));
    set(UserPatch { role: Some(Role::Admin), ..UserPatch::default() }).await;
    assert!(end().await.is_ok());

    let patch = UserPatch { must_change_password: Some(true), ..UserPatch::default() };
    set(patch).await;
    assert!(is_revoked(end().await));
    assert!(is_revoked(create_as(store, user, caller::<TasksWrite>(user, 50)).await));
}

/// Context whose record holds this byte.
fn keyed(owner: Option<UserId>, n: u8, now: i64) -> WriteContext<Option<TaskWritten>> {
    let key = IdempotencyKey::from_bytes([1; 16]);
    let record = move |written: &Option<TaskWritten>| {
        let (request, made_at, sealed) = ([0; 32], at(now), vec![n]);
        let record = IdempotencyRecord { key, request, made_at, sealed };
        Ok(written.is_some().then_some((owner.unwrap_or(UserId::new(1)), record)))
    };
    let idempotency = Idempotency { owner, key, at: at(now), record: Box::new(record) };
    WriteContext { authority: Authority::System, idempotency: Some(idempotency) }
}

pub(super) async fn a_key_is_used_once_a_day_by_each_account(store: Arc<dyn Store>) {
    let store = &*store;
    let jane = given_user(store, "a@example.com").await.id;
    let john = given_user(store, "b@example.com").await.id;
    let kept = async |owner| {
        let key = IdempotencyKey::from_bytes([1; 16]);
        store.idempotency_get(owner, key).await.unwrap().map(|it| it.sealed)
    };
    create(store, jane, keyed(Some(jane), 1, 5)).await.unwrap();
    assert_eq!(kept(jane).await, Some(vec![1]));

    let again = create(store, jane, keyed(Some(jane), 2, 6)).await;
    assert!(matches!(again, Err(StoreError::Repeated)));
    create(store, john, keyed(Some(john), 3, 6)).await.unwrap();
    assert_eq!((kept(jane).await, kept(john).await), (Some(vec![1]), Some(vec![3])));
    assert_eq!(store.task_counts(jane).await.unwrap().total, 1);

    // Nothing was written, so no record is kept.
    let nobody = UserId::new(99);
    assert_eq!(create(store, nobody, keyed(Some(nobody), 4, 7)).await.unwrap(), None);
    assert_eq!(kept(nobody).await, None);

    let day = i64::try_from(IdempotencyRecord::RETENTION.as_millis()).unwrap();
    create(store, jane, keyed(Some(jane), 5, 5 + day)).await.unwrap();
    assert_eq!(kept(jane).await, Some(vec![5]));
    assert_eq!(store.task_counts(jane).await.unwrap().total, 2);
}
