//! Tests of lists: their order, their pages, and their counts.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Server};

fn ids(answer: &Answer) -> Vec<u64> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let tasks = answer.body.as_array().unwrap().iter();
    tasks.map(|task| task["id"].as_u64().unwrap()).collect()
}

fn total(answer: &Answer) -> u64 {
    answer.header("x-total-count").unwrap().parse().unwrap()
}

/// Path of the next page, if the response names one.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let (path, relation) = link.strip_prefix('<')?.split_once('>')?;
    assert_eq!(relation, "; rel=\"next\"");
    Some(format!("!{path}"))
}

/// Server and its first account, with this many tasks, created a second apart.
async fn given(count: u64) -> (Server, Client) {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for id in 1..=count {
        assert_eq!(jane.given_task("a").await, id);
        server.wait(Duration::from_secs(1));
    }
    (server, jane)
}

#[tokio::test]
async fn an_empty_list_is_a_list() {
    let (_server, jane) = given(0).await;

    let answer = jane.get("/tasks").await;

    assert_eq!((total(&answer), next(&answer)), (0, None));
    assert_eq!(answer.expect(StatusCode::OK), json!([]));
}

#[tokio::test]
async fn the_newest_come_first_and_look_as_they_do_alone() {
    let (_server, jane) = given(3).await;

    let answer = jane.get("/tasks").await;

    assert_eq!(ids(&answer), [3, 2, 1]);
    assert_eq!((total(&answer), next(&answer)), (3, None));
    for task in answer.body.as_array().unwrap() {
        let alone = jane.get(&format!("/tasks/{}", task["id"])).await;
        assert_eq!(alone.expect(StatusCode::OK), *task);
    }
}

#[tokio::test]
async fn tasks_of_one_instant_are_ordered_by_id() {
    let (_server, jane) = given(0).await;
    for _ in 0..4 {
        jane.given_task("a").await;
    }
    assert_eq!(ids(&jane.get("/tasks").await), [4, 3, 2, 1]);
    assert_eq!(ids(&jane.get("/tasks?skip=1&limit=2").await), [3, 2]);
}

#[tokio::test]
async fn a_task_made_while_the_clock_was_behind_is_older() {
    let (server, jane) = given(0).await;
    server.wait(Duration::from_secs(600));
    jane.given_task("1, at ten minutes").await;
    server.clock.set("2030-01-01T00:05:00Z".parse().unwrap());
    jane.given_task("2, five minutes before").await;
    server.clock.set("2030-01-01T00:10:00Z".parse().unwrap());
    jane.given_task("3, at ten minutes again").await;

    assert_eq!(ids(&jane.get("/tasks").await), [3, 1, 2]);
    assert_eq!(ids(&jane.get("/tasks?completed=false").await), [3, 1, 2]);
    jane.patch("/tasks/2", json!({ "title": "changed last" }))
        .await
        .expect(StatusCode::OK);
    assert_eq!(ids(&jane.get("/tasks?limit=2").await), [3, 1]);
}

/// Concurrent requests may read the clock in one order and be written in another.
#[tokio::test]
async fn a_task_made_a_moment_before_the_newest_is_as_new() {
    let (server, jane) = given(0).await;
    server.wait(Duration::from_secs(600));
    jane.given_task("1").await;
    server.clock.set("2030-01-01T00:09:59.900Z".parse().unwrap());

    jane.given_task("2").await;

    let answer = jane.get("/tasks").await;
    assert_eq!(ids(&answer), [2, 1]);
    assert_eq!(answer.body[0]["created_at"], answer.body[1]["created_at"]);
}

