//! `zstd`: a whole stream that is compressed with Zstandard (RFC 8878), in each direction by itself.
//!
//! ```text
//! frame      28 b5 2f fd descriptor [window] [dictionary id: 0, 1, 2 or 4] [size: 0, 1, 2, 4 or 8], blocks, [xxh64: 4]
//! block      3 bytes, the least significant first: last(1 bit) type(2) size(21); then what the type says
//! skippable  5? 2a 4d 18 size(4) …
//! ```
//!
//! Header, block and check are a row each, so that after a loss the next frame is found, and what a block unpacks to comes with it. A
//! decoder can't be copied: a copy keeps the blocks of the present frame, which it shares, and unpacks them again when it is used.
//! They are at most [`KEPT`] bytes in each direction; what of a frame follows these is not unpacked.

use framescope_parser::{
    Code, Confidence, Conversation, Dissection, Error, Fault, Input, Kind, Settings, Step, Value, Visit,
};

use super::channel::Only;
use super::fields::{Fields, little_endian};
use super::staged::{
    Part, Segments, Staged, byte_of, bytes_of, names, not_writable, number_of, sized, stage,
};
use super::unpacking::Unpacked;
use crate::at_least_one;

pub(super) const HEADER: u16 = 0;
pub(super) const BLOCK: u16 = 1;
pub(super) const CHECK: u16 = 2;
pub(super) const PLAIN: u16 = 3;

/// The most bytes of a frame that are kept to unpack it again.
pub const KEPT: usize = 64 << 20;
/// The most bytes of a block, RFC 8878 section 3.1.1.2.4.
pub(super) const LONGEST_BLOCK: usize = 128 << 10;
/// The longest skippable frame that is a row.
const LONGEST_SKIPPABLE: usize = 16 << 20;

