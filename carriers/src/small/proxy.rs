//! The header of the PROXY protocol, versions 1 and 2: who really opened the connection. It knows no stream.
//!
//! ```text
//! 1  PROXY TCP4|TCP6|UNKNOWN [source destination source-port destination-port] CR LF
//! 2  0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a, version(4 bits) command(4) family(4) transport(4) length(2)
//!    addresses  IPv4 4+4+2+2, IPv6 16+16+2+2, UNIX 108+108
//!    TLVs       type(1) length(2) value
//! ```
//!
//! Source: the specification of haproxy, proxy-protocol.txt.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use framescope_parser::{
    Code, CodeDomain, CodeInfo, Dissection, Error, Input, Kind, Severity, Step, Value, Visit,
};

use super::fields::{Fields, big_endian};
use super::proxy_tlvs::{TLVS, checksum, encode_tlv, tlvs};
use super::staged::{byte_of, message, not_writable, number_of, short_of, sized};
use crate::at_least_one;

pub(super) static CODES: CodeDomain = CodeDomain::new(
    "proxy",
    &[
        CodeInfo {
            name: "bad-address",
            severity: Severity::Error,
            meaning: "An address or a port of the header is not one.",
            usual_cause: "The header was written by hand, or has an address of the other family.",
            what_to_do: "Write addresses as the family says: dotted numbers for TCP4, hexadecimal groups for TCP6, ports up to 65535.",
        },
        CodeInfo {
            name: "header-absent",
            severity: Severity::Warning,
            meaning: "The connection does not begin with a PROXY header.",
            usual_cause: "The connection does not come from the proxy, or the proxy is not set up to send the header.",
            what_to_do: "Let the receiver refuse connections without a header: whoever reaches it directly could claim any address.",
        },
    ],
);
const BAD_ADDRESS: Code = CODES.code(0);
pub(super) const HEADER_ABSENT: Code = CODES.code(1);

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const TEXT: &[u8; 6] = b"PROXY ";
/// The longest header of version 1, with its line break.
const LONGEST_TEXT: usize = 107;

/// The fields of a header.
pub(super) const FIELDS: [&str; 36] = [
    "signature",
    "version",
    "command",
    "family",
    "transport",
    "length",
    "protocol",
    "source",
    "source_port",
    "destination",
    "destination_port",
    "alpn",
    "authority",
    "crc32c",
    "noop",
    "unique_id",
    "netns",
    "ssl",
    "ssl.client",
    "ssl.verify",
    "ssl.version",
    "ssl.common_name",
    "ssl.cipher",
    "ssl.signature_algorithm",
    "ssl.key_algorithm",
    "ssl.tlv",
    "ssl.tlv.type",
    "ssl.tlv.value",
    "tlv",
    "tlv.type",
    "tlv.value",
    "rest",
    "text",
    "data",
    "end",
    "addresses",
];

/// Whether these bytes may be the beginning of a header.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(byte, expected)| byte == expected);
    begins(SIGNATURE) || begins(TEXT) && text_length(bytes) != Some(None)
}

/// Whether they are surely one.
pub(super) fn is_certain(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
        || [&b"PROXY TCP4 "[..], b"PROXY TCP6 ", b"PROXY UNKNOWN"]
            .iter()
            .any(|begin| bytes.starts_with(begin))
}

/// The length of a header of version 1: Some(None) if it has no end, None if more bytes are needed.
fn text_length(bytes: &[u8]) -> Option<Option<usize>> {
    let part = bytes.get(..LONGEST_TEXT).unwrap_or(bytes);
    match memchr::memmem::find(part, b"\r\n") {
        Some(at) => Some(Some(at + 2)),
        None => (part.len() == LONGEST_TEXT).then_some(None),
    }
}

pub(super) fn next(input: Input<'_>) -> Step {
    let bytes = input.bytes;
    if !may_begin(bytes) {
        return Step::Skipped(at_least_one(bytes.len()), Code::NotAFrame);
    }
    if bytes.first() == TEXT.first() {
        return match text_length(bytes) {
            Some(Some(length)) => message(length),
            _ if input.last => Step::Partial(at_least_one(bytes.len())),
            _ => Step::NeedMore(at_least_one(1)),
        };
    }
    match bytes.get(14..16) {
        Some(length) => sized(input, 16 + usize::try_from(big_endian(length)).unwrap_or(0)),
        None => sized(input, 16),
    }
}

/// What a header says.
#[derive(Default)]
pub(super) struct Said {
    pub(super) source: Option<String>,
    pub(super) destination: Option<String>,
    pub(super) alpn: Option<String>,
    pub(super) authority: Option<String>,
}

/// What the carrier makes known of what follows a header.
pub(super) fn said(header: &[u8]) -> Said {
    let mut dissection = Dissection::default();
    dissect(header, &mut dissection);
    let text = |name| match &dissection.field(name)?.value {
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    };
    let place = |address, port| {
        let address = text(address)?;
        let port = dissection.field(port).and_then(|field| field.value.as_u64());
        Some(match port {
            Some(port) if address.contains(':') => format!("[{address}]:{port}"),
            Some(port) => format!("{address}:{port}"),
            None => address,
        })
    };
    Said {
        source: place("source", "source_port"),
        destination: place("destination", "destination_port"),
        alpn: text("alpn"),
        authority: text("authority"),
    }
}

