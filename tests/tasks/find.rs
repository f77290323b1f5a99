//! Tests of finding tasks.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

use super::{given, ids};
use crate::harness::{Client, Server};

/// Account with seven tasks, created a second apart.
async fn planned() -> (Server, Client) {
    let (server, jane) = given().await;
    for task in [
        json!({ "title": "Café with Zoë", "due": "2029-12-31", "priority": "high", "tags": ["friends"] }),
        json!({ "title": "STRASSE kehren", "description": "vor dem Haus", "tags": ["home"], "priority": "low" }),
        json!({ "title": "apples", "due": "2030-01-01", "tags": ["home", "shop"] }),
        json!({ "title": "Bananas", "due": "2030-01-01T00:00:00[UTC]", "tags": ["home", "shop"], "completed": true }),
        json!({ "title": "zebra", "parent_id": 1, "due": "2030-06-01", "priority": "urgent" }),
        json!({ "title": "Ärger", "parent_id": 1 }),
        json!({ "title": "groceries, café", "due": "2029-12-31T23:59:59[UTC]", "tags": ["shop"] }),
    ] {
        jane.made(task).await;
        server.wait(Duration::from_secs(1));
    }
    (server, jane)
}

#[tokio::test]
async fn each_condition_finds_what_fits_and_several_what_fits_all() {
    let (_server, jane) = planned().await;
    for (query, wanted) in [
        ("completed=true", vec![4]),
        ("priority=none", vec![7, 6, 4, 3]),
        ("priority=urgent", vec![5]),
        ("tag=home", vec![4, 3, 2]),
        ("tag=home&tag=shop", vec![4, 3]),
        ("tag=home&tag=shop&completed=false", vec![3]),
        ("tag=Home", vec![4, 3, 2]),
        ("due_before=2030-01-01", vec![7, 1]),
        ("due_after=2030-01-01", vec![5, 4, 3]),
        ("due_after=2029-12-31&due_before=2030-01-02", vec![7, 4, 3, 1]),
        ("due_after=2031-01-01&due_before=2030-01-01", vec![]),
        ("due_before=2029-12-31T23:59:59Z", vec![1]),
        ("overdue=true", vec![7, 1]),
        ("overdue=false", vec![6, 5, 4, 3, 2]),
        ("overdue=true&completed=true", vec![]),
        ("parent_id=1", vec![6, 5]),
        ("parent_id=none&completed=false", vec![7, 3, 2, 1]),
        ("parent_id=99", vec![]),
        ("updated_since=2030-01-01T00:00:04Z", vec![7, 6, 5]),
        ("q=cafe", vec![7, 1]),
        ("q=CAF%C3%89+zoe", vec![1]),
        ("q=stra%C3%9Fe", vec![2]),
        ("q=haus", vec![2]),
        ("q=hau", vec![]),
        ("q=hau*", vec![2]),
        ("q=caf*+gro*", vec![7]),
        ("q=arger", vec![6]),
        ("q=", vec![7, 6, 5, 4, 3, 2, 1]),
        ("q=+", vec![7, 6, 5, 4, 3, 2, 1]),
        ("q=!!!", vec![]),
        ("q=*", vec![]),
        ("q=%25", vec![]),
        ("q=%F0%9F%8E%89", vec![]),
        ("q=!!!&sort=title&due_after=2029-01-01", vec![]),
        ("q=cafe+!!!", vec![7, 1]),
        ("q=cafe&tag=friends&priority=high&overdue=true", vec![1]),
    ] {
        let answer = jane.get(&format!("/tasks?{query}")).await;
        assert_eq!(ids(&answer), wanted, "{query}");
        let total = answer.header("x-total-count").unwrap();
        assert_eq!(total, wanted.len().to_string(), "{query}");
    }
}

#[tokio::test]
async fn tasks_are_sorted_by_whatever_is_asked_for() {
    let (server, jane) = planned().await;
    server.wait(Duration::from_secs(1));
    jane.patch("/tasks/2", json!({ "title": "Straße" })).await.expect(StatusCode::OK);
    for (sort, wanted) in [
        ("created_at", [1, 2, 3, 4, 5, 6, 7]),
        ("-created_at", [7, 6, 5, 4, 3, 2, 1]),
        ("updated_at", [1, 3, 4, 5, 6, 7, 2]),
        ("-updated_at", [2, 7, 6, 5, 4, 3, 1]),
        // Tasks without a date come last either way.
        ("due", [1, 7, 3, 4, 5, 2, 6]),
        ("-due", [5, 4, 3, 7, 1, 6, 2]),
        ("priority", [3, 4, 6, 7, 2, 1, 5]),
        ("-priority", [5, 1, 2, 7, 6, 4, 3]),
        ("position", [1, 2, 3, 4, 5, 6, 7]),
        ("title", [3, 6, 4, 1, 7, 2, 5]),
        ("-title", [5, 2, 7, 1, 4, 6, 3]),
    ] {
        let answer = jane.get(&format!("/tasks?sort={sort}")).await;
        assert_eq!(ids(&answer), wanted, "{sort}");
        // The same list in pages of two.
        for (page, part) in wanted.chunks(2).enumerate() {
            let query = format!("sort={sort}&limit=2&skip={}", page * 2);
            assert_eq!(jane.ids(&query).await, part, "{sort} {page}");
        }
    }
}