#[tokio::test]
async fn following_the_links_meets_each_task_once() {
    let (_server, jane) = given(7).await;
    for limit in 1..=8 {
        let mut path = format!("/tasks?limit={limit}");
        let (mut met, mut pages) = (Vec::new(), 0);
        loop {
            let answer = jane.get(&path).await;
            assert_eq!(total(&answer), 7);
            met.extend(ids(&answer));
            pages += 1;
            assert!(pages <= 7, "the links lead nowhere");
            match next(&answer) {
                Some(next) => path = next,
                None => break,
            }
        }
        assert_eq!(met, [7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(pages, 7_usize.div_ceil(limit), "no page is empty");
    }
}

#[tokio::test]
async fn links_keep_the_filter() {
    let (_server, jane) = given(5).await;
    for id in [1, 3, 4] {
        let answer =
            jane.patch(&format!("/tasks/{id}"), json!({ "completed": true })).await;
        answer.expect(StatusCode::OK);
    }

    let first = jane.get("/tasks?completed=true&limit=2").await;

    assert_eq!((ids(&first), total(&first)), (vec![4, 3], 3));
    let second = jane.get(&next(&first).unwrap()).await;
    assert_eq!((ids(&second), total(&second)), (vec![1], 3));
    assert_eq!(next(&second), None);
}

#[tokio::test]
async fn the_total_is_exact_whatever_part_is_asked_for() {
    let (_server, jane) = given(5).await;
    let done = json!({ "completed": true });
    jane.patch("/tasks/2", done.clone()).await.expect(StatusCode::OK);
    jane.patch("/tasks/5", done.clone()).await.expect(StatusCode::OK);
    jane.patch("/tasks/5", done).await.expect(StatusCode::OK);
    jane.delete("/tasks/4").await.expect(StatusCode::NO_CONTENT);
    for (query, wanted_ids, wanted_total) in [
        ("", vec![5, 3, 2, 1], 4),
        ("?skip=0&limit=200", vec![5, 3, 2, 1], 4),
        ("?skip=1", vec![3, 2, 1], 4),
        ("?limit=1", vec![5], 4),
        ("?skip=3&limit=1", vec![1], 4),
        ("?skip=4", vec![], 4),
        ("?skip=9223372036854775807", vec![], 4),
        ("?completed=true", vec![5, 2], 2),
        ("?completed=false", vec![3, 1], 2),
        ("?completed=true&skip=1", vec![2], 2),
        ("?completed=false&skip=2", vec![], 2),
        ("?completed=false&limit=1", vec![3], 2),
    ] {
        let answer = jane.get(&format!("/tasks{query}")).await;
        assert_eq!((ids(&answer), total(&answer)), (wanted_ids, wanted_total), "{query}");
    }

    jane.patch("/tasks/5", json!({ "completed": false })).await.expect(StatusCode::OK);
    jane.delete("/tasks/2").await.expect(StatusCode::NO_CONTENT);

    let (all, done, open) = (
        jane.get("/tasks").await,
        jane.get("/tasks?completed=true").await,
        jane.get("/tasks?completed=false").await,
    );
    assert_eq!((total(&all), total(&done), total(&open)), (3, 0, 3));
    assert_eq!((ids(&all), ids(&done)), (vec![5, 3, 1], vec![]));
}

#[tokio::test]
async fn a_page_has_a_hundred_tasks_unless_asked() {
    let (_server, jane) = given(0).await;
    let mut made = tokio::task::JoinSet::new();
    for _ in 0..101 {
        let jane = jane.clone();
        made.spawn(async move { jane.given_task("a").await });
    }
    made.join_all().await;

    let answer = jane.get("/tasks").await;

    assert_eq!((ids(&answer).len(), total(&answer)), (100, 101));
    assert_eq!(next(&answer).unwrap(), "!/api/v1/tasks?skip=100&limit=100");
    assert_eq!(ids(&jane.get("/tasks?limit=200").await).len(), 101);
}

#[tokio::test]
async fn a_list_shows_only_what_is_mine() {
    let (server, jane) = given(2).await;
    let john = server.client.registered("john@example.com").await;
    john.given_task("b").await;

    let answer = john.get("/tasks").await;

    assert_eq!((ids(&answer), total(&answer)), (vec![3], 1));
    let answer = jane.get("/tasks").await;
    assert_eq!((ids(&answer), total(&answer)), (vec![2, 1], 2));
}

#[tokio::test]
async fn parameters_out_of_range_are_refused_together() {
    let (_server, jane) = given(0).await;
    for (query, wanted) in [
        ("limit=0", vec!["limit"]),
        ("limit=201", vec!["limit"]),
        ("limit=-1", vec!["limit"]),
        ("limit=abc", vec!["limit"]),
        ("limit=", vec!["limit"]),
        ("limit=1.0", vec!["limit"]),
        ("limit=%2B1", vec!["limit"]),
        ("limit=99999999999999999999", vec!["limit"]),
        ("skip=-1", vec!["skip"]),
        ("skip=abc", vec!["skip"]),
        ("skip=", vec!["skip"]),
        ("skip=9223372036854775808", vec!["skip"]),
        ("completed=2", vec!["completed"]),
        ("completed=maybe", vec!["completed"]),
        ("completed=", vec!["completed"]),
        ("skip=-1&limit=0", vec!["limit", "skip"]),
        ("completed=x&skip=x&limit=x", vec!["completed", "limit", "skip"]),
    ] {
        let answer = jane.get(&format!("/tasks?{query}")).await;
        assert_eq!(answer.expect_refused(), wanted, "{query}");
    }
}

#[tokio::test]
async fn a_list_is_a_plain_array() {
    let (_server, jane) = given(1).await;
    let answer = jane.get("/tasks").await;
    assert!(matches!(answer.body, Value::Array(_)));
    assert_eq!(answer.header("content-type"), Some("application/json"));
}
