//! Sentences for the person, on standard error, beside a command's output.

use std::fmt::Display;
use std::io::{self, Write};

use framescope_capture::{Index, SkippedPackets};

use crate::status::Status;

/// Prints one sentence.
pub(crate) fn notify(text: &(impl Display + ?Sized)) {
    // If even standard error is closed, there is no place to notify.
    let _ = writeln!(io::stderr(), "framescope: {text}");
}

/// Reports which parts of a capture could not be read, and returns the exit status for it.
pub(crate) fn report(index: &Index) -> Status {
    let file = index.source().name();
    let packets = |SkippedPackets { count, first_packet, first_offset }, [one, many]: [&str; 2]| match count {
        1 => format!("{file}: packet {first_packet} at byte {first_offset} {one}"),
        _ => format!(
            "{file}: {count} packets, the first of them packet {first_packet} at byte {first_offset}, {many}"
        ),
    };
    for (reason, skipped) in index.unread_packets() {
        notify(&format!("{}: {reason}", packets(skipped, ["carries no stream", "carry no stream"])));
    }
    for (what, unusual) in index.odd_packets() {
        let were_read =
            packets(unusual, ["was read although it is unusual", "were read although they are unusual"]);
        notify(&format!("{were_read}: {what}"));
    }
    index.damages().iter().for_each(notify);
    if index.damages().is_empty() { Status::Done } else { Status::Damaged }
}
