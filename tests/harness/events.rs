//! Reader of server-sent events.

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;

/// Open stream. Closes its connection when dropped.
#[derive(Debug)]
pub(crate) struct Events {
    body: Incoming,
    read: String,
}

/// Event with its name, its id and its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) data: Value,
    /// Milliseconds after which to open the stream again.
    pub(crate) retry: Option<u64>,
}

impl Events {
    pub(super) const fn new(body: Incoming) -> Self {
        Self { body, read: String::new() }
    }

    /// Waits for the next event; comments are left out. `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            if let Some(event) = parse(&block) {
                return Some(event);
            }
        }
    }

    /// Waits for the next event or comment, and returns its text.
    pub(crate) async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                return Some(self.read.drain(..end + 2).collect());
            }
            let frame = self.body.frame().await?.ok()?;
            self.read.push_str(str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    /// Waits for the next event, which must be a change, and returns it as a short text with its cursor.
    pub(crate) async fn change(&mut self) -> (String, String) {
        let Event { name, id, data, .. } = self.next().await.expect("an open stream");
        assert_eq!(data["op"], *name);
        let kind = data["kind"].as_str().unwrap();
        let of = if name == "put" { &data[kind]["id"] } else { &data["id"] };
        (format!("{name} {kind} {of}"), id.unwrap())
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |wanted: &str| {
        let mut lines = block.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
    };
    Some(Event {
        name: field("event")?,
        id: field("id"),
        data: serde_json::from_str(&field("data")?).unwrap(),
        retry: field("retry").map(|text| text.parse().unwrap()),
    })
}
