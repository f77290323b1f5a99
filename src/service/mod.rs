//! Operations of the program, independent of the interface: HTTP or the command line.

mod accounts;
pub mod backups;
mod changes;
mod chunk;
mod ending;
mod error;
mod events;
mod export;
pub mod export_format;
mod fixed;
mod history;
mod idempotency;
mod import;
mod invitations;
mod lists;
pub mod metrics;
mod passwords;
mod personal_data;
mod profile;
mod sessions;
mod state;
mod tasks;
mod tokens;
mod users;
mod wire_error;

use std::sync::Arc;

pub use self::accounts::AccountChange;
use self::backups::{BackupHealth, BackupLog};
pub use self::changes::{
    ChangeStream, Changes, ChangesAsked, Ending, Step, StreamAsked, TicketUse,
    WaitMetrics, Waits,
};
pub use self::ending::{AllEnded, Left};
pub use self::error::{Error, FieldError};
pub use self::events::Events;
pub use self::fixed::FixedAccount;
pub use self::history::{Kept, UndoInput, UndoReport};
pub use self::idempotency::{Outcome, Recorder, Replayable, RequestKey};
pub use self::import::{IdleRules, ImportError};
pub use self::lists::{ListGone, ListInput, ListPatchInput};
pub use self::personal_data::PersonalData;
pub use self::profile::ProfileChange;
pub use self::sessions::{Grant, Origin};
pub use self::state::State;
pub use self::tasks::{
    Listed, Made, Moved, Next, Part, Preconditions, TaskBatch, TaskCommand, TaskFailure,
    TaskInput, TaskListing, TaskPatchInput, TaskRequest, TaskResults,
};
pub use self::tokens::TokenDraft;
pub use self::users::NewAccount;
use crate::auth::Caller;
use crate::auth::password::Hasher;
use crate::auth::permission::Permission;
use crate::auth::seal::Sealer;
use crate::auth::strength::PasswordRules;
use crate::auth::throttle::{RequestLimit, Throttle, Throttled};
use crate::auth::token::{AccessTokens, Keys};
use crate::clock::Clock;
use crate::config::{Config, Registration};
use crate::domain::authority::{Authority, Claim};
use crate::domain::id::UserId;
use crate::domain::network::Network;
use crate::random::Random;
use crate::store::Store;

/// Parts that the service is built from.
#[derive(Debug)]
pub struct Parts {
    /// Store of all data.
    pub store: Arc<dyn Store>,
    /// Password hasher.
    pub hasher: Hasher,
    /// Rules for new passwords.
    pub rules: PasswordRules,
    /// Signer and verifier of access tokens.
    pub tokens: AccessTokens,
    /// Sealer of data that only this program may read.
    pub sealer: Sealer,
    /// Throttle of log-ins and registrations; `None` for no limits.
    pub throttle: Option<Throttle>,
    /// Log of failed log-ins.
    pub events: Events,
    /// Registration policy.
    pub registration: Registration,
    /// State kept between requests.
    pub state: State,
    /// Permits for requests that wait for changes.
    pub waits: Waits,
    /// Request limit of each account; `None` for no limit.
    pub requests: Option<RequestLimit>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Source of random bytes.
    pub random: Arc<dyn Random>,
    /// Whether changes of a task must name its revision.
    pub require_if_match: bool,
    /// Backup state; `None` without scheduled backups.
    pub backups: Option<Arc<BackupLog>>,
}

/// Dependencies of the service that do not follow from the settings.
#[derive(Debug)]
pub struct Wiring<'a> {
    /// Store of all data.
    pub store: Arc<dyn Store>,
    /// Password hasher.
    pub hasher: Hasher,
    /// Keys that sign and seal.
    pub keys: Keys<'a>,
    /// Clock.
    pub clock: Arc<dyn Clock>,
    /// Source of random bytes.
    pub random: Arc<dyn Random>,
}

impl Parts {
    /// Creates the parts of a server with these settings, without scheduled backups.
    pub fn new(config: &Config, wiring: Wiring<'_>) -> Self {
        let Wiring { store, hasher, keys, clock, random } = wiring;
        Self {
            store,
            hasher,
            rules: PasswordRules::new(
                config.password_min_length,
                config.password_min_strength,
            ),
            sealer: Sealer::new(keys),
            tokens: AccessTokens::new(
                keys,
                config.algorithm,
                config.access_token_lifetime,
            ),
            throttle: config.auth_rate_limit.then(Throttle::default),
            events: Events::new(config.log_networks),
            registration: config.registration,
            state: State::default(),
            waits: Waits::new(&config.limits),
            requests: config.rate_limit_per_minute.map(RequestLimit::per_minute),
            clock,
            random,
            require_if_match: config.require_if_match,
            backups: None,
        }
    }
}

/// The service. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Service(Arc<Parts>);

impl Service {
    /// Creates a service from its parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Checks that requests can be served now. Returns the health of the backups, if they are scheduled.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be read, its writer has stopped, or damage was found.
    pub async fn ready(&self) -> Result<Option<BackupHealth>, Error> {
        self.0.store.ready().await?;
        let now = self.0.clock.now();
        Ok(self.0.backups.as_ref().map(|log| log.health(now)))
    }

    /// Returns the authority of a caller, whose credential must still be valid when the write is decided.
    fn authority<P: Permission>(&self, caller: &Caller<P>) -> Authority {
        Authority::Caller(Claim {
            user: caller.user.id,
            access: caller.access,
            scopes: caller.scopes,
            need: P::NEED,
            at: self.0.clock.now(),
        })
    }

    /// Learns the costs of the stored hashes, so that the time of a log-in does not reveal the cost of an account's
    /// hash. Must run once, before the first log-in.
    ///
    /// # Errors
    ///
    /// Store errors.
    pub async fn learn_costs(&self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let hashes = self.0.store.password_list(after, 1000).await?;
            let Some((last, _)) = hashes.last() else { return Ok(()) };
            after = Some(*last);
            for (_, hash) in &hashes {
                self.0.hasher.learn(hash);
            }
        }
    }

    /// Logs that an attempt was throttled, and returns the error.
    fn throttled(&self, network: Network, user: Option<UserId>, why: Throttled) -> Error {
        self.0.state.throttled.add(&why);
        self.0.events.throttled(network, user, why);
        why.into()
    }

    fn random<const LEN: usize>(&self) -> Result<[u8; LEN], Error> {
        let mut bytes = [0; LEN];
        self.0.random.fill(&mut bytes)?;
        Ok(bytes)
    }
}
