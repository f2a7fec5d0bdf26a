//! Big-endian integers as parsers of nom. Those that come with it are inlined into others only with link-time
//! optimisation; a header has nine of them.

use nom::IResult;
use nom::error::{Error as NomError, ErrorKind, ParseError};

/// What a parser returns, with the rest.
pub(super) type Read<'b, T> = IResult<&'b [u8], T, NomError<&'b [u8]>>;

#[inline(always)]
fn fixed<const N: usize>(bytes: &[u8]) -> Read<'_, [u8; N]> {
    match bytes.split_first_chunk() {
        Some((first, rest)) => Ok((rest, *first)),
        None => Err(nom::Err::Error(NomError::from_error_kind(bytes, ErrorKind::Eof))),
    }
}

#[inline(always)]
pub(super) fn be_u8(bytes: &[u8]) -> Read<'_, u8> {
    fixed(bytes).map(|(rest, [byte])| (rest, byte))
}

#[inline(always)]
pub(super) fn be_u16(bytes: &[u8]) -> Read<'_, u16> {
    fixed(bytes).map(|(rest, bytes)| (rest, u16::from_be_bytes(bytes)))
}

#[inline(always)]
pub(super) fn be_u32(bytes: &[u8]) -> Read<'_, u32> {
    fixed(bytes).map(|(rest, bytes)| (rest, u32::from_be_bytes(bytes)))
}
