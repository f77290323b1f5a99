//! Tests of the help of the real binary, which fits on one screen.

use clap::CommandFactory as _;
use duly::cli::Cli;

use crate::harness::Home;
use crate::harness::process::{expect, text};

/// Words of every command.
fn commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let root = Cli::command();
    for command in root.get_subcommands() {
        let name = command.get_name().to_owned();
        let inner = command.get_subcommands().map(|inner| inner.get_name().to_owned());
        all.extend(inner.map(|inner| vec![name.clone(), inner]));
        all.push(vec![name]);
    }
    all
}

fn help(words: &[String], flag: &str) -> String {
    let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
    arguments.push(flag);
    expect(Home::new().run(&arguments, ""), 0)
}

#[test]
fn the_short_help_of_every_command_fits_on_one_screen() {
    assert!(commands().len() > 20);
    for words in commands() {
        let help = help(&words, "-h");
        assert!(help.lines().count() <= 40, "{words:?}\n{help}");
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{words:?}: {line}");
        }
    }
}

#[test]
fn settings_of_the_server_are_in_the_help_of_serve_alone() {
    for words in commands() {
        let has_settings = words == ["serve"];
        for flag in ["-h", "--help"] {
            let help = help(&words, flag);
            assert_eq!(help.contains("--registration"), has_settings, "{words:?}");
        }
        assert_eq!(help(&words, "--help").contains("--hash-queue"), has_settings);
    }
}

#[test]
fn a_health_check_shows_the_settings_that_it_needs() {
    let help = help(&["healthcheck".to_owned()], "-h");
    for flag in ["--listen", "--tls-cert-file", "--tls-key-file"] {
        assert!(help.contains(flag), "{help}");
    }
    assert!(!help.contains("--database-url"), "{help}");
}

#[test]
fn ending_access_says_that_it_takes_an_email_or_all() {
    let output = Home::new().run(&["user", "end-access"], "");

    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(64));
    assert!(told.contains("<EMAIL|--all>"), "{told}");
}

#[test]
fn the_long_help_of_serve_has_every_setting_by_its_flag() {
    let help = help(&["serve".to_owned()], "--help");
    let lines = include_str!("../.env.example").lines();
    let names = lines.filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let mut count = 0;
    for (name, _) in names {
        // A key has no flag: every user of the machine could read it.
        if name.bytes().all(|b| b.is_ascii_uppercase() || b"_0123456789".contains(&b))
            && !["SECRET_KEY", "ENV_FILE"].contains(&name)
        {
            let flag = format!("--{} <", name.to_lowercase().replace('_', "-"));
            assert!(help.contains(&flag), "{flag}");
            count += 1;
        }
    }
    assert!(count > 35, "{count}");
}

#[test]
fn there_is_a_manual_page_for_the_program_and_one_for_each_command() {
    let home = Home::new();
    let page = expect(home.run(&["man"], ""), 0);
    assert!(page.contains(".TH duly 1") && page.contains("compact"), "{page}");

    expect(home.run(&["man", "--to", "."], ""), 0);

    for name in ["duly.1", "duly-serve.1", "duly-user-invite.1"] {
        assert!(home.folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn help_needs_no_settings() {
    let home = Home::new().set("CACHE_MIB", "0");
    std::fs::write(home.folder.path().join(".env"), "nonsense\n").unwrap();
    for arguments in [["--help"], ["--version"], ["man"]] {
        expect(home.run(&arguments, ""), 0);
    }
    expect(home.run(&["completions", "bash"], ""), 0);
    assert_eq!(home.run(&["config"], "").status.code(), Some(78));
}
