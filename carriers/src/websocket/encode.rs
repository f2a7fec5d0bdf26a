//! A frame from its fields.

use framescope_parser::{Dissection, Error, Fault};

use super::mask;

/// Appends a frame. Its payload is given as it is without the mask; the length is that of the payload.
pub(super) fn encode(message: &Dissection<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    let bit = |name: &'static str, default: u64| match message.field(name) {
        None => Ok(default),
        Some(field) => {
            field.value.as_u64().filter(|bit| *bit <= 1).ok_or(Error::new(0, name, Fault::Missing))
        }
    };
    let opcode = message.field("opcode").and_then(|opcode| u8::try_from(opcode.value.as_u64()?).ok());
    let opcode = opcode.filter(|opcode| *opcode < 16).ok_or(Error::new(0, "opcode", Fault::Missing))?;
    let key =
        message.field("masking_key").map(|key| key.value.as_bytes().and_then(|key| key.try_into().ok()));
    let key: Option<[u8; 4]> = match key {
        Some(key) => Some(key.ok_or(Error::new(0, "masking_key", Fault::Missing))?),
        None if bit("masked", 0)? == 1 => return Err(Error::new(0, "masking_key", Fault::Missing)),
        None => None,
    };
    let mut payload = payload_of(message)?;
    let mut first = opcode;
    for (name, default, shift) in [("fin", 1, 7), ("rsv1", 0, 6), ("rsv2", 0, 5), ("rsv3", 0, 4)] {
        first |= u8::from(bit(name, default)? == 1) << shift;
    }
    let masked = u8::from(key.is_some()) << 7;
    out.push(first);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..=125), _) => out.push(masked | short),
        (_, Ok(length)) => {
            out.push(masked | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    if let Some(key) = key {
        out.extend_from_slice(&key);
        mask::apply(key, 0, &mut payload);
    }
    out.extend_from_slice(&payload);
    Ok(())
}

fn payload_of(message: &Dissection<'_>) -> Result<Vec<u8>, Error> {
    let Some(payload) = message.field("payload") else { return Ok(Vec::new()) };
    if let Some(bytes) = payload.value.as_bytes() {
        return Ok(bytes.to_vec());
    }
    let code = payload.field("code").and_then(|code| u16::try_from(code.value.as_u64()?).ok());
    let code = code.ok_or(Error::new(0, "payload.code", Fault::Missing))?;
    let mut bytes = code.to_be_bytes().to_vec();
    if let Some(reason) = payload.field("reason") {
        let reason = reason.value.as_bytes();
        bytes.extend_from_slice(reason.ok_or(Error::new(0, "payload.reason", Fault::Missing))?);
    }
    Ok(bytes)
}
