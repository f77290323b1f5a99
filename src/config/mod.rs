//! Every setting: its flag, its variable, its default, its unit and its check.
//!
//! The only reader of the environment. Settings are read once, checked before anything starts, and
//! passed down. A flag wins over the variable of the same meaning, an empty variable counts as unset, but for
//! `BACKEND_CORS_ORIGINS`, which is no origin then.

mod dotenv;
mod example_key;
mod key;
mod trusted;
mod value;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::Resettable;
use ipnet::IpNet;

pub use self::dotenv::read_dotenv;
pub use self::key::{KeyError, PreviousKeys, SigningKey};
pub use self::value::BRING_OVER;
use crate::domain::network::LogNetworks;
use crate::domain::quota::Quota;

const CORS_ORIGINS: &str = "BACKEND_CORS_ORIGINS";

/// A setting that cannot be used: the variable and why, in one line. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {reason}")]
pub struct ConfigError {
    /// The variable's name.
    pub variable: &'static str,
    /// The rest of the sentence.
    pub reason: String,
}

/// Settings as they were given: text from flags and variables, unchecked.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Title of the API in its documentation
    #[arg(long, env = "PROJECT_NAME", default_value = "Task Management API")]
    project_name: String,

    /// Path under which the API stands
    #[arg(long, env = "API_V1_PREFIX", default_value = "/api/v1")]
    api_v1_prefix: String,

    /// Name of this installation, shown by the health check
    #[arg(long, env = "ENVIRONMENT", default_value = "development")]
    environment: String,

    /// File with the key that signs access tokens; at least 32 bytes [default: beside the data file, made
    /// at the first start]. The variable SECRET_KEY gives the key itself
    #[arg(long, env = "SECRET_KEY_FILE", default_value = "", hide_default_value = true)]
    secret_key_file: String,

    /// Files with keys that signed before and still verify, separated by commas; at most 8
    #[arg(long, env = "PREVIOUS_SECRET_KEY_FILES", default_value = "")]
    previous_secret_key_files: String,

    /// How long an access token is good for, in minutes
    #[arg(long, env = "ACCESS_TOKEN_EXPIRE_MINUTES", default_value = "60")]
    access_token_expire_minutes: String,

    /// How access tokens are signed: HS256, HS384 or HS512
    #[arg(long, env = "ALGORITHM", default_value = "HS256")]
    algorithm: String,

    /// Web origins that may call the API from a browser, separated by commas
    #[arg(
        long,
        env = CORS_ORIGINS,
        default_value = "http://localhost:3000,http://localhost:8000"
    )]
    backend_cors_origins: String,

    /// Where the data is kept: redb://./relative/path or redb:///absolute/path
    #[arg(long, env = "DATABASE_URL", default_value = "redb://./duly.redb")]
    database_url: String,

    /// Where to listen: IP:PORT (port 0 picks a free one) or unix:/path
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8000")]
    listen: String,

    /// File with the certificate for TLS and those that vouch for it, in PEM form; with a key it turns TLS on
    #[arg(long, env = "TLS_CERT_FILE", default_value = "")]
    tls_cert_file: String,

    /// File with the key of that certificate, in PEM form
    #[arg(long, env = "TLS_KEY_FILE", default_value = "")]
    tls_key_file: String,

    /// Form of the log: text or json [default: text on a terminal, else json]
    #[arg(long, env = "LOG_FORMAT", default_value = "", hide_default_value = true)]
    log_format: String,

    /// Least level to log: error, warn, info, debug or trace; per module as in `info,duly::store=debug`
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    log_level: String,

    /// Whether lines of the log about failed log-ins and refused clients name their network: on or off
    #[arg(long, env = "LOG_NETWORKS", default_value = "on")]
    log_networks: String,

    /// Who may register: open (everybody), invite (whoever an administrator has invited) or closed (nobody)
    #[arg(long, env = "REGISTRATION", default_value = "open")]
    registration: String,

    /// Whether to slow down guessing of passwords: on or off
    #[arg(long, env = "AUTH_RATE_LIMIT", default_value = "on")]
    auth_rate_limit: String,

    /// Requests a minute of one account; 0 for as many as it likes
    #[arg(long, env = "RATE_LIMIT_PER_MINUTE", default_value = "0")]
    rate_limit_per_minute: String,

    /// Networks of proxies whose X-Forwarded-For and X-Forwarded-Prefix are believed, separated by commas; 127.0.0.1 is
    /// a proxy that comes through a Unix socket
    #[arg(long, env = "TRUSTED_PROXIES", default_value = "")]
    trusted_proxies: String,

    /// Most connections at once; as many files must be allowed to be open
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "1024")]
    max_connections: String,

    /// Most connections at once from one network (an IPv4 address, an IPv6 /64), fewer when places run short; behind
    /// a trusted proxy most requests at once of one
    #[arg(long, env = "MAX_CONNECTIONS_PER_NETWORK", default_value = "128")]
    max_connections_per_network: String,

    /// How long the first byte, the whole header, and a silent connection may take, in seconds
    #[arg(long, env = "HEADER_TIMEOUT_SECONDS", default_value = "10")]
    header_timeout_seconds: String,

    /// How long a request's body may take, in seconds
    #[arg(long, env = "BODY_TIMEOUT_SECONDS", default_value = "15")]
    body_timeout_seconds: String,

    /// How long a request may take in all, in seconds
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS", default_value = "30")]
    request_timeout_seconds: String,

    /// How long requests may finish when the server stops, in seconds
    #[arg(long, env = "SHUTDOWN_SECONDS", default_value = "10")]
    shutdown_seconds: String,

    /// Longest header of a request, in KiB
    #[arg(long, env = "MAX_HEADER_KIB", default_value = "16")]
    max_header_kib: String,

    /// Longest body of a request, in KiB
    #[arg(long, env = "MAX_BODY_KIB", default_value = "256")]
    max_body_kib: String,

    /// Most memory for cached pages of the data file, in MiB
    #[arg(long, env = "CACHE_MIB", default_value = "64")]
    cache_mib: String,

    /// Free disk space below which writes are refused, in MiB
    #[arg(long, env = "DISK_RESERVE_MIB", default_value = "64")]
    disk_reserve_mib: String,

    /// Most tasks of one account; 0 for as many as it likes
    #[arg(long, env = "MAX_TASKS_PER_ACCOUNT", default_value = "100000")]
    max_tasks_per_account: String,

    /// Most data of one account, in MiB: keys and values of its tasks, their index entries, its sessions, tokens and
    /// kept answers; 0 for as much as it likes
    #[arg(long, env = "MAX_MIB_PER_ACCOUNT", default_value = "256")]
    max_mib_per_account: String,

    /// Most accounts; the operator may make more; 0 for as many as come
    #[arg(long, env = "MAX_ACCOUNTS", default_value = "10000")]
    max_accounts: String,

    /// Whether tasks are changed only by requests that say which revision they mean (If-Match): on or off
    #[arg(long, env = "REQUIRE_IF_MATCH", default_value = "off")]
    require_if_match: String,

    /// Fewest characters of a new password
    #[arg(long, env = "PASSWORD_MIN_LENGTH", default_value = "8")]
    password_min_length: String,

    /// How hard a new password must be to guess, from 0 (not looked at) to 4; 3 and 4 are worth having
    #[arg(long, env = "PASSWORD_MIN_STRENGTH", default_value = "0")]
    password_min_strength: String,

    /// Passwords of owners, and of strangers, that may each wait to be hashed before log-ins are told to come back later
    #[arg(long, env = "HASH_QUEUE", default_value = "32")]
    hash_queue: String,

    /// Whether to verify every page of the data file before the server starts: on or off
    #[arg(long, env = "CHECK_AT_START", default_value = "on")]
    check_at_start: String,

    /// Socket through which commands reach a running server, or off [default: beside the data file]
    #[arg(long, env = "CONTROL_SOCKET", default_value = "", hide_default_value = true)]
    control_socket: String,

    /// Where metrics for Prometheus are: IP:PORT, such as 127.0.0.1:9000, or unix:/path; off if not set
    #[arg(long, env = "METRICS_LISTEN", default_value = "", hide_default_value = true)]
    metrics_listen: String,

    /// Folder for backups; the server makes them by itself if it is set
    #[arg(long, env = "BACKUP_DIR", default_value = "")]
    backup_dir: String,

    /// Time from one backup to the next: a number of minutes, hours or days, such as 30m, 6h or 1d
    #[arg(long, env = "BACKUP_EVERY", default_value = "1d")]
    backup_every: String,

    /// How many backups to keep; the oldest beyond that are removed
    #[arg(long, env = "BACKUP_KEEP", default_value = "7")]
    backup_keep: String,
}

