//! Background jobs of the server.
//!
//! A job compares the current state with the desired one and corrects it. It takes no input, is idempotent, and
//! runs at the start, then from time to time.

pub mod backup;
pub mod sweep;
