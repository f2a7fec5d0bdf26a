//! Start lines: whether bytes begin one, and where the next one is among other bytes.

use memchr::{memchr, memmem, memrchr};

/// What a start line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// `METHOD target HTTP/1.1`
    Request,
    /// `HTTP/1.1 200 OK`
    Response,
    /// `TRAILERS HTTP/2`, where a message of its own carries the trailers.
    Trailers,
    /// `BODY HTTP/2`, where it carries a part of a body.
    Body,
}

/// Whether bytes begin with a start line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// They do, and it has so many bytes with its line break.
    Line(Start, usize),
    /// They may, as far as they go.
    Maybe,
    /// They do not.
    No,
}

/// The methods that are known: those of the registry that are in use, and those of SSDP. A kind's number is the place in this list,
/// counted from 1.
pub(super) const METHODS: [&str; 43] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "MKCALENDAR",
    "ACL",
    "BIND",
    "UNBIND",
    "REBIND",
    "LINK",
    "UNLINK",
    "CHECKIN",
    "CHECKOUT",
    "UNCHECKOUT",
    "LABEL",
    "MERGE",
    "MKACTIVITY",
    "MKWORKSPACE",
    "MKREDIRECTREF",
    "UPDATEREDIRECTREF",
    "ORDERPATCH",
    "PRI",
    "UPDATE",
    "VERSION-CONTROL",
    "BASELINE-CONTROL",
    "QUERY",
    "PURGE",
    "M-SEARCH",
    "NOTIFY",
];

/// The longest start line.
const MAX_LINE: usize = 64 << 10;
/// The longest method.
const MAX_METHOD: usize = 32;

pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a message of its own may be of another version than 1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    One,
    Any,
}

/// Whether bytes begin with a start line. Of `known` of them it was said before that they may.
pub(super) fn start_line(bytes: &[u8], versions: Versions, known: usize) -> Found {
    if versions == Versions::Any
        && let Some((start, length)) = translated(bytes)
    {
        return Found::Line(start, length);
    }
    if bytes.starts_with(b"HTTP/") || b"HTTP/".starts_with(bytes) {
        return status_line(bytes, known);
    }
    let method = bytes.iter().take(MAX_METHOD + 1).take_while(|&&byte| is_token(byte)).count();
    let token = bytes.get(..method).unwrap_or_default();
    match bytes.get(method) {
        _ if method > MAX_METHOD || !is_method_like(token) => return Found::No,
        None => return Found::Maybe,
        Some(b' ') => {}
        Some(_) => return Found::No,
    }
    // After a version at most two bytes end the line, so that a blank before those was seen.
    let target = method + 1;
    let from = target.max(known.saturating_sub(16));
    let is_target = |&&byte: &&u8| byte > b' ' && byte != 0x7f;
    let end = from + bytes.iter().skip(from).take_while(is_target).count();
    match bytes.get(end) {
        _ if end > MAX_LINE => Found::No,
        None => Found::Maybe,
        Some(b' ') if end > target => match version_line(bytes.get(end + 1..).unwrap_or_default()) {
            Found::Line(start, length) => Found::Line(start, end + 1 + length),
            other => other,
        },
        Some(_) => Found::No,
    }
}

/// The start line of a message that was translated from HTTP/2 or HTTP/3: words of it may be unknown or have blanks in them.
fn translated(bytes: &[u8]) -> Option<(Start, usize)> {
    let length = memchr(b'\n', bytes.get(..MAX_LINE.min(bytes.len()))?)? + 1;
    let line = bytes.get(..length)?.trim_ascii_end();
    let is_later = |version: &[u8]| matches!(version, b"HTTP/2" | b"HTTP/3");
    let (first, rest) = line.split_at_checked(memchr(b' ', line)?)?;
    let start = match first {
        _ if is_later(first) => Start::Response,
        _ if !is_later(rest.rsplit(|&byte| byte == b' ').next()?) => return None,
        b"TRAILERS" if rest.len() == 7 => Start::Trailers,
        b"BODY" if rest.len() == 7 => Start::Body,
        _ => Start::Request,
    };
    Some((start, length))
}

/// Whether bytes begin with a version and a line break, as a request's line ends.
fn version_line(bytes: &[u8]) -> Found {
    let version = bytes.iter().take(9).take_while(|&&byte| byte > b' ').count();
    match bytes.get(version..) {
        Some([]) if may_be_version(bytes) => Found::Maybe,
        Some(_) if !is_version(bytes.get(..version).unwrap_or_default()) => Found::No,
        Some([b'\n', ..]) => Found::Line(Start::Request, version + 1),
        Some([b'\r', b'\n', ..]) => Found::Line(Start::Request, version + 2),
        Some([b'\r']) => Found::Maybe,
        _ => Found::No,
    }
}

