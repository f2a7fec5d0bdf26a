//! Writes a capture of the shape that its arguments give, to a file or a pipe.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bytesize::ByteSize;
use clap::Parser;
use framescope_traffic::{Container, Made, Notes, Shape, Sizes, write};

/// Generate a capture of any size and shape; the same arguments generate the same bytes
#[derive(Parser)]
#[command(name = "traffic")]
struct Arguments {
    /// How many messages there are [default: 1000000, or as many as fit into --bytes]
    #[arg(long)]
    messages: Option<u64>,

    /// End once the streams have this many bytes, such as 4GiB
    #[arg(long)]
    bytes: Option<ByteSize>,

    /// The share of requests that get a reply
    #[arg(long, default_value_t = 1.0)]
    answered: f64,

    /// What is wrong with each message: none, retransmitted, glued, sequence-jump or checksum-mismatch
    #[arg(long, default_value_t = Notes::None)]
    notes: Notes,

    /// Messages without a frame: a segment is a kind byte and text. Needed for glued messages
    #[arg(long)]
    bare: bool,

    /// How many connections are open at the same time
    #[arg(long, default_value_t = 100)]
    connections: u32,

    /// Close a connection after this many messages, and open another
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    short: u32,

    /// Connections were opened before the capture begins
    #[arg(long)]
    begun: bool,

    /// Only the clients speak
    #[arg(long)]
    one_way: bool,

    /// The share of segments that are captured after the next one of their side
    #[arg(long, default_value_t = 0.0)]
    reorder: f64,

    /// The share of segments that are not in the capture
    #[arg(long, default_value_t = 0.0)]
    loss: f64,

    /// How long messages' texts are: fixed:N, uniform:A-B or mixture
    #[arg(long, default_value_t = Sizes::Fixed(81))]
    size_distribution: Sizes,

    /// Segments of 1448 bytes, wherever messages begin
    #[arg(long)]
    full_segments: bool,

    /// Other bytes of the same shape
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Write pcapng; implied by the options that follow
    #[arg(long)]
    pcapng: bool,

    /// How many interfaces there are; packets belong to them in turn
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    interfaces: u32,

    /// Comment on each packet
    #[arg(long)]
    comments: bool,

    /// How many host names there are
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    names: u32,

    /// The file; - for standard output
    #[arg(default_value = "-")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(made) => {
            eprintln!("{made:?}");
            ExitCode::SUCCESS
        }
        // The reader of our output has closed it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("traffic: {}: {error}", arguments.out.display());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<Made> {
    let Arguments { interfaces, comments, names, .. } = *arguments;
    let shape = Shape {
        messages: arguments.messages.unwrap_or(if arguments.bytes.is_some() { u64::MAX } else { 1_000_000 }),
        bytes: arguments.bytes.map_or(0, |bytes| bytes.as_u64()),
        answered: arguments.answered,
        notes: arguments.notes,
        bare: arguments.bare || arguments.notes == Notes::Glued,
        connections: arguments.connections,
        short: arguments.short,
        begun: arguments.begun,
        one_way: arguments.one_way,
        reorder: arguments.reorder,
        loss: arguments.loss,
        sizes: arguments.size_distribution,
        full_segments: arguments.full_segments,
        seed: arguments.seed,
    };
    let container = match arguments.pcapng || interfaces > 1 || comments || names > 0 {
        true => Container::PcapNg { interfaces, comments, names },
        false => Container::Pcap,
    };
    // Before an existing file is overwritten.
    shape.check().map_err(io::Error::other)?;
    if arguments.out.as_os_str() != "-" {
        return write(&shape, container, File::create(&arguments.out)?);
    }
    let out = io::stdout();
    if out.is_terminal() {
        return Err(io::Error::other(
            "a capture is nothing to look at: name a file, or pipe it into a program",
        ));
    }
    write(&shape, container, Box::new(out.lock()) as Box<dyn Write>)
}
