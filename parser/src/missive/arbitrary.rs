//! Frames for fuzz targets that take values: any kind, flags and payload, and extensions that can be walked.

use alloc::vec::Vec;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::extension::Tag;
use super::frame::FrameBuf;
use super::header::{Flags, Kind};

impl<'a> Arbitrary<'a> for Tag {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Tag(u.int_in_range(0..=0x7F)?))
    }
}

/// A frame that can be written and read back, though a receiver may have to refuse what its extensions and payload
/// say. With AUTH it needs a key to be written. Kinds, tags and flags that the specification names are likely.
impl<'a> Arbitrary<'a> for FrameBuf {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kind = Kind(if u.ratio(7, 8)? { u.int_in_range(1..=7)? } else { u.arbitrary()? });
        let mut frame = FrameBuf::new(kind)
            .flags(Flags(u.arbitrary::<u16>()? & 0x000F))
            .sequence(u.arbitrary()?)
            .channel(if u.ratio(7, 8)? { u.int_in_range(0..=3)? } else { u.arbitrary()? });
        for _ in 0..u.int_in_range(0..=3)? {
            let tag = if u.ratio(7, 8)? { Tag(u.int_in_range(1..=4)?) } else { u.arbitrary()? };
            let critical = u.arbitrary()?;
            let length = u.int_in_range(0..=24)?;
            let value: Vec<u8> = u.bytes(length.min(u.len()))?.to_vec();
            frame = frame.extension(tag, critical, &value).map_err(|_| arbitrary::Error::IncorrectFormat)?;
        }
        Ok(frame.payload(u.arbitrary::<Vec<u8>>()?))
    }
}