pub(super) fn dissect<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    match bytes.starts_with(TEXT) {
        true => dissect_text(bytes, visit),
        false => {
            binary_fields(&mut Fields::of(bytes, visit));
        }
    }
}

fn dissect_text<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    let line = bytes.strip_suffix(b"\r\n").unwrap_or(bytes);
    let mut words = Vec::new();
    let mut start = 0;
    for word in line.split(|&byte| byte == b' ') {
        words.push((start..start + word.len(), word));
        start += word.len() + 1;
    }
    let protocol = words.get(1).map_or(&b""[..], |(_, word)| word);
    let is_known = protocol != b"UNKNOWN";
    visit.kind(Kind::new(if is_known { 1 } else { 2 }, Some(if is_known { "PROXY" } else { "UNKNOWN" })));
    let names = ["text", "protocol", "source", "destination", "source_port", "destination_port"];
    for (name, (range, word)) in names.into_iter().zip(&words) {
        let text = str::from_utf8(word).unwrap_or_default();
        let (value, is_valid) = match name {
            "source_port" | "destination_port" => match text.parse::<u16>() {
                Ok(port) => (Value::Unsigned(port.into()), true),
                Err(_) => (Value::utf8(word), false),
            },
            "source" | "destination" => {
                let is_valid = match protocol {
                    b"TCP4" => text.parse::<Ipv4Addr>().is_ok(),
                    b"TCP6" => text.parse::<Ipv6Addr>().is_ok(),
                    _ => true,
                };
                (Value::utf8(word), is_valid)
            }
            _ => (Value::utf8(word), true),
        };
        visit.field(name, range.clone(), value);
        if is_known && !is_valid {
            let protocol = String::from_utf8_lossy(protocol);
            visit.problem(
                BAD_ADDRESS,
                range.clone(),
                format_args!("the {name} {text:?} is none of {protocol}"),
            );
        }
    }
    if is_known && words.len() != names.len() && line.len() < bytes.len() {
        let text = format_args!("the header has {} words, and six belong there", words.len());
        visit.problem(BAD_ADDRESS, 0..bytes.len(), text);
    }
    let word = |at: usize| words.get(at).map_or(Cow::Borrowed(""), |(_, word)| String::from_utf8_lossy(word));
    match is_known {
        true => {
            let place = |address: usize, port: usize| match word(address) {
                address if address.contains(':') => format!("[{address}]:{}", word(port)),
                address => format!("{address}:{}", word(port)),
            };
            visit.summary(format_args!("{} to {}", place(2, 4), place(3, 5)));
        }
        false => visit.summary(format_args!("a connection of unknown origin")),
    }
}

fn family_name(family: u8) -> Option<&'static str> {
    ["UNSPEC", "INET", "INET6", "UNIX"].get(usize::from(family)).copied()
}

fn transport_name(transport: u8) -> Option<&'static str> {
    ["UNSPEC", "STREAM", "DGRAM"].get(usize::from(transport)).copied()
}

fn binary_fields<'a>(fields: &mut Fields<'a, '_>) -> Option<()> {
    fields.bytes("signature", SIGNATURE.len())?;
    let (bytes, range) = fields.take(1)?;
    let &kinds = bytes.first()?;
    let command = kinds & 15;
    let name = match command {
        0 => Some("LOCAL"),
        1 => Some("PROXY"),
        _ => None,
    };
    fields.visit.kind(Kind::new(command.into(), name));
    fields.visit.field("version", range.clone(), Value::Unsigned(u64::from(kinds >> 4)));
    fields.visit.field("command", range.clone(), Value::Enum(Kind::new(command.into(), name)));
    if kinds >> 4 != 2 {
        let version = kinds >> 4;
        fields.visit.problem(
            Code::UnknownVersion,
            range,
            format_args!("version {version} is unknown here; it is read as 2"),
        );
    }
    let (bytes, range) = fields.take(1)?;
    let &family = bytes.first()?;
    let (family, transport) = (family >> 4, family & 15);
    fields.visit.field("family", range.clone(), Value::Enum(Kind::new(family.into(), family_name(family))));
    fields.visit.field(
        "transport",
        range,
        Value::Enum(Kind::new(transport.into(), transport_name(transport))),
    );
    let length = usize::try_from(fields.number("length", 2)?).ok()?;
    addresses(fields, (command, family), length)?;
    tlvs(fields, fields.bytes.len(), &TLVS);
    Some(())
}

