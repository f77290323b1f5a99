//! `duly serve`: puts everything together, and takes it apart in the right order.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use super::{CommandError, open_store};
use crate::auth::password::{Cost, Hasher};
use crate::auth::throttle::Throttle;
use crate::auth::token::AccessTokens;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::hex::hex;
use crate::http::server::{self, Listener};
use crate::http::{self, Stopping};
use crate::random::{Random as _, SystemRandom};
use crate::service::{Parts, Service};
use crate::store::Store;
use crate::telemetry;

pub(super) fn run(config: &Config) -> Result<(), CommandError> {
    telemetry::start(config.log_format, &config.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CommandError::io("the threads could not be started"))?;
    runtime.block_on(serve(config))
}

async fn serve(config: &Config) -> Result<(), CommandError> {
    let started = Instant::now();
    let random = Arc::new(SystemRandom);
    let key = config.signing_key.load(|| {
        let mut key = Zeroizing::new([0; 48]);
        random.fill(key.as_mut_slice())?;
        Ok(Zeroizing::new(hex(key.as_slice()).into_bytes()))
    })?;
    // Before the data file, so that a port in use is said without touching it.
    let listener = Listener::bind(&config.listen)
        .await
        .map_err(CommandError::io(format!("cannot listen on {}", config.listen)))?;
    let store: Arc<dyn Store> = Arc::new(open_store(config, true, false)?);
    let hasher = Hasher::start(
        Cost::OWASP,
        config.hash_queue,
        Arc::<SystemRandom>::clone(&random),
    )
    .map_err(CommandError::io("the hashing threads could not be started"))?;
    let service = Service::new(Parts {
        store: Arc::clone(&store),
        hasher,
        tokens: AccessTokens::new(&key, config.algorithm, config.access_token_lifetime),
        throttle: config.auth_rate_limit.then(Throttle::default),
        clock: Arc::new(SystemClock),
        random,
    });

    let stopping = Stopping::default();
    let endpoint = http::endpoint(service, config, stopping.clone());
    // Before anybody is told that the server runs, and may ask it to end.
    let mut signals =
        Signals::catch().map_err(CommandError::io("signals cannot be caught"))?;
    let address =
        listener.local_addr().map_err(CommandError::io("the address is unknown"))?;
    let ready_ms = started.elapsed().as_millis();
    let address = address.to_string();
    let address = address.trim_start_matches("socket://");
    tracing::info!(address, ready_ms, version = env!("CARGO_PKG_VERSION"), "listening");

    let failed = AtomicBool::new(false);
    let stop = async {
        tokio::select! {
            () = signals.next() => {}
            () = store.failed() => {
                tracing::error!("the store has failed");
                failed.store(true, Ordering::Relaxed);
            }
        }
        stopping.set();
        tracing::info!("stopping");
    };
    server::serve(listener, endpoint, &config.limits, &config.trusted_proxies, stop)
        .await
        .map_err(CommandError::io("the server failed"))?;

    // Closes the data file, if no request that was cut off still holds it.
    drop(store);
    tracing::info!("stopped");
    if failed.into_inner() { Err(CommandError::StoreFailed) } else { Ok(()) }
}

/// What asks the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they do not end the process by themselves.
    fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one, also if it has come already.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
