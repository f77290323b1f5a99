//! Control of a running server by the operator, through a Unix socket beside the data file.
//!
//! One process owns the data file, so commands such as `duly user add` and `duly backup` do not open it while a
//! server runs: they ask the server. The same code carries out a command in both cases ([`run()`]).
//!
//! # The protocol
//!
//! A connection carries one command. The client sends a line of JSON, a [`Request`]; for a backup it passes the
//! open file as a descriptor, so that the server writes with the rights of the client and needs none of its own
//! there. An import is followed by its lines, and the end of the sending half. The server answers with lines of
//! JSON, each a [`Reply`], the last of which is `done` or `failed`.
//!
//! # Access
//!
//! The socket has mode 0600, and a connection counts only if it comes from the user of the server, or from
//! root: both could read the data file as well.

mod answer;
pub mod client;
mod failure;
mod message;
mod receive;
mod run;
mod send;
mod server;
mod usage;
mod users;

pub use self::answer::count;
pub use self::failure::Failure;
pub use self::message::{Command, Form, Reply, Request, VERSION};
pub use self::run::{Input, Parts, Sink, contents, run};
pub use self::server::Control;
