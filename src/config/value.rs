//! Validation of single values, with errors that name the variable.

use std::fmt;
use std::io::IsTerminal as _;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::{
    Backups, ConfigError, DatabaseUrl, Listen, LogFormat, Registration, TlsFiles,
    TokenAlgorithm,
};
use crate::domain::network::LogNetworks;
use crate::domain::quota::Quota;
use crate::socket;

type Checked<T> = Result<T, ConfigError>;

pub(super) fn wrong<T>(variable: &'static str, reason: impl Into<String>) -> Checked<T> {
    Err(ConfigError { variable, reason: reason.into() })
}

pub(super) fn text(variable: &'static str, text: &str) -> Checked<String> {
    if text.chars().any(char::is_control) || text.len() > 200 {
        return wrong(variable, "must be one line of at most 200 bytes");
    }
    Ok(text.to_owned())
}

pub(super) fn number(
    variable: &'static str,
    text: &str,
    least: u64,
    most: u64,
) -> Checked<u64> {
    match text.trim().parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => wrong(variable, format!("must be a whole number from {least} to {most}")),
    }
}

pub(super) fn size(
    variable: &'static str,
    text: &str,
    least: u64,
    most: u64,
) -> Checked<usize> {
    let number = number(variable, text, least, most)?;
    usize::try_from(number).or_else(|_| wrong(variable, "is too large for this machine"))
}

pub(super) fn grade(variable: &'static str, text: &str, most: u8) -> Checked<u8> {
    let grade = number(variable, text, 0, most.into())?;
    Ok(u8::try_from(grade).unwrap_or(most))
}

/// Parses a number, where 0 means no limit.
pub(super) fn limit(
    variable: &'static str,
    text: &str,
    most: u32,
) -> Checked<Option<NonZeroU32>> {
    let number = number(variable, text, 0, most.into())?;
    Ok(u32::try_from(number).ok().and_then(NonZeroU32::new))
}

/// Parses a limit of stored data, where 0 means none.
pub(super) fn quota(variable: &'static str, text: &str) -> Checked<Option<u64>> {
    let number = number(variable, text, 0, Quota::MAX_LIMIT)?;
    Ok((number > 0).then_some(number))
}

pub(super) fn seconds(variable: &'static str, text: &str) -> Checked<Duration> {
    number(variable, text, 1, 3600).map(Duration::from_secs)
}

pub(super) fn days(variable: &'static str, text: &str) -> Checked<Duration> {
    let days = number(variable, text, 1, 3650)?;
    Ok(DAY * u32::try_from(days).unwrap_or(u32::MAX))
}

pub(super) fn switch(variable: &'static str, text: &str) -> Checked<bool> {
    match text.trim() {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => wrong(variable, "must be on or off"),
    }
}

pub(super) fn prefix(variable: &'static str, text: &str) -> Checked<String> {
    let prefix = text.trim().trim_end_matches('/');
    let sound = prefix.is_empty()
        || (prefix.starts_with('/')
            && !prefix.contains("//")
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b)));
    let own = ["/docs", "/redoc", "/health", "/openapi"];
    if !sound || own.iter().any(|path| prefix.starts_with(path)) {
        return wrong(
            variable,
            "must be a path such as /api/v1, and must not be one of the server's own paths",
        );
    }
    Ok(prefix.to_owned())
}

pub(super) fn algorithm(variable: &'static str, text: &str) -> Checked<TokenAlgorithm> {
    match text.trim() {
        "HS256" => Ok(TokenAlgorithm::Hs256),
        "HS384" => Ok(TokenAlgorithm::Hs384),
        "HS512" => Ok(TokenAlgorithm::Hs512),
        _ => wrong(variable, "must be HS256, HS384 or HS512"),
    }
}

