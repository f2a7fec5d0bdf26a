//! Lines with a check in digits, as NMEA has it.

use super::checked::digits;
use super::fields::terminator;
use super::yaml::{Attribute, list};
use crate::checks::{Check, Own, Place};

/// So many bytes before the end of what is covered may be needed to find that end.
const DELIMITER: usize = 4;

/// What a check in digits covers, and what is around that, in lines that end with `end`.
struct Around<'m> {
    /// What the check leaves out at the beginning.
    start: &'m [u8],
    /// Between what is covered and the check.
    between: &'m [u8],
}

/// What is around what a check covers, and that, in a message that has them.
fn around<'m>(check: &Check, message: &'m [u8]) -> Option<(Around<'m>, &'m [u8])> {
    let check_at = check.place.at(message.len())?;
    let covered_end = check.to.at(message.len())?;
    let around = Around { start: message.get(..check.from)?, between: message.get(covered_end..check_at)? };
    Some((around, message.get(check.from..covered_end)?))
}

/// The fields of text lines with a check at their end; None if a description can't say it, or not of all of them.
pub(super) fn lines(check: &Check, end: &[u8], messages: &[&[u8]]) -> Option<Vec<Attribute>> {
    let digits = digits(check.form)?;
    let (Place::End(back), Place::End(to), Own::Apart) = (check.place, check.to, check.own) else {
        return None;
    };
    if back != check.size + end.len() || to < back {
        return None;
    }
    let all: Vec<_> = messages.iter().map(|message| around(check, message)).collect::<Option<_>>()?;
    let (Around { start, between }, first) = all.first()?;
    if all.iter().any(|(other, _)| other.start != *start || other.between != *between) {
        return None;
    }
    // What shows where the covered bytes end: the shortest that is nowhere in them.
    let delimiter = (0..=DELIMITER.min(first.len())).find_map(|kept| {
        let last = first.get(first.len() - kept..)?;
        let found = [last, between].concat();
        let ends_it = |covered: &[u8]| {
            let rest = [covered, between].concat();
            covered.ends_with(last) && memchr::memmem::find(&rest, &found) == Some(covered.len() - kept)
        };
        (!found.is_empty() && all.iter().all(|(_, covered)| ends_it(covered))).then_some((last, found))
    });
    let (last, delimiter) = delimiter?;
    let text = |id: &str| Attribute::new(id).with("type", "str").with("encoding", "ASCII");
    let contents = |id: &str, bytes: &[u8]| Attribute::new(id).with("contents", list(bytes));
    let mut fields = Vec::new();
    if !start.is_empty() {
        fields.push(contents("start", start));
    }
    fields.push(text("text").with("terminator", terminator(&delimiter)).with("consume", "false"));
    let mut covered = "text";
    if !last.is_empty() {
        fields.push(contents("text_end", last));
        covered = "text_end";
    }
    if !between.is_empty() {
        fields.push(contents("separator", between));
    }
    let algorithm = check.algorithm.to_string();
    let algorithm =
        if algorithm.starts_with("algorithm:") { algorithm } else { format!("algorithm: {algorithm}") };
    let from = if start.is_empty() { String::new() } else { "from: text, ".to_owned() };
    let said = format!("{{{algorithm}, {from}to: {covered}, digits: {digits}}}");
    fields
        .push(text("check").with("size", check.size.to_string()).with("-check", said).doc(check.to_string()));
    fields.push(contents("end", end));
    Some(fields)
}

#[cfg(test)]
mod tests {
    use framescope_ksy::Described;
    use framescope_parser::Dissection;

    use crate::{Run, Sample, Talk, guess};

    /// What is guessed of lines, of which `sum` writes the end.
    fn described(sum: impl Fn(&str) -> String) -> (String, Vec<String>) {
        let lines: Vec<String> = (0..60u32)
            .map(|number| {
                sum(&format!(
                    "TEMP,{},{:.1},{}",
                    number * 7 % 31,
                    number as f32 / 3.0,
                    ["A", "V"][number as usize % 2]
                ))
            })
            .collect();
        let mut run = Run { begins: true, ends: true, ..Run::default() };
        for line in &lines {
            run.segments.push(run.bytes.len());
            run.times.push(0);
            run.bytes.extend(line.bytes());
        }
        let talk = Talk { sides: [run, Run::default()], ..Talk::default() };
        let found = guess(&Sample { talks: vec![talk] }, "mine", &|_| true);
        (found[0].description.clone(), lines)
    }

    #[test]
    fn a_check_in_digits_is_described_and_holds() {
        let xor = |text: &str| text.bytes().fold(0, |sum, byte| sum ^ byte);
        let added = |text: &str| text.bytes().fold(0u8, u8::wrapping_add);
        for (text, lines) in [
            described(|text| format!("${text}*{:02X}\r\n", xor(text))),
            described(|text| format!("{text},{:03}\n", added(&format!("{text},")))),
            described(|text| {
                let body = format!("35=D\x0111={text}\x01");
                let covered = format!("8=FIX.4.4\x019={}\x01{body}", body.len());
                format!("{covered}10={:03}\x01", added(&covered))
            }),
        ] {
            assert!(text.contains("digits: "), "{text}");
            let mine = Described::from_ksy(&text).unwrap();
            for line in lines {
                let read = Dissection::of(&mine, line.as_bytes());
                assert!(read.problems.is_empty(), "{line}{text}{:?}", read.problems);
            }
        }
    }
}
