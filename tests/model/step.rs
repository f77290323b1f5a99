//! Steps of a run.

use duly::domain::access::Access;
use duly::domain::id::TokenId;
use duly::domain::quota::{Quota, QuotaPatch};
use duly::domain::task::TaskFilter;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::ask::{Ask, Change, Import, Incoming, Patch};
use crate::harness::values::{page, session_id};

/// Step of a run.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One operation, or several writes at once.
    Ask(Vec<Ask>),
    /// The clock moves, possibly back.
    Clock(i64),
    /// The file is closed and opened again.
    Reopen,
}

/// Generates runs of this many steps. The first two create accounts, or most steps would have no effect.
pub(super) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), count).prop_map(|mut steps| {
        for email in 0..2 {
            let account = Ask::UserCreate { email, spelling: false };
            steps.insert(usize::from(email), Step::Ask(vec![account]));
        }
        steps
    })
}

/// Generates limits that a run reaches, or none.
pub(super) fn quota() -> impl Strategy<Value = Quota> {
    let small = (option::of(1..5_u64), option::of(2..4_u64));
    let small =
        small.prop_map(|(tasks, accounts)| Quota { tasks, accounts, ..Quota::default() });
    prop_oneof![Just(Quota::default()), small]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => write().prop_map(|write| Step::Ask(vec![write])),
        8 => vec(write(), 2..16).prop_map(|writes| Step::Ask(in_one_queue(writes))),
        1 => import().prop_map(|import| Step::Ask(vec![import])),
        14 => read().prop_map(|read| Step::Ask(vec![read])),
        3 => prop_oneof![3 => 0..50_000_i64, 1 => -120_000..0_i64].prop_map(Step::Clock),
        1 => Just(Step::Reopen),
    ]
}

/// Returns the writes in the same queue as the first. Writes of different queues have no order.
fn in_one_queue(mut writes: Vec<Ask>) -> Vec<Ask> {
    let first = writes.first().and_then(queue);
    let mut is_first = true;
    writes.retain(|write| {
        let is_kept = is_first || first.is_some() && queue(write) == first;
        is_first = false;
        is_kept
    });
    writes
}

/// Returns the queue of a write; `None` if it depends on the caller.
fn queue(write: &Ask) -> Option<(&'static str, u64)> {
    Some(match write {
        Ask::TaskCreate { user, .. }
        | Ask::TaskPatch { user, .. }
        | Ask::TaskDelete { user, .. } => ("tasks", *user),
        Ask::UserRehash { user, .. }
        | Ask::AccessTouch { user, .. }
        | Ask::SessionCreate { user, .. }
        | Ask::SessionDelete { user, .. }
        | Ask::SessionRefresh { user, .. }
        | Ask::TokenCreate { user, .. }
        | Ask::TokenDelete { user, .. } => ("access", *user),
        Ask::UserCreate { .. } | Ask::InvitationUse { .. } => ("registrations", 0),
        Ask::InvitationCreate { .. } | Ask::InvitationDelete { .. } => ("operator", 0),
        _ => return None,
    })
}

fn write() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => (0..4_u8, any::<bool>())
            .prop_map(|(email, spelling)| Ask::UserCreate { email, spelling }),
        4 => (user(), change()).prop_map(|(user, change)| Ask::UserPatch { user, change }),
        1 => (user(), 0..3_u8, 0..3_u8)
            .prop_map(|(user, old, new)| Ask::UserRehash { user, old, new }),
        1 => (user(), option::weighted(0.3, 0..3_u8), any::<bool>())
            .prop_map(|(user, password, by)| Ask::UserDelete { user, password, by }),
        1 => (user(), option::of(0..6_u8), any::<bool>())
            .prop_map(|(user, keep, by)| Ask::AccessEnd { user, keep, by }),
        2 => (user(), access(), any::<u8>()).prop_map(|(user, access, address)| {
            Ask::AccessTouch { user, access, address }
        }),
        4 => (user(), 0..6_u8, 1..100_000_i64, option::weighted(0.3, 0..3_u8)).prop_map(
            |(user, session, lifetime, password)| {
                Ask::SessionCreate { user, session, lifetime, password }
            }
        ),
        5 => (user(), 0..6_u8, prop::bool::weighted(0.9), 0..4_u8, 0..4_u8)
            .prop_map(refresh),
        1 => (user(), 0..6_u8)
            .prop_map(|(user, session)| Ask::SessionDelete { user, session }),
        3 => (user(), 0..4_u8, 1..8_u8, option::of(1..100_000_i64)).prop_map(
            |(user, token, scopes, lifetime)| {
                Ask::TokenCreate { user, token, scopes, lifetime }
            }
        ),
        1 => (user(), 0..4_u8).prop_map(|(user, token)| Ask::TokenDelete { user, token }),
        2 => (0..4_u8, option::of(0..4_u8), 1..100_000_i64).prop_map(
            |(invitation, email, lifetime)| {
                Ask::InvitationCreate { invitation, email, lifetime }
            }
        ),
        1 => (0..4_u8).prop_map(|invitation| Ask::InvitationDelete { invitation }),
        2 => (0..4_u8, prop::bool::weighted(0.9), 0..4_u8).prop_map(
            |(invitation, right, email)| Ask::InvitationUse {
                invitation,
                secret: if right { invitation } else { 99 },
                email,
            }
        ),
        10 => (user(), 0..4_u8, prop::bool::weighted(0.2)).prop_map(
            |(user, text, completed)| Ask::TaskCreate { user, text, completed }
        ),
        6 => (user(), task(), patch())
            .prop_map(|(user, task, patch)| Ask::TaskPatch { user, task, patch }),
        4 => (user(), task()).prop_map(|(user, task)| Ask::TaskDelete { user, task }),
    ]
}

