//! Exports, independent of the file format of the store.

use tokio::sync::mpsc;

use super::export_format::Line;
use super::{Error, Service};
use crate::domain::progress::{Phase, Step, part_of};
use crate::domain::transfer::{Exported, Record};

/// Parts of an export that may wait for the receiver.
const WAITING: usize = 4;

impl Service {
    /// Exports all data, or one account by its email, line by line.
    ///
    /// Calls `each` with every line, without its line end, and the progress; an error of `each` stops the export.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such account, and store errors.
    pub async fn export<E: From<Error>>(
        &self,
        email: Option<&str>,
        mut each: impl FnMut(&str, Step) -> Result<(), E>,
    ) -> Result<(), E> {
        let whose = match email {
            Some(email) => Some(self.user_by_email(email).await?.id),
            None => None,
        };
        let created_at = self.0.clock.now();
        let (out, mut parts) = mpsc::channel(WAITING);
        let sending = self.0.store.export(whose, out);
        // Owns the receiver, so that the sender does not wait once this has ended.
        let receiving = async move {
            let (mut users, mut lists, mut tasks, mut all) = (0, 0, 0, 0);
            while let Some(part) = parts.recv().await {
                match part {
                    Exported::Start { ids, records } => {
                        all = records;
                        each(&Line::Start { created_at, ids }.write(), step(0, all))?;
                    }
                    Exported::Records(records) => {
                        for record in records {
                            match record {
                                Record::User(_) => users += 1,
                                Record::List(_) => lists += 1,
                                Record::Task(_) => tasks += 1,
                            }
                            let step = step(users + lists + tasks, all);
                            each(&Line::Record(record).write(), step)?;
                        }
                    }
                }
            }
            Ok::<_, E>((users, lists, tasks, each))
        };
        let (sent, received) = tokio::join!(sending, receiving);
        let (users, lists, tasks, mut each) = received?;
        sent.map_err(Error::from)?;
        let all = users + lists + tasks;
        each(&Line::End { users, lists, tasks }.write(), step(all, all))
    }
}

/// Returns the progress of an export after so many of its records.
fn step(records: u64, of: u64) -> Step {
    let at = Some(part_of(records, of, Step::WHOLE));
    Step { phase: Phase::Export, at, count: records }
}
