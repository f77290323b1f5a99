//! Tests of unfinished bodies: the memory that they take, and the room that other clients have beside them.

use std::net::SocketAddr;

use hyper::StatusCode;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::front_door::{HEALTH, PATIENCE, ask, connect_from, peak_kib, until_closed};
use crate::harness::client::BASE;
use crate::harness::{Client, Home, Process};

/// Largest number of unfinished bodies of one network, by the page on limits, for bodies of the largest kind:
/// accounts with much data, and any account.
const NETWORK: usize = (6 << 20) / (256 << 10);
const NETWORK_ALL: usize = (8 << 20) / (256 << 10);

/// Largest number of unfinished bodies of one account, for the same bodies.
const ACCOUNT: usize = (4 << 20) / (256 << 10);

/// Number of uploads of each greedy account.
const GREED: usize = 25;

/// Other memory of the server meanwhile, in KiB: each connection has a buffer of its own.
const BESIDE_KIB: u64 = 10 << 10;

/// Home with time limits that no client reaches, however slow the machine.
fn home() -> Home {
    Home::new()
        .set("MAX_CONNECTIONS_PER_NETWORK", "500")
        .set("BODY_TIMEOUT_SECONDS", "600")
        .set("REQUEST_TIMEOUT_SECONDS", "600")
        .set("HEADER_TIMEOUT_SECONDS", "600")
}

/// Batch of the largest size.
fn batch() -> String {
    let create = json!({ "op": "create", "task": { "title": "a", "description": "x".repeat(2000) } });
    json!({ "operations": vec![create; 120] }).to_string()
}

/// Sender of batches: an account at an address of this machine, optionally behind a proxy that names its address.
#[derive(Clone)]
struct Sender {
    server: SocketAddr,
    from: &'static str,
    header: String,
    token: String,
}

impl Sender {
    fn new(server: &Process, client: &Client, from: &'static str, header: &str) -> Self {
        let (token, header) = (client.token().to_owned(), header.to_owned());
        Self { server: server.address(), from, header, token }
    }

