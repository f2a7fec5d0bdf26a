//! The TLVs of the PROXY protocol, version 2: what a proxy knows of a connection besides its addresses. They know no stream.
//!
//! ```text
//! type(1) length(2) value
//! 20 (SSL)  client(1) verify(4), then TLVs of its own
//! ```

use std::ops::Range;

use crc::{CRC_32_ISCSI, Crc, Table};
use framescope_parser::{Code, Error, Field, Value};

use super::fields::{Fields, big_endian};
use super::staged::not_writable;

/// The checksum, CRC-32C.
static CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// How the value of a TLV is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Text,
    Bytes,
    Check,
    Ssl,
}

pub(super) const TLVS: [(u8, &str, Shown); 7] = [
    (1, "alpn", Shown::Text),
    (2, "authority", Shown::Text),
    (3, "crc32c", Shown::Check),
    (4, "noop", Shown::Bytes),
    (5, "unique_id", Shown::Bytes),
    (0x20, "ssl", Shown::Ssl),
    (0x30, "netns", Shown::Text),
];
const SSL_TLVS: [(u8, &str, Shown); 5] = [
    (0x21, "version", Shown::Text),
    (0x22, "common_name", Shown::Text),
    (0x23, "cipher", Shown::Text),
    (0x24, "signature_algorithm", Shown::Text),
    (0x25, "key_algorithm", Shown::Text),
];

pub(super) fn tlvs<'a>(fields: &mut Fields<'a, '_>, end: usize, known: &'static [(u8, &'static str, Shown)]) {
    while fields.at < end {
        let begin = fields.at;
        if one_tlv(fields, end, known).is_none() {
            let rest = fields.bytes.get(begin..end).unwrap_or_default();
            fields.at = end;
            fields.visit.field("rest", begin..end, Value::Bytes(rest.into()));
            let text =
                format_args!("a TLV begins here and is longer than the {} bytes that are left", rest.len());
            fields.visit.problem(Code::PayloadOverrun, begin..end, text);
        }
    }
}

fn one_tlv<'a>(
    fields: &mut Fields<'a, '_>,
    end: usize,
    known: &'static [(u8, &'static str, Shown)],
) -> Option<()> {
    let begin = fields.at;
    let &[kind, high, low] = fields.bytes.get(begin..end)?.first_chunk::<3>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let range: Range<usize> = begin..begin + 3 + length;
    let value = fields.bytes.get(begin..end)?.get(3..3 + length)?;
    fields.at = range.end;
    match known.iter().find(|(number, ..)| *number == kind) {
        Some((_, name, Shown::Text)) => fields.visit.field(name, range, Value::utf8(value)),
        Some((_, name, Shown::Bytes)) => fields.visit.field(name, range, Value::Bytes(value.into())),
        Some((_, name, Shown::Check)) => {
            let found = big_endian(value);
            fields.visit.field(name, range.clone(), Value::Hex(found));
            let computed = checksum(fields.bytes, begin + 3, length);
            if length != 4 || found != u64::from(computed) {
                let text =
                    format_args!("the CRC-32C of the header is {computed:#010x}, and {found:#x} is in it");
                fields.visit.problem(Code::ChecksumMismatch, range, text);
            }
        }
        Some((_, name, Shown::Ssl)) => {
            fields.visit.begin(name, range.clone(), Value::Group);
            fields.at = begin + 3;
            if length >= 5 {
                fields.hex("client", 1);
                fields.number("verify", 4);
            }
            tlvs(fields, range.end, &SSL_TLVS);
            fields.visit.end();
        }
        None => {
            fields.visit.begin("tlv", range.clone(), Value::Group);
            fields.visit.field("type", begin..begin + 1, Value::Hex(kind.into()));
            fields.visit.field("value", begin + 3..range.end, Value::Bytes(value.into()));
            fields.visit.end();
        }
    }
    Some(())
}

/// The CRC-32C of a header in which the bytes of the checksum itself are zeros.
pub(super) fn checksum(header: &[u8], at: usize, length: usize) -> u32 {
    let mut digest = CRC.digest();
    digest.update(header.get(..at).unwrap_or_default());
    digest.update([0; 4].get(..length).unwrap_or(&[0; 4]));
    digest.update(header.get(at + length..).unwrap_or_default());
    digest.finalize()
}

pub(super) fn encode_tlv(
    field: &Field<'_>,
    known: &[(u8, &str, Shown)],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let (kind, value) = match known.iter().find(|(_, name, _)| *name == field.name) {
        Some((kind, _, Shown::Check)) => (*kind, vec![0; 4]),
        Some((kind, _, Shown::Ssl)) => {
            let inner = |name| field.field(name).and_then(|field| field.value.as_u64());
            let mut value = Vec::new();
            if let (Some(client), Some(verify)) = (inner("client"), inner("verify")) {
                value.push(u8::try_from(client).unwrap_or(0));
                value.extend_from_slice(&u32::try_from(verify).unwrap_or(u32::MAX).to_be_bytes());
            }
            for field in &field.fields {
                encode_tlv(field, &SSL_TLVS, &mut value)?;
            }
            (*kind, value)
        }
        Some((kind, ..)) => (*kind, field.value.as_bytes().unwrap_or_default().to_vec()),
        None if field.name == "tlv" => {
            let kind = field.field("type").and_then(|field| field.value.as_u64());
            let kind = kind.and_then(|kind| u8::try_from(kind).ok());
            let value = field.field("value").and_then(|field| field.value.as_bytes());
            (kind.ok_or_else(|| not_writable("tlv", "it has no type"))?, value.unwrap_or_default().to_vec())
        }
        None => return Ok(()),
    };
    let length =
        u16::try_from(value.len()).map_err(|_| not_writable("tlv", "it is longer than 65535 bytes"))?;
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&value);
    Ok(())
}
