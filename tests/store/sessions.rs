//! Tests of sessions.

use std::sync::Arc;

use duly::domain::access::Access;
use duly::domain::id::UserId;
use duly::domain::session::Session;
use duly::store::{Store, WriteContext};

use crate::harness::values::{at, given_user, session, session_id};

pub(super) async fn a_session_is_found_with_its_owner_and_by_nobody_else(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await;
    let other = given_user(&*store, "b@example.com").await;
    let new = session(user.id, 1, 5, 100);

    assert!(
        store.session_create(new.clone(), None, WriteContext::system()).await.unwrap()
    );

    let found = store.session_get(user.id, new.id).await.unwrap();
    assert_eq!(found, Some((user.clone(), new.clone())));
    assert_eq!(store.session_get(other.id, new.id).await.unwrap(), None);
    assert_eq!(store.session_get(user.id, session_id(2)).await.unwrap(), None);
}

pub(super) async fn a_session_needs_an_account(store: Arc<dyn Store>) {
    let nobody = UserId::new(1);

    assert!(
        !store
            .session_create(session(nobody, 1, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );

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
        assert!(store.session_create(new, None, WriteContext::system()).await.unwrap());
        // No session expired when the next was created: all were created at once.
    }
    assert_eq!(found(&*store, user).await, [1, 2, 3]);

    assert!(
        store
            .session_create(session(user, 5, 100, 200), None, WriteContext::system())
            .await
            .unwrap()
    );

    assert_eq!(found(&*store, user).await, [3, 5]);
    assert_eq!(found(&*store, other).await, [4], "nobody else is affected");
}

pub(super) async fn of_sessions_that_nobody_uses_the_oldest_gives_way_to_one_too_many(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = u8::try_from(Session::MAX_PER_USER).unwrap();
    // Ids run against the time, so that the smallest id is not the oldest.
    for n in 0..most {
        let created = i64::from(n);
        assert!(
            store
                .session_create(
                    session(user, most - n, created, 1000),
                    None,
                    WriteContext::system()
                )
                .await
                .unwrap()
        );
    }
    assert_eq!(found(&*store, user).await.len(), Session::MAX_PER_USER);

    assert!(
        store
            .session_create(session(user, 100, 500, 1000), None, WriteContext::system())
            .await
            .unwrap()
    );

    let mut left: Vec<u8> = (1..most).collect();
    left.push(100);
    assert_eq!(found(&*store, user).await, left);
}

/// Length of a minute in milliseconds.
const MINUTE: i64 = 60_000;
/// Expiry that no test reaches.
const NEVER: i64 = 1_000_000_000;

/// Fills the account with sessions of number 1 to the limit, created one a minute from the first on.
async fn given_full(store: &dyn Store, user: UserId) -> u8 {
    let most = u8::try_from(Session::MAX_PER_USER).unwrap();
    for n in 1..=most {
        let new = session(user, n, i64::from(n) * MINUTE, NEVER);
        assert!(store.session_create(new, None, WriteContext::system()).await.unwrap());
    }
    most
}

async fn used(store: &dyn Store, user: UserId, n: u8, time: i64) {
    let access = Access::Session(session_id(n));
    store.access_touch(user, access, at(time), None).await.unwrap();
}

/// Logs in once more, and returns the number of the session that was ended for it.
async fn gone(store: &dyn Store, user: UserId, n: u8, time: i64) -> u8 {
    let before = found(store, user).await;
    assert!(
        store
            .session_create(session(user, n, time, NEVER), None, WriteContext::system())
            .await
            .unwrap()
    );
    let after = found(store, user).await;
    let gone: Vec<u8> = before.into_iter().filter(|n| !after.contains(n)).collect();
    assert_eq!((gone.len(), after.len()), (1, Session::MAX_PER_USER));
    gone[0]
}

pub(super) async fn the_session_used_the_longest_time_ago_gives_way(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = given_full(&*store, user).await;
    // Each is used an hour after its log-in or later: the third first, then the second, the first, and the rest.
    let later: Vec<u8> = [3, 2, 1].into_iter().chain(4..=most).collect();
    for (turn, n) in (100..).zip(&later) {
        used(&*store, user, *n, turn * MINUTE).await;
    }
    for (turn, n) in (0..).zip(later) {
        let (new, time) = (100 + turn, 500 * MINUTE + i64::from(turn));
        assert_eq!(gone(&*store, user, new, time).await, n);
        used(&*store, user, new, time + 1).await;
    }
}

pub(super) async fn a_session_in_use_outlives_those_that_nobody_uses(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = given_full(&*store, user).await;
    // The phone is the oldest, and was used an hour ago.
    used(&*store, user, 1, 40 * MINUTE).await;
    for n in 0..2 * most {
        let expected = if n < most - 1 { n + 2 } else { 100 + n + 1 - most };
        let time = 100 * MINUTE + i64::from(n);
        assert_eq!(gone(&*store, user, 100 + n, time).await, expected);
    }
    // After an hour without a use it is treated like the others.
    let time = 140 * MINUTE;
    assert_eq!(gone(&*store, user, 99, time).await, 1);
}

/// A script logs in, sends a request and ends, again and again, while the phone is not in use.
pub(super) async fn a_session_that_comes_back_outlives_those_of_one_run(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = given_full(&*store, user).await;
    for n in 2..=most {
        used(&*store, user, n, i64::from(n) * MINUTE + 59_999).await;
    }
    used(&*store, user, 1, 2 * MINUTE).await;
    for n in 0..2 * most {
        let expected = if n < most - 1 { n + 2 } else { 100 + n + 1 - most };
        let time = 30 * MINUTE + i64::from(n);
        assert_eq!(gone(&*store, user, 100 + n, time).await, expected);
        used(&*store, user, 100 + n, time + 1).await;
    }
}

/// Workers log in together, and none has sent a request yet when the last logs in.
pub(super) async fn ten_that_log_in_at_once_do_not_end_one_another(
    store: Arc<dyn Store>,
) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = given_full(&*store, user).await;
    for n in 1..=most {
        used(&*store, user, n, i64::from(n) * MINUTE + 1).await;
    }
    for n in 0..10 {
        assert_eq!(gone(&*store, user, 100 + n, 30 * MINUTE).await, n + 1);
    }
    assert_eq!(gone(&*store, user, 110, 30 * MINUTE).await, 11);
    // A minute later they are treated like any unused session.
    assert_eq!(gone(&*store, user, 111, 31 * MINUTE).await, 100);
    assert_eq!(gone(&*store, user, 112, 31 * MINUTE).await, 101);
}

