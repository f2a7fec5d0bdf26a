//! Captures in formats that are not read, recognised by how they begin, and how to convert them. Only where it is certain: by a
//! long magic, or by several consistent fields.

use pcap_file::Endianness;

use super::layout::u32_at;
use crate::UnsupportedFormat;

/// A format that is not read, and how to convert it.
#[derive(Clone, Copy)]
struct Format {
    /// Its name, with an article.
    name: &'static str,
    advice: Advice,
}

#[derive(Clone, Copy)]
enum Advice {
    /// Wireshark's editcap converts it.
    Editcap,
    /// The same, but it has no TCP or UDP in it.
    NoStreams(&'static str),
    /// Other sentences.
    Other(&'static str),
}

/// The format of a file of that name and how to convert it, if it begins like a capture in a format that is not read.
pub(crate) fn recognise(beginning: &[u8], name: &str, length: u64) -> Option<UnsupportedFormat> {
    let Format { name: format, advice } =
        binary(beginning).or_else(|| text(beginning)).or_else(|| chained(beginning, length))?;
    let file = shell_name(name);
    let advice = match advice {
        Advice::Editcap => {
            format!("`editcap -F pcapng {file} out.pcapng`, which comes with Wireshark, converts it")
        }
        Advice::NoStreams(frames) => format!(
            "it has {frames} in it and no TCP or UDP, so that there are no streams to show; `editcap -F pcapng {file} \
             out.pcapng` converts it for Wireshark"
        ),
        Advice::Other(advice) => advice.replace("FILE", &file),
    };
    Some(UnsupportedFormat { name: name.to_owned(), format, advice })
}

/// A file's name, quoted for a shell.
fn shell_name(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ',' | ':');
    match name {
        "standard input" => "FILE".to_owned(),
        _ if !name.is_empty() && name.chars().all(plain) => name.to_owned(),
        _ => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

const BLUETOOTH: Advice = Advice::NoStreams("Bluetooth packets");
const CAN: Advice = Advice::NoStreams("CAN frames");

fn binary(beginning: &[u8]) -> Option<Format> {
    const MAGICS: &[(&[u8], &str, Advice)] = &[
        (b"\xAA\xAA\xAA\xAA\x20\0\0\0", "a capture of InfoVista 5View", Advice::Editcap),
        (b"btsnoop\0", "a btsnoop log", BLUETOOTH),
        (b"XCP\0", "a capture of NetXRay or Sniffer for Windows", Advice::Editcap),
        (b"TRSNIFF data", "a capture of Sniffer for DOS", Advice::Editcap),
        (b"\x05VNF", "a capture of Visual Networks", Advice::Editcap),
        (b"iptrace 1.0", "a trace of AIX's iptrace", Advice::Editcap),
        (b"iptrace 2.0", "a trace of AIX's iptrace", Advice::Editcap),
        (
            b"ObserverPktBufferVersion",
            "a capture of Observer, by Network Instruments or Viavi",
            Advice::Editcap,
        ),
        (b"EyeSDN", "a trace of EyeSDN", Advice::NoStreams("ISDN frames")),
        (b"\0\0\x02\0\x12\x05\0\x10", "a Tektronix K12 rf5 recording", Advice::Editcap),
        (b"TR\0d\0", "a trace of HP-UX's nettl", Advice::Editcap),
        (b"\x7Fver", "a capture of EtherPeek or OmniPeek", Advice::Editcap),
        (b"LOGG\x90\0\0\0", "a Vector BLF log", Advice::NoStreams("frames of a vehicle's buses")),
    ];
    let by_magic = MAGICS.iter().find(|(magic, ..)| beginning.starts_with(magic));
    if let Some(&(_, name, advice)) = by_magic {
        return Some(Format { name, advice });
    }
    // A record of type 0x1001, its length, a version, a text.
    if beginning.starts_with(&[0x01, 0x10]) && beginning.get(6..28) == Some(b"Trace Display Trace Fi") {
        return Some(Format { name: "a capture of Novell LANalyzer", advice: Advice::Editcap });
    }
    // A buffer's header, then the event that every such file begins with: version, width, flags.
    let is_etl = matches!(beginning.get(72..76), Some([1 | 2, 0, 1 | 2, 0xC0]))
        && u32_at(beginning, 0, Endianness::Little)
            .is_some_and(|size| size >= 1024 && size.is_multiple_of(1024));
    is_etl.then_some(Format {
        name: "a Windows event trace (ETL), as pktmon and netsh trace write",
        advice: Advice::Other(
            "`pktmon etl2pcap FILE --out out.pcapng` on Windows, or Microsoft's `etl2pcapng FILE out.pcapng`, \
             converts it",
        ),
    })
}

/// The part of a file in which the formats that are text are recognised.
const TEXT_BEGINNING: usize = 64 << 10;

/// What converts tshark's output that is not a capture.
const TSHARK: Advice = Advice::Other(
    "`tshark -r CAPTURE -w out.pcapng` writes the packets themselves to a capture that can be read",
);

fn text(beginning: &[u8]) -> Option<Format> {
    let text = beginning.get(..beginning.len().min(TEXT_BEGINNING)).unwrap_or_default();
    text_log(text).or_else(|| structured_text(text))
}

/// Logs of lines.
fn text_log(text: &[u8]) -> Option<Format> {
    let lines = || text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let known = |name, advice| Some(Format { name, advice });
    if text.starts_with(b"+---------+---------------+----------+") {
        return known("a K12 text file", Advice::Editcap);
    }
    if text.starts_with(b"Session Transcript") && lines().nth(1).is_some() {
        return known("a Catapult DCT2000 trace", Advice::Editcap);
    }
    if text.starts_with(b"#Format=4") && lines().nth(1).is_some_and(|line| line.starts_with(b"# SNA")) {
        let advice = Advice::NoStreams("IEEE 802.15.4 frames");
        return known("a trace of Daintree's Sensor Network Analyzer", advice);
    }
    if text.starts_with(b";$FILEVERSION=") {
        return known("a PEAK CAN trace (TRC)", CAN);
    }
    if text.starts_with(b"***BUSMASTER") {
        return known("a log of BUSMASTER", CAN);
    }
    let mut first = lines().filter(|line| !line.is_empty()).take(8).peekable();
    if first.peek().is_some() && first.all(is_candump) && lines().next().is_some_and(is_candump) {
        return known("a log of candump", CAN);
    }
    None
}

/// JSON, XML and the like.
fn structured_text(text: &[u8]) -> Option<Format> {
    let start = text.trim_ascii_start();
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    let known = |name, advice| Some(Format { name, advice });
    if start.starts_with(b"{")
        && begins_with_key(start, b"\"log\"")
        && has(b"\"entries\"")
        && has(b"\"version\"")
    {
        let advice = "what went over the wire is not in it. Record the traffic itself, for example with `tcpdump -w \
                      out.pcap`, and open that";
        return known("a HAR file, a browser's record of its HTTP requests", Advice::Other(advice));
    }
    if start.starts_with(b"[") && has(b"\"_source\"") && has(b"\"layers\"") {
        return known("what tshark prints as JSON", TSHARK);
    }
    if start.starts_with(b"<?xml") && (has(b"<pdml") || has(b"<psml")) {
        return known("what tshark prints as PDML or PSML", TSHARK);
    }
    if is_mitmproxy(text) {
        let advice = "it has requests and replies as mitmproxy decoded them, and no packets. Record with `tcpdump -w out.pcap` \
                      beside mitmproxy, or write the bytes of one flow with its command `export.file raw @focus out.bin` and \
                      open those";
        return known("a dump of mitmproxy", Advice::Other(advice));
    }
    None
}

/// Whether an object of JSON begins with that key.
fn begins_with_key(text: &[u8], key: &[u8]) -> bool {
    let inside = text.strip_prefix(b"{").unwrap_or_default().trim_ascii_start();
    inside.strip_prefix(key).is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
}

/// A line such as `(1436509052.249713) vcan0 044#2A366C2BBA`.
fn is_candump(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let mut words = line.split_ascii_whitespace();
    let (Some(time), Some(_), Some(frame)) = (words.next(), words.next(), words.next()) else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let timed =
        time.strip_prefix('(').and_then(|time| time.strip_suffix(')')).and_then(|time| time.split_once('.'));
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let framed = frame.split_once('#').is_some_and(|(id, data)| {
        let data = data.strip_prefix('#').unwrap_or(data);
        matches!(id.len(), 3 | 8) && hex(id) && (hex(data) || data.starts_with('R'))
    });
    // Some logs have the direction after the frame.
    timed.is_some_and(|(seconds, fraction)| number(seconds) && number(fraction))
        && framed
        && words.next().is_none_or(|word| matches!(word, "R" | "T"))
}

/// A typed netstring, `LENGTH:...}`, that begins with a key.
fn is_mitmproxy(bytes: &[u8]) -> bool {
    let netstring = |bytes: &[u8]| {
        let digits = bytes.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let length: usize = std::str::from_utf8(bytes.get(..digits)?).ok()?.parse().ok()?;
        (bytes.get(digits) == Some(&b':')).then_some((digits + 1, length))
    };
    let inner = || {
        let (at, length) = netstring(bytes)?;
        let closed = bytes.get(at.checked_add(length)?).is_none_or(|&byte| byte == b'}');
        let inner = bytes.get(at..)?;
        let (key_at, key_length) = netstring(inner)?;
        let key = inner.get(key_at..key_at.checked_add(key_length)?)?;
        let is_key = !key.is_empty() && key.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
        (closed && is_key && matches!(inner.get(key_at + key_length), Some(b';' | b',')))
            .then(|| {
                memchr::memmem::find(inner, b":client_conn;")
                    .or(memchr::memmem::find(inner, b":client_conn,"))
            })
            .flatten()
    };
    inner().is_some()
}

/// Apple's PacketLogger has no magic: it is recognised by consecutive records with plausible lengths, times and types.
fn chained(beginning: &[u8], length: u64) -> Option<Format> {
    let follows = |order: Endianness| {
        let (mut at, mut last) = (0, None::<u32>);
        for records in 0..16 {
            if records >= 3 && at as u64 == length {
                return Some(());
            }
            let field = |offset: usize| u32_at(beginning, at + offset, order);
            let (Some(size), Some(second), Some(microsecond)) = (field(0), field(4), field(8)) else {
                return None;
            };
            let fits = (9..=65_536).contains(&size)
                && microsecond < 1_000_000
                && second > 0
                && last.is_none_or(|last| second >= last && second - last < 86_400)
                && matches!(beginning.get(at + 12), Some(0..=3 | 8..=11 | 0xFB..=0xFF));
            if !fits {
                return None;
            }
            last = Some(second);
            at += 4 + size as usize;
        }
        Some(())
    };
    let is_one = follows(Endianness::Big).or_else(|| follows(Endianness::Little));
    is_one.map(|()| Format { name: "a log of Apple's PacketLogger", advice: BLUETOOTH })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(bytes: &[u8]) -> Option<String> {
        recognise(bytes, "it", bytes.len() as u64).map(|unsupported| unsupported.to_string())
    }

    #[test]
    fn each_format_is_named_with_its_conversion() {
        let mut etl = vec![0; 200];
        etl[1] = 0x10;
        etl[72..76].copy_from_slice(&[2, 0, 2, 0xC0]);
        let log = b"\0\0\0\x0c\x4a\0\0\0\0\0\0\x01\x01abc".repeat(4);
        let known: [(&[u8], &str, &str); 12] = [
            (b"\xAA\xAA\xAA\xAA\x20\0\0\0\0", "5View", "`editcap -F pcapng it out.pcapng`"),
            (b"XCP\x00002.001", "NetXRay", "editcap"),
            (b"TRSNIFF data    \x1a", "Sniffer for DOS", "editcap"),
            (b"ObserverPktBufferVersion=15.00", "Observer", "editcap"),
            (b"+---------+---------------+----------+\r\n", "K12 text", "editcap"),
            (b"btsnoop\0\0\0\0\x01", "btsnoop", "no streams to show"),
            (b"(1436509052.249713) vcan0 044#2A366C2BBA\n", "candump", "CAN frames"),
            (b"{\n \"log\": {\"version\": \"1.2\", \"entries\": []}}", "HAR", "Record the traffic itself"),
            (b"[\n{\"_source\": {\"layers\": {}}}]", "tshark prints as JSON", "-w out.pcapng"),
            (b"29:11:client_conn;1:1#4:type;0:~}", "mitmproxy", "export.file raw"),
            (&etl, "ETL", "pktmon etl2pcap it --out out.pcapng"),
            (&log, "PacketLogger", "Bluetooth"),
        ];
        for (bytes, name, advice) in known {
            let sentence = sentence(bytes).unwrap_or_else(|| panic!("{name} is not recognised"));
            assert!(
                sentence.contains(name)
                    && sentence.contains(advice)
                    && sentence.contains("--as file=PROTOCOL"),
                "{sentence}"
            );
        }
    }

    #[test]
    fn similar_beginnings_are_not_recognised() {
        for bytes in [
            &b"XCPq"[..],
            b"LOGG in now",
            b"{\"login\": \"ada\", \"entries\": 3, \"version\": 1}",
            b"{\"log\": \"ada was here\"}",
            b"(12) a message # 044",
            b"(1436509052.249713) vcan0 044#2A366C2BBA\nand then text\n",
            b"12:5:hello;",
            b"\0\0\0\x0c\x4a\0\0\0\0\0\0\x01\x01abc",
            b"",
        ] {
            assert_eq!(sentence(bytes), None);
        }
    }

    #[test]
    fn a_command_can_be_pasted() {
        assert_eq!(shell_name("/tmp/a-b_1.enc"), "/tmp/a-b_1.enc");
        assert_eq!(shell_name("it's here"), r"'it'\''s here'");
        assert_eq!(shell_name("standard input"), "FILE");
    }
}
