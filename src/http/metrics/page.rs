//! All metrics, in the order of a scrape.

use super::text::{Format, Text};
use super::{Build, Requests, process};
use crate::domain::timestamp::Timestamp;
use crate::http::server::ConnectionMetrics;
use crate::metrics::Distribution;
use crate::service::WaitMetrics;
use crate::service::backups::BackupResult;
use crate::service::metrics::{BackupMetrics, ServiceMetrics};
use crate::store::metrics::{Commits, StoreMetrics};

/// Snapshot of all values.
pub(super) struct Numbers<'a> {
    pub(super) build: Build,
    pub(super) started: Timestamp,
    pub(super) requests: &'a Requests,
    pub(super) connections: ConnectionMetrics,
    pub(super) service: ServiceMetrics,
    pub(super) log_lines_dropped: u64,
}

/// Renders all metrics.
pub(super) fn render(numbers: &Numbers<'_>, format: Format) -> String {
    let mut text = Text::new(format);
    let Numbers { service, .. } = numbers;
    program(&mut text, numbers);
    requests(&mut text, numbers.requests);
    connections(&mut text, &numbers.connections);
    waits(&mut text, &service.waits);
    hashing(&mut text, service);
    if let Some(store) = &service.store {
        writes(&mut text, store);
        commits(&mut text, &store.commits);
        kept(&mut text, store);
    }
    if let Some(backups) = &service.backups {
        backup(&mut text, backups);
    }
    text.finish()
}

fn program(text: &mut Text, numbers: &Numbers<'_>) {
    let Build { version, revision } = numbers.build;
    text.gauge("duly_build_info", "Version and revision of the program; always 1.")
        .sample(&[("version", version), ("revision", revision)], 1);
    text.gauge(
        "process_start_time_seconds",
        "Start time of the process, in seconds since the Unix epoch.",
    )
    .sample(&[], seconds(numbers.started));
    if let Some(bytes) = process::resident_bytes() {
        text.gauge(
            "process_resident_memory_bytes",
            "Resident memory of the process, in bytes.",
        )
        .sample(&[], bytes);
    }
    text.counter("process_cpu_seconds", "CPU time used by the process, in seconds.")
        .sample(&[], process::cpu_time().as_secs_f64());
    text.counter(
        "duly_log_lines_dropped",
        "Log lines dropped because their reader was slow or gone.",
    )
    .sample(&[], numbers.log_lines_dropped);
}

fn requests(text: &mut Text, requests: &Requests) {
    let operations = &requests.operations;
    text.counter(
        "duly_http_requests",
        "Requests by route, method and status class; HEAD counts as GET. Abandoned: the client disconnected first.",
    );
    for operation in operations.iter() {
        for (class, count) in operation.by_class() {
            let labels = [
                ("route", operation.route.as_str()),
                ("method", operation.method.as_str()),
                ("status", class),
            ];
            text.sample(&labels, count);
        }
    }
    text.histogram(
        "duly_http_request_duration_seconds",
        "Time from the request header until the response was ready, by route and method.",
    );
    for operation in operations.iter() {
        let (route, method) = (operation.route.as_str(), operation.method.as_str());
        text.distribution(&[("route", route), ("method", method)], &operation.times());
    }
    text.counter("duly_http_problems", "Error responses by problem code.");
    by(text, "code", requests.problems.all());
}

fn connections(text: &mut Text, connections: &ConnectionMetrics) {
    let ConnectionMetrics { serving, waiting, places, .. } = *connections;
    text.gauge("duly_connections", "Open connections: serving or waiting for a request.");
    by(text, "state", [("serving", serving), ("waiting", waiting)]);
    text.gauge(
        "duly_connections_limit",
        "Maximum number of connections (MAX_CONNECTIONS).",
    )
    .sample(&[], places);
    text.counter(
        "duly_connection_events",
        "Connections accepted, closed to make room (evicted), refused, or delayed until a place was free.",
    );
    let ConnectionMetrics { accepted, evicted, refused, delayed, .. } = *connections;
    let events = [
        ("accepted", accepted),
        ("evicted", evicted),
        ("refused", refused),
        ("delayed", delayed),
    ];
    by(text, "event", events);
}

fn waits(text: &mut Text, waits: &WaitMetrics) {
    text.gauge("duly_change_waits", "Requests and streams that wait for changes.")
        .sample(&[], waits.waiting);
    text.gauge("duly_change_waits_limit", "Maximum number of requests that wait.")
        .sample(&[], waits.most);
    text.counter(
        "duly_change_waits_refused",
        "Requests and streams refused because too many wait.",
    )
    .sample(&[], waits.refused);
}

