//! Tests of concurrent requests.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Server};

const MANY: usize = 64;

/// Runs the same request many times at once, and returns the responses in the order of their numbers.
async fn at_once<F: Future<Output = Answer> + Send + 'static>(
    ask: impl Fn(usize) -> F,
) -> Vec<Answer> {
    let asked: Vec<_> = (0..MANY).map(|number| tokio::spawn(ask(number))).collect();
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// Registers the same email many times, in different spellings.
async fn registrations(server: &Server) -> Vec<Answer> {
    at_once(|number| {
        let client = server.client.clone();
        let email = if number.is_multiple_of(2) {
            "jane@example.com"
        } else {
            "JANE@Example.com"
        };
        let account = json!({ "email": email, "password": "password123" });
        async move { client.post("/auth/register", account).await }
    })
    .await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}

/// Regression: the previous service returned 500 to the second of two.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_registrations_of_one_email_succeeds() {
    let server = Server::with(&["--hash-queue=128"]).await;

    let answers = registrations(&server).await;

    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, MANY - 1));
    server.client.logged_in("jane@example.com").await.given_task("a").await;
}

/// The client checks on every response that a 503 has `Retry-After`.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_find_the_queue_full_are_told_to_come_back() {
    let server = Server::with(&["--hash-queue=1"]).await;

    let answers = registrations(&server).await;

    assert_eq!(count(&answers, 201), 1);
    assert_eq!(count(&answers, 201) + count(&answers, 409) + count(&answers, 503), MANY);
    for answer in answers.into_iter().filter(|answer| answer.status.as_u16() == 503) {
        answer.expect_problem(503, "busy");
    }
}

fn revision(answer: &Answer) -> u64 {
    answer.header("etag").unwrap().trim_matches('"').parse().unwrap()
}

async fn total(client: &Client, path: &str) -> u64 {
    client.get(path).await.header("x-total-count").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_patches_of_one_task_are_each_applied_whole() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    for title in ["a", "b", "c"] {
        jane.given_task(title).await;
    }
    let patch = |number: usize| match number % 3 {
        0 => json!({ "title": format!("title {number}") }),
        1 => json!({ "completed": number.is_multiple_of(2) }),
        _ => {
            json!({ "title": format!("title {number}"), "completed": number.is_multiple_of(2),
            "description": format!("description {number}") })
        }
    };

    let answers = at_once(|number| {
        let (jane, patch) = (jane.clone(), patch(number));
        async move { jane.patch("/tasks/2", patch).await }
    })
    .await;

    let mut states: BTreeMap<u64, Value> = BTreeMap::new();
    for (number, answer) in answers.into_iter().enumerate() {
        let revision = revision(&answer);
        let task = answer.expect(StatusCode::OK);
        for (name, value) in patch(number).as_object().unwrap() {
            assert_eq!(task[name], *value, "{number}: {task}");
        }
        // A request that changes the description also changes the title, in one step.
        if let Some(description) = task["description"].as_str() {
            let by: usize =
                description.strip_prefix("description ").unwrap().parse().unwrap();
            assert_eq!(by % 3, 2);
        }
        let state = states.entry(revision).or_insert_with(|| task.clone());
        assert_eq!(*state, task, "one revision is one state");
    }
    let found = jane.get("/tasks/2").await;
    // The first state is the one seen by requests that changed nothing.
    let effective = states.range(2..).count() as u64;
    assert_eq!(revision(&found), 1 + effective);
    assert_eq!(states.last_key_value().unwrap().0, &revision(&found));
    let found = found.expect(StatusCode::OK);
    assert_eq!(states.last_key_value().unwrap().1, &found);
    let states: Vec<Value> = states.into_values().collect();
    assert!(
        states.windows(2).all(|two| two[0] != two[1]),
        "no revision without a change"
    );

    let done = u64::from(found["completed"] == true);
    assert_eq!(total(&jane, "/tasks").await, 3);
    assert_eq!(total(&jane, "/tasks?completed=true").await, done);
    assert_eq!(total(&jane, "/tasks?completed=false").await, 3 - done);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_made_at_once_have_ids_of_their_own() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;

    let answers = at_once(|number| {
        let jane = jane.clone();
        let task = json!({ "title": format!("{number}"), "completed": number.is_multiple_of(2) });
        async move { jane.post("/tasks", task).await }
    })
    .await;

    let ids = answers.into_iter().map(|answer| {
        let task = answer.expect(StatusCode::CREATED);
        task["id"].as_u64().unwrap()
    });
    let mut ids: Vec<u64> = ids.collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=MANY as u64).collect::<Vec<_>>());
    let all = MANY as u64;
    assert_eq!(total(&jane, "/tasks").await, all);
    assert_eq!(total(&jane, "/tasks?completed=true").await, all / 2);
    assert_eq!(total(&jane, "/tasks?completed=false").await, all / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_deletions_of_one_task_succeeds() {
    let server = Server::start().await;
    let jane = server.client.registered("jane@example.com").await;
    jane.given_task("a").await;
    jane.given_task("b").await;

    let answers = at_once(|_| {
        let jane = jane.clone();
        async move { jane.delete("/tasks/1").await }
    })
    .await;

    assert_eq!((count(&answers, 204), count(&answers, 404)), (1, MANY - 1));
    assert_eq!(total(&jane, "/tasks").await, 1);
}
