//! Exit statuses.

use std::process::ExitCode;

/// The end of `--help`.
pub(crate) const HELP: &str = "\
Exit status:
  0  done
  1  the file is damaged; what could be read was printed
  2  wrong usage, or the file can't be read
  3  --fail-on found such a problem
130  interrupted by Ctrl-C";

/// How the program ends. The later, the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Done = 0,
    /// The capture is damaged, or some of the input can't be used.
    Damaged = 1,
    /// Wrong usage, or a file can't be read or written.
    Unusable = 2,
    /// What was to be found, or not to be found, was found.
    Found = 3,
    /// Stopped by Ctrl-C, as shells have it.
    Interrupted = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status as u8)
    }
}
