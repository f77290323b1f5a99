//! Random workloads, the same each time for the same seed.

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::{Description, NewTask, TaskPatch};
use duly::store::{Store, StoreError, WriteContext};

use super::random::Random;
use crate::harness::TaskStore as _;
use crate::harness::values::{at, complete, new_task, new_user, session, set_password};

/// Number of accounts that writes name.
const USERS: u64 = 7;

/// Largest number of sessions of each account.
pub(super) const SESSIONS: u8 = 4;

/// Step of a workload.
#[derive(Debug)]
pub(super) enum Step {
    /// Writes that are requested before the first is acknowledged.
    Writes(Vec<Write>),
    /// The file is closed and opened again.
    Reopen,
}

/// Write of one account, and its time.
#[derive(Debug)]
pub(super) struct Write {
    now: i64,
    what: What,
}

#[derive(Debug)]
enum What {
    Register { email: usize },
    Password { user: UserId, password: usize },
    Login { user: UserId, session: u8 },
    Create { user: UserId, length: usize },
    Complete { user: UserId, task: TaskId, completed: bool },
    Describe { user: UserId, task: TaskId, length: usize },
    Delete { user: UserId, task: TaskId },
    Leave { user: UserId },
}

impl Write {
    pub(super) async fn put(&self, store: &dyn Store) -> Result<(), StoreError> {
        let now = self.now;
        match self.what {
            What::Register { email } => {
                store
                    .user_create(
                        new_user(&format!("{email}@example.com")),
                        WriteContext::system(),
                    )
                    .await?
                    .ok();
            }
            What::Password { user, password } => {
                store
                    .user_patch(
                        user,
                        set_password(&password.to_string()),
                        WriteContext::system(),
                    )
                    .await?
                    .ok();
            }
            What::Login { user, session: number } => {
                store
                    .session_create(
                        session(user, number, now, now + 20),
                        None,
                        WriteContext::system(),
                    )
                    .await?;
            }
            What::Create { user, length } => {
                let description = Some(text(length));
                let new = NewTask { description, ..new_task("a task", now) };
                store.task_create(user, new).await?;
            }
            What::Complete { user, task, completed } => {
                store.task_patch(user, task, complete(completed), at(now)).await?;
            }
            What::Describe { user, task, length } => {
                let description = Some(Some(text(length)));
                let patch = TaskPatch { description, ..TaskPatch::default() };
                store.task_patch(user, task, patch, at(now)).await?;
            }
            What::Delete { user, task } => {
                store.task_delete(user, task).await?;
            }
            What::Leave { user } => {
                store.user_delete(user, None, None, WriteContext::system()).await?.ok();
            }
        }
        Ok(())
    }

    /// Returns whether the outcome is the same if this write is executed before an earlier one, or whether that order
    /// is impossible: only writes of one queue keep their order.
    fn may_follow(&self, other: &Self) -> bool {
        let (mine, others) = (self.queue(), other.queue());
        mine == others
            || mine.1 != others.1
                && !(self.gives_task_id() && other.gives_task_id())
                && !(self.moves_accounts() || other.moves_accounts())
    }

    /// Returns the queue of the writer, and the account if the queue belongs to one.
    fn queue(&self) -> (&'static str, Option<UserId>) {
        match self.what {
            What::Register { .. } => ("registrations", None),
            What::Password { user, .. } | What::Login { user, .. } => {
                ("access", Some(user))
            }
            What::Create { user, .. }
            | What::Complete { user, .. }
            | What::Describe { user, .. }
            | What::Delete { user, .. }
            | What::Leave { user } => ("tasks", Some(user)),
        }
    }

    fn gives_task_id(&self) -> bool {
        matches!(self.what, What::Create { .. })
    }

    /// Returns whether the write takes or frees an email address or an account.
    fn moves_accounts(&self) -> bool {
        matches!(self.what, What::Register { .. } | What::Leave { .. })
    }
}

/// Generates at least this many writes, and at the end the deletion of an account with tasks.
pub(super) fn workload(seed: u64, writes: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    let random = &mut random;
    let mut now = 0;
    let mut write = |what| {
        now += 1;
        Write { now, what }
    };
    let first = What::Register { email: 0 };
    let second = What::Register { email: 1 };
    let mut steps =
        vec![Step::Writes(vec![write(first)]), Step::Writes(vec![write(second)])];
    let mut done = steps.len();
    while done < writes {
        if random.below(20) == 0 {
            steps.push(Step::Reopen);
            continue;
        }
        let together = if random.below(4) == 0 { 2 + random.below(5) } else { 1 };
        let mut group = Vec::new();
        for _ in 0..together {
            let next = write(what(random, done));
            if group.iter().all(|other| next.may_follow(other)) {
                group.push(next);
            }
        }
        done += group.len();
        steps.push(Step::Writes(group));
    }
    steps.push(Step::Writes(vec![write(What::Leave { user: UserId::new(1) })]));
    steps.push(Step::Writes(vec![write(What::Register { email: 9 })]));
    steps
}

/// Generates a write. Accounts and tasks are few, so that they collide; most writes are about existing items.
fn what(random: &mut Random, done: usize) -> What {
    let newest = if random.below(6) == 0 { USERS } else { 2 };
    let user = UserId::new(1 + random.next() % newest);
    let task = TaskId::new(1 + u64::try_from(random.below(2 + done / 2)).unwrap());
    match random.below(32) {
        0..3 => What::Register { email: random.below(5) },
        3 => What::Password { user, password: random.below(100) },
        4..8 => What::Login { user, session: session_number(random) },
        8..20 => What::Create { user, length: length(random) },
        20..23 => What::Complete { user, task, completed: random.below(2) == 0 },
        23..26 => What::Describe { user, task, length: length(random) },
        26..31 => What::Delete { user, task },
        _ => What::Leave { user },
    }
}

fn session_number(random: &mut Random) -> u8 {
    u8::try_from(random.next() % u64::from(SESSIONS)).unwrap()
}

/// Generates a length: mostly less than a page, sometimes several pages.
fn length(random: &mut Random) -> usize {
    let most = if random.below(8) == 0 { 2_000 } else { 100 };
    1 + random.below(most)
}

/// Text of this many characters of four bytes each.
fn text(length: usize) -> Description {
    Description::new("\u{1F980}".repeat(length)).unwrap()
}
