//! Task with a value in every field and its index entries, repeated here on purpose.
//!
//! 6\. The parent of a task exists, and is not the task itself; only an open task with a date recurs.

use super::{JANE, JOHN, STATS, TASK, finds};
use crate::harness::forge::{Forge, key, seal};

/// Start of the uids of these tasks; their ids follow.
const UID: &str = "the-uid-of-task-";

/// Stored fields of a task.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) owner: u64,
    pub(super) id: u64,
    /// Title in lower case, as it is sorted.
    pub(super) title: &'static str,
    pub(super) words: &'static [&'static str],
    pub(super) completed: Option<i64>,
    pub(super) created: u64,
    pub(super) updated: u64,
    /// Days since 1970.
    pub(super) due: Option<i64>,
    pub(super) priority: u8,
    pub(super) tags: &'static [&'static str],
    pub(super) position: &'static str,
    pub(super) parent: Option<u64>,
    pub(super) recurrence: Option<&'static str>,
    pub(super) list: u64,
    /// Number of the last change.
    pub(super) seq: u64,
    /// Id that the uid names; `None` for a text with the task's own id.
    pub(super) uid_of: Option<u64>,
}

/// Jane's first task.
pub(super) const FIRST: Row = Row {
    owner: JANE,
    id: 1,
    title: "secret",
    words: &["secret"],
    completed: None,
    created: 10,
    updated: 10,
    due: None,
    priority: 0,
    tags: &[],
    position: "a0",
    parent: None,
    recurrence: None,
    list: 1,
    seq: 2,
    uid_of: None,
};

/// Another task of hers, a subtask of the first, with entries in every index.
pub(super) const PLANNED: Row = Row {
    id: 5,
    title: "hidden plan",
    words: &["hidden", "plan"],
    created: 60,
    updated: 70,
    due: Some(3),
    priority: 4,
    tags: &["hidden"],
    position: "a3",
    parent: Some(1),
    recurrence: Some("FREQ=DAILY"),
    seq: 6,
    ..FIRST
};

impl Row {
    pub(super) fn put(&self, forge: &Forge) {
        let place = key(&[&self.owner, &TASK, &self.id]);
        let millis = |time| i64::try_from(time).unwrap();
        let text = (
            self.title,
            None::<&str>,
            self.completed,
            millis(self.created),
            millis(self.updated),
            7_u64,
            self.due.map(|day| (day, None::<(&str, Option<u32>)>)),
            self.priority,
            self.tags.to_vec(),
        );
        let place_in_order = (self.position, self.parent);
        let recurrence = self.recurrence.map(|rule| (rule, 0_u8));
        // A list, the change, the first change of the request, and no author; before it, the uid.
        let change = (self.list, self.seq, 0_u64, 0_u8);
        let uid = match self.uid_of {
            None => {
                let uid = format!("{UID}{}", self.id);
                let identity = (1_u8, uid.clone());
                let record = (text, place_in_order, recurrence, identity, change);
                forge.put("owned", &place, &seal("owned", &place, 4, record));
                uid
            }
            Some(id) => {
                let uuid = made_uuid(id);
                let record = (text, place_in_order, recurrence, (0_u8, uuid), change);
                forge.put("owned", &place, &seal("owned", &place, 4, record));
                let bits = format!("{:032x}", u128::from_be_bytes(uuid));
                let parts = [&bits[..8], &bits[8..12], &bits[12..16], &bits[16..20]];
                format!("{}-{}", parts.join("-"), &bits[20..])
            }
        };
        if self.uid_of != Some(self.id) {
            let uid = key(&[&self.owner, &22_u8, &&*uid]);
            forge.put("owned", &uid, &seal("owned", &uid, 1, self.id));
        }
    }

    /// Name of an index, and an entry in it.
    pub(super) fn entries(&self) -> Vec<(&'static str, Vec<u8>)> {
        let (owner, id) = (&self.owner, &self.id);
        let (state, created) = (&u8::from(self.completed.is_some()), &self.created);
        let priority = key(&[owner, &6_u8, state, &self.priority, created, id]);
        let mut entries = vec![
            ("priority", priority),
            ("update", key(&[owner, &9_u8, &self.updated, id])),
            ("position", key(&[owner, &10_u8, &self.position, &0_u8, id])),
            ("title", key(&[owner, &11_u8, &collated(self.title), &0_u8, id])),
        ];
        if let Some(day) = self.due {
            let millis = u64::try_from(day).unwrap() * 86_400_000;
            entries.push(("due", key(&[owner, &7_u8, state, &0_u8, &millis, id])));
        }
        for tag in self.tags {
            entries.push(("tag", key(&[owner, &8_u8, tag, &0_u8, state, created, id])));
        }
        if let Some(parent) = self.parent {
            entries.push(("parent", key(&[owner, &12_u8, &parent, id])));
        }
        if self.list != 1 {
            let entry = key(&[owner, &0x18_u8, &self.list, state, created, id]);
            entries.push(("list", entry));
        }
        for word in self.words {
            let word = collated(word);
            entries.push(("word", key(&[owner, &13_u8, &word, &0_u8, id])));
        }
        entries.push(("change", key(&[owner, &0x13_u8, &self.seq, id])));
        if let Some(at) = self.completed.and_then(|at| u64::try_from(at).ok()) {
            entries.push(("completion", key(&[owner, &15_u8, &at, id])));
        }
        entries
    }

