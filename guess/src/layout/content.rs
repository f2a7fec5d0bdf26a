//! What a part is that has a size of its own, or goes on to the end: text, a serialisation, compressed or random bytes.

use super::compressed::compression;
use super::field::{Compression, Encoding, Meaning, Order};
use super::serialised::KNOWN;
use super::table::{Row, distinct};

/// A claim on whole parts.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) meaning: Meaning,
    pub(super) evidence: String,
    pub(super) confidence: f64,
    pub(super) holds: (usize, usize),
}

/// So many parts are looked at.
const PARTS: usize = 200;

/// The parts that have bytes, of some of the rows.
fn parts<'m>(rows: &[Row<'m>]) -> Vec<&'m [u8]> {
    let every = rows.len().div_ceil(PARTS).max(1);
    rows.iter().step_by(every).map(|row| row.bytes).filter(|bytes| !bytes.is_empty()).collect()
}

fn nearly(count: usize, all: usize) -> bool {
    all > 0 && count * 100 >= all * 97
}

/// What the parts are, if they are the same thing in nearly all rows.
pub(super) fn content(rows: &[Row<'_>]) -> Option<Content> {
    let parts = parts(rows);
    if parts.len() < 3 {
        return None;
    }
    compressed(&parts)
        .or_else(|| serialised(&parts))
        .or_else(|| text(&parts))
        .or_else(|| wide_text(&parts))
        .or_else(|| random(&parts))
}

/// All of the rows, if that is one long text.
pub(super) fn whole_text(rows: &[Row<'_>]) -> Option<Content> {
    let parts = parts(rows);
    let characters: usize = parts.iter().map(|bytes| bytes.len()).sum();
    text(&parts).filter(|found| characters >= MANY_CHARACTERS && found.holds.0 == found.holds.1)
}

/// A serialisation or compression that goes on to the end, after other fields: how many bytes later it begins.
pub(super) fn values_to_end(rows: &[Row<'_>], least: usize) -> Option<(usize, Content)> {
    let shortest = rows.iter().map(|row| row.bytes.len()).min().unwrap_or(0);
    (least..=shortest.min(least + 48)).find_map(|skip| {
        let parts = parts_from(rows, skip);
        if parts.len() < 3 {
            return None;
        }
        Some((skip, compressed(&parts).or_else(|| serialised(&parts))?))
    })
}

fn parts_from<'m>(rows: &[Row<'m>], skip: usize) -> Vec<&'m [u8]> {
    parts(rows).into_iter().filter_map(|bytes| bytes.get(skip..)).filter(|bytes| !bytes.is_empty()).collect()
}

/// Text or random bytes that go on to the end, after other fields: how many bytes later they begin.
pub(super) fn content_to_end(rows: &[Row<'_>], least: usize) -> Option<(usize, Content)> {
    let shortest = rows.iter().map(|row| row.bytes.len()).min().unwrap_or(0);
    if parts(rows).len() < 3 {
        return None;
    }
    // The longest text at the end of each, except of a few.
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) || matches!(byte, 9 | 10 | 13 | 0x80..);
    let mut begins: Vec<usize> = parts(rows)
        .iter()
        .map(|bytes| bytes.len() - bytes.iter().rev().take_while(|byte| is_plain(byte)).count())
        .collect();
    begins.sort_unstable();
    let begin = begins.get(begins.len() * 98 / 100).copied().unwrap_or(usize::MAX).max(least);
    // A constant before it is none of it.
    let varies =
        |at: &usize| distinct(&parts(rows).iter().map(|bytes| bytes.get(*at)).collect::<Vec<_>>()) > 1;
    let begin = (begin..=shortest).find(varies).unwrap_or(begin);
    if begin <= shortest
        && let Some(mut found) = text(&parts_from(rows, begin))
    {
        // Where it begins is sure if most have something else than text before it.
        let before = |bytes: &&&[u8]| begin > least && bytes.get(begin - 1).is_some_and(is_plain);
        if parts(rows).iter().filter(before).count() * 2 > parts(rows).len() {
            found.confidence = found.confidence.min(0.7);
        }
        return Some((begin, found));
    }
    (least..=shortest)
        .step_by(4)
        .take(16)
        .find_map(|skip| random(&parts_from(rows, skip)).map(|found| (skip, found)))
}

fn compressed(parts: &[&[u8]]) -> Option<Content> {
    let first = compression(parts.first()?).or_else(|| compression(parts.get(1)?))?;
    let holds = parts.iter().filter(|bytes| compression(bytes) == Some(first)).count();
    let name = match first {
        Compression::Zlib => "zlib",
        Compression::Gzip => "gzip",
        Compression::Zstd => "Zstandard",
        Compression::Lz4 => "LZ4",
        Compression::Snappy => "Snappy",
    };
    nearly(holds, parts.len()).then(|| Content {
        meaning: Meaning::Compressed(first),
        evidence: format!("{name} decompresses {holds} of {}", parts.len()),
        confidence: 0.97,
        holds: (holds, parts.len()),
    })
}

