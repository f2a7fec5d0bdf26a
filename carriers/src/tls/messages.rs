//! The fields of handshake messages.
//!
//! ```text
//! 0  1  type
//! 1  3  length of what follows
//! 4  …  contents, by the type
//! ```
//!
//! Some types hold something else in TLS 1.3 than before; which it is shows by the lengths inside, which fit in one way only.

use std::fmt;

use super::codes::HANDSHAKE_OVERRUN;
use super::cursor::{Cursor, Read, Visitor, group};
use super::hello::{RETRY, is_short_hello};
use super::joiner::{CLIENT_HELLO, ENCRYPTED_EXTENSIONS, FINISHED, KEY_UPDATE, SERVER_HELLO};
use super::{certificate, extensions, names};

/// The length of what stands before the contents.
pub(crate) const HEAD: usize = 4;

const NEW_SESSION_TICKET: u8 = 4;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const CERTIFICATE_VERIFY: u8 = 15;
const CERTIFICATE_STATUS: u8 = 22;
const COMPRESSED_CERTIFICATE: u8 = 25;

/// Reports the fields of a handshake message, head included, that begins where `cursor` does. It may be cut off.
pub(crate) fn fields<'a>(cursor: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) {
    let Some(kind) = cursor.named8("type", names::handshake, visit) else { return };
    let Some(length) = cursor.unsigned("length", 3, visit) else { return };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let is_whole = length <= cursor.range().len();
    let mut contents = match cursor.take(length.min(cursor.range().len())) {
        Some(contents) => contents,
        None => return,
    };
    let kind = u8::try_from(kind.value).unwrap_or(0);
    let read = contents_of(kind, &mut contents, visit);
    if !is_whole {
        return;
    }
    if read.is_none() {
        let range = contents.range();
        visit.problem(
            HANDSHAKE_OVERRUN,
            range.clone(),
            format_args!("a length here reaches past the end of the message; {} bytes are left", range.len()),
        );
    }
    if !contents.is_empty() {
        contents.rest("data", visit);
    }
}

/// What is not read here is left in `contents`.
fn contents_of<'a>(kind: u8, contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    match kind {
        CLIENT_HELLO => {
            hello(contents, visit)?;
            let mut suites = contents.vector(2)?;
            group("cipher_suites", suites.range(), visit, |visit| {
                while !suites.is_empty() {
                    suites.named16("cipher_suite", names::cipher, visit)?;
                }
                Some(())
            })?;
            contents.list8("compression_method", names::compression, visit)?;
            extensions::list(contents, kind, visit)
        }
        SERVER_HELLO if is_short_hello(contents.bytes()) => {
            contents.named16("version", names::version, visit)?;
            contents.opaque("random", 32, visit)?;
            contents.named16("cipher_suite", names::cipher, visit)?;
            extensions::list(contents, kind, visit)
        }
        SERVER_HELLO => {
            hello(contents, visit)?;
            contents.named16("cipher_suite", names::cipher, visit)?;
            contents.named8("compression_method", names::compression, visit)?;
            extensions::list(contents, kind, visit)
        }
        NEW_SESSION_TICKET => new_session_ticket(contents, visit),
        ENCRYPTED_EXTENSIONS => extensions::list(contents, kind, visit),
        CERTIFICATE => certificates(contents, visit),
        SERVER_KEY_EXCHANGE => server_key_exchange(contents, visit),
        CERTIFICATE_REQUEST => certificate_request(contents, visit),
        CERTIFICATE_VERIFY => {
            contents.named16("algorithm", names::signature, visit)?;
            contents.opaque_vector("signature", 2, visit)
        }
        FINISHED => {
            contents.rest("verify_data", visit);
            Some(())
        }
        CERTIFICATE_STATUS => {
            contents.unsigned("status_type", 1, visit)?;
            contents.opaque_vector("response", 3, visit)
        }
        KEY_UPDATE => contents.named8("request_update", names::key_update, visit).map(drop),
        COMPRESSED_CERTIFICATE => {
            contents.unsigned("algorithm", 2, visit)?;
            contents.unsigned("uncompressed_length", 3, visit)?;
            contents.opaque_vector("compressed", 3, visit)
        }
        _ => Some(()),
    }
}

/// What both hellos begin with.
fn hello<'a>(contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    contents.named16("version", names::version, visit)?;
    contents.opaque("random", 32, visit)?;
    contents.opaque_vector("session_id", 1, visit)
}

fn new_session_ticket<'a>(contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    contents.unsigned("lifetime", 4, visit)?;
    let mut ahead = contents.clone();
    if ahead.vector(2).is_some() && ahead.is_empty() {
        return contents.opaque_vector("ticket", 2, visit);
    }
    contents.unsigned("age_add", 4, visit)?;
    contents.opaque_vector("nonce", 1, visit)?;
    contents.opaque_vector("ticket", 2, visit)?;
    extensions::list(contents, NEW_SESSION_TICKET, visit)
}

fn certificates<'a>(contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    let mut ahead = contents.clone();
    let is_13 = !(ahead.vector(3).is_some() && ahead.is_empty());
    if is_13 {
        contents.opaque_vector("certificate_request_context", 1, visit)?;
    }
    let mut list = contents.vector(3)?;
    group("certificates", list.range(), visit, |visit| {
        while !list.is_empty() {
            certificate::fields(&list.vector(3)?, visit);
            if is_13 {
                extensions::list(&mut list, CERTIFICATE, visit)?;
            }
        }
        Some(())
    })
}

