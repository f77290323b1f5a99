//! Tests of concurrent writes.
//!
//! ```sh
//! DULY_RACES=10000 cargo test --release tasks::races -- --nocapture
//! ```

use std::collections::BTreeSet;

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{given, ids};
use crate::harness::Client;
use crate::long::{figure, setting};

/// Increments a number in the title of the task, each time from its present value, until it has counted this often.
async fn counts(client: Client, times: u64) -> u64 {
    let mut task = client.get("/tasks/1").await.expect(StatusCode::OK);
    let (mut done, mut refused) = (0, 0);
    while done < times {
        let next = task["title"].as_str().unwrap().parse::<u64>().unwrap() + 1;
        let etag = format!("\"{}\"", task["rev"]);
        let asked = client.with_header("if-match", &etag);
        let answer = asked.patch("/tasks/1", json!({ "title": next.to_string() })).await;
        if answer.status == StatusCode::OK {
            done += 1;
            task = answer.body;
        } else {
            refused += 1;
            task = answer.expect_problem(412, "changed_since")["task"].clone();
        }
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_that_is_meant_for_one_state_is_lost() {
    const CLIENTS: u64 = 8;
    let (_server, jane) = given().await;
    jane.given_task("0").await;
    let each = setting("DULY_RACES", 300).div_ceil(CLIENTS);
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(counts(jane.clone(), each));
    }
    let refused: u64 = clients.join_all().await.into_iter().sum();
    figure(&format!("{} changes, {refused} refused", CLIENTS * each));

    let task = jane.get("/tasks/1").await.expect(StatusCode::OK);

    assert_eq!(task["title"], (CLIENTS * each).to_string());
    assert_eq!(task["rev"], CLIENTS * each + 1);
}

/// Creates, changes and deletes tasks that no other client uses.
async fn churns(client: Client, mine: u64) {
    for round in 0.. {
        let title = format!("churn {}", (round * 7 + mine) % 10);
        let made =
            client.post("/tasks", json!({ "title": title, "due": "2030-01-02" })).await;
        let path = format!("/tasks/{}", made.expect(StatusCode::CREATED)["id"]);
        let change =
            json!({ "title": "churn 5", "priority": "high", "due": "2030-01-01" });
        client.patch(&path, change).await.expect(StatusCode::OK);
        client.delete(&path).await.expect(StatusCode::NO_CONTENT);
    }
}

async fn walked(client: &Client, query: &str) -> Vec<u64> {
    let mut found = Vec::new();
    let mut next = Some(format!("!/api/v1/tasks?cursor=&limit=7&{query}"));
    while let Some(path) = next {
        let answer = client.get(&path).await;
        let link = answer.header("link").map(str::to_owned);
        next = link.map(|link| format!("!{}", link[1..].split('>').next().unwrap()));
        found.extend(ids(&answer));
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_page_by_page_misses_nothing_while_others_write() {
    let (_server, jane) = given().await;
    let mut steady = BTreeSet::new();
    for n in 0..60 {
        let due = (n % 2 == 0).then(|| format!("2030-01-{:02}", 1 + n % 20));
        let priority = ["none", "high"][n % 2];
        let task =
            json!({ "title": format!("steady {n}"), "due": due, "priority": priority });
        let made: Value = jane.made(task).await;
        steady.insert(made["id"].as_u64().unwrap());
    }
    let mut others = JoinSet::new();
    for mine in 0..3 {
        others.spawn(churns(jane.clone(), mine));
    }
    for sort in ["created_at", "due", "priority", "position", "title"] {
        for sort in [sort.to_owned(), format!("-{sort}")] {
            for filter in ["", "&q=steady", "&completed=false"] {
                let found = walked(&jane, &format!("sort={sort}{filter}")).await;
                let kept: Vec<u64> =
                    found.iter().copied().filter(|id| steady.contains(id)).collect();
                assert_eq!(
                    kept.len(),
                    steady.len(),
                    "{sort}{filter}: none twice, none missed"
                );
                assert_eq!(
                    kept.into_iter().collect::<BTreeSet<_>>(),
                    steady,
                    "{sort}{filter}"
                );
            }
        }
    }
    others.abort_all();
}
