//! Known state of the tasks, and its comparison with the data of the server.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use hyper::StatusCode;

use crate::harness::{Answer, Client};

/// Known state of a task.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    pub(super) user: usize,
    /// Last acknowledged title.
    pub(super) title: String,
    /// Later title without a response.
    pub(super) sent: Option<String>,
    pub(super) life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    /// A deletion was sent and got no response.
    InDoubt,
    Gone,
}

/// Acknowledged writes, and requests without a response.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    pub(super) tasks: Mutex<BTreeMap<u64, Fate>>,
    /// Creations without a response: user and title.
    pub(super) creating: Mutex<Vec<(usize, String)>>,
    /// Newest acknowledged state of the one task of each user that all writers change: revision and title.
    pub(super) shared: Mutex<Vec<(u64, String)>>,
    pub(super) acknowledged: AtomicU64,
}

impl Oracle {
    /// Compares the data of the server with the expected state, and continues from there.
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
        // In the next cycle every existing task must stay. New writers do not change it.
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

/// Every task, by id, after a check of their number.
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
