//! Tests of the counts of the metrics.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::StatusCode;
use serde_json::json;

use super::parse::Scrape;
use super::{given, scrape, socket};
use crate::harness::Home;

const WRONG: &str = "username=jane%40example.com&password=wrong-password";

/// Growth of series.
struct Growth {
    before: Scrape,
    after: Scrape,
}

impl Growth {
    #[track_caller]
    fn is(&self, series: &str, wanted: u32) {
        let grown = self.after.value(series) - self.before.value(series);
        assert!((grown - f64::from(wanted)).abs() < 0.5, "{series} has grown by {grown}");
    }
}

#[tokio::test]
async fn three_refused_log_ins_are_three_in_each_count() {
    let home = given();
    let server = home.serve();
    let client = server.client();
    let _jane = client.registered("jane@example.com").await;
    let before = scrape(&home);

    for _ in 0..3 {
        let answer = client.form("/auth/login", WRONG).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }

    let grown = Growth { before, after: scrape(&home) };
    let login = "route=\"/api/v1/auth/login\",method=\"POST\"";
    grown.is("duly_http_problems_total{code=\"wrong_credentials\"}", 3);
    grown.is(&format!("duly_http_requests_total{{{login},status=\"4xx\"}}"), 3);
    grown.is(&format!("duly_http_requests_total{{{login},status=\"2xx\"}}"), 0);
    grown.is(&format!("duly_http_request_duration_seconds_count{{{login}}}"), 3);
    grown.is("duly_throttled_total{policy=\"login\"}", 0);
    let sum = format!("duly_http_request_duration_seconds_sum{{{login}}}");
    assert!(grown.after.value(&sum) > grown.before.value(&sum));
}

#[tokio::test]
async fn attempts_that_have_to_wait_are_counted_by_policy() {
    let home = given().set("AUTH_RATE_LIMIT", "on");
    let server = home.serve();
    let client = server.client();
    let before = scrape(&home);

    let mut waiting = 0;
    for _ in 0..22 {
        let status = client.form("/auth/login", WRONG).await.status;
        waiting += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
    }

    let grown = Growth { before, after: scrape(&home) };
    assert!(waiting > 0);
    grown.is("duly_throttled_total{policy=\"login\"}", waiting);
    grown.is("duly_http_problems_total{code=\"throttled\"}", waiting);
}

#[tokio::test]
async fn what_a_quota_refuses_is_counted_in_batches_too() {
    let home = given().set("MAX_TASKS_PER_ACCOUNT", "2").set("MAX_ACCOUNTS", "1");
    let server = home.serve();
    let client = server.client();
    let jane = client.registered("jane@example.com").await;
    let account = json!({ "email": "joe@example.com", "password": "password123" });
    let full = client.post("/auth/register", account).await;
    assert_eq!(full.status, StatusCode::FORBIDDEN);
    let create = json!({ "op": "create", "task": { "title": "Pack" } });
    let batch =
        json!({ "atomic": false, "operations": [create, create, create, create] });

    let answer = jane.post("/tasks/batch", batch).await;

    assert!(answer.status.is_success(), "{answer:?}");
    let seen = scrape(&home);
    let is = |series: &str, wanted: f64| {
        let found = seen.value(series);
        assert!((found - wanted).abs() < 0.5, "{series} is {found}");
    };
    is("duly_quota_refused_total{limit=\"tasks\"}", 2.0);
    is("duly_quota_refused_total{limit=\"accounts\"}", 1.0);
    is("duly_quota_refused_total{limit=\"bytes\"}", 0.0);
    is("duly_users", 1.0);
    is("duly_tasks", 2.0);
}