/// The addresses and ports, and the summary.
fn addresses(fields: &mut Fields<'_, '_>, (command, family): (u8, u8), length: usize) -> Option<()> {
    let size = match family {
        1 => 4,
        2 => 16,
        3 => 108,
        _ => 0,
    };
    let ports = if size == 108 { 0 } else { 2 };
    if size > 0 && length < 2 * (size + ports) {
        let begin = fields.at;
        let left = fields.left();
        fields.bytes("addresses", left);
        let text = format_args!("{length} bytes are too few for two addresses of this family");
        fields.visit.problem(Code::PayloadOverrun, begin..begin + left, text);
        return None;
    }
    let mut places = [String::new(), String::new()];
    for (name, place) in ["source", "destination"].into_iter().zip(&mut places) {
        if size > 0 {
            let (bytes, range) = fields.take(size)?;
            *place = address(bytes);
            fields.visit.field(name, range, Value::Text(Cow::Owned(place.clone())));
        }
    }
    if size > 0 && ports > 0 {
        for (name, place) in ["source_port", "destination_port"].into_iter().zip(&mut places) {
            let port = fields.number(name, 2)?;
            *place = if size == 16 { format!("[{place}]:{port}") } else { format!("{place}:{port}") };
        }
    }
    let [source, destination] = places;
    match (command, size) {
        (0, _) => fields.visit.summary(format_args!("a connection of the proxy itself")),
        (_, 0) => fields.visit.summary(format_args!("a connection of unknown origin")),
        _ => fields.visit.summary(format_args!("{source} to {destination}")),
    }
    Some(())
}

fn address(bytes: &[u8]) -> String {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        IpAddr::from(bytes).to_string()
    } else if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
        IpAddr::from(bytes).to_string()
    } else {
        let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
        // A name without a file begins with a zero.
        let shown = if end == 0 { bytes.get(1..).unwrap_or_default() } else { bytes };
        let shown = shown.split(|&byte| byte == 0).next().unwrap_or_default();
        format!("{}{}", if end == 0 && !shown.is_empty() { "@" } else { "" }, String::from_utf8_lossy(shown))
    }
}

/// The bytes of a header. Lengths and the checksum are derived.
pub(super) fn encode(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    if message.field("protocol").is_some() {
        return encode_text(message, out);
    }
    let begin = out.len();
    let (family, transport) = (byte_of(message, "family")?, byte_of(message, "transport")?);
    out.extend_from_slice(SIGNATURE);
    let version = message.field("version").and_then(|field| field.value.as_u64()).unwrap_or(2);
    out.push(u8::try_from(version & 15).unwrap_or(2) << 4 | byte_of(message, "command")? & 15);
    out.push((family & 15) << 4 | transport & 15);
    out.extend_from_slice(&[0, 0]);
    for name in ["source", "destination"].into_iter().filter(|_| (1..=3).contains(&family)) {
        encode_address(message, name, family, out)?;
    }
    for name in ["source_port", "destination_port"].into_iter().filter(|_| matches!(family, 1 | 2)) {
        out.extend_from_slice(&short_of(message, name)?.to_be_bytes());
    }
    let mut check = None;
    for field in &message.fields {
        if field.name == "crc32c" {
            check = Some(out.len() + 3);
        }
        encode_tlv(field, &TLVS, out)?;
    }
    let length = out.len().saturating_sub(begin + 16);
    let length =
        u16::try_from(length).map_err(|_| not_writable("length", "the header is longer than 65535 bytes"))?;
    if let Some(place) = out.get_mut(begin + 14..begin + 16) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    if let Some(at) = check {
        let computed = checksum(out.get(begin..).unwrap_or_default(), at - begin, 4);
        if let Some(place) = out.get_mut(at..at + 4) {
            place.copy_from_slice(&computed.to_be_bytes());
        }
    }
    Ok(())
}

fn encode_address(
    message: &Dissection<'_>,
    name: &'static str,
    family: u8,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let text = super::staged::bytes_of(message, name)?;
    let text = str::from_utf8(text).unwrap_or_default();
    let wrong = || {
        not_writable(
            name,
            format!("{text:?} is no address of the family {}", family_name(family).unwrap_or_default()),
        )
    };
    match family {
        1 => out.extend_from_slice(&text.parse::<Ipv4Addr>().map_err(|_| wrong())?.octets()),
        2 => out.extend_from_slice(&text.parse::<Ipv6Addr>().map_err(|_| wrong())?.octets()),
        _ => {
            let mut path = text.as_bytes().to_vec();
            if let Some(first) = path.first_mut().filter(|first| **first == b'@') {
                *first = 0;
            }
            if path.len() > 108 {
                return Err(wrong());
            }
            path.resize(108, 0);
            out.extend_from_slice(&path);
        }
    }
    Ok(())
}

fn encode_text(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let text = |name| super::staged::bytes_of(message, name).map(String::from_utf8_lossy);
    let protocol = text("protocol")?;
    let mut line = format!("PROXY {protocol}");
    if let (Ok(source), Ok(destination)) = (text("source"), text("destination")) {
        let (from, to) = (number_of(message, "source_port")?, number_of(message, "destination_port")?);
        line = format!("{line} {source} {destination} {from} {to}");
    }
    line.push_str("\r\n");
    if line.len() > LONGEST_TEXT {
        return Err(not_writable("source", "the header is longer than 107 bytes"));
    }
    out.extend_from_slice(line.as_bytes());
    Ok(())
}