/// Makes a command blind to variables that are set to nothing, as `.env` and Compose files leave them.
pub fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_unset = |arg: &clap::Arg| {
        if arg.get_env().is_some_and(|name| name == CORS_ORIGINS) {
            // An empty list lets no page call.
            return false;
        }
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_unset(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// Who may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Whoever was invited by an administrator.
    Invite,
    /// Nobody: administrators make accounts.
    Closed,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// The two files of TLS, read when the server starts and whenever it is told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and those that vouch for it.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Where the data is kept. Another kind of database is another variant here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// One redb file.
    Redb(PathBuf),
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How access tokens are signed (RFC 7518, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// Limits of the front door. Times in real seconds, whatever the clock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most connections at once.
    pub connections: usize,
    /// Most connections at once from one network.
    pub connections_per_network: usize,
    /// For the first byte, the whole header, and silence between requests.
    pub header_timeout: Duration,
    /// For a request's body.
    pub body_timeout: Duration,
    /// For a request as a whole.
    pub request_timeout: Duration,
    /// For requests to finish when stopping.
    pub shutdown: Duration,
    /// Longest header, in bytes.
    pub header_bytes: usize,
    /// Longest body, in bytes.
    pub body_bytes: usize,
}

/// Every setting, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Title of the API.
    pub project_name: String,
    /// Path of the API: starts with `/`, ends without, or is empty.
    pub api_prefix: String,
    /// Name of this installation.
    pub environment: String,
    /// Where the signing key comes from.
    pub signing_key: SigningKey,
    /// Where the keys are that signed before.
    pub previous_keys: PreviousKeys,
    /// How long an access token is good for.
    pub access_token_lifetime: Duration,
    /// How access tokens are signed.
    pub algorithm: TokenAlgorithm,
    /// Origins as browsers send them, without a slash at the end.
    pub cors_origins: Vec<String>,
    /// Where the data is kept.
    pub database: DatabaseUrl,
    /// Where to listen.
    pub listen: Listen,
    /// Where metrics are, if they are to be.
    pub metrics_listen: Option<Listen>,
    /// What TLS needs, if it is on.
    pub tls: Option<TlsFiles>,
    /// How the log looks.
    pub log_format: LogFormat,
    /// What to log, as a filter of tracing.
    pub log_level: String,
    /// Whether the log names the networks of clients.
    pub log_networks: LogNetworks,
    /// Who may register.
    pub registration: Registration,
    /// Whether to throttle log-ins and registrations.
    pub auth_rate_limit: bool,
    /// Requests a minute with one credential, if there is a limit.
    pub rate_limit_per_minute: Option<NonZeroU32>,
    /// Networks whose `X-Forwarded-For` and `X-Forwarded-Prefix` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Limits of the front door.
    pub limits: Limits,
    /// Most memory for cached pages, in bytes.
    pub cache_bytes: usize,
    /// Free space below which writes are refused, in bytes.
    pub disk_reserve_bytes: u64,
    /// Limits of tasks and bytes of one account, and of the number of accounts.
    pub quota: Quota,
    /// Fewest characters of a new password.
    pub password_min_length: usize,
    /// How hard a new password must be to guess: 0 to 4.
    pub password_min_strength: u8,
    /// Whether tasks are changed only by those who say which revision they mean.
    pub require_if_match: bool,
    /// Passwords that may wait to be hashed, of owners and of strangers each.
    pub hash_queue: usize,
    /// Whether to verify every page before the server starts.
    pub check_at_start: bool,
    /// Socket through which commands reach a running server, if there is to be one.
    pub control_socket: Option<PathBuf>,
    /// Backups that the server makes by itself, if it is to make any.
    pub backups: Option<Backups>,
}

/// Backups that the server makes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// Where they are kept.
    pub folder: PathBuf,
    /// Time from one to the next.
    pub every: Duration,
    /// How many to keep.
    pub keep: usize,
}

