//! Tests of cursors in lists.

use std::time::Duration;

use duly::domain::id::TaskId;
use duly::domain::position::Position;
use duly::domain::task::{NewTask, Task, Title};
use duly::domain::timestamp::Timestamp;
use duly::domain::transfer::{Existing, ImportOptions, NextIds, Record};
use duly::domain::uid::Uid;
use duly::store::Store as _;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{given, ids};
use crate::harness::{Answer, Client, Server, values};

/// Query of the next page.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let (path, _) = link.strip_prefix('<')?.split_once('>')?;
    Some(path.split_once('?')?.1.to_owned())
}

/// All ids of a list, two at a time.
async fn walked(jane: &Client, query: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut query = format!("cursor=&limit=2&{query}");
    loop {
        let answer = jane.get(&format!("/tasks?{query}")).await;
        assert_eq!(answer.header("x-total-count"), Some("7"), "{query}");
        found.extend(ids(&answer));
        match next(&answer) {
            Some(more) => query = more,
            None => return found,
        }
    }
}

async fn seven(jane: &Client) {
    for n in 0..7 {
        let due = (n % 3 > 0).then(|| format!("2030-01-0{}", n % 3));
        let priority = ["low", "high"][n % 2];
        jane.made(
            json!({ "title": "same", "due": due, "priority": priority, "tags": ["x"] }),
        )
        .await;
    }
}

