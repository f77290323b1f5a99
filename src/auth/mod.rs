//! Authentication. Knows neither HTTP nor the store.

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

/// Proof that a client was authenticated and has one permission.
#[derive(Clone, Debug)]
pub struct Caller<P> {
    /// Account of the caller.
    pub user: User,
    /// Credential that was used.
    pub access: Access,
    /// Network that the request comes from.
    pub network: Network,
    /// Scopes of the credential.
    pub scopes: Scopes,
    permission: PhantomData<P>,
}

/// Text that must not be printed, wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Returns the text, for its one recipient.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<P> Caller<P> {
    /// Returns the origin of the caller's passwords, which decides their place in the queue.
    pub fn whose(&self) -> password::Whose {
        password::Whose::Known(self.user.id, self.network)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
