//! Who is asking. Knows nothing of HTTP, and nothing of the store.

mod derive;
mod hmac;
pub mod last_use;
pub mod opaque;
pub mod password;
pub mod permission;
pub mod seal;
pub mod strength;
pub mod throttle;
pub mod token;

use std::fmt;
use std::marker::PhantomData;

use zeroize::Zeroizing;

use crate::domain::access::Access;
use crate::domain::network::Network;
use crate::domain::scope::Scopes;
use crate::domain::user::User;

/// Proof that somebody was authenticated and may do one thing.
#[derive(Clone, Debug)]
pub struct Caller<P> {
    /// Who.
    pub user: User,
    /// By which credential.
    pub access: Access,
    /// Where the request comes from.
    pub network: Network,
    /// What the credential may be used for.
    pub scopes: Scopes,
    permission: PhantomData<P>,
}

/// A text that must not be printed, wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to be given to the one person it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<P> Caller<P> {
    /// The place in the queue of passwords.
    pub fn whose(&self) -> password::Whose {
        password::Whose::Known(self.user.id, self.network)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
