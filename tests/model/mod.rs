//! Tests of random operations, on the file and on a model of the rules: every result must be the same.
//!
//! `PROPTEST_CASES` sets the number of runs.

pub(crate) mod ask;
mod feed;
mod list_writes;
mod lists;
mod rules;
mod step;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use duly::domain::quota::Quota;
use duly::store::Store;
use duly::store::redb::{CommitMode, Options, RedbStore};
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use self::ask::{Answer, Ask, ask};
use self::rules::RulesStore;
use self::step::Step;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => ProptestConfig::default().cases,
            None => 64,
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_file_answers_like_the_model(
        steps in step::steps(40),
        quota in step::quota(),
        scan_at_most in prop_oneof![Just(0), Just(512), 1..6_u64],
    ) {
        runtime().block_on(run(&steps, quota, scan_at_most));
    }
}

/// Runtime of all runs, since every runtime has threads of its own.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().build().unwrap())
}

async fn run(steps: &[Step], quota: Quota, scan_at_most: u64) {
    let data = tempfile::tempdir_in(scratch()).unwrap();
    let path = data.path().join("test.redb");
    let model = RulesStore::with(quota);
    let mut file = open(&path, quota, scan_at_most);
    let mut now = 1_000_000;
    for step in steps {
        match step {
            Step::Clock(by) => now = (now + by).max(0),
            Step::Reopen => {
                drop(file);
                file = open(&path, quota, scan_at_most);
            }
            Step::Ask(questions) => {
                let mut expected = Vec::new();
                for question in questions {
                    expected.push(ask(&model, question, now).await.unwrap());
                }
                assert_eq!(
                    together(&file, questions, now).await,
                    expected,
                    "at {now}: {step:?}"
                );
            }
        }
        // Counts match the rows after every step.
        let report = file.verify().unwrap();
        assert_eq!(report.findings, [""; 0], "{step:?}");
    }
    drop(file);

    let file = open(&path, quota, scan_at_most);
    for question in ask::everything() {
        let expected = ask(&model, &question, now).await.unwrap();
        let answer = ask(&file, &question, now).await.unwrap();
        assert_eq!(answer, expected, "reopened: {question:?}");
    }
}

/// Starts all operations before the first has a result, so that writes share a commit.
async fn together(store: &dyn Store, questions: &[Ask], now: i64) -> Vec<Answer> {
    let mut asked = Vec::new();
    for question in questions {
        let mut answer = Box::pin(ask(store, question, now));
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => asked.push(Err(answer.unwrap())),
            Poll::Pending => asked.push(Ok(answer)),
        }
    }
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(match answer {
            Ok(pending) => pending.await.unwrap(),
            Err(ready) => ready,
        });
    }
    answers
}

fn open(path: &Path, quota: Quota, scan_at_most: u64) -> RedbStore {
    let options = Options {
        cache_bytes: 1 << 20,
        commit: CommitMode::OnePhase,
        quota,
        scan_at_most,
        ..Options::default()
    };
    RedbStore::open(path, &options).unwrap()
}

/// Folder in memory where there is one, otherwise on a disk: these tests do not depend on a disk.
pub(crate) fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
