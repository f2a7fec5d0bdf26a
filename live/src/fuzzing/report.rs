//! What a program says of its own fault: the reports of sanitizers, panics, tracebacks, and the status that it ends with.

use std::process::ExitStatus;

/// Whether a line begins a report of a fault.
pub(super) fn begins(line: &str) -> bool {
    is_sanitizer(line) || is_undefined(line) || is_panic(line) || is_traceback(line)
}

fn is_sanitizer(line: &str) -> bool {
    line.contains("ERROR: ") && line.contains("Sanitizer") || line.contains("WARNING: ThreadSanitizer")
}

fn is_undefined(line: &str) -> bool {
    line.contains(": runtime error: ")
}

fn is_panic(line: &str) -> bool {
    line.starts_with("thread '") && line.contains(" panicked at ")
        || line.starts_with("panic: ")
        || line.starts_with("fatal error: ")
}

fn is_traceback(line: &str) -> bool {
    line.starts_with("Traceback (most recent call last)") || line.starts_with("Exception in thread")
}

/// Whether more belongs to the report that these lines begin, so that its end is worth waiting for.
pub(super) fn is_unfinished<'l>(mut lines: impl Iterator<Item = &'l String>) -> bool {
    let Some(first) = lines.next() else { return false };
    if is_sanitizer(first) {
        // The program ends after its report, if that has no summary either.
        return first.contains("ERROR: ") || !lines.any(|line| line.starts_with("SUMMARY: "));
    }
    is_traceback(first) && !lines.any(|line| !line.is_empty() && !line.starts_with(' '))
}

/// A fault's name in a few words, from the last lines of standard error; None where they hold no report.
pub(super) fn title(lines: &[String]) -> Option<String> {
    // The first report: what follows it may be its consequence.
    let first = lines.iter().position(|line| begins(line))?;
    let lines = lines.get(first..)?;
    let line = lines.first()?;
    Some(if is_sanitizer(line) {
        sanitizer(lines)
    } else if is_undefined(line) {
        line.trim().to_owned()
    } else if is_panic(line) {
        panic(lines)
    } else {
        traceback(lines)
    })
}

/// `AddressSanitizer: heap-buffer-overflow server.c:42 in take`
fn sanitizer(lines: &[String]) -> String {
    let summary = lines.iter().find_map(|line| line.strip_prefix("SUMMARY: "));
    let text =
        summary.or_else(|| lines.first().and_then(|line| line.split_once("ERROR: ")).map(|(_, text)| text));
    let text = text.unwrap_or_default();
    // Folders say nothing about the fault.
    let words = text.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    words.take(8).collect::<Vec<_>>().join(" ")
}

/// `panicked at src/main.rs:10:5: index out of bounds`
fn panic(lines: &[String]) -> String {
    let [first, rest @ ..] = lines else { return String::new() };
    let Some((_, at)) = first.split_once(" panicked at ") else { return first.clone() };
    let what = if at.ends_with(':') { rest.first().map_or("", |line| line.trim()) } else { "" };
    format!("panicked at {at} {what}").trim().to_owned()
}

/// `KeyError: 7 in answer, server.py:42`
fn traceback(lines: &[String]) -> String {
    let begin = lines.iter().position(|line| line.starts_with("Traceback")).unwrap_or(0);
    let mut place = String::new();
    for line in lines.iter().skip(begin + 1) {
        if let Some((file, rest)) =
            line.trim().strip_prefix("File \"").and_then(|line| line.split_once("\", line "))
        {
            let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
            place = match rest.split_once(", in ") {
                Some((line, function)) => format!(" in {function}, {file}:{line}"),
                None => format!(" in {file}:{rest}"),
            };
        } else if !line.starts_with(' ') && !line.is_empty() {
            return format!("{}{place}", line.trim());
        }
    }
    format!("an exception{place}")
}

/// How it ended, in words: `ended with status 1`, `was stopped by signal 11 (SIGSEGV)`.
pub(super) fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was stopped by {}", signal_name(signal));
    }
    match status.code() {
        Some(code) => format!("ended with status {code}"),
        None => "ended".to_owned(),
    }
}

#[cfg(unix)]
fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL: an invalid instruction",
        5 => "SIGTRAP",
        6 => "SIGABRT: it gave up itself",
        8 => "SIGFPE: a wrong calculation",
        9 => "SIGKILL: something else ended it, perhaps because memory ran out",
        11 => "SIGSEGV: it used memory that it does not have",
        15 => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

/// The title without what differs from one time to the next, to recognise a fault by.
pub(super) fn key(title: &str) -> String {
    // Where it is known where something went wrong, that and what it is called are enough.
    if let Some(panic) = title.strip_prefix("panicked at ") {
        return panic.split_whitespace().next().unwrap_or(panic).trim_end_matches(':').to_owned();
    }
    if let Some((what, place)) = title.rsplit_once(" in ")
        && let Some((_, file)) = place.rsplit_once(", ")
        && file.contains(':')
    {
        return format!("{} in {place}", what.split(':').next().unwrap_or(what));
    }
    let mut key = String::new();
    for word in title.split_whitespace() {
        // Places in a file are kept; other numbers and what is quoted are not. A sign at the end is no part of a place.
        let is_place = word.trim_end_matches([':', '.', ',']).contains([':', '.']);
        let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
        let is_quoted = word.starts_with(['\'', '"', '`']) || word.starts_with("b'");
        let word = if (has_digit && !is_place) || is_quoted { "#" } else { word };
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(word);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title_of(text: &str) -> Option<String> {
        title(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn reports_have_a_title_with_what_and_where() {
        let asan = "listening\n=====\n==7==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602 at pc 0x4\nREAD of size 1\n\
            SUMMARY: AddressSanitizer: heap-buffer-overflow /home/me/server.c:42 in take\n";
        assert_eq!(
            title_of(asan).as_deref(),
            Some("AddressSanitizer: heap-buffer-overflow server.c:42 in take")
        );
        let rust = "thread 'main' (12) panicked at src/main.rs:10:5:\nindex out of bounds\nnote: run with";
        assert_eq!(title_of(rust).as_deref(), Some("panicked at src/main.rs:10:5: index out of bounds"));
        let python = "Exception in thread Thread-7:\nTraceback (most recent call last):\n  File \"/a/server.py\", line 3, in run\n    x\n  \
            File \"/a/server.py\", line 42, in answer\n    y[k]\nKeyError: 7\n";
        assert_eq!(title_of(python).as_deref(), Some("KeyError: 7 in answer, server.py:42"));
        let go = "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1";
        assert_eq!(
            title_of(go).as_deref(),
            Some("panic: runtime error: index out of range [3] with length 3")
        );
        assert_eq!(title_of("listening on 9000\nready"), None);
    }

    #[test]
    fn the_same_fault_has_the_same_key() {
        assert_eq!(key("KeyError: 7 in answer, server.py:42"), key("KeyError: 12 in answer, server.py:42"));
        let decode = |byte, at| {
            key(&format!("UnicodeDecodeError: can't decode byte {byte} in position {at}: invalid in a.py:8"))
        };
        assert_eq!(decode("0xf5", 4), decode("0x99", 0));
        assert_ne!(key("KeyError: 7 in answer, server.py:42"), key("KeyError: 7 in answer, server.py:43"));
        assert_eq!(key("panicked at src/a.rs:1:2: index 7"), key("panicked at src/a.rs:1:2: index 9"));
        assert_eq!(key("ended with status 1: got 7"), key("ended with status 3: got 12"));
    }
}
