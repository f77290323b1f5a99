//! Tests of scheduled backups of the server.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use duly::clock::ManualClock;
use duly::config::Backups;
use duly::jobs::backup::{self, BackupJob};
use duly::service::backups::{BackupLog, BackupResult};
use duly::store::redb::{Options, RedbStore};
use hyper::StatusCode;

use super::{JANE, home, names, path_in};
use tokio_util::sync::CancellationToken;

use crate::harness::process::expect;
use crate::harness::server::START;
use crate::harness::values::given_user;

const HOUR: Duration = Duration::from_secs(3600);

/// Job that makes one backup an hour and keeps three, and its environment.
struct Given {
    job: BackupJob,
    clock: Arc<ManualClock>,
    folder: PathBuf,
    _data: tempfile::TempDir,
}

async fn given_job() -> Given {
    let data = tempfile::tempdir().unwrap();
    let data_file = data.path().join("test.redb");
    let folder = data.path().join("backups");
    fs::create_dir(&folder).unwrap();
    let options = Options { reserve_bytes: 0, ..Options::default() };
    let store = Arc::new(RedbStore::open(&data_file, &options).unwrap());
    given_user(&*store, JANE).await;
    let clock = Arc::new(ManualClock::starting_at(START.parse().unwrap()));
    let job = BackupJob {
        store,
        data_file,
        settings: Backups { folder: folder.clone(), every: HOUR, keep: 3 },
        clock: Arc::<ManualClock>::clone(&clock),
        log: Arc::new(BackupLog::new(HOUR)),
        rejected: Mutex::default(),
    };
    Given { job, clock, folder, _data: data }
}

impl Given {
    fn pass(&self) -> BackupResult {
        self.job.pass(&CancellationToken::new())
    }

