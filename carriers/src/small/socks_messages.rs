//! The messages of SOCKS 4, 4a and 5 before the tunnel. It knows no stream.
//!
//! ```text
//! 5  greeting  05 count methods              choice  05 method                      RFC 1928
//!    login     01 length user length password  status  01 status                    RFC 1929
//!    request   05 command 00 address port    reply   05 reply 00 address port
//!    address   01 4 bytes, 03 length name, 04 16 bytes
//! 4  request   04 command port(2) address(4) user 00 [name 00, if the address is 0.0.0.x]
//!    reply     00 reply port(2) address(4)
//! ```

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use framescope_parser::{Code, Dissection, Error, Input, Kind, Step, Value, Visit};

use super::fields::Fields;
use super::staged::{byte_length, byte_of, bytes_of, message, not_writable, plural, short_of, sized};
use crate::at_least_one;

pub(super) const FIELDS: [&str; 16] = [
    "version",
    "method_count",
    "methods",
    "methods.method",
    "method",
    "user",
    "password",
    "status",
    "command",
    "reserved",
    "address_type",
    "address",
    "port",
    "reply",
    "name",
    "data",
];
pub(super) const KINDS: [&str; 7] = ["GREETING", "METHOD", "LOGIN", "STATUS", "REQUEST", "REPLY", "TUNNEL"];

/// The longest user or name of version 4, which end with a zero.
const LONGEST_TEXT: usize = 512;

pub(super) const CONNECT: u8 = 1;
pub(super) const BIND: u8 = 2;
pub(super) const NO_METHOD: u8 = 255;

fn kind<'a>(number: u64, visit: &mut dyn Visit<'a>) {
    visit.kind(Kind::new(number, usize::try_from(number).ok().and_then(|number| KINDS.get(number).copied())));
}

fn method_name(method: u8) -> Option<&'static str> {
    match method {
        0 => Some("NO_AUTHENTICATION"),
        1 => Some("GSSAPI"),
        2 => Some("USER_PASSWORD"),
        3 => Some("CHAP"),
        5 => Some("CHALLENGE_RESPONSE"),
        6 => Some("TLS"),
        NO_METHOD => Some("NO_ACCEPTABLE_METHOD"),
        _ => None,
    }
}

fn command_name(command: u8) -> Option<&'static str> {
    match command {
        CONNECT => Some("CONNECT"),
        BIND => Some("BIND"),
        3 => Some("UDP_ASSOCIATE"),
        0xf0 => Some("TOR_RESOLVE"),
        0xf1 => Some("TOR_RESOLVE_PTR"),
        _ => None,
    }
}

fn reply_name(reply: u8) -> Option<&'static str> {
    const NAMES: [&str; 9] = [
        "SUCCEEDED",
        "GENERAL_FAILURE",
        "NOT_ALLOWED",
        "NETWORK_UNREACHABLE",
        "HOST_UNREACHABLE",
        "CONNECTION_REFUSED",
        "TTL_EXPIRED",
        "COMMAND_NOT_SUPPORTED",
        "ADDRESS_TYPE_NOT_SUPPORTED",
    ];
    NAMES.get(usize::from(reply)).copied()
}

fn reply_name_4(reply: u8) -> Option<&'static str> {
    match reply {
        0x5a => Some("GRANTED"),
        0x5b => Some("REJECTED"),
        0x5c => Some("NO_IDENTD"),
        0x5d => Some("OTHER_USER"),
        _ => None,
    }
}

fn address_type_name(address_type: u8) -> Option<&'static str> {
    match address_type {
        1 => Some("IPV4"),
        3 => Some("NAME"),
        4 => Some("IPV6"),
        _ => None,
    }
}

/// The first message of a client: a greeting, or a request of version 4.
pub(super) fn next_first(input: Input<'_>) -> Step {
    let bytes = input.bytes;
    match (bytes.first(), bytes.get(1)) {
        (Some(4), _) => next_request_4(input),
        (_, Some(&count)) => sized(input, 2 + usize::from(count)),
        _ => sized(input, 2),
    }
}

fn next_request_4(input: Input<'_>) -> Step {
    let bytes = input.bytes;
    let Some(head) = bytes.get(..8) else { return sized(input, 8) };
    let end = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        memchr::memchr(0, rest.get(..LONGEST_TEXT).unwrap_or(rest)).map(|at| from + at + 1)
    };
    let has_name = matches!(*head, [_, _, _, _, 0, 0, 0, last] if last != 0);
    let length = end(8).and_then(|length| if has_name { end(length) } else { Some(length) });
    match length {
        Some(length) => message(length),
        None if bytes.len() > 8 + 2 * LONGEST_TEXT => {
            Step::Skipped(at_least_one(bytes.len()), Code::NotAFrame)
        }
        None if input.last => Step::Partial(at_least_one(bytes.len())),
        None => Step::NeedMore(at_least_one(1)),
    }
}

