//! Logs of strace, best with `-xx -s 65535 -f -tt`: each socket is a conversation, each call that sends or receives a packet of it.
//! The packets are generated, with the addresses that the log shows.

mod calls;
mod conversations;
mod descriptors;
mod packets;
mod syntax;

use std::io;

use self::calls::Trace;
use self::syntax::{Event, Line};
use super::text::{Lines, Writer};

/// Lines by which a log is recognised.
const CHECKED_LINES: usize = 64;
/// All of the first lines must be strace's, and nearly all of those after them: a program may print between them.
const FIRST: usize = 8;

/// Whether a text begins like a log of strace.
pub(super) fn is_trace(text: &str) -> bool {
    let (mut lines, mut calls, mut others) = (0, 0, 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(CHECKED_LINES) {
        lines += 1;
        match Line::read(line) {
            Some(Line { event: Event::Other, .. }) => {}
            Some(_) => calls += 1,
            None if lines <= FIRST => return false,
            None => others += 1,
        }
    }
    calls >= 1 && others * 8 <= lines
}

/// Writes the conversations of a log. Returns sentences about it, each to follow the file's name.
pub(super) fn convert(lines: &mut Lines, out: &mut Writer) -> io::Result<Vec<String>> {
    let mut trace = Trace::default();
    while let Some(line) = lines.next()? {
        if let Some(line) = Line::read(&line) {
            trace.line(&line, out)?;
        }
    }
    Ok(notices(&trace))
}

fn notices(trace: &Trace) -> Vec<String> {
    let (count, mirrored) = (trace.conversations.count, trace.conversations.mirrored);
    let s = if count == 1 { "" } else { "s" };
    let mut notices = vec![format!(
        "is a log of strace: what its calls sent and received is read as {count} conversation{s} in generated packets, to which \
         offsets in the file refer; an address that it does not show is one of 192.0.2.0/24 or 2001:db8::/32"
    )];
    if count == 0 {
        let command = "strace -f -tt -xx -s 65535 -e trace=network,read,write";
        notices.push(format!("shows no call that sent or received; record it with `{command}`"));
    }
    if trace.cut > 0 {
        let cut = trace.cut;
        notices.push(format!(
            "shows only the beginning of what {cut} calls sent or received, so that the rest is a gap; record it with \
             `strace -s 65535`"
        ));
    }
    if mirrored > 0 {
        notices.push(format!("shows {mirrored} of its connections from both ends, one of which is read"));
    }
    if trace.unread > 0 {
        let unread = trace.unread;
        notices.push(format!("has {unread} calls of kinds whose bytes are not read, such as sendmmsg"));
    }
    if trace.without_a_day {
        notices.push("has times without a day: they are shown as of 1970-01-01".to_owned());
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_recognised_by_its_first_lines() {
        let call = "15:04:36.890104 read(3, \"a\", 1) = 1\n";
        assert!(is_trace(call));
        assert!(is_trace(&(call.repeat(16) + "what the program printed\n" + call)));
        assert!(!is_trace(&("what the program printed\n".to_owned() + call)));
        assert!(!is_trace(&(call.repeat(8) + &"text\n".repeat(8))));
        assert!(!is_trace("+++ exited with 0 +++\n") && !is_trace(""));
    }
}