pub(super) async fn expired_sessions_go_before_old_ones(store: Arc<dyn Store>) {
    let user = given_user(&*store, "a@example.com").await.id;
    let most = u8::try_from(Session::MAX_PER_USER).unwrap();
    for n in 1..most {
        assert!(
            store
                .session_create(session(user, n, 0, 1000), None, WriteContext::system())
                .await
                .unwrap()
        );
    }
    assert!(
        store
            .session_create(session(user, most, 10, 20), None, WriteContext::system())
            .await
            .unwrap()
    );

    assert!(
        store
            .session_create(session(user, 100, 30, 1000), None, WriteContext::system())
            .await
            .unwrap()
    );

    let mut left: Vec<u8> = (1..most).collect();
    left.push(100);
    assert_eq!(found(&*store, user).await, left);
}

pub(super) async fn a_session_made_twice_is_one(store: Arc<dyn Store>) {
    let user = given_user(&*store, "a@example.com").await;
    assert!(
        store
            .session_create(session(user.id, 1, 0, 100), None, WriteContext::system())
            .await
            .unwrap()
    );
    let again = session(user.id, 1, 50, 200);

    assert!(
        store.session_create(again.clone(), None, WriteContext::system()).await.unwrap()
    );

    let found = store.session_get(user.id, again.id).await.unwrap();
    assert_eq!(found, Some((user, again)));
}

/// Returns the numbers of the sessions of one account.
async fn found(store: &dyn Store, user: UserId) -> Vec<u8> {
    let mut found = Vec::new();
    for n in 0..=u8::MAX {
        if store.session_get(user, session_id(n)).await.unwrap().is_some() {
            found.push(n);
        }
    }
    found
}
