//! What the operator does with the real binary, while the server runs and while it does not.

mod answers;
mod backup;
mod compact;
mod control;
mod end_access;
mod import;
mod interrupt;
mod invite;
mod progress;
mod restore;
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

/// A key that outlives one home, so that tokens do as well.
const KEY: &str = "5f0c8e6b1d3a9724e8b05c7f2a6d4913";

fn home() -> Home {
    Home::new().set("SECRET_KEY", KEY)
}

/// Jane has tasks 1 (open), 2 (done) and 3 (deleted), John has task 4.
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

/// An installation that was populated and stopped. The tokens are still good.
async fn given_stopped() -> (Home, People) {
    let home = home();
    let server = home.serve();
    let people = given_people(&server).await;
    assert_eq!(server.terminate(), Some(0));
    (home, people)
}

/// All that an installation holds, but for sessions: its export, without the moment it was made.
fn everything(home: &Home) -> Vec<Value> {
    parse(&expect(home.run(&["export"], ""), 0))
}

fn parse(export: &str) -> Vec<Value> {
    let lines = export.lines().map(serde_json::from_str);
    let mut lines: Vec<Value> = lines.map(Result::unwrap).collect();
    lines[0]["export"].as_object_mut().unwrap().remove("created_at");
    lines
}

/// Whether a token is taken by a server.
async fn is_logged_in(server: &Process, person: &Client) -> bool {
    let answer = server.client().with_token(person.token()).get("/auth/me").await;
    answer.status == StatusCode::OK
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.unwrap().file_name().into_string().unwrap()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Puts a backup where a new installation has its data file.
fn restored(backup: &Path) -> Home {
    let home = home();
    expect(home.run(&["restore", backup.to_str().unwrap()], ""), 0);
    home
}

fn path_in(home: &Home, name: &str) -> PathBuf {
    home.folder.path().join(name)
}
