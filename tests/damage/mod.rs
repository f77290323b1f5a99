//! Tests of damaged files: right results, a clean error or a refusal, and no other outcome.
//!
//! `cargo test` damages a few hundred files. The long form:
//!
//! ```text
//! DULY_DAMAGE_CASES=10000 cargo test --release damage -- --nocapture
//! ```
//!
//! | variable | default | |
//! |---|---|---|
//! | `DULY_DAMAGE_CASES` | 64 | number of files with a flipped bit or byte, in each of three ways |
//! | `DULY_DAMAGE_SEED` | 1 | seed of the damage |
//!
//! A page is zeroed, swapped or outdated in a sixteenth as many more files, at least 12, and a
//! fortieth as many are cut short.
//!
//! Two kinds of damage cannot be detected from a file alone, and do not count as wrong: a file whose
//! whole header is an older one is that older file; and in a file left by kill -9, one bit selects which
//! of the two newest commits counts.

mod closing;
mod exam;
mod given;
mod harm;
mod served;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, mpsc};
use std::thread;
use std::time::Duration;

use duly::store::StoreError;
use tokio::runtime::{Builder, Runtime};

use self::exam::Exam;
use self::given::Given;
use self::harm::Harm;
use crate::long::{Dice, figure, setting};
use crate::model::ask::Answer;
use crate::model::scratch;

/// Page size of the file; larger pages are multiples of it.
const PAGE: usize = 4096;

const WORKERS: usize = 2;

/// Longest time of one case.
const PATIENCE: Duration = Duration::from_secs(20);

type Asked = Result<Answer, StoreError>;

/// Moment of the damage, and the protection against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Before the file is opened, with every page verified, as is the default.
    Checked,
    /// Before the file is opened, with no page verified.
    Unchecked,
    /// While a store has the file open.
    Running,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Bit,
    Byte,
    Zero,
    Swap,
    Old,
    Cut,
}

/// Allowed outcomes of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Right,
    /// Some reads failed, and all others were right.
    Error,
    Refused,
    /// Everything was right, as of one commit earlier.
    CommitBefore,
    /// Wrong results, allowed only if the pages were not verified.
    Wrong,
}

/// File whose accounts have index entries.
static GIVEN: LazyLock<Given> = LazyLock::new(|| made(given::TASKS_EACH - 2));

/// File whose accounts have no index entries.
static SCANNED: LazyLock<Given> = LazyLock::new(|| made(512));

fn made(scan_at_most: u64) -> Given {
    let folder = tempfile::tempdir_in(scratch()).unwrap();
    runtime().block_on(Given::make(&folder.path().join("test.redb"), scan_at_most))
}

/// Returns the sound file of a case.
fn given(number: u64) -> &'static Given {
    if number.is_multiple_of(3) { &SCANNED } else { &GIVEN }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_file_damaged_before_it_is_opened_is_refused_or_answers_right() {
    let tally = sweep(Way::Checked);
    assert_eq!(tally.of(Outcome::Error) + tally.of(Outcome::Wrong), 0);
    assert!(tally.of(Outcome::Refused) > 0 && tally.of(Outcome::Right) > 0);
}

/// Shows why pages are verified. Values have checksums of their own, so wrong results come from pages
/// that lead to the wrong place.
#[test]
fn without_a_check_of_the_pages_damage_ends_in_no_panic_and_no_hang() {
    let tally = sweep(Way::Unchecked);
    assert!(tally.of(Outcome::Error) > 0 && tally.of(Outcome::Right) > 0);
}

#[test]
fn damage_beneath_a_running_store_is_an_error_or_does_not_matter() {
    let tally = sweep(Way::Running);
    assert_eq!(tally.of(Outcome::Wrong), 0);
    assert!(tally.of(Outcome::Error) > 0 && tally.of(Outcome::Right) > 0);
}

/// Number of cases by kind and outcome.
struct Tally(BTreeMap<(Kind, Outcome), u64>);

