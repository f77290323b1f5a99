//! Tests of lists of tasks and their pages.

use std::sync::Arc;

use duly::domain::id::{TaskId, UserId};
use duly::domain::task::{TaskFilter, TaskQuery};
use duly::store::Store;

use crate::harness::TaskStore as _;
use crate::harness::values::{
    ALL, DONE, OPEN, at, complete, given_task, given_tasks, given_user, ids, page,
};

pub(super) async fn lists_run_from_newest_to_oldest(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    given_times(&*store, owner, &[10, 10, 20, 20, 30]).await;

    assert_eq!(
        numbers(&*store, owner, ALL).await,
        [5, 4, 3, 2, 1],
        "by id where the times are equal"
    );

    given_done(&*store, owner, &[2, 3]).await;

    assert_eq!(numbers(&*store, owner, ALL).await, [5, 4, 3, 2, 1]);
    assert_eq!(numbers(&*store, owner, OPEN).await, [5, 4, 1]);
    assert_eq!(numbers(&*store, owner, DONE).await, [3, 2]);
}

pub(super) async fn lists_keep_their_order_when_the_clock_steps_back(
    store: Arc<dyn Store>,
) {
    let owner = given_user(&*store, "a@example.com").await.id;
    given_times(&*store, owner, &[100, 200, 50, 200, 75]).await;

    assert_eq!(numbers(&*store, owner, ALL).await, [4, 2, 1, 5, 3]);
    given_done(&*store, owner, &[2, 5]).await;
    assert_eq!(numbers(&*store, owner, ALL).await, [4, 2, 1, 5, 3]);
    assert_eq!(numbers(&*store, owner, OPEN).await, [4, 1, 3]);
    assert_eq!(numbers(&*store, owner, DONE).await, [2, 5]);

    // Deleting the tasks that are out of order, and going on, must not confuse the order again.
    assert!(store.task_delete(owner, TaskId::new(3)).await.unwrap());
    assert!(store.task_delete(owner, TaskId::new(5)).await.unwrap());
    given_times(&*store, owner, &[300, 150]).await;
    assert_eq!(numbers(&*store, owner, ALL).await, [6, 4, 2, 7, 1]);
    let middle =
        store.task_list(owner, TaskQuery::newest(ALL, page(1, 3))).await.unwrap();
    let middle: Vec<u64> = middle.tasks.iter().map(|task| task.id.get()).collect();
    assert_eq!(middle, [4, 2, 7]);
}

pub(super) async fn tasks_made_side_by_side_are_listed_by_id(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    for millis in [1_000, 1_005, 1_003, 1_004] {
        given_task(&*store, owner, "a", millis).await;
    }

    assert_eq!(numbers(&*store, owner, ALL).await, [4, 3, 2, 1]);
    let last = store.task_get(owner, TaskId::new(4)).await.unwrap().unwrap();
    assert_eq!(last.created_at, at(1_005), "as late as the newest");
}

pub(super) async fn pages_beyond_the_end_are_empty_but_know_the_total(
    store: Arc<dyn Store>,
) {
    let owner = given_user(&*store, "a@example.com").await.id;
    given_times(&*store, owner, &[1, 2, 3]).await;
    given_done(&*store, owner, &[3]).await;

    for (filter, total) in [(ALL, 3), (OPEN, 2), (DONE, 1)] {
        for skip in [total, total + 1, 1_000_000, u64::MAX] {
            let listed = store
                .task_list(owner, TaskQuery::newest(filter.clone(), page(skip, 10)))
                .await
                .unwrap();
            assert_eq!((listed.tasks.len(), listed.total), (0, total), "skip {skip}");
        }
        let last = store
            .task_list(owner, TaskQuery::newest(filter.clone(), page(total - 1, 200)))
            .await
            .unwrap();
        assert_eq!((last.tasks.len(), last.total), (1, total));
    }
}

pub(super) async fn pages_one_after_the_other_make_the_whole_list(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    let beside = given_user(&*store, "b@example.com").await.id;
    for n in 0..11 {
        given_task(&*store, owner, "a", n / 2).await;
        given_task(&*store, beside, "b", n / 2).await;
    }
    given_done(&*store, owner, &[1, 5, 7, 13]).await;

    for filter in [ALL, OPEN, DONE] {
        let whole = ids(&*store, owner, filter.clone()).await;
        for limit in 1..=4 {
            let mut joined = Vec::new();
            for start in (0..11).step_by(usize::from(limit)) {
                let listed = store
                    .task_list(
                        owner,
                        TaskQuery::newest(filter.clone(), page(start, limit)),
                    )
                    .await
                    .unwrap();
                assert!(listed.tasks.iter().all(|task| task.owner == owner));
                joined.extend(listed.tasks.iter().map(|task| task.id));
            }
            assert_eq!(joined, whole, "{filter:?}, {limit} at a time");
        }
    }
}

pub(super) async fn far_pages_are_as_good_as_near_ones(store: Arc<dyn Store>) {
    let owner = given_user(&*store, "a@example.com").await.id;
    given_tasks(&store, owner, 2_100).await;
    let far = async |filter: TaskFilter| {
        let listed = store
            .task_list(owner, TaskQuery::newest(filter.clone(), page(2_050, 3)))
            .await
            .unwrap();
        (
            listed.tasks.iter().map(|task| task.id.get()).collect::<Vec<u64>>(),
            listed.total,
        )
    };

    assert_eq!(far(ALL).await, (vec![50, 49, 48], 2_100));
    assert_eq!(far(OPEN).await, (vec![50, 49, 48], 2_100));

    given_task(&*store, owner, "later", 600_000).await;
    given_task(&*store, owner, "out of order", 1).await;
    // Last of all except the one created in the same moment as the first 2,100.
    assert_eq!(far(ALL).await, (vec![51, 50, 49], 2_102));
    assert_eq!(far(DONE).await, (vec![], 0));
}

/// Creates tasks at these minutes.
async fn given_times(store: &dyn Store, owner: UserId, times: &[i64]) {
    for &minute in times {
        given_task(store, owner, "a", minute * 60_000).await;
    }
}

async fn given_done(store: &dyn Store, owner: UserId, numbers: &[u64]) {
    for &number in numbers {
        let id = TaskId::new(number);
        store.task_patch(owner, id, complete(true), at(1000)).await.unwrap().unwrap();
    }
}

async fn numbers(store: &dyn Store, owner: UserId, filter: TaskFilter) -> Vec<u64> {
    ids(store, owner, filter).await.into_iter().map(TaskId::get).collect()
}
