//! `telnet` (RFC 854, 855), also with a serial port behind it (RFC 2217): commands in rows of their own, and the data without escapes.
//!
//! ```text
//! FF command                 NOP, BRK, AYT, …
//! FF FB..FE option           WILL, WONT, DO, DONT
//! FF FA option … FF F0       a suboption; FF FF in it is the byte FF
//! FF FF                      the byte FF of the data
//! 0D 00                      a carriage return by itself, where the data are not BINARY
//! ```

use std::borrow::Cow;
use std::num::NonZeroUsize;

use framescope_parser::{
    Captured, Carried, Code, Confidence, Conversation, Dissection, Error, Input, Kind, Nowhere, Passage,
    Role, Sample, Settings, Step, Value, Visit,
};

use super::channel::Only;
use super::fields::{Fields, big_endian};
use super::staged::{Part, Staged, byte_of, bytes_of, message, names, not_writable, plural, stage};
use super::telnet_options::*;
use crate::at_least_one;

const READING: u16 = 0;
/// After a loss, which may have been inside a suboption.
const RESUMING: u16 = 1;
/// The longest suboption.
const LONGEST: usize = 4 << 10;

const FIELDS: [&str; 10] =
    ["data", "iac", "command", "option", "suboption", "value", "width", "height", "end", "speed"];

/// The carrier.
pub fn telnet() -> Staged {
    let start = |settings: &Settings| {
        let directions = [Direction::default(), Direction::default()];
        Box::new(Telnet { directions, channel: Only::named("telnet", settings) }) as Box<dyn Conversation>
    };
    Staged {
        name: "telnet",
        about: "telnet (RFC 854) with its options, also those of a serial port (RFC 2217); its data are any stream",
        stages: vec![
            stage("reading", Part { name: "telnet", next, dissect, encode }),
            stage("resuming", Part { name: "telnet", next: next_resuming, dissect, encode }),
        ],
        names: names(&FIELDS, &kinds(), false),
        codes: None,
        detect,
        start: Box::new(start),
        not_on_datagrams: Some("telnet is spoken on a stream"),
    }
}

/// Nearly all begin with negotiation.
fn detect(sample: Sample<'_>) -> Confidence {
    let is_negotiation =
        |bytes: &[u8]| matches!(*bytes, [IAC, WILL..=DONT, option, ..] if option_name(option).is_some());
    match sample.bytes.get(3..) {
        _ if !is_negotiation(sample.bytes) => Confidence::No,
        Some(rest) if is_negotiation(rest) => Confidence::Certain,
        _ => Confidence::Likely,
    }
}

/// How many of these bytes are data: up to a command, or to a byte that may begin one.
fn data_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr(IAC, bytes.get(at..).unwrap_or_default()) {
        match bytes.get(at + found + 1) {
            Some(&IAC) => at += found + 2,
            _ => return at + found,
        }
    }
    bytes.len()
}

fn next(input: Input<'_>) -> Step {
    let bytes = input.bytes;
    // Data end with their segment, so that they come at once.
    let segment = bytes.get(..input.first_segment).unwrap_or(bytes);
    let data = data_length(segment);
    if data > 0 {
        return message(data);
    }
    let needs = |more| {
        if input.last { Step::Partial(at_least_one(bytes.len())) } else { Step::NeedMore(at_least_one(more)) }
    };
    match bytes.get(1) {
        // Its second half is in the next segment.
        Some(&IAC) => message(2 + data_length(bytes.get(2..input.first_segment).unwrap_or_default())),
        None => needs(1),
        Some(&(WILL..=DONT)) if bytes.len() < 3 => needs(1),
        Some(&(WILL..=DONT)) => message(3),
        Some(&SB) => match suboption_length(bytes) {
            Some(length) => message(length),
            None if bytes.len() >= LONGEST => Step::Skipped(at_least_one(LONGEST), Code::PayloadTooLong),
            None => needs(1),
        },
        Some(_) => message(2),
    }
}

/// How long the suboption is that begins with these bytes, with its end.
fn suboption_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    loop {
        let found = at + memchr::memchr(IAC, bytes.get(at..)?)?;
        match *bytes.get(found + 1)? {
            SE => return Some(found + 2),
            IAC => at = found + 2,
            // It has no end: another command begins.
            _ => return Some(found),
        }
    }
}

/// What is before the end of a suboption is the rest of it.
fn next_resuming(input: Input<'_>) -> Step {
    let segment = input.bytes.get(..input.first_segment).unwrap_or(input.bytes);
    let data = data_length(segment);
    match segment.get(data + 1) {
        Some(&SE) => Step::Skipped(at_least_one(data + 2), Code::Continuation),
        _ => next(input),
    }
}

/// Bytes without escapes; carriage returns by themselves without their zeros unless the data are binary.
fn unescaped(bytes: &[u8], is_binary: bool) -> Cow<'_, [u8]> {
    if memchr::memchr(IAC, bytes).is_none() && (is_binary || memchr::memchr(0, bytes).is_none()) {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        out.push(byte);
        let is_escape = byte == IAC && rest.peek() == Some(&IAC);
        let is_alone = byte == b'\r' && rest.peek() == Some(&0) && !is_binary;
        if is_escape || is_alone {
            rest.next();
        }
    }
    Cow::Owned(out)
}

fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == IAC {
            out.push(IAC);
        }
    }
}

/// Whether a message is data, not a command.
fn is_data(message: &[u8]) -> bool {
    !matches!(message, [IAC, command, ..] if *command != IAC)
}

fn dissect<'a>(bytes: &'a [u8], visit: &mut dyn Visit<'a>) {
    if is_data(bytes) {
        visit.kind(Kind::new(0, Some("DATA")));
        let data = unescaped(bytes, true);
        let count = data.len();
        visit.field("data", 0..bytes.len(), Value::Bytes(data));
        visit.summary(format_args!("{count} byte{}", plural(count)));
        return;
    }
    let mut fields = Fields::of(bytes, visit);
    fields.hex("iac", 1);
    let Some(command) = fields.named("command", command_name) else { return };
    fields.visit.kind(Kind::new(command.into(), command_name(command)));
    let Some(option) = fields.named("option", option_name) else {
        if let Some(name) = command_name(command) {
            visit.summary(format_args!("{name}"));
        }
        return;
    };
    let end = match bytes {
        [.., IAC, SE] if command == SB => bytes.len() - 2,
        _ => bytes.len(),
    };
    if command == SB {
        suboption(&mut fields, option, end);
        if end < bytes.len() {
            fields.bytes("end", 2);
        } else {
            visit.problem(
                Code::EndOfStream,
                0..bytes.len(),
                format_args!("the suboption has no end (ff f0)"),
            );
        }
    } else {
        let (command, option) = (command_name(command), option_name(option));
        visit.summary(format_args!(
            "{} {}",
            command.unwrap_or_default(),
            option.unwrap_or("an unknown option")
        ));
    }
}

/// What is between the option of a suboption and its end.
fn suboption(fields: &mut Fields<'_, '_>, option: u8, end: usize) {
    let begin = fields.at;
    let known = if option == COM_PORT { fields.bytes.get(begin).copied() } else { None };
    if let Some(suboption) = known.filter(|_| begin < end) {
        fields.named("suboption", com_port_name);
        return com_port_value(fields, suboption, end);
    }
    let value = unescaped(fields.bytes.get(begin..end).unwrap_or_default(), true);
    let name = option_name(option).unwrap_or("an unknown option");
    fields.at = end;
    match (name, &*value) {
        ("WINDOW_SIZE", &[a, b, c, d]) if end == begin + 4 => {
            let (width, height) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            fields.visit.field("width", begin..begin + 2, Value::Unsigned(width.into()));
            fields.visit.field("height", begin + 2..end, Value::Unsigned(height.into()));
            fields.visit.summary(format_args!("{name} {width} x {height}"));
        }
        // Mostly a text behind a byte that says whether it is one or is asked for.
        (_, &[0, ref text @ ..]) if !text.is_empty() && text.is_ascii() => {
            let text = String::from_utf8_lossy(text).into_owned();
            fields.visit.summary(format_args!("{name} is {text}"));
            fields.visit.field("value", begin..end, Value::Bytes(Cow::Owned(value.into_owned())));
        }
        (_, value) => {
            fields.visit.summary(format_args!("{name}, {} byte{}", value.len(), plural(value.len())));
            fields.visit.field("value", begin..end, Value::Bytes(Cow::Owned(value.to_vec())));
        }
    }
}

fn com_port_value(fields: &mut Fields<'_, '_>, suboption: u8, end: usize) {
    let (begin, from) = (fields.at, if suboption >= 100 { "server: " } else { "" });
    fields.at = end;
    let value = unescaped(fields.bytes.get(begin..end).unwrap_or_default(), true).into_owned();
    let Some((name, holds)) = com_port(suboption) else {
        fields.visit.field("value", begin..end, Value::Bytes(Cow::Owned(value)));
        fields.visit.summary(format_args!("{from}unknown suboption {suboption}"));
        return;
    };
    let range = begin..end;
    match (holds, &value[..]) {
        (ComPort::Nothing, []) => fields.visit.summary(format_args!("{from}{name}")),
        (ComPort::Number, four) if four.len() == 4 => {
            let number = big_endian(four);
            fields.visit.field("value", range, Value::Unsigned(number));
            fields.visit.summary(format_args!("{from}{name} {number}"));
        }
        (ComPort::Byte(known), &[byte]) => {
            let value = match known(byte) {
                None => Value::Unsigned(byte.into()),
                named => Value::Enum(Kind::new(byte.into(), named)),
            };
            fields.visit.field("value", range, value);
            match known(byte) {
                Some(value) => fields.visit.summary(format_args!("{from}{name} {value}")),
                None => fields.visit.summary(format_args!("{from}{name} {byte}")),
            }
        }
        (ComPort::Bits, &[byte]) => {
            fields.visit.field("value", range, Value::Hex(byte.into()));
            fields.visit.summary(format_args!("{from}{name} {byte:#04x}"));
        }
        (ComPort::Text, text) => {
            let text = String::from_utf8_lossy(text).into_owned();
            fields.visit.summary(format_args!("{from}{name} {text}"));
            fields.visit.field("value", range, Value::Text(Cow::Owned(text)));
        }
        _ => {
            let count = value.len();
            fields.visit.field("value", range.clone(), Value::Bytes(Cow::Owned(value)));
            let text = format_args!("{count} byte{} are no value of {name}", plural(count));
            fields.visit.problem(Code::PayloadOverrun, range, text);
            fields.visit.summary(format_args!("{from}{name}"));
        }
    }
}

