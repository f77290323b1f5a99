//! The key that signs access tokens, and earlier ones.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::example_key::is_example;
use super::{ConfigError, DatabaseUrl, trusted, value};
use crate::files::{is_lasting, make_private, sync_folder};

/// Minimum length of a key, in bytes: as HS256 requires (RFC 7518, section 3.2).
const MIN_BYTES: usize = 32;

/// Maximum length of a key file, in bytes.
const MAX_BYTES: u64 = 4096;

/// Maximum number of earlier keys: each is tried for a token that names none.
const MAX_PREVIOUS: usize = 8;

const EXAMPLE: &str = "a publicly known key, with which anyone can forge tokens";

const FILE: &str = "SECRET_KEY_FILE";
const PREVIOUS_FILES: &str = "PREVIOUS_SECRET_KEY_FILES";

/// Source of the signing key. Never shows the key.
#[derive(Clone)]
pub enum SigningKey {
    /// Value of `SECRET_KEY`.
    Given(Zeroizing<Vec<u8>>),
    /// File of `SECRET_KEY_FILE`. Must exist.
    File(PathBuf),
    /// File beside the data file. Created at the first start.
    Own(PathBuf),
}

/// Files with earlier signing keys. Must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousKeys(Vec<PathBuf>);

/// Reason that no key could be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The configured key cannot be used.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// The disk failed or is full.
    #[error("could not create the key {}", path.display())]
    Io {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        cause: io::Error,
    },
}

impl SigningKey {
    pub(super) fn choose(
        file: &str,
        database: &DatabaseUrl,
        without_variable: bool,
    ) -> Result<Self, ConfigError> {
        // A secret has no flag, so clap cannot read it. It may be any bytes.
        let given = std::env::var_os("SECRET_KEY").filter(|_| !without_variable);
        let given = given.unwrap_or_default().into_vec();
        match (given.is_empty(), file.is_empty()) {
            (false, false) => {
                value::wrong("SECRET_KEY", "and SECRET_KEY_FILE cannot both be set")
            }
            (false, true) if given.len() < MIN_BYTES => {
                value::wrong("SECRET_KEY", "must have at least 32 bytes")
            }
            (false, true) if is_example(&given) => value::wrong(
                "SECRET_KEY",
                format!(
                    "is {EXAMPLE}: leave it empty, and the server creates a key at its first start"
                ),
            ),
            (false, true) => Ok(Self::Given(Zeroizing::new(given))),
            (true, false) => Ok(Self::File(PathBuf::from(file))),
            (true, true) => {
                let mut path = database.path().as_os_str().to_owned();
                path.push(".key");
                Ok(Self::Own(PathBuf::from(path)))
            }
        }
    }

    /// Checks that an existing key can be used, without creating one.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, is too short, or is not private.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Given(_) => Ok(()),
            // An unreadable folder also keeps the data file from being opened, which reports it.
            Self::Own(path) if !matches!(path.try_exists(), Ok(true)) => Ok(()),
            Self::File(path) | Self::Own(path) => read(FILE, path).map(drop),
        }
    }

    /// Returns the key. Creates it if it belongs beside the data file and does not exist.
    ///
    /// A created key is durable when this returns. A file that others can read is refused.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or created, is too short, or is not private.
    pub fn load(
        &self,
        make: impl FnOnce() -> io::Result<Zeroizing<Vec<u8>>>,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let path = match self {
            Self::Given(key) => return Ok(key.clone()),
            Self::File(path) => return Ok(read(FILE, path)?),
            Self::Own(path) => path,
        };
        match make().and_then(|key| create(path, &key)) {
            Err(cause) if is_lasting(&cause) => {
                let key = path.display();
                let reason = format!(
                    "names a file in a folder where the key {key} cannot be created: {cause}. Make the folder writable for this user, or set SECRET_KEY_FILE"
                );
                Ok(value::wrong("DATABASE_URL", reason)?)
            }
            Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
                Err(KeyError::Io { path: path.clone(), cause })
            }
            _ => Ok(read(FILE, path)?),
        }
    }

    pub(super) fn describe(&self) -> (&'static str, String) {
        match self {
            Self::Given(_) => ("SECRET_KEY", "(hidden)".to_owned()),
            Self::File(path) | Self::Own(path) => (FILE, path.display().to_string()),
        }
    }
}

