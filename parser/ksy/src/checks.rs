//! The checks that a field may hold: CRCs by their names in the catalogue, sums and digests.

use std::borrow::Cow;

use crc::{Crc, Table};

/// How a check is computed.
#[derive(Clone)]
pub(crate) enum Algorithm {
    Crc8(&'static str, std::sync::Arc<Crc<u8, Table<1>>>),
    Crc16(&'static str, std::sync::Arc<Crc16>),
    Crc32(&'static str, std::sync::Arc<Crc<u32, Table<16>>>),
    /// CRC-32 as zlib computes it, which processors have instructions for.
    Crc32IsoHdlc,
    Adler32,
    /// All bytes added up, as wide as the field.
    Sum,
    /// The same, negated.
    NegativeSum,
    /// The ones' complement of the ones' complement sum of 16-bit words, as IP has it.
    Internet,
    /// All bytes combined by exclusive or.
    Xor,
    /// HMAC-SHA-256, the first bytes of it.
    HmacSha256,
}

impl std::fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A CRC of 16 bits over eight bytes at a time. The library's own code decides again for each byte in which order bits
/// count, which takes twice as long for the few bytes of a header.
pub(crate) struct Crc16 {
    lanes: Box<[[u16; 256]; 8]>,
    begin: u16,
    xor: u16,
    reflected: bool,
}

impl Crc16 {
    fn new(algorithm: &crc::Algorithm<u16>) -> Crc16 {
        // In all of the catalogue, bits go in and come out in the same order.
        let reflected = algorithm.refin;
        let polynomial = if reflected { algorithm.poly.reverse_bits() } else { algorithm.poly };
        let mut lanes = Box::new([[0u16; 256]; 8]);
        let mut last = [0u16; 256];
        for (byte, entry) in (0u16..).zip(&mut last) {
            *entry = if reflected { byte } else { byte << 8 };
            for _ in 0..8 {
                let (carry, shifted) = match reflected {
                    true => (*entry & 1, *entry >> 1),
                    false => (*entry >> 15, *entry << 1),
                };
                *entry = if carry == 1 { shifted ^ polynomial } else { shifted };
            }
        }
        let first = last;
        for lane in &mut *lanes {
            *lane = last;
            for entry in &mut last {
                let [high, low] = entry.to_be_bytes();
                let (own, rest) = if reflected { (low, *entry >> 8) } else { (high, *entry << 8) };
                *entry = rest ^ first.get(usize::from(own)).copied().unwrap_or(0);
            }
        }
        let begin = if reflected { algorithm.init.reverse_bits() } else { algorithm.init };
        Crc16 { lanes, begin, xor: algorithm.xorout, reflected }
    }

    fn checksum(&self, bytes: &[u8]) -> u16 {
        let crc = if self.reflected { self.run::<true>(bytes) } else { self.run::<false>(bytes) };
        crc ^ self.xor
    }

    #[inline]
    fn run<const REFLECTED: bool>(&self, bytes: &[u8]) -> u16 {
        let [l0, l1, l2, l3, l4, l5, l6, l7] = &*self.lanes;
        let of = |lane: &[u16; 256], byte: u8| lane.get(usize::from(byte)).copied().unwrap_or(0);
        let mut crc = self.begin;
        let (blocks, rest) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in blocks {
            let [first, second] = if REFLECTED { crc.to_le_bytes() } else { crc.to_be_bytes() };
            crc = of(l7, a ^ first)
                ^ of(l6, b ^ second)
                ^ of(l5, c)
                ^ of(l4, d)
                ^ of(l3, e)
                ^ of(l2, f)
                ^ of(l1, g)
                ^ of(l0, h);
        }
        for &byte in rest {
            let [high, low] = crc.to_be_bytes();
            crc = match REFLECTED {
                true => of(l0, low ^ byte) ^ crc >> 8,
                false => of(l0, high ^ byte) ^ crc << 8,
            };
        }
        crc
    }
}

macro_rules! catalogue {
    ($($name:literal = $constant:ident,)+) => { &[$(($name, &crc::$constant),)+] };
}

static CRC_8: &[(&str, &crc::Algorithm<u8>)] = catalogue! {
    "crc-8/autosar" = CRC_8_AUTOSAR, "crc-8/bluetooth" = CRC_8_BLUETOOTH, "crc-8/cdma2000" = CRC_8_CDMA2000,
    "crc-8/darc" = CRC_8_DARC, "crc-8/dvb-s2" = CRC_8_DVB_S2, "crc-8/gsm-a" = CRC_8_GSM_A, "crc-8/gsm-b" = CRC_8_GSM_B,
    "crc-8/i-432-1" = CRC_8_I_432_1, "crc-8/i-code" = CRC_8_I_CODE, "crc-8/lte" = CRC_8_LTE,
    "crc-8/maxim-dow" = CRC_8_MAXIM_DOW, "crc-8/mifare-mad" = CRC_8_MIFARE_MAD, "crc-8/nrsc-5" = CRC_8_NRSC_5,
    "crc-8/opensafety" = CRC_8_OPENSAFETY, "crc-8/rohc" = CRC_8_ROHC, "crc-8/sae-j1850" = CRC_8_SAE_J1850,
    "crc-8/smbus" = CRC_8_SMBUS, "crc-8/tech-3250" = CRC_8_TECH_3250, "crc-8/wcdma" = CRC_8_WCDMA,
};

static CRC_16: &[(&str, &crc::Algorithm<u16>)] = catalogue! {
    "crc-16/arc" = CRC_16_ARC, "crc-16/cdma2000" = CRC_16_CDMA2000, "crc-16/cms" = CRC_16_CMS,
    "crc-16/dds-110" = CRC_16_DDS_110, "crc-16/dect-r" = CRC_16_DECT_R, "crc-16/dect-x" = CRC_16_DECT_X,
    "crc-16/dnp" = CRC_16_DNP, "crc-16/en-13757" = CRC_16_EN_13757, "crc-16/genibus" = CRC_16_GENIBUS,
    "crc-16/gsm" = CRC_16_GSM, "crc-16/ibm-3740" = CRC_16_IBM_3740, "crc-16/ibm-sdlc" = CRC_16_IBM_SDLC,
    "crc-16/iso-iec-14443-3-a" = CRC_16_ISO_IEC_14443_3_A, "crc-16/kermit" = CRC_16_KERMIT, "crc-16/lj1200" = CRC_16_LJ1200,
    "crc-16/maxim-dow" = CRC_16_MAXIM_DOW, "crc-16/mcrf4xx" = CRC_16_MCRF4XX, "crc-16/modbus" = CRC_16_MODBUS,
    "crc-16/nrsc-5" = CRC_16_NRSC_5, "crc-16/opensafety-a" = CRC_16_OPENSAFETY_A,
    "crc-16/opensafety-b" = CRC_16_OPENSAFETY_B, "crc-16/profibus" = CRC_16_PROFIBUS, "crc-16/riello" = CRC_16_RIELLO,
    "crc-16/spi-fujitsu" = CRC_16_SPI_FUJITSU, "crc-16/t10-dif" = CRC_16_T10_DIF, "crc-16/teledisk" = CRC_16_TELEDISK,
    "crc-16/tms37157" = CRC_16_TMS37157, "crc-16/umts" = CRC_16_UMTS, "crc-16/usb" = CRC_16_USB,
    "crc-16/xmodem" = CRC_16_XMODEM,
};

static CRC_32: &[(&str, &crc::Algorithm<u32>)] = catalogue! {
    "crc-32/aixm" = CRC_32_AIXM, "crc-32/autosar" = CRC_32_AUTOSAR, "crc-32/base91-d" = CRC_32_BASE91_D,
    "crc-32/bzip2" = CRC_32_BZIP2, "crc-32/cd-rom-edc" = CRC_32_CD_ROM_EDC, "crc-32/cksum" = CRC_32_CKSUM,
    "crc-32/iscsi" = CRC_32_ISCSI, "crc-32/jamcrc" = CRC_32_JAMCRC, "crc-32/mef" = CRC_32_MEF,
    "crc-32/mpeg-2" = CRC_32_MPEG_2, "crc-32/xfer" = CRC_32_XFER,
};

/// Common names of checks, and the names in the catalogue.
const ALIASES: [(&str, &str); 8] = [
    ("crc-8", "crc-8/smbus"),
    ("crc-16", "crc-16/arc"),
    ("crc-16/ccitt", "crc-16/kermit"),
    ("crc-16/ccitt-false", "crc-16/ibm-3740"),
    ("crc-16/x-25", "crc-16/ibm-sdlc"),
    ("crc-32", "crc-32/iso-hdlc"),
    ("crc-32c", "crc-32/iscsi"),
    ("checksum", "internet"),
];
const OTHERS: [&str; 7] =
    ["crc-32/iso-hdlc", "adler-32", "sum", "negative-sum", "internet", "xor", "hmac-sha-256"];

impl Algorithm {
    /// The check with a name.
    pub(crate) fn named(name: &str) -> Option<Algorithm> {
        let lower = name.to_ascii_lowercase();
        let name = ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(lower.as_str(), |(_, name)| name);
        if let Some(&(name, algorithm)) = CRC_8.iter().find(|(known, _)| *known == name) {
            return Some(Algorithm::Crc8(name, Crc::<u8, Table<1>>::new(algorithm).into()));
        }
        if let Some(&(name, algorithm)) = CRC_16.iter().find(|(known, _)| *known == name) {
            return Some(Algorithm::Crc16(name, Crc16::new(algorithm).into()));
        }
        if let Some(&(name, algorithm)) = CRC_32.iter().find(|(known, _)| *known == name) {
            return Some(Algorithm::Crc32(name, Crc::<u32, Table<16>>::new(algorithm).into()));
        }
        Some(match name {
            "crc-32/iso-hdlc" => Algorithm::Crc32IsoHdlc,
            "adler-32" => Algorithm::Adler32,
            "sum" => Algorithm::Sum,
            "negative-sum" => Algorithm::NegativeSum,
            "internet" => Algorithm::Internet,
            "xor" => Algorithm::Xor,
            "hmac-sha-256" => Algorithm::HmacSha256,
            _ => return None,
        })
    }

    /// Every name that [`Algorithm::named`] knows.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        let names = CRC_8.iter().map(|(name, _)| *name);
        let names =
            names.chain(CRC_16.iter().map(|(name, _)| *name)).chain(CRC_32.iter().map(|(name, _)| *name));
        names.chain(OTHERS).chain(ALIASES.iter().map(|(name, _)| *name))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Algorithm::Crc8(name, _) | Algorithm::Crc16(name, _) | Algorithm::Crc32(name, _) => name,
            Algorithm::Crc32IsoHdlc => "crc-32/iso-hdlc",
            Algorithm::Adler32 => "adler-32",
            Algorithm::Sum => "sum",
            Algorithm::NegativeSum => "negative-sum",
            Algorithm::Internet => "internet",
            Algorithm::Xor => "xor",
            Algorithm::HmacSha256 => "hmac-sha-256",
        }
    }

    /// Whether it needs a key.
    pub(crate) fn is_keyed(&self) -> bool {
        matches!(self, Algorithm::HmacSha256)
    }

    /// The check over some bytes as a number at most `width` bytes wide. None for a digest.
    pub(crate) fn number(&self, bytes: &[u8], width: u32) -> Option<u64> {
        let sum = || bytes.iter().fold(0u64, |sum, &byte| sum.wrapping_add(byte.into()));
        let full = match self {
            Algorithm::Crc8(_, crc) => crc.checksum(bytes).into(),
            Algorithm::Crc16(_, crc) => crc.checksum(bytes).into(),
            Algorithm::Crc32(_, crc) => crc.checksum(bytes).into(),
            Algorithm::Crc32IsoHdlc => crc32fast::hash(bytes).into(),
            Algorithm::Adler32 => adler32(bytes).into(),
            Algorithm::Sum => sum(),
            Algorithm::NegativeSum => sum().wrapping_neg(),
            Algorithm::Internet => internet(bytes).into(),
            Algorithm::Xor => bytes.iter().fold(0, |all, byte| all ^ byte).into(),
            Algorithm::HmacSha256 => return None,
        };
        Some(match width {
            0..8 => full & ((1 << (8 * width)) - 1),
            _ => full,
        })
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // Up to this length both sums fit in 32 bits.
    for block in bytes.chunks(5552) {
        for &byte in block {
            a += u32::from(byte);
            b += a;
        }
        a %= 65521;
        b %= 65521;
    }
    b << 16 | a
}

fn internet(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        let word = [pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)];
        u64::from(u16::from_be_bytes(word))
    });
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// The bytes that a check covers. Its own bytes count as zero where they are among them.
pub(crate) fn covered<'b>(
    bytes: &'b [u8],
    from: usize,
    to: usize,
    own: std::ops::Range<usize>,
) -> Option<Cow<'b, [u8]>> {
    let covered = bytes.get(from..to)?;
    if own.start >= to || own.end <= from {
        return Some(Cow::Borrowed(covered));
    }
    let mut zeroed = covered.to_vec();
    let own = own.start.saturating_sub(from)..own.end.saturating_sub(from).min(zeroed.len());
    zeroed.get_mut(own)?.fill(0);
    Some(Cow::Owned(zeroed))
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, covered};

    #[test]
    fn checks_have_the_catalogues_values() {
        for (name, width, expected) in [
            ("crc-8", 1, 0xf4),
            ("crc-16/xmodem", 2, 0x31c3),
            ("crc-16/modbus", 2, 0x4b37),
            ("crc-32", 4, 0xcbf4_3926),
            ("CRC-32C", 4, 0xe306_9283),
            ("adler-32", 4, 0x091e_01de),
            ("sum", 1, 0xdd),
            ("negative-sum", 1, 0x23),
            ("xor", 1, 0x31),
        ] {
            let algorithm = Algorithm::named(name).unwrap();
            assert_eq!(algorithm.number(b"123456789", width), Some(expected), "{name}");
        }
        assert_eq!(Algorithm::named("internet").unwrap().number(&[0x45, 0, 0, 0x1c], 2), Some(0xbae3));
        assert!(Algorithm::names().all(|name| Algorithm::named(name).is_some()));
    }

    #[test]
    fn crcs_of_16_bits_are_the_librarys() {
        let bytes: Vec<u8> = (0..100u8).map(|n| n.wrapping_mul(37)).collect();
        for (name, algorithm) in super::CRC_16 {
            assert_eq!(algorithm.refin, algorithm.refout, "{name}");
            let library = crc::Crc::<u16, crc::Table<1>>::new(algorithm);
            let own = super::Crc16::new(algorithm);
            for end in 0..bytes.len() {
                let bytes = &bytes[..end];
                assert_eq!(own.checksum(bytes), library.checksum(bytes), "{name} of {end} bytes");
            }
        }
    }

    #[test]
    fn a_checks_own_bytes_count_as_zero() {
        assert_eq!(covered(b"abcdef", 1, 5, 2..4).unwrap().as_ref(), b"b\0\0e");
        assert_eq!(covered(b"abcdef", 0, 3, 3..5).unwrap().as_ref(), b"abc");
        assert!(covered(b"abc", 2, 9, 0..1).is_none());
    }
}