fn encode(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    if message.field("command").is_none() {
        escape(bytes_of(message, "data")?, out);
        return Ok(());
    }
    let command = byte_of(message, "command")?;
    out.extend_from_slice(&[IAC, command]);
    if message.field("option").is_some() {
        out.push(byte_of(message, "option")?);
    }
    if command != SB {
        return Ok(());
    }
    let mut inside = Vec::new();
    let suboption = message.field("suboption").map(|_| byte_of(message, "suboption")).transpose()?;
    inside.extend(suboption);
    for name in ["width", "height"] {
        if message.field(name).is_some() {
            inside.extend_from_slice(&super::staged::short_of(message, name)?.to_be_bytes());
        }
    }
    if let Some(value) = message.field("value").map(|field| &field.value) {
        let is_number =
            suboption.and_then(com_port).is_some_and(|(_, holds)| matches!(holds, ComPort::Number));
        match (value.as_bytes(), value.as_u64()) {
            (Some(bytes), _) => inside.extend_from_slice(bytes),
            (None, Some(number)) if is_number => {
                inside.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
            }
            (None, Some(number)) => inside.push(u8::try_from(number).unwrap_or(u8::MAX)),
            (None, None) => return Err(not_writable("value", "it is neither a number nor bytes")),
        }
    }
    escape(&inside, out);
    if message.field("end").is_some() {
        out.extend_from_slice(&[IAC, SE]);
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Direction {
    is_resuming: bool,
    /// It said WILL BINARY, or that it has a serial port.
    is_binary: bool,
    /// The last byte of the data was a carriage return, whose zero may come.
    ends_in_return: bool,
}

#[derive(Clone)]
struct Telnet {
    directions: [Direction; 2],
    channel: Only,
}

impl Telnet {
    fn direction(&mut self, role: Role) -> &mut Direction {
        let [client, server] = &mut self.directions;
        if role == Role::Client { client } else { server }
    }

    fn command(&mut self, role: Role, message: &[u8]) {
        if let [IAC, command, option, ..] = *message {
            match option {
                BINARY if command == WILL => self.direction(role).is_binary = true,
                BINARY if command == WILL + 1 => self.direction(role).is_binary = false,
                // The data of a serial port are any bytes.
                COM_PORT if command == SB => {
                    self.directions.iter_mut().for_each(|direction| direction.is_binary = true);
                }
                _ => {}
            }
        }
    }
}

impl Conversation for Telnet {
    fn copy(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn stage(&self, role: Role) -> u16 {
        let is_resuming = self.directions.get(role.index()).is_some_and(|direction| direction.is_resuming);
        if is_resuming { RESUMING } else { READING }
    }

    fn continue_in(&mut self, role: Role, stage: u16) {
        self.direction(role).is_resuming = stage == RESUMING;
    }

    fn begins_inside(&mut self, role: Role) {
        self.channel.about_mut().begins_inside = true;
        self.direction(role).is_resuming = true;
    }

    fn begin(&mut self, _: Role, _: &[u8], _: bool) -> Option<NonZeroUsize> {
        None
    }

    fn message(&mut self, role: Role, message: Captured<'_, '_>) {
        self.carry(role, Passage::Message(message), &mut Nowhere);
    }

    fn loss(&mut self, role: Role) {
        let direction = self.direction(role);
        (direction.is_resuming, direction.ends_in_return) = (true, false);
    }

    fn carry(&mut self, role: Role, passage: Passage<'_, '_>, to: &mut dyn Carried) {
        match passage {
            Passage::Message(message) if is_data(message.bytes()) => {
                let direction = self.direction(role);
                direction.is_resuming = false;
                let mut bytes = message.bytes();
                if std::mem::take(&mut direction.ends_in_return) && bytes.first() == Some(&0) {
                    bytes = bytes.get(1..).unwrap_or_default();
                }
                let is_binary = direction.is_binary;
                direction.ends_in_return = !is_binary && bytes.last() == Some(&b'\r');
                if !bytes.is_empty() {
                    self.channel.bytes(role, &unescaped(bytes, is_binary), to);
                }
            }
            Passage::Message(message) => {
                self.direction(role).is_resuming = false;
                self.command(role, message.bytes());
            }
            Passage::Lost(length) => {
                // The rest of a suboption is no loss of data besides the one before it.
                let is_known = self.stage(role) == RESUMING;
                self.loss(role);
                if !is_known {
                    self.channel.lost(role, length, to);
                }
            }
            Passage::End => self.channel.end(role, to),
        }
    }
}