impl PreviousKeys {
    pub(super) fn choose(files: &str) -> Result<Self, ConfigError> {
        let files: Vec<_> = value::list(files).map(PathBuf::from).collect();
        if files.len() > MAX_PREVIOUS {
            let reason = format!("must name at most {MAX_PREVIOUS} files");
            return value::wrong(PREVIOUS_FILES, reason);
        }
        Ok(Self(files))
    }

    /// Returns the keys, in the given order.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, is too short, or is not private.
    pub fn load(&self) -> Result<Vec<Zeroizing<Vec<u8>>>, ConfigError> {
        self.0.iter().map(|path| read(PREVIOUS_FILES, path)).collect()
    }

    pub(super) fn describe(&self) -> (&'static str, String) {
        let files: Vec<_> = self.0.iter().map(|it| it.display().to_string()).collect();
        (PREVIOUS_FILES, files.join(","))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (variable, value) = self.describe();
        write!(f, "SigningKey({variable}={value})")
    }
}

fn create(path: &Path, key: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        // Even if its creator was stopped before the name was durable.
        sync_folder(path)?;
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    make_private(path, |mut file| file.write_all(key))
}

fn read(variable: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let open = || {
        let (file, found) = trusted::open(path)?;
        let mode = found.permissions().mode();
        let mut key = Zeroizing::new(Vec::new());
        file.take(MAX_BYTES + 1).read_to_end(&mut key)?;
        Ok((mode, key))
    };
    let (mode, mut key) = match open() {
        Ok(found) => found,
        Err(error) => return unusable(variable, path, &error),
    };
    if mode & 0o077 != 0 {
        let reason =
            format!("{} can be read by others: run chmod 600 on it", path.display());
        return value::wrong(variable, reason);
    }
    if key.len() > usize::try_from(MAX_BYTES).unwrap_or(usize::MAX) {
        let reason = format!("{} must have at most {MAX_BYTES} bytes", path.display());
        return value::wrong(variable, reason);
    }
    while key.last().is_some_and(u8::is_ascii_whitespace) {
        key.pop();
    }
    if key.len() < MIN_BYTES {
        let reason = format!("{} must have at least 32 bytes", path.display());
        return value::wrong(variable, reason);
    }
    if is_example(&key) {
        let reason = format!("{} contains {EXAMPLE}: use another key", path.display());
        return value::wrong(variable, reason);
    }
    Ok(key)
}

fn unusable<T>(
    variable: &'static str,
    path: &Path,
    error: &io::Error,
) -> Result<T, ConfigError> {
    value::wrong(variable, format!("{} cannot be used: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "what `load` asks for")]
    fn make() -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(key(0)))
    }

    /// Returns one of several keys that are no examples.
    fn key(which: u8) -> Vec<u8> {
        (0..64).map(|place| b'0' + place + which).collect()
    }

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let own = SigningKey::Own(path.clone());
        assert_eq!(own.load(make).unwrap().as_slice(), key(0));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let other = || Ok(Zeroizing::new(key(1)));
        assert_eq!(own.load(other).unwrap().as_slice(), key(0));
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn short_and_public_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        let key = SigningKey::File(path.clone());
        assert!(key.load(make).unwrap_err().to_string().contains("cannot be used"));

        create(&path, b"short").unwrap();
        assert!(key.load(make).unwrap_err().to_string().ends_with("at least 32 bytes"));

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(key.load(make).unwrap_err().to_string().contains("read by others"));
    }

    #[test]
    fn every_previous_key_is_held_to_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["a.key", "b.key"].map(|name| folder.path().join(name));
        let text = format!(" {}, {}", one.display(), two.display());
        let keys = PreviousKeys::choose(&text).unwrap();
        let refused = |why: &str| {
            let error = keys.load().unwrap_err();
            assert_eq!(error.variable, PREVIOUS_FILES);
            assert!(error.reason.contains("b.key"), "{error}");
            assert!(error.reason.contains(why), "{error}");
        };
        create(&one, &key(1)).unwrap();
        refused("cannot be used");

        create(&two, &[b'2'; 31]).unwrap();
        refused("at least 32 bytes");

        std::fs::write(&two, key(2)).unwrap();
        assert_eq!(keys.load().unwrap()[1].as_slice(), key(2));

        std::fs::set_permissions(&two, std::fs::Permissions::from_mode(0o640)).unwrap();
        refused("read by others");
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = SigningKey::Given(Zeroizing::new(b"hunter2".to_vec()));
        assert_eq!(format!("{key:?}"), "SigningKey(SECRET_KEY=(hidden))");
    }
}
