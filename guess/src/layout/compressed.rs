//! Compressed bytes: those that a known format's decompressor accepts.

use std::io::Read;

use super::field::Compression;

/// More is not decompressed: by then it is sure.
const MOST: u64 = 64 << 10;

/// The compression of bytes that begin with one's header, if they can be decompressed.
pub(super) fn compression(bytes: &[u8]) -> Option<Compression> {
    match *bytes {
        [0x1f, 0x8b, 8, ..] => {
            decompresses(flate2::read::MultiGzDecoder::new(bytes)).then_some(Compression::Gzip)
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            zstd::stream::read::Decoder::new(bytes).is_ok_and(decompresses).then_some(Compression::Zstd)
        }
        [4, 0x22, 0x4d, 0x18, ..] => lz4(bytes).then_some(Compression::Lz4),
        [0xff, 6, 0, 0, b's', b'N', b'a', b'P', b'p', b'Y', ..] => {
            decompresses(snap::read::FrameDecoder::new(bytes)).then_some(Compression::Snappy)
        }
        [method, flags, ..]
            if method & 15 == 8
                && (u16::from(method) << 8 | u16::from(flags)).is_multiple_of(31)
                && bytes.len() > 6 =>
        {
            decompresses(flate2::read::ZlibDecoder::new(bytes)).then_some(Compression::Zlib)
        }
        _ => snappy(bytes).then_some(Compression::Snappy),
    }
}

/// Whether a block of Snappy's without frames has what its size says. Short ones are so by chance.
fn snappy(bytes: &[u8]) -> bool {
    let is_believed = |size: usize| size > bytes.len() && size <= bytes.len() * 64;
    bytes.len() >= 16
        && snap::raw::decompress_len(bytes).is_ok_and(is_believed)
        && snap::raw::Decoder::new().decompress_vec(bytes).is_ok()
}

fn decompresses(reader: impl Read) -> bool {
    std::io::copy(&mut reader.take(MOST), &mut std::io::sink()).is_ok()
}

/// Whether the blocks of an LZ4 frame follow each other up to its end.
fn lz4(bytes: &[u8]) -> bool {
    let blocks = || {
        let flags = *bytes.get(4)?;
        if flags >> 6 != 1 {
            return None;
        }
        let mut at = 7 + usize::from(flags & 8) + usize::from(flags & 1) * 4;
        loop {
            let size = bytes.get(at..)?.first_chunk::<4>().map(|size| u32::from_le_bytes(*size))?;
            at += 4;
            if size == 0 {
                return (at + usize::from(flags & 4) == bytes.len()).then_some(());
            }
            at += usize::try_from(size & 0x7fff_ffff).ok()? + usize::from(flags & 16) / 4;
        }
    };
    blocks().is_some()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn compressed_bytes_are_recognised_and_damaged_ones_are_not() {
        let text: Vec<u8> = (0..3000u32).map(|number| (number * number % 7) as u8).collect();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        zlib.write_all(&text).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&text).unwrap();
        let zstd = zstd::stream::encode_all(&text[..], 0).unwrap();
        let raw = snap::raw::Encoder::new().compress_vec(&text).unwrap();
        let mut framed = snap::write::FrameEncoder::new(Vec::new());
        framed.write_all(&text).unwrap();
        let all = [
            (Compression::Snappy, raw),
            (Compression::Snappy, framed.into_inner().unwrap()),
            (Compression::Zlib, zlib.finish().unwrap()),
            (Compression::Gzip, gzip.finish().unwrap()),
            (Compression::Zstd, zstd),
            (Compression::Lz4, b"\x04\x22\x4d\x18\x60\x40\x82\x03\0\0\x80abc\0\0\0\0".to_vec()),
        ];
        for (kind, bytes) in all {
            assert_eq!(compression(&bytes), Some(kind));
            assert_eq!(compression(&bytes[..bytes.len() - 6]), None, "{kind:?} cut");
        }
    }
}
