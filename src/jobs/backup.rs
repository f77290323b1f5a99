//! Scheduled backups, each verified, of which the newest few are kept.
//!
//! The folder itself holds the state: a copy gets its final name only once it is verified, and the name holds
//! its time. So a restart neither forgets the last backup nor makes one too early.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Backups;
use crate::domain::error_chain::ErrorChain;
use crate::domain::timestamp::Timestamp;
use crate::files::{
    PARTIAL, folder_of, give_to_owner_of, make_private, remove_unless_written,
};
use crate::service::backups::{BackupLog, BackupResult, BackupState};
use crate::store::redb::{self, CopyError, Progress, RedbStore};

/// Interval at which the job checks the folder.
const TICK: Duration = Duration::from_secs(10);

/// Minimum time between a failure and the next attempt.
const RETRY: Duration = Duration::from_secs(5 * 60);

/// Returns the name of a backup of this data file: `duly-20300101T000000.000Z.redb`.
pub fn name(data_file: &Path, at: Timestamp) -> String {
    let time = at.to_string().replace(['-', ':'], "");
    format!("{}-{time}.redb", stem(data_file))
}

fn stem(data_file: &Path) -> String {
    let stem = data_file.file_stem().unwrap_or_else(|| OsStr::new("duly"));
    stem.to_string_lossy().into_owned()
}

/// Creates the folder for backups, for its owner alone, if only the last part of its path is missing.
///
/// # Errors
///
/// Errors of the operating system.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        // A folder that root creates for the server must belong to the server.
        Ok(()) => give_to_owner_of(&fs::File::open(folder)?, &folder_of(folder)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Parses the time in a file name, if it is the name of a backup of this data file.
fn moment(data_file: &Path, name: &OsStr) -> Option<Timestamp> {
    let name = name.to_str()?;
    let time = name.strip_prefix(&stem(data_file))?.strip_prefix('-')?;
    let time = time.strip_suffix(".redb")?;
    let part = |from: usize, to: usize| time.get(from..to);
    let text = format!(
        "{}-{}-{}:{}:{}",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 11)?,
        part(11, 13)?,
        part(13, time.len())?
    );
    let moment = text.parse().ok()?;
    // Accepts only the exact spelling, since old backups are removed.
    (self::name(data_file, moment) == name).then_some(moment)
}

/// Returns a file with the time of its last change.
fn as_it_is(path: PathBuf) -> (PathBuf, SystemTime) {
    let changed = path.metadata().and_then(|found| found.modified());
    (path, changed.unwrap_or(SystemTime::UNIX_EPOCH))
}

/// The job and its dependencies.
#[derive(Debug)]
pub struct BackupJob {
    /// The store to copy.
    pub store: Arc<RedbStore>,
    /// The data file, which gives backups their names.
    pub data_file: PathBuf,
    /// Folder, interval and number of backups.
    pub settings: Backups,
    /// Source of the current time.
    pub clock: Arc<dyn Clock>,
    /// Results for the health check.
    pub log: Arc<BackupLog>,
    /// Files with the name of a backup that are none, each with its last change.
    pub rejected: Mutex<BTreeSet<(PathBuf, SystemTime)>>,
}