impl Options {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used.
    pub fn check(self) -> Result<Config, ConfigError> {
        let database = value::database(&self.database_url)?;
        let control_socket = value::control_socket(&self.control_socket, &database)?;
        let listen = value::listen("LISTEN", &self.listen)?;
        let control = control_socket.as_deref();
        let metrics_listen =
            value::metrics_listen(&self.metrics_listen, &listen, control)?;
        let tls = value::tls(&self.tls_cert_file, &self.tls_key_file, &listen)?;
        Ok(Config {
            project_name: value::text("PROJECT_NAME", &self.project_name)?,
            api_prefix: value::prefix("API_V1_PREFIX", &self.api_v1_prefix)?,
            environment: value::text("ENVIRONMENT", &self.environment)?,
            signing_key: SigningKey::choose(&self.secret_key_file, &database)?,
            previous_keys: PreviousKeys::choose(&self.previous_secret_key_files)?,
            access_token_lifetime: Duration::from_secs(
                60 * value::number(
                    "ACCESS_TOKEN_EXPIRE_MINUTES",
                    &self.access_token_expire_minutes,
                    1,
                    60 * 24 * 30,
                )?,
            ),
            algorithm: value::algorithm("ALGORITHM", &self.algorithm)?,
            cors_origins: value::origins(CORS_ORIGINS, &self.backend_cors_origins)?,
            database,
            listen,
            metrics_listen,
            tls,
            quota: Quota {
                tasks: value::quota(
                    "MAX_TASKS_PER_ACCOUNT",
                    &self.max_tasks_per_account,
                )?,
                mib: value::quota("MAX_MIB_PER_ACCOUNT", &self.max_mib_per_account)?,
                accounts: value::quota("MAX_ACCOUNTS", &self.max_accounts)?,
            },
            log_format: value::log_format("LOG_FORMAT", &self.log_format)?,
            log_level: value::log_level("LOG_LEVEL", &self.log_level)?,
            log_networks: value::log_networks("LOG_NETWORKS", &self.log_networks)?,
            registration: value::registration("REGISTRATION", &self.registration)?,
            auth_rate_limit: value::switch("AUTH_RATE_LIMIT", &self.auth_rate_limit)?,
            rate_limit_per_minute: value::limit(
                "RATE_LIMIT_PER_MINUTE",
                &self.rate_limit_per_minute,
                100_000,
            )?,
            trusted_proxies: value::networks("TRUSTED_PROXIES", &self.trusted_proxies)?,
            limits: Limits {
                connections: value::size(
                    "MAX_CONNECTIONS",
                    &self.max_connections,
                    1,
                    100_000,
                )?,
                connections_per_network: value::size(
                    "MAX_CONNECTIONS_PER_NETWORK",
                    &self.max_connections_per_network,
                    1,
                    100_000,
                )?,
                header_timeout: value::seconds(
                    "HEADER_TIMEOUT_SECONDS",
                    &self.header_timeout_seconds,
                )?,
                body_timeout: value::seconds(
                    "BODY_TIMEOUT_SECONDS",
                    &self.body_timeout_seconds,
                )?,
                request_timeout: value::seconds(
                    "REQUEST_TIMEOUT_SECONDS",
                    &self.request_timeout_seconds,
                )?,
                shutdown: value::seconds("SHUTDOWN_SECONDS", &self.shutdown_seconds)?,
                header_bytes: 1024
                    * value::size("MAX_HEADER_KIB", &self.max_header_kib, 1, 1024)?,
                body_bytes: 1024
                    * value::size("MAX_BODY_KIB", &self.max_body_kib, 1, 65_536)?,
            },
            cache_bytes: value::size("CACHE_MIB", &self.cache_mib, 1, 65_536)? << 20,
            disk_reserve_bytes: value::number(
                "DISK_RESERVE_MIB",
                &self.disk_reserve_mib,
                0,
                1 << 20,
            )? << 20,
            password_min_length: value::size(
                "PASSWORD_MIN_LENGTH",
                &self.password_min_length,
                8,
                64,
            )?,
            password_min_strength: value::grade(
                "PASSWORD_MIN_STRENGTH",
                &self.password_min_strength,
                4,
            )?,
            require_if_match: value::switch("REQUIRE_IF_MATCH", &self.require_if_match)?,
            hash_queue: value::size("HASH_QUEUE", &self.hash_queue, 1, 1024)?,
            check_at_start: value::switch("CHECK_AT_START", &self.check_at_start)?,
            control_socket,
            backups: value::backups(
                &self.backup_dir,
                &self.backup_every,
                &self.backup_keep,
            )?,
        })
    }
}

