//! The checks that a field may have: CRCs by their names in the catalogue or by their parameters, sums and digests.

mod crc;
mod digits;
mod sums;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ::crc::Table;

pub use crc::Crc;
use crc::{AnyCrc, CRC_8, CRC_16, CRC_24, CRC_32, CRC_64, Crc16};
pub use digits::Digits;

/// A check: how a number, or a digest, is computed from other bytes.
///
/// ```
/// use framescope_ksy::checks::Algorithm;
///
/// let crc = Algorithm::named("crc-16/modbus").unwrap();
/// assert_eq!(crc.number(b"123456789", 2), Some(0x4b37));
/// ```
#[derive(Clone)]
pub struct Algorithm {
    kind: Kind,
    xor: u64,
    plus: u64,
}

#[derive(Clone)]
enum Kind {
    Crc8(&'static str, Arc<::crc::Crc<u8, Table<1>>>),
    Crc16(&'static str, Arc<Crc16>),
    Crc24(&'static str, Arc<::crc::Crc<u32, Table<16>>>),
    Crc32(&'static str, Arc<::crc::Crc<u32, Table<16>>>),
    /// CRC-32 as zlib computes it, which processors have instructions for.
    Crc32IsoHdlc,
    Crc64(&'static str, Arc<::crc::Crc<u64, Table<16>>>),
    /// One that the catalogue does not have.
    Crc(Arc<AnyCrc>),
    Adler32,
    /// Two sums of one byte each, modulo 255 or 256.
    Fletcher16(u32),
    /// Two sums of words of 16 bits; true if these are little-endian.
    Fletcher32(bool),
    /// All bytes added up, as wide as the field.
    Sum,
    /// The same, negated.
    NegativeSum,
    /// All words of 16 bits added up, as wide as the field; true if they are little-endian.
    SumWords(bool),
    /// All words of 16 bits combined by exclusive or.
    XorWords(bool),
    /// The ones' complement of the ones' complement sum of 16-bit words, as IP has it.
    Internet,
    /// All bytes combined by exclusive or.
    Xor,
    /// HMAC-SHA-256, the first bytes of it.
    HmacSha256,
}

/// The checks that are no CRCs.
const OTHERS: [(&str, Kind); 14] = [
    ("adler-32", Kind::Adler32),
    ("fletcher-16", Kind::Fletcher16(255)),
    ("fletcher-16/256", Kind::Fletcher16(256)),
    ("fletcher-32", Kind::Fletcher32(true)),
    ("fletcher-32/be", Kind::Fletcher32(false)),
    ("sum", Kind::Sum),
    ("negative-sum", Kind::NegativeSum),
    ("sum-16/le", Kind::SumWords(true)),
    ("sum-16/be", Kind::SumWords(false)),
    ("xor", Kind::Xor),
    ("xor-16/le", Kind::XorWords(true)),
    ("xor-16/be", Kind::XorWords(false)),
    ("internet", Kind::Internet),
    ("hmac-sha-256", Kind::HmacSha256),
];

/// Common names of checks, and the names in the catalogue.
const ALIASES: [(&str, &str); 11] = [
    ("crc-8", "crc-8/smbus"),
    ("crc-16", "crc-16/arc"),
    ("crc-16/ccitt", "crc-16/kermit"),
    ("crc-16/ccitt-false", "crc-16/ibm-3740"),
    ("crc-16/x-25", "crc-16/ibm-sdlc"),
    ("crc-24", "crc-24/openpgp"),
    ("crc-32", "crc-32/iso-hdlc"),
    ("crc-32c", "crc-32/iscsi"),
    ("crc-64", "crc-64/ecma-182"),
    ("fletcher-32/le", "fletcher-32"),
    ("checksum", "internet"),
];

impl Algorithm {
    /// The check with a name, in any case.
    pub fn named(name: &str) -> Option<Algorithm> {
        let lower = name.to_ascii_lowercase();
        let name = ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(lower.as_str(), |(_, name)| name);
        let kind = match Kind::crc(name) {
            Some(kind) => kind,
            None => OTHERS.iter().find(|(known, _)| *known == name)?.1.clone(),
        };
        Some(Algorithm { kind, xor: 0, plus: 0 })
    }

    /// A CRC by its parameters.
    pub fn crc(about: Crc) -> Algorithm {
        let known = about.name().and_then(Kind::crc);
        Algorithm { kind: known.unwrap_or_else(|| Kind::Crc(AnyCrc::new(about).into())), xor: 0, plus: 0 }
    }

    /// The same, its number then combined with another by exclusive or.
    pub fn xored(self, xor: u64) -> Algorithm {
        Algorithm { xor, ..self }
    }

    /// The same, to whose number another is then added.
    pub fn plus(self, plus: u64) -> Algorithm {
        Algorithm { plus, ..self }
    }

    /// Every name that [`Algorithm::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let others = OTHERS.iter().map(|(name, _)| *name);
        Crc::all().map(|(name, _)| name).chain(others).chain(ALIASES.iter().map(|(name, _)| *name))
    }

    /// Its name; "crc" for a CRC that the catalogue does not have.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Crc8(name, _)
            | Kind::Crc16(name, _)
            | Kind::Crc24(name, _)
            | Kind::Crc32(name, _)
            | Kind::Crc64(name, _) => name,
            Kind::Crc32IsoHdlc => "crc-32/iso-hdlc",
            Kind::Crc(_) => "crc",
            Kind::Adler32 => "adler-32",
            Kind::Fletcher16(255) => "fletcher-16",
            Kind::Fletcher16(_) => "fletcher-16/256",
            Kind::Fletcher32(true) => "fletcher-32",
            Kind::Fletcher32(false) => "fletcher-32/be",
            Kind::Sum => "sum",
            Kind::NegativeSum => "negative-sum",
            Kind::SumWords(true) => "sum-16/le",
            Kind::SumWords(false) => "sum-16/be",
            Kind::XorWords(true) => "xor-16/le",
            Kind::XorWords(false) => "xor-16/be",
            Kind::Internet => "internet",
            Kind::Xor => "xor",
            Kind::HmacSha256 => "hmac-sha-256",
        }
    }

    /// The parameters of a CRC that the catalogue does not have.
    pub fn parameters(&self) -> Option<Crc> {
        match &self.kind {
            Kind::Crc(crc) => Some(crc.about),
            _ => None,
        }
    }

    /// Whether it needs a key.
    pub fn is_keyed(&self) -> bool {
        matches!(self.kind, Kind::HmacSha256)
    }

    /// The check over some bytes as a number at most `width` bytes wide. None for a digest.
    pub fn number(&self, bytes: &[u8], width: u32) -> Option<u64> {
        let full = match &self.kind {
            Kind::Crc8(_, crc) => crc.checksum(bytes).into(),
            Kind::Crc16(_, crc) => crc.checksum(bytes).into(),
            Kind::Crc24(_, crc) | Kind::Crc32(_, crc) => crc.checksum(bytes).into(),
            Kind::Crc32IsoHdlc => crc32fast::hash(bytes).into(),
            Kind::Crc64(_, crc) => crc.checksum(bytes),
            Kind::Crc(crc) => crc.checksum(bytes),
            Kind::Adler32 => sums::adler32(bytes).into(),
            Kind::Fletcher16(modulus) => sums::fletcher16(bytes, *modulus).into(),
            Kind::Fletcher32(le) => sums::fletcher32(bytes, *le),
            Kind::Sum => sums::sum(bytes),
            Kind::NegativeSum => sums::sum(bytes).wrapping_neg(),
            Kind::SumWords(le) => sums::sum_words(bytes, *le),
            Kind::XorWords(le) => sums::xor_words(bytes, *le),
            Kind::Internet => sums::internet(bytes).into(),
            Kind::Xor => bytes.iter().fold(0, |all, byte| all ^ byte).into(),
            Kind::HmacSha256 => return None,
        };
        let full = (full ^ self.xor).wrapping_add(self.plus);
        Some(match width {
            0..8 => full & ((1 << (8 * width)) - 1),
            _ => full,
        })
    }
}

impl Kind {
    /// The CRC with a name of the catalogue.
    fn crc(name: &str) -> Option<Kind> {
        if name == "crc-32/iso-hdlc" {
            return Some(Kind::Crc32IsoHdlc);
        }
        if let Some(&(name, algorithm)) = CRC_8.iter().find(|(known, _)| *known == name) {
            return Some(Kind::Crc8(name, ::crc::Crc::<u8, Table<1>>::new(algorithm).into()));
        }
        if let Some(&(name, algorithm)) = CRC_16.iter().find(|(known, _)| *known == name) {
            return Some(Kind::Crc16(name, Crc16::new(algorithm).into()));
        }
        if let Some(&(name, algorithm)) = CRC_24.iter().find(|(known, _)| *known == name) {
            return Some(Kind::Crc24(name, ::crc::Crc::<u32, Table<16>>::new(algorithm).into()));
        }
        if let Some(&(name, algorithm)) = CRC_32.iter().find(|(known, _)| *known == name) {
            return Some(Kind::Crc32(name, ::crc::Crc::<u32, Table<16>>::new(algorithm).into()));
        }
        let &(name, algorithm) = CRC_64.iter().find(|(known, _)| *known == name)?;
        Some(Kind::Crc64(name, ::crc::Crc::<u64, Table<16>>::new(algorithm).into()))
    }
}

/// As a description's `-check` says it, without what it covers: `crc-16/modbus`, `algorithm: sum, plus: 0x55`.
impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self.parameters() {
            Some(Crc { width, polynomial, initial, reflected, xor }) => write!(
                f,
                "algorithm: {name}, width: {width}, polynomial: {polynomial:#x}, initial: {initial:#x}, reflected: {reflected}, xor: {:#x}",
                xor ^ self.xor
            )?,
            None if self.xor == 0 && self.plus == 0 => return f.write_str(name),
            None => {
                write!(f, "algorithm: {name}")?;
                if self.xor != 0 {
                    write!(f, ", xor: {:#x}", self.xor)?;
                }
            }
        }
        if self.plus != 0 {
            write!(f, ", plus: {:#x}", self.plus)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl PartialEq for Algorithm {
    fn eq(&self, other: &Algorithm) -> bool {
        (self.name(), self.parameters(), self.xor, self.plus)
            == (other.name(), other.parameters(), other.xor, other.plus)
    }
}

/// The bytes that a check covers, and `then` after them. Its own bytes count as zero where they are among them.
pub(crate) fn covered<'b>(
    bytes: &'b [u8],
    from: usize,
    to: usize,
    own: std::ops::Range<usize>,
    then: Option<u8>,
) -> Option<Cow<'b, [u8]>> {
    let mut covered = Cow::Borrowed(bytes.get(from..to)?);
    if own.start < to && own.end > from {
        let own = own.start.saturating_sub(from)..own.end.saturating_sub(from).min(covered.len());
        covered.to_mut().get_mut(own)?.fill(0);
    }
    if let Some(then) = then {
        covered.to_mut().push(then);
    }
    Some(covered)
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, Crc, covered};

