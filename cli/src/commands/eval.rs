//! `framescope eval`: the values of expressions on one message.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use framescope_ksy::Format as Description;
use serde_json::json;

use crate::arguments::ImportArgs;
use crate::error::Error;
use crate::notices::notify;
use crate::output::output;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The description
    format: PathBuf,

    /// A file with the bytes of one message
    data: PathBuf,

    /// What to evaluate, such as 'header.length * 2'; by default the whole message
    #[arg(allow_hyphen_values = true)]
    expressions: Vec<String>,

    #[command(flatten)]
    imports: ImportArgs,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let format = Description::from_file_in(&args.format, &args.imports.folders)?;
    format.warnings().iter().for_each(notify);
    let data = std::fs::read(&args.data).map_err(Error::reading(&args.data))?;
    let mut message = format.read(&data);
    let mut out = output();
    if let Some(error) = message.error() {
        let code = error.code.as_str();
        writeln!(
            out,
            "{}",
            json!({"parse_error": {"code": code, "text": error.text, "offset": error.offset}})
        )?;
    }
    let whole = ["_root".to_owned()];
    let expressions = if args.expressions.is_empty() { &whole[..] } else { &args.expressions };
    for expression in expressions {
        match message.eval_text(expression) {
            Ok(value) => writeln!(out, "{{\"expr\":{},\"value\":{value}}}", json!(expression))?,
            Err(error) => {
                let code = error.code.as_str();
                let line = json!({"expr": expression, "error": {"code": code, "text": error.text}});
                writeln!(out, "{line}")?;
            }
        }
    }
    out.flush()?;
    Ok(if message.error().is_some() { Status::Damaged } else { Status::Done })
}
