//! Everything that is tested from the outside: through HTTP, through the store's trait, through the binary.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

mod cli;
mod crash;
mod front_door;
mod harness;
mod serve;
mod tasks;
mod tidy;
