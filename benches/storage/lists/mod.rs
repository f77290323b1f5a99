//! Reads and time of lists, for different numbers of tasks.
//!
//! ```sh
//! cargo bench --bench storage -- lists
//! ```
//!
//! Some conditions are *rare*: the same 50 tasks fulfil them, whatever the number of tasks. Others are *broad*: every
//! task, or every second one, fulfils them.
//!
//! The first table has the rows that the store reads and the tasks that it returns, the time, and its ratio to the time
//! with 100 tasks. The second one has the time of the store, that of SQLite with the same indexes and FTS5 for the same
//! page and total, and their ratio.

mod cases;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::duly::domain::id::UserId;
use ::duly::domain::task::{IfMatch, TaskAction, TaskOp, TaskWrite};
use ::duly::domain::time_zone::TimeZone;
use ::duly::store::redb::bench::task_list;
use ::duly::store::redb::{CommitMode, RedbStore};
use ::duly::store::{Store, WriteContext};
use rusqlite::Connection;

use self::cases::{Case, cases, task};
use crate::data::{at_once, new_user, open, runtime, time};
use crate::engine::is_test;
use crate::sqlite::{Select, fill_lists};
use crate::tasks::TaskStore as _;

/// Number of tasks to whose time others are compared.
const BASE: usize = 100;
const TOGETHER: usize = 500;

/// Prints the tables.
pub(crate) fn report() {
    let sizes: &[usize] = if is_test() {
        &[10, 100, 200]
    } else {
        &[10, 100, 500, 1_000, 10_000, 1_000_000]
    };
    let (size_beside, others) = if is_test() { (100, 10) } else { (10_000, 10_000) };
    let mut columns: Vec<Column> = sizes.iter().map(|size| measured(*size, 0)).collect();
    let base = sizes.iter().position(|size| *size == BASE).unwrap();
    columns.push(measured(size_beside, others));
    print_table("list of 50", &columns, |column, row| {
        let Figure { read, returned, time, .. } = column.figures[row];
        let ratio = ratio(time, columns[base].figures[row].time);
        format!("{read} / {returned}, {}, {ratio}", shown(time))
    });
    println!();
    print_table("store / SQLite", &columns, |column, row| {
        let Figure { time, sqlite, .. } = column.figures[row];
        format!("{} / {} = {}", shown(time), shown(sqlite), ratio(time, sqlite))
    });
}

fn print_table(title: &str, columns: &[Column], cell: impl Fn(&Column, usize) -> String) {
    let names = columns.iter().map(|column| column.name.as_str());
    println!("| {title} | {} |", names.collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---|".repeat(columns.len()));
    for (row, case) in cases().iter().enumerate() {
        let cells = columns.iter().map(|column| cell(column, row));
        println!("| {} | {} |", case.name, cells.collect::<Vec<_>>().join(" | "));
    }
}

/// Returns a ratio with two digits or more.
fn ratio(time: Duration, base: Duration) -> String {
    let ratio = time.as_secs_f64() / base.as_secs_f64();
    let decimals = match ratio {
        10.0.. => 0,
        1.0.. => 1,
        0.1.. => 2,
        0.01.. => 3,
        _ => 5,
    };
    format!("{ratio:.decimals$}")
}

fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 10_000.0 {
        format!("{micros:.0} µs")
    } else {
        format!("{:.0} ms", micros / 1e3)
    }
}

struct Column {
    name: String,
    figures: Vec<Figure>,
}

struct Figure {
    read: u64,
    returned: usize,
    time: Duration,
    sqlite: Duration,
}

fn measured(size: usize, others: usize) -> Column {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("lists.redb"), CommitMode::TwoPhase));
    let owners = fill(&store, size, others);
    let connection = copy(&folder.path().join("lists.sqlite"), &owners, size);
    let figures = cases()
        .into_iter()
        .map(|case| figure(case, size, owners[0], &store, &connection));
    let name = match others {
        0 => format!("{size} tasks"),
        _ => format!("{size} beside {others} others"),
    };
    Column { name, figures: figures.collect() }
}

