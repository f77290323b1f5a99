//! Plain data and pure rules, without I/O, clock, JSON or database.
//!
//! Values of these types are valid. Code that holds one need not validate it again.

pub mod access;
pub mod audit;
pub mod author;
pub mod authority;
pub mod date;
pub mod digest;
pub mod due;
pub mod email;
pub mod error_chain;
pub mod fold;
pub mod hex;
pub mod id;
pub mod id_set;
pub mod idempotency;
pub mod invitation;
pub mod label;
pub mod list;
pub mod network;
pub mod page;
pub mod password;
pub mod permission;
pub mod position;
pub mod priority;
pub mod progress;
pub mod quota;
pub mod recurrence;
mod rfc3339;
pub mod scope;
pub mod session;
pub mod sweep;
pub mod tag;
pub mod task;
pub mod time_zone;
pub mod timestamp;
pub mod token;
pub mod transfer;
pub mod uid;
pub mod user;
pub mod visible;
pub mod words;
