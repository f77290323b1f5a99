//! The `duly` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    duly::cli::main()
}
