//! Tests of power cuts: every acknowledged write survives, whatever a disk has kept.
//!
//! A simulated disk under the real store and its writer thread records each write, each change of the file's length,
//! each sync, and the position of each acknowledgement among them. From these records the tests rebuild every image
//! that a real disk could hold after a cut at any moment. Each image is opened as it is, opened again, and opened
//! with every page checked. All acknowledged writes must exist, all others whole or not at all; the rules of a sound
//! file must hold; and each time the same data must be seen.
//!
//! Both commit modes satisfy this. Two-phase commits are tested most of the time, since they are the default. Beside
//! the cuts, a disk fails calls, and one lies about its syncs (see [`lies`]).
//!
//! `cargo test` opens some of the images of a few short workloads. The long form opens all images of as
//! many longer ones as needed:
//!
//! ```text
//! DULY_POWER_IMAGES=100000 cargo test --release power -- --nocapture
//! ```
//!
//! | variable | default | |
//! |---|---|---|
//! | `DULY_POWER_IMAGES` | about 3,000 | number of images that are opened, three times each |
//! | `DULY_POWER_SEED` | 0 | the first workload |
//!
//! It prints the number of images of each kind, and the number of wrong ones. The first wrong images are saved as
//! files in the folder for temporary files. A workload is the same for the same seed, except for the removal of large
//! accounts beside it, which depends on the threads.

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