/// Whether bytes may be the beginning of a version.
fn may_be_version(bytes: &[u8]) -> bool {
    b"HTTP/1.".starts_with(bytes) || is_version(bytes)
}

/// Methods are in capitals, whatever else a token may be.
fn is_method_like(token: &[u8]) -> bool {
    token.iter().all(|&byte| is_of_method(byte)) && token.first().is_some_and(u8::is_ascii_uppercase)
}

fn is_of_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')
}

fn is_control(byte: &u8) -> bool {
    *byte < b' ' && !matches!(byte, b'\t' | b'\r') || *byte == 0x7f
}

/// Where a line ends, with its line break.
fn line_end(bytes: &[u8], known: usize) -> Option<usize> {
    let known = known.min(bytes.len());
    let rest = bytes.get(known..MAX_LINE.min(bytes.len()).max(known)).unwrap_or_default();
    memchr(b'\n', rest).map(|at| known + at + 1)
}

/// `HTTP/1.0` or `HTTP/1.1`.
fn is_version(version: &[u8]) -> bool {
    matches!(version.strip_prefix(b"HTTP/1."), Some([minor]) if minor.is_ascii_digit())
}

/// `HTTP/1.1 200 OK`: three digits, and nothing or a blank after them.
fn status_line(bytes: &[u8], known: usize) -> Found {
    const PATTERN: &[u8] = b"HTTP/1.x ddd";
    let version = bytes.iter().take(10).take_while(|&&byte| byte > b' ').count();
    let fits = |(byte, pattern): (&u8, &u8)| match pattern {
        b'x' | b'd' => byte.is_ascii_digit(),
        pattern => byte == pattern,
    };
    if version == bytes.len() {
        let may_be = bytes.iter().zip(PATTERN).all(fits);
        return if may_be && version < 10 { Found::Maybe } else { Found::No };
    }
    if !is_version(bytes.get(..version).unwrap_or_default()) {
        return Found::No;
    }
    // Some servers write more than one blank.
    let after = bytes.get(version..).unwrap_or_default();
    let blanks = after.iter().take_while(|&&byte| byte == b' ').count();
    let rest = after.get(blanks..).unwrap_or_default();
    let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits) {
        _ if blanks == 0 || digits > 3 => return Found::No,
        None if bytes.len() < MAX_LINE => return Found::Maybe,
        Some(b' ' | b'\r' | b'\n') if digits == 3 => {}
        _ => return Found::No,
    }
    match line_end(bytes, known.saturating_sub(1)) {
        Some(end) => Found::Line(Start::Response, end),
        None if bytes.len() > MAX_LINE => Found::No,
        None => Found::Maybe,
    }
}

/// Where after the first byte a start line begins or may begin; all bytes if there is no such place.
pub(super) fn next_start(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = memchr(b'\n', rest).map(|end| end + 1);
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        if let Some(found) = start_in_line(line, rest) {
            return at + found;
        }
        match end {
            Some(end) => at += end,
            None => return bytes.len() - cut_beginning(rest),
        }
    }
    bytes.len()
}

/// Of so many places in a line it is looked whether a start line begins there.
const MAX_TRIED: usize = 4;

/// Where in a line, with which `rest` begins, a start line begins or may begin.
fn start_in_line(line: &[u8], rest: &[u8]) -> Option<usize> {
    let is_start =
        |&at: &usize| start_line(rest.get(at..).unwrap_or_default(), Versions::One, 0) != Found::No;
    let is_ended = line.last() == Some(&b'\n');
    let from = match is_ended {
        true => line.len().saturating_sub(MAX_LINE),
        // A line this long is none of a message.
        false if line.len() > MAX_LINE => return None,
        // What begins before a control character is no start line.
        false => line.iter().rposition(is_control).map_or(0, |at| at + 1),
    };
    let part = line.get(from..)?;
    let response = memmem::find_iter(part, b"HTTP/1.").map(|at| from + at).take(MAX_TRIED).find(is_start);
    let request = match is_ended {
        true => request_before_version(line).filter(|&at| at >= from).filter(is_start),
        // The end of a method is a space.
        false => {
            let spaces = memchr::memchr_iter(b' ', part).map(|space| from + space);
            spaces.filter_map(|space| method_before(line, space)).find(is_start)
        }
    };
    request.into_iter().chain(response).min()
}

