//! Every operation of a store, as data.

use std::net::IpAddr;
use std::time::Duration;

use duly::domain::access::Access;
use duly::domain::audit::{Act, Actor};
use duly::domain::digest::SecretDigest;
use duly::domain::id::{InvitationId, TaskId, TokenId, UserId};
use duly::domain::invitation::Invitation;
use duly::domain::label::Label;
use duly::domain::page::{Page, TaskPage, UserOrder};
use duly::domain::position::Position;
use duly::domain::quota::{QuotaPatch, Usage};
use duly::domain::scope::Scopes;
use duly::domain::session::{Refreshing, Session};
use duly::domain::task::{
    Description, NewTask, Origin, Task, TaskCounts, TaskFilter, TaskPatch, TaskQuery,
    Title,
};
use duly::domain::timestamp::Timestamp;
use duly::domain::token::PersonalToken;
use duly::domain::transfer::{
    Conflict, Existing, Exported, ImportOptions, Imported, NextIds, Record,
};
use duly::domain::uid::Uid;
use duly::domain::user::{
    Admission, Credential, Ending, NewUser, Role, User, UserChange, UserPatch,
};
use duly::store::{ImportError, Store, StoreError, WriteContext};
use tokio::sync::mpsc;

use crate::harness::TaskStore as _;
use crate::harness::values::Counts as _;
use crate::harness::values::{
    self, ALL, DONE, OPEN, at, chunk, email, hash, new_task, new_user, page, session,
    session_id,
};

/// Operation of a store. Small numbers stand for accounts, tasks, texts and so on, so that they collide.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most questions are small, and there are few"
)]
pub(crate) enum Ask {
    UserCreate { email: u8, spelling: bool },
    UserByEmail { email: u8 },
    UserList { after: Option<u64>, limit: usize },
    UserPage { containing: Option<u8>, page: Page },
    UserUsage { user: u64 },
    UserPatch { user: u64, change: Change },
    UserRehash { user: u64, old: u8, new: u8 },
    UserDelete { user: u64, password: Option<u8>, by: bool },
    AccessEnd { user: u64, keep: Option<u8>, by: bool },
    AccessTouch { user: u64, access: Access, address: u8 },
    SessionCreate { user: u64, session: u8, lifetime: i64, password: Option<u8> },
    SessionGet { user: u64, session: u8 },
    SessionList { user: u64 },
    SessionDelete { user: u64, session: u8 },
    SessionRefresh { user: u64, session: u8, family: u8, presented: u8, next: u8 },
    TokenCreate { user: u64, token: u8, scopes: u8, lifetime: Option<i64> },
    TokenGet { user: u64, token: u8 },
    TokenList { user: u64 },
    TokenDelete { user: u64, token: u8 },
    InvitationCreate { invitation: u8, email: Option<u8>, lifetime: i64 },
    InvitationList,
    InvitationDelete { invitation: u8 },
    InvitationUse { invitation: u8, secret: u8, email: u8 },
    AuditList { page: Page },
    TaskAfter { user: u64, after: Option<u64>, limit: usize },
    TaskCreate { user: u64, text: u8, completed: bool },
    TaskGet { user: u64, task: u64 },
    TaskList { user: u64, filter: TaskFilter, page: Page },
    TaskCounts { user: u64 },
    TaskPatch { user: u64, task: u64, patch: Patch },
    TaskDelete { user: u64, task: u64 },
    Export { whose: Option<u64> },
    Import(Import),
}

/// Import of one account.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) there: u64,
    pub(crate) email: u8,
    pub(crate) is_admin: bool,
    pub(crate) tasks: Vec<Incoming>,
    /// Number of records in the first of two chunks.
    pub(crate) split: usize,
    pub(crate) replace: bool,
    pub(crate) allow_admins: bool,
}

/// Changes to an account.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::option_option,
    clippy::struct_field_names,
    reason = "what may be left out"
)]
pub(crate) struct Change {
    pub(crate) email: Option<u8>,
    /// 0 clears it.
    pub(crate) name: Option<u8>,
    pub(crate) admin: Option<bool>,
    pub(crate) disabled: Option<bool>,
    pub(crate) must_change: Option<bool>,
    pub(crate) password: Option<u8>,
    pub(crate) expected: Option<u8>,
    /// `Some(None)` ends all sessions, `Some(Some(n))` all but one.
    pub(crate) ending: Option<Option<u8>>,
    pub(crate) by: bool,
    pub(crate) quota: QuotaPatch,
}

/// Task to be imported.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) id: u64,
    pub(crate) text: u8,
    pub(crate) completed: bool,
    pub(crate) created: i64,
}