#[tokio::test]
async fn a_list_is_the_same_by_cursor() {
    let (_server, jane) = given().await;
    seven(&jane).await;
    for sort in ["created_at", "updated_at", "due", "priority", "position", "title"] {
        for sort in [sort.to_owned(), format!("-{sort}")] {
            for filter in [
                "",
                "&tag=x",
                "&q=same",
                "&completed=false",
                "&updated_since=2029-01-01T00:00:00Z",
            ] {
                let query = format!("sort={sort}{filter}");
                assert_eq!(
                    walked(&jane, &query).await,
                    jane.ids(&query).await,
                    "{query}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_place_outlasts_the_task_that_stood_there() {
    let (_server, jane) = given().await;
    seven(&jane).await;
    let first = jane.get("/tasks?cursor=&limit=2&sort=title").await;
    assert_eq!(ids(&first), [1, 2]);
    let more = next(&first).unwrap();
    jane.patch("/tasks/2", json!({ "title": "zzz" })).await.expect(StatusCode::OK);
    assert_eq!(jane.ids(&more).await, [3, 4]);
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(jane.ids(&more).await, [3, 4]);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_list_and_its_person_only() {
    let (server, jane) = given().await;
    seven(&jane).await;
    let john = server.client.registered("john@example.com").await;
    let more = next(&jane.get("/tasks?cursor=&limit=2&sort=title").await).unwrap();
    let cursor = more.split('&').next().unwrap().strip_prefix("cursor=").unwrap();
    let refused = async |client: &Client, query: String| {
        let answer = client.get(&format!("/tasks?{query}")).await;
        assert_eq!(answer.expect_refused(), ["cursor"], "{query}");
    };
    refused(&john, more.clone()).await;
    refused(&jane, format!("cursor={cursor}")).await;
    refused(&jane, format!("cursor={cursor}&sort=-title")).await;
    refused(&jane, format!("cursor={cursor}&sort=title&tag=x")).await;
    refused(&jane, format!("cursor={}&sort=title", &cursor[1..])).await;
    refused(&jane, format!("cursor={cursor}A&sort=title")).await;
    refused(&jane, format!("cursor={}&sort=title", "A".repeat(13_000))).await;
    let (start, end) = cursor.split_at(cursor.len() / 2);
    let other = if end.starts_with('A') { 'B' } else { 'A' };
    refused(&jane, format!("cursor={start}{other}{}&sort=title", &end[1..])).await;
    // The length of the page may change.
    assert_eq!(jane.ids(&format!("cursor={cursor}&sort=title&limit=1")).await, [3]);
}

#[tokio::test]
async fn a_cursor_of_an_earlier_version_is_refused_as_such() {
    let (_server, jane) = given().await;
    seven(&jane).await;
    let more = next(&jane.get("/tasks?cursor=&limit=2").await).unwrap();
    // Older cursors had no version in front.
    let older = more.replace("cursor=2.", "cursor=");

    let answer = jane.get(&format!("/tasks?{older}")).await;

    let problem = answer.expect_problem(422, "cursor_outdated");
    assert_eq!(problem["errors"][0]["field"], "cursor");
}

/// Imports tasks into an account: their ids, and the seconds at which they were created.
async fn import(server: &Server, email: &str, tasks: &[(u64, u32)]) {
    let owner = server.account(email).await.user.id;
    let record = |(id, second): &(u64, u32)| {
        let made = format!("2030-01-01T00:00:{second:02}Z").parse().unwrap();
        let new = NewTask::new(Title::new("imported".to_owned()).unwrap(), made);
        let (id, position) = (TaskId::new(*id), Position::of_number(*id));
        let task: Task = new.into_task(owner, id, Uid::made(id, 0), position).unwrap();
        Record::Task(task)
    };
    let account = server.store.user_get(owner).await.unwrap().unwrap();
    let mut records = vec![Record::User(account)];
    records.extend(tasks.iter().map(record));
    let ids = NextIds { user: owner.get() + 1, task: 1_000 };
    let options = ImportOptions { existing: Existing::Keep, allow_admins: false, ids };
    let chunk = values::chunk(1, records, Timestamp::EPOCH);
    let (_, outcome) = values::import(&*server.store, options, vec![chunk]).await;
    outcome.unwrap();
}

/// Account with tasks that were created at these seconds.
async fn made_at(seconds: &[u64]) -> (Server, Client) {
    let (server, jane) = given().await;
    let mut now = 0;
    for second in seconds {
        server.wait(Duration::from_secs(second - now));
        now = *second;
        jane.given_task("made").await;
    }
    (server, jane)
}

#[tokio::test]
async fn tasks_of_any_age_may_be_imported_between_two_pages() {
    let times = [10, 20, 20, 30, 30, 40, 50];
    for sort in ["created_at", "-created_at"] {
        for first in 1..times.len() {
            let (server, jane) = made_at(&times).await;
            let page =
                jane.get(&format!("/tasks?cursor=&sort={sort}&limit={first}")).await;
            let mut met = ids(&page);
            let last = *met.last().unwrap();

            let imported =
                [(100, 5), (101, 20), (102, 30), (103, 35), (104, 45), (105, 59)];
            import(&server, "jane@example.com", &imported).await;
            let mut query = next(&page).unwrap().replace("limit=", "limit=2&_=");
            let mut rest = Vec::new();
            loop {
                let page = jane.get(&format!("/tasks?{query}")).await;
                rest.extend(ids(&page));
                match next(&page) {
                    Some(more) => query = more,
                    None => break,
                }
            }

            let whole = jane.ids(&format!("sort={sort}")).await;
            let here = whole.iter().position(|id| *id == last).unwrap() + 1;
            assert_eq!(rest, whole[here..], "{sort} {first}");
            met.extend(rest);
            met.retain(|id| *id < 100);
            met.sort_unstable();
            assert_eq!(met, [1, 2, 3, 4, 5, 6, 7], "{sort} {first}");
        }
    }
}

/// Regression: the place was found by the id of the task that had stood there.
#[tokio::test]
async fn a_place_is_a_time_and_not_an_id() {
    for (sort, gone, expected) in [
        ("-created_at", [3, 4, 5, 6], vec![100, 2, 1]),
        ("created_at", [3, 4, 5, 6], vec![]),
    ] {
        let (server, jane) = made_at(&[10, 20, 30, 40, 50, 59]).await;
        let page = jane.get(&format!("/tasks?cursor=&sort={sort}&limit=3")).await;
        for id in gone {
            jane.delete(&format!("/tasks/{id}")).await.expect(StatusCode::NO_CONTENT);
        }

        // It has the highest id, and is older than the place.
        import(&server, "jane@example.com", &[(100, 25)]).await;

        assert_eq!(jane.ids(&next(&page).unwrap()).await, expected, "{sort}");
    }
}

/// Checks the description of `cursor` in the document, for each order: the ids on the pages after the first if the
/// first task and the last one change in between.
#[tokio::test]
async fn a_task_that_moves_over_the_cursor_comes_twice_or_is_missed() {
    let set = |name: &str, value: Value| json!({ name: value });
    for (sort, early, late, expected) in [
        // Tasks 1 to 4 in this order or reversed.
        ("created_at", set("title", json!("z")), set("title", json!("0")), vec![3, 4]),
        ("-created_at", set("title", json!("z")), set("title", json!("0")), vec![2, 1]),
        ("updated_at", set("title", json!("z")), set("title", json!("0")), vec![3, 1, 4]),
        ("-updated_at", set("title", json!("z")), set("title", json!("0")), vec![2]),
        ("title", set("title", json!("z")), set("title", json!("0")), vec![3, 1]),
        ("-title", set("title", json!("0")), set("title", json!("z")), vec![2, 4]),
        (
            "due",
            set("due", json!("2031-01-01")),
            set("due", json!("2029-01-01")),
            vec![3, 1],
        ),
        (
            "-due",
            set("due", json!("2029-01-01")),
            set("due", json!("2031-01-01")),
            vec![2, 4],
        ),
        (
            "priority",
            set("priority", json!("urgent")),
            set("priority", json!("none")),
            vec![3, 1],
        ),
        (
            "-priority",
            set("priority", json!("none")),
            set("priority", json!("urgent")),
            vec![2, 4],
        ),
        (
            "position",
            set("position", json!("a9")),
            set("position", json!("Zz")),
            vec![3, 1],
        ),
        (
            "-position",
            set("position", json!("Zz")),
            set("position", json!("a9")),
            vec![2, 4],
        ),
        // Another field moves it in no order but one.
        ("title", set("priority", json!("urgent")), set("due", json!(null)), vec![3, 4]),
        ("priority", set("title", json!("z")), set("title", json!("0")), vec![3, 4]),
        ("due", set("completed", json!(true)), set("position", json!("Zz")), vec![3, 4]),
        ("position", set("completed", json!(true)), set("due", json!(null)), vec![3, 4]),
    ] {
        let (server, jane) = given().await;
        for (n, priority) in (1..).zip(["none", "low", "medium", "high"]) {
            let due = format!("2030-01-0{n}");
            let title = format!("task {n}");
            jane.made(json!({ "title": title, "due": due, "priority": priority })).await;
            server.wait(Duration::from_secs(1));
        }
        let page = jane.get(&format!("/tasks?cursor=&sort={sort}&limit=2")).await;
        let (first, last) = if sort.starts_with('-') { (4, 1) } else { (1, 4) };
        for (id, change) in [(first, early), (last, late)] {
            server.wait(Duration::from_secs(1));
            jane.patch(&format!("/tasks/{id}"), change).await.expect(StatusCode::OK);
        }

        let rest = next(&page).unwrap().replace("limit=2", "limit=9");
        assert_eq!(jane.ids(&rest).await, expected, "{sort}");
    }
}

#[tokio::test]
async fn a_task_that_no_longer_fits_does_not_come() {
    let (_server, jane) = given().await;
    seven(&jane).await;
    let page = jane.get("/tasks?cursor=&completed=false&limit=3").await;
    assert_eq!(ids(&page), [7, 6, 5]);
    for id in [2, 7] {
        let done = json!({ "completed": true });
        jane.patch(&format!("/tasks/{id}"), done).await.expect(StatusCode::OK);
    }
    assert_eq!(jane.ids(&next(&page).unwrap()).await, [4, 3, 1]);
}
