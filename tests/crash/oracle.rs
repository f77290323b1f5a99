//! What is known of the tasks, and the comparison of that with what the server has.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use hyper::StatusCode;

use crate::harness::{Answer, Client};

/// What is known of a task.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    pub(super) user: usize,
    /// The last title that was acknowledged.
    pub(super) title: String,
    /// A title that was sent after it, and not answered.
    pub(super) sent: Option<String>,
    pub(super) life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    /// A deletion was sent and not answered.
    InDoubt,
    Gone,
}

/// Everything that the server has acknowledged, and what it was asked and has not answered.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) tasks: Mutex<BTreeMap<u64, Fate>>,
    /// Creations that were not answered: user and title.
    pub(super) creating: Mutex<Vec<(usize, String)>>,
    /// The newest acknowledged state of each user's one task that all writers fight for: revision and title.
    pub(super) shared: Mutex<Vec<(u64, String)>>,
    pub(super) acknowledged: AtomicU64,
}

impl Oracle {
    /// Compares what the server has with what it must have, and goes on from there.
    pub(super) async fn verify(&self, users: &[Client], shared: &[u64]) {
        let mut found = BTreeMap::new();
        for (user, client) in users.iter().enumerate() {
            for (id, title) in all_tasks(client).await {
                found.insert(id, (user, title));
            }
            let answer = client.get(&format!("/tasks/{}", shared[user])).await;
            self.verify_shared(user, answer);
            found.remove(&shared[user]);
        }
        self.verify_tasks(&found);
        // In the next cycle everything that is there must stay. New writers do not touch it.
        let alive = found.into_iter().map(|(id, (user, title))| {
            (id, Fate { user, title, sent: None, life: Life::Alive })
        });
        *self.tasks.lock().unwrap() = alive.collect();
        self.creating.lock().unwrap().clear();
    }

    fn verify_shared(&self, user: usize, answer: Answer) {
        let newest = &mut self.shared.lock().unwrap()[user];
        let revision = revision(&answer);
        let title = answer.expect(StatusCode::OK)["title"].clone();
        assert!(revision >= newest.0, "went back from {newest:?} to {revision}");
        assert!(
            revision > newest.0 || title == newest.1.as_str(),
            "{newest:?}, {revision} {title}"
        );
        *newest = (revision, title.as_str().unwrap().to_owned());
    }

    fn verify_tasks(&self, found: &BTreeMap<u64, (usize, String)>) {
        let known = self.tasks.lock().unwrap();
        let creating = self.creating.lock().unwrap();
        for (id, fate) in &*known {
            match (fate.life, found.get(id)) {
                (Life::Alive | Life::InDoubt, Some((user, title))) => {
                    let allowed =
                        *title == fate.title || Some(title) == fate.sent.as_ref();
                    assert!(
                        *user == fate.user && allowed,
                        "{id}: {title:?}, not {fate:?}"
                    );
                }
                (Life::InDoubt | Life::Gone, None) => {}
                (life, now) => panic!("{id} is {now:?}, and must be {life:?}: {fate:?}"),
            }
        }
        for (id, (user, title)) in found {
            let expected =
                known.contains_key(id) || creating.contains(&(*user, title.clone()));
            assert!(expected, "{id} {title:?} comes from nowhere");
        }
    }
}

pub(super) fn revision(answer: &Answer) -> u64 {
    answer.header("etag").unwrap().trim_matches('"').parse().unwrap()
}

/// Every task, by id, once the number of them has been found right.
async fn all_tasks(client: &Client) -> BTreeMap<u64, String> {
    let mut tasks = BTreeMap::new();
    loop {
        let page = client.get(&format!("/tasks?limit=200&skip={}", tasks.len())).await;
        let total: usize = page.header("x-total-count").unwrap().parse().unwrap();
        let more = page.header("link").is_some();
        for task in page.expect(StatusCode::OK).as_array().unwrap() {
            let title = task["title"].as_str().unwrap().to_owned();
            assert!(
                tasks.insert(task["id"].as_u64().unwrap(), title).is_none(),
                "{task}"
            );
        }
        if !more {
            assert_eq!(tasks.len(), total);
            return tasks;
        }
    }
}
