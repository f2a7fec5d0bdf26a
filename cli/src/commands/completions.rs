//! `framescope completions`: a script that completes the command line in a shell.

use std::io::Write;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::error::Error;
use crate::output::output;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The shell; docs/install.md says where each looks for its script
    shell: Shell,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut completed(), "framescope", &mut script);
    let mut out = output();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Status::Done)
}

/// What is completed: the program without its hidden commands, which the scripts would offer.
pub(super) fn completed() -> Command {
    let program = crate::program();
    let visible = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("framescope")
        .version(env!("CARGO_PKG_VERSION"))
        .args(program.get_arguments().cloned())
        .subcommands(visible)
}
