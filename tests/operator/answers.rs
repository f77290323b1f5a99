//! Tests of command output for programs, and of commands that read and write through pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use super::{JANE, everything, given_people, given_stopped, home, path_in};
use crate::harness::Home;
use crate::harness::process::{expect, finish, refused, text};
use serde_json::Value;

fn objects(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Runs a command with `--json`.
fn ask(home: &Home, words: &[&str]) -> Vec<Value> {
    let words = [words, &["--json"]].concat();
    objects(&expect(home.run(&words, ""), 0))
}

fn are_objects(home: &Home) {
    expect(home.run(&["user", "set-password", JANE], "another password"), 0);
    let users = ask(home, &["user", "list"]);
    assert_eq!(users.len(), 2);
    let jane = &users[0];
    assert_eq!((&jane["id"], &jane["email"]), (&1.into(), &JANE.into()));
    assert_eq!((&jane["role"], &jane["disabled"]), (&"user".into(), &false.into()));
    assert_eq!(jane["tasks"], 2);
    assert!(jane["bytes"].as_u64() > Some(0) && jane["created_at"].is_string());

    let audit = ask(home, &["audit"]);
    assert_eq!(
        (&audit[0]["action"], &audit[0]["actor"]),
        (&"password_set".into(), &"operator".into())
    );
    assert_eq!(audit[0]["target"], "user 1");

    let check = ask(home, &["check"]);
    assert_eq!((&check[0]["users"], &check[0]["tasks"]), (&2.into(), &3.into()));
    assert_eq!(
        (&check[0]["problems"], &check[0]["findings"]),
        (&0.into(), &Value::Array(Vec::new()))
    );

    let quota = ask(home, &["user", "quota", JANE]);
    assert_eq!(
        (&quota[0]["tasks"], &quota[0]["max_tasks"]),
        (&2.into(), &100_000.into())
    );

    let backup = ask(home, &["backup", "--to", "b.redb"]);
    assert_eq!((&backup[0]["file"], &backup[0]["tasks"]), (&"b.redb".into(), &3.into()));
    assert!(home.folder.path().join("b.redb").is_file());

    let invitation = ask(home, &["user", "invite"]);
    assert!(invitation[0]["invitation"].is_string() && invitation[0]["email"].is_null());
}

#[tokio::test]
async fn answers_in_json_have_the_same_members_with_a_server_and_without() {
    let (home, _) = given_stopped().await;
    are_objects(&home);
    std::fs::remove_file(home.folder.path().join("b.redb")).unwrap();
    let server = home.serve();
    are_objects(&home);
    drop(server);
}

#[tokio::test]
async fn numbers_agree_with_their_nouns() {
    let home = home();
    expect(home.run(&["user", "add", JANE], "password123"), 0);
    let said = expect(home.run(&["check"], ""), 0);
    assert_eq!(
        said,
        "1 user, 0 sessions, 0 tokens, 0 tasks, 0 rows to purge: 0 problems\n"
    );
    let said = expect(home.run(&["user", "delete", JANE], ""), 0);
    assert_eq!(said, format!("{JANE} is deleted, with 0 tasks and all other data\n"));
}

#[tokio::test]
async fn a_backup_goes_through_pipes() {
    let home = home();
    let server = home.serve();
    given_people(&server).await;
    let mut backup = home.command(&["backup", "--to", "-"]);
    let mut backup =
        backup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let elsewhere = super::home();

    let mut restore: Command = elsewhere.command(&["restore", "-"]);
    let restore = restore.stdin(backup.stdout.take().unwrap()).output().unwrap();

    assert_eq!(text(&restore.stderr), "");
    assert!(expect(restore, 0).starts_with("restored 2 users, 2 sessions, 3 tasks\n"));
    assert_eq!(text(&backup.wait_with_output().unwrap().stderr), "");
    assert_eq!(everything(&elsewhere), everything(&home));
}

#[tokio::test]
async fn an_export_goes_through_pipes() {
    let (home, _) = given_stopped().await;
    let export = expect(home.run(&["export", "--to", "-"], ""), 0);
    let elsewhere = super::home();

    let import = finish(elsewhere.command(&["import", "-"]), &export);

    assert!(expect(import, 0).starts_with("2 users added"));
    assert_eq!(everything(&elsewhere), everything(&home));
    assert!(!home.folder.path().join("-").exists());
}

#[test]
fn a_server_of_the_version_before_is_not_asked_for_json() {
    let home = home();
    let socket = UnixListener::bind(path_in(&home, "duly.redb.sock")).unwrap();
    for (words, version) in [
        (&["user", "list"][..], 1),
        (&["user", "list", "--json"], 2),
        (&["user", "quota", JANE, "--tasks", "5", "--json"], 2),
    ] {
        let mut command = home.command(words);
        let command =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stream, _) = socket.accept().unwrap();
        let mut request = String::new();
        BufReader::new(&stream).read_line(&mut request).unwrap();
        let failed = br#"{"failed":{"code":76,"message":"too new"}}"#;
        stream.write_all(&[failed, &b"\n"[..]].concat()).unwrap();

        assert!(request.starts_with(&format!("{{\"version\":{version},")), "{request}");
        let line = refused(command.wait_with_output().unwrap(), 76);
        assert_eq!(line, "duly: too new\n");
    }
}

#[test]
fn a_backup_on_standard_input_leaves_the_reserve_of_the_disk() {
    let home = home().set("DISK_RESERVE_MIB", "1048576");

    let line = refused(home.run(&["restore", "-"], "something"), 74);

    assert!(line.contains("standard input"), "{line}");
    assert_eq!(home.folder.path().read_dir().unwrap().count(), 0);
}
