//! The fields of one frame, and everything that is wrong inside it.

mod payload;

use alloc::format;

use self::payload::utf8_field;
use super::Missive;
use super::extension::{Extension, Tag, claimed};
use super::header::{Flags, Header, Kind, may_begin};
use super::payload::Payload;
use super::raw::RawFrame;
use crate::{Code, Names, Value, Visit};

pub(crate) fn dissect<'a>(missive: &'a Missive, message: &'a [u8], visit: &mut dyn Visit<'a>) {
    let Some((frame, content_type)) = before_payload(missive, message, visit) else { return };
    frame.payload(content_type, visit);
    frame.tag(visit);
    frame.checksum(visit);
}

/// Reports what comes before the payload. Returns the frame, and the content type if there is one.
pub(crate) fn before_payload<'a>(
    missive: &'a Missive,
    message: &'a [u8],
    visit: &mut dyn Visit<'a>,
) -> Option<(FrameBytes<'a>, Option<&'a [u8]>)> {
    let header = header_fields(missive, message, visit)?;
    let frame = FrameBytes::new(missive, header, message);
    if header.version != Header::VERSION {
        visit.problem(
            Code::UnknownVersion,
            2..3,
            format_args!(
                "version is {}; only version 1 is known, so the contents are shown as bytes",
                header.version
            ),
        );
    } else if missive.kind_name(header.kind).is_none() && !header.kind.is_application() {
        let kind = header.kind.0;
        visit.problem(
            Code::UnknownKind,
            3..4,
            format_args!(
                "kind {kind:#04x} is reserved: 1 to 7 are defined, 0x80 to 0xff belong to the application"
            ),
        );
    }
    if header.flags.reserved() != 0 {
        let bits = header.flags.reserved();
        visit.problem(
            Code::ReservedFlags,
            4..6,
            format_args!("the reserved flag bits {bits:#06x} must be zero"),
        );
    }
    let content_type = frame.extensions(visit);
    Some((frame, content_type))
}

/// The paths and kinds that [`dissect`] may report.
pub(crate) fn names(missive: &Missive) -> Names {
    const TOP: [&str; 12] = [
        "magic",
        "version",
        "kind",
        "flags",
        "extensions_length",
        "payload_length",
        "sequence",
        "channel",
        "header_check",
        "extensions",
        "extensions.overrun",
        "payload",
    ];
    const PAYLOAD: [&str; 12] = [
        "payload.user_length",
        "payload.user",
        "payload.credential_length",
        "payload.credential",
        "payload.reason",
        "payload.content",
        "payload.note",
        "payload.code",
        "payload.text",
        "payload.overrun",
        "payload.trailing",
        "checksum",
    ];
    let mut names = Names::fixed(TOP.into_iter().chain(PAYLOAD).chain(["tag"]), &[]);
    names.fields.extend(Flags::NAMED.iter().map(|(_, name)| format!("flags.{name}")));
    for name in ["timestamp", "content_type", "sender", "trace_id", "extension"] {
        names.fields.push(format!("extensions.{name}"));
        let inner = ["tag", "tag.critical", "length", "value"];
        names.fields.extend(inner.map(|inner| format!("extensions.{name}.{inner}")));
    }
    let kinds = (0..=u8::MAX).filter_map(|kind| missive.kind_name(Kind(kind)));
    names.kinds.extend(kinds.map(Into::into));
    names
}

/// Reports the kind and the problems' codes: immediately for a plain frame without problems, as nearly all are.
pub(crate) fn outline<'a>(missive: &'a Missive, message: &'a [u8], checked: bool, visit: &mut dyn Visit<'a>) {
    match plain(message, checked) {
        Some(kind) => visit.kind(crate::Kind::new(kind.0.into(), missive.kind_name(kind))),
        None => dissect(missive, message, visit),
    }
}

