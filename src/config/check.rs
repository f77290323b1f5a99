//! Validation of settings, all at once.

use std::time::Duration;

use clap::Args as _;

use super::value;
use super::{
    CORS_ORIGINS, Config, ConfigError, ConfigErrors, Limits, Options, PreviousKeys,
    SigningKey,
};
use crate::domain::quota::Quota;
use crate::domain::task::HistoryRetention;

impl Options {
    /// Validates every setting.
    ///
    /// # Errors
    ///
    /// Every invalid setting.
    pub fn check(self) -> Result<Config, ConfigErrors> {
        self.check_for(|_| true)
    }

    /// Validates the settings that a command needs, by variable. Others fall back to their defaults if invalid.
    ///
    /// # Errors
    ///
    /// Every needed setting that is invalid.
    pub fn check_for(
        mut self,
        is_needed: impl Fn(&str) -> bool,
    ) -> Result<Config, ConfigErrors> {
        let mut errors = Vec::<ConfigError>::new();
        loop {
            let error = match self.first_error() {
                Ok(config) if errors.iter().any(|error| is_needed(error.variable)) => {
                    drop(config);
                    break;
                }
                Ok(config) => return Ok(config),
                Err(error) => error,
            };
            let is_known = errors.iter().any(|known| known.variable == error.variable);
            self.reset(error.variable);
            errors.push(error);
            if is_known {
                break;
            }
        }
        errors.retain(|error| is_needed(error.variable));
        Err(ConfigErrors(errors))
    }

    /// Resets a setting to a valid value, so that the others can be checked.
    fn reset(&mut self, variable: &str) {
        match variable {
            "SECRET_KEY" => self.without_key = true,
            // No other address can be the same.
            "LISTEN" => "127.0.0.1:0".clone_into(&mut self.listen),
            "CONTROL_SOCKET" => "off".clone_into(&mut self.control_socket),
            // One is useless without the other.
            "TLS_CERT_FILE" | "TLS_KEY_FILE" => {
                self.tls_cert_file.clear();
                self.tls_key_file.clear();
            }
            _ => {
                if let Some(text) = self.text_mut(variable) {
                    *text = default_of(variable);
                }
            }
        }
    }

    fn first_error(&self) -> Result<Config, ConfigError> {
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
            signing_key: SigningKey::choose(
                &self.secret_key_file,
                &database,
                self.without_key,
            )?,
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
                tombstones: value::number(
                    "MAX_TOMBSTONES_PER_ACCOUNT",
                    &self.max_tombstones_per_account,
                    1,
                    1_000_000,
                )?,
                history_bytes: value::number(
                    "MAX_HISTORY_MIB_PER_ACCOUNT",
                    &self.max_history_mib_per_account,
                    1,
                    65_536,
                )? << 20,
            },
            history: HistoryRetention {
                changes: value::days("HISTORY_DAYS", &self.history_days)?,
                trash: value::days("TRASH_DAYS", &self.trash_days)?,
            },
            tombstones: value::days("TOMBSTONE_DAYS", &self.tombstone_days)?,
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

    fn text_mut(&mut self, variable: &str) -> Option<&mut String> {
        Some(match variable {
            "LISTEN" => &mut self.listen,
            "METRICS_LISTEN" => &mut self.metrics_listen,
            "TLS_CERT_FILE" => &mut self.tls_cert_file,
            "TLS_KEY_FILE" => &mut self.tls_key_file,
            CORS_ORIGINS => &mut self.backend_cors_origins,
            "TRUSTED_PROXIES" => &mut self.trusted_proxies,
            "PROJECT_NAME" => &mut self.project_name,
            "API_V1_PREFIX" => &mut self.api_v1_prefix,
            "ENVIRONMENT" => &mut self.environment,
            "REQUIRE_IF_MATCH" => &mut self.require_if_match,
            "SHUTDOWN_SECONDS" => &mut self.shutdown_seconds,
            "CONTROL_SOCKET" => &mut self.control_socket,
            "DATABASE_URL" => &mut self.database_url,
            "CACHE_MIB" => &mut self.cache_mib,
            "DISK_RESERVE_MIB" => &mut self.disk_reserve_mib,
            "CHECK_AT_START" => &mut self.check_at_start,
            "BACKUP_DIR" => &mut self.backup_dir,
            "BACKUP_EVERY" => &mut self.backup_every,
            "BACKUP_KEEP" => &mut self.backup_keep,
            "SECRET_KEY_FILE" => &mut self.secret_key_file,
            "PREVIOUS_SECRET_KEY_FILES" => &mut self.previous_secret_key_files,
            "ACCESS_TOKEN_EXPIRE_MINUTES" => &mut self.access_token_expire_minutes,
            "ALGORITHM" => &mut self.algorithm,
            "REGISTRATION" => &mut self.registration,
            "PASSWORD_MIN_LENGTH" => &mut self.password_min_length,
            "PASSWORD_MIN_STRENGTH" => &mut self.password_min_strength,
            "MAX_ACCOUNTS" => &mut self.max_accounts,
            "MAX_TASKS_PER_ACCOUNT" => &mut self.max_tasks_per_account,
            "MAX_MIB_PER_ACCOUNT" => &mut self.max_mib_per_account,
            "TOMBSTONE_DAYS" => &mut self.tombstone_days,
            "MAX_TOMBSTONES_PER_ACCOUNT" => &mut self.max_tombstones_per_account,
            "HISTORY_DAYS" => &mut self.history_days,
            "TRASH_DAYS" => &mut self.trash_days,
            "MAX_HISTORY_MIB_PER_ACCOUNT" => &mut self.max_history_mib_per_account,
            "AUTH_RATE_LIMIT" => &mut self.auth_rate_limit,
            "RATE_LIMIT_PER_MINUTE" => &mut self.rate_limit_per_minute,
            "HASH_QUEUE" => &mut self.hash_queue,
            "MAX_CONNECTIONS" => &mut self.max_connections,
            "MAX_CONNECTIONS_PER_NETWORK" => &mut self.max_connections_per_network,
            "HEADER_TIMEOUT_SECONDS" => &mut self.header_timeout_seconds,
            "BODY_TIMEOUT_SECONDS" => &mut self.body_timeout_seconds,
            "REQUEST_TIMEOUT_SECONDS" => &mut self.request_timeout_seconds,
            "MAX_HEADER_KIB" => &mut self.max_header_kib,
            "MAX_BODY_KIB" => &mut self.max_body_kib,
            "LOG_FORMAT" => &mut self.log_format,
            "LOG_LEVEL" => &mut self.log_level,
            "LOG_NETWORKS" => &mut self.log_networks,
            _ => return None,
        })
    }
}

/// Returns the default of a setting, as text.
fn default_of(variable: &str) -> String {
    let command = Options::augment_args(clap::Command::new("duly"));
    let found = command
        .get_arguments()
        .find(|arg| arg.get_env().is_some_and(|name| name == variable));
    let default = found.and_then(|arg| arg.get_default_values().first());
    default.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
}