pub(super) fn next_login(input: Input<'_>) -> Step {
    let length = |at: usize| input.bytes.get(at).map(|&length| usize::from(length));
    match length(1).map(|user| (user, length(2 + user))) {
        Some((user, Some(password))) => sized(input, 3 + user + password),
        Some((user, None)) => sized(input, 3 + user),
        None => sized(input, 3),
    }
}

/// A request or a reply of version 5.
pub(super) fn next_request(input: Input<'_>) -> Step {
    let address = match (input.bytes.get(3), input.bytes.get(4)) {
        (Some(1), _) => 4,
        (Some(4), _) => 16,
        (Some(3), Some(&length)) => 1 + usize::from(length),
        (Some(3) | None, None) => return sized(input, 5),
        _ => return Step::Skipped(at_least_one(input.bytes.len()), Code::NotAFrame),
    };
    sized(input, 6 + address)
}

pub(super) fn dissect_first<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    if bytes.first() == Some(&4) {
        kind(4, visit);
        request_4(&mut Fields::of(bytes, visit));
        return;
    }
    kind(0, visit);
    let mut fields = Fields::of(bytes, visit);
    fields.number("version", 1);
    let Some(count) = fields.number("method_count", 1) else { return };
    let begin = fields.at;
    fields.visit.begin("methods", begin..bytes.len(), Value::Group);
    let mut names = Vec::new();
    for _ in 0..count {
        let Some(method) = fields.named("method", method_name) else { break };
        names.push(method_name(method).map_or_else(|| format!("{method:#04x}"), str::to_owned));
    }
    fields.visit.end();
    visit.summary(format_args!("{} method{}: {}", names.len(), plural(names.len()), names.join(", ")));
}

fn request_4(fields: &mut Fields<'_, '_>) -> Option<()> {
    fields.number("version", 1)?;
    let command = fields.named("command", command_name)?;
    let port = fields.number("port", 2)?;
    let address = address(fields, 4)?;
    let text = |fields: &mut Fields<'_, '_>, name| {
        let length = memchr::memchr(0, fields.bytes.get(fields.at..)?)?;
        let text = fields.text(name, length)?;
        fields.take(1)?;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    text(fields, "user")?;
    let name = text(fields, "name").unwrap_or(address);
    let command = command_name(command).unwrap_or("unknown command");
    fields.visit.summary(format_args!("{command} {name}:{port}"));
    Some(())
}

fn address(fields: &mut Fields<'_, '_>, length: usize) -> Option<String> {
    let (bytes, range) = fields.take(length)?;
    let address = match <[u8; 4]>::try_from(bytes) {
        Ok(four) => IpAddr::from(four),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
    };
    fields.visit.field("address", range, Value::Text(Cow::Owned(address.to_string())));
    Some(address.to_string())
}

pub(super) fn dissect_choice<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    kind(1, visit);
    let mut fields = Fields::of(bytes, visit);
    fields.number("version", 1);
    if let Some(method) = fields.named("method", method_name) {
        match method_name(method) {
            Some(name) => visit.summary(format_args!("{name}")),
            None => visit.summary(format_args!("method {method:#04x}")),
        }
    }
}

pub(super) fn dissect_login<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    kind(2, visit);
    let mut fields = Fields::of(bytes, visit);
    fields.number("version", 1);
    for name in ["user", "password"] {
        let Some((length, _)) = fields.take(1) else { return };
        let length = length.first().map_or(0, |&length| usize::from(length));
        let Some(text) = fields.text(name, length) else { return };
        if name == "user" {
            fields.visit.summary(format_args!("user {}", String::from_utf8_lossy(text)));
        }
    }
}

pub(super) fn dissect_status<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    kind(3, visit);
    let mut fields = Fields::of(bytes, visit);
    fields.number("version", 1);
    if let Some(status) =
        fields.named("status", |status| Some(if status == 0 { "SUCCESS" } else { "FAILURE" }))
    {
        visit.summary(format_args!(
            "{}",
            if status == 0 { "the user is accepted" } else { "the user is refused" }
        ));
    }
}

pub(super) fn dissect_request<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    kind(4, visit);
    request_or_reply(&mut Fields::of(bytes, visit), "command", command_name);
}

pub(super) fn dissect_reply<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    kind(5, visit);
    request_or_reply(&mut Fields::of(bytes, visit), "reply", reply_name);
}

