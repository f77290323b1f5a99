//! Tests of reads that are too long for the threads of other requests.

use std::pin::pin;
use std::task::{Context, Waker};

use duly::domain::task::{Description, NewTask, TaskFilter, TaskQuery};
use duly::domain::words::Words;
use duly::store::Store as _;
use duly::store::redb::Options;

use crate::harness::TaskStore as _;
use crate::harness::values::{given_user, new_task, page};

/// Whether a search in 20 open tasks is done on the thread that asks for it.
async fn is_short(
    completed: Option<bool>,
    (title, description): (&str, &str),
    q: &str,
) -> bool {
    let data = tempfile::tempdir().unwrap();
    let store = super::open(data.path(), &Options::default());
    let owner = given_user(&*store, "a@example.com").await.id;
    for _ in 0..20 {
        let text = Description::new(description.to_owned()).unwrap();
        let task = NewTask { description: Some(text), ..new_task(title, 1) };
        store.task_create(owner, task).await.unwrap().unwrap();
    }
    let words = Words::parse(q).unwrap();
    let filter = TaskFilter { completed, words, ..TaskFilter::ALL };
    let query = TaskQuery::newest(filter, page(0, 9));
    let mut list = pin!(store.task_list(owner, query));
    let first = list.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let is_short = first.is_ready();
    if !is_short {
        list.await.unwrap();
    }
    is_short
}

/// Regression: 20 long texts in many scripts held up every other request for 28 ms.
#[tokio::test]
async fn a_search_in_long_texts_holds_up_no_other_request() {
    for text in ["\u{FDFA}", "東京", "👩\u{200D}💻", "ﬃ", "한국"] {
        let count = 2_000 / text.chars().count();
        let text = text.repeat(count);
        assert!(!is_short(None, ("a", &text), "東西京都").await, "{text}");
    }
    // Tasks of few words are scanned.
    let plain = "x".repeat(2_000);
    assert!(!is_short(None, ("é", &plain), "zebra").await, "a title that is folded");
    assert!(is_short(None, ("a", &plain), "zebra").await, "texts that are not folded");
}

#[tokio::test]
async fn a_search_in_usual_texts_takes_no_thread_of_its_own() {
    for text in ["buy milk and bread ", "Größe ", "東京都へ行く"] {
        let repeated: String = text.chars().cycle().take(150).collect();
        assert!(is_short(None, ("a", &repeated), "milk 東西京都").await, "{text}");
    }
    let long = "é".repeat(1_000);
    assert!(!is_short(None, ("a", &long), "zebra").await);
    assert!(is_short(Some(true), ("a", &long), "zebra").await, "no task is completed");
}
