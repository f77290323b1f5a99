//! Tests of random lists of random tasks, on the file and on a model of the rules: every result must be the same.
//!
//! `PROPTEST_CASES` sets the number of runs; each compares 40 lists.

use duly::domain::date::Date;
use duly::domain::due::{Due, DueRange};
use duly::domain::id::{TaskId, UserId};
use duly::domain::list::ListWrite;
use duly::domain::page::TaskPage;
use duly::domain::position::Position;
use duly::domain::priority::Priority;
use duly::domain::recurrence::{Recurrence, RepeatFrom, Rule};
use duly::domain::tag::{Tag, Tags};
use duly::domain::task::{
    Description, Fixed, IfMatch, Neighbour, NewTask, Skip, Start, TaskAction, TaskDone,
    TaskFilter, TaskMove, TaskOp, TaskOrder, TaskPatch, TaskPlace, TaskQuery, TaskRef,
    TaskRefused, TaskSort, TaskWrite, TaskWritten, Title, Within,
};
use duly::domain::time_zone::TimeZone;
use duly::domain::uid::Uid;
use duly::domain::words::Words;
use duly::store::redb::{Options, RedbStore};
use duly::store::{Store, WriteContext};
use proptest::prelude::*;
use proptest::{collection, option, sample};

use super::ask::without_numbers;
use super::feed::Follower;
use super::list_writes;
use super::rules::RulesStore;
use super::{runtime, scratch};
use crate::harness::values::{at, given_user};

const OWNER: UserId = UserId::new(1);

/// Generates an ID: mostly one of the first tasks, so that a run changes the same task more than once.
fn id() -> impl Strategy<Value = TaskId> {
    prop_oneof![2 => 1..4_u64, 1 => 1..10_u64].prop_map(TaskId::new)
}

fn title() -> impl Strategy<Value = Title> {
    let titles = vec![
        "milk",
        "Milk",
        "Crème brûlée",
        "creme",
        "a b",
        "ß",
        "SS milk",
        "東京都",
        "東西と京都",
        "a東西京都 東京",
    ];
    sample::select(titles).prop_map(|text| Title::new(text.to_owned()).unwrap())
}

fn tags() -> impl Strategy<Value = Tags> {
    let tag = sample::select(vec!["a", "A", "ab", "b"])
        .prop_map(|text| Tag::new(text).unwrap());
    collection::vec(tag, 0..3).prop_map(|tags| Tags::new(tags).unwrap())
}

fn due() -> impl Strategy<Value = Due> {
    prop_oneof![
        (0..4).prop_map(|days| Due::On(Date::from_days(days).unwrap())),
        (0..8_i64).prop_map(|half| Due::at(at(half * 43_200_000), TimeZone::utc(), None)),
    ]
}

fn priority() -> impl Strategy<Value = Priority> {
    sample::select(vec![Priority::None, Priority::Low, Priority::Urgent])
}

fn position() -> impl Strategy<Value = Position> {
    sample::select(vec!["a0", "a1", "a1V", "Zz"])
        .prop_map(|text| Position::parse(text).unwrap())
}

fn rule() -> impl Strategy<Value = Rule> {
    sample::select(vec![
        "FREQ=DAILY",
        "FREQ=DAILY;COUNT=9",
        "FREQ=DAILY;COUNT=2",
        "FREQ=DAILY;COUNT=1",
    ])
    .prop_map(|text| Rule::parse(text).unwrap())
}

prop_compose! {
    fn new()(
        title in title(),
        more in (prop::bool::weighted(0.3), priority(), tags()),
        place in (option::weighted(0.2, position()), option::weighted(0.4, id())),
        (due, recurrence) in recurring(),
        is_told in any::<bool>(),
        from in repeat_from(),
        millis in 0..6_i64,
        uids in (option::weighted(0.4, uid()), option::weighted(0.2, uid())),
        list in option::weighted(0.3, list_writes::list()),
    ) -> NewTask {
        NewTask {
            uid: uids.0,
            description: is_told.then(|| Description::new("more MILK".to_owned()).unwrap()),
            completed: more.0,
            due,
            priority: more.1,
            tags: more.2,
            position: place.0,
            parent: place.1.filter(|_| uids.1.is_none()),
            parent_uid: uids.1,
            list,
            recurrence: recurrence.map(|rule| Recurrence::new(rule, from)),
            ..NewTask::new(title, at(millis * 50_000))
        }
    }
}

