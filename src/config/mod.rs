//! Settings: flag, variable, default, unit and validation of each.
//!
//! The only reader of the environment. Settings are read once, validated before anything starts, and passed down. A
//! flag overrides its variable. An empty variable counts as unset, except `BACKEND_CORS_ORIGINS`, for which it means no
//! origin.

mod check;
mod dotenv;
mod example_key;
mod key;
mod options;
mod trusted;
mod value;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use self::dotenv::read_dotenv;
pub use self::key::{KeyError, PreviousKeys, SigningKey};
pub use self::options::{Options, without_empty_variables};
pub use self::value::BRING_OVER;
use crate::domain::network::LogNetworks;
use crate::domain::quota::Quota;
use crate::domain::task::HistoryRetention;

const CORS_ORIGINS: &str = "BACKEND_CORS_ORIGINS";

/// An invalid setting: the variable and the reason, in one line. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {reason}")]
pub struct ConfigError {
    /// Name of the variable.
    pub variable: &'static str,
    /// Rest of the sentence.
    pub reason: String,
}

/// All invalid settings, one per line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl ConfigErrors {
    fn lines(&self) -> String {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// Registration policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Registration is open to everyone.
    Open,
    /// Registration requires an invitation by an administrator.
    Invite,
    /// Only administrators create accounts.
    Closed,
}

/// Address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// TCP address and port.
    Tcp(SocketAddr),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

/// Certificate and key files for TLS, read when the server starts and on every reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain.
    pub cert: PathBuf,
    /// Private key of the certificate.
    pub key: PathBuf,
}

/// Location of the data. Another kind of database is another variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// Path of a redb file.
    Redb(PathBuf),
}

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Signature algorithm of access tokens (RFC 7518, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// Limits of the HTTP server. Timeouts are in real time, independent of the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum connections.
    pub connections: usize,
    /// Maximum connections from one network.
    pub connections_per_network: usize,
    /// Timeout for the first byte, the whole header, and silence between requests.
    pub header_timeout: Duration,
    /// Timeout for the body of a request.
    pub body_timeout: Duration,
    /// Timeout for a whole request.
    pub request_timeout: Duration,
    /// Time for requests to finish when the server stops.
    pub shutdown: Duration,
    /// Maximum length of a header, in bytes.
    pub header_bytes: usize,
    /// Maximum length of a body, in bytes.
    pub body_bytes: usize,
}

/// All settings, validated.
#[derive(Clone, Debug)]
pub struct Config {
    /// Title of the API.
    pub project_name: String,
    /// Path of the API: starts with `/` and does not end with it, or is empty.
    pub api_prefix: String,
    /// Name of this installation.
    pub environment: String,
    /// Source of the signing key.
    pub signing_key: SigningKey,
    /// Files of earlier signing keys.
    pub previous_keys: PreviousKeys,
    /// Lifetime of an access token.
    pub access_token_lifetime: Duration,
    /// Signature algorithm of access tokens.
    pub algorithm: TokenAlgorithm,
    /// Allowed origins as browsers send them, without a trailing slash.
    pub cors_origins: Vec<String>,
    /// Location of the data.
    pub database: DatabaseUrl,
    /// Address to listen on.
    pub listen: Listen,
    /// Address of the metrics, if enabled.
    pub metrics_listen: Option<Listen>,
    /// Certificate and key files, if TLS is on.
    pub tls: Option<TlsFiles>,
    /// Format of the log.
    pub log_format: LogFormat,
    /// Level of the log, as a filter of tracing.
    pub log_level: String,
    /// Whether the log names the networks of clients.
    pub log_networks: LogNetworks,
    /// Registration policy.
    pub registration: Registration,
    /// Whether to throttle log-ins and registrations.
    pub auth_rate_limit: bool,
    /// Maximum requests a minute of one account, if limited.
    pub rate_limit_per_minute: Option<NonZeroU32>,
    /// Networks whose `X-Forwarded-For` and `X-Forwarded-Prefix` are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Limits of the HTTP server.
    pub limits: Limits,
    /// Maximum memory for cached pages, in bytes.
    pub cache_bytes: usize,
    /// Free space below which writes are refused, in bytes.
    pub disk_reserve_bytes: u64,
    /// Maximum tasks, bytes and tombstones of one account, and maximum number of accounts.
    pub quota: Quota,
    /// Time for which tombstones of deleted tasks are kept.
    pub tombstones: Duration,
    /// Time for which changes of tasks and deleted tasks are kept.
    pub history: HistoryRetention,
    /// Minimum length of a new password, in characters.
    pub password_min_length: usize,
    /// Minimum strength of a new password, from 0 to 4.
    pub password_min_strength: u8,
    /// Whether changes of a task must name its revision.
    pub require_if_match: bool,
    /// Length of each hash queue: of owners, and of strangers.
    pub hash_queue: usize,
    /// Whether to verify every page before the server starts.
    pub check_at_start: bool,
    /// Socket through which commands reach a running server, if enabled.
    pub control_socket: Option<PathBuf>,
    /// Scheduled backups, if enabled.
    pub backups: Option<Backups>,
}

/// Scheduled backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// Folder of the backups.
    pub folder: PathBuf,
    /// Interval between backups.
    pub every: Duration,
    /// Number of backups to keep.
    pub keep: usize,
}

impl Config {
    /// Returns all settings in force as variable and value, with secrets hidden.
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
            (
                "TOMBSTONE_DAYS",
                (self.tombstones.as_secs() / value::DAY.as_secs()).to_string(),
            ),
            ("MAX_TOMBSTONES_PER_ACCOUNT", self.quota.tombstones.to_string()),
            (
                "HISTORY_DAYS",
                (self.history.changes.as_secs() / value::DAY.as_secs()).to_string(),
            ),
            (
                "TRASH_DAYS",
                (self.history.trash.as_secs() / value::DAY.as_secs()).to_string(),
            ),
            ("MAX_HISTORY_MIB_PER_ACCOUNT", (self.quota.history_bytes >> 20).to_string()),
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