/// Changes to a task.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) title: Option<u8>,
    /// 0 clears it.
    pub(crate) description: Option<u8>,
    pub(crate) completed: Option<bool>,
}

/// Result of an operation of a store.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Done(bool),
    Said(String),
    Credential(Option<Credential>),
    Users(Vec<User>),
    Session(Option<(User, Session)>),
    Task(Option<Task>),
    Page(TaskPage),
    Counts(TaskCounts),
    Export(Vec<NextIds>, Vec<Record>),
    Import(Imported, Option<(u64, u64, Conflict)>),
}

/// Executes one operation. Numbers of changes are left out: the test of the feed has them.
pub(crate) async fn ask(
    store: &dyn Store,
    question: &Ask,
    now: i64,
) -> Result<Answer, StoreError> {
    Ok(match answer(store, question, now).await? {
        Answer::Task(task) => Answer::Task(task.map(without_numbers)),
        Answer::Page(page) => {
            let tasks = page.tasks.into_iter().map(without_numbers).collect();
            Answer::Page(TaskPage { tasks, ..page })
        }
        Answer::Export(ids, records) => {
            let record = |record| match record {
                Record::Task(task) => Record::Task(without_numbers(task)),
                other @ (Record::User(_) | Record::List(_)) => other,
            };
            Answer::Export(ids, records.into_iter().map(record).collect())
        }
        other => other,
    })
}

pub(super) fn without_numbers(task: Task) -> Task {
    Task { seq: 0, origin: Origin::UNKNOWN, ..task }
}

