//! How the operator speaks to a running server: a Unix socket beside the data file.
//!
//! One process owns the data file, so commands such as `duly user add` and `duly backup` do not open it while
//! a server runs: they ask the server. The same code carries a command out in either case ([`run()`]).
//!
//! # The protocol
//!
//! A connection carries one command. The client sends a line of JSON, a [`Request`]; for a backup the open
//! file goes along as a descriptor, so that the server writes to it with the rights of whoever asks and needs
//! none of its own there. An import is followed by its lines, and the end of the sending half. The
//! server answers with lines of JSON, each a [`Reply`], the last of which is `done` or `failed`.
//!
//! # Who may
//!
//! The socket has mode 0600, and a connection counts only if it comes from the user that the server runs
//! as, or from root: whoever can reach it could read the data file as well.

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
