//! Tests of kill -9 during 64 writers and 2 visitors: every acknowledged write exists afterwards.
//!
//! The writes are creations, edits, deletions, log-ins and registrations. `cargo test` kills a few times on a
//! small file. The long form:
//!
//! ```text
//! DULY_CRASH_CYCLES=500 DULY_CRASH_FILL_MB=50 cargo test --release crash -- --nocapture
//! ```
//!
//! | variable | default | |
//! |---|---|---|
//! | `DULY_CRASH_CYCLES` | 20 | number of times the server is killed |
//! | `DULY_CRASH_FILL_MB` | 0 | size of the data file before the first kill, in MB |
//!
//! It prints the time until the server serves again after each kill. A killed process cannot show whether writes had
//! reached the disk itself, since the kernel keeps the data that it was given.

mod crowd;
mod oracle;
mod visitor;
mod writer;

use std::fs;
use std::task::Poll;
use std::time::{Duration, Instant};

use duly::domain::task::{Description, NewTask, Title};
use duly::domain::timestamp::Timestamp;
use duly::store::Store as _;
use duly::store::redb::{self, RedbStore};
use hyper::StatusCode;

use crate::harness::Home;
use crate::harness::TaskStore as _;
use crate::harness::client::PASSWORD;
use crate::long::{figure, setting};
use crowd::{Crowd, Seen};

const WRITERS: u64 = 64;
const USERS: usize = 4;
const VISITORS: usize = 2;

/// Number of accounts before the first kill: the one with the bulk of the data, and the accounts of the crowd.
const ACCOUNTS: usize = 1 + USERS + VISITORS;

/// Adds tasks of about 2 KB to the first account until the data has this many bytes.
pub(crate) async fn fill(store: &RedbStore, bytes: u64) {
    const TOGETHER: u64 = 128;
    let owner = store.user_list(None, 1).await.unwrap()[0].id;
    for round in 0..bytes / 2048 / TOGETHER {
        let rows = (0..TOGETHER).map(|row| {
            store.task_create(
                owner,
                NewTask {
                    description: Some(Description::new("x".repeat(1950)).unwrap()),
                    completed: row % 2 == 0,
                    ..NewTask::new(
                        Title::new(format!("filling {round} {row}")).unwrap(),
                        Timestamp::EPOCH,
                    )
                },
            )
        });
        // Created at once, so that they share a commit.
        let mut rows: Vec<_> = rows.collect();
        std::future::poll_fn(|cx| {
            rows.retain_mut(|row| match row.as_mut().poll(cx) {
                Poll::Ready(made) => {
                    assert!(made.unwrap().is_some());
                    false
                }
                Poll::Pending => true,
            });
            if rows.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Creates a file with an account and as much further data as requested.
async fn prepare(home: &Home) {
    let added = home.run(&["user", "add", "bulk@example.com"], PASSWORD);
    assert!(added.status.success(), "{added:?}");
    let megabytes = setting("DULY_CRASH_FILL_MB", 0);
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    fill(&store, megabytes * 1_000_000).await;
}

/// Checks a copy of the file in its state after the crash.
fn check_copy(home: &Home) {
    let copy = Home::new();
    fs::copy(home.data_file(), copy.data_file()).unwrap();
    let output = copy.run(&["check"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_kill_9() {
    let cycles = setting("DULY_CRASH_CYCLES", 20);
    let home = Home::new()
        .set("LOG_LEVEL", "warn,duly::cli=info")
        .set("ACCESS_TOKEN_EXPIRE_MINUTES", "1440");
    prepare(&home).await;
    let mut server = home.serve();
    let crowd = Crowd::gather(&server.client()).await;

    let mut slowest = Duration::ZERO;
    let mut seen = Seen::default();
    for cycle in 0..cycles {
        // Kills early and late, and not at a boundary.
        let mut busy = crowd.write(&server.client(), cycle, 50 + cycle * 389 % 400).await;
        server.kill();
        while let Some(client) = busy.join_next().await {
            client.unwrap();
        }
        check_copy(&home);

        let started = Instant::now();
        server = home.serve();
        server.client().get("!/health/ready").await.expect(StatusCode::OK);
        let took = started.elapsed();
        slowest = slowest.max(took);
        crowd.verify(&server.client(), &mut seen).await;
        figure(&format!(
            "cycle {cycle}: {} acknowledged so far, {seen:?}, {} MB, serving again after {took:?}",
            crowd.acknowledged(),
            home.data_file().metadata().unwrap().len() / 1_000_000,
        ));
    }
    figure(&format!("{cycles} kills: serving again after {slowest:?} at worst"));
    assert!(seen.sessions > 0 && seen.registered > 0, "{seen:?}");
    assert_eq!(server.terminate(), Some(0));
    let output = home.run(&["check"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(visitor::accounts(&home) >= ACCOUNTS + seen.registered, "{seen:?}");
}