/// The kind of a frame of the simple shapes, if nothing at all is wrong with it.
fn plain(message: &[u8], checked: bool) -> Option<Kind> {
    let header = Header::read_unchecked(message)?;
    let simple = header.version == Header::VERSION
        && header.flags.reserved() == 0
        && !header.flags.contains(Flags::AUTH)
        && header.extensions_length == 0
        && header.layout().end == message.len() as u64;
    let end = usize::try_from(header.layout().payload_end).ok().filter(|_| simple)?;
    let payload = message.get(Header::LENGTH..end)?;
    let sound = match header.kind {
        Kind::LOGOUT | Kind::DATA | Kind::ACK => payload.is_ascii() || core::str::from_utf8(payload).is_ok(),
        Kind::PING | Kind::PONG => payload.len() <= Payload::PING_LIMIT,
        kind => kind.is_application(),
    };
    let holds = || {
        let found = message.get(end..)?.first_chunk().copied().map(u32::from_be_bytes)?;
        Some(found == super::check::checksum(message.get(..end)?))
    };
    let checked = checked || !header.flags.contains(Flags::CHECKSUM) || holds() == Some(true);
    (sound && checked).then_some(header.kind)
}

/// Reports the header's fields as far as they are there. Returns the header if all of it is.
pub(crate) fn header_fields<'a>(
    missive: &'a Missive,
    bytes: &'a [u8],
    visit: &mut dyn Visit<'a>,
) -> Option<Header> {
    if !may_begin(bytes) {
        return None;
    }
    if let Some(&kind) = bytes.get(3) {
        visit.kind(kind_value(missive, Kind(kind)));
    }
    for at in 0..HEADER_FIELDS.len() {
        header_field(missive, bytes, at, visit)?;
    }
    Header::read_unchecked(bytes)
}

/// The fields of the header, and their offsets.
pub(super) const HEADER_FIELDS: [(&str, usize, usize); 9] = [
    ("magic", 0, 2),
    ("version", 2, 3),
    ("kind", 3, 4),
    ("flags", 4, 6),
    ("extensions_length", 6, 8),
    ("payload_length", 8, 12),
    ("sequence", 12, 16),
    ("channel", 16, 18),
    ("header_check", 18, 20),
];

/// Reports one of the [`HEADER_FIELDS`], if all of it is there.
#[inline]
pub(super) fn header_field<'a>(
    missive: &'a Missive,
    bytes: &'a [u8],
    at: usize,
    visit: &mut dyn Visit<'a>,
) -> Option<()> {
    let &(name, from, to) = HEADER_FIELDS.get(at)?;
    let value = bytes.get(from..to)?.iter().fold(0, |all, &byte| (all << 8) | u64::from(byte));
    match name {
        "kind" => {
            let kind = Kind(u8::try_from(value).ok()?);
            visit.field(name, from..to, Value::Enum(kind_value(missive, kind)));
        }
        "flags" => {
            let flags = Flags(u16::try_from(value).ok()?);
            visit.begin(name, from..to, Value::Hex(value));
            for (flag, name) in Flags::NAMED {
                visit.field(name, from..to, Value::Bool(flags.contains(flag)));
            }
            visit.end();
        }
        "magic" | "header_check" => visit.field(name, from..to, Value::Hex(value)),
        _ => visit.field(name, from..to, Value::Unsigned(value)),
    }
    Some(())
}

fn kind_value(missive: &Missive, kind: Kind) -> crate::Kind<'_> {
    crate::Kind::new(kind.0.into(), missive.kind_name(kind))
}

/// A frame as far as its bytes are there.
pub(crate) struct FrameBytes<'a> {
    missive: &'a Missive,
    pub(super) header: Header,
    pub(super) raw: RawFrame<'a>,
}

impl<'a> FrameBytes<'a> {
    pub(super) fn new(missive: &'a Missive, header: Header, message: &'a [u8]) -> Self {
        FrameBytes { missive, header, raw: RawFrame::new(message) }
    }

    /// Reports the tag without verifying it.
    pub(super) fn tag_alone(&self, visit: &mut dyn Visit<'a>) {
        let part = self.raw.tag_part();
        if !part.bytes.is_empty() {
            visit.field("tag", part.range(), Value::Bytes(part.bytes.into()));
        }
    }

    /// Reports the checksum without computing it.
    pub(super) fn checksum_alone(&self, visit: &mut dyn Visit<'a>) {
        if let Some(found) = self.raw.checksum() {
            visit.field("checksum", self.raw.checksum_part().range(), Value::Hex(found.into()));
        }
    }

