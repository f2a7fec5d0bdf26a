//! `framescope follow`: what the two sides of a conversation sent to each other.

use std::io::Write;

use clap::{Args, ValueEnum};
use framescope_capture::{Index, export};
use framescope_parser::Direction;

use crate::arguments::CaptureArgs;
use crate::error::Error;
use crate::notices::{notify, report};
use crate::output::{output, paint};
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    /// The conversation's number, as `framescope flows` prints it
    flow: u32,

    /// Only this direction
    #[arg(long, value_enum)]
    direction: Option<DirectionArg>,

    /// Only the bytes, as they were sent
    #[arg(long)]
    raw: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DirectionArg {
    /// From the side that opened the connection
    Forward,
    /// To the side that opened the connection
    Backward,
}

/// Which conversations there are.
pub(crate) fn there_are(index: &Index) -> String {
    match index.flows().len() {
        0 => "there is none in it".to_owned(),
        1 => "the only one in it is 0".to_owned(),
        flows => format!("they are numbered 0 to {}", flows - 1),
    }
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let index = args.capture.load(&args.capture.reading.options()?)?;
    let Some(flow) = index.flow_id(args.flow) else {
        report(&index);
        let there_are = there_are(&index);
        return Err(Error::NoFlow { path: args.capture.file.clone(), flow: args.flow, there_are });
    };
    let only = args.direction.map(|direction| match direction {
        DirectionArg::Forward => Direction::Forward,
        DirectionArg::Backward => Direction::Backward,
    });
    let mut out = output();
    if args.raw {
        let missing = export::write_follow_raw(&index, flow, only, &mut out)?;
        if missing > 0 {
            notify(&format!("{missing} bytes were not captured; the output is joined across the gaps"));
        }
    } else {
        export::write_follow_text(&index, flow, only, paint(), &mut out)?;
    }
    out.flush()?;
    Ok(report(&index))
}
