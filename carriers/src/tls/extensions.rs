//! The fields of extensions. What one holds depends on the message that it is in.

use std::borrow::Cow;

use framescope_parser::Value;

use super::cursor::{Cursor, Read, Visitor, group};
use super::joiner::CLIENT_HELLO;
use super::names;

/// The fields of all extensions with names, for those who type one.
pub(crate) const FIELDS: [(&str, &[&str]); 22] = [
    ("extension", &[]),
    ("server_name", &["host_name", "other_name"]),
    ("max_fragment_length", &["exponent"]),
    ("status_request", &["status_type"]),
    ("supported_groups", &["group"]),
    ("ec_point_formats", &["format"]),
    ("signature_algorithms", &["algorithm"]),
    ("signature_algorithms_cert", &["algorithm"]),
    ("heartbeat", &["mode"]),
    ("alpn", &["protocol"]),
    ("record_size_limit", &["limit"]),
    ("session_ticket", &["ticket"]),
    ("pre_shared_key", &["identity", "obfuscated_ticket_age", "binder", "selected_identity"]),
    ("early_data", &["max_early_data_size"]),
    ("supported_versions", &["version"]),
    ("cookie", &["cookie"]),
    ("psk_key_exchange_modes", &["mode"]),
    ("key_share", &["group", "key_exchange"]),
    ("renegotiation_info", &["renegotiated_connection"]),
    ("encrypt_then_mac", &[]),
    ("extended_master_secret", &[]),
    ("compress_certificate", &["algorithm"]),
];

/// The extensions that a length of two bytes stands before. `of` is the kind of the message.
pub(crate) fn list<'a>(cursor: &mut Cursor<'a>, of: u8, visit: &mut Visitor<'_, 'a>) -> Read {
    if cursor.is_empty() {
        // Before TLS 1.3 there need not be any.
        return Some(());
    }
    let mut list = cursor.vector(2)?;
    group("extensions", list.range(), visit, |visit| {
        while !list.is_empty() {
            one(&mut list, of, visit)?;
        }
        Some(())
    })
}

fn one<'a>(list: &mut Cursor<'a>, of: u8, visit: &mut Visitor<'_, 'a>) -> Read {
    let mut ahead = list.clone();
    let kind = u16::try_from(ahead.number(2)?).ok()?;
    let mut contents = ahead.vector(2)?;
    let name = names::extension(kind).unwrap_or("extension");
    let range = list.range().start..contents.range().end;
    group(name, range, visit, |visit| {
        list.named16("type", names::extension, visit)?;
        list.unsigned("length", 2, visit)?;
        list.take(contents.range().len())?;
        contents_of(kind, &mut contents, of, visit)?;
        if !contents.is_empty() {
            contents.rest("data", visit);
        }
        Some(())
    })
}

/// What is not read here is left in `contents`.
fn contents_of<'a>(kind: u16, contents: &mut Cursor<'a>, of: u8, visit: &mut Visitor<'_, 'a>) -> Read {
    let is_client = of == CLIENT_HELLO;
    if contents.is_empty() {
        return Some(());
    }
    match kind {
        0 => server_name(contents, visit),
        1 => contents.unsigned("exponent", 1, visit).map(drop),
        5 if is_client => contents.unsigned("status_type", 1, visit).map(drop),
        10 => contents.list16(2, "group", names::group, visit),
        11 => contents.list8("format", |_| None, visit),
        13 | 50 => contents.list16(2, "algorithm", names::signature, visit),
        15 => contents.unsigned("mode", 1, visit).map(drop),
        16 => {
            let mut list = contents.vector(2)?;
            while !list.is_empty() {
                list.text_vector("protocol", 1, visit)?;
            }
            Some(())
        }
        27 => contents.list16(1, "algorithm", certificate_compression, visit),
        28 => contents.unsigned("limit", 2, visit).map(drop),
        35 => {
            contents.rest("ticket", visit);
            Some(())
        }
        41 if is_client => pre_shared_key(contents, visit),
        41 => contents.unsigned("selected_identity", 2, visit).map(drop),
        42 => contents.unsigned("max_early_data_size", 4, visit).map(drop),
        43 if is_client => contents.list16(1, "version", names::version, visit),
        43 => contents.named16("version", names::version, visit).map(drop),
        44 => contents.opaque_vector("cookie", 2, visit),
        45 => contents.list8("mode", names::psk_mode, visit),
        51 if is_client => {
            let mut list = contents.vector(2)?;
            while !list.is_empty() {
                key_share(&mut list, visit)?;
            }
            Some(())
        }
        51 => key_share(contents, visit),
        0xFF01 => contents.opaque_vector("renegotiated_connection", 1, visit),
        _ => Some(()),
    }
}

fn certificate_compression(number: u16) -> Option<&'static str> {
    match number {
        1 => Some("zlib"),
        2 => Some("brotli"),
        3 => Some("zstd"),
        _ => None,
    }
}

fn server_name<'a>(contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    let mut list = contents.vector(2)?;
    while !list.is_empty() {
        let is_host = list.number(1)? == 0;
        list.text_vector(if is_host { "host_name" } else { "other_name" }, 2, visit)?;
    }
    Some(())
}

fn key_share<'a>(list: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    list.named16("group", names::group, visit)?;
    // A HelloRetryRequest only names the group.
    if list.is_empty() { Some(()) } else { list.opaque_vector("key_exchange", 2, visit) }
}

fn pre_shared_key<'a>(contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    let mut identities = contents.vector(2)?;
    while !identities.is_empty() {
        let identity = identities.vector(2)?;
        visit.field("identity", identity.range(), Value::Bytes(Cow::Borrowed(identity.bytes())));
        identities.unsigned("obfuscated_ticket_age", 4, visit)?;
    }
    let mut binders = contents.vector(2)?;
    while !binders.is_empty() {
        binders.opaque_vector("binder", 1, visit)?;
    }
    Some(())
}
