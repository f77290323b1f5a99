//! Tests of backups under load, against an oracle of acknowledged writes.
//!
//! The long form makes 20 backups under 64 writers, and prints the latency of writes with and without one:
//!
//! ```text
//! DULY_BACKUPS=20 DULY_WRITERS=64 cargo test --release backups_under -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{everything, home, path_in, restored};
use crate::harness::process::expect;
use crate::harness::{Client, Home};
use crate::long::{figure, setting};

/// Acknowledged writes, and their latencies.
#[derive(Default)]
struct Log {
    tasks: Mutex<BTreeMap<u64, Value>>,
    /// Latencies of writes in milliseconds, without a backup and with one.
    times: [Mutex<Vec<f64>>; 2],
    backing_up: AtomicBool,
    stop: AtomicBool,
}

/// Creates tasks and completes every other one, until told to stop.
async fn write(person: Client, log: Arc<Log>) {
    let mut is_odd = false;
    while !log.stop.load(Ordering::Relaxed) {
        let during = log.backing_up.load(Ordering::Relaxed);
        let begun = Instant::now();
        let made = person.post("/tasks", json!({ "title": "under load" })).await;
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        if during == log.backing_up.load(Ordering::Relaxed) {
            log.times[usize::from(during)].lock().unwrap().push(took);
        }
        let mut task = made.expect(hyper::StatusCode::CREATED);
        let id = task["id"].as_u64().unwrap();
        log.tasks.lock().unwrap().insert(id, task.clone());
        if is_odd {
            let path = format!("/tasks/{id}");
            let done = person.patch(&path, json!({ "completed": true })).await;
            task = done.expect(hyper::StatusCode::OK);
            log.tasks.lock().unwrap().insert(id, task);
        }
        is_odd = !is_odd;
    }
}

/// Returns a percentile of the times.
fn percentile(times: &Mutex<Vec<f64>>, percent: usize) -> f64 {
    let mut times = times.lock().unwrap().clone();
    times.sort_by(f64::total_cmp);
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

/// Checks a backup against the writes acknowledged before its start. Tasks that changed meanwhile may have their old
/// state or a newer one, never an older one.
fn prove(home: &Home, name: &str, before: &BTreeMap<u64, Value>) {
    let copy = restored(&path_in(home, name));
    expect(copy.run(&["check"], ""), 0);
    let lines = everything(&copy);
    let tasks = lines.iter().filter(|line| line["task"].is_object());
    let found: BTreeMap<u64, &Value> =
        tasks.map(|line| (line["task"]["id"].as_u64().unwrap(), &line["task"])).collect();
    for (id, acknowledged) in before {
        let found = found.get(id).unwrap_or_else(|| panic!("task {id} is lost"));
        if acknowledged["completed"] == true {
            for field in ["title", "completed", "created_at", "updated_at"] {
                assert_eq!(found[field], acknowledged[field], "{field} of task {id}");
            }
        }
    }
    assert!(found.len() >= before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_under_load_hold_all_that_was_acknowledged_before() {
    let (backups, writers) = (setting("DULY_BACKUPS", 2), setting("DULY_WRITERS", 16));
    let home = home();
    let server = home.serve();
    let person = server.client().registered("jane@example.com").await;
    let log = Arc::new(Log::default());
    let mut writing = tokio::task::JoinSet::new();
    for _ in 0..writers {
        writing.spawn(write(person.clone(), Arc::clone(&log)));
    }
    let (mut taken, mut to_prove) = (Vec::new(), Vec::new());
    for n in 0..backups {
        // Load without a backup, for comparison.
        let writes = || log.times[0].lock().unwrap().len();
        let enough = writes()
            + usize::try_from(if backups > 2 { 100 } else { 4 } * writers).unwrap();
        while writes() < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let before = log.tasks.lock().unwrap().clone();
        let name = format!("{n}.redb");
        let mut command = home.command(&["backup", "--to", &name]);
        log.backing_up.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        let output = tokio::task::spawn_blocking(move || command.output().unwrap());
        expect(output.await.unwrap(), 0);
        taken.push(begun.elapsed());
        log.backing_up.store(false, Ordering::Relaxed);
        to_prove.push((name, before));
    }
    log.stop.store(true, Ordering::Relaxed);
    writing.join_all().await;
    assert_eq!(server.terminate(), Some(0));
    for (name, before) in &to_prove {
        prove(&home, name, before);
    }

    let [without, with] = &log.times;
    figure(&format!(
        "{backups} backups under {writers} writers, each restored, checked and whole: {} writes \
         acknowledged, the last backup took {:?}",
        log.tasks.lock().unwrap().len(),
        taken.last().unwrap()
    ));
    for percent in [50, 99] {
        let (without, with) = (percentile(without, percent), percentile(with, percent));
        figure(&format!(
            "p{percent} of writes: {without:.2} ms without, {with:.2} ms with a backup: {:.2}",
            with / without
        ));
    }
}