impl Config {
    /// All settings in force as variable and value, secrets hidden.
    pub fn describe(&self) -> Vec<(&'static str, String)> {
        let join =
            |parts: &mut dyn Iterator<Item = String>| parts.collect::<Vec<_>>().join(",");
        let limits = &self.limits;
        let seconds = |time: Duration| time.as_secs().to_string();
        let switch = |on: bool| if on { "on" } else { "off" }.to_owned();
        let backups = self.backups.as_ref();
        let tls_file = |file: fn(&TlsFiles) -> &PathBuf| {
            self.tls
                .as_ref()
                .map_or_else(String::new, |it| file(it).display().to_string())
        };
        vec![
            ("PROJECT_NAME", self.project_name.clone()),
            ("API_V1_PREFIX", self.api_prefix.clone()),
            ("ENVIRONMENT", self.environment.clone()),
            self.signing_key.describe(),
            self.previous_keys.describe(),
            (
                "ACCESS_TOKEN_EXPIRE_MINUTES",
                (self.access_token_lifetime.as_secs() / 60).to_string(),
            ),
            ("ALGORITHM", self.algorithm.as_str().to_owned()),
            (CORS_ORIGINS, self.cors_origins.join(",")),
            ("DATABASE_URL", self.database.to_string()),
            ("LISTEN", self.listen.to_string()),
            (
                "METRICS_LISTEN",
                self.metrics_listen.as_ref().map_or_else(String::new, Listen::to_string),
            ),
            ("TLS_CERT_FILE", tls_file(|it| &it.cert)),
            ("TLS_KEY_FILE", tls_file(|it| &it.key)),
            ("LOG_FORMAT", self.log_format.as_str().to_owned()),
            ("LOG_LEVEL", self.log_level.clone()),
            ("LOG_NETWORKS", switch(self.log_networks == LogNetworks::On)),
            ("REGISTRATION", self.registration.as_str().to_owned()),
            ("AUTH_RATE_LIMIT", switch(self.auth_rate_limit)),
            (
                "RATE_LIMIT_PER_MINUTE",
                self.rate_limit_per_minute.map_or(0, NonZeroU32::get).to_string(),
            ),
            (
                "TRUSTED_PROXIES",
                join(&mut self.trusted_proxies.iter().map(ToString::to_string)),
            ),
            ("MAX_CONNECTIONS", limits.connections.to_string()),
            ("MAX_CONNECTIONS_PER_NETWORK", limits.connections_per_network.to_string()),
            ("HEADER_TIMEOUT_SECONDS", seconds(limits.header_timeout)),
            ("BODY_TIMEOUT_SECONDS", seconds(limits.body_timeout)),
            ("REQUEST_TIMEOUT_SECONDS", seconds(limits.request_timeout)),
            ("SHUTDOWN_SECONDS", seconds(limits.shutdown)),
            ("MAX_HEADER_KIB", (limits.header_bytes / 1024).to_string()),
            ("MAX_BODY_KIB", (limits.body_bytes / 1024).to_string()),
            ("CACHE_MIB", (self.cache_bytes >> 20).to_string()),
            ("DISK_RESERVE_MIB", (self.disk_reserve_bytes >> 20).to_string()),
            ("MAX_TASKS_PER_ACCOUNT", self.quota.tasks.unwrap_or(0).to_string()),
            ("MAX_MIB_PER_ACCOUNT", self.quota.mib.unwrap_or(0).to_string()),
            ("MAX_ACCOUNTS", self.quota.accounts.unwrap_or(0).to_string()),
            ("PASSWORD_MIN_LENGTH", self.password_min_length.to_string()),
            ("PASSWORD_MIN_STRENGTH", self.password_min_strength.to_string()),
            ("REQUIRE_IF_MATCH", switch(self.require_if_match)),
            ("HASH_QUEUE", self.hash_queue.to_string()),
            ("CHECK_AT_START", switch(self.check_at_start)),
            (
                "CONTROL_SOCKET",
                self.control_socket
                    .as_ref()
                    .map_or_else(|| "off".to_owned(), |path| path.display().to_string()),
            ),
            (
                "BACKUP_DIR",
                backups.map_or_else(String::new, |it| it.folder.display().to_string()),
            ),
            (
                "BACKUP_EVERY",
                value::interval_text(backups.map_or(value::DAY, |it| it.every)),
            ),
            ("BACKUP_KEEP", backups.map_or(7, |it| it.keep).to_string()),
        ]
    }
}
