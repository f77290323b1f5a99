//! Tests of the commands of the real binary, with their exit codes.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::process::Command;

use clap::Parser;
use duly::config::Options;
use duly::store::redb::{self, RedbStore};
use hyper::StatusCode;
use serde_json::Value;

use crate::harness::client::PASSWORD;
use crate::harness::process::{expect, finish, refused, text};
use crate::harness::{Home, Process};

const SECRET: &str = "hunter2-9d41c7e05ab8f36217d49ce8-hunter2";

/// Every variable of `.env.example` with its value there.
fn documented() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../.env.example").lines();
    let settings = lines.filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let is_name = |name: &str| {
        name.bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b))
    };
    settings
        .filter(|(name, _)| is_name(name))
        .map(|(name, value)| (name, value.trim_matches('\'')))
        .collect()
}

#[test]
fn config_prints_every_documented_variable_with_its_default() {
    let home = Home::new().set("LISTEN", "127.0.0.1:8000").set("AUTH_RATE_LIMIT", "on");

    let printed = expect(home.run(&["config"], ""), 0);

    let printed: Vec<_> =
        printed.lines().map(|line| line.split_once('=').unwrap()).collect();
    let names = |settings: &[(&str, &str)]| -> BTreeSet<String> {
        settings.iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    let mut documented = documented();
    // If it is not set, the next variable counts; neither has a fixed default, nor has the log format.
    documented.retain(|(name, _)| *name != "SECRET_KEY");
    assert_eq!(names(&printed), names(&documented));
    for (name, value) in documented {
        let found = printed.iter().find(|(printed, _)| *printed == name).unwrap().1;
        match name {
            "SECRET_KEY_FILE" => assert_eq!(found, "./duly.redb.key"),
            "CONTROL_SOCKET" => assert_eq!(found, "./duly.redb.sock"),
            "LOG_FORMAT" => assert_eq!(found, "json"),
            _ => assert_eq!(found.trim_matches('\''), value, "{name}"),
        }
    }
}

#[test]
fn config_hides_the_key() {
    let home = Home::new().set("SECRET_KEY", SECRET);

    let output = home.run(&["config"], "");

    assert!(!text(&output.stderr).contains("hunter2"));
    let printed = expect(output, 0);
    assert!(printed.contains("SECRET_KEY=(hidden)\n"), "{printed}");
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let settings = documented().into_iter().map(|(name, _)| name);
    let empty = settings.fold(Home::new(), |home, name| home.set(name, ""));
    // An empty value is valid here: no origin.
    let home = Home::new()
        .set("LISTEN", "127.0.0.1:8000")
        .set("AUTH_RATE_LIMIT", "on")
        .set("BACKEND_CORS_ORIGINS", "");

    let printed = expect(empty.run(&["config"], ""), 0);

    assert_eq!(printed, expect(home.run(&["config"], ""), 0));
    assert!(printed.contains("BACKEND_CORS_ORIGINS=\n"), "{printed}");
}

/// Socket path one byte longer than the limit.
const TOO_LONG: &str = "/tmp/4567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456";

/// At least one bad value for each variable.
const BAD: &[(&str, &str)] = &[
    ("PROJECT_NAME", "two\nlines"),
    ("API_V1_PREFIX", "no slash"),
    ("API_V1_PREFIX", "/docs"),
    ("ENVIRONMENT", "two\nlines"),
    ("DATABASE_URL", "postgresql://jane:hunter2@db/duly"),
    ("DATABASE_URL", "duly.redb"),
    ("CACHE_MIB", "0"),
    ("CACHE_MIB", "64MiB"),
    ("DISK_RESERVE_MIB", "-1"),
    ("CHECK_AT_START", "maybe"),
    ("CONTROL_SOCKET", TOO_LONG),
    ("BACKUP_DIR", "/dev/null"),
    ("BACKUP_EVERY", "0m"),
    ("BACKUP_EVERY", "30s"),
    ("BACKUP_EVERY", "366d"),
    ("BACKUP_KEEP", "0"),
    ("SECRET_KEY", "hunter2"),
    ("SECRET_KEY_FILE", "no-such-hunter"),
    ("PREVIOUS_SECRET_KEY_FILES", "no-such-hunter"),
    ("PREVIOUS_SECRET_KEY_FILES", "a,b,c,d,e,f,g,h,i"),
    ("ALGORITHM", "none"),
    ("ALGORITHM", "RS256"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "43201"),
    ("REGISTRATION", "everybody"),
    ("AUTH_RATE_LIMIT", "maybe"),
    ("MAX_TASKS_PER_ACCOUNT", "many"),
    ("MAX_MIB_PER_ACCOUNT", "-1"),
    ("MAX_ACCOUNTS", "1000000001"),
    ("TOMBSTONE_DAYS", "0"),
    ("TOMBSTONE_DAYS", "3651"),
    ("MAX_TOMBSTONES_PER_ACCOUNT", "0"),
    ("MAX_TOMBSTONES_PER_ACCOUNT", "1000001"),
    ("HISTORY_DAYS", "0"),
    ("TRASH_DAYS", "3651"),
    ("MAX_HISTORY_MIB_PER_ACCOUNT", "0"),
    ("MAX_HISTORY_MIB_PER_ACCOUNT", "65537"),
    ("RATE_LIMIT_PER_MINUTE", "-1"),
    ("RATE_LIMIT_PER_MINUTE", "100001"),
    ("RATE_LIMIT_PER_MINUTE", "off"),
    ("PASSWORD_MIN_LENGTH", "7"),
    ("PASSWORD_MIN_LENGTH", "65"),
    ("REQUIRE_IF_MATCH", "perhaps"),
    ("PASSWORD_MIN_STRENGTH", "5"),
    ("PASSWORD_MIN_STRENGTH", "strong"),
    ("HASH_QUEUE", "0"),
    ("LISTEN", "localhost:8000"),
    ("METRICS_LISTEN", "9000"),
    ("LISTEN", "unix:"),
    ("TLS_CERT_FILE", "hunter2.pem"),
    ("TLS_KEY_FILE", "hunter2.pem"),
    ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ("MAX_CONNECTIONS", "none"),
    ("MAX_CONNECTIONS_PER_NETWORK", "0"),
    ("HEADER_TIMEOUT_SECONDS", "0"),
    ("BODY_TIMEOUT_SECONDS", "1.5"),
    ("REQUEST_TIMEOUT_SECONDS", "30s"),
    ("SHUTDOWN_SECONDS", "0"),
    ("MAX_HEADER_KIB", "99999999999999999999"),
    ("MAX_BODY_KIB", "0"),
    ("BACKEND_CORS_ORIGINS", "*"),
    ("LOG_FORMAT", "xml"),
    ("LOG_LEVEL", "info,duly=loud"),
    ("LOG_NETWORKS", "perhaps"),
    ("METRICS_LISTEN", "127.0.0.1"),
];

#[test]
fn every_bad_value_is_refused_with_one_line_that_names_the_variable() {
    let covered: BTreeSet<_> = BAD.iter().map(|(variable, _)| *variable).collect();
    assert_eq!(covered, documented().into_iter().map(|(name, _)| name).collect());

    for (variable, value) in BAD {
        let home = Home::new().set(variable, value);
        let line = refused(home.run(&["serve"], ""), 78);
        assert!(line.starts_with(&format!("duly: {variable} ")), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
        assert_eq!(home.folder.path().read_dir().unwrap().count(), 0, "{line}");
    }
}

#[test]
fn a_key_may_be_any_bytes() {
    let home = Home::new();
    let config = |key: &[u8]| {
        let mut command = home.command(&["config"]);
        command.env("SECRET_KEY", OsString::from_vec(key.to_vec()));
        finish(command, "")
    };

    let key: Vec<u8> = (0xE0..=0xFF).collect();
    assert!(expect(config(&key), 0).contains("SECRET_KEY=(hidden)\n"));
    assert!(refused(config(&key[1..]), 78).starts_with("duly: SECRET_KEY "));
}

#[test]
fn one_key_too_many_is_refused() {
    let home = Home::new().set("SECRET_KEY", SECRET).set("SECRET_KEY_FILE", "a.key");
    let line = refused(home.run(&["config"], ""), 78);
    assert!(line.contains("SECRET_KEY_FILE") && !line.contains("hunter2"), "{line}");
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_dot_env_file() {
    let home = Home::new().set("ENVIRONMENT", "variable").set("CACHE_MIB", "2");
    let file = "ENVIRONMENT=file\nCACHE_MIB=1\nHASH_QUEUE=7\nPROJECT_NAME='Jane & Co'\n";
    fs::write(home.folder.path().join(".env"), file).unwrap();

    let printed = expect(home.run(&["config", "--cache-mib=3"], ""), 0);

    for line in [
        "ENVIRONMENT=variable",
        "CACHE_MIB=3",
        "HASH_QUEUE=7",
        "PROJECT_NAME='Jane & Co'",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line}: {printed}");
    }
}

#[test]
fn what_config_prints_is_a_dot_env_file() {
    let home = Home::new().set("PROJECT_NAME", "Jane & Co: #1 $list");
    let printed = expect(home.run(&["config"], ""), 0);
    fs::write(home.folder.path().join(".env"), &printed).unwrap();

    let again = home.command(&["config"]).env_remove("PROJECT_NAME").output().unwrap();

    assert_eq!(String::from_utf8(again.stdout).unwrap(), printed);
}

#[test]
fn a_folder_that_is_not_there_is_said_by_name() {
    let home = Home::new().set("DATABASE_URL", "redb://./nowhere/duly.redb");

    let refused = home.run(&["serve"], "");

    assert_eq!(refused.status.code(), Some(78));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.starts_with("duly: DATABASE_URL names a folder"), "{said}");
}

#[test]
fn a_dot_env_file_that_makes_no_sense_is_refused_unquoted() {
    let home = Home::new();
    fs::write(home.folder.path().join(".env"), "SECRET_KEY='hunter2 hunter2\n").unwrap();
    let line = refused(home.run(&["config"], ""), 78);
    assert!(line.starts_with("duly: .env ") && !line.contains("hunter2"), "{line}");
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    let home = Home::new();
    for arguments in [
        &["--loud"][..],
        &["serve", "--loud"],
        &["fly"],
        &["user"],
        &["user", "add"],
        &["user", "add", "jane@example.com", "a password"],
        &["completions", "cmd.exe"],
    ] {
        let output = home.run(arguments, "");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        expect(output, 64);
    }
    assert!(expect(home.run(&["--help"], ""), 0).contains("healthcheck"));
    let version = expect(home.run(&["--version"], ""), 0);
    assert_eq!(version, format!("duly {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_file_that_is_sound_passes_and_one_that_is_missing_does_not() {
    let home = Home::new();
    let line = refused(home.run(&["check"], ""), 66);
    assert!(line.contains("duly.redb"), "{line}");
    assert!(!home.data_file().exists());

    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);

    let printed = expect(home.run(&["check"], ""), 0);
    assert_eq!(
        printed,
        "1 user, 0 sessions, 0 tokens, 0 tasks, 0 rows to purge: 0 problems\n"
    );
}

/// Home with an account and tasks in a data file of some megabytes.
async fn filled() -> Home {
    let home = Home::new();
    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    let store = RedbStore::open(&home.data_file(), &redb::Options::default()).unwrap();
    crate::crash::fill(&store, 4 << 20).await;
    home
}

#[tokio::test]
async fn damage_in_the_middle_of_the_file_is_found() {
    let home = filled().await;
    let sound = fs::read(home.data_file()).unwrap();
    let task = sound.windows(8).position(|bytes| bytes == b"filling ").unwrap();
    let middle = sound.len() / 2;

    for place in [task, middle] {
        let mut damaged = sound.clone();
        for byte in &mut damaged[place..place + 6] {
            *byte ^= 0x10;
        }
        fs::write(home.data_file(), &damaged).unwrap();
        let output = home.run(&["check"], "");
        let line = refused(output, 65);
        assert!(
            line.contains("duly.redb") && line.contains("restore a backup"),
            "{line}"
        );
    }
}

#[test]
fn what_is_no_data_file_is_refused_and_left_alone() {
    let home = Home::new();
    let letter = b"Dear Jane, ".repeat(1000);
    fs::write(home.data_file(), &letter).unwrap();
    for command in ["check", "serve"] {
        let line = refused(
            home.command(&[command]).env("LOG_LEVEL", "off").output().unwrap(),
            65,
        );
        assert!(line.contains("duly.redb"), "{line}");
        assert!(fs::read(home.data_file()).unwrap() == letter, "{command}");
    }
}

#[tokio::test]
async fn accounts_are_managed_with_the_password_on_standard_input() {
    let home = Home::new();
    let jane = "jane@example.com";
    let added =
        home.run(&["user", "add", "Jane@Example.com"], "correct horse\nnot this\n");
    assert_eq!(expect(added, 0), "added user 1, Jane@Example.com\n");
    expect(home.run(&["user", "add", "joe@example.com"], PASSWORD), 0);
    let twice = refused(home.run(&["user", "add", jane], PASSWORD), 1);
    assert!(twice.contains("already"), "{twice}");

    let listed = expect(home.run(&["user", "list"], ""), 0);
    let rows: Vec<Vec<&str>> =
        listed.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((rows[0][0], rows[0][1], rows[0][3]), ("1", "user", "Jane@Example.com"));
    assert_eq!((rows.len(), rows[1][3]), (2, "joe@example.com"));
    assert_eq!(login(&home, jane, "correct horse").await, StatusCode::OK);

    expect(home.run(&["user", "set-password", jane], "battery staple"), 0);
    assert_eq!(login(&home, jane, "correct horse").await, StatusCode::UNAUTHORIZED);
    assert_eq!(login(&home, jane, "battery staple").await, StatusCode::OK);

    expect(home.run(&["user", "delete", jane], ""), 0);
    assert_eq!(login(&home, jane, "battery staple").await, StatusCode::UNAUTHORIZED);
    assert!(!expect(home.run(&["user", "list"], ""), 0).contains("Jane"));
    expect(home.run(&["check"], ""), 0);
}

/// Returns the status of a log-in at the server.
async fn login(home: &Home, email: &str, password: &str) -> StatusCode {
    let server = home.serve();
    let form = format!("username={email}&password={}", password.replace(' ', "+"));
    let content_type = Some("application/x-www-form-urlencoded");
    let method = hyper::Method::POST;
    let answer = server.client().send(method, "/auth/login", content_type, form).await;
    assert_eq!(server.terminate(), Some(0));
    answer.status
}

#[test]
fn accounts_that_cannot_be_are_refused() {
    let home = Home::new();
    for (email, password) in [
        ("jane@example.com", "hunter2"),
        ("jane@example.com", ""),
        ("no address", PASSWORD),
        ("jane@example.com", &"x".repeat(129)),
    ] {
        let line = refused(home.run(&["user", "add", email], password), 64);
        assert!(!line.contains("hunter2"), "{line}");
    }
    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    refused(home.run(&["user", "set-password", "jane@example.com"], "hunter2"), 64);
    refused(home.run(&["user", "set-password", "joe@example.com"], PASSWORD), 1);
    refused(home.run(&["user", "delete", "joe@example.com"], ""), 1);
    assert_eq!(expect(home.run(&["user", "list"], ""), 0).lines().count(), 1);
}

#[test]
fn commands_do_not_make_a_data_file_by_the_way() {
    let home = Home::new();
    refused(home.run(&["user", "list"], ""), 66);
    refused(home.run(&["user", "set-password", "jane@example.com"], PASSWORD), 66);
    refused(home.run(&["user", "delete", "jane@example.com"], ""), 66);
    assert_eq!(home.folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_file_in_use_and_a_port_in_use_have_codes_of_their_own() {
    let home = Home::new().set("CONTROL_SOCKET", "off");
    let server = home.serve();

    for arguments in
        [&["user", "list"][..], &["user", "add", "a@example.com"], &["check"]]
    {
        let line = refused(home.run(arguments, PASSWORD), 73);
        assert!(line.contains("duly.redb") && line.contains("in use"), "{line}");
        assert!(line.contains("CONTROL_SOCKET is off: stop the server first"), "{line}");
    }
    let quiet =
        |home: &Home| home.command(&["serve"]).env("LOG_LEVEL", "off").output().unwrap();
    let line = refused(quiet(&home), 73);
    assert!(line.contains("duly.redb"), "{line}");

    let other = Home::new().set("LISTEN", &server.listening);
    let line = refused(quiet(&other), 74);
    assert!(line.contains(&server.listening), "{line}");
    assert!(!other.data_file().exists());
    assert_eq!(server.terminate(), Some(0));
}

/// Fetches a file of the server as text.
async fn fetch(server: &Process, path: &str) -> String {
    let answer = server.client().get(&format!("!{path}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    text(&answer.bytes)
}

#[tokio::test]
async fn the_openapi_document_is_the_one_that_the_server_shows() {
    let home =
        Home::new().set("PROJECT_NAME", "Jane & Co").set("API_V1_PREFIX", "/api/v9");
    let json = expect(home.run(&["openapi"], ""), 0);
    let yaml = expect(home.run(&["openapi", "--yaml"], ""), 0);
    let server = home.serve();

    let document: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["info"]["title"], "Jane & Co");
    assert!(document["paths"]["/api/v9/tasks"].is_object(), "{json}");
    let served = fetch(&server, "/openapi.json").await;
    assert_eq!(document, serde_json::from_str::<Value>(&served).unwrap());
    assert_eq!(document, serde_yaml::from_str::<Value>(&yaml).unwrap());
    assert_eq!(fetch(&server, "/openapi.yaml").await, yaml);
}

#[test]
fn shells_can_complete_commands() {
    let home = Home::new();
    for (shell, mark) in
        [("bash", "complete "), ("zsh", "#compdef duly"), ("fish", "complete -c duly")]
    {
        let script = expect(home.run(&["completions", shell], ""), 0);
        assert!(script.contains(mark) && script.contains("set-password"), "{shell}");
    }
}

#[test]
fn flags_and_variables_have_the_same_names() {
    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        _options: Options,
    }
    use clap::CommandFactory as _;

    let command = Arguments::command();
    for argument in command.get_arguments().filter(|argument| argument.get_id() != "help")
    {
        let (Some(flag), Some(variable)) = (argument.get_long(), argument.get_env())
        else {
            panic!("{argument} lacks one of the two");
        };
        let wanted = flag.replace('-', "_").to_ascii_uppercase();
        assert_eq!(variable.to_str(), Some(wanted.as_str()));
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error_and_one_that_nobody_reads_is_none() {
    let home = Home::new();
    expect(home.run(&["user", "add", "jane@example.com"], PASSWORD), 0);
    let into = |arguments: &[&str], to: &str| {
        let mut command = Command::new("bash");
        let line = format!("set -o pipefail; \"$0\" \"$@\" {to}");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_duly")]).args(arguments);
        command.current_dir(home.folder.path());
        finish(command, "")
    };
    for arguments in [
        &["user", "list"][..],
        &["check"],
        &["config"],
        &["openapi"],
        &["completions", "bash"],
        &["upgrade"],
        &["export"],
    ] {
        let line = refused(into(arguments, ">/dev/full"), 74);
        assert!(line.contains("space"), "{arguments:?}: {line}");
    }
    // The reader is gone, possibly before the first byte.
    expect(into(&["openapi"], "| true"), 0);
}