fn hashing(text: &mut Text, service: &ServiceMetrics) {
    let hashing = service.hashing;
    text.gauge(
        "duly_password_hashes_waiting",
        "Passwords waiting to be hashed, by queue.",
    );
    by(text, "queue", [("first", hashing.first), ("strangers", hashing.strangers)]);
    text.gauge("duly_password_hashes_running", "Passwords being hashed.")
        .sample(&[], hashing.running);
    text.counter(
        "duly_password_hashes_refused",
        "Passwords refused because their queue or share was full.",
    )
    .sample(&[], hashing.refused);
    text.counter("duly_throttled", "Requests rejected by a rate limit, by policy.");
    by(text, "policy", service.throttled.iter().copied());
}

fn writes(text: &mut Text, store: &StoreMetrics) {
    let queue = store.queue;
    text.gauge("duly_store_writes_waiting", "Writes waiting for a commit, by queue.");
    by(text, "queue", queue.map(|(name, waiting)| (name, waiting.writes)));
    text.gauge(
        "duly_store_write_bytes_waiting",
        "Planned bytes of the waiting writes, by queue.",
    );
    by(text, "queue", queue.map(|(name, waiting)| (name, waiting.bytes)));
    text.counter("duly_store_writes_refused", "Writes refused, by reason.");
    by(text, "reason", store.refused.iter().copied());
    text.counter("duly_quota_refused", "Changes refused because of a quota, by limit.");
    by(text, "limit", store.quota_refused.iter().copied());
}

fn commits(text: &mut Text, commits: &Commits) {
    let mut histogram = |name, help, of: &Distribution| {
        text.histogram(name, help).distribution(&[], of);
    };
    histogram(
        "duly_store_commit_duration_seconds",
        "Duration of a commit, from its first decision until it is on disk.",
        &commits.times,
    );
    histogram("duly_store_commit_rows", "Rows written per commit.", &commits.rows);
    histogram("duly_store_commit_writes", "Writes per commit.", &commits.writes);
    histogram(
        "duly_store_sync_duration_seconds",
        "Duration of a disk flush; each commit has two.",
        &commits.syncs,
    );
    text.counter("duly_store_commits_failed", "Commits that failed.")
        .sample(&[], commits.failed);
}

fn kept(text: &mut Text, store: &StoreMetrics) {
    text.counter("duly_store_page_reads", "Pages read from the data file: cache misses.")
        .sample(&[], store.page_reads);
    text.counter("duly_store_page_read_bytes", "Bytes of pages read from the data file.")
        .sample(&[], store.page_read_bytes);
    let reads = store.long_reads;
    text.gauge("duly_long_reads", "Long reads, running or waiting for a turn.");
    by(text, "state", [("running", reads.running), ("waiting", reads.waiting)]);
    text.counter(
        "duly_long_reads_refused",
        "Long reads refused because no turn was free.",
    )
    .sample(&[], reads.refused);
    text.gauge("duly_store_damaged", "1 if damage was found or the store has failed.")
        .sample(&[], u8::from(store.is_damaged));
    if let Some(disk) = store.disk {
        text.gauge("duly_store_file_bytes", "Size of the data file.")
            .sample(&[], disk.file);
        text.gauge("duly_disk_free_bytes", "Free space on the disk of the data file.")
            .sample(&[], disk.free);
        text.gauge(
            "duly_disk_reserve_bytes",
            "Disk space to keep free (DISK_RESERVE_MIB).",
        )
        .sample(&[], disk.reserve);
    }
    if let Some(users) = store.users {
        text.gauge("duly_users", "Accounts.").sample(&[], users);
    }
    if let Some(tasks) = store.tasks {
        text.gauge(
            "duly_tasks",
            "Tasks. The count is refreshed after one second per account, at most after an hour.",
        )
        .sample(&[], tasks);
    }
}

fn backup(text: &mut Text, backups: &BackupMetrics) {
    text.gauge("duly_backup_interval_seconds", "Time between backups (BACKUP_EVERY).")
        .sample(&[], backups.every.as_secs());
    let failed = backups.state.result == BackupResult::Failed;
    text.gauge("duly_backup_failed", "1 if the last backup failed.")
        .sample(&[], u8::from(failed));
    text.gauge(
        "duly_backup_last_verified_timestamp_seconds",
        "Time of the newest verified backup, in seconds since the Unix epoch; 0 if there is none.",
    )
    .sample(&[], backups.state.verified_at.map_or(0.0, seconds));
}

/// Writes samples that differ in one label.
fn by(
    text: &mut Text,
    label: &'static str,
    samples: impl IntoIterator<Item = (&'static str, u64)>,
) {
    for (value, count) in samples {
        text.sample(&[(label, value)], count);
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of this age are exact")]
fn seconds(time: Timestamp) -> f64 {
    time.as_millis() as f64 / 1000.0
}
