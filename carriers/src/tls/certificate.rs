//! The fields of a certificate: whose it is, who signed it, and when it holds. Nothing of it is verified.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

use framescope_parser::Value;
use x509_parser::prelude::{ASN1Time, FromDer as _, GeneralName, X509Certificate};

use super::codes::BAD_CERTIFICATE;
use super::cursor::{Cursor, Visitor, group};

/// The names of its fields.
pub(crate) const FIELDS: [&str; 9] = [
    "version",
    "serial_number",
    "issuer",
    "not_before",
    "not_after",
    "subject",
    "dns_name",
    "ip_address",
    "email",
];

/// The most names that are shown of one.
const MAX_NAMES: usize = 100;

/// Reports a certificate.
pub(crate) fn fields<'a>(certificate: &Cursor<'a>, visit: &mut Visitor<'_, 'a>) {
    let (bytes, range) = (certificate.bytes(), certificate.range());
    group("certificate", range.clone(), visit, |visit| match X509Certificate::from_der(bytes) {
        Ok((_, parsed)) => report(&parsed, bytes, range.start, visit),
        Err(error) => {
            visit.field("data", range.clone(), Value::Bytes(Cow::Borrowed(bytes)));
            visit.problem(
                BAD_CERTIFICATE,
                range,
                format_args!("the certificate can't be read as X.509: {error}"),
            );
        }
    });
}

fn report<'a>(parsed: &X509Certificate<'a>, bytes: &'a [u8], start: usize, visit: &mut Visitor<'_, 'a>) {
    let place = |part: &[u8]| place_in(bytes, part, start);
    visit.field("version", start..start, Value::Unsigned(u64::from(parsed.version().0).saturating_add(1)));
    let serial = parsed.raw_serial();
    visit.field("serial_number", place(serial), Value::Bytes(Cow::Owned(serial.to_vec())));
    let issuer = place(parsed.issuer().as_raw());
    visit.field("issuer", issuer.clone(), Value::Text(Cow::Owned(parsed.issuer().to_string())));
    // The two times follow the issuer, in a sequence with a head of two bytes; each has such a head too.
    let length = |at: usize| bytes.get(at.wrapping_sub(start)).map_or(0, |&length| usize::from(length));
    let first = issuer.end + 2;
    let first_end = first + 2 + length(first + 1);
    let second_end = first_end + 2 + length(first_end + 1);
    let end = start + bytes.len();
    let within = |range: Range<usize>| range.start.min(end)..range.end.min(end);
    let validity = parsed.validity();
    visit.field("not_before", within(first + 2..first_end), time(validity.not_before));
    visit.field("not_after", within(first_end + 2..second_end), time(validity.not_after));
    let subject = parsed.subject();
    visit.field("subject", place(subject.as_raw()), Value::Text(Cow::Owned(subject.to_string())));
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return };
    for name in names.value.general_names.iter().take(MAX_NAMES) {
        match name {
            GeneralName::DNSName(name) => {
                visit.field("dns_name", place(name.as_bytes()), Value::Text(Cow::Owned((*name).into())))
            }
            GeneralName::RFC822Name(name) => {
                visit.field("email", place(name.as_bytes()), Value::Text(Cow::Owned((*name).into())))
            }
            GeneralName::IPAddress(address) => {
                let known = <[u8; 4]>::try_from(*address).map(IpAddr::from);
                let known = known.or_else(|_| <[u8; 16]>::try_from(*address).map(IpAddr::from));
                let value = match known {
                    Ok(known) => Value::Text(Cow::Owned(known.to_string())),
                    Err(_) => Value::Bytes(Cow::Owned(address.to_vec())),
                };
                visit.field("ip_address", place(address), value);
            }
            _ => {}
        }
    }
}

/// Where in the message a part of a certificate is.
fn place_in(bytes: &[u8], part: &[u8], start: usize) -> Range<usize> {
    let offset = part.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr());
    match offset.checked_add(part.len()) {
        Some(end) if end <= bytes.len() => start + offset..start + end,
        // It was copied.
        _ => start..start,
    }
}

fn time(time: ASN1Time) -> Value<'static> {
    let at = time.to_datetime();
    Value::Text(Cow::Owned(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )))
}
