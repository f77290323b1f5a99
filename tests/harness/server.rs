//! Server inside the test, with a data file, a port and a clock of its own.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use duly::auth::password::{Cost, Hasher};
use duly::auth::seal::Sealer;
use duly::auth::strength::PasswordRules;
use duly::auth::throttle::{RequestLimit, Throttle};
use duly::auth::token::{AccessTokens, Keys};
use duly::clock::ManualClock;
use duly::config::Options;
use duly::domain::email::Email;
use duly::domain::quota::Usage;
use duly::domain::user::{Credential, Role, UserChange, UserPatch};
use duly::http::server::{Connections, Listener, Tls};
use duly::http::{self, Stopping};
use duly::random::SystemRandom;
use duly::service::{Events, Parts, Service, State};
use duly::store::redb::RedbStore;
use duly::store::{Store, WriteContext, redb};
use poem::Addr;
use tokio::sync::oneshot;

use super::Client;

/// Time at the start of every test.
pub(crate) const START: &str = "2030-01-01T00:00:00Z";

/// Key that signs tokens in tests.
pub(crate) const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Cost of hashes that take almost no time.
const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

/// Running server. Stops when dropped.
pub(crate) struct Server {
    /// Client without a credential.
    pub(crate) client: Client,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<RedbStore>,
    pub(crate) stopping: Stopping,
    stop: Option<oneshot::Sender<()>>,
    _data: tempfile::TempDir,
}

#[derive(Parser)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) options: Options,
}

impl Server {
    /// Starts a server with the settings of a new installation, except that log-ins are not throttled.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Like `start`, with some flags: `["--environment=test"]`.
    pub(crate) async fn with(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let url =
            format!("--database-url=redb://{}", data.path().join("test.redb").display());
        let mut arguments = vec!["duly", "--listen=127.0.0.1:0"];
        if !flags.iter().any(|flag| flag.starts_with("--database-url")) {
            arguments.push(&url);
        }
        if !flags.iter().any(|flag| flag.starts_with("--auth-rate-limit")) {
            arguments.push("--auth-rate-limit=off");
        }
        arguments.extend(flags);
        let config = Arguments::parse_from(arguments).options.check().unwrap();

        let options = redb::Options {
            cache_bytes: 8 << 20,
            reserve_bytes: config.disk_reserve_bytes,
            quota: config.quota,
            ..redb::Options::default()
        };
        let store = Arc::new(RedbStore::open(config.database.path(), &options).unwrap());
        let clock = Arc::new(ManualClock::starting_at(START.parse().unwrap()));
        let random = Arc::new(SystemRandom);
        let service = Service::new(Parts {
            store: Arc::<RedbStore>::clone(&store) as Arc<dyn Store>,
            hasher: Hasher::start(
                CHEAP,
                config.hash_queue,
                Arc::<SystemRandom>::clone(&random),
            )
            .unwrap(),
            rules: PasswordRules::new(
                config.password_min_length,
                config.password_min_strength,
            ),
            sealer: Sealer::new(Keys::only(KEY)),
            tokens: AccessTokens::new(
                Keys::only(KEY),
                config.algorithm,
                config.access_token_lifetime,
            ),
            throttle: config.auth_rate_limit.then(Throttle::default),
            requests: config.rate_limit_per_minute.map(RequestLimit::per_minute),
            clock: Arc::<ManualClock>::clone(&clock),
            random,
            registration: config.registration,
            require_if_match: config.require_if_match,
            state: State::default(),
            events: Events::new(config.log_networks),
            backups: None,
        });
        let stopping = Stopping::default();
        let (endpoint, _requests) = http::endpoint(service, &config, stopping.clone());
        let listener = Listener::bind(&config.listen).await.unwrap();
        let Addr::SocketAddr(address) = listener.local_addr().unwrap() else {
            panic!("not a TCP port");
        };
        let tls = config.tls.as_ref().map(|files| Arc::new(Tls::load(files).unwrap()));
        let (stop, stopped) = oneshot::channel();
        let limits = config.limits.clone();
        let connections =
            Connections::new(&limits, &config.trusted_proxies, config.log_networks);
        tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            http::server::serve(listener, tls, endpoint, &limits, connections, stopped)
                .await
                .unwrap();
        });
        let client = Client::new(address);
        Self { client, clock, store, stopping, stop: Some(stop), _data: data }
    }

    /// Returns the credential of an account in the store.
    pub(crate) async fn account(&self, email: &str) -> Credential {
        let email = Email::new(email).unwrap();
        self.store.user_by_email(email).await.unwrap().unwrap()
    }

    /// Changes an account directly in the store.
    pub(crate) async fn change(&self, email: &str, patch: UserPatch) {
        let id = self.account(email).await.user.id;
        let change = UserChange { patch, ..UserChange::default() };
        self.store.user_patch(id, change, WriteContext::system()).await.unwrap().unwrap();
    }

    /// Returns the usage of an account.
    pub(crate) async fn usage(&self, email: &str) -> Usage {
        let id = self.account(email).await.user.id;
        self.store.user_usage(id).await.unwrap().unwrap()
    }

    /// Makes an account an administrator.
    pub(crate) async fn promote(&self, email: &str) {
        let patch = UserPatch { role: Some(Role::Admin), ..UserPatch::default() };
        self.change(email, patch).await;
    }

    /// Moves the server's clock forward.
    pub(crate) fn wait(&self, by: Duration) {
        self.clock.advance(by);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
    }
}