    fn is_degraded(&self) -> bool {
        use duly::clock::Clock as _;
        self.job.log.health(self.clock.now()).is_degraded
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_made_at_once_and_the_next_when_it_is_due() {
    let given = given_job().await;

    assert_eq!(given.pass(), BackupResult::Verified);
    assert_eq!(names(&given.folder), ["test-20300101T000000.000Z.redb"]);
    given.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(given.pass(), BackupResult::Verified);
    assert_eq!(names(&given.folder).len(), 1, "not due yet");
    given.clock.advance(Duration::from_millis(1));
    assert_eq!(given.pass(), BackupResult::Verified);
    assert_eq!(names(&given.folder).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_kept_and_nothing_else_is_touched() {
    let given = given_job().await;
    for name in ["notes.txt", "test.redb", "other-20200101T000000.000Z.redb"] {
        fs::write(given.folder.join(name), "mine").unwrap();
    }
    for _ in 0..5 {
        assert_eq!(given.pass(), BackupResult::Verified);
        given.clock.advance(HOUR);
    }

    assert_eq!(
        names(&given.folder),
        [
            "notes.txt",
            "other-20200101T000000.000Z.redb",
            "test-20300101T020000.000Z.redb",
            "test-20300101T030000.000Z.redb",
            "test-20300101T040000.000Z.redb",
            "test.redb",
        ]
    );
    let newest = given.folder.join("test-20300101T040000.000Z.redb");
    let options = Options { create: false, ..Options::default() };
    let copy = RedbStore::open(&newest, &options).unwrap();
    assert_eq!(copy.verify().unwrap().users, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_seen_and_gets_better_by_itself() {
    let given = given_job().await;
    assert_eq!(given.pass(), BackupResult::Verified);
    assert!(!given.is_degraded());
    let away = given.folder.with_extension("away");
    fs::rename(&given.folder, &away).unwrap();
    symlink("nowhere", &given.folder).unwrap();

    given.clock.advance(HOUR);
    assert_eq!(given.pass(), BackupResult::Failed);
    assert!(given.is_degraded());
    let state = given.job.log.state();
    assert_eq!(state.verified_at, Some(START.parse().unwrap()), "still known");

    fs::remove_file(&given.folder).unwrap();
    fs::rename(&away, &given.folder).unwrap();
    assert_eq!(given.pass(), BackupResult::Verified);
    assert!(!given.is_degraded());
    assert_eq!(names(&given.folder).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_no_half_backup() {
    let given = given_job().await;

    let stopped = CancellationToken::new();
    stopped.cancel();
    assert_eq!(given.job.pass(&stopped), BackupResult::None);

    assert_eq!(names(&given.folder), [""; 0]);
    assert!(!given.is_degraded());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_behind_is_removed_and_what_is_being_written_stays() {
    use duly::clock::Clock as _;
    let given = given_job().await;
    let now = given.clock.now();
    let name = |mark: &str| {
        let whole = backup::name(&given.job.data_file, now);
        format!("{whole}.{mark}.partial")
    };
    let file = |name: &str| fs::File::create(given.folder.join(name)).unwrap();
    drop(file(&name("0000")));
    let written = file(&name("1111"));
    written.lock().unwrap();
    drop(file("theirs.0000.partial"));

    assert_eq!(given.pass(), BackupResult::Verified);

    let mut expected = vec![
        backup::name(&given.job.data_file, START.parse().unwrap()),
        name("1111"),
        "theirs.0000.partial".to_owned(),
    ];
    expected.sort();
    assert_eq!(names(&given.folder), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_the_future_does_not_stop_the_next_one() {
    let given = given_job().await;
    let name = "test-20990101T000000.000Z.redb";
    fs::write(given.folder.join(name), "from a wrong clock").unwrap();

    assert_eq!(given.pass(), BackupResult::Verified);

    assert_eq!(names(&given.folder), ["test-20300101T000000.000Z.redb", name]);
}

/// Regression: with a clock that had been ahead, the job made one backup after the other, and
/// removed real ones for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_the_future_costs_no_other_its_place() {
    let given = given_job().await;
    let future = "test-20990101T000000.000Z.redb";
    fs::write(given.folder.join(future), "from a wrong clock").unwrap();
    for _ in 0..4 {
        assert_eq!(given.pass(), BackupResult::Verified);
        assert_eq!(given.pass(), BackupResult::Verified, "not due");
        given.clock.advance(HOUR);
    }

    assert_eq!(
        names(&given.folder),
        [
            "test-20300101T010000.000Z.redb",
            "test-20300101T020000.000Z.redb",
            "test-20300101T030000.000Z.redb",
            future,
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_alone_is_no_backup() {
    let given = given_job().await;
    let name = "test-20291231T235900.000Z.redb";
    fs::write(given.folder.join(name), "put there by hand").unwrap();

    assert_eq!(given.pass(), BackupResult::Verified);

    assert_eq!(names(&given.folder), [name, "test-20300101T000000.000Z.redb"]);
    assert_eq!(
        given.job.rejected.lock().unwrap().len(),
        1,
        "it is not looked into again"
    );
}

/// Regression: a foreign file took the place of a real backup among those that are kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_backup_costs_no_other_its_place_and_stays() {
    let given = given_job().await;
    assert_eq!(given.pass(), BackupResult::Verified);
    let name = "test-20300101T003000.000Z.redb";
    fs::write(given.folder.join(name), "put there by hand").unwrap();

    for _ in 0..3 {
        given.clock.advance(HOUR);
        assert_eq!(given.pass(), BackupResult::Verified);
    }

    assert_eq!(
        names(&given.folder),
        [
            name,
            "test-20300101T010000.000Z.redb",
            "test-20300101T020000.000Z.redb",
            "test-20300101T030000.000Z.redb",
        ]
    );
}

#[tokio::test]
async fn the_server_makes_backups_and_readiness_tells_of_them() {
    let home = home().set("BACKUP_DIR", "backups");
    let server = home.serve();
    server.wait_for_log("created and verified a backup");

    let ready = server.client().get("!/health/ready").await.expect(StatusCode::OK);

    assert_eq!(ready["status"], "ok", "{ready}");
    assert_eq!(ready["backup"]["result"], "verified", "{ready}");
    assert!(ready["backup"]["age_seconds"].as_u64().unwrap() < 60, "{ready}");
    assert_eq!(names(&path_in(&home, "backups")).len(), 1);
    assert_eq!(server.terminate(), Some(0));
    // The next start finds the backup and makes none.
    let server = home.serve();
    expect(home.run(&["check"], ""), 0);
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(names(&path_in(&home, "backups")).len(), 1);
}

#[tokio::test]
async fn a_server_without_its_backups_is_degraded_but_ready() {
    let home = home().set("BACKUP_DIR", "backups");
    // A disk that is not mounted.
    symlink("nowhere", path_in(&home, "backups")).unwrap();
    let server = home.serve();
    let line = server.wait_for_log("the backup failed");
    assert_eq!(line["folder"], "backups", "{line}");

    let ready = server.client().get("!/health/ready").await.expect(StatusCode::OK);

    assert_eq!(ready["status"], "degraded", "{ready}");
    assert_eq!(ready["backup"]["result"], "failed", "{ready}");
    expect(home.run(&["healthcheck", "--listen", &server.listening], ""), 0);
}