    #[test]
    fn checks_have_the_catalogues_values() {
        for (name, width, expected) in [
            ("crc-8", 1, 0xf4),
            ("crc-16/xmodem", 2, 0x31c3),
            ("crc-16/modbus", 2, 0x4b37),
            ("crc-32", 4, 0xcbf4_3926),
            ("CRC-32C", 4, 0xe306_9283),
            ("crc-24", 3, 0x21_cf02),
            ("crc-24/ble", 4, 0xc2_5a56),
            ("crc-64", 8, 0x6c40_df5f_0b49_7347),
            ("crc-64/xz", 8, 0x995d_c9bb_df19_39fa),
            ("adler-32", 4, 0x091e_01de),
            ("fletcher-16", 2, 0x1ede),
            ("fletcher-16/256", 2, 0x15dd),
            ("fletcher-32", 4, 0xdf09_d509),
            ("fletcher-32/be", 4, 0x09df_09d5),
            ("sum-16/be", 2, 0x09d4),
            ("sum-16/le", 4, 0xd509),
            ("xor-16/be", 2, 0x3908),
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
    fn crcs_of_16_bits_are_those_of_the_library() {
        let bytes: Vec<u8> = (0..100u8).map(|n| n.wrapping_mul(37)).collect();
        for (name, algorithm) in super::CRC_16 {
            assert_eq!(algorithm.refin, algorithm.refout, "{name}");
            let library = ::crc::Crc::<u16, ::crc::Table<1>>::new(algorithm);
            let own = super::Crc16::new(algorithm);
            for end in 0..bytes.len() {
                let bytes = &bytes[..end];
                assert_eq!(own.checksum(bytes), library.checksum(bytes), "{name} of {end} bytes");
            }
        }
    }

    #[test]
    fn crcs_by_their_parameters_are_those_of_the_catalogue() {
        let bytes: Vec<u8> = (0..100u8).map(|n| n.wrapping_mul(37)).collect();
        for (name, about) in Crc::all() {
            assert_eq!(about.name(), Some(name));
            assert_eq!(Algorithm::crc(about).name(), name);
            let (any, known) = (super::AnyCrc::new(about), Algorithm::named(name).unwrap());
            for end in 0..20 {
                assert_eq!(Some(any.checksum(&bytes[..end])), known.number(&bytes[..end], 8), "{name}");
            }
        }
        let can = Crc { width: 15, polynomial: 0x4599, initial: 0, reflected: false, xor: 0 };
        assert_eq!(Algorithm::crc(can).number(b"123456789", 2), Some(0x059e));
        let usb = Crc { width: 5, polynomial: 5, initial: 0x1f, reflected: true, xor: 0x1f };
        assert_eq!(Algorithm::crc(usb).number(b"123456789", 1), Some(0x19));
    }

    #[test]
    fn a_number_is_combined_with_another_and_then_added_to() {
        let sum = Algorithm::named("sum").unwrap().xored(0xff).plus(3);
        assert_eq!(sum.number(&[0xf0, 0x0e], 1), Some(4));
        assert_eq!(sum.to_string(), "algorithm: sum, xor: 0xff, plus: 0x3");
    }

    #[test]
    fn a_checks_own_bytes_count_as_zero() {
        assert_eq!(covered(b"abcdef", 1, 5, 2..4, None).unwrap().as_ref(), b"b\0\0e");
        assert_eq!(covered(b"abcdef", 0, 3, 3..5, None).unwrap().as_ref(), b"abc");
        assert!(covered(b"abc", 2, 9, 0..1, None).is_none());
    }

    #[test]
    fn a_byte_may_follow_what_a_message_has() {
        assert_eq!(covered(b"abcdef", 1, 5, 2..4, Some(b'x')).unwrap().as_ref(), b"b\0\0ex");
        assert_eq!(covered(b"abcdef", 0, 3, 3..5, Some(b'x')).unwrap().as_ref(), b"abcx");
    }
}
