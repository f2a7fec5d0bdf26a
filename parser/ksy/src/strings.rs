//! Text encodings, to UTF-8 and back.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// A text encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Charset {
    Utf8,
    Ascii,
    /// ISO-8859-1: each byte is the character of its number. (The web's standard takes the name for windows-1252.)
    Latin1,
    /// ISO-8859-9, which the web's standard takes for windows-1254.
    Latin5,
    /// The code page of the first PCs.
    Ibm437,
    Utf16 {
        le: bool,
    },
    Utf32 {
        le: bool,
    },
    Other(&'static Encoding),
    /// An unknown name. Reading such text fails; describing it does not.
    Unknown,
}

/// The upper half of IBM437.
const IBM437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
/// What ISO-8859-9 has in place of ISO-8859-1's characters.
const LATIN5: [(u8, char); 6] =
    [(0xd0, 'Ğ'), (0xdd, 'İ'), (0xde, 'Ş'), (0xf0, 'ğ'), (0xfd, 'ı'), (0xfe, 'ş')];

impl Charset {
    /// The encoding with a name, in any case.
    pub(crate) fn named(name: &str) -> Charset {
        match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Charset::Utf8,
            "ASCII" | "US-ASCII" => Charset::Ascii,
            "ISO-8859-1" | "ISO8859-1" | "ISO_8859-1" | "LATIN1" | "LATIN-1" => Charset::Latin1,
            "ISO-8859-9" | "ISO8859-9" | "ISO_8859-9" => Charset::Latin5,
            "IBM437" | "CP437" => Charset::Ibm437,
            "UTF-16LE" | "UTF16LE" => Charset::Utf16 { le: true },
            "UTF-16BE" | "UTF16BE" | "UTF-16" => Charset::Utf16 { le: false },
            "UTF-32LE" | "UTF32LE" => Charset::Utf32 { le: true },
            "UTF-32BE" | "UTF32BE" | "UTF-32" => Charset::Utf32 { le: false },
            "SJIS" | "CP932" => Charset::Other(encoding_rs::SHIFT_JIS),
            "CP949" => Charset::Other(encoding_rs::EUC_KR),
            _ => {
                let name = name.strip_prefix("CP125").map(|page| format!("windows-125{page}"));
                let name = name.as_deref();
                name.and_then(|name| Encoding::for_label(name.as_bytes()))
                    .map_or(Charset::Unknown, Charset::Other)
            }
        }
        .or_labelled(name)
    }

    fn or_labelled(self, name: &str) -> Charset {
        match self {
            Charset::Unknown => {
                Encoding::for_label_no_replacement(name.as_bytes()).map_or(Charset::Unknown, Charset::Other)
            }
            known => known,
        }
    }

    /// The size in bytes of a terminator.
    pub(crate) fn unit(self) -> usize {
        match self {
            Charset::Utf16 { .. } => 2,
            Charset::Utf32 { .. } => 4,
            _ => 1,
        }
    }

    /// Whether valid bytes are UTF-8 as they are.
    pub(crate) fn is_utf8(self) -> bool {
        matches!(self, Charset::Utf8 | Charset::Ascii)
    }

    /// The text, and whether all bytes were valid. Invalid ones are replaced by U+FFFD.
    pub(crate) fn decode(self, bytes: &[u8]) -> (Cow<'_, str>, bool) {
        let single = |high: &dyn Fn(u8) -> char| -> Cow<'_, str> {
            bytes
                .iter()
                .map(|&byte| if byte.is_ascii() { char::from(byte) } else { high(byte) })
                .collect::<String>()
                .into()
        };
        match self {
            Charset::Utf8 => match std::str::from_utf8(bytes) {
                Ok(text) => (Cow::Borrowed(text), true),
                Err(_) => (String::from_utf8_lossy(bytes), false),
            },
            Charset::Ascii => match std::str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => (Cow::Borrowed(text), true),
                _ => (single(&|_| char::REPLACEMENT_CHARACTER), false),
            },
            Charset::Latin1 => (encoding_rs::mem::decode_latin1(bytes), true),
            Charset::Latin5 => {
                let high =
                    |byte| LATIN5.iter().find(|(b, _)| *b == byte).map_or(char::from(byte), |&(_, c)| c);
                (single(&high), true)
            }
            Charset::Ibm437 => (
                single(&|byte| {
                    IBM437.chars().nth(usize::from(byte & 0x7f)).unwrap_or(char::REPLACEMENT_CHARACTER)
                }),
                true,
            ),
            Charset::Utf16 { le } => {
                let encoding = if le { encoding_rs::UTF_16LE } else { encoding_rs::UTF_16BE };
                let (text, damaged) = encoding.decode_without_bom_handling(bytes);
                (text, !damaged)
            }
            Charset::Utf32 { le } => {
                let mut valid = bytes.len().is_multiple_of(4);
                let text = bytes.chunks(4).map(|unit| {
                    let unit: Option<[u8; 4]> = unit.try_into().ok();
                    let number =
                        unit.map(|unit| if le { u32::from_le_bytes(unit) } else { u32::from_be_bytes(unit) });
                    number.and_then(char::from_u32).unwrap_or_else(|| {
                        valid = false;
                        char::REPLACEMENT_CHARACTER
                    })
                });
                let text: String = text.collect();
                (text.into(), valid)
            }
            Charset::Other(encoding) => {
                let (text, damaged) = encoding.decode_without_bom_handling(bytes);
                (text, !damaged)
            }
            Charset::Unknown => (Cow::Borrowed(""), false),
        }
    }
}

