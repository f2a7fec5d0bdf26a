//! `framescope template`: descriptions to begin from.

use std::io::Write;

use clap::Args;
use framescope_ksy::TEMPLATES;

use crate::error::Error;
use crate::output::output;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The template to print; by default all are listed
    name: Option<String>,
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let mut out = output();
    match &args.name {
        None => {
            for template in TEMPLATES {
                writeln!(out, "{:16} {}", template.name, template.about)?;
            }
        }
        Some(name) => {
            let known = || TEMPLATES.iter().map(|template| template.name);
            let template = TEMPLATES.iter().find(|template| template.name == name);
            let template = template.ok_or_else(|| Error::unknown("template", name, known()))?;
            out.write_all(template.text.as_bytes())?;
        }
    }
    out.flush()?;
    Ok(Status::Done)
}