fn serialised(parts: &[&[u8]]) -> Option<Content> {
    let different = distinct(parts);
    for (kind, recognise) in KNOWN {
        let (mut holds, mut wrong, mut bits) = (0usize, 0usize, 0.0);
        for bytes in parts {
            match recognise(bytes) {
                Some(more) => {
                    holds += 1;
                    bits += more.min(24.0);
                }
                None => wrong += 1,
            }
            if wrong * 30 > parts.len() {
                break;
            }
        }
        // Parts that are equal are no more evidence than one.
        let bits = bits * different as f64 / parts.len() as f64;
        if nearly(holds, parts.len()) && bits > 36.0 && different >= 3 {
            let sure = match kind {
                super::Serialisation::Json | super::Serialisation::Bson | super::Serialisation::Pickle => {
                    0.98
                }
                // Tags with lengths look like it.
                super::Serialisation::Protobuf | super::Serialisation::ThriftCompact => 0.85,
                _ if bits > 120.0 => 0.95,
                _ => 0.88,
            };
            return Some(Content {
                meaning: Meaning::Serialised(kind),
                evidence: format!(
                    "complete values of {kind:?} in {holds} of {}, {different} different ones",
                    parts.len()
                ),
                confidence: sure,
                holds: (holds, parts.len()),
            });
        }
    }
    None
}

/// Control characters that stand between the parts of texts, as those of FIX and HL7 have them: at most two, and few in all.
fn separators(parts: &[&[u8]]) -> [bool; 256] {
    let mut counts = [0usize; 256];
    for byte in parts.iter().flat_map(|bytes| bytes.iter()) {
        if let Some(count) = counts.get_mut(usize::from(*byte)).filter(|_| byte.is_ascii_control()) {
            *count += 1;
        }
    }
    for plain in [0, b'\t', b'\r', b'\n'] {
        if let Some(count) = counts.get_mut(usize::from(plain)) {
            *count = 0;
        }
    }
    let all: usize = parts.iter().map(|bytes| bytes.len()).sum();
    let is_few = counts.iter().filter(|count| **count > 0).count() <= 2;
    let are_few = counts.iter().sum::<usize>() * 6 <= all;
    counts.map(|count| count > 0 && is_few && are_few)
}

/// Whether all of some bytes is text, perhaps with separators.
pub(crate) fn is_text(parts: &[&[u8]]) -> bool {
    text(parts).is_some_and(|found| found.holds.0 == found.holds.1)
}

/// So many characters are no text by chance.
const MANY_CHARACTERS: usize = 400;

fn text(parts: &[&[u8]]) -> Option<Content> {
    let separators = separators(parts);
    let is_separator = |character: char| {
        u8::try_from(character).is_ok_and(|byte| separators.get(usize::from(byte)) == Some(&true))
    };
    let is_plain = |character: char| {
        !character.is_control() || matches!(character, '\t' | '\r' | '\n') || is_separator(character)
    };
    let is_text = |bytes: &&&[u8]| std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_plain));
    let holds = parts.iter().filter(is_text).count();
    let mut different = parts.to_vec();
    different.sort_unstable();
    different.dedup();
    let characters: usize = different.iter().map(|bytes| bytes.len()).sum();
    let letters =
        |bytes: &&[u8]| bytes.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte == b' ').count();
    let letters: usize = different.iter().map(letters).sum();
    let others: usize =
        different.iter().map(|bytes| bytes.iter().filter(|byte| **byte >= 0x80).count()).sum();
    // Long texts may have many signs between their words, as HL7 and FIX have.
    let least = if characters < MANY_CHARACTERS { 60 } else { 35 };
    if !nearly(holds, parts.len()) || characters < 12 || (letters + others) * 100 < characters * least {
        return None;
    }
    Some(Content {
        meaning: Meaning::Text {
            encoding: if others > 0 { Encoding::Utf8 } else { Encoding::Ascii },
            padding: None,
        },
        evidence: format!("text in {holds} of {}, {} different ones", parts.len(), different.len()),
        confidence: if characters >= 60 && different.len() >= 4 { 0.95 } else { 0.8 },
        holds: (holds, parts.len()),
    })
}

/// UTF-16: every other byte is zero in most of the characters.
fn wide_text(parts: &[&[u8]]) -> Option<Content> {
    for order in [Order::Big, Order::Little] {
        let is_text = |bytes: &&&[u8]| {
            let (pairs, []) = bytes.as_chunks::<2>() else { return false };
            let unit = |pair: &[u8; 2]| {
                if order == Order::Big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) }
            };
            let plain = pairs.iter().filter(|pair| (0x20..0x250).contains(&unit(pair))).count();
            plain * 10 >= pairs.len() * 8
                && char::decode_utf16(pairs.iter().map(unit))
                    .all(|character| character.is_ok_and(|character| !character.is_control()))
        };
        let holds = parts.iter().filter(is_text).count();
        let bytes: usize = parts.iter().map(|bytes| bytes.len()).sum();
        if nearly(holds, parts.len()) && bytes >= 40 && distinct(parts) >= 3 {
            return Some(Content {
                meaning: Meaning::Text { encoding: Encoding::Utf16(order), padding: None },
                evidence: format!("text of 16 bits a character in {holds} of {}", parts.len()),
                confidence: 0.95,
                holds: (holds, parts.len()),
            });
        }
    }
    None
}

/// Bytes of which all values are as frequent, of all parts together, and of which the next is not foreseen.
fn random(parts: &[&[u8]]) -> Option<Content> {
    let mut counts = [0u32; 256];
    let mut all = 0.0;
    for byte in parts.iter().flat_map(|bytes| bytes.iter().take(4096)) {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
        all += 1.0;
    }
    let expected = all / 256.0;
    let chi: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    if all < 1024.0 || chi > 255.0 + 4.0 * 510f64.sqrt() || distinct(parts) * 10 < parts.len() * 9 {
        return None;
    }
    Some(Content {
        meaning: Meaning::Random,
        evidence: format!(
            "all values are as frequent in {all} bytes: encrypted, or compressed in an unknown way"
        ),
        confidence: 0.85,
        holds: (parts.len(), parts.len()),
    })
}
