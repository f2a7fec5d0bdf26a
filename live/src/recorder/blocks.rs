//! The blocks of a pcapng, as bytes: section, interfaces, packets. Little-endian.

/// Packets begin with their IP header.
const LINKTYPE_RAW: u16 = 101;
/// The longest packet that is recorded, as tools are used to it.
const SNAPLEN: u32 = 262_144;
/// Times count nanoseconds.
const NANOSECONDS: u8 = 9;

const OPTION_END: u16 = 0;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_TIME_UNIT: u16 = 9;

/// A section's header, which begins the file.
pub(super) fn section() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&0x1A2B_3C4D_u32.to_le_bytes());
    body.extend_from_slice(&1_u16.to_le_bytes());
    body.extend_from_slice(&0_u16.to_le_bytes());
    // The section's length is not known while it grows.
    body.extend_from_slice(&u64::MAX.to_le_bytes());
    option(&mut body, SECTION_APPLICATION, concat!("framescope ", env!("CARGO_PKG_VERSION")).as_bytes());
    option(&mut body, OPTION_END, &[]);
    let mut out = Vec::new();
    block(&mut out, 0x0A0D_0D0A, &[&body]);
    out
}

/// What later packets call an interface by its number, which is how many there were before.
pub(super) fn interface(out: &mut Vec<u8>, name: &str) {
    let mut body = Vec::new();
    body.extend_from_slice(&LINKTYPE_RAW.to_le_bytes());
    body.extend_from_slice(&[0; 2]);
    body.extend_from_slice(&SNAPLEN.to_le_bytes());
    option(&mut body, INTERFACE_NAME, name.as_bytes());
    option(&mut body, INTERFACE_TIME_UNIT, &[NANOSECONDS]);
    option(&mut body, OPTION_END, &[]);
    block(out, 1, &[&body]);
}

/// One packet: its headers and its payload, at a time since 1970 in nanoseconds.
pub(super) fn packet(out: &mut Vec<u8>, interface: u32, time_ns: u64, headers: &[u8], payload: &[u8]) {
    let [low, high] =
        [time_ns & u64::from(u32::MAX), time_ns >> 32].map(|half| u32::try_from(half).unwrap_or(0));
    let length = u32::try_from(headers.len() + payload.len()).unwrap_or(u32::MAX);
    let mut fixed = [0; 20];
    for (to, value) in fixed.chunks_exact_mut(4).zip([interface, high, low, length, length]) {
        to.copy_from_slice(&value.to_le_bytes());
    }
    block(out, 6, &[&fixed, headers, payload]);
}

/// Appends an option of a block.
pub(crate) fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend_from_slice(&code.to_le_bytes());
    body.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
    body.extend_from_slice(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// A block: its type, its parts one after another, padded, its length at both ends.
pub(crate) fn block(out: &mut Vec<u8>, block_type: u32, body: &[&[u8]]) {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let padded = length.next_multiple_of(4);
    let total = u32::try_from(12 + padded).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&block_type.to_le_bytes());
    out.extend_from_slice(&total);
    body.iter().for_each(|part| out.extend_from_slice(part));
    out.resize(out.len() + padded - length, 0);
    out.extend_from_slice(&total);
}
