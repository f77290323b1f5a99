//! Tests of files of other formats.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use duly::domain::id::UserId;
use duly::domain::transfer::{Exported, Record};
use duly::store::redb::{self, FORMAT, Options, Progress, RedbStore};
use duly::store::{OpenError, Store};
use flate2::read::GzDecoder;
use hyper::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{JANE, everything, given_stopped, home, names, path_in};
use crate::harness::forge::{Forge, seal};
use crate::harness::process::{expect, refused};
use crate::harness::{Client, Home};

/// Folder with the file of [`FORMAT_7`] as `test.redb`, its path and its bytes.
fn given_file() -> (TempDir, PathBuf, Vec<u8>) {
    let (data, bytes) = (tempfile::tempdir().unwrap(), FORMAT_7.unpacked());
    let path = data.path().join("test.redb");
    fs::write(&path, &bytes).unwrap();
    (data, path, bytes)
}

/// Name under which an upgrade keeps that file.
const KEPT: &str = "test.redb.format-7";

async fn records(store: RedbStore) -> Vec<Record> {
    let (sender, mut receiver) = mpsc::channel(1);
    let store = Arc::new(store);
    let sending = store.export(None, sender);
    let mut all = Vec::new();
    let receiving = async {
        while let Some(part) = receiver.recv().await {
            if let Exported::Records(records) = part {
                all.extend(records);
            }
        }
    };
    let (sent, ()) = tokio::join!(sending, receiving);
    sent.unwrap();
    all
}

#[tokio::test]
async fn an_older_file_is_brought_up_to_date_and_kept() {
    let (data, path, bytes) = given_file();

    let store = RedbStore::open(&path, &Options::default()).unwrap();

    assert_eq!(store.verify().unwrap().problems, 0);
    let sessions = store.session_list(UserId::new(1)).await.unwrap();
    assert!(!sessions.is_empty(), "sessions go on");
    assert_eq!(records(store).await.len(), FORMAT_7.records());
    assert_eq!(names(data.path()), ["test.redb", KEPT]);
    assert!(fs::read(data.path().join(KEPT)).unwrap() == bytes, "to the byte");
    // The next start migrates nothing.
    drop(RedbStore::open(&path, &Options::default()).unwrap());
    assert_eq!(names(data.path()).len(), 2);
}

#[tokio::test]
async fn a_newer_file_is_refused_with_both_numbers_and_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("test.redb");
    drop(RedbStore::open(&path, &Options::default()).unwrap());
    let newer = seal("meta", b"format", 1, FORMAT + 1);
    Forge::open(&path).put("meta", b"format", &newer);
    let bytes = fs::read(&path).unwrap();
    let home = home().set("DATABASE_URL", &format!("redb://{}", path.display()));

    for command in
        [&["serve", "--log-level=off"][..], &["check"], &["upgrade"], &["export"]]
    {
        let line = refused(home.run(command, ""), 65);
        assert!(
            line.contains(&format!("has format {}", FORMAT + 1))
                && line.contains(&format!("up to {FORMAT}")),
            "{line}"
        );
    }

    assert!(fs::read(&path).unwrap() == bytes, "to the byte");
}