impl BackupJob {
    /// Makes backups until `stop` is cancelled, which abandons a copy in progress.
    pub async fn run(self, stop: CancellationToken) {
        let job = Arc::new(self);
        let work = async {
            let mut failed_at: Option<Instant> = None;
            loop {
                if failed_at.is_none_or(|at| at.elapsed() >= RETRY) {
                    let (looker, stop) = (Arc::clone(&job), stop.clone());
                    let looked = tokio::task::spawn_blocking(move || looker.pass(&stop));
                    let result =
                        looked.await.unwrap_or_else(|error| job.failed(&error, None));
                    failed_at = (result == BackupResult::Failed).then(Instant::now);
                }
                tokio::time::sleep(TICK).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    }

    /// Checks the folder once, and makes a backup if one is due. Blocks while it does.
    pub fn pass(&self, stop: &CancellationToken) -> BackupResult {
        let now = self.clock.now();
        let kept = make_folder(&self.settings.folder).and_then(|()| self.kept());
        let newest = match kept {
            Ok(kept) => self.newest_sound(kept, now),
            Err(error) => return self.failed(&error, None),
        };
        let is_due = newest.is_none_or(|newest| now.since(newest) >= self.settings.every);
        if !is_due {
            // Also for a backup of another process, and also after a failure.
            let result = BackupResult::Verified;
            self.log.set(BackupState { verified_at: newest, result });
            return result;
        }
        let started = Instant::now();
        let path = self.settings.folder.join(name(&self.data_file, now));
        // First, since they may hold the space that a copy needs.
        let copied = remove_left_behind(&self.settings.folder, &self.data_file);
        let copied = copied.map_err(CopyError::from);
        match copied.and_then(|()| self.copy(&path, stop)) {
            Ok(()) => {
                let result = BackupResult::Verified;
                self.log.set(BackupState { verified_at: Some(now), result });
                let duration_ms = u64::try_from(started.elapsed().as_millis());
                tracing::info!(
                    duration_ms = duration_ms.unwrap_or(u64::MAX),
                    "created and verified a backup"
                );
                if let Err(error) = self.remove_old(&path, now) {
                    tracing::warn!(%error, "could not remove old backups");
                }
                result
            }
            Err(CopyError::Stopped) => BackupResult::None,
            Err(error) => self.failed(&error, newest),
        }
    }

    /// Returns the time of the newest sound backup. A name alone proves nothing, so each file is checked once.
    fn newest_sound(
        &self,
        mut kept: Vec<(Timestamp, PathBuf)>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        // A backup from the future shows that a clock was wrong, and nothing about the present.
        kept.retain(|(moment, _)| *moment <= now);
        let known = self.log.state().verified_at;
        while let Some((moment, path)) = kept.pop() {
            if known == Some(moment) {
                return known;
            }
            if self.is_rejected(&path) {
                continue;
            }
            match redb::inspect(&path) {
                Ok(_) => return Some(moment),
                Err(error) => {
                    let error = error.of_backup();
                    tracing::warn!(error = %ErrorChain(&error), "skipped an invalid backup");
                    let mut rejected =
                        self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
                    rejected.insert(as_it_is(path));
                }
            }
        }
        None
    }

    /// Whether this file was checked, and is no backup.
    fn is_rejected(&self, path: &Path) -> bool {
        let rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
        rejected.contains(&as_it_is(path.to_owned()))
    }

    fn copy(&self, path: &Path, stop: &CancellationToken) -> Result<(), CopyError> {
        make_private(path, |file| {
            let report = self.store.copy_into(
                &file,
                path,
                &mut Progress::new(&mut |_| {
                    if stop.is_cancelled() {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                }),
            )?;
            tracing::debug!(
                users = report.users,
                tasks = report.tasks,
                "verified the backup"
            );
            Ok(())
        })
    }

    fn failed(
        &self,
        error: &(dyn std::error::Error + 'static),
        newest: Option<Timestamp>,
    ) -> BackupResult {
        let verified_at = newest.or_else(|| self.log.state().verified_at);
        self.log.set(BackupState { verified_at, result: BackupResult::Failed });
        let folder = self.settings.folder.display();
        tracing::error!(%folder, error = %ErrorChain(error), "the backup failed");
        BackupResult::Failed
    }

    /// Returns the existing backups, sorted by time.
    fn kept(&self) -> io::Result<Vec<(Timestamp, PathBuf)>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.settings.folder)? {
            let entry = entry?;
            if let Some(moment) = moment(&self.data_file, &entry.file_name()) {
                kept.push((moment, entry.path()));
            }
        }
        kept.sort();
        Ok(kept)
    }

    /// Removes the oldest backups beyond the number to keep, never the one just made. Backups that a wrong
    /// clock dated ahead are neither counted nor removed, nor are files that are no backups.
    fn remove_old(&self, made: &Path, now: Timestamp) -> io::Result<()> {
        let mut kept = self.kept()?;
        kept.retain(|(moment, path)| *moment <= now && !self.is_rejected(path));
        let surplus = kept.len().saturating_sub(self.settings.keep);
        let old = kept.iter().map(|(_, path)| path).filter(|path| *path != made);
        for path in old.take(surplus) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

/// Removes partial backups of a data file that a process has left in a folder.
///
/// # Errors
///
/// Errors of the operating system.
pub fn remove_left_behind(folder: &Path, data_file: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let whole = name
            .to_str()
            .and_then(|name| name.strip_suffix(PARTIAL))
            .and_then(|name| name.rsplit_once('.'))
            .map(|(whole, _)| whole);
        if whole.is_some_and(|name| moment(data_file, OsStr::new(name)).is_some()) {
            // Access to another user's file may be denied.
            drop(remove_unless_written(&entry.path()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_moment_and_no_other_name_does() {
        let data = Path::new("/data/duly.redb");
        let at = Timestamp::from_millis(1_900_000_000_007).unwrap();
        assert_eq!(name(data, at), "duly-20300317T174640.007Z.redb");
        assert_eq!(moment(data, OsStr::new("duly-20300317T174640.007Z.redb")), Some(at));
        for other in [
            "duly.redb",
            "duly-before.redb",
            "duly-20300317T174640Z.redb",
            "duly-20301317T174640.007Z.redb",
            "other-20300317T174640.007Z.redb",
            "duly-20300317T174640.007Z.redb.0123.partial",
            "duly-20300317T174640.007Z.redb.txt",
            "duly-ä.redb",
        ] {
            assert_eq!(moment(data, OsStr::new(other)), None, "{other}");
        }
    }
}
