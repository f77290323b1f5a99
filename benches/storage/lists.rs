//! Reads and time of lists, for different numbers of tasks.
//!
//! ```sh
//! cargo bench --bench storage -- lists
//! ```
//!
//! Some conditions are *rare*: the same 50 tasks fulfil them, whatever the number of tasks. Others are *broad*: every
//! task, or every second one, fulfils them.

use std::time::{Duration, Instant};

use ::duly::domain::due::{Due, DueRange};
use ::duly::domain::id::UserId;
use ::duly::domain::priority::Priority;
use ::duly::domain::tag::{Tag, Tags};
use ::duly::domain::task::{
    IfMatch, NewTask, Start, TaskAction, TaskFilter, TaskOp, TaskOrder, TaskQuery,
    TaskSort, TaskWrite, Title,
};
use ::duly::domain::time_zone::TimeZone;
use ::duly::domain::words::Words;
use ::duly::store::redb::bench::task_list;
use ::duly::store::redb::{CommitMode, RedbStore};
use ::duly::store::{Store, WriteContext};

use crate::data::{new_user, open, runtime, time};
use crate::engine::is_test;
use crate::tasks::TaskStore as _;

const RARE: usize = 50;
const TOGETHER: usize = 500;

/// Prints the table.
pub(crate) fn report() {
    let sizes = if is_test() { [100, 200, 300] } else { [100, 10_000, 1_000_000] };
    let others = if is_test() { 10 } else { 10_000 };
    let mut columns: Vec<Vec<Figure>> = Vec::new();
    for size in sizes {
        columns.push(measured(size, 0));
    }
    columns.push(measured(sizes[1], others));
    println!(
        "| list of 50 | {} tasks | {} | {} | {} beside {others} others |",
        sizes[0], sizes[1], sizes[2], sizes[1]
    );
    println!("|---|---|---|---|---|");
    for (row, (name, ..)) in queries().into_iter().enumerate() {
        let base = columns[0][row].time.as_secs_f64();
        let cells = columns.iter().map(|column| {
            let Figure { read, returned, time } = column[row];
            let ratio = time.as_secs_f64() / base;
            format!("{read} / {returned}, {:.0} µs, {ratio:.1}", time.as_secs_f64() * 1e6)
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

struct Figure {
    read: u64,
    returned: usize,
    time: Duration,
}

fn measured(size: usize, others: usize) -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("lists.redb"), CommitMode::TwoPhase);
    let owner = runtime().block_on(fill(&store, size, others));
    let figures = queries().into_iter().map(|(_, filter, order)| {
        let start = Start::Skip(0);
        let query = TaskQuery { filter, order, start, limit: 50 };
        let rounds = if is_test() { 1 } else { 5 };
        let mut times = Vec::new();
        let (mut read, mut returned) = (0, 0);
        for _ in 0..rounds {
            let begin = Instant::now();
            let (page, rows) = task_list(&store, owner, &query).unwrap();
            times.push(begin.elapsed());
            (read, returned) = (rows, page.tasks.len());
        }
        times.sort_unstable();
        Figure { read, returned, time: times[rounds / 2] }
    });
    figures.collect()
}

/// Creates the tasks of the first account, and one task for each of the others.
async fn fill(store: &RedbStore, size: usize, others: usize) -> UserId {
    let owner =
        store.user_create(new_user(0), WriteContext::system()).await.unwrap().unwrap().id;
    for n in 1..=others {
        let other = store
            .user_create(new_user(n), WriteContext::system())
            .await
            .unwrap()
            .unwrap()
            .id;
        store.task_create(other, task(n)).await.unwrap().unwrap();
    }
    let mut next = 0;
    while next < size {
        let upto = size.min(next + TOGETHER);
        let op = |n| TaskOp {
            action: TaskAction::Create(Box::new(task(n))),
            if_match: IfMatch::Any,
        };
        let ops = (next..upto).map(op).collect();
        let write = TaskWrite { ops, atomic: true, dry_run: false, now: time(next) };
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
    owner
}

fn task(n: usize) -> NewTask {
    let is_rare = (1..=RARE).contains(&n);
    let word = if is_rare { "zebra" } else { "cow" };
    let title = Title::new(format!("Buy {n} bottles of milk for the {word}")).unwrap();
    let day = if is_rare {
        "2029-12-01".to_owned()
    } else {
        format!("2030-{:02}-{:02}", 1 + n % 12, 1 + n % 28)
    };
    let tags = [Some("common"), is_rare.then_some("rare")];
    let tags = tags.into_iter().flatten().map(|tag| Tag::new(tag).unwrap()).collect();
    NewTask {
        completed: !is_rare && n.is_multiple_of(2),
        due: Due::parse(&day, &TimeZone::utc()).ok(),
        priority: if is_rare { Priority::Urgent } else { Priority::None },
        tags: Tags::new(tags).unwrap(),
        ..NewTask::new(title, time(n))
    }
}

fn queries() -> Vec<(&'static str, TaskFilter, TaskOrder)> {
    let by = |by, descending| TaskOrder { by, descending };
    let newest = TaskOrder::NEWEST;
    let all = TaskFilter::ALL;
    let tag =
        |tag: &str| TaskFilter { tags: vec![Tag::new(tag).unwrap()], ..TaskFilter::ALL };
    let words =
        |text| TaskFilter { words: Words::parse(text).unwrap(), ..TaskFilter::ALL };
    let before = |day: &str| {
        let zone = TimeZone::utc();
        let bound = Due::parse(day, &zone).unwrap();
        TaskFilter {
            due: Some(DueRange::before(&bound, &zone)),
            ..TaskFilter::completed(Some(false))
        }
    };
    let urgent = TaskFilter { priority: Some(Priority::Urgent), ..TaskFilter::ALL };
    let both = TaskFilter { completed: Some(false), ..tag("common") };
    let mixed = TaskFilter { priority: Some(Priority::None), ..tag("common") };
    vec![
        ("newest first", all.clone(), newest),
        ("open", TaskFilter::completed(Some(false)), newest),
        ("urgent (rare)", urgent.clone(), newest),
        ("urgent by title (rare)", urgent, by(TaskSort::Title, false)),
        ("tag (rare)", tag("rare"), newest),
        ("tag (broad)", tag("common"), newest),
        ("tag, open (broad)", both, newest),
        ("word (rare)", words("zebra"), newest),
        ("beginning of a word (rare)", words("zeb*"), newest),
        ("two words, one broad (rare)", words("milk zebra"), newest),
        ("word (broad)", words("milk"), newest),
        ("overdue (rare)", before("2030-01-01"), by(TaskSort::Due, false)),
        ("overdue, newest (rare)", before("2030-01-01"), newest),
        ("due this year (broad)", before("2031-01-01"), by(TaskSort::Due, false)),
        ("by due", all.clone(), by(TaskSort::Due, false)),
        ("by priority, urgent first", all.clone(), by(TaskSort::Priority, true)),
        ("by last change", all.clone(), by(TaskSort::Updated, true)),
        ("by position", all.clone(), by(TaskSort::Position, false)),
        ("by title", all, by(TaskSort::Title, false)),
        ("tag and priority (broad)", mixed, newest),
    ]
}
