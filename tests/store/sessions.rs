//! Sessions.

use std::sync::Arc;

use duly::domain::id::UserId;
use duly::domain::session::Session;
use duly::store::Store;

use crate::harness::values::{given_user, session, session_id};

pub(super) async fn a_session_is_found_with_its_owner_and_by_nobody_else(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await;
    let other = given_user(&*store, "b@example.com").await;
    let new = session(user.id, 1, 5, 100);

    assert!(store.session_create(new.clone(), None).await.unwrap());

    let found = store.session_get(user.id, new.id).await.unwrap();
    assert_eq!(found, Some((user.clone(), new.clone())));
    assert_eq!(store.session_get(other.id, new.id).await.unwrap(), None);
    assert_eq!(store.session_get(user.id, session_id(2)).await.unwrap(), None);
}

pub(super) async fn a_session_needs_an_account(store: Arc<dyn Store>) {
    let nobody = UserId::new(1);

    assert!(!store.session_create(session(nobody, 1, 0, 100), None).await.unwrap());

    assert_eq!(given_user(&*store, "a@example.com").await.id, nobody);
    assert_eq!(store.session_get(nobody, session_id(1)).await.unwrap(), None);
}

pub(super) async fn expired_sessions_are_found_until_another_is_made(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await.id;
    let other = given_user(&*store, "b@example.com").await.id;
    for new in [
        session(user, 1, 0, 99),
        session(user, 2, 0, 100),
        session(user, 3, 0, 101),
        session(other, 4, 0, 1),
    ] {
        assert!(store.session_create(new, None).await.unwrap());
        // None expired when the next was made: all were made at once.
    }
    assert_eq!(found(&*store, user).await, [1, 2, 3]);

    assert!(store.session_create(session(user, 5, 100, 200), None).await.unwrap());

    assert_eq!(found(&*store, user).await, [3, 5]);
    assert_eq!(found(&*store, other).await, [4], "nobody else is affected");
}

pub(super) async fn the_oldest_session_gives_way_to_one_too_many(store: Arc<dyn Store>) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = u8::try_from(Session::MAX_PER_USER).unwrap();
    // Ids run against the time, so that the smallest id is not the oldest.
    for n in 0..most {
        let created = i64::from(n);
        assert!(
            store
                .session_create(session(user, most - n, created, 1000), None)
                .await
                .unwrap()
        );
    }
    assert_eq!(found(&*store, user).await.len(), Session::MAX_PER_USER);

    assert!(store.session_create(session(user, 100, 500, 1000), None).await.unwrap());

    let mut left: Vec<u8> = (1..most).collect();
    left.push(100);
    assert_eq!(found(&*store, user).await, left);
}

pub(super) async fn expired_sessions_go_before_old_ones(store: Arc<dyn Store>) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = u8::try_from(Session::MAX_PER_USER).unwrap();
    for n in 1..most {
        assert!(store.session_create(session(user, n, 0, 1000), None).await.unwrap());
    }
    assert!(store.session_create(session(user, most, 10, 20), None).await.unwrap());

    assert!(store.session_create(session(user, 100, 30, 1000), None).await.unwrap());

    let mut left: Vec<u8> = (1..most).collect();
    left.push(100);
    assert_eq!(found(&*store, user).await, left);
}

pub(super) async fn a_session_made_twice_is_one(store: Arc<dyn Store>) {
    let user = given_user(&*store, "a@example.com").await;
    assert!(store.session_create(session(user.id, 1, 0, 100), None).await.unwrap());
    let again = session(user.id, 1, 50, 200);

    assert!(store.session_create(again.clone(), None).await.unwrap());

    let found = store.session_get(user.id, again.id).await.unwrap();
    assert_eq!(found, Some((user, again)));
}

/// The numbers of one person's sessions, of all numbers there are.
async fn found(store: &dyn Store, user: UserId) -> Vec<u8> {
    let mut found = Vec::new();
    for n in 0..=u8::MAX {
        if store.session_get(user, session_id(n)).await.unwrap().is_some() {
            found.push(n);
        }
    }
    found
}
