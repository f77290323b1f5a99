//! Every question that can be asked of a store, as data.

use duly::domain::id::{TaskId, UserId};
use duly::domain::page::{Page, TaskPage};
use duly::domain::session::Session;
use duly::domain::task::{
    Description, NewTask, Task, TaskCounts, TaskFilter, TaskPatch, Title,
};
use duly::domain::transfer::{
    Chunk, Conflict, Existing, Exported, Imported, NextIds, Owner, Record,
};
use duly::domain::user::{Credential, User};
use duly::store::{Store, StoreError};
use tokio::sync::mpsc;

use crate::harness::values::{
    ALL, DONE, OPEN, at, email, hash, new_task, new_user, page, session, session_id,
};

/// A question. Numbers stand for people, tasks, texts and so on; small ones, so that they meet.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    UserCreate { email: u8, spelling: bool },
    UserByEmail { email: u8 },
    UserList { after: Option<u64>, limit: usize },
    UserSetPassword { user: u64, password: u8 },
    UserRehash { user: u64, old: u8, new: u8 },
    UserDelete { user: u64 },
    SessionCreate { user: u64, session: u8, lifetime: i64 },
    SessionGet { user: u64, session: u8 },
    TaskCreate { user: u64, text: u8, completed: bool },
    TaskGet { user: u64, task: u64 },
    TaskList { user: u64, filter: TaskFilter, page: Page },
    TaskCounts { user: u64 },
    TaskPatch { user: u64, task: u64, patch: Patch },
    TaskDelete { user: u64, task: u64 },
    Export { whose: Option<u64> },
    Import { there: u64, email: u8, tasks: Vec<Incoming>, replace: bool },
}

/// A task that was made elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) id: u64,
    pub(crate) text: u8,
    pub(crate) completed: bool,
    pub(crate) created: i64,
}

/// What a patch names.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) title: Option<u8>,
    /// 0 clears it.
    pub(crate) description: Option<u8>,
    pub(crate) completed: Option<bool>,
}

/// What a store says.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    Done(bool),
    User(Option<User>),
    Credential(Option<Credential>),
    Users(Vec<User>),
    Session(Option<(User, Session)>),
    Task(Option<Task>),
    Page(TaskPage),
    Counts(TaskCounts),
    Export(Vec<NextIds>, Vec<Record>),
    Import(Result<(Imported, Option<Owner>), Conflict>),
}

/// Asks one question.
pub(crate) async fn ask(
    store: &dyn Store,
    question: &Ask,
    now: i64,
) -> Result<Answer, StoreError> {
    Ok(match question.clone() {
        Ask::UserCreate { email, spelling } => {
            Answer::User(store.user_create(new_user(&address(email, spelling))).await?)
        }
        Ask::UserByEmail { email: number } => {
            let email = email(&address(number, false)).canonical();
            Answer::Credential(store.user_by_email(email).await?)
        }
        Ask::UserList { after, limit } => {
            Answer::Users(store.user_list(after.map(UserId::new), limit).await?)
        }
        Ask::UserSetPassword { user, password } => {
            let password = hash(&text(password));
            Answer::Done(store.user_set_password(UserId::new(user), password).await?)
        }
        Ask::UserRehash { user, old, new } => {
            let (old, new) = (hash(&text(old)), hash(&text(new)));
            Answer::Done(store.user_rehash(UserId::new(user), old, new).await?)
        }
        Ask::UserDelete { user } => {
            Answer::Done(store.user_delete(UserId::new(user)).await?)
        }
        Ask::SessionCreate { user, session: number, lifetime } => {
            let session = session(UserId::new(user), number, now, now + lifetime);
            Answer::Done(store.session_create(session).await?)
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
            Answer::Page(store.task_list(UserId::new(user), filter, page).await?)
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
        Ask::Import { there, email, tasks, replace } => {
            let records = incoming(UserId::new(there), email, tasks);
            let existing = if replace { Existing::Replace } else { Existing::Keep };
            let ids = NextIds { user: there + 1, task: 1 };
            let taken = store.import_begin(ids).await?.expect("no other import");
            let chunk = Chunk { records, owner: None, existing };
            Answer::Import(store.import(chunk, taken, at(now)).await?)
        }
    })
}

async fn export(store: &dyn Store, whose: Option<UserId>) -> Result<Answer, StoreError> {
    let (sender, mut receiver) = mpsc::channel(1);
    let (mut next, mut all) = (Vec::new(), Vec::new());
    let receive = async {
        while let Some(part) = receiver.recv().await {
            match part {
                Exported::Ids(ids) => next.push(ids),
                Exported::Records(records) => all.extend(records),
            }
        }
    };
    let (sent, ()) = tokio::join!(store.export(whose, sender), receive);
    sent?;
    Ok(Answer::Export(next, all))
}

fn incoming(owner: UserId, email: u8, tasks: Vec<Incoming>) -> Vec<Record> {
    let new = new_user(&address(email, false));
    let user =
        User { id: owner, email: new.email, role: new.role, created_at: new.created_at };
    let mut records = vec![Record::User(Credential { user, password: new.password })];
    records.extend(tasks.into_iter().map(|task| {
        let Incoming { id, text: title, completed, created } = task;
        let new = NewTask { completed, ..new_task(&text(title), created) };
        Record::Task(new.into_task(owner, TaskId::new(id)))
    }));
    records
}

/// Questions whose answers tell all that a store holds after a run.
pub(crate) fn everything() -> Vec<Ask> {
    let mut all =
        vec![Ask::UserList { after: None, limit: 100 }, Ask::Export { whose: None }];
    all.extend((0..4).map(|email| Ask::UserByEmail { email }));
    for user in 0..8 {
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
        }
    }
}

fn address(number: u8, spelling: bool) -> String {
    let address = format!("{number}a@example.com");
    if spelling { address.to_uppercase() } else { address }
}

/// The first is the password that accounts are made with.
fn text(number: u8) -> String {
    if number == 0 { "first".to_owned() } else { format!("text {number}") }
}
