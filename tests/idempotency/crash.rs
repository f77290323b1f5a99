//! Tests of kill -9 during many POSTs, each of which is sent again until it gets a response, and once more: each
//! takes effect exactly once.
//!
//! ```text
//! DULY_ONCE_POSTS=10000 DULY_ONCE_KILLS=50 cargo test --release idempotency::crash -- --nocapture
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Method, StatusCode};
use tokio::task::JoinSet;

use super::{REPLAYED, keyed, task};
use crate::harness::{Answer, Client, Home};
use crate::long::{Dice, figure, setting};

const CLIENTS: u64 = 32;

struct Crowd {
    /// Client of the server that runs now.
    client: Mutex<Client>,
    posts: u64,
    next: AtomicU64,
    answered: AtomicU64,
    sent: AtomicU64,
    replayed: AtomicU64,
}

impl Crowd {
    /// Sends one POST until there is a response.
    async fn post(&self, number: u64) -> Answer {
        loop {
            let client = self.client.lock().unwrap().clone();
            let client = keyed(&client, &format!("key-{number}"));
            let body = task(&format!("task {number}")).to_string();
            self.sent.fetch_add(1, Ordering::Relaxed);
            let json = Some("application/json");
            match client.try_send(Method::POST, "/tasks", json, body).await {
                Ok(answer) if answer.status == StatusCode::CREATED => return answer,
                Ok(answer) => {
                    assert_eq!(answer.status.as_u16(), 503, "{}", answer.body);
                }
                // The server is gone.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    async fn run(&self) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.posts {
                return;
            }
            let first = self.post(number).await;
            let again = self.post(number).await;
            assert_eq!(again.header(REPLAYED), Some("true"));
            assert_eq!(first.bytes, again.bytes);
            if first.header(REPLAYED).is_some() {
                // The request took effect, and the server was killed before the response.
                self.replayed.fetch_add(1, Ordering::Relaxed);
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_again_through_kill_9_is_done_once() {
    let (posts, kills) = (setting("DULY_ONCE_POSTS", 600), setting("DULY_ONCE_KILLS", 6));
    let home = Home::new().set("LOG_LEVEL", "warn,duly::cli=info");
    let mut server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    let token = jane.token().to_owned();
    let crowd = Arc::new(Crowd {
        client: Mutex::new(jane),
        posts,
        next: AtomicU64::new(0),
        answered: AtomicU64::new(0),
        sent: AtomicU64::new(0),
        replayed: AtomicU64::new(0),
    });
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let crowd = Arc::clone(&crowd);
        clients.spawn(async move { crowd.run().await });
    }
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for kill in 0..kills {
        // After a share of the work, with a random offset.
        let share = posts * (kill + 1) / (kills + 1);
        while crowd.answered.load(Ordering::Relaxed) < share {
            // Otherwise the test would wait for a client that has failed.
            while let Some(client) = clients.try_join_next() {
                client.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.roll(20))).await;
        server.kill();
        server = home.serve();
        *crowd.client.lock().unwrap() = server.client().with_token(&token);
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let jane = crowd.client.lock().unwrap().clone();
    for skip in (0..posts + 200).step_by(200) {
        let page = jane.get(&format!("/tasks?skip={skip}&limit=200")).await;
        for task in page.expect(StatusCode::OK).as_array().unwrap() {
            *seen.entry(task["title"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let (sent, replayed) = (&crowd.sent, &crowd.replayed);
    figure(&format!(
        "{posts} POSTs, sent {sent:?} times through {kills} kills; of {replayed:?} the first answer was lost"
    ));
    assert_eq!(seen.len() as u64, posts);
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    assert_eq!(server.terminate(), Some(0));
    let output = home.run(&["check"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
