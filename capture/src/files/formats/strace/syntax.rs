//! The lines of strace: which process, when, which call, what it returned; texts, descriptors and addresses in its arguments.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::files::formats::text::{Timestamp, seconds, time_of_day};

/// A line of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) process: Option<u32>,
    pub(super) time: Option<When>,
    pub(super) event: Event<'a>,
}

/// The time before a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(Timestamp),
    /// So many nanoseconds after the call before it (`-r`).
    After(i64),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A call and what it returned, or the beginning of one.
    Call(&'a str),
    /// The rest of a call that began in a line before.
    Resumed(&'a str),
    /// A signal, an exit, a message of strace itself.
    Other,
}

impl<'a> Line<'a> {
    /// None for what strace does not print.
    pub(super) fn read(line: &'a str) -> Option<Line<'a>> {
        let mut rest = line.trim_end();
        let mut process = None;
        if let Some(behind) = rest.strip_prefix("[pid ") {
            let (number, behind) = behind.split_once(']')?;
            (process, rest) = (Some(number.trim().parse().ok()?), behind.trim_start());
        } else if let Some((number, behind)) = rest.split_once(' ')
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            (process, rest) = (Some(number.parse().ok()?), behind.trim_start());
        }
        let mut time = None;
        rest = rest.trim_start();
        if let Some((word, behind)) = rest.split_once(' ') {
            time = when(word);
            if time.is_some() {
                rest = behind.trim_start();
            }
        }
        let event = if let Some(resumed) = rest.strip_prefix("<... ") {
            Event::Resumed(resumed.split_once(" resumed>")?.1)
        } else if rest.starts_with("--- ") || rest.starts_with("+++ ") || rest.starts_with("strace: ") {
            Event::Other
        } else {
            let name = rest.find('(').and_then(|at| rest.get(..at))?;
            let is_name =
                !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
            let is_call = is_name && (is_unfinished(rest) || returned(rest).is_some());
            is_call.then_some(Event::Call(rest))?
        };
        Some(Line { process, time, event })
    }
}

fn when(word: &str) -> Option<When> {
    if let Some(ns) = time_of_day(word) {
        return Some(When::At(Timestamp { ns, is_absolute: false }));
    }
    let ns = seconds(word)?;
    // No log is of 1973, and no call took that long.
    let is_absolute = ns > 100_000_000_000_000_000;
    Some(if is_absolute { When::At(Timestamp { ns, is_absolute }) } else { When::After(ns) })
}

pub(super) fn is_unfinished(call: &str) -> bool {
    call.ends_with("<unfinished ...>")
}

/// The call with its arguments up to the parenthesis, and the value after ` = `.
pub(super) fn returned(call: &str) -> Option<(&str, &str)> {
    let (arguments, value) = call.rsplit_once(" = ")?;
    let arguments = arguments.trim_end().strip_suffix(')')?;
    Some((arguments, value))
        .filter(|(_, value)| value.starts_with(['-', '?']) || value.starts_with(|c: char| c.is_ascii_digit()))
}

/// The number that a value begins with.
pub(super) fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = digits.get(..length)?.parse().ok()?;
    Some(if text.starts_with('-') { -number } else { number })
}

/// A descriptor, what strace shows of it in angle brackets (`-y`), and the arguments after it.
pub(super) fn descriptor(arguments: &str) -> Option<(u32, Option<&str>, &str)> {
    let length = arguments.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = arguments.split_at_checked(length)?;
    let number = number.parse().ok()?;
    let Some(inside) = rest.strip_prefix('<') else { return Some((number, None, rest)) };
    // An arrow separates two addresses.
    let end =
        inside.find(">,").or_else(|| inside.find("> ")).or_else(|| inside.strip_suffix('>').map(str::len))?;
    Some((number, inside.get(..end), inside.get(end + 1..)?))
}

