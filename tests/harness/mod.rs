//! What tests are made of.

pub(crate) mod client;
pub(crate) mod process;
pub(crate) mod server;

pub(crate) use self::client::{Answer, Client};
pub(crate) use self::process::{Home, Process};
pub(crate) use self::server::Server;
