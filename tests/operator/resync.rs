//! Tests of cursors for changes across restores and restarts.

use hyper::StatusCode;
use serde_json::Value;

use super::{JANE, given_people, home};
use crate::harness::Client;
use crate::harness::process::expect;

async fn cursor(person: &Client) -> String {
    let page = person.get("/tasks/changes").await.expect(StatusCode::OK);
    page["cursor"].as_str().unwrap().to_owned()
}

/// Changes since a cursor, as short texts.
async fn since(person: &Client, cursor: &str) -> Result<Vec<String>, Value> {
    let answer = person.get(&format!("/tasks/changes?since={cursor}")).await;
    if answer.status != StatusCode::OK {
        return Err(answer.expect(StatusCode::GONE)["code"].clone());
    }
    let text = |change: &Value| match change["op"].as_str().unwrap() {
        "put" => format!("put {}", change["task"]["title"].as_str().unwrap()),
        _ => format!("delete {}", change["id"]),
    };
    Ok(answer.body["changes"].as_array().unwrap().iter().map(text).collect())
}

#[tokio::test]
async fn a_cursor_outlasts_the_server() {
    let home = home();
    let server = home.serve();
    let jane = given_people(&server).await.jane;
    let known = cursor(&jane).await;
    jane.given_task("newer").await;
    server.kill();
    let server = home.serve();
    let jane = server.client().with_token(jane.token());
    assert_eq!(since(&jane, &known).await.unwrap(), ["put newer"]);
}

#[tokio::test]
async fn a_restored_file_makes_every_cursor_out_of_date() {
    let home = home();
    let server = home.serve();
    let jane = given_people(&server).await.jane;
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    // The client and the backup agree, and both go on by one change.
    let known = cursor(&jane).await;
    jane.given_task("lost").await;
    let newer = cursor(&jane).await;
    assert_eq!(server.terminate(), Some(0));
    expect(home.run(&["restore", "--force", "b.redb"], ""), 0);

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    jane.given_task("other").await;

    for cursor in [known, newer] {
        assert_eq!(since(&jane, &cursor).await.unwrap_err(), "resync_required");
    }
}

#[tokio::test]
async fn a_restored_copy_of_the_file_itself_makes_every_cursor_out_of_date() {
    let home = home();
    let server = home.serve();
    let jane = given_people(&server).await.jane;
    let known = cursor(&jane).await;
    assert_eq!(server.terminate(), Some(0));
    std::fs::copy(home.data_file(), home.folder.path().join("copy.redb")).unwrap();
    expect(home.run(&["restore", "--force", "copy.redb"], ""), 0);

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;

    assert_eq!(since(&jane, &known).await.unwrap_err(), "resync_required");
}

#[tokio::test]
async fn a_backup_put_in_place_by_hand_makes_every_cursor_out_of_date() {
    let home = home();
    let server = home.serve();
    let jane = given_people(&server).await.jane;
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    let known = cursor(&jane).await;
    assert_eq!(server.terminate(), Some(0));
    let mut cursors = vec![known];
    // The second time, the clients know the data of the first.
    for _ in 0..2 {
        std::fs::copy(home.folder.path().join("b.redb"), home.data_file()).unwrap();
        let server = home.serve();
        let jane = server.client().logged_in(JANE).await;
        jane.given_task("other").await;
        for cursor in &cursors {
            assert_eq!(since(&jane, cursor).await.unwrap_err(), "resync_required");
        }
        cursors.push(cursor(&jane).await);
        server.kill();
    }

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(since(&jane, &cursors[2]).await.unwrap(), [""; 0]);
    expect(home.run(&["backup", "--to", "c.redb"], ""), 0);
}

#[tokio::test]
async fn one_person_restored_sees_the_changes() {
    let home = home();
    let server = home.serve();
    let jane = given_people(&server).await.jane;
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    let known = cursor(&jane).await;

    expect(home.run(&["restore", "--user", JANE, "b.redb"], ""), 0);

    assert_eq!(since(&jane, &known).await.unwrap(), ["put Buy milk \u{1F95B}"]);
}

#[tokio::test]
async fn a_deleted_account_that_comes_back_does_not_know_its_old_cursors() {
    let home = home();
    let server = home.serve();
    let jane = given_people(&server).await.jane;
    let old = cursor(&jane).await;
    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);
    expect(home.run(&["user", "delete", JANE], ""), 0);
    assert_eq!(server.terminate(), Some(0));

    expect(home.run(&["restore", "--user", JANE, "b.redb"], ""), 0);

    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    assert_eq!(jane.get("/auth/me").await.body["id"], 1);
    for number in 0..10 {
        jane.given_task(&format!("{number}")).await;
    }
    assert_eq!(since(&jane, &old).await.unwrap_err(), "resync_required");
    let known = cursor(&jane).await;
    jane.given_task("newer").await;
    assert_eq!(since(&jane, &known).await.unwrap(), ["put newer"]);
}
