//! The command line of Framescope: what `framescope` does with its arguments.
//!
//! Each file in `commands` is a command, its arguments and its work; the files beside this one are what commands share.
//! Nothing here parses a capture or a message. The window is another crate, which the feature `window` brings in.

mod arguments;
mod commands;
mod error;
mod following;
mod loading;
mod notices;
mod output;
mod printing;
mod progress;
mod status;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::commands::{Command, window};
use crate::error::Error;
use crate::status::Status;

/// Inspect the messages in a packet capture, field by field.
///
/// Without a command, opens a window: of FILE, or of a sample capture. Where no window can be opened, prints the messages instead.
#[derive(Debug, Parser)]
#[command(name = "framescope", version, args_conflicts_with_subcommands = true)]
#[command(after_help = status::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    window: window::Arguments,
}

/// Runs the command line and returns the exit status.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(command) => command.run(),
        None => window::run(&cli.window),
    };
    let status = match done {
        Ok(status) => status,
        // The reader of our output has closed it.
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Status::Done,
        Err(error) => {
            notices::notify(&error);
            error.status()
        }
    };
    status.into()
}

/// The command line as data, which manual pages and completions are made of.
fn program() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        super::program().debug_assert();
    }
}
