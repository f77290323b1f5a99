//! Tests of accounts and their credentials.

mod admin;
mod emails;
mod ends;
mod export;
pub(crate) mod invitations;
mod names;
mod probes;
mod profile;
mod refresh;
mod tokens;
