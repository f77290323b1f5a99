//! `duly serve`: starts all parts, and stops them in the right order.

use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{CommandError, limit, scrapes, store_options, welcome};
use crate::auth::password::{Cost, Hasher};
use crate::auth::token::Keys;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, ConfigError, Listen, Registration};
use crate::control::{self, Control};
use crate::domain::error_chain::ErrorChain;
use crate::domain::hex::hex;
use crate::files;
use crate::http;
use crate::http::metrics::{self, Sources};
use crate::http::server::{self, Connections, Listener, Tls};
use crate::jobs::backup::BackupJob;
use crate::jobs::sweep::{Retention, SweepJob};
use crate::random::{Random as _, SystemRandom};
use crate::service::backups::BackupLog;
use crate::service::{Parts, Service, Wiring};
use crate::store::redb::{RedbStore, is_in_use};
use crate::store::{Failure, OpenError, Store};
use crate::telemetry::{self, Log};

/// Maximum time for threads to end once everything is closed.
const LEAVE: Duration = Duration::from_secs(2);

pub(super) fn run(config: &Config) -> Result<(), CommandError> {
    let log =
        Log::to_stderr().map_err(CommandError::io("the log could not be started"))?;
    telemetry::start(&log, config.log_format, &config.log_level)?;
    limit::open_files(config.limits.connections)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CommandError::io("the threads could not be started"))?;
    let outcome = runtime.block_on(serve(config, &log));
    // An abandoned long read must not keep the process alive.
    runtime.shutdown_timeout(LEAVE);
    // Such as a backup that did not end in time.
    files::abandon();
    outcome
}

/// Parts of a started server.
struct Started {
    store: Arc<RedbStore>,
    service: Service,
    control: Option<Control>,
    backups: Option<Arc<BackupLog>>,
}

async fn serve(config: &Config, log: &Log) -> Result<(), CommandError> {
    let started = Instant::now();
    let started_at = SystemClock.now();
    // First, so that a signal during a long start is not lost.
    let mut signalled = Box::pin(signalled()?);
    let hang_ups = listen_for(SignalKind::hangup())?;
    has_folders(config)?;
    let tls = config.tls.as_ref().map(Tls::load).transpose()?.map(Arc::new);
    // Before any file is made: a wrong setting leaves nothing behind.
    let previous = config.previous_keys.load()?;
    config.signing_key.check()?;
    let listener = listen(config).await?;
    let metrics_listener = scrapes::listen(config).await?;
    let Some(parts) = start(config, &previous, signalled.as_mut()).await? else {
        files::abandon();
        tracing::info!("stopped before listening");
        return Ok(());
    };
    let Started { store, service, control, backups } = parts;

    // Stops all parts.
    let stop = CancellationToken::new();
    let (endpoint, requests) = http::endpoint(service.clone(), config, stop.clone());
    let connections =
        Connections::new(&config.limits, &config.trusted_proxies, config.log_networks);
    let address = listener
        .local_addr()
        .map_err(CommandError::io("could not determine the address"))?;
    greet(config, log, &store, &address, (tls.is_some(), started)).await;

    let mut beside = JoinSet::new();
    beside.spawn(reload(tls.clone(), hang_ups, stop.clone()));
    if let Some(listener) = metrics_listener {
        scrapes::tell(&listener)?;
        let sources = Sources {
            service: service.clone(),
            requests,
            connections: connections.clone(),
            log_lines_dropped: {
                let lost = log.lost_lines();
                Box::new(move || lost.dropped())
            },
            build: scrapes::BUILD,
            started: started_at,
        };
        beside.spawn(metrics::serve(listener, sources, stop.clone()));
    }
    if let Some(control) = control {
        let parts = control::Parts { service, store: Arc::clone(&store) };
        beside.spawn(control.serve(parts, stop.clone()));
    }
    spawn_jobs(config, &store, backups, &stop, &mut beside);

    let limits = &config.limits;
    let served =
        server::serve(listener, tls, endpoint, limits, connections, stop.clone());
    let watch = async {
        tokio::select! {
            () = signalled => {}
            failure = store.failed() => tracing::error!(?failure, "the store has failed"),
        }
        stop.cancel();
        tracing::info!("stopping");
    };
    let mut served = pin!(served);
    let served = tokio::select! {
        served = &mut served => served,
        () = watch => served.await,
    };
    served.map_err(CommandError::io("the server failed"))?;
    leave(config, store, beside).await
}

