//! Tests of `duly restore`.

use std::fs;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    JANE, JOHN, everything, given_people, given_stopped, home, is_logged_in, names,
    path_in,
};
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused, text};
use crate::harness::{Client, Home, Process};

async fn given_backup(home: &Home) {
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
}

#[tokio::test]
async fn a_data_file_is_replaced_only_by_force_and_kept() {
    let (home, people) = given_stopped().await;
    given_backup(&home).await;
    let backed_up = everything(&home);
    let server = home.serve();
    server.client().with_token(people.jane.token()).given_task("newer").await;
    assert_eq!(server.terminate(), Some(0));
    let newer = everything(&home);
    let bytes = fs::read(home.data_file()).unwrap();
    let before = names(home.folder.path());

    let line = refused(home.run(&["restore", "b.redb"], ""), 1);

    assert!(line.contains("newer than the backup") && line.contains("--force"), "{line}");
    assert_eq!(names(home.folder.path()), before);
    assert!(fs::read(home.data_file()).unwrap() == bytes, "to the byte");

    let said = expect(home.run(&["restore", "--force", "b.redb"], ""), 0);

    assert!(said.contains("duly.redb.replaced"), "{said}");
    assert_eq!(everything(&home), backed_up);
    let home = home.set("DATABASE_URL", "redb://./duly.redb.replaced");
    assert_eq!(everything(&home), newer);
}

#[tokio::test]
async fn what_may_not_be_replaced_is_said_before_the_work() {
    let (home, _) = given_stopped().await;
    given_backup(&home).await;
    // There is no room for a copy.
    let home = home.set("DISK_RESERVE_MIB", "1000000");
    refused(home.run(&["restore", "--force", "b.redb"], ""), 74);

    let line = refused(home.run(&["restore", "b.redb"], ""), 1);

    assert!(line.contains("already exists, with changes up to"), "{line}");
    // A bad backup is not reported as a good one.
    fs::write(path_in(&home, "bad.redb"), "Buy milk.\n".repeat(1000)).unwrap();
    let line = refused(home.run(&["restore", "bad.redb"], ""), 65);
    assert!(line.contains("bad.redb"), "{line}");
}

#[tokio::test]
async fn a_running_server_is_never_replaced() {
    let home = home();
    let server = home.serve();
    given_people(&server).await;
    given_backup(&home).await;

    for arguments in [&["restore", "b.redb"][..], &["restore", "--force", "b.redb"]] {
        let line = refused(home.run(arguments, ""), 73);
        assert!(line.contains("stop the server") && line.contains("--user"), "{line}");
    }

    assert_eq!(names(home.folder.path()), ["b.redb", "duly.redb", "duly.redb.sock"]);
}

#[tokio::test]
async fn a_bad_backup_changes_nothing() {
    let (home, _) = given_stopped().await;
    given_backup(&home).await;
    let sound = fs::read(path_in(&home, "b.redb")).unwrap();
    let cut = sound[..sound.len() / 2].to_vec();
    // Inverts one bit of every text; a single text could lie in an unused page.
    let mut flipped = sound;
    for at in 4096..flipped.len() - 4 {
        if &flipped[at..at + 4] == b"milk" {
            flipped[at] ^= 1;
        }
    }
    let before = fs::read(home.data_file()).unwrap();

    for bytes in [flipped, cut, b"Buy milk.\n".repeat(1000), Vec::new()] {
        fs::write(path_in(&home, "bad.redb"), &bytes).unwrap();
        let line = refused(home.run(&["restore", "--force", "bad.redb"], ""), 65);
        assert!(line.contains("bad.redb is not a valid backup"), "{line}");
        assert!(!line.contains("restore a backup"), "{line}");
        let one = ["restore", "--user", JANE, "bad.redb"];
        let line = refused(home.run(&one, ""), 65);
        assert!(line.contains("bad.redb"), "{line}");
        assert!(fs::read(path_in(&home, "bad.redb")).unwrap() == bytes, "only read");
    }

    let missing = refused(home.run(&["restore", "--force", "no.redb"], ""), 66);
    assert!(missing.contains("no.redb"), "{missing}");
    assert!(fs::read(home.data_file()).unwrap() == before, "to the byte");
    assert_eq!(names(home.folder.path()), ["b.redb", "bad.redb", "duly.redb"]);
}

#[tokio::test]
async fn a_data_file_elsewhere_is_replaced_where_it_is() {
    let (home, _) = given_stopped().await;
    given_backup(&home).await;
    fs::create_dir(path_in(&home, "disk")).unwrap();
    fs::rename(home.data_file(), path_in(&home, "disk/d.redb")).unwrap();
    std::os::unix::fs::symlink("disk/d.redb", home.data_file()).unwrap();
    // File left by a restore that was killed.
    fs::write(path_in(&home, "disk/d.redb.0123456789abcdef.partial"), "half").unwrap();

    expect(home.run(&["restore", "--force", "b.redb"], ""), 0);

    assert!(home.data_file().is_symlink());
    assert_eq!(names(&path_in(&home, "disk")), ["d.redb", "d.redb.replaced"]);
    expect(home.run(&["check"], ""), 0);
}

/// Tasks of an account, by id.
async fn tasks(person: &Client) -> Vec<Value> {
    let mut tasks = person.get("/tasks").await.expect(StatusCode::OK);
    let tasks = tasks.as_array_mut().unwrap();
    tasks.sort_by_key(|task| task["id"].as_u64());
    tasks.clone()
}

