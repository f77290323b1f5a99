//! Tests of accounts.

use std::sync::Arc;

use duly::domain::id::UserId;
use duly::domain::task::TaskCounts;
use duly::domain::task::TaskQuery;
use duly::domain::user::Refused;
use duly::store::{Store, WriteContext};

use crate::harness::TaskStore as _;
use crate::harness::values::Counts as _;
use crate::harness::values::{
    ALL, DONE, OPEN, at, complete, delete_user, email, given_task, given_user, hash, ids,
    new_task, new_user, page, session, session_id, set_password,
};

pub(super) async fn an_email_is_taken_in_any_spelling(store: Arc<dyn Store>) {
    given_user(&*store, "Jane@Example.com").await;

    for spelling in ["Jane@Example.com", "jane@example.com", " JANE@EXAMPLE.COM "] {
        assert_eq!(
            store.user_create(new_user(spelling), WriteContext::system()).await.unwrap(),
            Err(Refused::EmailTaken),
            "{spelling}"
        );
    }
    assert!(
        store
            .user_create(new_user("jane@example.org"), WriteContext::system())
            .await
            .unwrap()
            .is_ok()
    );
}

pub(super) async fn an_account_is_found_by_any_spelling_and_shown_as_typed(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "Jane@Example.com").await;

    let found = store.user_by_email(email("jANE@example.COM")).await.unwrap();
    let found = found.unwrap();

    assert_eq!(found.user, user);
    assert_eq!(found.user.email.as_str(), "Jane@Example.com");
    assert_eq!(found.password, hash("first"));
    let missing = email("john@example.com");
    assert_eq!(store.user_by_email(missing).await.unwrap(), None);
}

pub(super) async fn ids_are_counted_up_and_never_used_again(store: Arc<dyn Store>) {
    let first = given_user(&*store, "a@example.com").await;
    let second = given_user(&*store, "b@example.com").await;
    let task = given_task(&*store, first.id, "a", 1).await;
    let other = given_task(&*store, second.id, "b", 1).await;
    assert_eq!((first.id.get(), second.id.get()), (1, 2));
    assert_eq!((task.id.get(), other.id.get()), (1, 2));

    assert!(store.task_delete(second.id, other.id).await.unwrap());
    assert!(delete_user(&*store, second.id).await.is_ok());

    assert_eq!(given_task(&*store, first.id, "c", 1).await.id.get(), 3);
    assert_eq!(given_user(&*store, "b@example.com").await.id.get(), 3);
}

pub(super) async fn a_new_password_ends_every_session_of_that_account_alone(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await;
    let other = given_user(&*store, "b@example.com").await;
    for new in [
        session(user.id, 1, 0, 100),
        session(user.id, 2, 0, 100),
        session(other.id, 3, 0, 100),
    ] {
        assert!(store.session_create(new, None, WriteContext::system()).await.unwrap());
    }

    // As a request does: a store may keep sessions in memory.
    assert!(store.session_get(user.id, session_id(1)).await.unwrap().is_some());

    assert!(
        store
            .user_patch(user.id, set_password("second"), WriteContext::system())
            .await
            .unwrap()
            .is_ok()
    );

    let found = store.user_by_email(user.email.clone()).await.unwrap().unwrap();
    assert_eq!((found.user, found.password), (user.clone(), hash("second")));
    assert_eq!(store.session_get(user.id, session_id(1)).await.unwrap(), None);
    assert_eq!(store.session_get(user.id, session_id(2)).await.unwrap(), None);
    assert!(store.session_get(other.id, session_id(3)).await.unwrap().is_some());
    assert!(
        store
            .user_patch(UserId::new(99), set_password("x"), WriteContext::system())
            .await
            .unwrap()
            .is_err()
    );
}

