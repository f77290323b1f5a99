//! Possible contents of a disk after a power cut.
//!
//! All writes before the last sync are kept. Of the later ones, a disk may have kept any subset, in any order, one
//! sector at a time: a sector is old or new, never half of each.

use super::disk::{Entry, SECTOR};
use super::image::Image;
use super::random::Random;

/// Fate of the writes since the last sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    Everything,
    /// All before the last write, and this many sectors of it.
    Torn(usize),
    /// Random sectors, by this seed.
    Some(u64),
    /// The header alone, without the pages that it refers to.
    HeaderAlone,
    AllButHeader,
    /// Everything, but the file keeps its length.
    AllButLength,
}

impl Kept {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing since the last sync",
            Self::Everything => "everything so far",
            Self::Torn(_) => "last write torn",
            Self::Some(_) => "random sectors",
            Self::HeaderAlone => "header alone",
            Self::AllButHeader => "all but the header",
            Self::AllButLength => "growth dropped",
        }
    }
}

/// Moment of a cut, as the number of entries before it, and the fate of the writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) at: usize,
    pub(super) kept: Kept,
}

/// All entries of a disk, and its image at each sync.
pub(super) struct History {
    log: Vec<Entry>,
    /// Positions right after a sync, with the image.
    synced: Vec<(usize, Image)>,
}

impl History {
    pub(super) fn new(start: Image, log: Vec<Entry>) -> Self {
        let mut now = start.clone();
        let mut synced = vec![(0, start)];
        for (at, entry) in log.iter().enumerate() {
            match entry {
                Entry::Sync => synced.push((at + 1, now.clone())),
                done => redo(&mut now, done),
            }
        }
        Self { log, synced }
    }

    /// Image at the last sync before a moment, and the entries since.
    fn since_sync(&self, at: usize) -> (&Image, &[Entry]) {
        let after = self.synced.partition_point(|(synced, _)| *synced <= at);
        let (synced, image) = &self.synced[after - 1];
        (image, &self.log[*synced..at])
    }

    /// Returns cuts at all moments, with `some` random ones at each; at most `most` in all.
    pub(super) fn cuts(&self, random: &mut Random, some: usize, most: usize) -> Vec<Cut> {
        let moments = 0..=self.log.len();
        let cuts = moments.flat_map(|at| self.cuts_at(at, random, some)).collect();
        random.pick(cuts, most)
    }

    /// Returns every cut at one moment, without those that certainly give the same image as another.
    pub(super) fn cuts_at(
        &self,
        at: usize,
        random: &mut Random,
        some: usize,
    ) -> Vec<Cut> {
        let (_, since) = self.since_sync(at);
        let mut kept = vec![Kept::Everything];
        if let Some(Entry::Write { data, .. }) = since.last() {
            kept.extend((1..data.len().div_ceil(SECTOR)).map(Kept::Torn));
        }
        // Of the moments between two syncs, the last gets the most cuts.
        if !since.is_empty() && matches!(self.log.get(at), None | Some(Entry::Sync)) {
            kept.push(Kept::Nothing);
        }
        if since.len() > 1 {
            if since.iter().any(is_header) {
                kept.extend([Kept::HeaderAlone, Kept::AllButHeader]);
            }
            kept.extend((0..some).map(|_| Kept::Some(random.next())));
        }
        if since.iter().any(|entry| matches!(entry, Entry::SetLen(_))) {
            kept.push(Kept::AllButLength);
        }
        kept.into_iter().map(|kept| Cut { at, kept }).collect()
    }

    /// Returns the image of the disk after a cut.
    pub(super) fn image(&self, cut: Cut) -> Image {
        let (synced, since) = self.since_sync(cut.at);
        let mut image = synced.clone();
        let keep = |image: &mut Image, kept: &dyn Fn(&Entry) -> bool| {
            since.iter().filter(|entry| kept(entry)).for_each(|entry| redo(image, entry));
        };
        match cut.kept {
            Kept::Nothing => {}
            Kept::Everything => keep(&mut image, &|_| true),
            Kept::HeaderAlone => keep(&mut image, &is_header),
            Kept::AllButHeader => keep(&mut image, &|entry| !is_header(entry)),
            Kept::AllButLength => {
                keep(&mut image, &|entry| matches!(entry, Entry::Write { .. }));
            }
            Kept::Torn(sectors) => {
                for (number, entry) in since.iter().enumerate() {
                    match entry {
                        Entry::Write { at, data } if number + 1 == since.len() => {
                            image.write(*at, &data[..sectors * SECTOR]);
                        }
                        entry => redo(&mut image, entry),
                    }
                }
            }
            Kept::Some(seed) => shuffle(&mut image, since, &mut Random::new(seed)),
        }
        image
    }
}

/// Applies some of the entries. Whole writes or sectors, few or many, at random.
fn shuffle(image: &mut Image, since: &[Entry], random: &mut Random) {
    let whole = random.below(3) == 0;
    let of_eight = [1, 4, 7][random.below(3)];
    for entry in since {
        match entry {
            Entry::Write { at, data } if !whole => {
                // Sectors of the disk, wherever the write begins.
                let mut done = 0;
                while done < data.len() {
                    let end = (SECTOR - (at + done) % SECTOR + done).min(data.len());
                    if random.below(8) < of_eight {
                        image.write(at + done, &data[done..end]);
                    }
                    done = end;
                }
            }
            entry => {
                if random.below(8) < of_eight {
                    redo(image, entry);
                }
            }
        }
    }
}

fn redo(image: &mut Image, entry: &Entry) {
    match entry {
        // Data beyond the end is lost with the dropped growth.
        Entry::Write { at, data } => image.write(*at, data),
        Entry::SetLen(len) => image.set_len(*len),
        Entry::Sync => {}
    }
}

fn is_header(entry: &Entry) -> bool {
    matches!(entry, Entry::Write { at: 0, .. })
}