/// Running server with a backup, after which Jane has lost a task, changed one, and created one.
async fn given_accident(home: &Home) -> (Process, Client, Client, Vec<Value>) {
    let server = home.serve();
    let people = given_people(&server).await;
    given_backup(home).await;
    let before = tasks(&people.jane).await;
    let path = |at: usize| format!("/tasks/{}", before[at]["id"]);
    assert_eq!(people.jane.delete(&path(0)).await.status, StatusCode::NO_CONTENT);
    let changed = json!({ "title": "oops", "description": "?", "completed": false });
    people.jane.patch(&path(1), changed).await.expect(StatusCode::OK);
    people.jane.given_task("newer").await;
    people.john.given_task("John's newer").await;
    (server, people.jane, people.john, before)
}

#[tokio::test]
async fn one_person_comes_back_into_a_running_server() {
    let home = home();
    let (server, jane, john, before) = given_accident(&home).await;
    let johns = tasks(&john).await;

    let said = expect(home.run(&["restore", "--user", JANE, "b.redb"], ""), 0);

    assert!(said.contains("1 task added, 1 replaced"), "{said}");
    let after = tasks(&jane).await;
    assert_eq!(after.len(), 3);
    assert_eq!(after[0], before[0], "the lost one is as it was");
    for field in ["id", "title", "description", "completed", "created_at"] {
        assert_eq!(after[1][field], before[1][field], "{field}");
    }
    assert_ne!(after[1]["updated_at"], before[1]["updated_at"], "it was changed now");
    assert_eq!(after[2]["title"], "newer");
    assert_eq!(tasks(&john).await, johns);
    assert!(is_logged_in(&server, &jane).await && is_logged_in(&server, &john).await);
    assert_eq!(server.terminate(), Some(0));
    expect(home.run(&["check"], ""), 0);

    // Another restore changes nothing.
    let before = everything(&home);
    let said = expect(home.run(&["restore", "--user", JANE, "b.redb"], ""), 0);
    assert!(said.contains("0 tasks added, 0 replaced"), "{said}");
    assert_eq!(everything(&home), before);
}

#[tokio::test]
async fn a_deleted_task_of_the_backup_comes_back_without_its_later_history() {
    let home = home();
    let (server, jane, _, before) = given_accident(&home).await;
    let path = format!("/tasks/{}", before[0]["id"]);
    jane.post(&format!("{path}/restore"), Value::Null).await.expect(StatusCode::OK);
    jane.patch(&path, json!({ "title": "changed" })).await.expect(StatusCode::OK);
    assert_eq!(jane.delete(&path).await.status, StatusCode::NO_CONTENT);

    expect(home.run(&["restore", "--user", JANE, "b.redb"], ""), 0);

    let history = jane.get(&format!("{path}/history")).await.expect(StatusCode::OK);
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    assert_eq!(history[0]["by"]["kind"], "import");
    assert_eq!(jane.get("/trash").await.header("x-total-count"), Some("1"));
    assert_eq!(jane.delete(&path).await.status, StatusCode::NO_CONTENT);
    jane.delete("/trash").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(server.terminate(), Some(0));
    expect(home.run(&["check"], ""), 0);
}

#[tokio::test]
async fn a_deleted_account_comes_back_with_its_password() {
    let home = home();
    let (server, _, john, _) = given_accident(&home).await;
    let johns = tasks(&john).await;
    expect(home.run(&["user", "delete", JANE], ""), 0);

    let said = expect(home.run(&["restore", "--user", JANE, "b.redb"], ""), 0);

    assert!(said.contains("1 user added"), "{said}");
    let jane = server.client().logged_in(JANE).await;
    let titles: Vec<Value> =
        tasks(&jane).await.iter().map(|task| task["title"].clone()).collect();
    assert_eq!(titles, ["Buy milk \u{1F95B}", "Ring \"Bob\""]);
    assert_eq!(tasks(&john).await, johns);
    assert_eq!(server.terminate(), Some(0));
    expect(home.run(&["check"], ""), 0);
}

#[tokio::test]
async fn somebody_who_is_not_in_the_backup_is_not_made() {
    let home = home();
    let server = home.serve();
    given_people(&server).await;
    given_backup(&home).await;
    let before = everything(&home);

    let output = home.run(&["restore", "--user", "nobody@example.com", "b.redb"], "");

    assert_eq!(text(&output.stdout), "");
    refused(output, 1);
    assert_eq!(everything(&home), before);
    let later = home.run(&["user", "add", "nobody@example.com"], PASSWORD);
    assert_eq!(expect(later, 0), "added user 3, nobody@example.com\n");
}

#[tokio::test]
async fn a_restore_into_an_empty_place_makes_one_person_alone() {
    let (home, _) = given_stopped().await;
    given_backup(&home).await;
    fs::remove_file(home.data_file()).unwrap();
    let server = home.serve();

    expect(home.run(&["restore", "--user", JOHN, "b.redb"], ""), 0);

    let john = server.client().logged_in(JOHN).await;
    assert_eq!(tasks(&john).await.len(), 1);
    let users = expect(home.run(&["user", "list"], ""), 0);
    assert_eq!(users.lines().count(), 1, "{users}");
}
