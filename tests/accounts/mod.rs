//! Accounts and what gives access to them.

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
