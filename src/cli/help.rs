//! Layout of the help: a command's own arguments first, settings of the server under `serve` only.

use clap::{Arg, Command};

/// Last lines of the help of the program.
pub(super) const ROOT: &str = "\
Commands that work on the data accept --database-url. Settings are flags,
environment variables, or lines of the file .env in the working directory:
--log-level is the variable LOG_LEVEL. `duly serve --help` lists them all. Set
ENV_FILE to read another file than .env, or to off to read none.";

/// Last lines of the help of a command.
const COMMAND: &str = "\
This command also accepts every setting of `duly serve --help`, as a flag or as
a variable.";

/// Last lines of the short help of `serve`.
const SERVE: &str = "\
Each setting is a variable too: --log-level is LOG_LEVEL.
`duly serve --help` lists all settings.";

/// Last lines of the long help of `serve`.
const SERVE_LONG: &str = "\
Each setting is a variable too: --log-level is LOG_LEVEL. A flag overrides the
variable, and a variable overrides the line in .env.";

/// Arranges the help of all commands.
pub(super) fn arranged(command: Command) -> Command {
    command.mut_subcommands(|command| match command.get_name() {
        "serve" => command.mut_args(brief).after_help(SERVE).after_long_help(SERVE_LONG),
        "completions" | "man" | "help" => command,
        _ if command.has_subcommands() => command.mut_subcommands(short),
        _ => short(command),
    })
}

fn short(command: Command) -> Command {
    if !command.get_arguments().any(is_setting) {
        return command;
    }
    let shown: &[&str] = match command.get_name() {
        "healthcheck" => &["listen", "tls_cert_file", "tls_key_file"],
        "openapi" => &["project_name", "api_v1_prefix"],
        _ => &["database_url"],
    };
    let hidden = |arg: Arg| {
        let is_hidden = is_setting(&arg) && !shown.contains(&arg.get_id().as_str());
        let arg = if is_setting(&arg) { brief(arg) } else { arg };
        arg.hide(is_hidden)
    };
    command.mut_args(hidden).after_help(COMMAND)
}

/// Hides the variable, whose name follows from the flag.
fn brief(arg: Arg) -> Arg {
    arg.hide_env(true)
}

fn is_setting(arg: &Arg) -> bool {
    arg.get_env().is_some()
}
