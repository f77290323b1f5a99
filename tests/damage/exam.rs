//! Examination of one damaged file: open, read everything, write, close and open again.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use duly::store::redb::{Options, RedbStore};
use duly::store::{Failure, OpenError, Store, StoreError};

use super::given::{get, put, questions, writes};
use super::{Given, Harm, Outcome, Way};
use crate::model::ask::Answer;

/// Observations during the reads.
#[derive(Debug, Default)]
struct Seen {
    errors: Vec<StoreError>,
    wrong: Option<String>,
}

/// One case.
pub(super) struct Exam<'a> {
    pub(super) given: &'a Given,
    pub(super) way: Way,
    pub(super) path: &'a Path,
    /// Whether the file was left by kill -9.
    pub(super) killed: bool,
    /// Whether the file is written to before it is read.
    pub(super) writes_first: bool,
}

impl Exam<'_> {
    /// Runs the case and returns its outcome. Panics if the outcome is not allowed.
    pub(super) async fn run(&self, harm: &Harm, sound: &[u8]) -> Outcome {
        let Given { states, before, .. } = self.given;
        let mut bytes = sound.to_vec();
        harm.apply(self.given, &mut bytes);
        if self.way == Way::Running {
            return self.run_beneath(&bytes, sound).await;
        }
        fs::write(self.path, &bytes).unwrap();
        let Some(store) = self.open() else { return Outcome::Refused };
        let mut allowed = vec![&states[0]];
        // After a crash either of the two newest commits may be the last one, and one bit decides which.
        if self.killed && harm.turns_back() {
            allowed.push(before);
        }
        let seen = look(&store, &mut allowed).await;
        if self.way == Way::Unchecked {
            // A store that has met a disk error writes nothing when it is closed. Where redb trusts damaged pages and
            // writes, it can end the process, which no caller can prevent.
            fs::write(self.path, "").unwrap();
            assert!(store.user_list(None, 1).await.is_err(), "read from an empty file");
        }
        if let Some(wrong) = seen.wrong {
            assert!(self.way == Way::Unchecked, "{wrong}");
            return Outcome::Wrong;
        }
        if !seen.errors.is_empty() {
            assert!(self.way == Way::Unchecked, "opened, and then {:?}", seen.errors[0]);
            return Outcome::Error;
        }
        if allowed == [before] {
            return Outcome::CommitBefore;
        }
        if self.way == Way::Checked {
            let (done, error) = self.write(&store).await;
            assert!(error.is_none(), "right at first, and then {error:?}");
            drop(store);
            let store = self.open().expect("opened once, and then not again");
            let seen = look(&store, &mut vec![&states[done]]).await;
            assert!(
                seen.wrong.is_none() && seen.errors.is_empty(),
                "opened again: {seen:?}"
            );
        }
        Outcome::Right
    }

    /// Damages the file of an open store.
    async fn run_beneath(&self, bytes: &[u8], sound: &[u8]) -> Outcome {
        let states = &self.given.states;
        fs::write(self.path, sound).unwrap();
        let store = self.open().expect("a sound file");
        let file = File::options().write(true).open(self.path).unwrap();
        let beneath = fs::read(self.path).unwrap();
        damage(&file, &beneath, sound, bytes);

        let mut errors = Vec::new();
        if !self.writes_first {
            let seen = look(&store, &mut vec![&states[0]]).await;
            assert_eq!(seen.wrong, None);
            errors.extend(seen.errors);
        }
        let (done, error) = self.write(&store).await;
        // An unacknowledged write may have happened.
        let may_be = states.len().min(done + 1 + usize::from(error.is_some()));
        errors.extend(error);
        let seen = look(&store, &mut states[done..may_be].iter().collect()).await;
        assert_eq!(seen.wrong, None);
        errors.extend(seen.errors);
        if let Some(error) = errors.first() {
            tokio::select! {
                biased;
                failure = store.failed() => assert!(
                    matches!(failure, Failure::Damaged { .. }),
                    "{failure:?} after {error:?}",
                ),
                () = std::future::ready(()) => panic!("the store goes on after {error:?}"),
            }
        }
        drop(store);

        let Some(store) = self.open() else {
            return if errors.is_empty() { Outcome::Right } else { Outcome::Error };
        };
        let seen = look(&store, &mut states[done..may_be].iter().collect()).await;
        assert!(seen.wrong.is_none() && seen.errors.is_empty(), "opened again: {seen:?}");
        if errors.is_empty() { Outcome::Right } else { Outcome::Error }
    }

    fn open(&self) -> Option<RedbStore> {
        let options = Options {
            cache_bytes: 0,
            reserve_bytes: 0,
            create: false,
            check_pages: self.way != Way::Unchecked,
            scan_at_most: self.given.scan_at_most,
            ..Options::default()
        };
        match RedbStore::open(self.path, &options) {
            Ok(store) => Some(store),
            Err(error @ OpenError::Damaged { .. }) => {
                let text = error.to_string();
                assert!(text.contains(&self.path.display().to_string()), "{text}");
                assert!(text.contains("restore a backup"), "{text}");
                None
            }
            Err(error) => panic!("refused for another reason: {error}"),
        }
    }

    /// Writes until an error. Returns the number of acknowledged writes.
    async fn write(&self, store: &RedbStore) -> (usize, Option<StoreError>) {
        for (done, write) in writes().iter().enumerate() {
            match put(store, write).await {
                Ok(answer) => assert!(answer == self.given.written[done], "{write:?}"),
                Err(error) => return (done, Some(error)),
            }
        }
        (writes().len(), None)
    }
}

/// Reads everything, and keeps the states for which all results are right.
async fn look(store: &RedbStore, states: &mut Vec<&Vec<Answer>>) -> Seen {
    let mut seen = Seen::default();
    for (number, question) in questions().iter().enumerate() {
        match get(store, question).await {
            Ok(answer) => {
                states.retain(|state| state[number] == answer);
                if states.is_empty() {
                    seen.wrong = Some(format!("{question:?} is answered {answer:?}"));
                    return seen;
                }
            }
            Err(error) => seen.errors.push(error),
        }
    }
    seen
}

/// Applies the damage of a copy to the file, where the file has not changed since.
fn damage(file: &File, beneath: &[u8], sound: &[u8], damaged: &[u8]) {
    for (at, (was, is)) in sound.iter().zip(damaged).enumerate() {
        if was != is && beneath.get(at).is_some() {
            file.write_all_at(&[*is], at as u64).unwrap();
        }
    }
    if damaged.len() < sound.len() {
        file.set_len(damaged.len() as u64).unwrap();
    }
}
