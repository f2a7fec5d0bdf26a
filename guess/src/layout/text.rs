//! Texts of a fixed size, alone or filled up with zeros or blanks; floating-point numbers; random bytes.

use super::claim::Claim;
use super::field::{Encoding, Meaning, Order};
use super::table::{Column, Table, distinct};

/// Proposes texts of a fixed size: between places where a run of printable bytes begins or ends, a text that was filled up ends,
/// or bytes begin to vary.
pub(super) fn find_texts(table: &Table<'_>, claims: &mut Vec<Claim>) {
    let is_text =
        |column: &Column| column.values().all(|byte| byte == 0 || is_printable(byte)) && !column.is_zero();
    // Where the table ends and the messages do not, a text may continue.
    let is_end = table.rows.iter().all(|row| row.offset + table.width >= row.message.bytes.len());
    let mut from = 0;
    while from < table.width {
        let end = (from..table.width)
            .find(|&at| !table.columns.get(at).is_some_and(is_text))
            .unwrap_or(table.width);
        if end >= from + 3 {
            let cuts = cuts(table, from, end);
            // Zeros that fill up may follow, which no text reached.
            let zeros = table.columns.iter().skip(end).take_while(|column| column.is_zero()).count();
            for (number, &start) in cuts.iter().enumerate() {
                for &stop in cuts.iter().skip(number + 1).filter(|&&stop| stop >= start + 3) {
                    let is_alone =
                        cuts.len() < 5 && (stop < end || zeros == 0) && (stop < table.width || is_end);
                    claims.extend(text(table, start, stop - start, 0, is_alone));
                    if stop == end {
                        for unused in (1..=zeros.min(64))
                            .filter(|unused| (stop + unused - start).is_multiple_of(4))
                            .take(2)
                        {
                            claims.extend(text(table, start, stop + unused - start, unused, false));
                        }
                    }
                }
            }
        }
        from = end + 1;
    }
}

/// Where in a run of printable bytes a text may begin or end. At most 24 places.
fn cuts(table: &Table<'_>, from: usize, end: usize) -> Vec<usize> {
    let filled = |at: usize, with: u8| {
        let count = table.columns.get(at).and_then(|column| column.counts.get(usize::from(with)).copied());
        count.unwrap_or(0) as usize
    };
    let is_constant = |at: usize| table.columns.get(at).is_some_and(|column| column.distinct == 1);
    let is_cut = |&at: &usize| {
        let fewer = |with| filled(at - 1, with) * 2 > filled(at, with) * 3 + table.len() / 8;
        is_constant(at - 1) != is_constant(at) || fewer(0) || fewer(b' ')
    };
    let inner: Vec<usize> = (from + 1..end).filter(is_cut).take(22).collect();
    std::iter::once(from).chain(inner).chain([end]).collect()
}

pub(super) fn is_printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

/// A text of a fixed size, of which the last `unused` are zero always.
fn text(table: &Table<'_>, from: usize, width: usize, unused: usize, is_alone: bool) -> Option<Claim> {
    let columns = table.span(from, width);
    let varying = columns.iter().filter(|column| column.distinct > 1).count();
    if varying < 2
        || columns.first().is_some_and(|column| column.values().any(|byte| byte == 0)) && unused == 0
    {
        return None;
    }
    let (mut letters, mut characters, mut padded, mut wrong) = (0usize, 0usize, 0usize, 0usize);
    for bytes in table.rows.iter().filter_map(|row| row.bytes.get(from..from + width)) {
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(width);
        let (said, filled) = bytes.split_at(length);
        wrong += usize::from(filled.iter().any(|byte| *byte != 0) || said.is_empty());
        padded += usize::from(!filled.is_empty());
        letters += said.iter().filter(|byte| byte.is_ascii_alphanumeric() || **byte == b' ').count();
        characters += said.len();
    }
    if wrong > 0
        || letters * 10 < characters * 8
        || padded == 0 && columns.last().is_some_and(|last| last.values().any(|byte| byte == 0))
    {
        return None;
    }
    // What a value by chance has to be less likely than a letter: each different value is evidence.
    let evidence: f64 =
        columns.iter().filter(|column| column.distinct > 1).map(|column| column.distinct as f64 * 1.6).sum();
    let ends_blank = table.rows.iter().filter(|row| row.bytes.get(from + width - 1) == Some(&b' ')).count();
    let padding = match () {
        () if padded > 0 => Some(0),
        () if ends_blank * 2 > table.len() => Some(b' '),
        () => None,
    };
    // Texts that are filled up with blanks may be more than one.
    let blanks = |row: &&super::table::Row<'_>| {
        row.bytes.get(from..from + width).is_some_and(|bytes| bytes.windows(2).any(|two| two == b"  "))
    };
    let is_filled = padding == Some(b' ') || table.rows.iter().filter(blanks).count() * 20 > table.len();
    // What is rarely filled up ends where something else begins in a few.
    let unfilled = table.rows.iter().filter(|row| row.bytes.get(from + width - 1) != Some(&0)).count();
    let is_filled = is_filled || padding == Some(0) && unfilled * 2 > table.len();
    let all_different =
        distinct(&table.rows.iter().filter_map(|row| row.bytes.get(from..from + width)).collect::<Vec<_>>());
    if evidence < 14.0 || all_different < 3 {
        return None;
    }
    let all = table.len();
    let fills = if padding.is_some() { ", filled up to its size" } else { "" };
    let aligned = if width.is_multiple_of(4) { 1.0 } else { 0.0 };
    Some(Claim {
        from,
        width,
        meaning: Meaning::Text { encoding: Encoding::Ascii, padding },
        gain: evidence + 2.0 * width as f64 + aligned - 8.0,
        confidence: if evidence > 60.0
            && all_different > 4
            && is_alone
            && all >= 20
            && !is_filled
            && width > 3
        {
            0.93
        } else {
            0.75
        },
        holds: (all, all),
        evidence: format!(
            "printable characters in all {all} messages{fills}, {all_different} different ones"
        ),
    })
}

