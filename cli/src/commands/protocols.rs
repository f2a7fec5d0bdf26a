//! `framescope protocols`: the protocols that are known.

use std::io::Write;

use crate::arguments::ReadingArgs;
use crate::error::Error;
use crate::output::output;
use crate::status::Status;

pub(crate) fn run(reading: &ReadingArgs) -> Result<Status, Error> {
    let mut out = output();
    for protocol in reading.options()?.protocols {
        writeln!(out, "{:10} {}", protocol.name(), protocol.about())?;
    }
    out.flush()?;
    Ok(Status::Done)
}
