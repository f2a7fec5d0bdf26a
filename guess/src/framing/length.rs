//! Fields that say how long a message is.

use std::fmt;

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// An integer of 1 to 8 bytes, of whose bits only the lowest `bits` count.
    Integer {
        /// Bytes.
        width: u8,
        /// Whether the lowest byte comes first.
        is_little: bool,
        /// How many of the bits count.
        bits: u8,
    },
    /// Seven bits a byte, the lowest first; the highest bit says that more follow.
    Leb128,
    /// Seven bits a byte, the highest first; the highest bit says that more follow.
    Vlq,
    /// The length of ASN.1's basic encoding.
    Ber,
    /// As WebSocket has it: seven bits, or 16 after 126, or 64 after 127. The highest bit says that four bytes more follow the field.
    WebSocket,
    /// One byte, or `wide` bytes if the bit `flag` is set in the byte before the field.
    Flagged {
        /// The bit, of which only one is set.
        flag: u8,
        /// Bytes, the highest first.
        wide: u8,
    },
    /// Decimal digits up to a byte that is none, which belongs to the field.
    Decimal,
    /// Hexadecimal digits up to a byte that is none, which belongs to the field.
    Hexadecimal,
    /// So many decimal digits, perhaps with blanks before them.
    Digits(u8),
    /// So many hexadecimal digits.
    HexDigits(u8),
}

/// A field that says how long a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LengthField {
    /// How many bytes of the message come before it.
    pub offset: usize,
    /// How it is written.
    pub encoding: Encoding,
    /// How many bytes a unit is.
    pub unit: usize,
    /// How many bytes follow the field beside those that it counts; negative where it also counts bytes before its end.
    pub beyond: i64,
}

impl LengthField {
    /// How long the message is that `bytes` begin with. None if it can't be one; None inside if the field is not there yet.
    #[inline]
    pub fn total(&self, bytes: &[u8]) -> Option<Option<usize>> {
        let (value, width) = match self.read(bytes) {
            Read::Value(value, width) => (value, width),
            Read::Cut => return Some(None),
            Read::Wrong => return None,
        };
        if value == 0 && self.is_alone_at_zero() {
            return Some(Some(self.offset + width));
        }
        let total = self.end_of(value, width)?.checked_add(self.beyond)?;
        let total = usize::try_from(total).ok()?;
        (total >= self.offset + width).then_some(Some(total))
    }

    /// Where what it counts ends in the message that `bytes` begin with, if nothing were beyond that.
    pub(super) fn counted(&self, bytes: &[u8]) -> Option<i64> {
        match self.read(bytes) {
            Read::Value(value, width) => self.end_of(value, width),
            Read::Cut | Read::Wrong => None,
        }
    }

    /// Whether a length of 0 says that nothing follows, though it counts itself: a mark of its own, where lengths are digits.
    pub(crate) fn is_alone_at_zero(&self) -> bool {
        self.beyond < 0 && matches!(self.encoding, Encoding::Digits(_) | Encoding::HexDigits(_))
    }

    fn end_of(&self, value: u64, width: usize) -> Option<i64> {
        let counted = i64::try_from(value).ok()?.checked_mul(i64::try_from(self.unit).ok()?)?;
        i64::try_from(self.offset + width).ok()?.checked_add(counted)
    }
}

impl LengthField {
    /// How many bytes the field has in a message.
    pub fn width_in(&self, message: &[u8]) -> Option<usize> {
        match self.read(message) {
            Read::Value(_, width) => Some(width),
            _ => None,
        }
    }

    fn read(&self, bytes: &[u8]) -> Read {
        let Some(field) = bytes.get(self.offset..) else { return Read::Cut };
        match self.encoding {
            Encoding::Flagged { flag, wide } => {
                let Some(before) = self.offset.checked_sub(1).and_then(|at| bytes.get(at)) else {
                    return Read::Wrong;
                };
                let width = if before & flag == 0 { 1 } else { wide };
                Encoding::Integer { width, is_little: false, bits: width * 8 }.read(field)
            }
            encoding => encoding.read(field),
        }
    }
}

