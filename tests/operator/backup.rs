//! Tests of `duly backup`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hyper::StatusCode;

use super::{
    JANE, everything, given_people, given_stopped, home, is_logged_in, names, path_in,
    restored,
};
use crate::harness::Home;
use crate::harness::forge::Forge;
use crate::harness::process::{expect, refused};

#[tokio::test]
async fn a_running_server_is_backed_up_and_goes_on() {
    let home = home();
    let server = home.serve();
    let people = given_people(&server).await;

    let said = expect(home.run(&["backup", "--to", "b.redb"], ""), 0);

    assert_eq!(said, "2 users, 2 sessions, 0 tokens, 3 tasks\nb.redb\n");
    people.jane.given_task("after the backup").await;
    assert_eq!(people.jane.get("/tasks").await.header("x-total-count"), Some("3"));
    let mode = fs::metadata(path_in(&home, "b.redb")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let restored = restored(&path_in(&home, "b.redb"));
    expect(restored.run(&["check"], ""), 0);
    let served = restored.serve();
    let jane = served.client().with_token(people.jane.token());
    let tasks = jane.get("/tasks").await;
    assert_eq!(tasks.header("x-total-count"), Some("2"));
    assert_eq!(tasks.body[0]["title"], "Ring \"Bob\"");
}

#[tokio::test]
async fn a_backup_equals_what_was_backed_up_in_every_field() {
    let (home, people) = given_stopped().await;
    let before = everything(&home);

    expect(home.run(&["backup", "--to", "b.redb"], ""), 0);

    let restored = restored(&path_in(&home, "b.redb"));
    assert_eq!(everything(&restored), before);
    assert_eq!(everything(&home), before, "the original is as it was");
    let server = restored.serve();
    assert!(is_logged_in(&server, &people.jane).await, "sessions are kept");
    assert!(is_logged_in(&server, &people.john).await, "sessions are kept");
}

#[tokio::test]
async fn without_a_name_a_backup_is_named_by_its_time() {
    let (home, _) = given_stopped().await;
    let said = expect(home.run(&["backup"], ""), 0);
    let path = said.lines().last().unwrap();
    assert!(path.starts_with("./duly-20") && path.ends_with("Z.redb"), "{path}");
    assert!(path_in(&home, path).is_file());

    let home = home.set("BACKUP_DIR", "backups");
    expect(home.run(&["backup"], ""), 0);
    assert_eq!(names(&path_in(&home, "backups")).len(), 1);
}

#[tokio::test]
async fn a_file_that_is_there_is_never_overwritten() {
    let (home, _) = given_stopped().await;
    fs::write(path_in(&home, "b.redb"), "precious").unwrap();
    let before = names(home.folder.path());

    let line = refused(home.run(&["backup", "--to", "b.redb"], ""), 74);

    assert!(line.contains("b.redb"), "{line}");
    assert_eq!(fs::read_to_string(path_in(&home, "b.redb")).unwrap(), "precious");
    assert_eq!(names(home.folder.path()), before);
}

#[tokio::test]
async fn damaged_data_is_not_made_into_a_backup() {
    let (home, _) = given_stopped().await;
    // An index entry is lost: every value is sound, but the file as a whole is not.
    Forge::open(&home.data_file()).delete("user_by_email", b"john@example.com");
    let before = names(home.folder.path());

    for running in [false, true] {
        let server = running.then(|| home.serve());
        let line = refused(home.run(&["backup", "--to", "b.redb"], ""), 65);
        assert!(line.contains("problems"), "{line}");
        drop(server);
    }

    let mut after = names(home.folder.path());
    after.retain(|name| name != "duly.redb.sock");
    assert_eq!(after, before);
}

#[test]
fn nothing_is_made_where_there_is_nothing() {
    let home = Home::new();
    refused(home.run(&["backup", "--to", "b.redb"], ""), 66);
    assert_eq!(names(home.folder.path()), [""; 0]);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let home = home();
    let server = home.serve();
    server.client().registered(JANE).await;

    let line = refused(home.run(&["backup", "--to", "no/such/b.redb"], ""), 74);

    assert!(line.contains("no/such/b.redb"), "{line}");
    let ready = server.client().get("!/health/ready").await;
    assert_eq!(ready.status, StatusCode::OK);
}