    pub(super) fn put_with_entries(&self, forge: &Forge) {
        self.put(forge);
        for (_, entry) in self.entries() {
            forge.put("owned", &entry, b"");
        }
    }

    /// Replaces the task by another.
    pub(super) fn replace(&self, forge: &Forge, new: &Self) {
        for (_, entry) in self.entries() {
            forge.delete("owned", &entry);
        }
        new.put_with_entries(forge);
    }
}

/// UUID that names a small id.
pub(super) fn made_uuid(id: u64) -> [u8; 16] {
    let mut uuid = [0_u8; 16];
    uuid[6] = 0x80;
    uuid[8] = 0x80 | u8::try_from(id).unwrap() << 2;
    uuid
}

/// Key of a text of small letters and spaces.
fn collated(text: &str) -> Vec<u8> {
    text.bytes().map(|c| if c == b' ' { 4 } else { 0x2B + 2 * (c - b'a') }).collect()
}

/// Counts of an account.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    pub(super) newest: i64,
    pub(super) in_order: bool,
    /// Numbers of all and of open tasks, by priority.
    pub(super) by_priority: [(u64, u64); 5],
    pub(super) nested: u64,
    pub(super) tags: u64,
    /// Weight of all tasks.
    pub(super) weight: u64,
    /// Latest change.
    pub(super) latest: i64,
    /// Id and position of the last task.
    pub(super) last: Option<(u64, &'static str)>,
    /// Number of the last change.
    pub(super) seq: u64,
    /// Number of the last change of the account itself.
    pub(super) account_seq: u64,
    /// Number of the last deletion that is forgotten.
    pub(super) horizon: u64,
    pub(super) tombstones: u64,
    /// Number of lists besides the default list, and id of the next list.
    pub(super) lists: (u64, u64),
    /// Changes and deleted tasks that are kept, their bytes, and the number of the last one that is forgotten.
    pub(super) history: (u64, u64, u64, u64),
    /// Bytes of tombstones and of the rows by which they are found.
    pub(super) tombstone_bytes: u64,
}

impl Counts {
    pub(super) fn put(&self, forge: &Forge) {
        self.put_of(JANE, true, forge);
    }

    /// Writes the counts of an account with or without index entries.
    pub(super) fn put_of(&self, owner: u64, is_indexed: bool, forge: &Forge) {
        let place = key(&[&owner, &STATS]);
        let counts =
            (self.newest, self.in_order, self.by_priority, self.nested, self.tags);
        let quota = (0_u64, None::<u64>, None::<u64>);
        let scanned = (is_indexed, self.weight, self.latest, self.last);
        let changes = (self.seq, self.account_seq, self.horizon, self.tombstones);
        let traces = (self.history, self.tombstone_bytes);
        let record = (counts, quota, scanned, changes, self.lists, traces);
        forge.put("owned", &place, &seal("owned", &place, 5, record));
    }
}

/// Jane's counts with the planned task.
pub(super) const COUNTS: Counts = Counts {
    newest: 60,
    in_order: true,
    by_priority: [(3, 2), (0, 0), (0, 0), (0, 0), (1, 1)],
    nested: 1,
    tags: 1,
    // Seven of each task, one of each word, and one of the tag.
    weight: 3 * 8 + 10,
    latest: 99,
    last: Some((5, "a3")),
    seq: 6,
    account_seq: 1,
    horizon: 0,
    tombstones: 0,
    lists: (0, 2),
    // The completion of the second task.
    history: (1, 0, 37, 0),
    tombstone_bytes: 0,
};

/// Key of the counts of a tag of Jane's.
pub(super) fn key_of_tag(tag: &'static str) -> Vec<u8> {
    key(&[&JANE, &14_u8, &tag])
}

pub(super) fn put_tag(forge: &Forge, tag: &'static str, tasks: u64, open: u64) {
    let place = key_of_tag(tag);
    forge.put("owned", &place, &seal("owned", &place, 1, (tasks, open)));
}

/// Adds the planned task in sound form.
pub(super) fn sound(forge: &Forge) {
    PLANNED.put_with_entries(forge);
    COUNTS.put(forge);
    put_tag(forge, "hidden", 1, 1);
    forge.put("meta", b"next_task_id", &seal("meta", b"next_task_id", 1, 6_u64));
}

/// Adds the planned task and breaks one part.
pub(super) fn after(break_it: impl FnOnce(&Forge)) -> impl FnOnce(&Forge) {
    move |forge| {
        sound(forge);
        break_it(forge);
    }
}

/// Replaces the planned task by another, with its entries.
fn instead(new: Row) -> impl FnOnce(&Forge) {
    after(move |forge| PLANNED.replace(forge, &new))
}