impl LengthField {
    /// Where the next message begins, in words.
    pub(crate) fn next(&self) -> String {
        let width = self.encoding.width();
        let how = match self.encoding {
            Encoding::Integer { width: 1, .. } => "",
            Encoding::Integer { is_little: true, .. } => " little-endian",
            Encoding::Integer { .. } => " big-endian",
            Encoding::Decimal | Encoding::Digits(_) => " in decimal digits",
            Encoding::Hexadecimal | Encoding::HexDigits(_) => " in hexadecimal digits",
            Encoding::Leb128
            | Encoding::Vlq
            | Encoding::Ber
            | Encoding::WebSocket
            | Encoding::Flagged { .. } => {
                return format!("what the length at byte {} says", self.offset);
            }
        };
        let bytes = match width {
            1 => format!("byte {}", self.offset),
            width => format!("bytes {}..{}", self.offset, self.offset + width),
        };
        let times = if self.unit == 1 { String::new() } else { format!(" times {}", self.unit) };
        let plus = i64::try_from(self.offset + width).unwrap_or(i64::MAX).saturating_add(self.beyond);
        let plus = match plus {
            0 => String::new(),
            plus if plus > 0 => format!(" plus {plus}"),
            plus => format!(" minus {}", plus.unsigned_abs()),
        };
        format!("{bytes}{how}{times}{plus}")
    }
}

impl fmt::Display for LengthField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.encoding {
            Encoding::Integer { width: 1, bits: 8, .. } => "1 byte".to_owned(),
            Encoding::Integer { width: 1, bits, .. } => format!("the low {bits} bits of 1 byte"),
            Encoding::Integer { width, is_little, bits } => {
                let order = if is_little { "little-endian" } else { "big-endian" };
                let low = if bits < width * 8 { format!("the low {bits} bits of ") } else { String::new() };
                format!("{low}{width} bytes, {order}")
            }
            Encoding::Leb128 => "a LEB128 number".to_owned(),
            Encoding::Vlq => "a number of seven bits a byte, the highest first".to_owned(),
            Encoding::Ber => "a length of ASN.1's basic encoding".to_owned(),
            Encoding::WebSocket => "a length as WebSocket has it".to_owned(),
            Encoding::Flagged { flag, wide } => {
                format!("1 byte, or {wide} if the byte before has the bit 0x{flag:02x}")
            }
            Encoding::Decimal => "decimal digits".to_owned(),
            Encoding::Hexadecimal => "hexadecimal digits".to_owned(),
            Encoding::Digits(count) => format!("{count} decimal digits"),
            Encoding::HexDigits(count) => format!("{count} hexadecimal digits"),
        };
        let unit = if self.unit == 1 { String::new() } else { format!(" in units of {} bytes", self.unit) };
        let head = i64::try_from(self.offset + self.encoding.width()).unwrap_or(i64::MAX);
        let counts = match self.beyond {
            0 => "what follows it".to_owned(),
            beyond if beyond == -head => "the whole message".to_owned(),
            beyond if beyond > 0 => format!("what follows it but for {beyond} bytes"),
            beyond => format!("what follows it and {} bytes more", beyond.unsigned_abs()),
        };
        write!(f, "a length at offset {} ({how}) counts {counts}{unit}", self.offset)
    }
}

pub(super) enum Read {
    /// A number, and how many bytes it takes.
    Value(u64, usize),
    Cut,
    Wrong,
}

impl Encoding {
    /// How many bytes the field has, if always as many; else the fewest.
    pub fn width(self) -> usize {
        match self {
            Encoding::Integer { width, .. } => width.into(),
            Encoding::Digits(count) | Encoding::HexDigits(count) => count.into(),
            Encoding::Decimal | Encoding::Hexadecimal => 2,
            Encoding::Leb128
            | Encoding::Vlq
            | Encoding::Ber
            | Encoding::WebSocket
            | Encoding::Flagged { .. } => 1,
        }
    }

