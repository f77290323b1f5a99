//! Accounts and what gives access to them.

mod admin;
mod ends;
pub(crate) mod invitations;
mod probes;
mod profile;
mod refresh;
mod tokens;
