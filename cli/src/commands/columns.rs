//! `framescope columns`: the columns and fields that filters and `--fields` accept.

use std::io::Write;

use framescope_capture::filter::Column;

use crate::arguments::ReadingArgs;
use crate::error::Error;
use crate::output::output;
use crate::status::Status;

pub(crate) fn run(reading: &ReadingArgs) -> Result<Status, Error> {
    let mut out = output();
    for (_, name, about) in Column::ALL {
        writeln!(out, "{name:12} {about}")?;
    }
    for protocol in reading.options()?.protocols {
        writeln!(out)?;
        let names = protocol.names();
        for field in names.fields.iter().chain(&names.anywhere) {
            writeln!(out, "{}.{field}", protocol.name())?;
        }
    }
    out.flush()?;
    Ok(Status::Done)
}
