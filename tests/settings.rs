//! Tests of bad settings, through the real binary.

use std::fs;

use crate::harness::Home;
use crate::harness::process::{expect, refused, text};

#[test]
fn a_bad_setting_that_a_command_does_not_need_does_not_stop_it() {
    let home = Home::new()
        .set("LISTEN", "nowhere")
        .set("TLS_CERT_FILE", "only-one.pem")
        .set("SECRET_KEY", "short")
        .set("REGISTRATION", "everybody")
        .set("PASSWORD_MIN_LENGTH", "7")
        .set("BACKUP_KEEP", "0")
        .set("LOG_LEVEL", "loud");
    let fine = Home::new();
    expect(fine.run(&["user", "add", "jane@example.com"], "password123"), 0);
    fs::copy(fine.data_file(), home.data_file()).unwrap();

    for command in [
        &["user", "list"][..],
        &["audit"],
        &["check"],
        &["export"],
        &["backup", "--to", "b.redb"],
        &["compact"],
        &["user", "role", "jane@example.com", "admin"],
    ] {
        expect(home.run(command, ""), 0);
    }
    let line = refused(home.run(&["backup"], ""), 78);
    assert!(line.starts_with("duly: BACKUP_KEEP "), "{line}");
    let line = refused(home.run(&["user", "add", "a@example.com"], "password123"), 78);
    assert!(line.starts_with("duly: PASSWORD_MIN_LENGTH "), "{line}");
}

#[test]
fn a_health_check_needs_the_address_and_no_data_file() {
    let home = Home::new().set("DATABASE_URL", "nothing").set("CACHE_MIB", "0");
    refused(home.run(&["healthcheck"], ""), 1);
}

#[test]
fn all_bad_settings_are_told_at_once() {
    let bad = [
        ("CACHE_MIB", "0"),
        ("DATABASE_URL", "duly.redb"),
        ("LISTEN", "nowhere"),
        ("LOG_LEVEL", "loud"),
        ("SECRET_KEY", "short"),
        ("TLS_KEY_FILE", "only-one.pem"),
    ];
    let home = bad.iter().fold(Home::new(), |home, (name, value)| home.set(name, value));
    for command in ["serve", "config"] {
        let output = home.run(&[command], "");
        assert_eq!(output.status.code(), Some(78));
        let told = text(&output.stderr);
        let mut names: Vec<&str> =
            told.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, bad.map(|(name, _)| name), "{told}");
    }
}

#[test]
fn every_bad_line_of_the_dot_env_file_is_told_by_its_number() {
    let home = Home::new();
    let file =
        "CACHE_MIB=2\nhunter2\n\n# fine\nLOG_LEVEL=info\n=hunter2\n  ENV_FILE=other\n";
    fs::write(home.folder.path().join(".env"), file).unwrap();

    let output = home.run(&["config"], "");

    assert_eq!(output.status.code(), Some(78));
    let told = text(&output.stderr);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    for (line, number) in lines.iter().zip([2, 6, 7]) {
        assert!(line.contains(&format!(".env line {number} ")), "{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_bad_setting_of_the_data_never_makes_a_command_work_on_the_default_one() {
    let fine = Home::new();
    expect(fine.run(&["user", "add", "jane@example.com"], "password123"), 0);
    expect(fine.run(&["backup", "--to", "b.redb"], ""), 0);
    expect(fine.run(&["export", "--to", "e.jsonl"], ""), 0);
    let long = "x".repeat(200);
    for (variable, value) in [
        ("DATABASE_URL", "typo"),
        ("CONTROL_SOCKET", long.as_str()),
        ("CACHE_MIB", "0"),
        ("DISK_RESERVE_MIB", "-1"),
        ("CHECK_AT_START", "perhaps"),
        ("MAX_TASKS_PER_ACCOUNT", "many"),
        ("MAX_MIB_PER_ACCOUNT", "many"),
        ("MAX_ACCOUNTS", "many"),
    ] {
        let home = Home::new().set(variable, value);
        for file in ["duly.redb", "b.redb", "e.jsonl"] {
            let from = fine.folder.path().join(file);
            fs::copy(from, home.folder.path().join(file)).unwrap();
        }
        let before = fs::read(home.data_file()).unwrap();
        for command in [
            &["user", "list"][..],
            &["user", "delete", "jane@example.com"],
            &["restore", "--force", "b.redb"],
            &["import", "--replace", "e.jsonl"],
            &["compact"],
            &["backup", "--to", "c.redb"],
        ] {
            let line = refused(home.run(command, ""), 78);
            assert!(line.starts_with(&format!("duly: {variable} ")), "{line}");
        }
        assert_eq!(fs::read(home.data_file()).unwrap(), before, "{variable}");
    }
}
