//! Tests of `duly compact`. The long form:
//!
//! ```text
//! DULY_COMPACT_TASKS=10000 cargo test --release compact -- --nocapture
//! ```

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

use duly::store::redb::{self, RedbStore};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{JANE, everything, given_stopped, home, is_logged_in, names, path_in};
use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, refused};
use crate::harness::{Client, Home};
use crate::long::{figure, setting};

/// Number of tasks that are created and deleted.
fn many() -> u64 {
    setting("DULY_COMPACT_TASKS", 1_280).next_multiple_of(128)
}

/// Home whose data file once held many more tasks than the one that is left, and the owner of that task.
async fn given_emptied() -> (Home, Client) {
    let home = home();
    expect(home.run(&["user", "add", JANE], PASSWORD), 0);
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    let many = many();
    crate::crash::fill(&store, many * 2048).await;
    drop(store);
    let server = home.serve();
    let jane = server.client().logged_in(JANE).await;
    jane.given_task("stays").await;
    for first in (1..=many).step_by(128) {
        let delete = |id| json!({ "op": "delete", "id": id });
        let operations: Vec<Value> = (first..first + 128).map(delete).collect();
        let batch = json!({ "operations": operations });
        jane.post("/tasks/batch", batch).await.expect(StatusCode::OK);
    }
    jane.delete("/trash").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(server.terminate(), Some(0));
    (home, jane)
}

#[tokio::test]
async fn a_file_that_held_much_becomes_small_and_loses_nothing() {
    let (home, jane) = given_emptied().await;
    fs::set_permissions(home.data_file(), Permissions::from_mode(0o640)).unwrap();
    // Succeeds only as root, as in CI.
    let is_given = chown(home.data_file(), Some(65_534), Some(65_533)).is_ok();
    let before = fs::metadata(home.data_file()).unwrap();
    let (all, files) = (everything(&home), names(home.folder.path()));

    let said = expect(home.run(&["compact"], ""), 0);

    let after = fs::metadata(home.data_file()).unwrap();
    figure(&format!("{} bytes, and {} before", after.len(), before.len()));
    assert!(after.len() < before.len() / 10, "{} {}", after.len(), before.len());
    assert_eq!(after.mode(), before.mode());
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert!(!is_given || after.uid() == 65_534);
    assert!(said.contains("iB to "), "{said}");
    assert!(said.contains("1 user, 1 session, 0 tokens, 1 task"), "{said}");
    assert_eq!(everything(&home), all);
    assert_eq!(names(home.folder.path()), files);
    expect(home.run(&["check"], ""), 0);

    let again = expect(home.run(&["compact"], ""), 0);
    assert!(again.contains("and cannot become smaller"), "{again}");
    let server = home.serve();
    assert!(is_logged_in(&server, &jane).await, "sessions are kept");
    let jane = server.client().with_token(jane.token());
    assert_eq!(jane.given_task("next").await, many() + 2, "ids go on");
}

#[tokio::test]
async fn a_file_elsewhere_is_made_small_where_it_is() {
    let (home, _) = given_emptied().await;
    fs::create_dir(path_in(&home, "disk")).unwrap();
    fs::rename(home.data_file(), path_in(&home, "disk/d.redb")).unwrap();
    std::os::unix::fs::symlink("disk/d.redb", home.data_file()).unwrap();
    // File left by a run that was killed.
    fs::write(path_in(&home, "disk/d.redb.0123456789abcdef.partial"), "half").unwrap();

    expect(home.run(&["compact"], ""), 0);

    assert!(home.data_file().is_symlink());
    assert_eq!(names(&path_in(&home, "disk")), ["d.redb"]);
    expect(home.run(&["check"], ""), 0);
}

#[tokio::test]
async fn a_file_that_cannot_be_made_small_stays_as_it_is() {
    let (home, _) = given_stopped().await;
    let data = fs::read(home.data_file()).unwrap();
    let files = names(home.folder.path());

    let mut full = home.command(&["compact"]);
    full.env("DISK_RESERVE_MIB", "1048576");
    let line = refused(full.output().unwrap(), 74);
    assert!(
        line.contains("no room for a copy in addition to DISK_RESERVE_MIB"),
        "{line}"
    );
    assert_eq!(names(home.folder.path()), files);

    let server = home.serve();
    let line = refused(home.run(&["compact"], ""), 73);
    assert!(line.contains("in use by another process: stop the server"), "{line}");
    drop(server);

    fs::write(home.data_file(), &data[..data.len() / 2]).unwrap();
    refused(home.run(&["compact"], ""), 65);
    assert!(fs::read(home.data_file()).unwrap() == data[..data.len() / 2]);
    fs::remove_file(home.data_file()).unwrap();
    refused(home.run(&["compact"], ""), 66);
    assert!(!home.data_file().exists());
}