/// The carrier.
pub fn zstd() -> Staged {
    let start =
        |settings: &Settings| Box::new(Unpacked::new(Only::named("zstd", settings))) as Box<dyn Conversation>;
    let fields =
        ["magic", "descriptor", "window", "dictionary", "size", "type", "last", "content", "check", "data"];
    Staged {
        name: "zstd",
        about: "a stream that is compressed with Zstandard, one frame or several",
        stages: vec![
            stage(
                "header",
                Part { name: "zstd", next: next_header, dissect: dissect_header, encode: encode_header },
            ),
            stage(
                "block",
                Part { name: "zstd", next: next_block, dissect: dissect_block, encode: encode_block },
            ),
            stage(
                "check",
                Part {
                    name: "zstd",
                    next: |input| sized(input, 4),
                    dissect: dissect_check,
                    encode: encode_check,
                },
            ),
            stage("plain", Segments { of: "zstd", kind: "PLAIN" }),
        ],
        names: names(&fields, &["HEADER", "SKIPPABLE", "BLOCK", "CHECK", "PLAIN"], true),
        codes: None,
        detect: |sample| match header_length(sample.bytes) {
            Some(Some(_)) => Confidence::Certain,
            _ => Confidence::No,
        },
        start: Box::new(start),
        not_on_datagrams: Some("a compressed stream goes on from segment to segment, which datagrams do not"),
    }
}

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub(super) fn is_skippable(bytes: &[u8]) -> bool {
    matches!(bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// How long the header of a frame, or the whole skippable frame, is that begins with these bytes: None if none does, Some(None) if
/// more are needed.
pub(super) fn header_length(bytes: &[u8]) -> Option<Option<usize>> {
    let begins = |magic: [u8; 4], mask: u8| {
        bytes
            .iter()
            .zip(magic)
            .zip([mask, 255, 255, 255])
            .all(|((byte, expected), mask)| byte & mask == expected)
    };
    if begins([0x50, 0x2a, 0x4d, 0x18], 0xf0) {
        let Some(size) = bytes.get(4..8) else { return Some(None) };
        let length = usize::try_from(little_endian(size)).unwrap_or(usize::MAX).saturating_add(8);
        return (length <= LONGEST_SKIPPABLE).then_some(Some(length));
    }
    if !begins(MAGIC, 255) {
        return None;
    }
    let Some(&descriptor) = bytes.get(4) else { return Some(None) };
    let parts = Parts::of(descriptor)?;
    Some(Some(5 + parts.window + parts.dictionary + parts.size))
}

/// The lengths of what follows the descriptor.
pub(super) struct Parts {
    window: usize,
    dictionary: usize,
    size: usize,
    pub(super) has_check: bool,
}

impl Parts {
    /// None if the reserved bit is set.
    pub(super) fn of(descriptor: u8) -> Option<Parts> {
        let is_single = descriptor & 0x20 != 0;
        let dictionary = match descriptor & 3 {
            3 => 4,
            length => usize::from(length),
        };
        let size = match descriptor >> 6 {
            0 => usize::from(is_single),
            exponent => 1 << exponent,
        };
        let has_check = descriptor & 4 != 0;
        (descriptor & 8 == 0).then_some(Parts {
            window: usize::from(!is_single),
            dictionary,
            size,
            has_check,
        })
    }
}

fn next_header(input: Input<'_>) -> Step {
    match header_length(input.bytes) {
        Some(Some(length)) => sized(input, length),
        Some(None) if input.last => Step::Partial(at_least_one(input.bytes.len())),
        Some(None) => Step::NeedMore(at_least_one(1)),
        None => {
            // The rest of the magic is that of both kinds of frames.
            let rest = input.bytes.get(1..).unwrap_or_default();
            let next = (1..).zip(rest).find(|&(at, &byte)| {
                (byte == MAGIC[0] || byte & 0xf0 == 0x50)
                    && input.bytes.get(at..).is_some_and(|rest| header_length(rest).is_some())
            });
            let length = next.map_or(input.bytes.len(), |(at, _)| at);
            Step::Searching(at_least_one(length), Code::NotAFrame)
        }
    }
}

/// Whether it is the last block, its type and how many bytes follow the three of its header.
pub(super) fn block(bytes: &[u8]) -> Option<(bool, u8, usize)> {
    let head = little_endian(bytes.get(..3)?);
    let size = usize::try_from(head >> 3).unwrap_or(usize::MAX);
    let kind = u8::try_from(head >> 1 & 3).unwrap_or(0);
    Some((head & 1 == 1, kind, if kind == 1 { 1 } else { size }))
}

fn next_block(input: Input<'_>) -> Step {
    match block(input.bytes) {
        Some((_, _, length)) => sized(input, 3 + length),
        None if input.last => Step::Partial(at_least_one(input.bytes.len())),
        None => Step::NeedMore(at_least_one(3 - input.bytes.len().min(2))),
    }
}

fn dissect_header<'a>(message: &'a [u8], visit: &mut dyn Visit<'a>) {
    let is_skippable = is_skippable(message);
    let name = if is_skippable { "SKIPPABLE" } else { "HEADER" };
    visit.kind(Kind::new(u64::from(is_skippable), Some(name)));
    let mut fields = Fields::of(message, visit);
    match is_skippable {
        true => skippable_fields(&mut fields),
        false => frame_fields(&mut fields),
    };
}

fn skippable_fields(fields: &mut Fields<'_, '_>) -> Option<()> {
    fields.little_hex("magic", 4)?;
    fields.little("size", 4)?;
    let left = fields.left();
    fields.bytes("content", left)?;
    fields.visit.summary(format_args!("{left} bytes that are skipped"));
    Some(())
}

fn frame_fields(fields: &mut Fields<'_, '_>) -> Option<()> {
    fields.little_hex("magic", 4)?;
    let descriptor = u8::try_from(fields.hex("descriptor", 1)?).ok()?;
    let parts = Parts::of(descriptor)?;
    if parts.window > 0 {
        let (bytes, range) = fields.take(1)?;
        let window = little_endian(bytes);
        let base = 1_u64 << (10 + (window >> 3));
        fields.visit.field("window", range, Value::Unsigned(base + base / 8 * (window & 7)));
    }
    if parts.dictionary > 0 {
        fields.little("dictionary", parts.dictionary)?;
    }
    if parts.size > 0 {
        let (bytes, range) = fields.take(parts.size)?;
        // Sizes below 256 take one byte, so two bytes count from there.
        let size = little_endian(bytes).saturating_add(if parts.size == 2 { 256 } else { 0 });
        fields.visit.field("size", range, Value::Unsigned(size));
        fields.visit.summary(format_args!("a frame of {size} bytes"));
    } else {
        fields.visit.summary(format_args!("a frame"));
    }
    Some(())
}

/// A header is written from its parts as they are: what the descriptor says of their lengths is kept.
fn encode_header(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let given = |name| number_of(message, name);
    let little = |number: u64, length: usize| number.to_le_bytes().into_iter().take(length);
    if let Ok(content) = bytes_of(message, "content") {
        let magic = given("magic")?;
        let size = u32::try_from(content.len()).map_err(|_| too_long("content", content.len()))?;
        out.extend(little(magic, 4));
        out.extend_from_slice(&size.to_le_bytes());
        out.extend_from_slice(content);
        return Ok(());
    }
    let descriptor = byte_of(message, "descriptor")?;
    let Some(parts) = Parts::of(descriptor) else {
        return Err(not_writable("descriptor", "its reserved bit is set"));
    };
    out.extend_from_slice(&MAGIC);
    out.push(descriptor);
    if parts.window > 0 {
        let window = given("window")?.clamp(1 << 10, 1 << 41);
        let exponent = window.ilog2();
        let base = 1_u64 << exponent;
        let mantissa = ((window - base) / (base / 8)).min(7);
        out.extend(little(u64::from(exponent - 10) << 3 | mantissa, 1));
    }
    if parts.dictionary > 0 {
        out.extend(little(given("dictionary")?, parts.dictionary));
    }
    if parts.size > 0 {
        let size = given("size")?.saturating_sub(if parts.size == 2 { 256 } else { 0 });
        out.extend(little(size, parts.size));
    }
    Ok(())
}

fn too_long(field: &'static str, found: usize) -> Error {
    Error::new(
        0,
        field,
        Fault::TooLong { limit: u64::from(u32::MAX), found: u64::try_from(found).unwrap_or(u64::MAX) },
    )
}

const BLOCK_TYPES: [&str; 4] = ["RAW", "RLE", "COMPRESSED", "RESERVED"];

fn dissect_block<'a>(message: &'a [u8], visit: &mut dyn Visit<'a>) {
    visit.kind(Kind::new(2, Some("BLOCK")));
    let Some((is_last, kind, _)) = block(message) else { return };
    let size = little_endian(message.get(..3).unwrap_or_default()) >> 3;
    let name = BLOCK_TYPES.get(usize::from(kind)).copied();
    visit.field("last", 0..1, Value::Bool(is_last));
    visit.field("type", 0..1, Value::Enum(Kind::new(kind.into(), name)));
    visit.field("size", 0..3, Value::Unsigned(size));
    let content = message.get(3..).unwrap_or_default();
    visit.field("content", 3..message.len(), Value::Bytes(content.into()));
    let last = if is_last { ", the last of its frame" } else { "" };
    visit.summary(format_args!("{} of {size} bytes{last}", name.unwrap_or_default()));
}

fn encode_block(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let content = bytes_of(message, "content")?;
    let kind = number_of(message, "type")? & 3;
    let size = match kind {
        // How often the one byte is repeated.
        1 => number_of(message, "size")?,
        _ => u64::try_from(content.len()).unwrap_or(u64::MAX),
    };
    if size >= 1 << 21 || (kind == 1) != (content.len() == 1 && kind == 1) {
        return Err(Error::new(0, "content", Fault::TooLong { limit: (1 << 21) - 1, found: size }));
    }
    let head = size << 3 | kind << 1 | u64::from(number_of(message, "last")? == 1);
    out.extend(head.to_le_bytes().into_iter().take(3));
    out.extend_from_slice(content);
    Ok(())
}

fn dissect_check<'a>(message: &'a [u8], visit: &mut dyn Visit<'a>) {
    visit.kind(Kind::new(3, Some("CHECK")));
    Fields::of(message, visit).little_hex("check", 4);
    visit.summary(format_args!("the check of the frame"));
}

fn encode_check(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend(number_of(message, "check")?.to_le_bytes().into_iter().take(4));
    Ok(())
}