#[tokio::test]
async fn a_day_is_over_when_it_is_over_at_home() {
    let (server, jane) = given().await;
    jane.made(json!({ "title": "a", "due": "2029-12-31" })).await;
    jane.made(json!({ "title": "b", "due": "2030-01-01" })).await;
    assert_eq!(jane.ids("overdue=true").await, [1]);
    let home = json!({ "time_zone": "America/New_York" });
    jane.patch("/auth/me", home).await.expect(StatusCode::OK);
    assert_eq!(jane.ids("overdue=true").await, [0; 0], "still yesterday there");
    server.wait(Duration::from_secs(5 * 3600));
    let jane = server.client.logged_in("jane@example.com").await;
    assert_eq!(jane.ids("overdue=true").await, [1]);
    let counts = jane.get("/tasks/counts").await.expect(StatusCode::OK);
    assert_eq!(counts["overdue"], 1);
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_by_name() {
    let (_server, jane) = given().await;
    for (query, name) in [
        ("completed=2", "completed"),
        ("priority=top", "priority"),
        ("tag=", "tag"),
        ("due_before=soon", "due_before"),
        ("due_after=2030-13-01", "due_after"),
        ("overdue=1", "overdue"),
        ("updated_since=yesterday", "updated_since"),
        ("parent_id=x", "parent_id"),
        ("sort=colour", "sort"),
        ("sort=--due", "sort"),
        ("cursor=x", "cursor"),
        ("cursor=&skip=1", "skip"),
    ] {
        let answer = jane.get(&format!("/tasks?{query}")).await;
        assert_eq!(answer.expect_refused(), [name], "{query}");
    }
    let long = format!("q={}", "a".repeat(201));
    assert_eq!(jane.get(&format!("/tasks?{long}")).await.expect_refused(), ["q"]);
    let many = ["tag=a"; 21].join("&");
    assert_eq!(jane.get(&format!("/tasks?{many}")).await.expect_refused(), ["tag"]);
    let both = jane.get("/tasks?sort=x&priority=y&limit=0").await.expect_refused();
    assert_eq!(both, ["limit", "priority", "sort"]);
}

#[tokio::test]
async fn the_next_page_is_asked_the_same() {
    let (_server, jane) = planned().await;
    let answer = jane.get("/tasks?tag=home&tag=shop&q=&limit=1&sort=-title").await;
    let link = answer.header("link").unwrap().to_owned();
    let path = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    assert_eq!(ids(&answer), [4]);
    assert_eq!(ids(&jane.get(&format!("!{path}")).await), [3]);
}

#[tokio::test]
async fn lists_are_filtered_by_any_and_none_and_sorted_by_two_keys() {
    // Few tasks are scanned, more have index entries.
    for others in [0, 9] {
        let (server, jane) = given().await;
        for task in [
            json!({ "title": "a", "priority": "high", "tags": ["home"], "due": "2030-01-03" }),
            json!({ "title": "b", "priority": "low", "tags": ["home", "shop"], "due": "2030-01-02" }),
            json!({ "title": "c", "priority": "high", "tags": ["shop"] }),
            json!({ "title": "d", "priority": "urgent", "tags": ["Work"], "due": "2030-01-01" }),
            json!({ "title": "e", "priority": "high", "due": "2030-01-01" }),
        ] {
            jane.made(task).await;
            server.wait(Duration::from_secs(1));
        }
        for id in [3, 1, 4] {
            jane.post_empty(&format!("/tasks/{id}/complete"))
                .await
                .expect(StatusCode::OK);
            server.wait(Duration::from_secs(1));
        }
        for number in 0..others {
            jane.made(json!({ "title": format!("z{number}"), "tags": ["other"] })).await;
        }
        let none: Vec<u64> = (6..6 + others).collect();
        let and_others = |ids: &[u64]| [ids, &none].concat();
        for (query, expected) in [
            ("priority=high&priority=urgent&sort=created_at", vec![1, 3, 4, 5]),
            ("priority=high&priority=urgent&sort=-priority", vec![4, 5, 3, 1]),
            ("priority=high&priority=low&completed=false", vec![5, 2]),
            ("tag_any=home&tag_any=work&sort=created_at", vec![1, 2, 4]),
            ("tag_any=home&tag_none=shop", vec![1]),
            ("tag=home&tag_any=shop&tag_any=none", vec![2]),
            ("tag_none=home&tag_none=shop&tag_none=other&sort=title", vec![4, 5]),
            ("has_due=true&sort=title", vec![1, 2, 4, 5]),
            ("has_due=false&tag_none=other", vec![3]),
            ("has_due=true&sort=due&completed=true", vec![4, 1]),
            ("completed=true&sort=-completed_at", vec![4, 1, 3]),
            ("completed=true&sort=completed_at", vec![3, 1, 4]),
            ("sort=due&sort=-priority&has_due=true", vec![4, 5, 2, 1]),
            ("sort=-priority&sort=due&tag_none=other", vec![4, 5, 1, 3, 2]),
            ("sort=-priority&sort=-due&tag_none=other", vec![4, 1, 5, 3, 2]),
            ("sort=priority&sort=-title&tag_none=other", vec![2, 5, 3, 1, 4]),
        ] {
            assert_eq!(jane.ids(query).await, expected, "{query}");
            assert_eq!(paged(&jane, query).await, expected, "{query}");
            let counted = jane.get(&format!("/tasks?{query}&limit=1")).await;
            let total = expected.len().to_string();
            assert_eq!(counted.header("x-total-count"), Some(total.as_str()));
        }
        let mut open = [&[5, 2], none.as_slice()].concat();
        open.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
        assert_eq!(jane.ids("completed=false&sort=-completed_at").await, open);
        assert_eq!(jane.ids("sort=completed_at").await, and_others(&[3, 1, 4, 2, 5]));
        for (query, field) in [
            ("sort=due&sort=due", "sort"),
            ("sort=due&sort=title&sort=priority", "sort"),
            ("sort=due,title", "sort"),
            ("priority=high,low", "priority"),
            ("has_due=none", "has_due"),
            ("tag_any=", "tag_any"),
        ] {
            let refused = jane.get(&format!("/tasks?{query}")).await;
            assert_eq!(refused.expect_refused(), [field], "{query}");
        }
    }
}

#[tokio::test]
async fn every_script_is_searched() {
    // Few tasks are scanned, more have index entries.
    for others in [0, 9] {
        let (_server, jane) = given().await;
        for title in [
            "Do Łodzi: Łódź",
            "Øresund og Ærø",
            "Đà Nẵng",
            "東京都へ",
            "東西と京都",
            "ซื้อตั๋วไปกรุงเทพมหานคร",
            "I ❤️ NY 🧹👩\u{200D}💻",
            "5 € + 3 $",
            &format!("{}a", "x".repeat(40)),
            &format!("{}b", "x".repeat(40)),
        ] {
            jane.given_task(title).await;
        }
        for _ in 0..others {
            jane.given_task("other").await;
        }
        let long = "x".repeat(40);
        for (query, found) in [
            ("lodz", vec![1]),
            ("oresund", vec![2]),
            ("da nang", vec![3]),
            ("ÆRØ", vec![2]),
            ("東京", vec![4]),
            ("京都", vec![5, 4]),
            ("都", vec![5, 4]),
            ("東", vec![5, 4]),
            ("東京都", vec![4]),
            ("東西 京都", vec![5]),
            ("กรุงเทพ", vec![6]),
            ("ไปกรุง", vec![6]),
            ("กรุงไป", vec![]),
            ("❤", vec![7]),
            ("🧹", vec![7]),
            ("💻", vec![7]),
            ("€", vec![8]),
            ("$ 3", vec![8]),
            (&format!("{long}a"), vec![9]),
            (&format!("{long}b"), vec![10]),
            (&format!("{long}*"), vec![10, 9]),
            (&long, vec![]),
        ] {
            let path = format!("q={}", escaped(query));
            assert_eq!(jane.ids(&path).await, found, "{query}");
            // In another order the list is read another way.
            let mut sorted = jane.ids(&format!("sort=title&{path}")).await;
            sorted.sort_unstable_by_key(|id| std::cmp::Reverse(*id));
            assert_eq!(sorted, found, "{query}");
        }
    }
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}

#[tokio::test]
async fn titles_are_in_the_order_of_unicode() {
    let (_server, jane) = given().await;
    for title in [
        "zebra", "Łódź", "lodge", "mint", "Ärger", "ark", "apple", "Øresund", "owl",
        "ordinary",
    ] {
        jane.given_task(title).await;
    }
    let tasks = jane.get("/tasks?sort=title").await.expect(StatusCode::OK);
    let titles =
        tasks.as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap());
    assert_eq!(
        titles.collect::<Vec<_>>(),
        [
            "apple", "Ärger", "ark", "lodge", "Łódź", "mint", "ordinary", "Øresund",
            "owl", "zebra"
        ]
    );
}

