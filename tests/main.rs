//! Tests of what the program promises, from outside.
//!
//! One binary, so that it links once; one module per thing under test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod harness;
mod model;
mod store;
mod verify;
