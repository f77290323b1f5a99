//! Snapshot of a file, and its check.

use std::panic::{AssertUnwindSafe, catch_unwind};

use duly::domain::id::{TaskId, UserId};
use duly::domain::page::Page;
use duly::domain::session::Session;
use duly::domain::task::TaskCounts;
use duly::domain::task::TaskQuery;
use duly::domain::transfer::{Exported, NextIds, Record};
use duly::store::redb::{Options, RedbStore};
use duly::store::{OpenError, Store, StoreError};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::disk::Disk;
use super::image::Image;
use super::workload::SESSIONS;

use crate::harness::values::Counts as _;
use crate::harness::values::{ALL, DONE, OPEN, page, session_id};

/// All data of a store that can be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Snapshot {
    next: NextIds,
    pub(super) records: Vec<Record>,
    sessions: Vec<Session>,
    counts: Vec<TaskCounts>,
    lists: Vec<Vec<TaskId>>,
}

pub(super) async fn snapshot(store: &dyn Store) -> Result<Snapshot, StoreError> {
    let (sender, mut receiver) = mpsc::channel(1);
    let (mut next, mut records) = (None, Vec::new());
    let receive = async {
        while let Some(part) = receiver.recv().await {
            match part {
                Exported::Start { ids, .. } => next = Some(ids),
                Exported::Records(some) => records.extend(some),
            }
        }
    };
    let (sent, ()) = tokio::join!(store.export(None, sender), receive);
    sent?;
    let next = next.unwrap();
    let (mut sessions, mut counts, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for user in (1..next.user).map(UserId::new) {
        for number in 0..SESSIONS {
            let found = store.session_get(user, session_id(number)).await?;
            sessions.extend(found.map(|(_, session)| session));
        }
        counts.push(store.task_counts(user).await?);
        for filter in [ALL, OPEN, DONE] {
            let list = store
                .task_list(user, TaskQuery::newest(filter, page(0, Page::MAX_LIMIT)))
                .await?
                .tasks;
            lists.push(list.iter().map(|task| task.id).collect());
        }
    }
    Ok(Snapshot { next, records, sessions, counts, lists })
}

/// Runtime of the current thread.
pub(super) fn runtime() -> &'static Runtime {
    thread_local! {
        static RUNTIME: &'static Runtime =
            Box::leak(Box::new(Builder::new_current_thread().build().unwrap()));
    }
    RUNTIME.with(|runtime| *runtime)
}

/// Reason why a file gives no snapshot.
#[derive(Debug)]
#[expect(dead_code, reason = "what is in them is told through `Debug`")]
pub(super) enum Unseen {
    /// The file was refused when it was opened.
    Refused(OpenError),
    /// The file was opened, but could not be read.
    Unread(StoreError),
    /// The file was read, and breaks a rule.
    Unsound(Vec<String>),
    /// The program panicked.
    Panicked,
}

/// Reads all data of an open store.
pub(super) fn look(store: &RedbStore) -> Result<Snapshot, Unseen> {
    let report = store.verify().map_err(Unseen::Unread)?;
    if !report.findings.is_empty() {
        return Err(Unseen::Unsound(report.findings));
    }
    runtime().block_on(snapshot(store)).map_err(Unseen::Unread)
}

/// Opens the file on a disk, reads it and closes it.
pub(super) fn open(disk: &Disk, options: &Options) -> Result<Snapshot, Unseen> {
    let store =
        RedbStore::open_backend(disk.clone(), options).map_err(Unseen::Refused)?;
    look(&store)
}

/// Like [`open`], for a file that may be damaged in a way that redb does not expect.
pub(super) fn open_damaged(disk: &Disk, options: &Options) -> Result<Snapshot, Unseen> {
    let open = AssertUnwindSafe(|| open(disk, options));
    catch_unwind(open).unwrap_or(Err(Unseen::Panicked))
}

/// Opens an image as it is, the result again with every page checked, and the image itself with every page checked:
/// all three must give the same snapshot. Returns that snapshot.
pub(super) fn open_thrice(image: &Image, options: &Options) -> Result<Snapshot, String> {
    let checked = Options { check_pages: true, ..options.clone() };
    let say = |what: &str, unseen: Unseen| format!("{what}: {unseen:?}");
    let disk = Disk::new(image.clone());
    let plain = open(&disk, options).map_err(|unseen| say("opened", unseen))?;
    let again = open(&disk, &checked).map_err(|unseen| say("opened again", unseen))?;
    if again != plain {
        return Err("opened again it shows something else".to_owned());
    }
    let first = open(&Disk::new(image.clone()), &checked)
        .map_err(|unseen| say("opened with a check", unseen))?;
    if first != plain {
        return Err("opened with a check it shows something else".to_owned());
    }
    Ok(plain)
}

/// Returns an error if the snapshot is none of the states in a range.
pub(super) fn check_format(
    shown: &Snapshot,
    states: &[Snapshot],
    (least, most): (usize, usize),
) -> Result<(), String> {
    if states[least..=most].contains(shown) {
        return Ok(());
    }
    Err(match states.iter().rposition(|state| state == shown) {
        Some(found) => format!("it is as after {found} writes, not {least} to {most}"),
        None => format!("it is as after no write at all, of {least} to {most}"),
    })
}
