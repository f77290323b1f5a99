//! Plain data and pure rules: no I/O, no time, no JSON, no database.
//!
//! A value of these types has been checked. Code that holds one need not check again.

pub mod chain;
pub mod email;
pub mod hex;
pub mod id;
pub mod id_set;
pub mod network;
pub mod page;
pub mod password;
pub mod session;
pub mod task;
pub mod timestamp;
pub mod transfer;
pub mod user;