fn request_or_reply(
    fields: &mut Fields<'_, '_>,
    what: &'static str,
    known: fn(u8) -> Option<&'static str>,
) -> Option<()> {
    fields.number("version", 1)?;
    let number = fields.named(what, known)?;
    fields.number("reserved", 1)?;
    let address = match fields.named("address_type", address_type_name)? {
        1 => address(fields, 4)?,
        4 => format!("[{}]", address(fields, 16)?),
        _ => {
            let length = usize::from(*fields.take(1)?.0.first()?);
            String::from_utf8_lossy(fields.text("address", length)?).into_owned()
        }
    };
    let port = fields.number("port", 2)?;
    match known(number) {
        Some(name) => fields.visit.summary(format_args!("{name} {address}:{port}")),
        None => fields.visit.summary(format_args!("{what} {number:#04x} {address}:{port}")),
    }
    Some(())
}

pub(super) fn dissect_reply_4<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    kind(5, visit);
    let mut fields = Fields::of(bytes, visit);
    fields.number("version", 1);
    let reply = fields.named("reply", reply_name_4);
    fields.number("port", 2);
    address(&mut fields, 4);
    match reply.and_then(reply_name_4) {
        Some(name) => visit.summary(format_args!("{name}")),
        None => visit.summary(format_args!("reply {:#04x}", reply.unwrap_or_default())),
    }
}

/// What is asked for, and of which place.
pub(super) fn target(request: &[u8]) -> Option<(u8, String)> {
    let mut shown = Dissection::default();
    match request.first() {
        Some(4) => dissect_first(request, &mut shown),
        _ => dissect_request(request, &mut shown),
    }
    let text = |name| shown.field(name).and_then(|field| field.value.as_bytes()).map(String::from_utf8_lossy);
    let port = shown.field("port")?.value.as_u64()?;
    let host = text("name").or_else(|| text("address"))?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.into_owned() };
    Some((*request.get(1)?, format!("{host}:{port}")))
}

pub(super) fn encode_first(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    if message.field("methods").is_none() {
        return encode_request_4(message, out);
    }
    let fields = message.field("methods").map_or(&[][..], |methods| &methods.fields);
    let method = |field: &framescope_parser::Field<'_>| {
        field.value.as_u64().and_then(|method| u8::try_from(method).ok())
    };
    let methods: Vec<u8> = fields.iter().filter_map(method).collect();
    out.extend_from_slice(&[byte_of(message, "version")?, byte_length(&methods, "methods")?]);
    out.extend_from_slice(&methods);
    Ok(())
}

fn encode_request_4(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(&[byte_of(message, "version")?, byte_of(message, "command")?]);
    encode_place_4(message, out)?;
    for (at, name) in ["user", "name"].into_iter().enumerate() {
        match bytes_of(message, name) {
            Ok(text) if text.contains(&0) => return Err(not_writable(name, "it has a zero in it")),
            Ok(text) => out.extend_from_slice(text),
            Err(_) if at == 1 => break,
            Err(error) => return Err(error),
        }
        out.push(0);
    }
    Ok(())
}

fn encode_place_4(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(&short_of(message, "port")?.to_be_bytes());
    let address = str::from_utf8(bytes_of(message, "address")?).unwrap_or_default();
    let address: Ipv4Addr = address.parse().map_err(|_| not_writable("address", "it is no IPv4 address"))?;
    out.extend_from_slice(&address.octets());
    Ok(())
}

pub(super) fn encode_choice(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(&[byte_of(message, "version")?, byte_of(message, "method")?]);
    Ok(())
}

pub(super) fn encode_login(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.push(byte_of(message, "version")?);
    for name in ["user", "password"] {
        let text = bytes_of(message, name)?;
        out.push(byte_length(text, name)?);
        out.extend_from_slice(text);
    }
    Ok(())
}

pub(super) fn encode_status(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(&[byte_of(message, "version")?, byte_of(message, "status")?]);
    Ok(())
}

pub(super) fn encode_request(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    encode_either(message, "command", out)
}

pub(super) fn encode_reply(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    encode_either(message, "reply", out)
}

fn encode_either(message: &Dissection<'_>, what: &'static str, out: &mut Vec<u8>) -> Result<(), Error> {
    let address_type = byte_of(message, "address_type")?;
    let reserved = byte_of(message, "reserved").unwrap_or(0);
    out.extend_from_slice(&[byte_of(message, "version")?, byte_of(message, what)?, reserved, address_type]);
    let address = bytes_of(message, "address")?;
    let text = str::from_utf8(address).unwrap_or_default();
    let wrong = |_| not_writable("address", format!("{text:?} is no address of this type"));
    match address_type {
        1 => out.extend_from_slice(&text.parse::<Ipv4Addr>().map_err(wrong)?.octets()),
        4 => out.extend_from_slice(&text.parse::<Ipv6Addr>().map_err(wrong)?.octets()),
        _ => {
            out.push(byte_length(address, "address")?);
            out.extend_from_slice(address);
        }
    }
    out.extend_from_slice(&short_of(message, "port")?.to_be_bytes());
    Ok(())
}

pub(super) fn encode_reply_4(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(&[byte_of(message, "version")?, byte_of(message, "reply")?]);
    encode_place_4(message, out)
}
