//! Tests of the limits of an import.

use hyper::StatusCode;

use super::{JANE, JOHN, everything, given_stopped, home};
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused};

const ROOT: &str = "root@example.com";

#[tokio::test]
async fn administrators_are_made_only_if_that_is_said() {
    let (from, _) = given_stopped().await;
    expect(from.run(&["user", "add", "--admin", ROOT], PASSWORD), 0);
    let exported = expect(from.run(&["export"], ""), 0);
    let line = exported.lines().position(|line| line.contains(ROOT)).unwrap() + 1;
    for is_running in [false, true] {
        let home = home();
        let server = is_running.then(|| home.serve());

        let said = refused(home.run(&["import"], &exported), 1);

        let expected = format!(
            "line {line} creates an administrator, which requires --allow-admins"
        );
        assert!(said.contains(&expected), "{said}");
        let listed = home.run(&["user", "list"], "");
        assert!(!String::from_utf8(listed.stdout).unwrap().contains(ROOT));

        expect(home.run(&["import", "--allow-admins"], &exported), 0);
        let listed = expect(home.run(&["user", "list"], ""), 0);
        assert!(listed.contains("\tadmin\t") && listed.contains(ROOT), "{listed}");
        // An existing account is not created.
        expect(home.run(&["import"], &exported), 0);
        drop(server);
    }
}

#[tokio::test]
async fn an_administrator_who_was_deleted_comes_back_only_if_that_is_said() {
    let home = home();
    expect(home.run(&["user", "add", "--admin", ROOT], PASSWORD), 0);
    expect(home.run(&["user", "add", "--admin", JOHN], PASSWORD), 0);
    expect(home.run(&["backup", "--to", "backup.redb"], ""), 0);
    let restore = ["restore", "--user", JOHN, "backup.redb"];
    expect(home.run(&restore, ""), 0);
    expect(home.run(&["user", "delete", JOHN], ""), 0);

    let said = refused(home.run(&restore, ""), 1);

    assert!(said.contains("--allow-admins"), "{said}");
    let restore = ["restore", "--user", JOHN, "--allow-admins", "backup.redb"];
    expect(home.run(&restore, ""), 0);
    assert!(expect(home.run(&["user", "list"], ""), 0).contains(JOHN));
}

/// Largest number that every JSON reader reads as an integer.
const MAX: u64 = (1 << 53) - 1;

/// First id that an import refuses where accounts exist.
const FAR: u64 = 1 << 52;

/// The export with another id and revision of its first task, and next ids that permit any.
fn with_first_task(exported: &str, id: u64, revision: u64) -> String {
    let next = |kind: &str, from: u64, export: &str| {
        let from = format!("\"next_{kind}_id\":{from}");
        assert!(export.contains(&from), "{from}");
        export.replacen(&from, &format!("\"next_{kind}_id\":{MAX}"), 1)
    };
    let far = next("user", 3, &next("task", 5, exported));
    far.replacen("{\"task\":{\"id\":1,", &format!("{{\"task\":{{\"id\":{id},"), 1)
        .replacen("\"revision\":1,", &format!("\"revision\":{revision},"), 1)
}

#[tokio::test]
async fn numbers_that_json_has_not_are_refused_by_record() {
    let (from, _) = given_stopped().await;
    let exported = expect(from.run(&["export"], ""), 0);
    let far = with_first_task(&exported, 1, 1);
    let at = |kind: &str| {
        let begins = format!("{{\"{kind}\":");
        exported.lines().position(|line| line.starts_with(&begins)).unwrap() + 1
    };
    for (line, from, field) in [
        (at("user"), "{\"user\":{\"id\":1,", "id"),
        (at("task"), "{\"task\":{\"id\":1,", "id"),
        (at("task"), "\"owner_id\":1,", "owner_id"),
        (at("task"), "\"revision\":1,", "revision"),
        (at("task"), "\"parent_id\":null", "parent_id"),
    ] {
        assert!(far.contains(from), "{from}");
        let (before, _) = from.rsplit_once(':').unwrap();
        let comma = if from.ends_with(',') { "," } else { "" };
        let with = format!("{before}:{}{comma}", MAX + 1);

        let said = refused(home().run(&["import"], &far.replacen(from, &with, 1)), 65);

        let expected = format!("line {line} {field} must be from 1 to 2^53 - 1");
        assert!(said.contains(&expected), "{said}");
    }
}

