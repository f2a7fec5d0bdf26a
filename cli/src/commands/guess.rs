//! `framescope guess`: what the messages of conversations could be that no protocol explains.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use framescope_capture::{FlowId, Index, read};
use framescope_guess::fit::{self, Fit, options_with, outermost};
use framescope_guess::groups::{self, Group};
use framescope_guess::{Guess, HeldOut, Limits, Sample, guess};
use framescope_inspect::Reading;
use framescope_ksy::Described;
use serde_json::json;

use crate::arguments::{CaptureArgs, ListFormat};
use crate::error::Error;
use crate::output::output;
use crate::progress::Progress;
use crate::status::Status;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    capture: CaptureArgs,

    /// Look at this conversation, even if a protocol explains it; may be repeated
    #[arg(long = "flow", value_name = "N")]
    flows: Vec<u32>,

    /// Write each description to a file in this folder
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Guess without this share of the messages, and say how well the description fits them
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    holdout: Option<u8>,

    /// How to print
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    format: ListFormat,
}

/// The end of `--help`.
pub(crate) const STATUS_HELP: &str = "\
Exit status:
  0  something was found
  1  nothing was found, or the file is damaged
  2  wrong usage, or the file can't be read
130  interrupted by Ctrl-C";

fn percent(text: &str) -> Result<u8, String> {
    match text.trim_end_matches('%').parse() {
        Ok(percent @ 1..=90) => Ok(percent),
        _ => Err("a share from 1% to 90% is needed".to_owned()),
    }
}

pub(crate) fn run(args: &Arguments) -> Result<Status, Error> {
    let reading = args.capture.reading.reading()?;
    let source = args.capture.reading.open(&args.capture.file)?;
    let index = crate::loading::load(source, &reading.options())?;
    let groups = groups(&index, args)?;
    if let Some(folder) = &args.output {
        fs::create_dir_all(folder).map_err(|cause| Error::Unwritable { path: folder.clone(), cause })?;
    }
    let mut out = output();
    if groups.is_empty() && matches!(args.format, ListFormat::Text) {
        writeln!(out, "a protocol explains every conversation; --flow N looks at one of them")?;
    }
    let mut found = Vec::new();
    for (group, flows) in &groups {
        let progress = RefCell::new(Progress::new(format!("guessing {group}")));
        let at = |share: f32| progress.borrow_mut().at(permille(share), 1000);
        let mut sample = Sample::of(&index, Limits::default(), &|flow| flows.binary_search(&flow).is_ok())
            .map_err(|cause| Error::Unreadable { path: args.capture.file.clone(), cause })?;
        let held = args.holdout.map(|percent| sample.hold_out(percent));
        let id = group.id();
        let guesses = guess(&sample, &id, &at);
        if !at(1.0) {
            return Err(Error::interrupted());
        }
        found.push(Found { group: *group, flows: flows.len(), guesses, held });
    }
    let is_empty = found.iter().all(|found| found.guesses.is_empty());
    for found in &found {
        print(args, (&reading, &index), found, &mut out)?;
    }
    out.flush()?;
    let damaged = !index.notices().is_empty();
    Ok(if is_empty || damaged { Status::Damaged } else { Status::Done })
}

/// A share from 0 to 1 in thousandths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
fn permille(share: f32) -> u64 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u64
}

struct Found {
    group: Group,
    flows: usize,
    guesses: Vec<Guess>,
    held: Option<HeldOut>,
}

/// The conversations to look at, by what they probably speak: those that were named, else those that no protocol explains.
fn groups(index: &Index, args: &Arguments) -> Result<BTreeMap<Group, Vec<FlowId>>, Error> {
    let named = args.flows.as_slice();
    for number in named {
        if index.flow_id(*number).is_none() {
            let (path, there_are) = (args.capture.file.clone(), super::follow::there_are(index));
            return Err(Error::NoFlow { path, flow: *number, there_are });
        }
    }
    Ok(groups::groups(index, &|flow| match named {
        [] => groups::is_unexplained(index, flow),
        named => named.contains(&flow.number()),
    }))
}

fn print(
    args: &Arguments,
    (reading, index): (&Reading, &Index),
    found: &Found,
    out: &mut impl Write,
) -> Result<(), Error> {
    let Found { group, flows, guesses, held } = found;
    let is_json = matches!(args.format, ListFormat::Json);
    if !is_json {
        let what = if guesses.is_empty() { ": nothing found" } else { "" };
        let s = if *flows == 1 { "" } else { "s" };
        writeln!(out, "{group}, {flows} conversation{s}{what}")?;
    }
    for (rank, guess) in guesses.iter().enumerate() {
        let fit = held.as_ref().map(|held| fit(reading, index, held, guess, *group)).transpose()?;
        let path = match &args.output {
            None => None,
            Some(folder) => {
                let rank = if rank == 0 { String::new() } else { format!("_{}", rank + 1) };
                let path = folder.join(format!("{}{rank}.ksy", group.id()));
                fs::write(&path, &guess.description)
                    .map_err(|cause| Error::Unwritable { path: path.clone(), cause })?;
                Some(path)
            }
        };
        match is_json {
            true => print_json(group, guess, fit.as_ref(), path.as_deref(), out)?,
            false => print_text(rank, guess, fit.as_ref(), path.as_deref(), out)?,
        }
    }
    Ok(())
}

fn print_text(
    rank: usize,
    guess: &Guess,
    fit: Option<&Fit>,
    path: Option<&Path>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let percent = (guess.confidence * 100.0).floor();
    writeln!(out, "{}. {percent} % sure of where {} messages begin and end:", rank + 1, guess.messages)?;
    for line in &guess.evidence {
        writeln!(out, "   - {line}")?;
    }
    if let Some(fit) = fit {
        let percent = 100.0 * fit.explained as f64 / fit.bytes.max(1) as f64;
        writeln!(
            out,
            "   of {} bytes that were held out, {percent:.1} % are in {} messages, {} of which have a problem",
            fit.bytes, fit.messages, fit.problems
        )?;
    }
    match path {
        Some(path) => writeln!(out, "   {}", path.display())?,
        None if rank == 0 => writeln!(out, "\n{}", guess.description)?,
        None => {}
    }
    Ok(())
}

fn print_json(
    group: &Group,
    guess: &Guess,
    fit: Option<&Fit>,
    path: Option<&Path>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let fit = fit.map(|fit| {
        json!({"bytes": fit.bytes, "explained": fit.explained, "messages": fit.messages, "problems": fit.problems})
    });
    let line = json!({
        "protocol": group.id(),
        "transport": if group.is_udp { "udp" } else { "tcp" },
        "port": group.port,
        "confidence": guess.confidence,
        "messages": guess.messages,
        "evidence": guess.evidence,
        "held_out": fit,
        "file": path.map(|path| path.display().to_string()),
        "description": guess.description,
    });
    writeln!(out, "{line}")?;
    Ok(())
}

/// Reads the capture with a description, and looks at what was held out.
fn fit(reading: &Reading, before: &Index, held: &HeldOut, guess: &Guess, group: Group) -> Result<Fit, Error> {
    let described = Described::from_ksy(&guess.description)?;
    let options = options_with(&reading.options(), &described, group);
    let index = read(before.source().clone(), &options, &mut |_| true)?;
    Ok(fit::fit(&outermost(before), &index, held.streams()))
}
