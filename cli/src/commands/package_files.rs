//! `framescope package-files`: what packages install beside the program. Hidden, for it is of use only to those who make them.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::error::Error;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The folder to write man/ and completions/ to; it is created if necessary
    folder: PathBuf,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let completions = args.folder.join("completions");
    let unwritable = Error::writing(&completions);
    fs::create_dir_all(&completions).map_err(&unwritable)?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut super::completions::completed(), "framescope", &completions)
            .map_err(&unwritable)?;
    }
    let manual = args.folder.join("man");
    let unwritable = Error::writing(&manual);
    fs::create_dir_all(&manual).map_err(&unwritable)?;
    clap_mangen::generate_to(crate::program(), &manual).map_err(&unwritable)?;
    Ok(Status::Done)
}
