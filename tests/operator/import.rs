//! What an import may not bring in unnoticed.

use hyper::StatusCode;

use super::{JANE, JOHN, given_stopped, home, parse};
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

        let expected =
            format!("line {line} makes an administrator, which takes --allow-admins");
        assert!(said.contains(&expected), "{said}");
        let listed = home.run(&["user", "list"], "");
        assert!(!String::from_utf8(listed.stdout).unwrap().contains(ROOT));

        expect(home.run(&["import", "--allow-admins"], &exported), 0);
        let listed = expect(home.run(&["user", "list"], ""), 0);
        assert!(listed.contains("\tadmin\t") && listed.contains(ROOT), "{listed}");
        // One that is there is not made.
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

/// An id near 2^53 once left so few after it that a later export could not be read.
#[tokio::test]
async fn numbers_that_leave_no_room_for_more_are_refused_by_record() {
    let (from, _) = given_stopped().await;
    let exported = expect(from.run(&["export"], ""), 0);
    let most = u64::pow(2, 52) - 1;
    let far = exported
        .replace("\"next_user_id\":3", &format!("\"next_user_id\":{}", most * 2))
        .replace("\"next_task_id\":5", &format!("\"next_task_id\":{}", most * 2));
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
        let with = format!("{before}:{}{comma}", most + 1);

        let said = refused(home().run(&["import"], &far.replacen(from, &with, 1)), 65);

        let expected = format!("line {line} {field} must be from 1 to 2^52 - 1");
        assert!(said.contains(&expected), "{said}");
    }

    let with = format!("{{\"task\":{{\"id\":{most},");
    let last = far.replacen("{\"task\":{\"id\":1,", &with, 1);
    let home = home();
    expect(home.run(&["import"], &last), 0);
    let server = home.serve();
    let made = server.client().logged_in(JANE).await.given_task("after it").await;
    assert!(made > most && made < u64::pow(2, 53) - u64::pow(2, 51), "{made}");
    let exported = expect(home.run(&["export"], ""), 0);
    assert!(parse(&exported).iter().any(|line| line["task"]["id"] == made));
}

#[tokio::test]
async fn hashes_that_cost_too_much_are_refused_and_dear_ones_are_replaced() {
    let (from, _) = given_stopped().await;
    let exported = expect(from.run(&["export"], ""), 0);
    // Of the password `password`, by the reference implementation.
    let dear = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let lines: Vec<String> = exported.lines().map(|line| brought(line, dear)).collect();
    let with_dear = lines.join("\n");
    for parameters in ["m=65537,t=2,p=1", "m=65536,t=5,p=1", "m=65536,t=2,p=5"] {
        let with = with_dear.replace("m=65536,t=2,p=1", parameters);

        let said = refused(home().run(&["import"], &with), 65);

        assert!(said.contains("line 2 password_hash costs too much"), "{said}");
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
