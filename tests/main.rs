//! Tests from the outside: through HTTP, through the trait of the store, through the binary.
//!
//! One binary, so that it links once; one module for each subject.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

mod access;
mod accounts;
mod behind_a_proxy;
mod blame;
mod bodies;
mod cli;
mod concurrency;
mod confirm;
mod cors;
mod crash;
mod damage;
mod docs;
mod env_file;
mod events;
mod forged;
mod front_door;
mod gate;
mod guide;
mod harness;
mod help;
mod http2;
mod idempotency;
mod keys;
mod log;
mod long;
mod memory;
mod metrics;
mod model;
mod newcomers;
mod oauth;
mod openapi;
mod operator;
mod passwords;
mod power;
mod problems;
mod quota;
mod reference;
mod serve;
mod sessions;
mod settings;
mod store;
mod tasks;
mod throttle;
mod tidy;
mod tls;
mod unread;
mod unreadable;
mod users;
mod verify;