impl Tally {
    fn of(&self, outcome: Outcome) -> u64 {
        self.0.iter().filter(|((_, it), _)| *it == outcome).map(|(_, count)| count).sum()
    }

    fn print(&self, way: Way) {
        for ((kind, outcome), count) in &self.0 {
            figure(&format!("{way:?} {kind:?}: {count} {outcome:?}"));
        }
        let total: u64 = self.0.values().sum();
        figure(&format!("{way:?}: {total} in all, no panic, no hang"));
    }
}

/// Kind of each case, by number.
fn plan() -> Vec<Kind> {
    let flips = usize::try_from(setting("DULY_DAMAGE_CASES", 64)).unwrap();
    let kinds = |kinds: &'static [Kind], count| kinds.iter().copied().cycle().take(count);
    let mut plan: Vec<Kind> = kinds(&[Kind::Bit, Kind::Byte], flips).collect();
    plan.extend(kinds(&[Kind::Zero, Kind::Swap, Kind::Old], (flips / 16).max(12)));
    plan.extend(kinds(&[Kind::Cut], (flips / 40).max(6)));
    plan
}

/// Runs all cases on a few threads, and names the one that failed.
fn sweep(way: Way) -> Tally {
    let seed = setting("DULY_DAMAGE_SEED", 1);
    let plan = Arc::new(plan());
    let next = Arc::new(AtomicU64::new(0));
    let (sender, results) = mpsc::channel();
    for _ in 0..WORKERS {
        let (plan, next, sender) = (Arc::clone(&plan), Arc::clone(&next), sender.clone());
        // Not joined: a hanging thread must not block the test.
        thread::spawn(move || {
            let folder = tempfile::tempdir_in(scratch()).unwrap();
            let path = folder.path().join("test.redb");
            let runtime = runtime();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(kind) = plan.get(usize::try_from(number).unwrap()) else {
                    return;
                };
                let case = || one(way, *kind, seed, number, &path, &runtime);
                let outcome = catch_unwind(AssertUnwindSafe(case));
                if sender.send((number, outcome.map_err(|_| "panicked"))).is_err() {
                    return;
                }
            }
        });
    }
    drop(sender);
    let mut tally = Tally(BTreeMap::new());
    let mut missing: Vec<u64> = (0..plan.len() as u64).collect();
    while !missing.is_empty() {
        let Ok((number, outcome)) = results.recv_timeout(PATIENCE) else {
            panic!("{way:?}, seed {seed}: no end of one of the cases {missing:?}");
        };
        missing.retain(|it| *it != number);
        let kind = plan[usize::try_from(number).unwrap()];
        let outcome = outcome.unwrap_or_else(|how| {
            let (harm, _) = harm(kind, seed, number);
            panic!("{way:?}, seed {seed}, case {number}: {harm:?} {how}")
        });
        *tally.0.entry((kind, outcome)).or_default() += 1;
    }
    tally.print(way);
    tally
}

/// Damage of this case, and whether it affects the killed file.
fn harm(kind: Kind, seed: u64, number: u64) -> (Harm, bool) {
    // The seed is far from 0 and from the seeds of the neighbouring cases.
    let mut dice =
        Dice((seed << 32 | number).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for _ in 0..8 {
        dice.roll(1);
    }
    let killed = dice.roll(2) == 0;
    let given = given(number);
    let sound = if killed { &given.killed } else { &given.closed };
    (Harm::choose(kind, given, sound, &mut dice), killed)
}

fn one(
    way: Way,
    kind: Kind,
    seed: u64,
    number: u64,
    path: &Path,
    on: &Runtime,
) -> Outcome {
    let (harm, killed) = harm(kind, seed, number);
    let given = given(number);
    let sound = if killed { &given.killed } else { &given.closed };
    let writes_first = number % 4 < 2;
    let exam = Exam { given, way, path, killed, writes_first };
    on.block_on(exam.run(&harm, sound))
}