impl Charset {
    /// The bytes of a text, if the encoding has all its characters.
    pub(crate) fn encode(self, text: &str) -> Option<Vec<u8>> {
        let single = |high: &dyn Fn(char) -> Option<u8>| -> Option<Vec<u8>> {
            text.chars()
                .map(|c| if c.is_ascii() { u8::try_from(u32::from(c)).ok() } else { high(c) })
                .collect()
        };
        match self {
            Charset::Utf8 => Some(text.as_bytes().to_vec()),
            Charset::Ascii => text.is_ascii().then(|| text.as_bytes().to_vec()),
            Charset::Utf16 { le } => Some(
                text.encode_utf16()
                    .flat_map(|unit| if le { unit.to_le_bytes() } else { unit.to_be_bytes() })
                    .collect(),
            ),
            Charset::Utf32 { le } => Some(
                text.chars()
                    .flat_map(|c| if le { u32::from(c).to_le_bytes() } else { u32::from(c).to_be_bytes() })
                    .collect(),
            ),
            Charset::Other(encoding) => {
                let (bytes, _, unmappable) = encoding.encode(text);
                (!unmappable).then(|| bytes.into_owned())
            }
            Charset::Latin1 | Charset::Latin5 | Charset::Ibm437 => {
                single(&|wanted| (0x80..=0xff).find(|&byte| self.decode(&[byte]).0.starts_with(wanted)))
            }
            Charset::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Charset;

    #[test]
    fn every_encoding_writes_what_it_reads() {
        for (name, text) in [
            ("UTF-8", "ä€"),
            ("ASCII", "a"),
            ("ISO-8859-1", "äÿ"),
            ("ISO-8859-9", "Ğş"),
            ("IBM437", "é░"),
            ("UTF-16LE", "ä😀"),
            ("UTF-16BE", "ä😀"),
            ("UTF-32LE", "😀"),
            ("SJIS", "日本"),
            ("windows-1251", "да"),
        ] {
            let charset = Charset::named(name);
            let bytes = charset.encode(text).unwrap();
            assert_eq!(charset.decode(&bytes), (text.into(), true), "{name}");
        }
    }

    #[test]
    fn invalid_bytes_are_replaced_and_unknown_names_decode_nothing() {
        assert_eq!(Charset::named("ASCII").decode(b"a\xff").0, "a\u{fffd}");
        assert!(!Charset::Utf8.decode(b"\xff").1 && !Charset::Utf16 { le: true }.decode(b"a").1);
        assert_eq!(Charset::named("no-such"), Charset::Unknown);
        assert_eq!(Charset::Ascii.encode("ä"), None);
    }
}