/// Where the request begins that a line ends with.
fn request_before_version(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let before = line.get(..line.len().checked_sub(8)?)?;
    let target = before.strip_suffix(b" ")?;
    let space = memrchr(b' ', target)?;
    method_before(line, space)
}

/// Where the method begins that ends at a space, or may do so.
fn method_before(bytes: &[u8], space: usize) -> Option<usize> {
    let before = bytes.get(..space)?;
    let run = before.iter().rev().take(MAX_METHOD).take_while(|&&byte| is_of_method(byte)).count();
    let run = before.get(space - run..)?;
    let first = run.iter().position(u8::is_ascii_uppercase)?;
    Some(space - run.len() + first)
}

/// How many of the last bytes may be the first ones of a method or a version.
fn cut_beginning(bytes: &[u8]) -> usize {
    let method = method_before(bytes, bytes.len()).map_or(0, |start| bytes.len() - start);
    let is_cut = |length: &usize| b"HTTP/1.".get(..*length).is_some_and(|first| bytes.ends_with(first));
    method.max((1..=7).rev().find(is_cut).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Found {
        start_line(bytes, Versions::One, 0)
    }

    #[test]
    fn start_lines_are_recognised() {
        for (line, start) in [
            ("GET / HTTP/1.1\r\n", Start::Request),
            ("OPTIONS * HTTP/1.0\n", Start::Request),
            ("CONNECT example.org:443 HTTP/1.1\r\n", Start::Request),
            ("FOO http://example.org/ HTTP/1.1\r\n", Start::Request),
            ("HTTP/1.1 200 OK\r\n", Start::Response),
            ("HTTP/1.1 200\r\n", Start::Response),
            ("HTTP/1.0  404 ü\n", Start::Response),
        ] {
            assert_eq!(one(line.as_bytes()), Found::Line(start, line.len()), "{line}");
            for cut in 1..line.len() - 1 {
                assert_eq!(one(&line.as_bytes()[..cut]), Found::Maybe, "{line} cut at {cut}");
            }
        }
    }

    #[test]
    fn other_lines_are_not_start_lines() {
        for line in [
            "GET /\r\n",
            "GET / HTTP/2\r\n",
            "get / HTTP/1.1\r\n",
            "GET  / HTTP/1.1\r\n",
            "GET HTTP/1.1\r\n",
            "GET /a b HTTP/1.1\r\n",
            "GET / HTTP/1.1 \r\n",
            "HTTP/1.1 20 OK\r\n",
            "HTTP/1.1 2000 OK\r\n",
            "HTTP/2 200\r\n",
            "SIP/2.0 200 OK\r\n",
            "OPTIONS sip:a@b SIP/2.0\r\n",
            "\r\n",
            "EHLO example.org\r\n",
        ] {
            assert_eq!(one(line.as_bytes()), Found::No, "{line}");
        }
        let any = |line: &str| start_line(line.as_bytes(), Versions::Any, 0);
        assert_eq!(any("GET / HTTP/2\r\n"), Found::Line(Start::Request, 14));
        assert_eq!(any("HTTP/3 200\r\n"), Found::Line(Start::Response, 12));
        assert_eq!(any("TRAILERS HTTP/2\r\n"), Found::Line(Start::Trailers, 17));
        assert_eq!(any("BODY HTTP/2\r\n"), Found::Line(Start::Body, 13));
        assert_eq!(any("(lost) /a b HTTP/2\r\n"), Found::Line(Start::Request, 20));
    }

    #[test]
    fn the_next_start_line_is_found_among_other_bytes() {
        for (bytes, at) in [
            (&b"xHTTP/1.1 200 OK\r\n"[..], 1),
            (b"junk}GET / HTTP/1.1\r\n", 5),
            (b"HTTP/1.1 2x HTTP/1.1 204 \r\n", 12),
            (b"HEAD and PUT /x HTTP/1.1\r\n", 9),
            (b"nothing here", 12),
            (b"and a PO", 6),
            (b"and no \0XGET / HTTP/1.1\r\n", 8),
            (b"and HTTP/1", 4),
            (b"a line POST /par", 7),
            (b"many \r\n\0 bytes GET \r\n no", 24),
        ] {
            assert_eq!(next_start(bytes), at, "{}", String::from_utf8_lossy(bytes));
        }
    }
}
