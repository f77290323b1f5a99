//! Changing the key that signs access tokens, through the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hyper::StatusCode;

use crate::harness::process::refused;
use crate::harness::{Home, Process};

const OLD: &str = "duly.redb.key.old";

/// The name of the key in the header of a token.
fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.expect("a key has a name")
}

async fn status(server: &Process, token: &str) -> StatusCode {
    server.client().with_token(token).get("/auth/me").await.status
}

/// A home whose server has given a token, with its key moved out of the way; and the token.
async fn given_old_key() -> (Home, String) {
    let home = Home::new();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    assert_eq!(server.terminate(), Some(0));
    let folder = home.folder.path();
    fs::rename(folder.join("duly.redb.key"), folder.join(OLD)).unwrap();
    (home, jane.token().to_owned())
}

#[tokio::test]
async fn a_change_of_the_key_logs_nobody_out_until_the_old_key_is_dropped() {
    let (home, old) = given_old_key().await;
    let home = home.set("PREVIOUS_SECRET_KEY_FILES", OLD);

    let server = home.serve();

    assert_eq!(status(&server, &old).await, StatusCode::OK);
    let jane = server.client().logged_in("jane@example.com").await;
    assert_ne!(kid(jane.token()), kid(&old));
    assert_eq!(status(&server, jane.token()).await, StatusCode::OK);
    assert_eq!(server.terminate(), Some(0));

    let server = home.set("PREVIOUS_SECRET_KEY_FILES", "").serve();

    assert_eq!(status(&server, &old).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&server, jane.token()).await, StatusCode::OK);
}

#[tokio::test]
async fn a_key_may_come_back() {
    let (home, old) = given_old_key().await;
    let home = home.set("PREVIOUS_SECRET_KEY_FILES", OLD);
    let server = home.serve();
    let jane = server.client().logged_in("jane@example.com").await;
    assert_eq!(server.terminate(), Some(0));

    // Also named twice.
    let home = home
        .set("SECRET_KEY_FILE", OLD)
        .set("PREVIOUS_SECRET_KEY_FILES", &format!("duly.redb.key,{OLD}"));
    let server = home.serve();

    assert_eq!(status(&server, &old).await, StatusCode::OK);
    assert_eq!(status(&server, jane.token()).await, StatusCode::OK);
    let again = server.client().logged_in("jane@example.com").await;
    assert_eq!(kid(again.token()), kid(&old));
}

#[tokio::test]
async fn an_old_key_that_others_can_read_is_refused_before_anything_is_made() {
    let (home, _) = given_old_key().await;
    let home = home.set("PREVIOUS_SECRET_KEY_FILES", OLD);
    let old = home.folder.path().join(OLD);
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&old, fs::Permissions::from_mode(mode)).unwrap();

        let line = refused(home.run(&["serve", "--log-level=off"], ""), 78);

        assert!(line.starts_with("duly: PREVIOUS_SECRET_KEY_FILES "), "{line}");
        assert!(line.contains(OLD), "{line}");
        assert!(!line.contains(&fs::read_to_string(&old).unwrap()));
        assert!(!home.folder.path().join("duly.redb.key").exists());
    }
}
