//! Server inside the test, with a data file, a port and a clock of its own.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use duly::auth::password::{Cost, Hasher};
use duly::auth::token::Keys;
use duly::clock::ManualClock;
use duly::config::Options;
use duly::domain::email::Email;
use duly::domain::quota::Usage;
use duly::domain::user::{Credential, Role, UserChange, UserPatch};
use duly::http;
use duly::http::server::{Connections, Listener, Tls};
use duly::random::SystemRandom;
use duly::service::{Parts, Service, Wiring};
use duly::store::redb::RedbStore;
use duly::store::{Store, WriteContext, redb};
use poem::Addr;
use tokio_util::sync::CancellationToken;

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
    /// Makes readiness probes fail.
    pub(crate) stopping: CancellationToken,
    stop: CancellationToken,
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
            // Accounts of tests pass the limit in both directions. The binary has the default.
            scan_at_most: 4,
            ..redb::Options::default()
        };
        let store = Arc::new(RedbStore::open(config.database.path(), &options).unwrap());
        let clock = Arc::new(ManualClock::starting_at(START.parse().unwrap()));
        let random = Arc::new(SystemRandom);
        let hasher =
            Hasher::start(CHEAP, config.hash_queue, Arc::<SystemRandom>::clone(&random));
        let wiring = Wiring {
            store: Arc::<RedbStore>::clone(&store) as Arc<dyn Store>,
            hasher: hasher.unwrap(),
            keys: Keys::only(KEY),
            clock: Arc::<ManualClock>::clone(&clock),
            random,
        };
        let service = Service::new(Parts::new(&config, wiring));
        let stopping = CancellationToken::new();
        let (endpoint, _requests) = http::endpoint(service, &config, stopping.clone());
        let listener = Listener::bind(&config.listen).await.unwrap();
        let Addr::SocketAddr(address) = listener.local_addr().unwrap() else {
            panic!("not a TCP port");
        };
        let tls = config.tls.as_ref().map(|files| Arc::new(Tls::load(files).unwrap()));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let limits = config.limits.clone();
        let connections =
            Connections::new(&limits, &config.trusted_proxies, config.log_networks);
        tokio::spawn(async move {
            http::server::serve(listener, tls, endpoint, &limits, connections, stopped)
                .await
                .unwrap();
        });
        let client = Client::new(address);
        Self { client, clock, store, stopping, stop, _data: data }
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
        self.stop.cancel();
    }
}
