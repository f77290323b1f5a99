//! Rules of the source that the compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};

/// Layers from the top down. A module may use only itself and lower modules.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["http", "control", "jobs", "telemetry"],
    &["service"],
    &["store", "auth"],
    &["config", "clock", "random"],
    &["domain", "files", "json", "metrics", "permits", "socket"],
];

/// Libraries that may be named only in these places.
const HOMES: &[(&str, &[&str])] = &[
    ("argon2", &["src/auth/password/"]),
    ("bincode", &["src/store/redb/format/codec.rs", "src/store/redb/format/record/"]),
    ("clap", &["src/cli/", "src/config/check.rs", "src/config/options.rs"]),
    ("crc32fast", &["src/auth/opaque.rs"]),
    ("dotenvy", &["src/config/dotenv.rs"]),
    ("email_address", &["src/domain/email/mod.rs"]),
    ("flate2", &["src/http/docs/asset.rs"]),
    ("getrandom", &["src/random.rs"]),
    ("governor", &["src/auth/throttle/"]),
    ("httparse", &["src/http/payload/multipart.rs"]),
    ("hyper", &["src/http/", "src/cli/healthcheck.rs"]),
    ("icu_collator", &["src/domain/fold/mod.rs"]),
    ("indicatif", &["src/cli/"]),
    ("ipnet", &["src/config/", "src/http/address.rs", "src/http/server/connections.rs"]),
    (
        "jiff",
        &[
            "src/domain/rfc3339.rs",
            "src/domain/date/mod.rs",
            "src/domain/due/",
            "src/domain/recurrence/",
            "src/domain/time_zone.rs",
            "src/domain/timestamp.rs",
            "src/clock.rs",
        ],
    ),
    ("jsonwebtoken", &["src/auth/token.rs", "src/auth/hmac.rs"]),
    ("percent_encoding", &["src/http/payload/form.rs", "src/http/param.rs"]),
    ("poem", &["src/http/"]),
    ("poem_openapi", &["src/http/"]),
    ("pulldown_cmark", &["src/http/docs/guide/"]),
    (
        "quick_cache",
        &[
            "src/auth/token.rs",
            "src/auth/last_use.rs",
            "src/store/redb/engine/access_cache.rs",
        ],
    ),
    ("redb", &["src/store/redb/"]),
    ("ring", &["src/auth/seal.rs"]),
    ("rpassword", &["src/cli/input.rs"]),
    (
        "rustix",
        &[
            "src/cli/input.rs",
            "src/cli/interrupt/signals.rs",
            "src/cli/limit.rs",
            "src/config/",
            "src/control/",
            "src/files/",
            "src/http/metrics/process.rs",
            "src/store/redb/engine/space/",
            "src/telemetry/writer.rs",
        ],
    ),
    ("rustls", &["src/http/server/tls.rs", "src/cli/healthcheck.rs"]),
    (
        "serde",
        &[
            "src/http/",
            "src/json.rs",
            "src/auth/token.rs",
            "src/control/",
            "src/service/idempotency/wire/",
            "src/service/export_format/",
        ],
    ),
    (
        "serde_json",
        &[
            "src/http/",
            "src/json.rs",
            "src/auth/token.rs",
            "src/cli/",
            "src/control/",
            "src/service/idempotency/",
            "src/service/export_format/",
            "src/service/personal_data/",
            "src/service/wire_error.rs",
        ],
    ),
    ("serde_path_to_error", &["src/service/export_format/", "src/service/wire_error.rs"]),
    ("serde_yaml", &["src/http/openapi/mod.rs"]),
    (
        "sha2",
        &[
            "src/auth/derive.rs",
            "src/auth/hmac.rs",
            "src/auth/opaque.rs",
            "src/http/docs/asset.rs",
        ],
    ),
    ("idna", &["src/domain/email/spelling.rs"]),
    ("strsim", &["src/http/nearest.rs"]),
    ("tokio_rustls", &["src/http/server/tls.rs", "src/cli/healthcheck.rs"]),
    ("tracing_subscriber", &["src/telemetry/"]),
    ("unicode_normalization", &["src/domain/fold/"]),
    ("zxcvbn", &["src/auth/strength.rs"]),
    (
        "xxhash_rust",
        &[
            "src/store/redb/format/codec.rs",
            "src/domain/fold/",
            "src/domain/uid.rs",
            "src/domain/words/",
        ],
    ),
];

/// Largest number of lines of a file.
const MAX_LINES: usize = 600;

/// Largest median of the lines of the program's files.
const MEDIAN_LINES: usize = 120;

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let Some(from) = rank(layer_of(&path)) else { continue };
        for (number, line) in code(&text) {
            for used in line.split("crate::").skip(1) {
                let name = identifier(used);
                let same = name == layer_of(&path);
                if !same && rank(name).is_some_and(|to| to <= from) {
                    wrong.push(format!("{}:{number}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these look upwards:\n{}", wrong.join("\n"));
}

#[test]
fn every_library_has_a_home() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let place = path.to_str().unwrap();
        for (library, homes) in HOMES {
            let at_home = homes.iter().any(|home| place.starts_with(home));
            let start = format!("{library}::");
            let named = code(&text).any(|(_, line)| {
                line.match_indices(&start).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    !before.is_some_and(|c| c.is_alphanumeric() || "_:".contains(c))
                })
            });
            // `store::redb` is a module of the program.
            if named && !at_home && !text.contains(&format!("store::{library}")) {
                wrong.push(format!("{place} names {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_home_is_lived_in() {
    let sources = sources("src");
    for (library, homes) in HOMES {
        for home in *homes {
            let lived_in = sources.iter().any(|(path, text)| {
                let named = [format!("{library}::"), format!("derive({library}")];
                path.starts_with(home) && named.iter().any(|name| text.contains(name))
            });
            assert!(lived_in, "{library} is not used in {home}");
        }
    }
}

#[test]
fn files_are_short() {
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
        }
    }
    let mut lengths: Vec<usize> =
        sources("src").iter().map(|(_, text)| text.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN_LINES, "half of the files have more than {median} lines");
}

/// Words that are no good first word of a doc comment.
const NO_FIRST_WORDS: [&str; 15] = [
    "How", "Nobody", "So", "Somebody", "Those", "What", "Whatever", "When", "Where",
    "Which", "Who", "Whoever", "Whom", "Whose", "Why",
];

#[test]
fn the_doc_of_an_item_begins_with_its_noun_or_verb() {
    for (path, text) in sources("src") {
        let mut is_first = true;
        for (number, line) in text.lines().map(str::trim).enumerate() {
            let doc = line.strip_prefix("///").filter(|_| !line.starts_with("////"));
            let doc = doc.or_else(|| line.strip_prefix("//!"));
            let word = doc.and_then(|doc| doc.split_whitespace().next());
            let begins_well =
                !is_first || word.is_none_or(|it| !NO_FIRST_WORDS.contains(&it));
            assert!(begins_well, "{}:{}: {line}", path.display(), number + 1);
            is_first = doc.is_none();
        }
    }
}

#[test]
fn only_one_place_prints() {
    for (path, text) in sources("src") {
        let prints = text.contains("io::stdout()") || text.contains("println!");
        assert!(!prints || path.ends_with("cli/output.rs"), "{} prints", path.display());
    }
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn layer_of(path: &Path) -> &str {
    let first = path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
    first.strip_suffix(".rs").unwrap_or(first)
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// Numbered lines without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}