    /// Reports the extensions. Returns the content type, if there is one.
    pub(super) fn extensions(&self, visit: &mut dyn Visit<'a>) -> Option<&'a [u8]> {
        let part = self.raw.extensions_part();
        if part.bytes.is_empty() {
            return None;
        }
        if self.header.version != Header::VERSION {
            visit.field("extensions", part.range(), Value::Bytes(part.bytes.into()));
            return None;
        }
        let mut content_type = None;
        visit.begin("extensions", part.range(), Value::Group);
        let mut walk = self.raw.extensions();
        loop {
            let start = part.range().end - walk.rest().len();
            let Some(extension) = walk.next() else { break };
            if extension.tag == Tag::CONTENT_TYPE {
                content_type = Some(extension.bytes);
            }
            self.extension(extension, start, visit);
        }
        let rest = walk.rest();
        if !rest.is_empty() {
            let range = part.range().end - rest.len()..part.range().end;
            visit.field("overrun", range.clone(), Value::Bytes(rest.into()));
            if part.complete {
                let text = "an extension needs a tag, a length and as many bytes";
                let (claimed, left) = (claimed(rest).unwrap_or(0), rest.len().saturating_sub(3));
                visit.problem(
                    Code::ExtensionOverrun,
                    range,
                    format_args!("{text}: {claimed} are claimed and {left} are left"),
                );
            }
        }
        visit.end();
        content_type
    }

    fn tag(&self, visit: &mut dyn Visit<'a>) {
        let part = self.raw.tag_part();
        self.tag_alone(visit);
        if part.bytes.is_empty() || !part.complete {
            return;
        }
        match &self.missive.key {
            None => visit.problem(
                Code::TagUnverified,
                part.range(),
                format_args!("the tag was not verified: no key was given"),
            ),
            Some(key) if key.verifies(self.raw.bytes().get(..part.start).unwrap_or_default(), part.bytes) => {
            }
            Some(_) => visit.problem(
                Code::TagMismatch,
                part.range(),
                format_args!("the tag does not match the frame and the key"),
            ),
        }
    }

    fn checksum(&self, visit: &mut dyn Visit<'a>) {
        let (Some(found), Some(computed)) = (self.raw.checksum(), self.raw.computed_checksum()) else {
            return;
        };
        self.checksum_alone(visit);
        if computed != found {
            visit.problem(
                Code::ChecksumMismatch,
                self.raw.checksum_part().range(),
                format_args!("the checksum is {found:#010x}; that of the frame's bytes is {computed:#010x}"),
            );
        }
    }

    fn extension(&self, extension: Extension<'a>, start: usize, visit: &mut dyn Visit<'a>) {
        let Extension { tag, critical, bytes: value } = extension;
        let known = self.missive.tag_name(tag);
        let (value_start, end) = (start + 3, start + 3 + value.len());
        let name = match tag {
            Tag::TIMESTAMP => "timestamp",
            Tag::CONTENT_TYPE => "content_type",
            Tag::SENDER => "sender",
            Tag::TRACE_ID => "trace_id",
            _ => "extension",
        };
        visit.begin(name, start..end, Value::Group);
        let kind = crate::Kind::new(tag.0.into(), known);
        visit.begin("tag", start..start + 1, Value::Enum(kind));
        visit.field("critical", start..start + 1, Value::Bool(critical));
        visit.end();
        visit.field("length", start + 1..value_start, Value::Unsigned(value.len() as u64));
        let size = |expected: usize, visit: &mut dyn Visit<'a>| {
            let fits = value.len() == expected;
            if !fits {
                let found = value.len();
                visit.problem(
                    Code::ExtensionSize,
                    start + 1..value_start,
                    format_args!("{name} must have {expected} bytes; this one has {found}"),
                );
            }
            fits
        };
        match tag {
            Tag::TIMESTAMP if size(8, visit) => {
                let micros = value.first_chunk().copied().map_or(0, u64::from_be_bytes);
                visit.field("value", value_start..end, Value::Unsigned(micros));
            }
            Tag::CONTENT_TYPE | Tag::SENDER => {
                utf8_field("value", value, value_start, true, visit);
            }
            Tag::TRACE_ID => {
                size(16, visit);
                visit.field("value", value_start..end, Value::Bytes(value.into()));
            }
            _ => visit.field("value", value_start..end, Value::Bytes(value.into())),
        }
        visit.end();
        if known.is_none() {
            let number = tag.0;
            if critical {
                visit.problem(
                    Code::CriticalExtension,
                    start..end,
                    format_args!(
                        "extension {number:#04x} is critical and unknown; a receiver must refuse the message"
                    ),
                );
            } else {
                visit.problem(
                    Code::UnknownExtension,
                    start..end,
                    format_args!("extension {number:#04x} is not known here"),
                );
            }
        }
    }
}