/// Measures one list in both, and compares what they return.
fn figure(
    case: Case,
    size: usize,
    owner: UserId,
    store: &RedbStore,
    connection: &Connection,
) -> Figure {
    let name = case.name;
    let query = case.query(size);
    let select = Select::new(owner, &query);
    let (mut listed, mut selected) = (None, None);
    let [time, sqlite] = medians([
        &mut || listed = Some(task_list(store, owner, &query).unwrap()),
        &mut || selected = Some(select.run(connection).unwrap()),
    ]);
    let ((page, read), (titles, total)) = (listed.unwrap(), selected.unwrap());
    assert_eq!(page.total, total, "{name}: totals of {size} tasks differ");
    let returned = page.tasks.len();
    assert_eq!(returned, titles.len(), "{name}: pages of {size} tasks differ in length");
    assert!(
        page.tasks.iter().map(|task| task.title.as_str()).eq(&titles),
        "{name}: pages of {size} tasks differ"
    );
    Figure { read, returned, time, sqlite }
}

/// Returns the median times of two pieces of work. They take turns, so that other load on the machine slows both: until
/// each ran three times and both for a fifth of a second, but no longer than twenty seconds.
fn medians(mut works: [&mut dyn FnMut(); 2]) -> [Duration; 2] {
    let turn = if is_test() { Duration::ZERO } else { Duration::from_millis(1) };
    let mut times = [Vec::new(), Vec::new()];
    let begin = Instant::now();
    loop {
        for (work, times) in works.iter_mut().zip(&mut times) {
            run_for(turn, work, times);
        }
        let runs = times[0].len().min(times[1].len());
        let enough = Duration::from_millis(if runs < 3 { 20_000 } else { 200 });
        if begin.elapsed() > enough || is_test() {
            return times.map(|mut times| {
                times.sort_unstable();
                times[times.len() / 2]
            });
        }
    }
}

/// Does work until a time has passed, at least once.
fn run_for(time: Duration, work: &mut dyn FnMut(), times: &mut Vec<Duration>) {
    let begin = Instant::now();
    loop {
        let start = Instant::now();
        work();
        times.push(start.elapsed());
        if begin.elapsed() >= time {
            break;
        }
    }
}

/// Fills SQLite with the same tasks.
fn copy(path: &Path, owners: &[UserId], size: usize) -> Connection {
    let others = owners.iter().enumerate().skip(1).map(|(n, other)| (*other, task(n)));
    let own = (0..size).map(|n| (owners[0], task(n)));
    fill_lists(path, owners, others.chain(own)).unwrap()
}

/// Creates the tasks of the first account, and one task for each of the others.
fn fill(store: &Arc<RedbStore>, size: usize, others: usize) -> Vec<UserId> {
    let runtime = runtime();
    let first = runtime.block_on(owner(store, 0));
    let others = at_once(&runtime, others, {
        let store = Arc::clone(store);
        move |n| {
            let store = Arc::clone(&store);
            async move {
                let other = owner(&store, n + 1).await;
                store.task_create(other, task(n + 1)).await.unwrap().unwrap();
                other
            }
        }
    });
    runtime.block_on(fill_one(store, first, size));
    [vec![first], others].concat()
}

async fn owner(store: &RedbStore, n: usize) -> UserId {
    let created = store.user_create(new_user(n), WriteContext::system()).await;
    created.unwrap().unwrap().id
}

async fn fill_one(store: &RedbStore, owner: UserId, size: usize) {
    let mut next = 0;
    while next < size {
        let upto = size.min(next + TOGETHER);
        let op = |n| TaskOp {
            action: TaskAction::Create(Box::new(task(n))),
            if_match: IfMatch::Any,
        };
        let ops = (next..upto).map(op).collect();
        let (now, home) = (time(next), TimeZone::utc());
        let write = TaskWrite {
            ops,
            atomic: true,
            dry_run: false,
            now,
            home,
            access: None,
            salt: 0,
            unit: None,
        };
        assert!(
            store
                .task_write(owner, write, WriteContext::system())
                .await
                .unwrap()
                .unwrap()
                .applied
        );
        next = upto;
    }
}
