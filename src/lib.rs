//! Duly
#![allow(missing_docs)]
pub mod clock;
pub mod config;
pub mod domain;
pub mod random;
pub mod store;