/// Opens the data file and builds the service. `None` if a signal comes before the file is open.
async fn start(
    config: &Config,
    previous: &[Zeroizing<Vec<u8>>],
    signalled: Pin<&mut impl Future<Output = ()>>,
) -> Result<Option<Started>, CommandError> {
    let is_new = matches!(config.database.path().try_exists(), Ok(false));
    let store = tokio::select! {
        opened = open(config) => Arc::new(opened?),
        () = signalled => return Ok(None),
    };
    let (hasher, control, key) = match rest(config).await {
        Ok(rest) => rest,
        Err(error) => {
            if is_new {
                remove_unused(&store, config.database.path()).await;
            }
            return Err(error);
        }
    };
    let backups = config.backups.as_ref().map(|it| Arc::new(BackupLog::new(it.every)));
    let wiring = Wiring {
        store: Arc::clone(&store) as Arc<dyn Store>,
        hasher,
        keys: Keys { signing: &key, previous },
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let parts = Parts { backups: backups.clone(), ..Parts::new(config, wiring) };
    let service = Service::new(parts);
    if let Err(error) = service.learn_costs().await {
        // Possibly damage: it is reported wherever it is met, and the remaining data is served.
        tracing::warn!(error = %ErrorChain(&error), "could not read all password hashes");
    }
    Ok(Some(Started { store, service, control, backups }))
}

/// Logs that the server listens, and welcomes a new operator at a terminal.
async fn greet(
    config: &Config,
    log: &Log,
    store: &RedbStore,
    address: &impl ToString,
    (tls, started): (bool, Instant),
) {
    let ready_ms = started.elapsed().as_millis();
    let address = address.to_string();
    let address = address.trim_start_matches("socket://");
    tracing::info!(
        address,
        tls,
        ready_ms,
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    let is_empty = store.user_list(None, 1).await.is_ok_and(|users| users.is_empty());
    if let Some(text) = is_empty.then(|| welcome::text(config, address)).flatten() {
        log.say(&text);
    }
    if invites_everybody(config) {
        tracing::warn!(
            "anyone who can reach this server can register: set REGISTRATION=invite or closed, unless you intend this"
        );
    }
}

/// Starts the scheduled jobs.
fn spawn_jobs(
    config: &Config,
    store: &Arc<RedbStore>,
    backups: Option<Arc<BackupLog>>,
    stop: &CancellationToken,
    beside: &mut JoinSet<()>,
) {
    let swept = Arc::clone(store) as Arc<dyn Store>;
    let retention = Retention { tombstones: config.tombstones, history: config.history };
    let sweep = SweepJob::new(swept, Arc::new(SystemClock), retention);
    beside.spawn(sweep.run(stop.clone()));
    if let (Some(settings), Some(log)) = (&config.backups, backups) {
        let job = BackupJob {
            store: Arc::clone(store),
            data_file: config.database.path().to_owned(),
            settings: settings.clone(),
            clock: Arc::new(SystemClock),
            log,
            rejected: Mutex::default(),
        };
        beside.spawn(job.run(stop.clone()));
    }
}

/// Waits for the other parts to end, closes the data file, and reports whether the store has failed.
async fn leave(
    config: &Config,
    store: Arc<RedbStore>,
    mut beside: JoinSet<()>,
) -> Result<(), CommandError> {
    // They end soon, unless the client of the socket is stuck; then the process exits without them.
    let left = async { while beside.join_next().await.is_some() {} };
    if tokio::time::timeout(LEAVE, left).await.is_err() {
        tracing::warn!("a control command was still running when the server stopped");
    }
    // Also if the store failed while the last requests were served.
    let failed = tokio::select! {
        biased;
        failure = store.failed() => Some(failure),
        () = std::future::ready(()) => None,
    };
    // Closes the data file, unless an aborted request still holds it.
    drop(store);
    tracing::info!("stopped");
    match failed {
        None => Ok(()),
        Some(Failure::Io) => Err(CommandError::StoreFailed),
        Some(Failure::Damaged { what }) => {
            let path = config.database.path().display();
            Err(CommandError::Damaged(format!(
                "{path} is damaged ({what}): restore a backup"
            )))
        }
    }
}

/// Opens the data file on its own thread: the upgrade of a large one takes a while.
async fn open(config: &Config) -> Result<RedbStore, CommandError> {
    let (path, options) = (config.database.path().to_owned(), store_options(config));
    let opened = tokio::task::spawn_blocking(move || RedbStore::open(&path, &options));
    let failed = CommandError::io("the data file could not be opened");
    Ok(opened.await.map_err(|error| failed(error.into()))??)
}

/// Prepares all other parts that may fail. The key comes last: a failed start leaves none behind.
async fn rest(
    config: &Config,
) -> Result<(Hasher, Option<Control>, Zeroizing<Vec<u8>>), CommandError> {
    let hasher = Hasher::start(Cost::OWASP, config.hash_queue, Arc::new(SystemRandom))
        .map_err(CommandError::io("the hashing threads could not be started"))?;
    let control = match &config.control_socket {
        Some(path) => {
            let what = format!(
                "CONTROL_SOCKET cannot be used (set another path, or off), {}",
                path.display()
            );
            Some(Control::bind(path).await.map_err(CommandError::io(what))?)
        }
        None => None,
    };
    let key = config.signing_key.load(|| {
        let mut key = Zeroizing::new([0; 48]);
        SystemRandom.fill(key.as_mut_slice())?;
        Ok(Zeroizing::new(hex(key.as_slice()).into_bytes()))
    })?;
    Ok((hasher, control, key))
}

/// Removes a data file that this start has made, unless an account was added before it was opened.
async fn remove_unused(store: &RedbStore, path: &Path) {
    if store.user_list(None, 1).await.is_ok_and(|users| users.is_empty()) {
        // Best effort: an empty data file does no harm.
        drop(std::fs::remove_file(path));
    }
}

/// Whether people on other machines may register, directly or through a proxy.
fn invites_everybody(config: &Config) -> bool {
    let is_reached = match &config.listen {
        Listen::Tcp(address) => !address.ip().to_canonical().is_loopback(),
        Listen::Unix(_) => false,
    };
    config.registration == Registration::Open
        && (is_reached || !config.trusted_proxies.is_empty())
}

/// Refuses a setting whose folder does not exist, before any file is made. A folder for backups may be missing
/// for a while, such as when its disk is: the health check reports that.
fn has_folders(config: &Config) -> Result<(), CommandError> {
    let wrong =
        |variable, reason| Err(CommandError::from(ConfigError { variable, reason }));
    if let Some(backups) = &config.backups
        && backups.folder.exists()
        && !backups.folder.is_dir()
    {
        return wrong(
            "BACKUP_DIR",
            format!("is not a folder: {}", backups.folder.display()),
        );
    }
    let folder = config.database.path().parent();
    match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        None => Ok(()),
        Some(folder) => wrong(
            "DATABASE_URL",
            format!("names a folder that does not exist: {}", folder.display()),
        ),
    }
}

/// Binds the address, before the data file is made. If the server already runs, its data file gives a better
/// error than its address.
async fn listen(config: &Config) -> Result<Listener, CommandError> {
    match Listener::bind(&config.listen).await {
        Ok(listener) => Ok(listener),
        Err(_) if is_in_use(config.database.path()) => {
            let path = config.database.path().to_owned();
            Err(OpenError::InUse { path }.into())
        }
        Err(error) => Err(not_listening(&config.listen, error)),
    }
}

/// Explains why the address cannot be served, and what to do.
fn not_listening(listen: &Listen, error: std::io::Error) -> CommandError {
    use std::io::ErrorKind as K;
    let wrong = |reason: String| ConfigError { variable: "LISTEN", reason }.into();
    match (listen, error.kind()) {
        (Listen::Tcp(address), K::AddrNotAvailable) => {
            wrong(format!("names an address that this machine does not have, {address}"))
        }
        (Listen::Tcp(address), K::PermissionDenied) if address.port() < 1024 => {
            wrong(format!(
                "names port {}, which requires a privilege: choose port 1024 or higher, or grant it (AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit)",
                address.port()
            ))
        }
        (Listen::Tcp(_), K::AddrInUse) => {
            let what = format!(
                "cannot listen on {listen}, which another program uses: stop it, or set LISTEN to another port"
            );
            CommandError::io(what)(error)
        }
        _ => CommandError::io(format!("cannot listen on {listen}"))(error),
    }
}

/// Listens for the signals that ask the process to end.
fn signalled() -> Result<impl Future<Output = ()>, CommandError> {
    let mut terminate = listen_for(SignalKind::terminate())?;
    let mut interrupt = listen_for(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn listen_for(kind: SignalKind) -> Result<Signal, CommandError> {
    signal(kind).map_err(CommandError::io("could not install signal handlers"))
}

/// Reloads the certificate at each SIGHUP. The server continues whatever the outcome.
async fn reload(tls: Option<Arc<Tls>>, mut hang_ups: Signal, stop: CancellationToken) {
    while let Some(Some(())) = stop.run_until_cancelled(hang_ups.recv()).await {
        let Some(tls) = tls.clone() else {
            tracing::info!("nothing to reload: TLS is off");
            continue;
        };
        // Files may be slow.
        match tokio::task::spawn_blocking(move || tls.reload()).await {
            Ok(Ok(())) => tracing::info!("reloaded the certificate"),
            Ok(Err(error)) => {
                tracing::error!(%error, "could not reload the certificate; the previous one stays in use");
            }
            Err(_) => tracing::error!("could not reload the certificate"),
        }
    }
}