fn read() -> impl Strategy<Value = Ask> {
    prop_oneof![
        1 => (0..4_u8).prop_map(|email| Ask::UserByEmail { email }),
        1 => (option::of(0..8_u64), 0..4_usize)
            .prop_map(|(after, limit)| Ask::UserList { after, limit }),
        2 => (user(), 0..6_u8).prop_map(|(user, session)| Ask::SessionGet { user, session }),
        1 => user().prop_map(|user| Ask::SessionList { user }),
        1 => (user(), 0..4_u8).prop_map(|(user, token)| Ask::TokenGet { user, token }),
        1 => user().prop_map(|user| Ask::TokenList { user }),
        1 => Just(Ask::InvitationList),
        1 => (0..4_u64, 1..6_u16)
            .prop_map(|(skip, limit)| Ask::AuditList { page: page(skip, limit) }),
        1 => (option::of(0..4_u8), 0..3_u64, 1..4_u16).prop_map(
            |(containing, skip, limit)| {
                Ask::UserPage { containing, page: page(skip, limit) }
            }
        ),
        1 => (user(), option::of(task()), 0..5_usize)
            .prop_map(|(user, after, limit)| Ask::TaskAfter { user, after, limit }),
        3 => (user(), task()).prop_map(|(user, task)| Ask::TaskGet { user, task }),
        6 => (user(), filter(), 0..6_u64, 1..6_u16).prop_map(|(user, filter, skip, limit)| {
            Ask::TaskList { user, filter, page: page(skip, limit) }
        }),
        2 => user().prop_map(|user| Ask::TaskCounts { user }),
        1 => user().prop_map(|user| Ask::UserUsage { user }),
        1 => option::of(user()).prop_map(|whose| Ask::Export { whose }),
    ]
}

/// Generates an import. It writes twice, so it shares no commit with others.
fn import() -> impl Strategy<Value = Ask> {
    let who = (user(), 0..4_u8, prop::bool::weighted(0.2));
    let terms = (0..5_usize, any::<bool>(), any::<bool>());
    (who, vec(incoming(), 0..5), terms).prop_map(|(who, tasks, terms)| {
        let ((there, email, is_admin), (split, replace, allow_admins)) = (who, terms);
        Ask::Import(Import {
            there,
            email,
            is_admin,
            tasks,
            split,
            replace,
            allow_admins,
        })
    })
}

fn incoming() -> impl Strategy<Value = Incoming> {
    (task().prop_map(|id| id.max(1)), 0..4_u8, any::<bool>(), 900_000..1_100_000_i64)
        .prop_map(|(id, text, completed, created)| Incoming {
            id,
            text,
            completed,
            created,
        })
}

/// Generates an account: mostly one of the first two, sometimes one that does not exist.
fn user() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 1..3_u64, 1 => 0..8_u64]
}

fn task() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 1..10_u64, 1 => 0..50_u64]
}

fn access() -> impl Strategy<Value = Access> {
    prop_oneof![
        (0..6_u8).prop_map(|number| Access::Session(session_id(number))),
        (0..4_u8).prop_map(|number| Access::Token(TokenId::from_bytes([number; 8]))),
    ]
}

/// Generates a refresh. Digests are first the ones of the session, then small numbers, so that old
/// ones occur again.
fn refresh((user, session, right, presented, next): (u64, u8, bool, u8, u8)) -> Ask {
    let family = if right { session } else { 99 };
    let presented = if presented == 0 { session } else { presented + 100 };
    Ask::SessionRefresh { user, session, family, presented, next: next + 100 }
}

fn change() -> impl Strategy<Value = Change> {
    let about = (
        option::weighted(0.2, 0..4_u8),
        option::weighted(0.2, 0..3_u8),
        option::weighted(0.3, any::<bool>()),
        option::weighted(0.2, any::<bool>()),
        option::weighted(0.2, any::<bool>()),
    );
    let proof = (
        option::weighted(0.2, 0..3_u8),
        option::weighted(0.2, 0..3_u8),
        option::weighted(0.3, option::of(0..6_u8)),
        any::<bool>(),
    );
    let tasks = option::weighted(0.2, option::of(0..4_u64));
    (about, proof, tasks).prop_map(|(about, proof, tasks)| {
        let quota = QuotaPatch { tasks, mib: None };
        let (email, name, admin, disabled, must_change) = about;
        let (password, expected, ending, by) = proof;
        Change {
            email,
            name,
            admin,
            disabled,
            must_change,
            password,
            expected,
            ending,
            by,
            quota,
        }
    })
}

fn filter() -> impl Strategy<Value = TaskFilter> {
    option::of(any::<bool>()).prop_map(TaskFilter::completed)
}

fn patch() -> impl Strategy<Value = Patch> {
    let parts = (
        option::weighted(0.3, 0..4_u8),
        option::weighted(0.3, 0..4_u8),
        option::weighted(0.7, any::<bool>()),
    );
    parts.prop_map(|(title, description, completed)| Patch {
        title,
        description,
        completed,
    })
}