async fn answer(
    store: &dyn Store,
    question: &Ask,
    now: i64,
) -> Result<Answer, StoreError> {
    Ok(match question.clone() {
        Ask::UserCreate { email, spelling } => said(
            store
                .user_create(new_user(&address(email, spelling)), WriteContext::system())
                .await?,
        ),
        Ask::UserByEmail { email: number } => {
            let email = email(&address(number, false));
            Answer::Credential(store.user_by_email(email).await?)
        }
        Ask::UserList { after, limit } => {
            Answer::Users(store.user_list(after.map(UserId::new), limit).await?)
        }
        Ask::UserPage { containing, page } => {
            let containing = containing.map(|number| format!("{number}a"));
            let found = store.user_page(containing, UserOrder::Newest, page).await?;
            let users = found.users.into_iter();
            let users = users.map(|it| (it.user, Usage { bytes: 0, ..it.usage }));
            said((users.collect::<Vec<_>>(), found.total))
        }
        // The number of bytes of a row depends on the file alone.
        Ask::UserUsage { user } => {
            let usage = store.user_usage(UserId::new(user)).await?;
            said(usage.map(|usage| Usage { bytes: 0, ..usage }))
        }
        Ask::UserPatch { user, change } => said(
            store
                .user_patch(UserId::new(user), change.at(now), WriteContext::system())
                .await?,
        ),
        Ask::UserRehash { user, old, new } => {
            let (old, new) = (hash(&text(old)), hash(&text(new)));
            Answer::Done(store.user_rehash(UserId::new(user), old, new).await?)
        }
        Ask::UserDelete { user, password, by } => {
            let expected = password.map(|number| hash(&text(number)));
            let by = by.then(|| act(now));
            said(
                store
                    .user_delete(UserId::new(user), expected, by, WriteContext::system())
                    .await?,
            )
        }
        Ask::AccessEnd { user, keep, by } => {
            let by = by.then(|| act(now));
            said(
                store
                    .access_end(
                        UserId::new(user),
                        ending(Some(keep)),
                        by,
                        WriteContext::system(),
                    )
                    .await?,
            )
        }
        Ask::AccessTouch { user, access, address } => {
            let address = Some(IpAddr::from([192, 0, 2, address]));
            said(store.access_touch(UserId::new(user), access, at(now), address).await?)
        }
        Ask::SessionCreate { user, session: number, lifetime, password } => {
            let session = session(UserId::new(user), number, now, now + lifetime);
            let expected = password.map(|number| hash(&text(number)));
            Answer::Done(
                store.session_create(session, expected, WriteContext::system()).await?,
            )
        }
        Ask::SessionList { user } => said(store.session_list(UserId::new(user)).await?),
        Ask::SessionDelete { user, session } => {
            let id = session_id(session);
            Answer::Done(
                store
                    .session_delete(UserId::new(user), id, WriteContext::system())
                    .await?,
            )
        }
        Ask::SessionRefresh { user, session, family, presented, next } => {
            let digest = |number| SecretDigest([number; 32]);
            let refreshing = Refreshing {
                family: digest(family),
                presented: digest(presented),
                next: digest(next),
                lifetime: Duration::from_secs(50),
                at: at(now),
                client: None,
                address: None,
            };
            let id = session_id(session);
            said(
                store
                    .session_refresh(
                        UserId::new(user),
                        id,
                        refreshing,
                        WriteContext::system(),
                    )
                    .await?,
            )
        }
        Ask::TokenCreate { user, token, scopes, lifetime } => {
            let token = PersonalToken {
                id: TokenId::from_bytes([token; 8]),
                user: UserId::new(user),
                name: Label::new("a").unwrap(),
                scopes: Scopes::from_bits(scopes).unwrap(),
                created_at: at(now),
                expires_at: lifetime.map(|lifetime| at(now + lifetime)),
                last_used_at: None,
                digest: SecretDigest([token; 32]),
            };
            said(store.token_create(token, WriteContext::system()).await?)
        }
        Ask::TokenGet { user, token } => {
            let id = TokenId::from_bytes([token; 8]);
            said(store.token_get(UserId::new(user), id).await?)
        }
        Ask::TokenList { user } => said(store.token_list(UserId::new(user)).await?),
        Ask::TokenDelete { user, token } => {
            let id = TokenId::from_bytes([token; 8]);
            said(store.token_delete(UserId::new(user), id, WriteContext::system()).await?)
        }
        Ask::InvitationCreate { invitation, email: number, lifetime } => {
            let invitation = Invitation {
                id: InvitationId::from_bytes([invitation; 8]),
                email: number.map(|number| email(&address(number, true))),
                created_by: Some(UserId::new(1)),
                created_at: at(now),
                expires_at: at(now + lifetime),
                digest: SecretDigest([invitation; 32]),
            };
            said(
                store
                    .invitation_create(invitation, act(now), WriteContext::system())
                    .await?,
            )
        }
        Ask::InvitationList => said(store.invitation_list().await?),
        Ask::InvitationDelete { invitation } => {
            let id = InvitationId::from_bytes([invitation; 8]);
            said(store.invitation_delete(id, act(now), WriteContext::system()).await?)
        }
        Ask::InvitationUse { invitation, secret, email } => {
            let id = InvitationId::from_bytes([invitation; 8]);
            let admission = Admission::Invited(id, SecretDigest([secret; 32]));
            let new = new_user(&address(email, false));
            let new = NewUser { admission, created_at: at(now), ..new };
            said(store.user_create(new, WriteContext::system()).await?)
        }
        Ask::AuditList { page } => said(store.audit_list(page).await?),
        Ask::TaskAfter { user, after, limit } => {
            let after = after.map(TaskId::new);
            let tasks = store.task_after(UserId::new(user), after, limit).await?;
            said(tasks.into_iter().map(without_numbers).collect::<Vec<_>>())
        }
        Ask::SessionGet { user, session } => {
            let id = session_id(session);
            Answer::Session(store.session_get(UserId::new(user), id).await?)
        }
        Ask::TaskCreate { user, text: title, completed } => {
            let new = NewTask { completed, ..new_task(&text(title), now) };
            Answer::Task(store.task_create(UserId::new(user), new).await?)
        }
        Ask::TaskGet { user, task } => {
            Answer::Task(store.task_get(UserId::new(user), TaskId::new(task)).await?)
        }
        Ask::TaskList { user, filter, page } => {
            let query = TaskQuery::newest(filter, page);
            Answer::Page(store.task_list(UserId::new(user), query).await?)
        }
        Ask::TaskCounts { user } => {
            Answer::Counts(store.task_counts(UserId::new(user)).await?)
        }
        Ask::TaskPatch { user, task, patch } => {
            let (user, task) = (UserId::new(user), TaskId::new(task));
            Answer::Task(store.task_patch(user, task, patch.into(), at(now)).await?)
        }
        Ask::TaskDelete { user, task } => {
            let (user, task) = (UserId::new(user), TaskId::new(task));
            Answer::Done(store.task_delete(user, task).await?)
        }
        Ask::Export { whose } => export(store, whose.map(UserId::new)).await?,
        Ask::Import(given) => imported(store, given, at(now)).await?,
    })
}

async fn imported(
    store: &dyn Store,
    import: Import,
    at: Timestamp,
) -> Result<Answer, StoreError> {
    let Import { there, email, is_admin, tasks, split, replace, allow_admins } = import;
    let task = tasks.iter().map(|task| task.id + 1).max().unwrap_or(1);
    let existing = if replace { Existing::Replace } else { Existing::Keep };
    let ids = NextIds { user: there + 1, task };
    let options = ImportOptions { existing, allow_admins, ids };
    let mut first = incoming(UserId::new(there), email, is_admin, tasks);
    let rest = first.split_off(split.min(first.len()));
    let chunks = vec![chunk(1, first, at), chunk(100, rest, at)];
    match values::import(store, options, chunks).await {
        (done, Ok(())) => Ok(Answer::Import(done, None)),
        (done, Err(ImportError::Refused { line, from, conflict })) => {
            Ok(Answer::Import(done, Some((line, from, conflict))))
        }
        (_, Err(ImportError::Store(error))) => Err(error),
        (_, Err(ImportError::Busy)) => unreachable!("no other import runs"),
    }
}