/// A text in quotation marks that `text` begins with: its bytes, whether strace cut it, and the rest.
pub(super) fn literal(text: &str) -> Option<(Vec<u8>, bool, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut bytes = Vec::new();
    let mut rest = inside.as_bytes();
    loop {
        let (first, behind) = rest.split_first()?;
        rest = behind;
        match first {
            b'"' => break,
            b'\\' => {
                let (escaped, behind) = rest.split_first()?;
                rest = behind;
                let plain = match escaped {
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'v' => 0x0B,
                    b'f' => 0x0C,
                    b'a' => 7,
                    b'b' => 8,
                    b'x' => {
                        let length = rest.iter().take(2).take_while(|byte| byte.is_ascii_hexdigit()).count();
                        let (digits, behind) = rest.split_at_checked(length)?;
                        rest = behind;
                        u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
                    }
                    b'0'..=b'7' => {
                        let more = rest.iter().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
                        let (digits, behind) = rest.split_at_checked(more)?;
                        rest = behind;
                        let value = digits.iter().fold(u32::from(escaped - b'0'), |value, digit| {
                            value * 8 + u32::from(digit - b'0')
                        });
                        u8::try_from(value & 0xFF).ok()?
                    }
                    other => *other,
                };
                bytes.push(plain);
            }
            other => bytes.push(*other),
        }
    }
    // After a quotation mark a text in UTF-8 has whole characters.
    let rest = inside.get(inside.len() - rest.len()..)?;
    Some(match rest.strip_prefix("...") {
        Some(behind) => (bytes, true, behind),
        None => (bytes, false, rest),
    })
}

/// The texts after `iov_base=`, each with whether it was cut.
pub(super) fn vectors(arguments: &str) -> Vec<(Vec<u8>, bool)> {
    let (mut found, mut rest) = (Vec::new(), arguments);
    while let Some(at) = rest.find('"') {
        let (before, from) = rest.split_at(at);
        let Some((bytes, cut, behind)) = literal(from) else { break };
        if before.ends_with("iov_base=") {
            found.push((bytes, cut));
        }
        rest = behind;
    }
    found
}

/// An address such as `{sa_family=AF_INET, sin_port=htons(9000), sin_addr=inet_addr("127.0.0.1")}`.
pub(super) fn address(arguments: &str) -> Option<SocketAddr> {
    let text = arguments.get(arguments.find("sa_family=AF_INET")?..)?;
    let is_v6 = text.starts_with("sa_family=AF_INET6");
    let port = text.get(text.find("port=htons(")? + 11..)?;
    let port = u16::try_from(number(port)?).ok()?;
    let quoted = |marker: &str| {
        let behind = text.get(text.find(marker)? + marker.len()..)?;
        let (bytes, ..) = literal(behind)?;
        String::from_utf8(bytes).ok()
    };
    let ip: IpAddr = if is_v6 {
        quoted("inet_pton(AF_INET6, ")?.parse::<Ipv6Addr>().ok()?.into()
    } else {
        quoted("inet_addr(")?.parse::<Ipv4Addr>().ok()?.into()
    };
    Some(SocketAddr::new(ip, port))
}

/// What `-y` and `-yy` show of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DescriptorInfo {
    Tcp(Option<SocketAddr>, Option<SocketAddr>),
    Udp(Option<SocketAddr>, Option<SocketAddr>),
    /// A socket, and no more.
    Socket,
    /// A file, a pipe, something else.
    NoSocket,
}

