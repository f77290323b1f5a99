//! Every setting: its flag, its variable, its default, its unit and its check.
//!
//! The only reader of the environment. Settings are read once, checked before anything starts, and
//! passed down. A flag wins over the variable of the same meaning, an empty variable counts as unset, but for
//! `BACKEND_CORS_ORIGINS`, which is no origin then.

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

/// All settings that cannot be used, a line for each.
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
