//! 10. The list of a task exists and is that of its parent; the counts of lists and their ids are right.

use duly::domain::id::{ListId, UserId};
use duly::domain::list::{ListAction, ListDone, ListWrite, TasksOfList};
use duly::domain::task::IfMatch;
use duly::store::{Store as _, StoreError, WriteContext};

use super::planned::{COUNTS, Counts, FIRST, PLANNED, Row, after};
use super::{JANE, finds, given_file};
use crate::harness::forge::{Forge, key, seal};
use crate::harness::values::{at, open};

/// Number of the change of the list.
const CHANGED: u64 = 8;

fn key_of_list(id: u64) -> Vec<u8> {
    key(&[&JANE, &0x17_u8, &id])
}

fn put_list(forge: &Forge, id: u64, archived: bool, seq: u64) {
    let place = key_of_list(id);
    // Name, no colour, no icon, position, state, times, revision, change.
    let look = ("hidden", None::<[u8; 3]>, None::<&str>);
    let record = (look, "a1", archived, 10_i64, 10_i64, 1_u64, seq);
    forge.put("owned", &place, &seal("owned", &place, 1, record));
}

fn put_counts(forge: &Forge, id: u64, tasks: u64, open: u64) {
    let place = key(&[&JANE, &0x19_u8, &id]);
    forge.put("owned", &place, &seal("owned", &place, 1, (tasks, open)));
}

/// Counts of Jane with one list.
const LISTED: Counts = Counts { seq: 9, lists: (1, 3), ..COUNTS };

/// Adds a list with the planned task at the top, in sound form, and breaks one part.
fn listed(break_it: impl FnOnce(&Forge)) -> impl FnOnce(&Forge) {
    after(move |forge| {
        PLANNED.replace(forge, &IN_LIST);
        put_list(forge, 2, true, CHANGED);
        put_counts(forge, 2, 1, 1);
        Counts { nested: 0, ..LISTED }.put(forge);
        break_it(forge);
    })
}

const IN_LIST: Row = Row { list: 2, parent: None, ..PLANNED };

#[tokio::test]
async fn a_sound_list_is_no_problem() {
    finds(listed(|_| {}), &[]).await;
    let changed = |forge: &Forge| put_list(forge, 1, false, 7);
    finds(listed(changed), &[]).await;
}

#[tokio::test]
async fn a_task_in_no_list_is_found() {
    let lost = |forge: &Forge| {
        forge.delete("owned", &key_of_list(2));
        Counts { nested: 0, lists: (0, 3), ..LISTED }.put(forge);
    };
    finds(listed(lost), &["the list of task:5 is missing"]).await;
}

#[tokio::test]
async fn a_task_in_another_list_than_its_parent_is_found() {
    let below = |forge: &Forge| {
        IN_LIST.replace(forge, &Row { parent: Some(1), ..IN_LIST });
        LISTED.put(forge);
    };
    finds(listed(below), &["task:5 is in another list than its parent"]).await;
}

#[tokio::test]
async fn a_task_without_its_entry_by_list_is_found() {
    let entry = |row: &Row| {
        let entries = row.entries().into_iter();
        entries.filter(|(name, _)| *name == "list").map(|(_, entry)| entry).next()
    };
    let lost = move |forge: &Forge| forge.delete("owned", &entry(&IN_LIST).unwrap());
    let expected = ["task:5 has no index entry by list", "more or fewer index entries"];
    finds(listed(lost), &expected).await;
    let stray = move |forge: &Forge| {
        let other = Row { list: 2, ..FIRST };
        forge.put("owned", &entry(&other).unwrap(), b"");
    };
    let expected = ["an index entry of task:1 by list without", "more or fewer index"];
    finds(listed(stray), &expected).await;
}

#[tokio::test]
async fn wrong_counts_of_a_list_are_found() {
    let wrong = |forge: &Forge| put_counts(forge, 2, 1, 0);
    finds(listed(wrong), &["the counts of a list of user:1 are wrong"]).await;
    let lost = |forge: &Forge| forge.delete("owned", &key(&[&JANE, &0x19_u8, &2_u64]));
    finds(listed(lost), &["a list of user:1 has no counts"]).await;
    let more = |forge: &Forge| put_counts(forge, 9, 1, 1);
    finds(listed(more), &["the counts of a list of user:1 are wrong"]).await;
}

#[tokio::test]
async fn lists_that_the_stats_do_not_count_are_found() {
    let uncounted = |forge: &Forge| {
        Counts { nested: 0, lists: (0, 3), ..LISTED }.put(forge);
    };
    finds(listed(uncounted), &["the lists of user:1 do not match the stats"]).await;
    let reused = |forge: &Forge| {
        Counts { nested: 0, lists: (1, 2), ..LISTED }.put(forge);
    };
    finds(listed(reused), &["the next list id of user:1 is in use"]).await;
}

#[tokio::test]
async fn an_id_of_a_deleted_list_that_could_come_back_is_found() {
    let gone = |next: u64| {
        listed(move |forge: &Forge| {
            let place = key(&[&JANE, &0x14_u8, &9_u64]);
            // A list, the first change of the request, the time, and no author.
            let record = (1_u8, 4_u64, 9_u64, 80_i64, 0_u8);
            let record = seal("owned", &place, 1, record);
            forge.put("owned", &place, &record);
            let tombstone_bytes = (place.len() + record.len()) as u64;
            let counts = Counts { nested: 0, tombstones: 1, lists: (1, next), ..LISTED };
            Counts { tombstone_bytes, ..counts }.put(forge);
        })
    };
    finds(gone(5), &[]).await;
    finds(gone(4), &["the next list id of user:1 is in use"]).await;
}

#[tokio::test]
async fn a_default_list_that_is_archived_is_found() {
    let archived = |forge: &Forge| put_list(forge, 1, true, 7);
    finds(listed(archived), &["the default list of user:1 is archived"]).await;
}

#[tokio::test]
async fn a_list_with_the_number_of_another_change_is_found() {
    let twice = |forge: &Forge| put_list(forge, 2, false, 6);
    finds(listed(twice), &["the numbers of user:1's changes are wrong"]).await;
}

#[tokio::test]
async fn a_damaged_list_is_found() {
    let damaged = |forge: &Forge| {
        let mut value = forge.get("owned", &key_of_list(2));
        *value.last_mut().unwrap() ^= 1;
        forge.put("owned", &key_of_list(2), &value);
    };
    finds(listed(damaged), &["table owned"]).await;
}

#[tokio::test]
async fn a_list_with_fewer_tasks_than_it_counts_is_not_emptied_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let path = given_file(data.path()).await;
    let forge = Forge::open(&path);
    listed(|forge| put_counts(forge, 2, 2, 2))(&forge);
    drop(forge);
    let store = open(&path);
    let action = ListAction::Delete(ListId::new(2), TasksOfList::Move, IfMatch::Any);
    let write =
        ListWrite { action, dry_run: false, now: at(99), access: None, unit: None };
    let empty =
        || store.list_write(UserId::new(JANE), write.clone(), WriteContext::system());

    let first = empty().await.unwrap();
    let second = empty().await;

    let Some(Ok(ListDone::Emptied(part))) = first else { panic!("{first:?}") };
    assert_eq!((part.tasks, part.is_deleted), (1, false));
    assert!(matches!(second, Err(StoreError::Damaged { .. })), "{second:?}");
}
