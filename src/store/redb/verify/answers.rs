//! Checks of the stored answers of an account.

use super::Check;
use super::tasks::Seen;
use crate::domain::answer::AnswerKey;
use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::redb::key::{self, AnswerByAge};
use crate::store::redb::{answers, index, record};

impl Check<'_> {
    pub(super) fn answer(
        &mut self,
        seen: &mut Seen,
        owner: UserId,
        key: AnswerKey,
        value: &[u8],
    ) -> Result<(), StoreError> {
        self.report.answers += 1;
        let answer = self.report.sound(record::decode_answer(owner, key, value))?;
        let Some(answer) = answer else { return Ok(()) };
        self.report.seen(answer.made_at);
        seen.answers.records += 1;
        seen.answers.bytes += answers::size(&answer);
        let entry = index::answer_by_age(owner, key, answer.made_at).encode();
        if self.owned.get(entry.as_slice())?.is_none() {
            self.report.add(format!("a stored response of {owner:?} has no entry"));
        }
        Ok(())
    }

    pub(super) fn answer_entry(
        &mut self,
        seen: &mut Seen,
        entry: AnswerByAge,
        value: &[u8],
    ) -> Result<(), StoreError> {
        let AnswerByAge { owner, key, .. } = entry;
        seen.answer_entries += 1;
        if !value.is_empty() {
            self.report.add(format!("an entry of {owner:?}'s stored responses has a value"));
        }
        let answer = self.owned.get(key::answer(owner, key).as_slice())?;
        // Damage is reported at the answer itself.
        let answer =
            answer.and_then(|it| record::decode_answer(owner, key, it.value()).ok());
        let made_at = answer.map(|answer| answer.made_at);
        if made_at.map(|at| index::answer_by_age(owner, key, at)) != Some(entry) {
            self.report.add(format!("an entry of {owner:?} without its stored response"));
        }
        Ok(())
    }

    /// Compares the answers with their stats, after all rows of an account were read.
    pub(super) fn leave_answers(&mut self, seen: &Seen) {
        let owner = seen.owner;
        if seen.answer_stats != seen.answers {
            self.report.add(format!("the stats of {owner:?}'s stored responses are wrong"));
        }
        if seen.answer_entries != seen.answers.records {
            self.report.add(format!("{owner:?} has more or fewer entries than stored responses"));
        }
    }
}