/// Proposes floating-point numbers.
pub(super) fn find_floats(table: &Table<'_>, claims: &mut Vec<Claim>) {
    for width in [4, 8] {
        for from in 0..(table.width + 1).saturating_sub(width) {
            for order in [Order::Big, Order::Little] {
                claims.extend(float(table, from, width, order));
            }
        }
    }
}

fn float(table: &Table<'_>, from: usize, width: usize, order: Order) -> Option<Claim> {
    let digits = table.digits(from, width, order);
    let [first, second, ..] = digits.as_slice() else { return None };
    // A number of everyday size has one of few exponents, and its exponent varies.
    let is_usual = |byte: u8| matches!(byte & 0x7f, 0 | 0x38..=0x4b);
    if first.distinct < 2
        || first.values().any(|byte| !is_usual(byte))
        || second.distinct < 4 && table.len() > 8
    {
        return None;
    }
    if first.values().all(|byte| byte & 0x7f == 0) {
        return None;
    }
    let values = table.numbers(from, width, order);
    let (mut usual, mut zeros) = (0usize, 0usize);
    let mut exponents = Vec::new();
    for value in &values {
        let (exponent, bias) = match width {
            4 => (value >> 23 & 0xff, 127i64),
            _ => (value >> 52 & 0x7ff, 1023i64),
        };
        let is_zero = value << (64 - 8 * width + 1) == 0;
        let exponent = i64::try_from(exponent).unwrap_or(0) - bias;
        zeros += usize::from(is_zero);
        usual += usize::from(!is_zero && (-24..=32).contains(&exponent));
        if !is_zero {
            exponents.push(exponent);
        }
    }
    let all = values.len();
    let different = distinct(&values);
    let spread = distinct(&exponents);
    if usual + zeros < all || usual * 2 < all || different < 5 || spread < 2 {
        return None;
    }
    // 57 of 256 exponents are usual, and half of the values of a range have its largest: a text or an integer would not look so.
    let alike = exponent_shape(&exponents);
    if alike < 0.6 {
        return None;
    }
    let bits = different.min(usual) as f64 * if width == 4 { 1.6 } else { 3.5 } * alike - 6.0;
    if bits < 10.0 {
        return None;
    }
    let sure = if bits > 30.0 { 0.92 } else { 0.75 };
    let largest = values.iter().map(|value| magnitude(*value, width)).fold(0.0, f64::max);
    Some(Claim {
        from,
        width,
        meaning: Meaning::Float(order),
        gain: bits.min(if width == 4 { 50.0 } else { 150.0 }) + super::claim::fit(table, from, width, order),
        confidence: sure,
        holds: (all, all),
        evidence: format!(
            "numbers up to {largest:.4e} in size in all {all} messages, {different} different ones"
        ),
    })
}

fn magnitude(value: u64, width: usize) -> f64 {
    match width {
        4 => f64::from(f32::from_bits(u32::try_from(value).unwrap_or(0))).abs(),
        _ => f64::from_bits(value).abs(),
    }
}

/// How much the exponents look like those of measured values, most of which are near the largest: 0 to 1.
fn exponent_shape(exponents: &[i64]) -> f64 {
    let Some(largest) = exponents.iter().max() else { return 0.0 };
    let near = exponents.iter().filter(|exponent| *largest - **exponent < 5).count();
    near as f64 / exponents.len() as f64
}

/// Proposes random bytes: as long as none of the others fits.
pub(super) fn find_random(table: &Table<'_>, claims: &mut Vec<Claim>) {
    let all = table.len();
    if all < 8 {
        return;
    }
    // As many different values as chance gives, less three deviations.
    let expected = 256.0 * (1.0 - (255.0f64 / 256.0).powf(all as f64));
    let least = expected - 3.0 * (expected * (1.0 - expected / 257.0)).sqrt().max(1.5);
    let is_random = |column: &Column| column.distinct as f64 >= least && is_even(column, all);
    let mut from = 0;
    while from < table.width {
        let end = (from..table.width)
            .find(|&at| !table.columns.get(at).is_some_and(is_random))
            .unwrap_or(table.width);
        if end - from >= 6 {
            let width = end - from;
            claims.push(Claim {
                from,
                width,
                meaning: Meaning::Random,
                gain: if width < 8 { 4.5 } else { 6.0 } * width as f64,
                confidence: if width >= 12 && all >= 20 { 0.85 } else { 0.6 },
                holds: (all, all),
                evidence: format!(
                    "{width} bytes that all have the values that chance gives, in {all} messages"
                ),
            });
        }
        from = end + 1;
    }
}

/// Whether no value is much more frequent than others.
fn is_even(column: &Column, all: usize) -> bool {
    let expected = all as f64 / 256.0;
    let chi: f64 = column.counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
    chi < 255.0 + 5.0 * 510f64.sqrt()
}
