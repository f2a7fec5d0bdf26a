//! What `framescope capture` prints: rows, interfaces, and how it began and ended.

use std::io::{self, Write};
use std::ops::Range;

use framescope_capture::Index;
use framescope_capture::filter::{Evaluator, Filter};
use framescope_live::capturing::{Ended, Interface, Recording, Request};
use serde_json::json;

/// Whether a row of a range matches a filter.
pub(super) fn any_matches(filter: &Filter, index: &Index, range: Range<usize>) -> io::Result<bool> {
    let mut found = Vec::new();
    Evaluator::new(filter, index).rows_in(range, &mut found)?;
    Ok(!found.is_empty())
}

/// What is captured, and by what.
pub(super) fn beginning(request: &Request, recording: &Recording) -> String {
    let (interface, tool) = (recording.interface(), recording.tool());
    let filter = &request.filter;
    let what = if filter.is_empty() { String::new() } else { format!(" '{filter}'") };
    format!("capturing{what} on {interface} with {tool}; Ctrl-C ends it")
}

/// How much was captured, and where it is.
pub(super) fn summary(ended: &Ended, request: &Request) -> String {
    let Ended { packets, interface, took, dropped, .. } = ended;
    let mut text = format!("{} captured on {interface} in {:.1} s", counted(*packets), took.as_secs_f64());
    match (&request.file, ended.files.as_slice()) {
        (Some(_), [first, .., last]) => {
            text += &format!(
                ", the newest in {} files from {} to {}",
                ended.files.len(),
                first.display(),
                last.display()
            );
        }
        (Some(_), [file]) => text += &format!(", written to {}", file.display()),
        (Some(file), []) => text += &format!(", written to {}", file.display()),
        (None, _) => {}
    }
    match dropped {
        None => {}
        Some(0) => text += "; none were dropped",
        Some(dropped) => {
            text += &format!(
                "; {dropped} more were dropped, because they came faster than {} read them: narrow the filter",
                ended.tool
            );
            if ended.tool.to_string() == "tcpdump" {
                text += ", or try --tool dumpcap";
            }
        }
    }
    text
}

fn counted(packets: u64) -> String {
    if packets == 1 { "1 packet".to_owned() } else { format!("{packets} packets") }
}

/// A line for each interface: its name, its addresses, what it is called.
pub(super) fn write_interfaces(
    interfaces: &[Interface],
    is_text: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let width = interfaces.iter().map(|interface| interface.name.chars().count()).max().unwrap_or(0);
    for interface in interfaces {
        let Interface { name, description, addresses, is_loopback, .. } = interface;
        if !is_text {
            let line = json!({
                "name": name, "description": description, "addresses": addresses, "loopback": is_loopback,
            });
            writeln!(out, "{line}")?;
            continue;
        }
        let description = if description.is_empty() && *is_loopback { "loopback" } else { description };
        let line = format!("{name:width$}  {}  {description}", addresses.join(", "));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