#[tokio::test]
async fn a_task_with_all_that_there_is_is_no_problem() {
    finds(sound, &[]).await;
    finds(instead(Row { updated: 71, due: Some(4), ..PLANNED }), &[]).await;
}

#[tokio::test]
async fn a_part_of_a_task_that_is_not_there_is_found() {
    let expected = ["the parents of task:5 are missing, circular or too deep"];
    finds(instead(Row { parent: Some(99), ..PLANNED }), &expected).await;
    // John's task does not belong to Jane.
    finds(instead(Row { parent: Some(4), ..PLANNED }), &expected).await;
    let gone = after(|forge| {
        forge.delete("owned", &key(&[&JANE, &TASK, &1_u64]));
        for (_, entry) in FIRST.entries() {
            forge.delete("owned", &entry);
        }
    });
    let counted = ["counts of user:1", "the weight of user:1 is 34"];
    finds(gone, &[&expected[..], &counted].concat()).await;
}

#[tokio::test]
async fn a_task_that_is_a_part_of_itself_is_found() {
    let own = instead(Row { parent: Some(5), ..PLANNED });
    finds(own, &["the parents of task:5 are missing, circular or too deep"]).await;
    let around = after(|forge| {
        FIRST.replace(forge, &Row { parent: Some(5), ..FIRST });
        Counts { nested: 2, ..COUNTS }.put(forge);
    });
    let expected = [
        "the parents of task:1 are missing, circular or too deep",
        "the parents of task:5 are missing, circular or too deep",
    ];
    finds(around, &expected).await;
}

/// Chain of otherwise empty tasks below Jane's first.
fn chain(length: u64) -> impl FnOnce(&Forge) {
    move |forge| {
        for id in 11..11 + length {
            let parent = Some(if id == 11 { 1 } else { id - 1 });
            Row { id, parent, created: id + 50, seq: id, ..FIRST }
                .put_with_entries(forge);
        }
        let by_priority = [(3 + length, 2 + length), (0, 0), (0, 0), (0, 0), (0, 0)];
        let (nested, weight, last) = (length, 8 * (3 + length), Some((3, "a2")));
        let counts = Counts { newest: 100, by_priority, nested, weight, last, ..COUNTS };
        Counts { tags: 0, seq: 20, ..counts }.put(forge);
        forge.put("meta", b"next_task_id", &seal("meta", b"next_task_id", 1, 99_u64));
    }
}

#[tokio::test]
async fn a_task_that_lies_deeper_than_any_can_is_found() {
    finds(chain(7), &[]).await;
    finds(chain(8), &["the parents of task:18 are missing, circular or too deep"]).await;
}

#[tokio::test]
async fn a_task_that_recurs_and_has_no_date_is_found() {
    let expected = "task:5 recurs, but has no due date";
    finds(instead(Row { due: None, ..PLANNED }), &[expected]).await;
    let done = after(|forge| {
        PLANNED.replace(forge, &Row { completed: Some(70), ..PLANNED });
        let by_priority = [(3, 2), (0, 0), (0, 0), (0, 0), (1, 0)];
        Counts { by_priority, ..COUNTS }.put(forge);
        put_tag(forge, "hidden", 1, 0);
    });
    // A completed task keeps its rule.
    finds(done, &[]).await;
}

#[tokio::test]
async fn a_task_that_says_what_cannot_be_is_found() {
    for (row, expected) in [
        (Row { priority: 5, ..PLANNED }, "unknown priority 5"),
        (Row { due: Some(1 << 40), ..PLANNED }, "due on an invalid day"),
        (Row { recurrence: Some("FREQ=NEVER"), ..PLANNED }, "recurrence "),
        (Row { completed: Some(-1), ..PLANNED }, "not a time"),
    ] {
        let strays = PLANNED.entries().into_iter().map(|(name, _)| name);
        let strays = strays.map(|name| format!("entry of task:5 by {name} without"));
        let strays: Vec<String> = strays.collect();
        let mut all: Vec<&str> = strays.iter().map(String::as_str).collect();
        all.extend([
            expected,
            "more or fewer index entries",
            "counts of user:1",
            "counts of a tag",
        ]);
        all.extend(["the weight of user:1 is 34", "the last task of user:1"]);
        all.push("user:1 has more or fewer rows of uids than uids");
        finds(after(|forge| row.put(forge)), &all).await;
    }
}

#[tokio::test]
async fn a_task_of_somebody_else_is_no_part() {
    let johns = after(|forge| {
        let below = Row { owner: JOHN, id: 4, title: "d", words: &["d"], ..FIRST };
        let old = Row { created: 40, updated: 40, ..below };
        old.replace(forge, &Row { parent: Some(1), ..old });
        let by_priority = [(1, 1), (0, 0), (0, 0), (0, 0), (0, 0)];
        let (newest, weight, last) = (40, 8, Some((4, "a0")));
        let counts = Counts { newest, by_priority, weight, last, ..COUNTS };
        Counts { tags: 0, history: (0, 0, 0, 0), ..counts }.put_of(JOHN, true, forge);
    });
    finds(johns, &["the parents of task:4 are missing, circular or too deep"]).await;
}
