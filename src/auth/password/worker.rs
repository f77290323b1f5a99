//! A hashing thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Block, Version};

use super::kinds::{HASH_LEN, Kind, Kinds};
use super::phc::{Parts, understand};
use super::queue::Queues;
use super::{Job, PasswordCheck};
use crate::domain::password::{Password, PasswordHash};

/// State of one thread.
pub(super) struct Worker {
    kinds: Arc<Kinds>,
    memory: Vec<Block>,
}

impl Worker {
    pub(super) fn new(kinds: Arc<Kinds>) -> Self {
        Self { kinds, memory: Vec::new() }
    }

    pub(super) fn run(mut self, queues: &Queues<Job>) {
        while let Some((whose, job)) = queues.next() {
            // The lost answer tells the caller, and the thread goes on.
            if catch_unwind(AssertUnwindSafe(|| job(&mut self))).is_err() {
                tracing::error!("password hashing panicked");
            }
            queues.done(whose);
        }
    }

    pub(super) fn hash(
        &mut self,
        password: &Password,
        salt: &[u8],
    ) -> io::Result<PasswordHash> {
        let kind = self.kinds.today();
        let params = kind.params(HASH_LEN)?;
        let hash = self.derive(password.as_bytes(), salt, kind, HASH_LEN)?;
        let phc = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: phc::ParamsString::try_from(&params).map_err(io::Error::other)?,
            salt: Some(phc::Salt::new(salt).map_err(io::Error::other)?),
            hash: Some(hash),
        };
        Ok(PasswordHash::new(phc.to_string()))
    }

    /// Verifies a password against a hash, or against none. Computes one hash of each stored cost: the time reveals
    /// neither the cost of this account nor whether it exists. A wrong password that may have been hashed in two forms
    /// takes twice as long, for every account.
    pub(super) fn verify(
        &mut self,
        password: &Password,
        stored: Option<&PasswordHash>,
        salt: &[u8],
    ) -> io::Result<PasswordCheck> {
        let stored = stored.map(understand).transpose().map_err(io::Error::other)?;
        for (number, form) in password.forms().enumerate() {
            if self.is_right(form, stored.as_ref(), salt)? {
                let is_of_today = stored.is_some_and(|it| it.kind == self.kinds.today());
                return Ok(PasswordCheck::Right { outdated: number > 0 || !is_of_today });
            }
        }
        Ok(PasswordCheck::Wrong)
    }

    fn is_right(
        &mut self,
        form: &[u8],
        stored: Option<&Parts>,
        salt: &[u8],
    ) -> io::Result<bool> {
        let began = Instant::now();
        let mut is_right = false;
        for kind in self.kinds.to_make(stored.map(|it| it.kind)) {
            match stored {
                // `Output` compares in constant time.
                Some(stored) if stored.kind == kind => {
                    let len = stored.hash.len();
                    is_right = self.derive(form, &stored.salt, kind, len)? == stored.hash;
                }
                _ => drop(self.derive(form, salt, kind, HASH_LEN)?),
            }
        }
        self.kinds.note_time(began.elapsed());
        Ok(is_right)
    }

    fn derive(
        &mut self,
        password: &[u8],
        salt: &[u8],
        kind: Kind,
        len: usize,
    ) -> io::Result<phc::Output> {
        let params = kind.params(len)?;
        let usual = self.kinds.today().params(HASH_LEN)?.block_count();
        let blocks = params.block_count();
        // The memory of a more expensive hash is released at once.
        let mut more = Vec::new();
        let memory = if blocks > usual { &mut more } else { &mut self.memory };
        if memory.len() < blocks {
            *memory = vec![Block::default(); blocks];
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; 64];
        let out = out.get_mut(..len).ok_or(io::ErrorKind::InvalidData)?;
        argon2
            .hash_password_into_with_memory(password, salt, out, memory)
            .map_err(io::Error::other)?;
        phc::Output::new(out).map_err(io::Error::other)
    }
}
