//! Tests of the real binary, with files that are damaged before or while it runs.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use duly::store::redb::{self, RedbStore};
use hyper::Method;
use serde_json::{Value, json};

use super::given::used_pages;
use super::{GIVEN, Kind, PAGE, harm};
use crate::harness::client::PASSWORD;
use crate::harness::{Client, Home, Process};

/// Longest time from the first request that meets damage to the end of the process.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_damaged_file_is_neither_checked_nor_served() {
    let home = Home::new().set("LOG_LEVEL", "warn");
    let kinds = [Kind::Bit, Kind::Byte, Kind::Zero, Kind::Swap, Kind::Old, Kind::Cut];
    let mut refused = 0;
    for (number, kind) in (0..).zip(kinds.into_iter().cycle().take(18)) {
        let (harm, killed) = harm(kind, 1, number);
        let mut bytes = if killed { GIVEN.killed.clone() } else { GIVEN.closed.clone() };
        harm.apply(&GIVEN, &mut bytes);
        fs::write(home.data_file(), &bytes).unwrap();

        let checked = home.run(&["check"], "");
        if checked.status.code() == Some(0) {
            // The damaged page was not in use.
            continue;
        }
        refused += 1;
        expect_advice(&home, &checked);
        // The first check has repaired the file, so it is damaged again.
        fs::write(home.data_file(), &bytes).unwrap();
        expect_advice(&home, &end_of_serve(&home));
    }
    assert!(refused >= 8, "only {refused} were damaged");
}

/// Output of `duly serve`, if it ends by itself.
#[track_caller]
fn end_of_serve(home: &Home) -> Output {
    let mut serve = home.command(&["serve"]);
    let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("a damaged file is served");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// Checks for one line that names the file and the remedy.
#[track_caller]
fn expect_advice(home: &Home, output: &Output) {
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(65), "{told}");
    let name = home.data_file();
    assert!(
        told.starts_with("duly: ")
            && told.contains(name.file_name().unwrap().to_str().unwrap()),
        "{told}"
    );
    assert!(
        told.ends_with(": restore a backup\n") && told.lines().count() == 1,
        "{told}"
    );
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[tokio::test]
async fn damage_beneath_the_server_ends_it_and_no_answer_is_wrong() {
    let home = filled().await;
    let mut server = home.serve();
    let jane = server.client().logged_in("jane@example.com").await;
    // Data of another account, so that the writes do not change the data that is read.
    let joe = server.client().registered("joe@example.com").await;
    let sound = pages(&jane).await.into_iter().map(Result::unwrap).collect::<Vec<_>>();

    damage_all(&home);

    let started = Instant::now();
    let mut failed = 0;
    while server.child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "still running");
        for (now, before) in pages(&jane).await.into_iter().zip(&sound) {
            match now {
                Ok(now) => assert!(now == *before, "a wrong answer: {now}"),
                Err(answered) => failed += u64::from(answered),
            }
        }
        let body = json!({ "title": "new" }).to_string();
        let json = Some("application/json");
        if let Ok(answer) = joe.try_send(Method::POST, "/tasks", json, body).await {
            assert!(answer.status == 201 || answer.status.is_server_error());
        }
    }
    assert!(failed > 0, "nothing was answered with an error");
    expect_end(&home, server);
    expect_advice(&home, &end_of_serve(&home));
}

#[tokio::test]
async fn a_server_whose_file_is_cut_short_beneath_it_ends() {
    let home = filled().await;
    let mut server = home.serve();
    let jane = server.client().logged_in("jane@example.com").await;

    File::options()
        .write(true)
        .open(home.data_file())
        .unwrap()
        .set_len(64 << 10)
        .unwrap();

    let started = Instant::now();
    while server.child.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < PATIENCE, "still running");
        drop(pages(&jane).await);
    }
    expect_end(&home, server);
}

/// Home whose file is larger than the cache of its server.
async fn filled() -> Home {
    let home = Home::new().set("CACHE_MIB", "1").set("LOG_LEVEL", "warn,duly::cli=info");
    let added = home.run(&["user", "add", "jane@example.com"], PASSWORD);
    assert!(added.status.success(), "{added:?}");
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    crate::crash::fill(&store, 4 << 20).await;
    home
}

/// All tasks, by page. In place of a missing page: whether there was a problem, or no response.
async fn pages(client: &Client) -> Vec<Result<Value, bool>> {
    let mut pages = Vec::new();
    for skip in (0..2000).step_by(100) {
        let path = format!("/tasks?limit=100&skip={skip}");
        let answer = client.try_send(Method::GET, &path, None, String::new()).await;
        pages.push(match answer {
            Ok(answer) if answer.status == 200 => Ok(answer.body),
            Ok(answer) => {
                assert!(answer.status.is_server_error(), "{}", answer.body);
                Err(true)
            }
            Err(_) => Err(false),
        });
    }
    pages
}

/// Inverts one bit in each page but the header.
fn damage_all(home: &Home) {
    let bytes = fs::read(home.data_file()).unwrap();
    let file = File::options().write(true).open(home.data_file()).unwrap();
    for page in used_pages(&bytes).into_iter().skip(1) {
        let at = page * PAGE + page * 31 % PAGE;
        file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
    }
}

/// Checks that the process ends because of damage, reports it last, and has not panicked.
fn expect_end(home: &Home, mut server: Process) {
    assert_eq!(server.child.wait().unwrap().code(), Some(65));
    let lines: Vec<String> = server.log.iter().collect();
    let told = lines.last().unwrap();
    let name = home.data_file();
    let name = name.file_name().unwrap().to_str().unwrap();
    assert!(told.starts_with("duly: ") && told.contains(name), "{told}");
    assert!(told.ends_with(": restore a backup"), "{told}");
    let panics = lines.iter().filter(|line| line.contains("panic"));
    assert_eq!(panics.count(), 0, "{lines:#?}");
}
