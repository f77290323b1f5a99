//! Tests of the settings file and of its permissions, through the real binary.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, lchown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use rustix::process::geteuid;

use crate::harness::Home;
use crate::harness::process::{expect, finish, refused};

/// Uids of two different users other than root.
const NOBODY: u32 = 65_534;
const OTHER: u32 = 65_533;

const SETTINGS: &str = "ENVIRONMENT=from-the-file\n";
const OBEYED: &str = "ENVIRONMENT=from-the-file\n";

/// Home with a settings file, and the path of that file.
fn given(settings: &str) -> (Home, PathBuf) {
    let home = Home::new();
    let path = home.folder.path().join(".env");
    fs::write(&path, settings).unwrap();
    (home, path)
}

fn set_mode(path: &PathBuf, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Returns whether the tests run as root, which they need to act as another user.
fn is_root() -> bool {
    geteuid().is_root()
}

/// Prints the settings as this user.
fn config_as(home: &Home, uid: u32) -> Output {
    set_mode(&home.folder.path().to_owned(), 0o777);
    // Copy of the binary that every user may run, wherever the build is.
    let program = home.folder.path().join("duly");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_duly"), &program).unwrap();
    }
    let mut command = Command::new(program);
    command.arg("config").current_dir(home.folder.path()).env_clear().uid(uid).gid(uid);
    finish(command, "")
}

fn is_obeyed(output: Output) {
    let printed = expect(output, 0);
    assert!(printed.contains(OBEYED), "{printed}");
}

#[track_caller]
fn names(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part} is missing: {line}");
    }
}

/// Needs root, as in CI; tests nothing without it.
#[test]
fn the_file_of_somebody_else_is_refused_with_its_owner_and_what_to_do() {
    let (home, path) = given(SETTINGS);
    if chown(&path, Some(NOBODY), None).is_err() {
        return;
    }

    for command in ["config", "check"] {
        let line = refused(home.run(&[command], ""), 78);
        let path = path.to_str().unwrap();
        names(&line, &["duly: .env ", path, "user 65534", "chown 0 ", "ENV_FILE=off"]);
    }

    chown(&path, Some(0), None).unwrap();
    is_obeyed(home.run(&["config"], ""));
}

/// Needs root, as in CI; tests nothing without it.
#[test]
fn whoever_is_not_root_obeys_root_and_themselves() {
    let (home, path) = given(SETTINGS);
    if !is_root() {
        return;
    }

    for owner in [0, NOBODY] {
        chown(&path, Some(owner), Some(owner)).unwrap();
        // A group shares its work folder.
        for mode in [0o644, 0o664] {
            set_mode(&path, mode);
            is_obeyed(config_as(&home, NOBODY));
        }
    }

    chown(&path, Some(OTHER), None).unwrap();
    let line = refused(config_as(&home, NOBODY), 78);
    names(&line, &["duly: .env ", "user 65533", "chown 65534 "]);
}

#[test]
fn a_file_that_others_may_write_is_refused_and_for_root_also_one_that_its_group_may() {
    let (home, path) = given(SETTINGS);
    for (mode, chmod) in [(0o602, "chmod o-w "), (0o646, "chmod o-w ")] {
        set_mode(&path, mode);
        let line = refused(home.run(&["config"], ""), 78);
        names(&line, &["duly: .env ", path.to_str().unwrap(), "belongs to user ", chmod]);
    }

    set_mode(&path, 0o660);
    let output = home.run(&["config"], "");
    if is_root() {
        names(&refused(output, 78), &["its group", "chmod g-w "]);
    } else {
        is_obeyed(output);
    }

    set_mode(&path, 0o644);
    is_obeyed(home.run(&["config"], ""));
}

/// Needs root, as in CI; tests nothing without it.
#[test]
fn a_link_of_somebody_else_chooses_no_file() {
    let (home, path) = given("");
    let [real, middle] =
        ["settings", "current"].map(|name| home.folder.path().join(name));
    fs::remove_file(&path).unwrap();
    fs::write(&real, SETTINGS).unwrap();
    symlink("settings", &middle).unwrap();
    symlink("current", &path).unwrap();
    is_obeyed(home.run(&["config"], ""));

    for link in [&path, &middle] {
        if lchown(link, Some(NOBODY), None).is_err() {
            return;
        }
        let line = refused(home.run(&["config"], ""), 78);
        names(&line, &["user 65534", "chown -h 0 ", link.to_str().unwrap()]);
        lchown(link, Some(0), None).unwrap();
    }

    chown(&real, Some(NOBODY), None).unwrap();
    names(&refused(home.run(&["config"], ""), 78), &["user 65534", "chown 0 "]);
}

/// The owner of the key knows it, and can create tokens. Needs root, as in CI; tests nothing without it.
#[test]
fn the_key_of_somebody_else_is_refused() {
    let home = Home::new();
    let path = home.folder.path().join("duly.redb.key");
    assert_eq!(home.serve().terminate(), Some(0));
    if chown(&path, Some(NOBODY), None).is_err() {
        return;
    }
    // Ends even if the key is accepted.
    let serve = ["serve", "--log-level=off", "--listen=unix:/nowhere/duly.sock"];
    let named = |variable| {
        let home = Home::new().set(variable, path.to_str().unwrap());
        let line = refused(home.run(&serve, ""), 78);
        names(&line, &[&format!("duly: {variable} "), "user 65534", "chown 0 "]);
    };

    let line = refused(home.run(&serve, ""), 78);

    names(&line, &["duly: SECRET_KEY_FILE ", "duly.redb.key", "user 65534"]);
    named("SECRET_KEY_FILE");
    named("PREVIOUS_SECRET_KEY_FILES");
}

#[test]
fn another_file_can_be_named_or_none() {
    let (home, path) = given("ENVIRONMENT='of the folder'\n");
    let other = home.folder.path().join("other");
    fs::write(&other, SETTINGS).unwrap();
    let home = home.set("ENV_FILE", "other");
    is_obeyed(home.run(&["config"], ""));
    set_mode(&other, 0o666);
    let line = refused(home.run(&["config"], ""), 78);
    names(&line, &["duly: ENV_FILE ", "other", "chmod o-w "]);

    // The file in the folder is ignored, whatever its permissions.
    set_mode(&path, 0o666);
    let home = home.set("ENV_FILE", "off");
    assert!(expect(home.run(&["config"], ""), 0).contains("ENVIRONMENT=development\n"));

    let home = home.set("ENV_FILE", "missing");
    names(&refused(home.run(&["config"], ""), 78), &["duly: ENV_FILE ", "missing"]);
}

#[test]
fn a_file_that_names_another_is_refused_rather_than_half_obeyed() {
    for settings in ["ENV_FILE=other\n", "ENVIRONMENT=test\nENV_FILE=off\n"] {
        let (home, _) = given(settings);
        let line = refused(home.run(&["config"], ""), 78);
        names(&line, &["duly: .env ", "ENV_FILE"]);
    }
}
