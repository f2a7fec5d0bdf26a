//! `framescope seeds`: inputs for a fuzzer to begin with, cut out of a capture.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use framescope_capture::export::{self, RowSelection, Seed};

use crate::arguments::{CaptureArgs, FilterArgs};
use crate::error::Error;
use crate::notices::{notify, report};
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    /// The folder to write to; it is created if necessary. Files are named after their contents, so a second run changes nothing.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    #[command(flatten)]
    filter: FilterArgs,

    /// Leave out what is longer than this many bytes: a fuzzer mutates short inputs faster
    #[arg(long, value_name = "BYTES", default_value_t = 4096)]
    longest: usize,
}

/// Without a filter also writes whole directions of conversations; and, of a protocol with states, whole conversations with both
/// sides to a folder of their own.
pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let options = args.capture.reading.options()?;
    let filter = args.filter.parse(&options)?;
    let is_all = filter.is_none();
    let index = args.capture.load(&options)?;
    let mut progress = Progress::new("collecting shapes".to_owned());
    let mut watch = progress.rows(&index);
    let mut selection = RowSelection::by(filter).watched(&mut watch);
    let seeds = export::seeds(&index, &mut selection, args.longest)?;
    write(&args.output, &seeds)?;
    if is_all {
        let transcripts = framescope_inspect::transcripts(&index, args.longest)?;
        let seeds: BTreeSet<Seed> =
            transcripts.iter().map(|(_, said)| Seed::new("conversation", said.to_bytes())).collect();
        if !seeds.is_empty() {
            write(&args.output.join("conversations"), &seeds.into_iter().collect::<Vec<_>>())?;
        }
    }
    Ok(report(&index))
}

fn write(folder: &Path, seeds: &[Seed]) -> Result<(), Error> {
    let unwritable = Error::writing(folder);
    std::fs::create_dir_all(folder).map_err(&unwritable)?;
    let mut new = 0;
    for seed in seeds {
        let path = folder.join(&seed.name);
        if !path.exists() {
            std::fs::write(path, &seed.bytes).map_err(&unwritable)?;
            new += 1;
        }
    }
    let there = seeds.len() - new;
    notify(&format!("{new} seeds written to {}, {there} were there already", folder.display()));
    Ok(())
}
