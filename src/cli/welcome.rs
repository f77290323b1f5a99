//! The welcome of a server that was started at a terminal and has no account yet.

use std::io::{self, IsTerminal as _};

use crate::config::{Config, Listen, Registration};

/// Returns the text, if standard error is a terminal. `address` is where the server listens.
pub(super) fn text(config: &Config, address: &str) -> Option<String> {
    io::stderr().is_terminal().then(|| lines(config, address))
}

fn lines(config: &Config, address: &str) -> String {
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let open = match &config.listen {
        Listen::Tcp(_) => format!("Open {scheme}://{}/docs", reachable(address)),
        Listen::Unix(_) => {
            format!("Run curl --unix-socket {address} http://localhost/openapi.json")
        }
    };
    let register = match config.registration {
        Registration::Open => "register there, or run ",
        Registration::Invite | Registration::Closed => "run ",
    };
    format!(
        "\n  {open}\n  Create the first account: {register}duly user add --admin you@example.com\n  Stop the server with Ctrl-C\n\n"
    )
}

/// Returns an address for a browser on this machine, also for a server that listens on all addresses.
fn reachable(address: &str) -> String {
    for here in ["0.0.0.0:", "[::]:", "127.0.0.1:", "[::1]:"] {
        if let Some(port) = address.strip_prefix(here) {
            return format!("localhost:{port}");
        }
    }
    address.to_owned()
}