/// Returns a result that is only compared for equality.
fn said(answer: impl std::fmt::Debug) -> Answer {
    Answer::Said(format!("{answer:?}"))
}

fn act(now: i64) -> Act {
    Act { actor: Actor::Admin(UserId::new(1)), at: at(now) }
}

#[expect(clippy::option_option, reason = "as a change has it")]
fn ending(ending: Option<Option<u8>>) -> Ending {
    match ending {
        None => Ending::Nothing,
        Some(None) => Ending::Everything,
        Some(Some(number)) => Ending::AllBut(session_id(number)),
    }
}

impl Change {
    fn at(self, now: i64) -> UserChange {
        let secret = |number| hash(&text(number));
        let patch = UserPatch {
            email: self.email.map(|number| email(&address(number, true))),
            display_name: self
                .name
                .map(|it| (it > 0).then(|| Label::new(&text(it)).unwrap())),
            time_zone: None,
            role: self.admin.map(|admin| if admin { Role::Admin } else { Role::User }),
            disabled: self.disabled,
            must_change_password: self.must_change,
            password: self.password.map(secret),
        };
        UserChange {
            patch,
            quota: self.quota,
            ending: ending(self.ending),
            expected: self.expected.map(secret),
            by: self.by.then(|| act(now)),
        }
    }
}

async fn export(store: &dyn Store, whose: Option<UserId>) -> Result<Answer, StoreError> {
    let (sender, mut receiver) = mpsc::channel(1);
    let (mut next, mut all) = (Vec::new(), Vec::new());
    let receive = async {
        while let Some(part) = receiver.recv().await {
            match part {
                Exported::Start { ids, .. } => next.push(ids),
                Exported::Records(records) => all.extend(records),
            }
        }
    };
    let (sent, ()) = tokio::join!(store.export(whose, sender), receive);
    sent?;
    Ok(Answer::Export(next, all))
}

fn incoming(
    owner: UserId,
    email: u8,
    is_admin: bool,
    tasks: Vec<Incoming>,
) -> Vec<Record> {
    let role = if is_admin { Role::Admin } else { Role::User };
    let new = NewUser { role, ..new_user(&address(email, false)) };
    let mut records = vec![Record::User(new.into_credential(owner))];
    records.extend(tasks.into_iter().map(|task| {
        let Incoming { id, text: title, completed, created } = task;
        let new = NewTask { completed, ..new_task(&text(title), created) };
        let (number, id) = (id, TaskId::new(id));
        let position = Position::of_number(number);
        Record::Task(new.into_task(owner, id, Uid::made(id, 7), position).unwrap())
    }));
    records
}

/// Reads that return all data of a store after a run.
pub(crate) fn everything() -> Vec<Ask> {
    let mut all =
        vec![Ask::UserList { after: None, limit: 100 }, Ask::Export { whose: None }];
    all.extend((0..4).map(|email| Ask::UserByEmail { email }));
    all.extend((0..8).map(|user| Ask::UserUsage { user }));
    all.push(Ask::UserPage { containing: None, page: page(0, 100) });
    all.push(Ask::InvitationList);
    all.push(Ask::AuditList { page: page(0, 200) });
    for user in 0..8 {
        all.push(Ask::SessionList { user });
        all.push(Ask::TokenList { user });
        all.push(Ask::TaskCounts { user });
        for filter in [ALL, OPEN, DONE] {
            all.push(Ask::TaskList { user, filter, page: page(0, Page::MAX_LIMIT) });
        }
        all.extend((0..6).map(|session| Ask::SessionGet { user, session }));
    }
    all
}

impl From<Patch> for TaskPatch {
    fn from(patch: Patch) -> Self {
        Self {
            title: patch.title.map(|number| Title::new(text(number)).unwrap()),
            description: patch.description.map(|number| {
                (number > 0).then(|| Description::new(text(number)).unwrap())
            }),
            completed: patch.completed,
            ..Self::default()
        }
    }
}

fn address(number: u8, spelling: bool) -> String {
    let address = format!("{number}a@example.com");
    if spelling { address.to_uppercase() } else { address }
}

/// Text by number. The first is the password of new accounts.
fn text(number: u8) -> String {
    if number == 0 { "first".to_owned() } else { format!("text {number}") }
}