impl DescriptorInfo {
    pub(super) fn read(text: &str) -> DescriptorInfo {
        let (kind, ends) = text.split_once(':').unwrap_or((text, ""));
        let ends = ends.strip_prefix('[').and_then(|ends| ends.strip_suffix(']')).unwrap_or(ends);
        let (local, peer) = ends.split_once("->").map_or((ends, None), |(local, peer)| (local, Some(peer)));
        let (local, peer) = (local.parse().ok(), peer.and_then(|peer| peer.parse().ok()));
        match kind {
            "TCP" | "TCPv6" => DescriptorInfo::Tcp(local, peer),
            "UDP" | "UDPv6" => DescriptorInfo::Udp(local, peer),
            "socket" | "UNIX" | "UNIX-STREAM" => DescriptorInfo::Socket,
            _ => DescriptorInfo::NoSocket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_distinguished_from_other_text() {
        let line = Line::read("[pid 13061] 15:04:36.890104 recvfrom(4,  <unfinished ...>").unwrap();
        assert_eq!((line.process, line.event), (Some(13_061), Event::Call("recvfrom(4,  <unfinished ...>")));
        let line = Line::read("13172 <... recvfrom resumed>\"\", 100, 0, NULL, NULL) = 0").unwrap();
        assert_eq!(line.event, Event::Resumed("\"\", 100, 0, NULL, NULL) = 0"));
        let line = Line::read("1795878278.098475 read(3, \"\", 1)                 = 0").unwrap();
        assert!(matches!(line.time, Some(When::At(Timestamp { is_absolute: true, .. }))));
        let line = Line::read("     0.000012 close(3)  = 0").unwrap();
        assert_eq!(line.time, Some(When::After(12_000)));
        assert_eq!(Line::read("+++ exited with 0 +++").unwrap().event, Event::Other);
        for text in ["hello", "a sentence (with this) = 1", "f(x)", "f(x) = y", "", "12 apples"] {
            assert_eq!(Line::read(text), None, "{text}");
        }
    }

    #[test]
    fn texts_are_read_as_strace_escapes_them() {
        let read = |text| literal(text).unwrap();
        assert_eq!(read(r#""\x01\x68i"..., 12"#), (b"\x01hi".to_vec(), true, ", 12"));
        assert_eq!(read(r#""a\"\\\n\0\33\3771", 1"#), (b"a\"\\\n\0\x1b\xff1".to_vec(), false, ", 1"));
        assert_eq!(read("\"\""), (vec![], false, ""));
        assert_eq!(literal("\"open"), None);
        assert_eq!(literal("\"\\"), None);
    }

    #[test]
    fn addresses_are_read_in_both_escapings() {
        let v4 = r#"{sa_family=AF_INET, sin_port=htons(9300), sin_addr=inet_addr("\x31\x32\x37\x2e\x30\x2e\x30\x2e\x31")}, 16"#;
        assert_eq!(address(v4), Some("127.0.0.1:9300".parse().unwrap()));
        let v6 = r#"{sa_family=AF_INET6, sin6_port=htons(9301), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr)}"#;
        assert_eq!(address(v6), Some("[::1]:9301".parse().unwrap()));
        assert_eq!(address("{sa_family=AF_UNIX}"), None);
        let ends =
            DescriptorInfo::Tcp(Some("127.0.0.1:1".parse().unwrap()), Some("127.0.0.1:2".parse().unwrap()));
        assert_eq!(DescriptorInfo::read("TCP:[127.0.0.1:1->127.0.0.1:2]"), ends);
        assert_eq!(DescriptorInfo::read("UDPv6:[19112]"), DescriptorInfo::Udp(None, None));
        assert_eq!(DescriptorInfo::read("/etc/hosts"), DescriptorInfo::NoSocket);
    }

    #[test]
    fn descriptors_are_read_with_what_strace_shows_of_them() {
        assert_eq!(descriptor("3, \"a\""), Some((3, None, ", \"a\"")));
        let (number, says, rest) = descriptor("5<TCP:[1.2.3.4:1->1.2.3.4:2]>, \"a\"").unwrap();
        assert_eq!((number, says, rest), (5, Some("TCP:[1.2.3.4:1->1.2.3.4:2]"), ", \"a\""));
        assert_eq!(descriptor("5<UDP:[7]>"), Some((5, Some("UDP:[7]"), "")));
        assert_eq!(descriptor("AT_FDCWD, \"x\""), None);
    }
}