    /// Reads the number that some bytes begin with.
    #[inline]
    pub(super) fn read(self, bytes: &[u8]) -> Read {
        match self {
            Encoding::Integer { width, is_little, bits } => {
                let width = usize::from(width);
                let Some(field) = bytes.get(..width) else { return Read::Cut };
                let fold = |value: u64, &byte: &u8| value << 8 | u64::from(byte);
                let value = match is_little {
                    true => field.iter().rev().fold(0, fold),
                    false => field.iter().fold(0, fold),
                };
                let mask = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
                Read::Value(value & mask, width)
            }
            Encoding::Leb128 | Encoding::Vlq => varint(bytes, self == Encoding::Leb128),
            Encoding::Ber => {
                let Some(&first) = bytes.first() else { return Read::Cut };
                match first {
                    0..=0x7F => Read::Value(first.into(), 1),
                    0x81..=0x84 => {
                        let width = usize::from(first - 0x80);
                        let Some(field) = bytes.get(1..=width) else { return Read::Cut };
                        let value = field.iter().fold(0, |value: u64, &byte| value << 8 | u64::from(byte));
                        Read::Value(value, 1 + width)
                    }
                    _ => Read::Wrong,
                }
            }
            Encoding::WebSocket => web_socket(bytes),
            // Which it is, the byte before says.
            Encoding::Flagged { .. } => Read::Wrong,
            Encoding::Decimal => text(bytes, 10),
            Encoding::Hexadecimal => text(bytes, 16),
            Encoding::Digits(count) => digits(bytes, count.into(), 10),
            Encoding::HexDigits(count) => digits(bytes, count.into(), 16),
        }
    }
}

fn varint(bytes: &[u8], is_little: bool) -> Read {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(5) {
        let part = u64::from(byte & 0x7F);
        value = if is_little { value | part << (7 * at) } else { value << 7 | part };
        if byte < 0x80 {
            return Read::Value(value, at + 1);
        }
    }
    if bytes.len() < 5 { Read::Cut } else { Read::Wrong }
}

fn web_socket(bytes: &[u8]) -> Read {
    let Some(&first) = bytes.first() else { return Read::Cut };
    let wide = match first & 0x7F {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask = if first & 0x80 == 0 { 0 } else { 4 };
    let Some(field) = bytes.get(1..1 + wide) else { return Read::Cut };
    let value = match wide {
        0 => u64::from(first & 0x7F),
        _ => field.iter().fold(0, |value: u64, &byte| value << 8 | u64::from(byte)),
    };
    Read::Value(value, 1 + wide + mask)
}

/// Digits up to a byte that is none.
fn text(bytes: &[u8], base: u32) -> Read {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        match char::from(byte).to_digit(base) {
            Some(digit) => value = value * u64::from(base) + u64::from(digit),
            None if at == 0 => return Read::Wrong,
            // A line break is one.
            None if byte == b'\r' => {
                return match bytes.get(at + 1) {
                    None => Read::Cut,
                    Some(b'\n') => Read::Value(value, at + 2),
                    Some(_) => Read::Wrong,
                };
            }
            None => return Read::Value(value, at + 1),
        }
    }
    if bytes.len() < 10 { Read::Cut } else { Read::Wrong }
}

fn digits(bytes: &[u8], count: usize, base: u32) -> Read {
    let Some(field) = bytes.get(..count) else { return Read::Cut };
    let blanks = field.iter().take_while(|&&byte| byte == b' ').count();
    let mut value = 0u64;
    if blanks == count {
        return Read::Wrong;
    }
    for &byte in field.iter().skip(blanks) {
        let Some(digit) = char::from(byte).to_digit(base) else { return Read::Wrong };
        value = value * u64::from(base) + u64::from(digit);
    }
    Read::Value(value, count)
}