#[tokio::test]
async fn an_older_file_that_is_only_to_be_read_is_refused_and_left_alone() {
    let (data, path, bytes) = given_file();

    let options = Options { upgrade: false, ..Options::default() };
    let error = RedbStore::open(&path, &options).unwrap_err();

    assert!(
        matches!(error, OpenError::Older { found: 7, known: FORMAT, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("run duly upgrade"), "{error}");
    assert!(fs::read(&path).unwrap() == bytes, "to the byte");
    assert_eq!(names(data.path()), ["test.redb"]);
}

/// Regression: a backup by a new version, before its server was started, upgraded the file, and the server of the
/// previous version did not start again.
#[test]
fn no_command_that_only_reads_brings_a_file_up_to_date() {
    let (home, bytes) = given_older(&FORMAT_3);
    for command in [
        &["check"][..],
        &["backup", "--to", "b.redb"],
        &["export"],
        &["export", "--to", "b.jsonl"],
        &["user", "list"],
    ] {
        let line = refused(home.run(command, ""), 65);
        assert!(line.contains("format 3") && line.contains("duly upgrade"), "{line}");
        assert!(fs::read(home.data_file()).unwrap() == bytes, "{command:?}");
        assert_eq!(names(home.folder.path()), ["duly.redb"]);
    }

    expect(home.run(&["user", "delete", JANE], ""), 0);

    assert_eq!(names(home.folder.path()), ["duly.redb", "duly.redb.format-3"]);
    expect(home.run(&["user", "list"], ""), 0);
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_file_as_it_was() {
    let (data, path, _) = given_file();
    Forge::open(&path).delete("user_by_email", b"john@example.com");
    let bytes = fs::read(&path).unwrap();

    let error = RedbStore::open(&path, &Options::default()).unwrap_err();

    assert!(
        matches!(error, OpenError::Upgrade { found: 7, known: FORMAT, .. }),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(text.contains("remains in format 7") && text.contains("problems"), "{text}");
    assert!(fs::read(&path).unwrap() == bytes, "to the byte");
    assert_eq!(names(data.path()), ["test.redb"]);
}

#[tokio::test]
async fn an_upgrade_is_tried_on_a_copy() {
    let (data, path, bytes) = given_file();
    let (copy, options) = (tempfile::tempfile().unwrap(), Options::default());

    redb::duplicate(&path, &copy, &options, &mut Progress::untold()).unwrap();
    let (found, report) =
        redb::prove(&copy, &path, &options, &mut Progress::untold()).unwrap();

    assert_eq!((found, report.users, report.tasks), (7, 4, 525));
    assert!(fs::read(&path).unwrap() == bytes, "to the byte");
    assert_eq!(names(data.path()), ["test.redb"]);
}

#[tokio::test]
async fn an_older_backup_is_brought_up_to_date_on_its_way_in() {
    let (data, backup, bytes) = given_file();
    let (path, options) = (data.path().join("restored.redb"), Options::default());

    redb::restore(&backup, &path, false, &options, &mut Progress::untold()).unwrap();

    let restored = records(RedbStore::open(&path, &options).unwrap()).await;
    assert_eq!(restored.len(), FORMAT_7.records());
    let (_folder, upgraded, _) = given_file();
    let upgraded = RedbStore::open(&upgraded, &options).unwrap();
    assert_eq!(restored, records(upgraded).await);
    assert!(fs::read(&backup).unwrap() == bytes, "to the byte");
    assert_eq!(names(data.path()), ["restored.redb", "test.redb"]);
}

#[tokio::test]
async fn the_command_says_when_there_is_nothing_to_do() {
    let (home, _) = given_stopped().await;

    let said = expect(home.run(&["upgrade", "--check"], ""), 0);
    let nothing = "is the newest: nothing to do for 2 users, 3 tasks\n";
    assert_eq!(said, format!("format {FORMAT} {nothing}"));
    let server = home.serve();
    let said = expect(home.run(&["upgrade", "--check"], ""), 0);
    assert!(said.ends_with("nothing to do for 2 users, 3 tasks\n"), "{said}");
    let line = refused(home.run(&["upgrade"], ""), 73);
    assert!(
        line.contains("stop the server first, or test the upgrade with --check"),
        "{line}"
    );
    assert_eq!(server.terminate(), Some(0));

    let said = expect(home.run(&["upgrade"], ""), 0);
    assert!(said.contains(&format!("has format {FORMAT}, the newest")), "{said}");
    assert_eq!(names(home.folder.path()), ["duly.redb"]);
    refused(Home::new().run(&["upgrade"], ""), 66);
}

/// Expected export of an older version after the upgrade.
fn in_version_5(mut lines: Vec<Value>) -> Vec<Value> {
    for line in &mut lines {
        if let Some(start) = line.get_mut("export") {
            start["version"] = 5.into();
        }
        if let Some(user) = line.get_mut("user").and_then(Value::as_object_mut) {
            user.entry("display_name").or_insert(Value::Null);
            user.entry("time_zone").or_insert(Value::Null);
            user.entry("disabled").or_insert(false.into());
            user.entry("must_change_password").or_insert(false.into());
        }
        let tasks_are_new = line["task"].get("position").is_some();
        if let Some(task) = line.get_mut("task").filter(|_| !tasks_are_new) {
            let is_done = task["completed"] == true;
            task["completed_at"] =
                if is_done { task["updated_at"].clone() } else { Value::Null };
            // Converts to base 62, in which every id here has one digit; base 16 has the same first digits.
            task["position"] = format!("a{:X}", task["id"].as_u64().unwrap()).into();
            task["priority"] = "none".into();
            task["tags"] = json!([]);
            for name in ["due", "parent_id", "recurrence"] {
                task[name] = Value::Null;
            }
        }
        let times_are_new = line["task"].get("due_local").is_some();
        if let Some(task) =
            line.get_mut("task").and_then(Value::as_object_mut).filter(|_| !times_are_new)
        {
            let meant = task.remove("recurrence_time_ms").and_then(|it| it.as_u64());
            let shown = task["due"].as_str().and_then(|due| due.get(11..16));
            let local =
                meant.map(|ms| format!("{:02}:{:02}", ms / 3_600_000, ms / 60_000 % 60));
            let local = local.or_else(|| shown.map(str::to_owned));
            task.insert("due_local".to_owned(), local.into());
            let from = task["recurrence"].as_str().map(|_| "due");
            task.insert("repeat_from".to_owned(), from.into());
        }
        if let Some(task) = line.get_mut("task") {
            task["list_id"] = 1.into();
        }
        if let Some(end) = line.get_mut("end") {
            end["lists"] = 0.into();
        }
    }
    lines
}

/// Removes the uids of tasks, which an upgrade has made.
fn without_uids(mut lines: Vec<Value>) -> Vec<Value> {
    let mut known = BTreeSet::new();
    for task in lines.iter_mut().filter_map(|line| line.get_mut("task")) {
        let uid = task.as_object_mut().unwrap().remove("uid").unwrap();
        assert_eq!(uid.as_str().unwrap().len(), 36);
        assert!(known.insert(uid.to_string()), "{uid} is the uid of two tasks");
    }
    lines
}

/// File that was written when a format was new, kept as a fixture.
struct Old {
    format: u64,
    packed: &'static [u8],
    export: &'static str,
    /// Summary of its check.
    holds: &'static str,
}

impl Old {
    fn unpacked(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        GzDecoder::new(self.packed).read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Number of accounts and tasks: all lines of the export but the first and the last.
    fn records(&self) -> usize {
        self.export.lines().count() - 2
    }
}

const FORMAT_1: Old = Old {
    format: 1,
    packed: include_bytes!("../fixtures/format-1.redb.gz"),
    export: include_str!("../fixtures/format-1.jsonl"),
    holds: "2 users, ",
};

/// Jane has a personal token; John, an administrator, has an invitation; Zoe has a name and a time zone.
const FORMAT_2: Old = Old {
    format: 2,
    packed: include_bytes!("../fixtures/format-2.redb.gz"),
    export: include_str!("../fixtures/format-2.jsonl"),
    holds: "3 users, 5 sessions, 1 token, 9 tasks, ",
};

/// Jane has tasks with a value in every field, two idempotency records and a personal token, and tasks with more
/// words than are indexed today; John, an administrator, has an invitation; Zoe has no task; one account was deleted.
const FORMAT_3: Old = Old {
    format: 3,
    packed: include_bytes!("../fixtures/format-3.redb.gz"),
    export: include_str!("../fixtures/format-3.jsonl"),
    holds: "3 users, 4 sessions, 1 token, 7 tasks, ",
};

/// Jane has tasks with a value in every field, two idempotency records and a personal token; Mary has 514 tasks, so that
/// she keeps her index entries; John, an administrator, has an invitation; Zoe has no task; one account was deleted.
const FORMAT_4: Old = Old {
    format: 4,
    packed: include_bytes!("../fixtures/format-4.redb.gz"),
    export: include_str!("../fixtures/format-4.jsonl"),
    holds: "4 users, 3 sessions, 1 token, 520 tasks, ",
};

/// Like the file of format 4, but the small accounts have no index entries.
const FORMAT_5: Old = Old {
    format: 5,
    packed: include_bytes!("../fixtures/format-5.redb.gz"),
    export: include_str!("../fixtures/format-5.jsonl"),
    holds: "4 users, 3 sessions, 1 token, 520 tasks, ",
};

/// Like the file of format 5, with other texts. Jane lives in Berlin, and has a daily task whose time the clocks skip;
/// Mary lives in New York, and has titles of several scripts, and tasks that are due on a day or at a time.
const FORMAT_6: Old = Old {
    format: 6,
    packed: include_bytes!("../fixtures/format-6.redb.gz"),
    export: include_str!("../fixtures/format-6.jsonl"),
    holds: "4 users, 4 sessions, 1 token, 523 tasks, ",
};

/// Like the file of format 6. Jane also has a task that repeats from its completion, and one that is due at a time that the
/// clocks skip.
const FORMAT_7: Old = Old {
    format: 7,
    packed: include_bytes!("../fixtures/format-7.redb.gz"),
    export: include_str!("../fixtures/format-7.jsonl"),
    holds: "4 users, 4 sessions, 1 token, 525 tasks, ",
};

/// Folder with an old file, and its bytes.
fn given_older(old: &Old) -> (Home, Vec<u8>) {
    let (home, bytes) = (home(), old.unpacked());
    fs::write(home.data_file(), &bytes).unwrap();
    (home, bytes)
}

/// Upgrades an old file, and checks its data and the copy beside it.
fn given_upgraded(old: &Old) -> Home {
    let (home, bytes) = given_older(old);

    expect(home.run(&["upgrade"], ""), 0);

    let said = expect(home.run(&["check"], ""), 0);
    assert!(said.starts_with(old.holds) && said.contains(" 0 problems"), "{said}");
    assert_eq!(without_uids(everything(&home)), in_version_5(super::parse(old.export)));
    let kept = format!("duly.redb.format-{}", old.format);
    assert!(fs::read(path_in(&home, &kept)).unwrap() == bytes, "to the byte");
    home
}

/// Ids in a list.
async fn listed(client: &Client, path: &str) -> Vec<u64> {
    let tasks = client.get(path).await.expect(StatusCode::OK);
    tasks.as_array().unwrap().iter().map(|task| task["id"].as_u64().unwrap()).collect()
}

/// Bytes of the rows of an account.
fn bytes_of(home: &Home, email: &str) -> u64 {
    let said = expect(home.run(&["user", "list"], ""), 0);
    let line = said.lines().find(|line| line.contains(email)).unwrap();
    line.split('\t').nth(5).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_file_of_format_1_opens() {
    let home = given_upgraded(&FORMAT_1);

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(jane.get("/tasks").await.header("x-total-count"), Some("3"));
    assert_eq!(listed(&jane, "/tasks?completed=true").await, [2]);
    assert_eq!(jane.given_task("next").await, 7);
}

#[tokio::test]
async fn a_file_of_format_2_opens() {
    let home = given_upgraded(&FORMAT_2);

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(listed(&jane, "/tasks").await, [7, 5, 2, 1]);
    assert_eq!(listed(&jane, "/tasks?completed=true").await, [2]);
    assert_eq!(listed(&jane, "/tasks?sort=position").await, [1, 2, 5, 7]);
    assert_eq!(listed(&jane, "/tasks?q=STRASSE").await, [5], "every word was indexed");
    let tokens = jane.get("/auth/tokens").await.expect(StatusCode::OK);
    assert_eq!(tokens[0]["name"], "phone");
    let john = server.client().logged_in("john@example.com").await;
    let me = john.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me["role"], "admin");
    let zoe = server.client().logged_in("zoe@example.com").await;
    let me = zoe.get("/auth/me").await.expect(StatusCode::OK);
    assert_eq!(me["display_name"], "Zo\u{eb} \u{c6}r\u{f8}");
    assert_eq!(me["time_zone"], "Europe/Berlin");
    assert_eq!(jane.given_task("next").await, 11);
    assert_eq!(server.terminate(), Some(0));
    expect(home.run(&["check"], ""), 0);
}

#[tokio::test]
async fn a_file_of_format_3_opens_and_finds_tasks_by_their_first_words() {
    let home = given_upgraded(&FORMAT_3);

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(listed(&jane, "/tasks?sort=created_at").await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(listed(&jane, "/tasks?q=zebra").await, [3], "of the title");
    // The title has 5 words, one of which is the first of the description's 1,900.
    let at =
        |number: u32| format!("/tasks?q={}", char::from_u32(0x4E00 + number).unwrap());
    assert_eq!(listed(&jane, &at(507)).await, [3], "the 512th word");
    assert_eq!(listed(&jane, &at(508)).await, [0; 0], "the 513th word");
    assert_eq!(listed(&jane, "/tasks?q=w39+1d6").await, [6], "the 512th word");
    assert_eq!(listed(&jane, "/tasks?q=1d7").await, [0; 0], "the 513th word");
    assert_eq!(jane.given_task("next").await, 10);
    for id in [3, 6] {
        jane.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
    }
    assert_eq!(server.terminate(), Some(0));
    let said = expect(home.run(&["check"], ""), 0);
    assert!(said.contains(" 0 problems"), "{said}");
}

#[tokio::test]
async fn a_file_of_format_4_opens_and_small_accounts_take_less_room() {
    let home = given_upgraded(&FORMAT_4);

    // Before, they had 2_997 and 100_515 bytes.
    assert!(bytes_of(&home, JANE) < 2_000);
    assert_eq!(bytes_of(&home, "mary@example.com"), 124_687);
    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(listed(&jane, "/tasks?sort=position").await, [5, 1, 2, 3, 4, 6]);
    let mary = server.client().logged_in("mary@example.com").await;
    let last = mary.get("/tasks?completed=false&tag=even&sort=title").await;
    assert_eq!(last.header("x-total-count"), Some("257"));
    assert_eq!(server.terminate(), Some(0));
    let said = expect(home.run(&["check"], ""), 0);
    assert!(said.contains(" 0 problems"), "{said}");
}

#[tokio::test]
async fn a_file_of_format_5_opens_and_every_account_keeps_its_counts() {
    let home = given_upgraded(&FORMAT_5);

    assert_eq!(bytes_of(&home, JANE), 1_777);
    assert_eq!(bytes_of(&home, "mary@example.com"), 124_687);
    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(listed(&jane, "/tasks?sort=position").await, [5, 1, 2, 3, 4, 6]);
    let tokens = jane.get("/auth/tokens").await.expect(StatusCode::OK);
    assert_eq!(tokens[0]["name"], "phone");
    jane.given_task("next").await;
    let mary = server.client().logged_in("mary@example.com").await;
    let open = mary.get("/tasks?completed=false&limit=1").await;
    assert_eq!(open.header("x-total-count"), Some("513"));
    let zoe = server.client().logged_in("zoe@example.com").await;
    zoe.given_task("first").await;
    assert_eq!(server.terminate(), Some(0));
    let said = expect(home.run(&["check"], ""), 0);
    assert!(said.contains(" 0 problems"), "{said}");
}

#[tokio::test]
async fn a_file_of_format_6_opens_and_every_time_that_is_meant_is_kept() {
    let home = given_upgraded(&FORMAT_6);

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(listed(&jane, "/tasks?sort=position").await, [5, 1, 2, 3, 4, 6, 7, 8, 9]);
    let water = jane.get("/tasks/7").await.expect(StatusCode::OK);
    assert_eq!(water["due"], "2026-03-29T03:30:00+02:00[Europe/Berlin]");
    assert_eq!(
        (&water["due_local"], &water["repeat_from"]),
        (&json!("02:30"), &json!("due"))
    );
    let next = json!({ "catch_up": false });
    let next = jane.post("/tasks/7/complete", next).await.expect(StatusCode::OK);
    assert_eq!(next["due"], "2026-03-30T02:30:00+02:00[Europe/Berlin]");
    let mary = server.client().logged_in("mary@example.com").await;
    let last = mary.get("/tasks?completed=false&tag=even&sort=title").await;
    assert_eq!(last.header("x-total-count"), Some("257"));
    assert_eq!(server.terminate(), Some(0));
    let said = expect(home.run(&["check"], ""), 0);
    assert!(said.contains(" 0 problems"), "{said}");
}

#[tokio::test]
async fn a_file_of_format_7_opens_and_its_tasks_can_be_followed() {
    let home = given_upgraded(&FORMAT_7);

    let server = home.serve();
    for (email, count) in [(JANE, 11), ("mary@example.com", 514)] {
        let client = server.client().logged_in(email).await;
        let (mut seen, mut path) = (Vec::new(), "/tasks/changes?limit=500".to_owned());
        loop {
            let page = client.get(&path).await.expect(StatusCode::OK);
            let changes = page["changes"].as_array().unwrap();
            seen.extend(changes.iter().filter_map(|it| it["task"]["id"].as_u64()));
            let cursor = page["cursor"].as_str().unwrap();
            path = format!("/tasks/changes?limit=500&since={cursor}");
            if page["more"] == false {
                break;
            }
        }
        let mut all = listed(&client, "/tasks?limit=200&sort=created_at").await;
        seen.sort_unstable();
        assert_eq!(seen.len(), count);
        seen.truncate(all.len());
        all.sort_unstable();
        assert_eq!(seen, all);

        let first =
            client.get(&format!("/tasks/{}", seen[0])).await.expect(StatusCode::OK);
        let again = json!({ "uid": first["uid"], "title": "again" });
        let known = client.post("/tasks", again).await.expect(StatusCode::OK);
        assert_eq!(known, first);
        let path = format!("/tasks/{}", seen[0]);
        client.delete(&path).await.expect(StatusCode::NO_CONTENT);
    }
    assert_eq!(server.terminate(), Some(0));
    let said = expect(home.run(&["check"], ""), 0);
    assert!(said.contains(" 0 problems"), "{said}");
}
