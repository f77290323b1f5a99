//! Counts of opened images, and of wrong ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::image::Image;
use crate::long::{figure, setting};

/// Largest number of findings that are printed, and whose images are saved.
const MAX_TOLD: usize = 5;

/// Default number of images.
const QUICK_IMAGES: u64 = 3_000;

/// Amount of work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// Smallest number of images.
    pub(super) images: u64,
    /// Largest number of images of one workload.
    pub(super) each: usize,
    /// Number of writes of a workload.
    pub(super) writes: usize,
    /// Number of random images for each moment.
    pub(super) some: usize,
}

impl Scale {
    /// Returns a share, in hundredths, of all requested images.
    pub(super) fn share(hundredths: u64) -> Self {
        match setting("DULY_POWER_IMAGES", 0) {
            0 => {
                let images = QUICK_IMAGES * hundredths / 100;
                let each = usize::try_from(images / 8).unwrap();
                Self { images, each, writes: 20, some: 3 }
            }
            images => Self {
                images: images * hundredths / 100,
                each: usize::MAX,
                writes: 40,
                some: 4,
            },
        }
    }
}

/// Counts so far. Shared by the threads that open images.
#[derive(Debug)]
pub(super) struct Tally {
    name: &'static str,
    counts: Mutex<BTreeMap<String, (u64, u64)>>,
    told: Mutex<Vec<String>>,
    images: AtomicU64,
}

impl Tally {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            counts: Mutex::new(BTreeMap::new()),
            told: Mutex::new(Vec::new()),
            images: AtomicU64::new(0),
        }
    }

    /// Counts one image. `place` says how to reproduce it.
    pub(super) fn add(
        &self,
        kind: &str,
        image: &Image,
        outcome: Result<(), String>,
        place: impl FnOnce() -> String,
    ) {
        self.images.fetch_add(1, Ordering::Relaxed);
        let mut counts = self.counts.lock().unwrap();
        let (images, findings) = counts.entry(kind.to_owned()).or_default();
        *images += 1;
        *findings += u64::from(outcome.is_err());
        drop(counts);
        let Err(finding) = outcome else { return };
        let mut told = self.told.lock().unwrap();
        if told.len() < MAX_TOLD {
            let file = self.keep(told.len(), image);
            let (place, file) = (place(), file.display());
            told.push(format!("{kind}, {place}: {finding} (kept as {file})"));
        }
    }

    fn keep(&self, number: usize, image: &Image) -> PathBuf {
        let name = format!("duly-power-{}-{number}.redb", self.name.replace(' ', "-"));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, image.bytes()).unwrap();
        path
    }

    /// Runs workload after workload, one on each of two threads, until there are enough images.
    pub(super) fn fill(&self, scale: Scale, look: impl Fn(u64) + Sync) {
        let seeds = AtomicU64::new(0);
        let first = setting("DULY_POWER_SEED", 0);
        let enough = || self.images.load(Ordering::Relaxed) >= scale.images;
        std::thread::scope(|scope| {
            let threads = [(); 2].map(|()| {
                scope.spawn(|| {
                    while !enough() {
                        look(first + seeds.fetch_add(1, Ordering::Relaxed));
                    }
                })
            });
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }

    /// Prints the counts, and fails if anything was wrong.
    pub(super) fn close(self) {
        let (mut images, mut findings) = (0, 0);
        for (kind, (seen, wrong)) in self.counts.into_inner().unwrap() {
            figure(&format!(
                "power, {}: {seen:>7} images, {wrong} findings: {kind}",
                self.name
            ));
            images += seen;
            findings += wrong;
        }
        figure(&format!(
            "power, {}: {images:>7} images, {findings} findings in all",
            self.name
        ));
        let told = self.told.into_inner().unwrap();
        assert!(told.is_empty(), "{findings} findings, among them\n{}", told.join("\n"));
        assert!(images > 0, "nothing was looked at");
    }
}