prop_compose! {
    fn patch()(
        title in option::of(title()),
        completed in option::of(any::<bool>()),
        due in option::of(option::of(due())),
        priority in option::of(priority()),
        tags in option::of(tags()),
        position in option::weighted(0.2, position()),
        parent in option::weighted(0.3, option::of(id())),
        recurrence in option::weighted(0.3, option::of(rule())),
        is_import in any::<bool>(),
        repeat_from in option::weighted(0.3, option::of(repeat_from())),
        catch_up in option::of(any::<bool>()),
        more in (option::weighted(0.2, tags()), option::weighted(0.2, tags())),
        list in option::weighted(0.3, list_writes::list()),
    ) -> TaskPatch {
        TaskPatch {
            title,
            description: None,
            completed,
            catch_up,
            due,
            due_local: None,
            priority,
            tags,
            tags_add: more.0,
            tags_remove: more.1,
            position,
            parent,
            parent_uid: None,
            list,
            recurrence,
            repeat_from,
            fixed: Fixed::default(),
            base: None,
            is_import,
        }
    }
}

fn repeat_from() -> impl Strategy<Value = RepeatFrom> {
    sample::select(RepeatFrom::ALL.to_vec())
}

fn complete(id: TaskId) -> TaskAction {
    let patch = TaskPatch { completed: Some(true), ..TaskPatch::default() };
    TaskAction::Patch(id.into(), Box::new(patch))
}

fn reparent((id, parent): (TaskId, TaskId)) -> TaskAction {
    let patch = TaskPatch { parent: Some(Some(parent)), ..TaskPatch::default() };
    TaskAction::Patch(id.into(), Box::new(patch))
}

/// Generates a recurrence with the due date that it needs.
fn recurring() -> impl Strategy<Value = (Option<Due>, Option<Rule>)> {
    prop_oneof![
        2 => (option::of(due()), Just(None)),
        1 => (due().prop_map(Some), rule().prop_map(Some)),
        1 => (option::of(due()), rule().prop_map(Some)),
    ]
}

fn uid() -> impl Strategy<Value = Uid> {
    (0..6_u8).prop_map(|number| Uid::new(format!("the uid of task {number}")).unwrap())
}

/// Generates a reference to a task, more often by its id.
fn named() -> impl Strategy<Value = TaskRef> {
    prop_oneof![4 => id().prop_map(TaskRef::Id), 1 => uid().prop_map(TaskRef::Uid)]
}

fn op() -> impl Strategy<Value = TaskOp> {
    let to = prop_oneof![
        Just(Neighbour::First),
        Just(Neighbour::Last),
        named().prop_map(Neighbour::Before),
        named().prop_map(Neighbour::After),
    ];
    let action = prop_oneof![
        6 => new().prop_map(|new| TaskAction::Create(Box::new(new))),
        5 => (named(), patch()).prop_map(|(named, patch)| TaskAction::Patch(named, Box::new(patch))),
        2 => id().prop_map(complete),
        1 => (id(), any::<bool>())
            .prop_map(|(id, catch_up)| TaskAction::Skip(id.into(), Skip { catch_up })),
        2 => (id(), id()).prop_map(reparent),
        2 => (named(), to, option::weighted(0.3, option::of(named())))
            .prop_map(|(named, to, parent)| TaskAction::Move(named, TaskMove { to, parent })),
        1 => named().prop_map(TaskAction::Delete),
    ];
    let if_match = prop_oneof![
        8 => Just(IfMatch::Any),
        1 => (1..4_u64).prop_map(|revision| IfMatch::OneOf(vec![revision])),
        1 => (1..4_u64).prop_map(|revision| IfMatch::NoneOf(vec![revision])),
    ];
    (action, if_match).prop_map(|(action, if_match)| TaskOp { action, if_match })
}

