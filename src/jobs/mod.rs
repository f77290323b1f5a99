//! What the server does by itself, without being asked.
//!
//! A job looks at how things are and puts them right: it takes no input, doing it twice is the same as doing it
//! once, and it runs at the start, then from time to time.

pub mod answers;
pub mod backup;