#[tokio::test]
async fn commits_are_counted_with_their_writes_and_rows() {
    let home = given();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    let before = scrape(&home);

    for _ in 0..5 {
        jane.given_task("Pack").await;
    }

    let grown = Growth { before, after: scrape(&home) };
    let of = |series: &str| grown.after.value(series) - grown.before.value(series);
    let commits = of("duly_store_commit_duration_seconds_count");
    // The use of the session is recorded beside the tasks, possibly in a commit of its own.
    assert!((4.5..6.5).contains(&commits), "{commits}");
    assert!((of("duly_store_sync_duration_seconds_count") - 2.0 * commits).abs() < 0.5);
    let writes = of("duly_store_commit_writes_sum");
    assert!((commits..commits + 1.5).contains(&writes), "{writes} in {commits}");
    assert!(of("duly_store_commit_rows_sum") > 10.0);
    assert!(of("duly_store_commit_duration_seconds_sum") > 0.0);
    for queue in ["access", "data"] {
        let waiting = format!("duly_store_writes_waiting{{queue=\"{queue}\"}}");
        assert!(grown.after.value(&waiting).abs() < 0.5);
    }
    let file = fs_len(&home);
    assert!((grown.after.value("duly_store_file_bytes") - file).abs() < 0.5);
    assert!(grown.after.value("duly_disk_free_bytes") > 0.0);
}

#[expect(clippy::cast_precision_loss, reason = "small")]
fn fs_len(home: &Home) -> f64 {
    std::fs::metadata(home.data_file()).unwrap().len() as f64
}

#[tokio::test]
async fn connections_are_counted_by_what_they_do() {
    let home = given();
    let server = home.serve();
    let address = server.address();
    let _idle =
        [TcpStream::connect(address).unwrap(), TcpStream::connect(address).unwrap()];
    let mut busy = TcpStream::connect(address).unwrap();
    let upload = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000\r\nExpect: 100-continue\r\n\r\n";
    busy.write_all(upload.as_bytes()).unwrap();
    let mut answer = [0; 25];
    std::io::Read::read_exact(&mut busy, &mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 100 "));

    let seen = scrape(&home);

    for (series, wanted) in [
        ("duly_connections{state=\"serving\"}", 1.0),
        ("duly_connections{state=\"waiting\"}", 2.0),
        ("duly_connections_limit", 1024.0),
        ("duly_connection_events_total{event=\"accepted\"}", 3.0),
        ("duly_connection_events_total{event=\"refused\"}", 0.0),
    ] {
        let found = seen.value(series);
        assert!((found - wanted).abs() < 0.5, "{series} is {found}");
    }
    drop(socket(&home));
}

#[tokio::test]
async fn requests_that_wait_for_changes_are_counted() {
    let home = given();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(jane.stream("/events").await.unwrap());
    }
    jane.stream("/events").await.unwrap_err().expect(StatusCode::SERVICE_UNAVAILABLE);

    let seen = scrape(&home);

    for (series, wanted) in [
        ("duly_change_waits", 8.0),
        ("duly_change_waits_limit", 512.0),
        ("duly_change_waits_refused_total", 1.0),
    ] {
        let found = seen.value(series);
        assert!((found - wanted).abs() < 0.5, "{series} is {found}");
    }
}

#[test]
fn the_last_verified_backup_is_told_where_backups_are_made() {
    let home = given();
    let server = home.serve();
    assert!(!scrape(&home).has("duly_backup_last_verified_timestamp_seconds"));
    drop(server);

    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let folder = home.folder.path().join("backups").display().to_string();
    let home = home.set("BACKUP_DIR", &folder).set("BACKUP_EVERY", "6h");
    let server = home.serve();
    server.wait_for_log("created and verified a backup");

    let seen = scrape(&home);

    let verified = seen.value("duly_backup_last_verified_timestamp_seconds");
    assert!((began - 1.0..began + 60.0).contains(&verified), "{verified} {began}");
    assert!((seen.value("duly_backup_interval_seconds") - 21_600.0).abs() < 0.5);
    assert!(seen.value("duly_backup_failed").abs() < 0.5);
    let started = seen.value("process_start_time_seconds");
    assert!((began - 1.0..verified + 1.0).contains(&started), "{started} {began}");
}
