//! Checks of the index of emails.

use super::{Check, MAX_FINDINGS};
use crate::domain::email::Email;
use crate::domain::id::UserId;
use crate::store::StoreError;
use crate::store::redb::format::key::Table;
use crate::store::redb::format::{record, table};

impl Check<'_> {
    /// Looks for the entry of an account, and for other accounts with another spelling of the same address.
    pub(super) fn email(&mut self, id: UserId, email: &Email) -> Result<(), StoreError> {
        let mut entries = 0;
        let keys = email.keys();
        let others = email.spellings().into_iter().filter(|other| !keys.contains(other));
        for key in keys.iter().cloned().chain(others) {
            let entry = self.by_email.get(key.as_bytes())?;
            let named = entry.map(|entry| {
                record::decode_number(Table::UserByEmail, key.as_bytes(), entry.value())
            });
            match self.report.sound(named.transpose())?.flatten().map(UserId::new) {
                None => {}
                Some(named) if named == id => {
                    entries += usize::from(keys.contains(&key));
                }
                Some(other) => self.namesake(id, email, other)?,
            }
        }
        match entries {
            0 => self.report.add(format!("{id:?} has no entry in user_by_email")),
            1 => {}
            _ => self.report.add(format!("{id:?} has two entries in user_by_email")),
        }
        Ok(())
    }

    /// Records another account, if it has the same address. A wrong entry is reported at its own check.
    fn namesake(
        &mut self,
        id: UserId,
        email: &Email,
        other: UserId,
    ) -> Result<(), StoreError> {
        let its = self.email_of(other)?.and_then(Result::ok);
        let is_same = its.is_some_and(|its| its.canonical() == email.canonical());
        if is_same && self.report.namesakes.len() < MAX_FINDINGS {
            self.report.namesakes.insert((id.min(other), id.max(other)));
        }
        Ok(())
    }

    /// Returns the email of an account, if it exists, or its damage.
    fn email_of(
        &self,
        id: UserId,
    ) -> Result<Option<Result<Email, StoreError>>, StoreError> {
        let value = self.users.get(id.to_bytes().as_slice())?;
        let found = value.map(|value| record::decode_user(id, value.value()));
        Ok(found.map(|found| found.map(|found| found.user.email)))
    }

    /// Checks the account of each entry.
    pub(super) fn emails(&mut self) -> Result<(), StoreError> {
        for entry in table::all(&self.by_email)? {
            let (key, value) = entry?;
            self.step();
            let id =
                record::decode_number(Table::UserByEmail, key.value(), value.value());
            let Some(id) = self.report.sound(id)?.map(UserId::new) else { continue };
            let email = self.email_of(id)?.transpose();
            let email = self.report.sound(email)?.flatten();
            let keys = email.map(|email| email.keys()).unwrap_or_default();
            if keys.iter().all(|own| own.as_bytes() != key.value()) {
                self.report
                    .add(format!("user_by_email names {id:?}, which has another email"));
            }
        }
        Ok(())
    }
}