fn write() -> impl Strategy<Value = TaskWrite> {
    let flags = (any::<bool>(), prop::bool::weighted(0.1));
    // Seconds apart, or half days.
    let now = (0..9_i64, sample::select(vec![40_000, 40_000, 43_200_000]));
    (collection::vec(op(), 1..5), flags, now).prop_map(
        |(ops, (atomic, dry_run), (now, unit))| TaskWrite {
            ops,
            atomic,
            dry_run,
            now: at(now * unit),
            home: TimeZone::utc(),
            access: None,
            salt: 0,
            unit: None,
        },
    )
}

/// Write of tasks or of a list.
#[derive(Clone, Debug)]
enum Write {
    Tasks(TaskWrite),
    List(ListWrite),
}

fn any_write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => write().prop_map(Write::Tasks),
        1 => list_writes::write().prop_map(Write::List),
    ]
}

fn range() -> impl Strategy<Value = DueRange> {
    let home = TimeZone::utc();
    (due(), due(), any::<bool>()).prop_map(move |(from, before, is_half)| {
        let before = DueRange::before(&before, &home);
        if is_half { before } else { before.intersect(&DueRange::from(&from, &home)) }
    })
}

fn tags_of(tags: Option<Tags>) -> Vec<Tag> {
    tags.map(|tags| tags.iter().cloned().collect()).unwrap_or_default()
}

fn unique(mut priorities: Vec<Priority>) -> Vec<Priority> {
    priorities.sort_unstable_by_key(|priority| priority.code());
    priorities.dedup();
    priorities
}

prop_compose! {
    fn filter()(
        completed in option::weighted(0.3, any::<bool>()),
        priorities in option::weighted(0.2, collection::vec(priority(), 1..3)),
        tags in option::weighted(0.3, tags()),
        more in (option::weighted(0.1, tags()), option::weighted(0.1, tags()), option::weighted(0.1, any::<bool>())),
        due in option::weighted(0.2, range()),
        not_overdue in option::weighted(0.1, range()),
        updated in option::weighted(0.2, 0..9_i64),
        lists in prop_oneof![3 => Just(Vec::new()), 1 => collection::vec(list_writes::list(), 1..3)],
        parent in option::weighted(0.2, prop_oneof![Just(Within::Top), id().prop_map(Within::Task)]),
        words in option::weighted(0.2, sample::select(vec!["milk", "cr*", "a", "creme milk", "ss m*", "x", "東京都", "西京都", "東"])),
    ) -> TaskFilter {
        TaskFilter {
            completed,
            priorities: unique(priorities.unwrap_or_default()),
            tags: tags_of(tags),
            any_tags: tags_of(more.0),
            no_tags: tags_of(more.1),
            has_due: more.2,
            due,
            not_overdue,
            updated_since: updated.map(|n| at(n * 40_000)),
            parent,
            lists,
            words: words.map(|text| Words::parse(text).unwrap()).unwrap_or_default(),
        }
    }
}

