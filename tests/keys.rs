//! Tests of a change of the key that signs access tokens, through the real binary.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use hyper::StatusCode;

use crate::harness::process::{finish, refused};
use crate::harness::{Home, Process};

const OLD: &str = "duly.redb.key.old";

/// Name of the key in the header of a token.
fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.expect("a key has a name")
}

async fn status(server: &Process, token: &str) -> StatusCode {
    server.client().with_token(token).get("/auth/me").await.status
}

/// Home whose server has issued a token, with its key moved away; and the token.
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

    // The key may be named twice.
    let home = home
        .set("SECRET_KEY_FILE", OLD)
        .set("PREVIOUS_SECRET_KEY_FILES", &format!("duly.redb.key,{OLD}"));
    let server = home.serve();

    assert_eq!(status(&server, &old).await, StatusCode::OK);
    assert_eq!(status(&server, jane.token()).await, StatusCode::OK);
    let again = server.client().logged_in("jane@example.com").await;
    assert_eq!(kid(again.token()), kid(&old));
}

#[test]
fn a_key_that_everybody_knows_is_refused_wherever_it_is_set() {
    let examples: [&[u8]; 5] = [
        b"change-me-to-a-long-random-string",
        b"CHANGE-ME-to-a-long-random-string\n",
        b"09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        &[b'0'; 32],
        &[0xFF; 64],
    ];
    // Ends even if the key is accepted.
    let serve = ["serve", "--log-level=off", "--listen=unix:/nowhere/duly.sock"];
    for example in examples {
        let home = Home::new();
        let mut command = home.command(&serve);
        command.env("SECRET_KEY", OsStr::from_bytes(example));
        let line = refused(finish(command, ""), 78);
        assert!(line.starts_with("duly: SECRET_KEY is a publicly known key"), "{line}");

        let path = home.folder.path().join("a.key");
        fs::write(&path, example).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for variable in ["SECRET_KEY_FILE", "PREVIOUS_SECRET_KEY_FILES"] {
            let mut command = home.command(&serve);
            command.env(variable, "a.key");
            let line = refused(finish(command, ""), 78);
            assert!(
                line.starts_with(&format!("duly: {variable} a.key contains")),
                "{line}"
            );
        }
        // No file was created.
        assert_eq!(home.folder.path().read_dir().unwrap().count(), 1);
    }
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
