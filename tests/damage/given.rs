//! Sound files to be damaged, and their expected results.

use std::fs;
use std::path::Path;

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::{Description, NewTask, Title};
use duly::store::Store;
use duly::store::redb::{Options, RedbStore};

use super::PAGE;
use crate::harness::TaskStore as _;
use crate::harness::memory::MemoryStore;
use crate::harness::values::{ALL, DONE, OPEN, at, new_task, page, patch};
use crate::model::ask::{Answer, Ask, Change, Patch, ask, everything};

const USERS: u64 = 4;
pub(super) const TASKS_EACH: u64 = 40;

/// Number of rounds in which tasks are changed, created and removed after that, so that most pages have been reused.
const ROUNDS: u64 = 40;

/// Time of every read.
const NOW: i64 = 1_000_000;

/// Two files with the same history, and its expected results.
pub(super) struct Given {
    /// Option with which the file was written.
    pub(super) scan_at_most: u64,
    /// File after a clean close.
    pub(super) closed: Vec<u8>,
    /// File after kill -9.
    pub(super) killed: Vec<u8>,
    /// Copies of the file at earlier moments.
    pub(super) earlier: Vec<Vec<u8>>,
    /// Expected results one commit before the end.
    pub(super) before: Vec<Answer>,
    /// Expected results at first, and after each of [`writes`].
    pub(super) states: Vec<Vec<Answer>>,
    /// Expected results of the writes.
    pub(super) written: Vec<Answer>,
}

impl Given {
    /// Creates the files at this path, which is free again afterwards. The store in memory
    /// gives the expected results.
    pub(super) async fn make(path: &Path, scan_at_most: u64) -> Self {
        let model = MemoryStore::default();
        history(&model, &mut || ()).await;
        let before = answers(&model).await;
        last_commit(&model).await;
        let (mut states, mut written) = (vec![answers(&model).await], Vec::new());
        for write in writes() {
            written.push(put(&model, &write).await.unwrap());
            states.push(answers(&model).await);
        }

        let options = Options { scan_at_most, ..Options::default() };
        let store = RedbStore::open(path, &options).unwrap();
        let mut earlier = Vec::new();
        history(&store, &mut || earlier.push(fs::read(path).unwrap())).await;
        last_commit(&store).await;
        assert!(answers(&store).await == states[0], "the sound file is not right itself");
        let killed = fs::read(path).unwrap();
        drop(store);
        let closed = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        Self { scan_at_most, closed, killed, earlier, before, states, written }
    }
}

/// Pages with data. Most of the file has not been used yet.
pub(super) fn used_pages(bytes: &[u8]) -> Vec<usize> {
    let pages = bytes.chunks(PAGE).enumerate();
    pages
        .filter(|(_, page)| page.iter().any(|byte| *byte != 0))
        .map(|(at, _)| at)
        .collect()
}

/// Reads of all data, in every supported way.
pub(super) fn questions() -> Vec<Ask> {
    let mut all = everything();
    for user in 1..=USERS {
        for (filter, skip) in [(ALL, 7), (OPEN, 11), (DONE, 3)] {
            all.push(Ask::TaskList { user, filter, page: page(skip, 10) });
        }
        all.push(Ask::Export { whose: Some(user) });
        let own = (user - 1) * TASKS_EACH..user * TASKS_EACH;
        all.extend(own.map(|task| Ask::TaskGet { user, task: task + 1 }));
    }
    all.push(Ask::UserList { after: Some(2), limit: 1 });
    all
}

/// Writes of every kind, each of which changes data.
pub(super) fn writes() -> Vec<Ask> {
    let patch = Patch { title: Some(5), description: Some(6), completed: Some(true) };
    vec![
        Ask::TaskCreate { user: 1, text: 3, completed: false },
        Ask::TaskPatch { user: 2, task: TASKS_EACH + 20, patch },
        Ask::SessionCreate { user: 1, session: 5, lifetime: 500, password: None },
        Ask::TaskDelete { user: 4, task: 3 * TASKS_EACH + 21 },
        Ask::UserPatch {
            user: 4,
            change: Change { password: Some(2), ..Change::default() },
        },
        Ask::UserDelete { user: 3, password: None, by: false },
    ]
}

/// Executes a read.
pub(super) async fn get(store: &dyn Store, question: &Ask) -> super::Asked {
    ask(store, question, NOW).await
}

/// Executes a write.
pub(super) async fn put(store: &dyn Store, question: &Ask) -> super::Asked {
    ask(store, question, NOW).await
}

async fn answers(store: &dyn Store) -> Vec<Answer> {
    let mut answers = Vec::new();
    for question in questions() {
        answers.push(get(store, &question).await.unwrap());
    }
    answers
}

/// Writes everything but the last commit. Calls `moment` now and then.
async fn history(store: &dyn Store, moment: &mut dyn FnMut()) {
    for email in 0..4 {
        put(store, &Ask::UserCreate { email, spelling: false }).await.unwrap();
    }
    for user in 1..=USERS {
        for session in 0..3 {
            let lifetime = 10_000 + i64::from(session);
            put(store, &Ask::SessionCreate { user, session, lifetime, password: None })
                .await
                .unwrap();
        }
        for number in 0..TASKS_EACH {
            // Some descriptions are longer than a page.
            let length =
                if number == 9 { 2000 } else { usize::try_from(number * 37).unwrap() };
            let letter = if number == 9 { "\u{1F9F9}" } else { "x" };
            let new = NewTask {
                description: Description::new(letter.repeat(length)).ok(),
                completed: number % 3 == 0,
                ..NewTask::new(
                    Title::new(format!("task {number} of {user}")).unwrap(),
                    at(i64::try_from(number).unwrap()),
                )
            };
            store.task_create(UserId::new(user), new).await.unwrap().unwrap();
        }
        moment();
    }
    for round in 0..ROUNDS {
        let (user, task) =
            (round % USERS + 1, round % USERS * TASKS_EACH + round / 2 + 1);
        let (owner, id) = (UserId::new(user), TaskId::new(task));
        if round % 5 == 4 {
            assert!(store.task_delete(owner, id).await.unwrap(), "{task} of {user}");
        } else {
            let text = format!("round {round} {}", "y".repeat(150));
            let patched =
                store.task_patch(owner, id, patch(&text, round % 2 == 0), at(NOW));
            patched.await.unwrap().unwrap();
        }
        moment();
    }
}

async fn last_commit(store: &dyn Store) {
    store.task_create(UserId::new(2), new_task("the last", 500)).await.unwrap().unwrap();
}
