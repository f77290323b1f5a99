//! Power cuts: whatever a disk has kept, every acknowledged write is there.
//!
//! A disk of our own stands under the real store and its writer thread and remembers each write, each change
//! of the file's length, each sync and where among them each answer was given. From that every image is
//! rebuilt that a real disk could hold after a cut at any moment, opened as it is, opened again, and opened
//! with every page checked. All acknowledged writes have to be there, all others whole or not at all; the rules
//! of a sound file have to hold; and each time the same has to be seen.
//!
//! Both ways to commit hold that. Two phases are asked most of the time, since they are the default.
//! Beside the cuts, a disk refuses calls, and one lies about its syncs (see [`lies`]).
//!
//! `cargo test` looks at some of the images of a few short workloads. The long form looks at all images
//! of as many longer ones as it takes:
//!
//! ```text
//! DULY_POWER_IMAGES=100000 cargo test --release power -- --nocapture
//! ```
//!
//! | variable | default | |
//! |---|---|---|
//! | `DULY_POWER_IMAGES` | about 3,000 | how many images are opened, three times each |
//! | `DULY_POWER_SEED` | 0 | the first workload |
//!
//! It prints how many images there were of each kind, and how many of them were wrong. The first of those are
//! kept as files in the folder for temporary files. A workload is the same for the same seed, but for what
//! the removal of large accounts does beside it, which depends on the threads.

mod cut;
mod cuts;
mod disk;
mod faults;
mod image;
mod lies;
mod migration;
mod oracle;
mod random;
mod recovery;
mod runner;
mod tally;
mod workload;