fn server_key_exchange<'a>(contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    let mut ahead = contents.clone();
    // 3: a named curve. With other key exchanges it is the high byte of a length that is rarely that large.
    let (curve_type, group) = (ahead.number(1)?, ahead.number(2)?);
    let is_named = u16::try_from(group).ok().and_then(names::group).is_some();
    if curve_type != 3 || !is_named {
        return Some(());
    }
    contents.unsigned("curve_type", 1, visit)?;
    contents.named16("group", names::group, visit)?;
    contents.opaque_vector("public_key", 1, visit)?;
    let mut ahead = contents.clone();
    let algorithm = ahead.number(2).and_then(|number| u16::try_from(number).ok());
    let is_12 = algorithm.is_some_and(|number| names::signature(number).is_some())
        && ahead.vector(2).is_some()
        && ahead.is_empty();
    if is_12 {
        contents.named16("algorithm", names::signature, visit)?;
    }
    if contents.is_empty() { Some(()) } else { contents.opaque_vector("signature", 2, visit) }
}

fn certificate_request<'a>(contents: &mut Cursor<'a>, visit: &mut Visitor<'_, 'a>) -> Read {
    let mut ahead = contents.clone();
    let is_13 = ahead.vector(1).is_some() && ahead.vector(2).is_some() && ahead.is_empty();
    if is_13 {
        contents.opaque_vector("certificate_request_context", 1, visit)?;
        return extensions::list(contents, CERTIFICATE_REQUEST, visit);
    }
    contents.list8("certificate_type", |_| None, visit)?;
    let mut ahead = contents.clone();
    if ahead.vector(2).is_some() && ahead.vector(2).is_some() && ahead.is_empty() {
        contents.list16(2, "algorithm", names::signature, visit)?;
    }
    contents.opaque_vector("authorities", 2, visit)
}

/// The names of all fields of handshake messages.
pub(crate) fn field_names(prefix: &str) -> Vec<String> {
    const PLAIN: [&str; 33] = [
        "type",
        "length",
        "version",
        "random",
        "session_id",
        "cipher_suites",
        "cipher_suites.cipher_suite",
        "cipher_suite",
        "compression_method",
        "extensions",
        "lifetime",
        "age_add",
        "nonce",
        "ticket",
        "certificate_request_context",
        "certificates",
        "certificates.certificate",
        "certificates.certificate.data",
        "certificates.extensions",
        "curve_type",
        "group",
        "public_key",
        "algorithm",
        "signature",
        "certificate_type",
        "authorities",
        "verify_data",
        "status_type",
        "response",
        "request_update",
        "uncompressed_length",
        "compressed",
        "data",
    ];
    let mut all: Vec<String> = PLAIN.iter().map(|name| format!("{prefix}{name}")).collect();
    all.extend(certificate::FIELDS.iter().map(|name| format!("{prefix}certificates.certificate.{name}")));
    let known = extensions::FIELDS.iter().map(|(name, fields)| (*name, *fields));
    let others = (0..=u16::MAX).filter_map(names::extension).map(|name| (name, &[][..]));
    for within in ["", "certificates."] {
        for (name, fields) in known.clone().chain(others.clone()) {
            let path = format!("{prefix}{within}extensions.{name}");
            let common = ["type", "length", "data"].iter().chain(fields);
            all.extend(common.map(|field| format!("{path}.{field}")));
            all.push(path);
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// A handshake message in a few words.
pub(crate) struct Summary<'a> {
    pub(crate) kind: u8,
    pub(crate) contents: &'a [u8],
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_retry = self.kind == SERVER_HELLO && self.contents.get(2..34) == Some(&RETRY[..]);
        match names::handshake(self.kind) {
            _ if is_retry => f.write_str("HelloRetryRequest")?,
            Some(name) => f.write_str(name)?,
            None => write!(f, "handshake message {}", self.kind)?,
        }
        match self.kind {
            CLIENT_HELLO => self.client_hello(f),
            SERVER_HELLO => self.server_hello(f),
            _ => Ok(()),
        }
    }
}

impl Summary<'_> {
    fn client_hello(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut agreed = super::hello::Agreed::default();
        if !agreed.client_hello(self.contents) {
            return Ok(());
        }
        if let Some(sni) = &agreed.sni {
            write!(f, " {sni}")?;
        }
        if agreed.offers_13 {
            f.write_str(", TLS 1.3")?;
        }
        for (i, name) in agreed.offered_alpn.iter().enumerate() {
            write!(f, "{}{name}", if i == 0 { ", " } else { " " })?;
        }
        if agreed.early_data { f.write_str(", early data") } else { Ok(()) }
    }

    fn server_hello(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut agreed = super::hello::Agreed::default();
        if agreed.server_hello(self.contents).is_none() {
            return Ok(());
        }
        match names::version(agreed.version) {
            Some(version) => write!(f, " {version}")?,
            None => write!(f, " version {:#06x}", agreed.version)?,
        }
        if let Some(cipher) = names::cipher(agreed.cipher) {
            write!(f, ", {cipher}")?;
        }
        match &agreed.alpn {
            Some(alpn) => write!(f, ", {alpn}"),
            None => Ok(()),
        }
    }
}
