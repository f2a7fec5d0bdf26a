//! The work per message is linear in its bytes: a description is generated, and longer and longer messages of it; the
//! steps to dissect one are counted.

use std::fmt::Write;

use framescope_ksy::Described;

/// Steps that a byte may take, and steps that any message may take. Reading alone is stopped at some 64 and 262,144.
const A_BYTE: u64 = 250;
const ANY: u64 = 1 << 20;

/// The longest of the generated messages.
const LONGEST: usize = 8 << 10;

/// Takes `data` as choices, from which a description is generated, and as the bytes that its messages repeat.
pub fn linear(data: &[u8]) {
    let mut choices = Choices::of_bytes(data);
    let text = description(&mut choices);
    let described = match Described::from_ksy(&text) {
        Ok(described) => described,
        Err(error) => panic!("a generated description is refused: {error}\n{text}"),
    };
    let shortest = 1 + choices.below(LONGEST / 4);
    // Bytes that are not text where none are given.
    let unit = match &data[choices.at.min(data.len())..] {
        [] => &[0xFF],
        unit => unit,
    };
    for length in [shortest, 2 * shortest, 4 * shortest] {
        let message: Vec<u8> = unit.iter().copied().cycle().take(length).collect();
        let steps = described.steps(&message);
        let justified = A_BYTE * length as u64 + ANY;
        assert!(
            steps <= justified,
            "{steps} steps for {length} bytes, of which {justified} are justified:\n{text}"
        );
    }
}

/// Bytes as choices. After the last of them all choices are the first.
pub(crate) struct Choices<'d> {
    data: &'d [u8],
    at: usize,
}

impl<'d> Choices<'d> {
    pub(crate) fn of_bytes(data: &'d [u8]) -> Self {
        Choices { data, at: 0 }
    }

    fn byte(&mut self) -> usize {
        let byte = self.data.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte.into()
    }

    /// A number below `end`, which is less than 65536.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.byte() | if end > 256 { self.byte() << 8 } else { 0 }) % end
    }

    fn of<'s>(&mut self, known: &[&'s str]) -> &'s str {
        known[self.below(known.len())]
    }
}

/// The fields of an item, of which a message has as many as fit.
const FIELDS: [&str; 20] = [
    "type: str, size: 1",
    "type: b3",
    "type: part",
    "type: u1",
    "size: 1, process: xor(7)",
    "type: packed, size: 2, process: rol(1)",
    "type: strz",
    "type: str, size: 2, pad-right: 0x20, encoding: UTF-16LE",
    "type: u1, valid: {any-of: [1, 2, 250]}",
    "type: u1, -check: {algorithm: sum, from: _root}",
    "type: u2, -check: crc-16/xmodem",
    "type: f4",
    "type: b5",
    "type: str, size: 3, process: xor(_root.key)",
    "type: u1, repeat: expr, repeat-expr: 2",
    "type: part, repeat: expr, repeat-expr: 2",
    "size: 1, valid: _root.head",
    "terminator: 0xFF, eos-error: false",
    "type: {switch-on: _index, cases: {0: u1, 1: part, _: b1}}, repeat: expr, repeat-expr: 3",
    "size: 0, repeat: expr, repeat-expr: 9",
];

/// Values computed from an item, or read elsewhere.
const INSTANCES: [&str; 17] = [
    "value: _root.head",
    "value: _root.items",
    "value: '[_root.head, _root.head]'",
    "value: _root.head == _root.other",
    "value: _root.items == _root.items",
    "value: '_root.head.to_s(\"UTF-8\").length'",
    "value: '_root.head.to_s(\"ASCII\").reverse'",
    "value: _root.head.max",
    "value: '_root.items.size + _io.pos'",
    "value: '_root.items[_root.items.size / 2]'",
    "value: 'f\"{_root.head}\"'",
    "pos: 0, size-eos: true",
    "pos: 0, size: _io.size, type: str",
    "pos: 0, type: u1, repeat: eos",
    "pos: 0, size-eos: true, process: xor(1)",
    "pos: 0, size-eos: true, type: packed",
    "value: _root.head, valid: _root.other",
];

