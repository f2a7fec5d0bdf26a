//! `framescope decode`: every message with its fields and problems.

use std::ops::ControlFlow;

use clap::{Args, ValueEnum};
use framescope_capture::Index;
use framescope_parser::Severity;

use crate::arguments::{CaptureArgs, FilterArgs};
use crate::error::Error;
use crate::following::follow;
use crate::notices::{notify, report};
use crate::printing::PrintingArgs;
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    #[command(flatten)]
    filter: FilterArgs,

    #[command(flatten)]
    printing: PrintingArgs,

    /// Print messages as they arrive, of a capture that is still being written, until it ends or Ctrl-C is pressed.
    ///
    /// A file ends when nothing appends to it any more: that is never known. Standard input ends with the program that writes it.
    /// Messages are printed in the order in which they become complete; what only the whole shows, such as that nothing answered, is not
    /// among their problems.
    #[arg(long)]
    follow: bool,

    /// Exit with status 3 if any message has a problem of at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FailOn {
    /// Bytes that violate the format
    Error,
    /// Also what is well-formed but suspicious
    Warning,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let options = args.capture.reading.options()?;
    let mut printer = args.printing.printer(args.filter.parse(&options)?, &options)?;
    if args.follow {
        let (source, followed) = args.capture.open_growing()?;
        let ended = follow(source, &options, &mut |index, rows| {
            printer.print(index, rows)?;
            Ok(ControlFlow::Continue(()))
        })?;
        drop(followed);
        if ended.interrupted {
            return Err(Error::interrupted());
        }
        return args.status(&ended.index);
    }
    let index = args.capture.load(&options)?;
    let mut progress = Progress::quiet();
    printer.print_watched(&index, &mut progress.rows(&index))?;
    args.status(&index)
}

impl Arguments {
    /// The exit status, and what has to be said on standard error.
    fn status(&self, index: &Index) -> Result<Status, Error> {
        let status = report(index);
        let Some(fail_on) = self.fail_on else { return Ok(status) };
        let found = fail_on.count(index);
        if status == Status::Done && found > 0 {
            let problem = fail_on.problem();
            notify(&format!("--fail-on: {found} of {} rows have {problem}", index.row_count()));
            return Ok(Status::Found);
        }
        Ok(status)
    }
}

impl FailOn {
    fn count(self, index: &Index) -> usize {
        let limit = match self {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
        };
        index.rows().filter(|(_, row)| row.severity() >= Some(limit)).count()
    }

    fn problem(self) -> &'static str {
        match self {
            FailOn::Error => "an error",
            FailOn::Warning => "an error or a warning",
        }
    }
}
