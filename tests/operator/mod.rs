//! Tests of the operator's commands with the real binary, while the server runs and while it does not.

mod answers;
mod backup;
mod compact;
mod control;
mod end_access;
mod import;
mod interrupt;
mod invite;
mod lists;
mod progress;
mod restore;
mod resync;
mod rush;
mod schedule;
mod transfer;
mod upgrade;

use std::fs;
use std::path::{Path, PathBuf};

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::process::expect;
use crate::harness::{Client, Home, Process};

/// Key that is shared by homes, so that tokens remain valid.
const KEY: &str = "5f0c8e6b1d3a9724e8b05c7f2a6d4913";

fn home() -> Home {
    Home::new().set("SECRET_KEY", KEY)
}

/// Accounts: Jane has tasks 1 (open), 2 (done) and 3 (deleted), John has task 4.
struct People {
    jane: Client,
    john: Client,
}

const JANE: &str = "Jane@example.com";
const JOHN: &str = "john@example.com";

async fn given_people(server: &Process) -> People {
    let client = server.client();
    let jane = client.registered(JANE).await;
    let john = client.registered(JOHN).await;
    let one = json!({ "title": "Buy milk \u{1F95B}", "description": "two\nlines" });
    jane.post("/tasks", one).await.expect(StatusCode::CREATED);
    let two = jane.given_task("Ring \"Bob\"").await;
    jane.patch(&format!("/tasks/{two}"), json!({ "completed": true }))
        .await
        .expect(StatusCode::OK);
    let three = jane.given_task("gone").await;
    assert_eq!(
        jane.delete(&format!("/tasks/{three}")).await.status,
        StatusCode::NO_CONTENT
    );
    john.given_task("John's").await;
    People { jane, john }
}

/// Stopped installation with data. The tokens are still valid.
async fn given_stopped() -> (Home, People) {
    let home = home();
    let server = home.serve();
    let people = given_people(&server).await;
    assert_eq!(server.terminate(), Some(0));
    (home, people)
}

/// All data of an installation except sessions: its export, without the time of the export.
fn everything(home: &Home) -> Vec<Value> {
    parse(&expect(home.run(&["export"], ""), 0))
}

fn parse(export: &str) -> Vec<Value> {
    let lines = export.lines().map(serde_json::from_str);
    let mut lines: Vec<Value> = lines.map(Result::unwrap).collect();
    lines[0]["export"].as_object_mut().unwrap().remove("created_at");
    lines
}

/// Returns whether a server accepts a token.
async fn is_logged_in(server: &Process, person: &Client) -> bool {
    let answer = server.client().with_token(person.token()).get("/auth/me").await;
    answer.status == StatusCode::OK
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap().file_name().into_string().unwrap()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Puts a backup in the place of the data file of a new installation.
fn restored(backup: &Path) -> Home {
    let home = home();
    expect(home.run(&["restore", backup.to_str().unwrap()], ""), 0);
    home
}

fn path_in(home: &Home, name: &str) -> PathBuf {
    home.folder.path().join(name)
}
