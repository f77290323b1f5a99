//! Places in lists.

use hyper::StatusCode;
use serde_json::json;

use super::{given, ids};
use crate::harness::{Answer, Client};

/// The query of the next page.
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
