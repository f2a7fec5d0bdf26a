//! `framescope` without a command: the window, or the messages where there can be none.

use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use framescope_capture::export::{self, RowSelection};
use framescope_inspect::protocols::is_description;
use framescope_inspect::{Reading, sample};
use framescope_live::capturing::Request;

use crate::arguments::{CAPTURE_HELP, ReadingArgs};
use crate::error::Error;
use crate::loading::load;
use crate::notices::{notify, report};
use crate::output::{output, paint};
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(help = CAPTURE_HELP)]
    file: Option<PathBuf>,

    #[command(flatten)]
    reading: ReadingArgs,
}

#[cfg(feature = "window")]
pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    use framescope_window::window::{Start, run};

    let start = match &args.file {
        None => Start::Sample,
        Some(file) if file.as_os_str() == "-" => Start::StandardInput,
        Some(file) => {
            // What can't be opened needs no window.
            if file.is_dir() || std::fs::File::open(file).is_err() {
                args.reading.open(file)?;
            }
            Start::File(file.clone())
        }
    };
    let reading = args.reading.reading()?;
    match run(start, reading.clone()) {
        Ok(()) => Ok(Status::Done),
        Err(why) => print_without_window(args, &reading, &why),
    }
}

#[cfg(not(feature = "window"))]
pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    print_without_window(args, &args.reading.reading()?, &NoWindow::NotBuilt)
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoWindow {
    #[cfg(feature = "window")]
    #[error(transparent)]
    Refused(#[from] framescope_window::window::WindowError),
    #[cfg(not(feature = "window"))]
    #[error("this build has none; docs/install.md says how to get one that has")]
    NotBuilt,
}

/// Opens the window, and records what passes an interface.
#[cfg(feature = "window")]
pub(crate) fn record(request: Request, reading: &Reading) -> Result<(), NoWindow> {
    use framescope_window::window::{Start, run};

    Ok(run(Start::Recording(request), reading.clone())?)
}

#[cfg(not(feature = "window"))]
pub(crate) fn record(_: Request, _: &Reading) -> Result<(), NoWindow> {
    Err(NoWindow::NotBuilt)
}

/// Opens the window of a file that another thread is writing.
#[cfg(feature = "window")]
pub(crate) fn file(path: &Path, reading: &Reading) -> Result<(), NoWindow> {
    use framescope_window::window::{Start, run};

    Ok(run(Start::File(path.to_owned()), reading.clone())?)
}

#[cfg(not(feature = "window"))]
pub(crate) fn file(_: &Path, _: &Reading) -> Result<(), NoWindow> {
    Err(NoWindow::NotBuilt)
}

/// Prints the messages where no window can be opened.
fn print_without_window(
    args: &Arguments,
    reading: &Reading,
    why: &(impl Display + ?Sized),
) -> Result<Status, Error> {
    let source = match &args.file {
        Some(file) if is_description(file) => {
            return Err(Error::OnlyDescription { path: file.clone() });
        }
        Some(file) => args.reading.open(file)?,
        None => sample::source(),
    };
    notify(&format!("can't open a window ({why}), so the messages are printed instead"));
    if args.file.is_none() {
        notify("no FILE was named: this is the sample capture");
    }
    let index = load(source, &reading.options())?;
    let mut out = output();
    export::write_text(&index, &mut RowSelection::all(), paint(), &mut out)?;
    out.flush()?;
    Ok(report(&index))
}
