//! Settings file: `.env` in the working directory, or the file that `ENV_FILE` names.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::{ConfigError, ConfigErrors, trusted};

const NAME: &str = ".env";
const ENV_FILE: &str = "ENV_FILE";
const OFF: &str = "off";

/// Maximum length of the file, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Reads the file into the environment. Variables that are already set stay unchanged.
///
/// The file decides about permissions, so it is read only if no other user can write it: it must belong to root or to
/// the user of this process.
///
/// # Errors
///
/// Fails if another user can write the file, it is malformed, or `ENV_FILE` names a file that does not exist.
pub fn read_dotenv() -> Result<(), ConfigErrors> {
    let named = env::var_os(ENV_FILE).filter(|named| !named.is_empty());
    let (variable, path) = match &named {
        Some(named) if named == OFF => return Ok(()),
        Some(named) => (ENV_FILE, PathBuf::from(named)),
        // Messages name the folder, since their reader may not know the working directory.
        None => (NAME, std::path::absolute(NAME).unwrap_or_else(|_| NAME.into())),
    };
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(error) => {
            let advice = "set ENV_FILE=off to ignore it";
            let reason = format!("{} cannot be used: {error}; {advice}", path.display());
            return Err(ConfigError { variable, reason }.into());
        }
    };
    let faults = faults(&text);
    if !faults.is_empty() {
        let errors = faults.into_iter().map(|(line, what)| ConfigError {
            variable,
            reason: format!("{} line {line} {what}", path.display()),
        });
        return Err(ConfigErrors(errors.collect()));
    }
    dotenvy::from_read(text.as_slice()).map_err(|_| {
        let reason = format!("{} {NO_LINE}", path.display());
        ConfigError { variable, reason }.into()
    })
}

/// Returns invalid lines, by number from 1. The parser's own error would quote a line, which may hold a secret.
fn faults(text: &[u8]) -> Vec<(usize, &'static str)> {
    let mut faults = Vec::new();
    for item in dotenvy::from_read_iter(text) {
        match item {
            Ok((name, secret)) => {
                drop(Zeroizing::new(secret));
                if name == ENV_FILE {
                    let line = line_of(text, |line| {
                        let line = line.trim_ascii_start();
                        let line = line.strip_prefix(b"export ").unwrap_or(line);
                        line.trim_ascii_start().starts_with(ENV_FILE.as_bytes())
                    });
                    faults.push((
                        line,
                        "sets ENV_FILE, which is read only from the environment",
                    ));
                }
            }
            Err(dotenvy::Error::LineParse(quoted, _)) => {
                let quoted = Zeroizing::new(quoted);
                let first = quoted.lines().next().unwrap_or_default().trim().as_bytes();
                let lines = text.split(|byte| *byte == b'\n').enumerate();
                for (before, _) in lines.filter(|(_, line)| line.trim_ascii() == first) {
                    faults.push((before + 1, NO_LINE));
                }
            }
            Err(_) => {
                let line = line_of(text, |line| str::from_utf8(line).is_err());
                faults.push((line, NO_LINE));
            }
        }
    }
    faults.sort_unstable();
    faults.dedup();
    faults
}

const NO_LINE: &str = "is not NAME=value";

/// Returns the number of the first matching line, from 1.
fn line_of(text: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> usize {
    text.split(|byte| *byte == b'\n').position(is_meant).map_or(1, |before| before + 1)
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let (file, found) = trusted::open(path)?;
    let mode = found.permissions().mode();
    // A group may share a folder for its own work, but must not decide what root does.
    let refused = [
        ("others", 0o002, "o-w", true),
        ("its group", 0o020, "g-w", geteuid().is_root()),
    ];
    for (who, bit, chmod, counts) in refused {
        if counts && mode & bit != 0 {
            let uid = std::os::unix::fs::MetadataExt::uid(&found);
            let why = format!(
                "{who} can write to the file, which belongs to user {uid}: run chmod {chmod} {}",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
    }
    // Large enough not to be copied while it grows.
    let room = usize::try_from(found.len()).unwrap_or_default().saturating_add(1);
    let mut text = Zeroizing::new(Vec::with_capacity(room.min(MAX_BYTES + 1)));
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    if text.len() > MAX_BYTES {
        let why = format!("it is longer than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(text)
}