    fn head(&self, length: usize) -> String {
        let Self { header, token, .. } = self;
        format!(
            "POST {BASE}/tasks/batch HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{header}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    /// Sends a batch without its last byte.
    async fn begin(&self) -> TcpStream {
        let mut stream = connect_from(self.from, self.server).await;
        let batch = batch();
        let begun = [&self.head(batch.len()), &batch[..batch.len() - 1]].concat();
        stream.write_all(begun.as_bytes()).await.unwrap();
        stream
    }

    /// Sends a whole batch, and returns the response.
    async fn send(&self) -> String {
        let mut stream = self.begin().await;
        ask(&mut stream, "}").await
    }
}

/// Starts uploads of every sender and leaves them unfinished, until those without room have been refused.
async fn stall(senders: &[Sender], room: usize) -> JoinSet<String> {
    let mut uploads = JoinSet::new();
    for sender in senders.iter().cycle().take(GREED * senders.len()) {
        let mut stream = sender.begin().await;
        uploads.spawn(async move { until_closed_late(&mut stream).await });
    }
    while uploads.len() > room {
        let refused = timeout(PATIENCE, uploads.join_next()).await;
        let refused = refused.expect("a refusal").unwrap().unwrap();
        expect_busy(&refused);
        // The last byte was not sent, so the next request would be read as part of the body.
        assert!(refused.to_ascii_lowercase().contains("connection: close\r\n"));
    }
    uploads
}

/// Returns the first response to a batch of an account that has its share, and the connection of the batch.
async fn refused(sender: &Sender, uploads: &mut JoinSet<String>) -> (String, TcpStream) {
    loop {
        let mut stream = connect_from(sender.from, sender.server).await;
        let request = [sender.head(batch().len()), batch()].concat();
        let answer = ask(&mut stream, &request).await;
        if answer.starts_with("HTTP/1.1 503 ") {
            return (answer, stream);
        }
        // The batch may have been sent before the whole share was taken, and hold a place in it.
        let mut stream = sender.begin().await;
        uploads.spawn(async move { until_closed_late(&mut stream).await });
    }
}

/// Reads until the server closes, without a time limit.
async fn until_closed_late(stream: &mut TcpStream) -> String {
    stream.readable().await.unwrap();
    until_closed(stream).await
}

fn expect_busy(answer: &str) {
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("retry-after: 1\r\n"), "{answer}");
    let codes = [r#""code":"busy""#, r#""code":"account_busy""#];
    assert!(codes.iter().any(|code| answer.contains(code)), "{answer}");
}

/// Sends more batches at once than one account could from a network at its limit.
async fn sends_many_at_once(sender: &Sender) {
    let mut uploads = Vec::new();
    for _ in 0..(NETWORK_ALL - NETWORK + 2) {
        uploads.push(sender.begin().await);
    }
    for mut upload in uploads {
        let answer = ask(&mut upload, "}").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

/// Four accounts that send as much as they can, one that does not, and one on another network.
struct Crowd {
    greedy: Vec<Sender>,
    modest: Sender,
    elsewhere: Sender,
}

impl Crowd {
    /// Creates the senders. The first five share a network: each has the address and the header of its number.
    async fn given(
        server: &Process,
        near: impl Fn(usize) -> (&'static str, String),
        far: (&'static str, String),
    ) -> Self {
        let (anybody, mut senders) = (server.client(), Vec::new());
        for number in 0..6 {
            let client = anybody.registered(&format!("{number}@example.com")).await;
            let (from, header) = if number < 5 { near(number) } else { far.clone() };
            senders.push(Sender::new(server, &client, from, &header));
        }
        let elsewhere = senders.pop().unwrap();
        let modest = senders.pop().unwrap();
        Self { greedy: senders, modest, elsewhere }
    }

    /// Largest number of uploads of the greedy accounts, if each takes a little more than the part
    /// for accounts with much data.
    fn room(&self) -> usize {
        NETWORK + self.greedy.len()
    }

    /// Fills the share of the network, checks which senders are still served, and releases it.
    async fn fill_and_leave(&self) {
        let uploads = stall(&self.greedy, self.room()).await;

        sends_many_at_once(&self.elsewhere).await;
        let modest = self.modest.send().await;
        assert!(modest.starts_with("HTTP/1.1 200 "), "{modest}");

        drop(uploads);
        for sender in &self.greedy {
            while !sender.send().await.starts_with("HTTP/1.1 200 ") {}
        }
    }
}

/// Regression: unfinished bodies were not counted, so one network held 128 of 256 KiB, and sixteen
/// networks held all memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_does_not_finish_its_bodies_holds_its_share_and_keeps_nobody_else_from_sending()
 {
    let home = home();
    let server = home.serve();
    let near = |_| ("127.0.0.2", String::new());
    let crowd = Crowd::given(&server, near, ("127.0.0.1", String::new())).await;
    let before = peak_kib(&server);

    let uploads = stall(&crowd.greedy, crowd.room()).await;
    let growth = peak_kib(&server) - before;
    assert!(growth < (8 << 10) + BESIDE_KIB, "grew by {growth} KiB");

    drop(uploads);
    crowd.fill_and_leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_bodies_are_counted_by_the_network_of_the_client_that_it_names() {
    let home = home().set("TRUSTED_PROXIES", "127.0.0.1");
    let server = home.serve();
    let of = |client: &str| ("127.0.0.1", format!("X-Forwarded-For: {client}\r\n"));
    let near = |number: usize| of(&format!("2001:db8:0:{number}::1"));
    let crowd = Crowd::given(&server, near, of("2001:db8:1::1")).await;

    crowd.fill_and_leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_does_not_finish_its_bodies_is_refused_at_its_share_from_every_address()
 {
    let home = home();
    let server = home.serve();
    let jane = server.client().registered("jane@example.com").await;
    let john = server.client().registered("john@example.com").await;
    let of = |client, from| Sender::new(&server, client, from, "");
    let janes = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|from| of(&jane, from));

    let mut uploads = stall(&janes, ACCOUNT).await;

    let (answer, mut stream) = refused(&janes[0], &mut uploads).await;
    expect_busy(&answer);
    // The rest of the body is not read as a request, whether the connection stays open or not.
    if !answer.to_ascii_lowercase().contains("connection: close\r\n") {
        let next = ask(&mut stream, HEALTH).await;
        assert!(next.starts_with("HTTP/1.1 200 "), "{next}");
    }
    let other = of(&john, "127.0.0.2").send().await;
    assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
    // Small bodies are not counted.
    jane.given_task("a").await;
    jane.get("/auth/me").await.expect(StatusCode::OK);
    drop(uploads);
    while !janes[0].send().await.starts_with("HTTP/1.1 200 ") {}
}
