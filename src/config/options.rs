//! Settings as flags and variables, with their defaults.

use clap::Args;
use clap::builder::Resettable;

use super::CORS_ORIGINS;

/// Settings as given by flags and variables: unvalidated text.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Listen address: IP:PORT or unix:/path
    ///
    /// Port 0 picks a free one.
    #[arg(
        long,
        env = "LISTEN",
        default_value = "127.0.0.1:8000",
        value_name = "ADDRESS",
        help_heading = "Server"
    )]
    pub(super) listen: String,

    /// File with the certificate chain for TLS, in PEM form
    ///
    /// TLS is on when both this and the key are set.
    #[arg(
        long,
        env = "TLS_CERT_FILE",
        default_value = "",
        hide_default_value = true,
        value_name = "FILE",
        help_heading = "Server"
    )]
    pub(super) tls_cert_file: String,

    /// File with the private key of the certificate, in PEM form
    #[arg(
        long,
        env = "TLS_KEY_FILE",
        default_value = "",
        hide_default_value = true,
        value_name = "FILE",
        help_heading = "Server"
    )]
    pub(super) tls_key_file: String,

    /// Web origins that may call the API from a browser, separated by commas
    #[arg(long, env = CORS_ORIGINS, default_value = "http://localhost:3000,http://localhost:8000", value_name = "ORIGINS", help_heading = "Server")]
    pub(super) backend_cors_origins: String,

    /// Networks of trusted proxies, separated by commas
    ///
    /// Duly trusts their X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Prefix. A proxy that connects through a
    /// Unix socket counts as 127.0.0.1.
    #[arg(
        long,
        env = "TRUSTED_PROXIES",
        default_value = "",
        hide_default_value = true,
        value_name = "NETWORKS",
        help_heading = "Server"
    )]
    pub(super) trusted_proxies: String,

    /// Title of the API in its documentation
    #[arg(
        long,
        env = "PROJECT_NAME",
        default_value = "Task Management API",
        value_name = "TITLE",
        help_heading = "Server",
        hide_short_help = true
    )]
    pub(super) project_name: String,

    /// Path of the API
    #[arg(
        long,
        env = "API_V1_PREFIX",
        default_value = "/api/v1",
        value_name = "PATH",
        help_heading = "Server",
        hide_short_help = true
    )]
    pub(super) api_v1_prefix: String,

    /// Name of this installation, shown by the health check
    #[arg(
        long,
        env = "ENVIRONMENT",
        default_value = "development",
        value_name = "NAME",
        help_heading = "Server",
        hide_short_help = true
    )]
    pub(super) environment: String,

    /// Whether changes of a task require If-Match: on or off
    #[arg(
        long,
        env = "REQUIRE_IF_MATCH",
        default_value = "off",
        value_name = "on|off",
        help_heading = "Server",
        hide_short_help = true
    )]
    pub(super) require_if_match: String,

    /// Time for requests to finish when the server stops, in seconds
    #[arg(
        long,
        env = "SHUTDOWN_SECONDS",
        default_value = "10",
        value_name = "SECONDS",
        help_heading = "Server",
        hide_short_help = true
    )]
    pub(super) shutdown_seconds: String,

    /// Socket through which commands reach a running server, or off [default: beside the data file]
    #[arg(
        long,
        env = "CONTROL_SOCKET",
        default_value = "",
        hide_default_value = true,
        value_name = "PATH",
        help_heading = "Server",
        hide_short_help = true
    )]
    pub(super) control_socket: String,

    /// Data file: redb://./relative/path or redb:///absolute/path
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "redb://./duly.redb",
        value_name = "URL",
        help_heading = "Data"
    )]
    pub(super) database_url: String,

    /// Maximum memory for cached pages of the data file, in MiB
    #[arg(
        long,
        env = "CACHE_MIB",
        default_value = "64",
        value_name = "NUMBER",
        help_heading = "Data",
        hide_short_help = true
    )]
    pub(super) cache_mib: String,

    /// Free disk space below which writes are rejected, in MiB
    #[arg(
        long,
        env = "DISK_RESERVE_MIB",
        default_value = "64",
        value_name = "NUMBER",
        help_heading = "Data",
        hide_short_help = true
    )]
    pub(super) disk_reserve_mib: String,

    /// Whether to verify every page of the data file before the server starts: on or off
    #[arg(
        long,
        env = "CHECK_AT_START",
        default_value = "on",
        value_name = "on|off",
        help_heading = "Data",
        hide_short_help = true
    )]
    pub(super) check_at_start: String,

    /// Address of Prometheus metrics: IP:PORT, such as 127.0.0.1:9000, or unix:/path; off if not set
    #[arg(
        long,
        env = "METRICS_LISTEN",
        default_value = "",
        hide_default_value = true,
        value_name = "ADDRESS",
        help_heading = "Log and metrics",
        hide_short_help = true
    )]
    pub(super) metrics_listen: String,

    /// Folder for scheduled backups; off if not set
    #[arg(
        long,
        env = "BACKUP_DIR",
        default_value = "",
        hide_default_value = true,
        value_name = "FOLDER",
        help_heading = "Backups"
    )]
    pub(super) backup_dir: String,

    /// Interval between backups: a number of minutes, hours or days, such as 30m, 6h or 1d
    #[arg(
        long,
        env = "BACKUP_EVERY",
        default_value = "1d",
        value_name = "TIME",
        help_heading = "Backups",
        hide_short_help = true
    )]
    pub(super) backup_every: String,

    /// Number of backups to keep; older ones are removed
    #[arg(
        long,
        env = "BACKUP_KEEP",
        default_value = "7",
        value_name = "NUMBER",
        help_heading = "Backups",
        hide_short_help = true
    )]
    pub(super) backup_keep: String,

    /// File with the signing key [default: beside the data file]
    ///
    /// The key signs access tokens and has at least 32 bytes. The server creates it at its first start. The variable
    /// SECRET_KEY sets the key itself.
    #[arg(
        long,
        env = "SECRET_KEY_FILE",
        default_value = "",
        hide_default_value = true,
        value_name = "FILE",
        help_heading = "Keys and tokens",
        hide_short_help = true
    )]
    pub(super) secret_key_file: String,

    /// Files with previous signing keys, which still verify tokens, separated by commas; at most 8
    #[arg(
        long,
        env = "PREVIOUS_SECRET_KEY_FILES",
        default_value = "",
        hide_default_value = true,
        value_name = "FILES",
        help_heading = "Keys and tokens",
        hide_short_help = true
    )]
    pub(super) previous_secret_key_files: String,

    /// Lifetime of an access token, in minutes
    #[arg(
        long,
        env = "ACCESS_TOKEN_EXPIRE_MINUTES",
        default_value = "60",
        value_name = "MINUTES",
        help_heading = "Keys and tokens",
        hide_short_help = true
    )]
    pub(super) access_token_expire_minutes: String,

    /// Signature algorithm of access tokens: HS256, HS384 or HS512
    #[arg(
        long,
        env = "ALGORITHM",
        default_value = "HS256",
        value_name = "NAME",
        help_heading = "Keys and tokens",
        hide_short_help = true
    )]
    pub(super) algorithm: String,

    /// Registration: open, invite or closed
    ///
    /// For anyone, for invited people only, or for no one.
    #[arg(
        long,
        env = "REGISTRATION",
        default_value = "open",
        value_name = "WHO",
        help_heading = "Accounts"
    )]
    pub(super) registration: String,

    /// Minimum length of a new password, in characters
    #[arg(
        long,
        env = "PASSWORD_MIN_LENGTH",
        default_value = "8",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) password_min_length: String,

    /// Minimum strength of a new password, from 0 (not checked) to 4
    #[arg(
        long,
        env = "PASSWORD_MIN_STRENGTH",
        default_value = "0",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) password_min_strength: String,

    /// Maximum accounts; the operator may create more; 0 is no limit
    #[arg(
        long,
        env = "MAX_ACCOUNTS",
        default_value = "10000",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) max_accounts: String,

    /// Maximum tasks of one account; 0 is no limit
    #[arg(
        long,
        env = "MAX_TASKS_PER_ACCOUNT",
        default_value = "100000",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) max_tasks_per_account: String,

    /// Maximum data of one account, in MiB; 0 is no limit
    ///
    /// Counts keys and values of its tasks, their index entries, its sessions, tokens and stored responses.
    #[arg(
        long,
        env = "MAX_MIB_PER_ACCOUNT",
        default_value = "256",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) max_mib_per_account: String,

    /// Days for which a deletion is remembered for clients that synchronize
    #[arg(
        long,
        env = "TOMBSTONE_DAYS",
        default_value = "90",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) tombstone_days: String,

    /// Maximum deletions of one account that are remembered
    #[arg(
        long,
        env = "MAX_TOMBSTONES_PER_ACCOUNT",
        default_value = "16384",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) max_tombstones_per_account: String,

    /// Days for which the changes of tasks are kept
    #[arg(
        long,
        env = "HISTORY_DAYS",
        default_value = "30",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) history_days: String,

    /// Days for which deleted tasks can be restored
    #[arg(
        long,
        env = "TRASH_DAYS",
        default_value = "30",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) trash_days: String,

    /// Maximum MiB of the history and the deleted tasks of one account
    #[arg(
        long,
        env = "MAX_HISTORY_MIB_PER_ACCOUNT",
        default_value = "16",
        value_name = "NUMBER",
        help_heading = "Accounts",
        hide_short_help = true
    )]
    pub(super) max_history_mib_per_account: String,

    /// Whether to slow down guessing of passwords: on or off
    #[arg(
        long,
        env = "AUTH_RATE_LIMIT",
        default_value = "on",
        value_name = "on|off",
        help_heading = "Throttling",
        hide_short_help = true
    )]
    pub(super) auth_rate_limit: String,

    /// Maximum requests of one account per minute; 0 is no limit
    #[arg(
        long,
        env = "RATE_LIMIT_PER_MINUTE",
        default_value = "0",
        value_name = "NUMBER",
        help_heading = "Throttling",
        hide_short_help = true
    )]
    pub(super) rate_limit_per_minute: String,

    /// Length of each of two hash queues: log-ins from known networks, and from unknown ones
    #[arg(
        long,
        env = "HASH_QUEUE",
        default_value = "32",
        value_name = "NUMBER",
        help_heading = "Throttling",
        hide_short_help = true
    )]
    pub(super) hash_queue: String,

    /// Maximum connections; the limit of open files must be at least as high
    #[arg(
        long,
        env = "MAX_CONNECTIONS",
        default_value = "1024",
        value_name = "NUMBER",
        help_heading = "Connections",
        hide_short_help = true
    )]
    pub(super) max_connections: String,

    /// Maximum connections from one network: an IPv4 address or an IPv6 /64
    ///
    /// Lower when connections run short. Behind a trusted proxy, it limits concurrent requests from one network.
    #[arg(
        long,
        env = "MAX_CONNECTIONS_PER_NETWORK",
        default_value = "128",
        value_name = "NUMBER",
        help_heading = "Connections",
        hide_short_help = true
    )]
    pub(super) max_connections_per_network: String,

    /// Timeout for the first byte and the whole header, and for idle connections, in seconds
    #[arg(
        long,
        env = "HEADER_TIMEOUT_SECONDS",
        default_value = "10",
        value_name = "SECONDS",
        help_heading = "Connections",
        hide_short_help = true
    )]
    pub(super) header_timeout_seconds: String,

    /// Timeout for the body of a request, in seconds
    #[arg(
        long,
        env = "BODY_TIMEOUT_SECONDS",
        default_value = "15",
        value_name = "SECONDS",
        help_heading = "Connections",
        hide_short_help = true
    )]
    pub(super) body_timeout_seconds: String,

    /// Timeout for a whole request, in seconds
    #[arg(
        long,
        env = "REQUEST_TIMEOUT_SECONDS",
        default_value = "30",
        value_name = "SECONDS",
        help_heading = "Connections",
        hide_short_help = true
    )]
    pub(super) request_timeout_seconds: String,

    /// Maximum header of a request, in KiB
    #[arg(
        long,
        env = "MAX_HEADER_KIB",
        default_value = "16",
        value_name = "NUMBER",
        help_heading = "Connections",
        hide_short_help = true
    )]
    pub(super) max_header_kib: String,

    /// Maximum body of a request, in KiB
    #[arg(
        long,
        env = "MAX_BODY_KIB",
        default_value = "256",
        value_name = "NUMBER",
        help_heading = "Connections",
        hide_short_help = true
    )]
    pub(super) max_body_kib: String,

    /// Format of the log: text or json [default: text on a terminal, else json]
    #[arg(
        long,
        env = "LOG_FORMAT",
        default_value = "",
        hide_default_value = true,
        value_name = "FORM",
        help_heading = "Log and metrics",
        hide_short_help = true
    )]
    pub(super) log_format: String,

    /// Minimum level to log: error, warn, info, debug, trace or off
    ///
    /// A list sets levels per module: `info,duly::store=debug`.
    #[arg(
        long,
        env = "LOG_LEVEL",
        default_value = "info",
        value_name = "LEVEL",
        help_heading = "Log and metrics"
    )]
    pub(super) log_level: String,

    /// Whether log lines about failed log-ins and refused clients include their network: on or off
    #[arg(
        long,
        env = "LOG_NETWORKS",
        default_value = "on",
        value_name = "on|off",
        help_heading = "Log and metrics",
        hide_short_help = true
    )]
    pub(super) log_networks: String,

    /// Ignores the variable `SECRET_KEY`, for commands that sign nothing.
    #[arg(skip)]
    pub(super) without_key: bool,
}

/// Makes a command ignore variables that are empty, as `.env` and Compose files leave them.
pub fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_unset = |arg: &clap::Arg| {
        if arg.get_env().is_some_and(|name| name == CORS_ORIGINS) {
            // An empty list allows no page to call.
            return false;
        }
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_unset(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}