/// Parses a comma-separated list, or the JSON array that the replaced service took.
pub(super) fn origins(variable: &'static str, text: &str) -> Checked<Vec<String>> {
    let list = list(text.trim().trim_start_matches('[').trim_end_matches(']'));
    list.map(|origin| origin.trim_matches(['"', '\'']).trim_end_matches('/').to_owned())
        .map(|origin| {
            let sound = origin.split_once("://").is_some_and(|(scheme, host)| {
                is_scheme_of_pages(scheme)
                    && !host.is_empty()
                    && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
            });
            if sound { Ok(origin.to_ascii_lowercase()) } else {
                wrong(variable, "must list origins such as https://app.example.com; * cannot be combined with credentials")
            }
        })
        .collect()
}

/// Whether pages can have this scheme: pages of the web, of an app (`capacitor`, `tauri`) or of a browser extension
/// (`chrome-extension`).
fn is_scheme_of_pages(scheme: &str) -> bool {
    let is_sound = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let others = ["about", "blob", "data", "file", "ftp", "javascript", "ws", "wss"];
    is_sound && !others.iter().any(|other| scheme.eq_ignore_ascii_case(other))
}

pub(super) fn networks(variable: &'static str, text: &str) -> Checked<Vec<IpNet>> {
    list(text)
        .map(|text| {
            let address = text.parse::<std::net::IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or(address).or_else(|_| {
                wrong(variable, "must list networks such as 10.0.0.0/8 or 127.0.0.1")
            })
        })
        .collect()
}

/// Returns the parts of a comma-separated list.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn database(text: &str) -> Checked<DatabaseUrl> {
    const VARIABLE: &str = "DATABASE_URL";
    match text.trim().split_once("://") {
        Some(("redb", path)) if !path.is_empty() && !path.ends_with('/') => {
            Ok(DatabaseUrl::Redb(PathBuf::from(path)))
        }
        Some((scheme, _)) if is_of_a_server(scheme) => wrong(
            VARIABLE,
            format!(
                "names a database that Duly does not support: set it to redb://./duly.redb, or remove it. {BRING_OVER}"
            ),
        ),
        None if Path::new(text.trim()).extension().is_some() => {
            wrong(VARIABLE, "must begin with redb://, as in redb://./duly.redb")
        }
        _ => wrong(VARIABLE, "must be redb://./relative/path or redb:///absolute/path"),
    }
}

/// Whether a scheme names a database that the replaced service supported, with or without a driver.
fn is_of_a_server(scheme: &str) -> bool {
    let name = scheme.split('+').next().unwrap_or_default();
    ["sqlite", "postgresql", "postgres", "mysql", "mariadb"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Instructions for moving data from the replaced service.
pub const BRING_OVER: &str = "To move data from another service, use its API: register the accounts here, read the tasks there with GET /api/v1/tasks, and POST each of them to /api/v1/tasks here";

/// Parses the path of the control socket; by default it is beside the data file.
pub(super) fn control_socket(
    text: &str,
    database: &DatabaseUrl,
) -> Checked<Option<PathBuf>> {
    let path = match text.trim() {
        "off" => return Ok(None),
        "" => {
            let mut path = database.path().as_os_str().to_owned();
            path.push(".sock");
            PathBuf::from(path)
        }
        path => PathBuf::from(path),
    };
    if path.as_os_str().len() > socket::MAX_PATH {
        return wrong(
            "CONTROL_SOCKET",
            format!(
                "must have at most {} bytes, but {} is longer",
                socket::MAX_PATH,
                path.display()
            ),
        );
    }
    Ok(Some(path))
}

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// Parses an interval of minutes, hours or days, from a minute to a year.
pub(super) fn interval(variable: &'static str, text: &str) -> Checked<Duration> {
    let text = text.trim();
    let units = [("m", 60), ("h", 3600), ("d", 24 * 3600)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(*seconds)
    });
    match seconds.map(Duration::from_secs) {
        Some(time) if (Duration::from_secs(60)..=365 * DAY).contains(&time) => Ok(time),
        _ => {
            wrong(variable, "must be a number of minutes, hours or days, from 1m to 365d")
        }
    }
}

pub(super) fn interval_text(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds % (24 * 3600), seconds % 3600) {
        (0, _) => format!("{}d", seconds / (24 * 3600)),
        (_, 0) => format!("{}h", seconds / 3600),
        _ => format!("{}m", seconds / 60),
    }
}