/// List, and whether it begins after the place of a task, present or deleted.
fn query() -> impl Strategy<Value = (TaskQuery, Option<sample::Index>)> {
    let by = sample::select(TaskSort::ALL.to_vec());
    let order = (by.clone(), any::<bool>(), option::weighted(0.3, (by, any::<bool>())))
        .prop_map(|(by, descending, then)| TaskOrder { by, descending, then });
    let start = (0..5_u64, option::of(any::<sample::Index>()));
    let home = sample::select(vec!["UTC", "America/New_York", "Pacific/Kiritimati"]);
    (filter(), order, home, start, 1..5_u16).prop_map(
        |(filter, order, home, (skip, after), limit)| {
            let home = TimeZone::new(home).unwrap();
            (TaskQuery { filter, order, home, start: Start::Skip(skip), limit }, after)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => ProptestConfig::default().cases,
            None => 32,
        },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn lists_are_what_the_model_says(
        writes in collection::vec(any_write(), 1..25),
        queries in collection::vec(query(), 40),
        limits in prop_oneof![Just((5_000, 2_000)), (0..6_usize, 0..12_u64)],
        scan_at_most in prop_oneof![Just(0), Just(512), 1..8_u64],
        pages in collection::vec(0..4_usize, 25),
    ) {
        runtime().block_on(run((writes, pages), queries, limits, scan_at_most));
    }
}

/// Result of a write without numbers of changes.
fn plain(written: Option<TaskWritten>) -> Option<TaskWritten> {
    let done = |done| match done {
        TaskDone::Created(task) => TaskDone::Created(without_numbers(task)),
        TaskDone::Known(task) => TaskDone::Known(without_numbers(task)),
        TaskDone::Changed { task, finished } => {
            TaskDone::Changed { task: without_numbers(task), finished }
        }
        other @ (TaskDone::Deleted(_)
        | TaskDone::Restored { .. }
        | TaskDone::Undone { .. }) => other,
    };
    let refused = |refused| match refused {
        TaskRefused::Changed(task) => {
            TaskRefused::Changed(Box::new(without_numbers(*task)))
        }
        other => other,
    };
    let TaskWritten { results, applied, .. } = written?;
    let results = results.into_iter().map(|it| it.map(done).map_err(refused)).collect();
    Some(TaskWritten { results, applied, unit: 0 })
}

/// Makes a write in both stores, and compares the results and the lists after it.
async fn carry_out(file: &RedbStore, model: &RulesStore, write: Write) {
    match write.clone() {
        Write::Tasks(write) => {
            let wanted = model
                .task_write(OWNER, write.clone(), WriteContext::system())
                .await
                .unwrap();
            let found = file
                .task_write(OWNER, write.clone(), WriteContext::system())
                .await
                .unwrap();
            assert_eq!(plain(found), plain(wanted), "{write:?}");
        }
        Write::List(write) => {
            let wanted = model
                .list_write(OWNER, write.clone(), WriteContext::system())
                .await
                .unwrap();
            let found = file
                .list_write(OWNER, write.clone(), WriteContext::system())
                .await
                .unwrap();
            let plain = list_writes::plain_result;
            assert_eq!(found.map(plain), wanted.map(plain), "{write:?}");
        }
    }
    let mut lists = Vec::new();
    for store in [file as &dyn Store, model] {
        let all = store.list_all(OWNER).await.unwrap().unwrap();
        lists.push(all.into_iter().map(list_writes::plain).collect::<Vec<_>>());
    }
    assert_eq!(lists[0], lists[1], "{write:?}");
}

async fn run(
    (writes, pages): (Vec<Write>, Vec<usize>),
    queries: Vec<(TaskQuery, Option<sample::Index>)>,
    (gather_at_most, short_read): (usize, u64),
    scan_at_most: u64,
) {
    let data = tempfile::tempdir_in(scratch()).unwrap();
    let options =
        Options { gather_at_most, short_read, scan_at_most, ..Options::default() };
    let file = RedbStore::open(&data.path().join("test.redb"), &options).unwrap();
    let model = RulesStore::default();
    for store in [&file as &dyn Store, &model] {
        given_user(store, "jane@example.com").await;
    }
    let mut seen = Vec::new();
    let mut follower = Follower::new(OWNER, 2);
    for (write, pages) in writes.into_iter().zip(pages) {
        carry_out(&file, &model, write).await;
        for _ in 0..pages {
            follower.step(&file).await;
        }
        seen.extend(model.task_after(OWNER, None, 100).await.unwrap());
    }
    follower.catch_up(&file).await;
    Follower::new(OWNER, 3).catch_up(&file).await;
    for (mut query, after) in queries {
        if let Some(after) = after.filter(|_| !seen.is_empty()) {
            let place: TaskPlace =
                query.order.place(&after.get(&seen).fields(), &query.home);
            query.start = Start::After(place);
        }
        let wanted = model.task_list(OWNER, query.clone()).await.unwrap();
        let found = file.task_list(OWNER, query.clone()).await.unwrap();
        let plain = |page: TaskPage| {
            let tasks = page.tasks.into_iter().map(without_numbers).collect();
            TaskPage { tasks, ..page }
        };
        assert_eq!(plain(found), plain(wanted), "{query:?}");
        if let Some(range) = query.filter.due {
            let wanted = model.task_summary(OWNER, range.clone()).await.unwrap();
            assert_eq!(file.task_summary(OWNER, range).await.unwrap(), wanted);
        }
    }
    let report = file.verify().unwrap();
    assert_eq!(report.findings, [""; 0]);
}