/// Ids in a list that is read one task a page. Gives up after many pages.
async fn paged(jane: &Client, query: &str) -> Vec<u64> {
    let mut path = format!("/tasks?{query}&limit=1&cursor=");
    let mut found = Vec::new();
    while found.len() < 50 {
        let page = jane.get(&path).await;
        found.extend(ids(&page));
        let Some(link) = page.header("link") else { break };
        let next = link.split(['<', '>']).nth(1).unwrap();
        next.strip_prefix("/api/v1").unwrap().clone_into(&mut path);
    }
    found
}

/// Ids of the tasks in the order of their due dates, in both directions.
async fn by_due(jane: &Client) -> (Vec<u64>, Vec<u64>) {
    let mut both = (Vec::new(), Vec::new());
    for (sort, found) in [("due", &mut both.0), ("-due", &mut both.1)] {
        *found = paged(jane, &format!("sort={sort}")).await;
        assert_eq!(*found, jane.ids(&format!("sort={sort}")).await, "{sort}");
    }
    both
}

#[tokio::test]
async fn a_day_begins_at_home_wherever_that_is() {
    for tasks in [0, 9] {
        // Few tasks are scanned, more have index entries.
        let (_server, jane) = given().await;
        for due in [
            "2030-01-02",
            "2030-01-01T22:00:00Z",
            "2030-01-02T04:59:59Z",
            "2030-01-02T05:00:01Z",
            "2030-01-02T12:00:00Z",
            "2030-01-01",
            "2030-01-03",
        ] {
            jane.made(json!({ "title": "a", "due": due })).await;
        }
        for _ in 0..tasks {
            jane.made(json!({ "title": "undated", "due": null })).await;
        }
        let undated: Vec<u64> = (8..8 + tasks).collect();
        for (home, expected) in [
            ("UTC", [6, 2, 1, 3, 4, 5, 7]),
            // The 2nd begins five hours later there.
            ("America/New_York", [6, 2, 3, 1, 4, 5, 7]),
            // And fourteen hours earlier there: the 3rd begins at ten on the 2nd.
            ("Pacific/Kiritimati", [6, 1, 2, 3, 4, 7, 5]),
        ] {
            jane.patch("/auth/me", json!({ "time_zone": home }))
                .await
                .expect(StatusCode::OK);
            let (up, down) = by_due(&jane).await;
            assert_eq!(up, [expected.as_slice(), &undated].concat(), "{home}");
            let back: Vec<u64> = expected.iter().rev().copied().collect();
            let last: Vec<u64> = undated.iter().rev().copied().collect();
            assert_eq!(down, [back, last].concat(), "{home}");
            // The filters part the list where the order does.
            for (number, id) in (0..).zip(expected) {
                let due = jane.get(&format!("/tasks/{id}")).await.body["due"].clone();
                let due =
                    due.as_str().unwrap().split('[').next().unwrap().replace('+', "%2B");
                let before = jane.ids(&format!("sort=due&due_before={due}")).await;
                assert_eq!(before, expected[..number], "{home} {due}");
                let after = jane.ids(&format!("sort=due&due_after={due}")).await;
                assert_eq!(after, expected[number..], "{home} {due}");
            }
        }
    }
}

#[tokio::test]
async fn tags_are_counted() {
    let (_server, jane) = planned().await;
    let tags = json!([
        { "tag": "friends", "count": 1, "open": 1, "done": 0 },
        { "tag": "home", "count": 3, "open": 2, "done": 1 },
        { "tag": "shop", "count": 3, "open": 2, "done": 1 },
    ]);
    assert_eq!(jane.get("/tags").await.expect(StatusCode::OK), tags);
    let counts = jane.get("/tasks/counts").await.expect(StatusCode::OK);
    let wanted = json!({ "total": 7, "open": 6, "done": 1, "overdue": 2, "tags": tags });
    assert_eq!(counts, wanted);
    jane.delete("/tasks/1").await.expect(StatusCode::NO_CONTENT);
    let tags = jane.get("/tags").await.expect(StatusCode::OK);
    assert_eq!(tags[0]["tag"], "home", "a tag goes with its last task");
}