pub(super) fn backups(folder: &str, every: &str, keep: &str) -> Checked<Option<Backups>> {
    // Validated even while they have no effect.
    let every = interval("BACKUP_EVERY", every)?;
    let keep = size("BACKUP_KEEP", keep, 1, 10_000)?;
    let folder = folder.trim();
    Ok((!folder.is_empty()).then(|| Backups {
        folder: PathBuf::from(folder),
        every,
        keep,
    }))
}

pub(super) fn listen(variable: &'static str, text: &str) -> Checked<Listen> {
    let text = text.trim();
    if let Some(path) = text.strip_prefix("unix:") {
        return if path.is_empty() {
            wrong(variable, "must name a socket after unix:")
        } else {
            Ok(Listen::Unix(PathBuf::from(path)))
        };
    }
    text.parse().map(Listen::Tcp).or_else(|_| {
        wrong(variable, "must be IP:PORT, such as 127.0.0.1:8000, or unix:/path")
    })
}

/// Parses the address for metrics, which must differ from the server's own.
pub(super) fn metrics_listen(
    text: &str,
    server: &Listen,
    control: Option<&Path>,
) -> Checked<Option<Listen>> {
    const VARIABLE: &str = "METRICS_LISTEN";
    if text.trim().is_empty() {
        return Ok(None);
    }
    let metrics = listen(VARIABLE, text)?;
    let is_taken = match (&metrics, server) {
        (Listen::Tcp(metrics), Listen::Tcp(server)) => {
            let (one, two) = (metrics.ip(), server.ip());
            let meet = one == two || one.is_unspecified() || two.is_unspecified();
            // A port chosen at the start is never chosen twice.
            meet && metrics.port() == server.port() && server.port() != 0
        }
        (Listen::Unix(metrics), Listen::Unix(server)) => metrics == server,
        _ => false,
    };
    match &metrics {
        _ if is_taken => {
            wrong(VARIABLE, "must differ from LISTEN: metrics are not public")
        }
        Listen::Unix(path) if control == Some(path) => {
            wrong(VARIABLE, "must differ from CONTROL_SOCKET")
        }
        _ => Ok(Some(metrics)),
    }
}

/// Requires both files or none. The files themselves are checked when they are read.
pub(super) fn tls(cert: &str, key: &str, listen: &Listen) -> Checked<Option<TlsFiles>> {
    match (cert.trim(), key.trim()) {
        ("", "") => Ok(None),
        (_, "") => wrong("TLS_CERT_FILE", "requires TLS_KEY_FILE"),
        ("", _) => wrong("TLS_KEY_FILE", "requires TLS_CERT_FILE"),
        _ if matches!(listen, Listen::Unix(_)) => wrong(
            "TLS_CERT_FILE",
            "requires an IP:PORT in LISTEN, which names a Unix socket",
        ),
        (cert, key) => {
            Ok(Some(TlsFiles { cert: PathBuf::from(cert), key: PathBuf::from(key) }))
        }
    }
}

/// Parses a minimum level, with other levels for some modules: `info,duly::store=debug`. Validated here, since tracing
/// takes an unknown level for the name of a module, and then logs nothing else.
pub(super) fn log_level(variable: &'static str, text: &str) -> Checked<String> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    let part = |part: &str| {
        let (module, level) = part.rsplit_once('=').unwrap_or(("", part));
        let level = level.trim().to_ascii_lowercase();
        let module = module.trim();
        let named = module.is_empty() != part.contains('=');
        let plain = module.chars().all(|c| c.is_ascii_alphanumeric() || "_:".contains(c));
        (named && plain && LEVELS.contains(&level.as_str()))
            .then(|| if module.is_empty() { level } else { format!("{module}={level}") })
    };
    match list(text).map(part).collect::<Option<Vec<_>>>() {
        Some(parts) if !parts.is_empty() => Ok(parts.join(",")),
        _ => wrong(
            variable,
            "must be error, warn, info, debug, trace or off, or a list such as info,duly::store=debug",
        ),
    }
}