/// Conditions for a field.
const CONDITIONS: [&str; 6] = [
    "_root.head == _root.other",
    "_root.head.size > 2",
    "_io.pos % 2 == 0",
    "_root.head.to_s(\"UTF-8\") != \"x\"",
    "_root.key + 1 > 0",
    "_parent.as<made>.head.min < 7",
];

fn description(choices: &mut Choices<'_>) -> String {
    let mut text = String::from(
        "meta: {id: made, endian: be, encoding: UTF-8, -framescope: {segment-delimited: true}}\nseq:\n",
    );
    let bits = choices.of(&["be", "le"]);
    text = text.replace("endian: be", &format!("endian: be, bit-endian: {bits}"));
    text.push_str("  - {id: key, type: u1}\n");
    let head =
        choices.of(&["size: _io.size / 4", "size: _io.size / 4, process: xor(3)", "size: 1", "size: 0"]);
    let mut put =
        |line: std::fmt::Arguments<'_>| text.write_fmt(line).expect("writing to a text does not fail");
    put(format_args!("  - {{id: head, {head}}}\n  - {{id: other, {head}}}\n"));
    let around = choices.of(&["repeat: eos", "repeat: eos", "repeat: until, repeat-until: _io.eof"]);
    put(format_args!("  - {{id: items, type: item, {around}}}\ntypes:\n  item:\n    seq:\n"));
    for number in 0..1 + choices.below(4) {
        let field = choices.of(&FIELDS);
        let condition = match choices.below(8) {
            7 => format!(", if: '{}'", choices.of(&CONDITIONS)),
            _ => String::new(),
        };
        put(format_args!("      - {{id: f{number}, {field}{condition}}}\n"));
    }
    put(format_args!("    instances:\n"));
    let instances = choices.below(4).saturating_sub(1);
    for number in 0..instances {
        put(format_args!("      i{number}: {{{}}}\n", choices.of(&INSTANCES)));
    }
    put(format_args!(
        "  part: {{seq: [{{id: a, type: b3}}, {{id: b, type: {}}}]}}\n",
        choices.of(&["u1", "b2", "b9"])
    ));
    put(format_args!("  packed: {{seq: [{{id: a, type: b4}}, {{id: rest, type: str, size-eos: true}}]}}\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_checking::Random;

    #[test]
    fn generated_messages_take_no_more_steps_than_their_bytes_justify() {
        for seed in 0..60 {
            let mut random = Random::new(seed);
            let length = 8 + random.below(40);
            let data: Vec<u8> = (0..length).map(|_| random.byte()).collect();
            linear(&data);
        }
    }

    /// One field after another, by itself and with every way to compute something of it.
    #[test]
    fn every_field_and_instance_is_generated() {
        for (field, written) in FIELDS.iter().enumerate() {
            for instance in [None, Some(field % INSTANCES.len())] {
                let instances = instance.map_or(vec![0], |instance| vec![2, instance as u8]);
                let data = [&[0, 0, 0, 0, field as u8, 0][..], &instances, &[0, 0, 8, 0xFF]].concat();
                let mut choices = Choices { data: &data, at: 0 };
                let text = description(&mut choices);
                assert!(text.contains(written), "{text}");
                assert!(instance.is_none_or(|instance| text.contains(INSTANCES[instance])), "{text}");
                linear(&data);
            }
        }
    }

    #[test]
    fn steps_count_all_reading_searching_and_reporting() {
        for field in [FIELDS[0], FIELDS[1], FIELDS[4]] {
            let text = format!(
                "{{meta: {{id: made, encoding: UTF-8, -framescope: {{segment-delimited: true}}}}, seq: [{{id: one, {field}, repeat: eos}}]}}"
            );
            let described = Described::from_ksy(&text).unwrap();
            let steps = |length: usize| described.steps(&vec![0xFF; length]);
            assert!(
                steps(4000) > 4000 && steps(8000) > 2 * steps(4000) - 100,
                "{field}: {} {}",
                steps(4000),
                steps(8000)
            );
        }
    }
}