/// Regression: the sender of an import could use up the ids of all accounts.
#[tokio::test]
async fn ids_that_leave_no_room_for_more_are_refused_where_accounts_are() {
    let (from, _) = given_stopped().await;
    let exported = expect(from.run(&["export"], ""), 0);
    for (far, kind) in [
        (with_first_task(&exported, FAR, 1), "task"),
        (
            with_first_task(&exported, 1, 1)
                .replace("{\"user\":{\"id\":1,", &format!("{{\"user\":{{\"id\":{FAR},"))
                .replace("\"owner_id\":1,", &format!("\"owner_id\":{FAR},")),
            "user",
        ),
    ] {
        let begins = format!("{{\"{kind}\":{{\"id\":{FAR},");
        let line = far.lines().position(|line| line.starts_with(&begins)).unwrap() + 1;
        let home = home();
        expect(home.run(&["user", "add", "other@example.com"], PASSWORD), 0);

        let said = refused(home.run(&["import"], &far), 65);

        let expected = format!("line {line} id must be below 2^52");
        assert!(said.contains(&expected), "{said}");
    }

    let home = home();
    expect(home.run(&["user", "add", "other@example.com"], PASSWORD), 0);
    expect(home.run(&["import"], &with_first_task(&exported, FAR - 1, 1)), 0);
    let server = home.serve();
    let made = server.client().logged_in(JANE).await.given_task("after it").await;
    assert_eq!(made, FAR);
}

/// Regression: a change of a task with the highest revision, or a task after one with the highest id,
/// made the export unreadable.
#[tokio::test]
async fn a_server_reads_its_own_export_after_an_import_of_the_highest_numbers() {
    let (from, _) = given_stopped().await;
    let exported = expect(from.run(&["export"], ""), 0);
    let mut home = home();
    let numbers = with_first_task(&exported, FAR - 1, MAX);
    expect(home.run(&["import"], &numbers), 0);
    for round in 1..=2 {
        let server = home.serve();
        let jane = server.client().logged_in(JANE).await;
        let path = format!("/tasks/{}", FAR - 1);
        let title = serde_json::json!({ "title": format!("round {round}") });
        let changed = jane.patch(&path, title).await;
        assert_eq!(changed.header("etag"), Some(&*format!("\"{round}\"")));
        assert!(jane.given_task("after it").await >= FAR);
        let exported = expect(home.run(&["export"], ""), 0);
        let before = everything(&home);

        expect(home.run(&["import"], &exported), 0);
        assert_eq!(everything(&home), before);

        let fresh = super::home();
        expect(fresh.run(&["import"], &exported), 0);
        assert_eq!(everything(&fresh)[1..], before[1..]);
        assert_eq!(server.terminate(), Some(0));
        home = fresh;
    }
}

#[tokio::test]
async fn hashes_that_cost_too_much_are_refused_and_dear_ones_are_replaced() {
    let (from, _) = given_stopped().await;
    let exported = expect(from.run(&["export"], ""), 0);
    // Hash of the password `password`, by the reference implementation.
    let dear = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let lines: Vec<String> = exported.lines().map(|line| brought(line, dear)).collect();
    let with_dear = lines.join("\n");
    for parameters in ["m=65537,t=2,p=1", "m=65536,t=5,p=1", "m=65536,t=2,p=5"] {
        let with = with_dear.replace("m=65536,t=2,p=1", parameters);

        let said = refused(home().run(&["import"], &with), 65);

        assert!(said.contains("line 2 password_hash exceeds the maximum cost"), "{said}");
    }

    let home = home();
    expect(home.run(&["import"], &with_dear), 0);
    let server = home.serve();
    let log_in = "username=jane@example.com&password=password";
    server.client().form("/auth/login", log_in).await.expect(StatusCode::OK);
    let unknown = "username=nobody@example.com&password=password";
    let refused = server.client().form("/auth/login", unknown).await;
    refused.expect_problem(401, "wrong_credentials");
    let exported = expect(home.run(&["export"], ""), 0);
    assert!(
        !exported.lines().any(|line| line.contains(JANE) && line.contains("m=65536"))
    );
    server.client().form("/auth/login", log_in).await.expect(StatusCode::OK);
}

/// The line, with another hash if it is an account's.
fn brought(line: &str, hash: &str) -> String {
    let Some((before, after)) = line.split_once("\"password_hash\":\"") else {
        return line.to_owned();
    };
    let (_, after) = after.split_once('"').unwrap();
    format!("{before}\"password_hash\":\"{hash}\"{after}")
}

#[test]
fn a_file_that_is_not_there_is_told_as_that_of_a_restore_is() {
    let home = home();
    for command in ["import", "restore"] {
        let line = refused(home.run(&[command, "nothing.jsonl"], ""), 66);
        assert!(line.contains("nothing.jsonl"), "{line}");
    }
    assert!(!home.data_file().exists());
}