pub(super) fn registration(variable: &'static str, text: &str) -> Checked<Registration> {
    let all = [Registration::Open, Registration::Invite, Registration::Closed];
    let found = all.into_iter().find(|it| it.as_str() == text.trim());
    found.map_or_else(|| wrong(variable, "must be open, invite or closed"), Ok)
}

pub(super) fn log_networks(variable: &'static str, text: &str) -> Checked<LogNetworks> {
    let on = switch(variable, text)?;
    Ok(if on { LogNetworks::On } else { LogNetworks::Off })
}

pub(super) fn log_format(variable: &'static str, text: &str) -> Checked<LogFormat> {
    match text.trim() {
        "" if std::io::stderr().is_terminal() => Ok(LogFormat::Text),
        "" | "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => wrong(variable, "must be text or json"),
    }
}

impl TokenAlgorithm {
    /// Returns the name in a JWT's header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }
}

impl Registration {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }
}

impl LogFormat {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl DatabaseUrl {
    /// Returns the path of the data file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Redb(path) => path,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redb(path) => write!(f, "redb://{}", path.display()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_variable_and_not_the_value() {
        let error = number("CACHE_MIB", "hunter2", 1, 9).unwrap_err();
        assert_eq!(error.to_string(), "CACHE_MIB must be a whole number from 1 to 9");
    }

    #[test]
    fn levels_are_known_ones() {
        for text in ["info", "DEBUG", "off", "warn,duly::store=trace", "info, duly=debug"]
        {
            let level = log_level("X", text).unwrap();
            assert!(!level.contains(' '), "{level}");
        }
        for text in [
            "",
            "warning",
            "verbose",
            "duly",
            "info,duly=loud",
            "info,duly::http",
            "=info",
            "a b=info",
        ] {
            assert!(log_level("X", text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_come_as_a_list_or_as_json() {
        let wanted =
            vec!["http://a.example".to_owned(), "https://b.example:8443".to_owned()];
        for text in [
            "http://a.example, https://B.example:8443/",
            r#"["http://a.example", "https://b.example:8443"]"#,
        ] {
            assert_eq!(origins("X", text), Ok(wanted.clone()));
        }
        assert_eq!(origins("X", ""), Ok(Vec::new()));
        for text in
            ["capacitor://localhost", "tauri://localhost", "chrome-extension://abc"]
        {
            assert_eq!(origins("X", text), Ok(vec![text.to_owned()]));
        }
        for text in [
            "*",
            "ftp://a.example",
            "http://",
            "://a",
            "1a://b",
            "file://a",
            "http://a.example/path",
            "null",
        ] {
            assert!(origins("X", text).is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_are_normal_paths() {
        assert_eq!(prefix("X", "/api/v1/").unwrap(), "/api/v1");
        assert_eq!(prefix("X", "/").unwrap(), "");
        for text in ["api", "/a b", "/a//b", "/docs", "/:id", "/a?b"] {
            assert!(prefix("X", text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_and_databases_are_told_apart() {
        assert_eq!(listen("X", "unix:/run/d").unwrap().to_string(), "unix:/run/d");
        assert!(listen("X", "[::1]:80").is_ok());
        assert!(listen("X", "localhost").is_err());
        assert_eq!(database("redb://./a.redb").unwrap().path(), Path::new("./a.redb"));
        assert_eq!(
            database("redb:///data/a.redb").unwrap().path(),
            Path::new("/data/a.redb")
        );
        let server = listen("X", "127.0.0.1:8000").unwrap();
        let metrics = |text: &str| metrics_listen(text, &server, Some(Path::new("/c")));
        assert_eq!(metrics(" "), Ok(None));
        for text in ["127.0.0.1:9000", "[::1]:9000", "10.0.0.1:8000", "unix:/m"] {
            assert_eq!(metrics(text).unwrap().unwrap().to_string(), text);
        }
        for text in ["127.0.0.1:8000", "0.0.0.0:8000", "[::]:8000", "unix:/c", "on"] {
            assert!(metrics(text).is_err(), "{text}");
        }
        for text in ["postgresql://h/db", "redb://", "redb:///data/", "a.redb"] {
            assert!(database(text).is_err(), "{text}");
        }
    }
}
