//! Parser of stored hashes.

use argon2::password_hash::phc;
use argon2::{Algorithm, Params, Version};

use super::kinds::Kind;
use crate::domain::password::PasswordHash;

/// Maximum memory of a stored hash, in KiB.
const MAX_MEMORY_KIB: u32 = 64 * 1024;

/// Maximum passes of a stored hash.
const MAX_PASSES: u32 = 4;

/// Maximum lanes of a stored hash.
const MAX_LANES: u32 = 4;

/// Reason that an imported hash is refused. Completes the sentence that the field begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The hash is not one that this program can verify.
    #[error("is not an argon2id hash")]
    Unknown,
    /// Log-ins would take too long, or too much memory.
    #[error(
        "exceeds the maximum cost of m={MAX_MEMORY_KIB} (64 MiB), t={MAX_PASSES} and p={MAX_LANES}"
    )]
    TooDear,
}

/// Checks that log-ins can be verified against an imported hash. The limits admit the hashes of PHP
/// (`m=65536,t=4,p=1`), argon2-cffi (`m=65536,t=3,p=4`) and RFC 9106.
///
/// # Errors
///
/// Every variant of [`Refused`].
pub fn check(hash: &PasswordHash) -> Result<(), Refused> {
    understand(hash).map(|_| ())
}

/// Parts of a hash.
pub(super) struct Parts {
    pub(super) kind: Kind,
    pub(super) salt: phc::Salt,
    pub(super) hash: phc::Output,
}

/// Parses a hash of a supported kind within the limits.
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

    /// Returns a hash with these parameters, of no known password.
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
