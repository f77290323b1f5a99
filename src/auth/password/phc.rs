//! Reading hashes that are kept.

use argon2::password_hash::phc;
use argon2::{Algorithm, Params, Version};

use super::kinds::Kind;
use crate::domain::password::PasswordHash;

/// Most memory that a kept hash may ask for, in KiB.
const MAX_MEMORY_KIB: u32 = 64 * 1024;

/// Most passes that it may ask for.
const MAX_PASSES: u32 = 4;

/// Most lanes that it may ask for.
const MAX_LANES: u32 = 4;

/// Why a hash that was made elsewhere cannot be kept. Ends the sentence that the field begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is nothing that this program can hold a password against.
    #[error("is not an argon2id hash")]
    Unknown,
    /// Log-ins would take too long, or too much memory.
    #[error(
        "costs too much: at most m={MAX_MEMORY_KIB} (64 MiB), t={MAX_PASSES} and p={MAX_LANES} are taken"
    )]
    TooDear,
}

/// Sees whether log-ins can be held against a hash that was made elsewhere. The bounds let in what PHP
/// (`m=65536,t=4,p=1`), argon2-cffi (`m=65536,t=3,p=4`) and RFC 9106 make.
///
/// # Errors
///
/// Every variant of [`Refused`].
pub fn check(hash: &PasswordHash) -> Result<(), Refused> {
    understand(hash).map(|_| ())
}

/// The parts of a hash.
pub(super) struct Parts {
    pub(super) kind: Kind,
    pub(super) salt: phc::Salt,
    pub(super) hash: phc::Output,
}

/// Reads a hash, if it is of our sort and asks for no more than we give.
pub(super) fn understand(hash: &PasswordHash) -> Result<Parts, Refused> {
    let phc = phc::PasswordHash::new(hash.as_str()).map_err(|_| Refused::Unknown)?;
    if phc.algorithm != Algorithm::Argon2id.ident()
        || phc.version != Some(Version::V0x13.into())
    {
        return Err(Refused::Unknown);
    }
    let params = Params::try_from(&phc).map_err(|_| Refused::Unknown)?;
    if !params.keyid().is_empty() || !params.data().is_empty() {
        return Err(Refused::Unknown);
    }
    let kind = Kind {
        memory_kib: params.m_cost(),
        passes: params.t_cost(),
        lanes: params.p_cost(),
    };
    if kind.memory_kib > MAX_MEMORY_KIB
        || kind.passes > MAX_PASSES
        || kind.lanes > MAX_LANES
    {
        return Err(Refused::TooDear);
    }
    match (phc.salt, phc.hash) {
        (Some(salt), Some(hash)) => Ok(Parts { kind, salt, hash }),
        _ => Err(Refused::Unknown),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A hash of these parameters, and of no known password.
    pub(in crate::auth::password) fn hash(parameters: &str) -> PasswordHash {
        let rest = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        PasswordHash::new(format!("$argon2id$v=19${parameters}${rest}"))
    }

    #[test]
    fn the_defaults_of_other_programs_are_taken_and_nothing_dearer() {
        for good in ["m=65536,t=4,p=1", "m=65536,t=3,p=4", "m=19456,t=2,p=1"] {
            assert_eq!(check(&hash(good)), Ok(()), "{good}");
        }
        for dear in ["m=65537,t=1,p=1", "m=64,t=5,p=1", "m=64,t=1,p=5"] {
            assert_eq!(check(&hash(dear)), Err(Refused::TooDear), "{dear}");
        }
        let other = PasswordHash::new(
            "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
                .to_owned(),
        );
        assert_eq!(check(&other), Err(Refused::Unknown));
    }
}
