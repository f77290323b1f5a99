//! Harness of the tests.

pub(crate) mod client;
mod contract;
pub(crate) mod events;
pub(crate) mod forge;
pub(crate) mod memory;
pub(crate) mod process;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod tasks;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod values;

pub(crate) use self::client::{Answer, Client};
pub(crate) use self::process::{Home, Process};
pub(crate) use self::server::Server;
pub(crate) use self::tasks::TaskStore;
