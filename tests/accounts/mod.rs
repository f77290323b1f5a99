//! Accounts and what gives access to them.

mod admin;
mod ends;
mod export;
pub(crate) mod invitations;
mod probes;
mod profile;
mod refresh;
mod tokens;