pub(super) async fn a_better_hash_replaces_only_the_one_it_was_made_for(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await;
    assert!(
        store
            .session_create(session(user.id, 1, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );

    assert!(store.user_rehash(user.id, hash("first"), hash("better")).await.unwrap());
    assert!(!store.user_rehash(user.id, hash("first"), hash("worse")).await.unwrap());
    assert!(!store.user_rehash(UserId::new(99), hash("first"), hash("x")).await.unwrap());

    let found = store.user_by_email(user.email.clone()).await.unwrap().unwrap();
    assert_eq!(found.password, hash("better"));
    assert!(store.session_get(user.id, session_id(1)).await.unwrap().is_some());
}

pub(super) async fn accounts_are_listed_by_id_page_by_page(store: Arc<dyn Store>) {
    let mut users = Vec::new();
    for n in 0..5 {
        users.push(given_user(&*store, &format!("{n}@example.com")).await);
    }
    assert!(delete_user(&*store, users.remove(1).id).await.is_ok());

    let after = |id| store.user_list(Some(UserId::new(id)), 2);
    assert_eq!(store.user_list(None, 100).await.unwrap(), users);
    assert_eq!(store.user_list(None, 3).await.unwrap(), users[..3]);
    assert_eq!(after(1).await.unwrap(), users[1..3]);
    assert_eq!(after(2).await.unwrap(), users[1..3], "after one that is gone");
    assert_eq!(after(4).await.unwrap(), users[3..]);
    assert_eq!(after(5).await.unwrap(), []);
    assert_eq!(after(u64::MAX).await.unwrap(), []);
    assert_eq!(store.user_list(None, 0).await.unwrap(), []);
}

pub(super) async fn deleting_an_account_takes_all_it_has_and_nothing_else(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await;
    let other = given_user(&*store, "b@example.com").await;
    for owner in [user.id, other.id] {
        given_task(&*store, owner, "open", 1).await;
        let done = given_task(&*store, owner, "done", 2).await;
        store.task_patch(owner, done.id, complete(true), at(3)).await.unwrap().unwrap();
        assert!(
            store
                .session_create(session(owner, 1, 0, 100), None, WriteContext::system())
                .await
                .unwrap()
        );
    }

    assert!(store.session_get(user.id, session_id(1)).await.unwrap().is_some());

    assert!(delete_user(&*store, user.id).await.is_ok());

    assert_eq!(store.user_by_email(user.email.clone()).await.unwrap(), None);
    assert_eq!(store.session_get(user.id, session_id(1)).await.unwrap(), None);
    assert_eq!(store.task_counts(user.id).await.unwrap(), TaskCounts::default());
    for filter in [ALL, OPEN, DONE] {
        assert_eq!(ids(&*store, user.id, filter).await, []);
    }
    assert_eq!(store.user_list(None, 10).await.unwrap(), std::slice::from_ref(&other));
    assert_eq!(ids(&*store, other.id, ALL).await.len(), 2);
    assert!(store.session_get(other.id, session_id(1)).await.unwrap().is_some());
    assert_eq!(given_user(&*store, "a@example.com").await.id.get(), 3);
}

pub(super) async fn a_deleted_account_can_do_nothing(store: Arc<dyn Store>) {
    let user = given_user(&*store, "a@example.com").await.id;
    let task = given_task(&*store, user, "a", 1).await.id;
    assert!(delete_user(&*store, user).await.is_ok());

    assert!(delete_user(&*store, user).await.is_err());
    assert!(
        store
            .user_patch(user, set_password("x"), WriteContext::system())
            .await
            .unwrap()
            .is_err()
    );
    assert!(!store.user_rehash(user, hash("first"), hash("x")).await.unwrap());
    assert!(
        !store
            .session_create(session(user, 1, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );
    assert_eq!(store.task_create(user, new_task("b", 1)).await.unwrap(), None);
    assert_eq!(store.task_patch(user, task, complete(true), at(2)).await.unwrap(), None);
    assert!(!store.task_delete(user, task).await.unwrap());
    assert_eq!(store.task_get(user, task).await.unwrap(), None);
    assert_eq!(
        store.task_list(user, TaskQuery::newest(ALL, page(0, 10))).await.unwrap().total,
        0
    );
}
