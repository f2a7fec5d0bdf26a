//! The commands, each with its arguments and its work.

mod capture;
mod check;
mod check_peer;
mod columns;
mod completions;
mod decode;
mod encode;
mod eval;
mod export;
mod flows;
mod follow;
mod fuzz_peer;
mod guess;
mod package_files;
mod problems;
mod protocols;
mod proxy;
mod replay;
mod seeds;
mod send;
mod serve;
mod template;
pub(crate) mod window;

use clap::Subcommand;

use crate::arguments::ReadingArgs;
use crate::error::Error;
use crate::status::{self, Status};

/// The commands of `framescope`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print every message with its fields and problems
    #[command(after_help = status::HELP)]
    Decode(decode::Arguments),
    /// Capture on an interface, and print every message as it passes
    #[command(after_help = status::HELP)]
    Capture(capture::Arguments),
    /// Write messages, or the packets that carry them, to a file
    #[command(after_help = status::HELP)]
    Export(export::Arguments),
    /// Write one message of each shape to a folder, a file each, as seeds for a fuzzer
    #[command(after_help = status::HELP)]
    Seeds(seeds::Arguments),
    /// List the conversations, with digests of the bytes in each direction
    #[command(after_help = status::HELP)]
    Flows(flows::Arguments),
    /// Count the problems by kind, with the first rows of each
    #[command(after_help = status::HELP)]
    Problems(problems::Arguments),
    /// Print what the two sides of a conversation sent to each other
    #[command(after_help = status::HELP)]
    Follow(follow::Arguments),
    /// Sit between two programs: forward what they send, and print the messages as they pass
    ///
    /// Needs no rights: programs connect to LISTEN instead of TARGET. docs/live.md shows it with an example.
    #[command(after_help = proxy::STATUS_HELP)]
    Proxy(proxy::Arguments),
    /// Send messages to a program that listens, and print its replies
    ///
    /// Messages are JSON objects, one per line: {"protocol":"missive","fields":{"kind":"PING"}}. Lengths and checks are derived, or wrong
    /// on purpose with --break. docs/live.md shows it with examples.
    #[command(after_help = send::STATUS_HELP)]
    Send(send::Arguments),
    /// Play one side of a recorded conversation with a program that runs, and show where its answers differ
    ///
    /// A message is sent when what came before it in the recording was answered. docs/live.md shows it with examples.
    #[command(after_help = replay::STATUS_HELP)]
    Replay(replay::Arguments),
    /// Answer programs that connect, by rules in a file or as a recorded server did: a peer for tests
    ///
    /// docs/live.md describes the rules, with examples.
    #[command(after_help = serve::STATUS_HELP)]
    Serve(serve::Arguments),
    /// List the protocols that --as SELECTOR=PROTOCOL accepts
    Protocols(ReadingArgs),
    /// List the columns and fields that --filter and --fields accept
    Columns(ReadingArgs),
    /// Evaluate expressions on one message that a .ksy file describes
    ///
    /// Prints a JSON object for each expression, one per line. The exit status is 1 if the message can't be read as described.
    Eval(eval::Arguments),
    /// Write the bytes of messages, given their fields as `decode --format json` prints them
    ///
    /// Lengths, counts and checks are derived; one that can't be is left as given, with a notice on standard error. The exit status is
    /// 1 if a message can't be written.
    Encode(encode::Arguments),
    /// List templates for descriptions, or print one
    Template(template::Arguments),
    /// Check a description for mistakes, and how well it fits a capture
    ///
    /// With a capture, reports the share of bytes that are explained, problems by field, fields that never change, numbers without a
    /// name and names without a number, and messages that do not encode to the same bytes.
    #[command(after_help = check::STATUS_HELP)]
    Check(check::Arguments),
    /// Propose a description for conversations that no protocol explains
    ///
    /// Prints hypotheses with their evidence, the likeliest first, and the description of the first. docs/unknown.md walks through a capture.
    #[command(after_help = guess::STATUS_HELP)]
    Guess(guess::Arguments),
    /// Compare another program that reads these messages with this one, on generated inputs
    ///
    /// The program reads an input per line from its standard input, as hexadecimal digits, and replies to each with a line: `valid
    /// LENGTH` if the bytes begin with a well-formed message, optionally followed by FIELD=VALUE pairs (numbers in decimal, text and
    /// bytes in hexadecimal digits); `refused` if they do not, whatever may follow; `incomplete` if more bytes may make it one.
    /// fuzz/README.md shows one.
    #[command(after_help = check_peer::STATUS_HELP)]
    CheckPeer(check_peer::Arguments),
    /// Play generated conversations against a program that runs, until one breaks it
    ///
    /// They are generated from the protocol, changed message by message and played over real sockets. What is found is made as small as
    /// possible, and written with a script that repeats it. docs/live.md shows how.
    #[command(after_help = fuzz_peer::STATUS_HELP)]
    FuzzPeer(fuzz_peer::Arguments),
    /// Print a script that completes commands and options in your shell
    Completions(completions::Arguments),
    /// Write the manual pages and completions that packages install
    #[command(hide = true)]
    PackageFiles(package_files::Arguments),
}

impl Command {
    /// Runs the command, and returns the exit status.
    pub(crate) fn run(self) -> Result<Status, Error> {
        match self {
            Command::Decode(arguments) => decode::run(&arguments),
            Command::Capture(arguments) => capture::run(&arguments),
            Command::Export(arguments) => export::run(&arguments),
            Command::Seeds(arguments) => seeds::run(&arguments),
            Command::Flows(arguments) => flows::run(&arguments),
            Command::Problems(arguments) => problems::run(&arguments),
            Command::Follow(arguments) => follow::run(&arguments),
            Command::Proxy(arguments) => proxy::run(&arguments),
            Command::Send(arguments) => send::run(&arguments),
            Command::Replay(arguments) => replay::run(&arguments),
            Command::Serve(arguments) => serve::run(&arguments),
            Command::Protocols(arguments) => protocols::run(&arguments),
            Command::Columns(arguments) => columns::run(&arguments),
            Command::Eval(arguments) => eval::run(&arguments),
            Command::Encode(arguments) => encode::run(&arguments),
            Command::Template(arguments) => template::run(&arguments),
            Command::Check(arguments) => check::run(arguments),
            Command::Guess(arguments) => guess::run(&arguments),
            Command::CheckPeer(arguments) => check_peer::run(&arguments),
            Command::FuzzPeer(arguments) => fuzz_peer::run(&arguments),
            Command::Completions(arguments) => completions::run(&arguments),
            Command::PackageFiles(arguments) => package_files::run(&arguments),
        }
    }
}
