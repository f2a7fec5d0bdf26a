//! CRCs whose generator the catalogue has, with any parameters.
//!
//! The number of a CRC and that of the same bytes with a register that begins with zero differ by a constant, for messages of one length.

use std::collections::HashMap;

use framescope_ksy::checks::{Algorithm, Crc};

use super::spans::{Own, Place, Span};
use super::sums::cost_of;
use super::{Candidate, Covered, Form, Tried, Weighing};

/// What it takes to say a CRC that is often used, any of the catalogue, and a generator of the catalogue.
const COMMON: f64 = 4.0;
const KNOWN: f64 = 7.0;
const GENERATOR: f64 = 8.0;
const COMMON_ONES: [&str; 11] = [
    "crc-8/smbus",
    "crc-8/maxim-dow",
    "crc-16/arc",
    "crc-16/modbus",
    "crc-16/xmodem",
    "crc-16/kermit",
    "crc-16/ibm-3740",
    "crc-16/ibm-sdlc",
    "crc-32/iso-hdlc",
    "crc-32/iscsi",
    "crc-64/xz",
];
/// How many messages a hypothesis is tried on before it is on all.
const FEW: usize = 12;
/// How many bytes are shifted through registers for the messages of a seed.
const WORK: usize = 20_000_000;

/// CRCs with one generator and one order of bits.
pub(super) struct Class {
    /// With a register that begins with zero, and a result as it is.
    about: Crc,
    table: Box<[u64; 256]>,
    /// Those that the catalogue has, and what it takes to say each.
    known: Vec<(Crc, f64)>,
    /// What it takes to say the generator.
    cost: f64,
}

impl Class {
    fn new(width: u8, polynomial: u64, reflected: bool, cost: f64) -> Class {
        let about = Crc { width, polynomial, initial: 0, reflected, xor: 0 };
        Class { about, table: about.table(), known: Vec::new(), cost }
    }

    /// Those with any generator.
    pub(super) fn of(width: u8, polynomial: u64, reflected: bool) -> Class {
        let mut known = Class::all(width.into()).into_iter();
        known
            .find(|class| (class.about.polynomial, class.about.reflected) == (polynomial, reflected))
            // One that is not in the catalogue takes as many bits as it has.
            .unwrap_or_else(|| Class::new(width, polynomial, reflected, f64::from(width) + 8.0))
    }

    /// The generators of the catalogue.
    pub(super) fn all(width: usize) -> Vec<Class> {
        let mut classes: Vec<Class> = Vec::new();
        for (name, crc) in Crc::all().filter(|(_, crc)| usize::from(crc.width) == width) {
            let cost = if COMMON_ONES.contains(&name) { COMMON } else { KNOWN };
            let plain = Crc { initial: 0, xor: 0, ..crc };
            match classes.iter_mut().find(|class| class.about == plain) {
                Some(class) => class.known.push((crc, cost)),
                None => {
                    let class = Class::new(crc.width, crc.polynomial, crc.reflected, GENERATOR);
                    classes.push(Class { known: vec![(crc, cost)], ..class });
                }
            }
        }
        classes
    }

    /// Those that the catalogue has.
    pub(super) fn known(&self) -> impl Iterator<Item = Crc> + '_ {
        self.known.iter().map(|(about, _)| *about)
    }

    fn shift(&self) -> u32 {
        64 - u32::from(self.about.width)
    }

    /// The register that begins with a number. Its highest bit is on top unless bits are reflected.
    pub(super) fn register(&self, initial: u64) -> u64 {
        if self.about.reflected { initial.reverse_bits() >> self.shift() } else { initial << self.shift() }
    }

    /// What a register began with, if it has not changed.
    fn initial(&self, register: u64) -> u64 {
        if self.about.reflected {
            (register << self.shift()).reverse_bits()
        } else {
            register >> self.shift()
        }
    }

    /// The number that a register is.
    pub(super) fn number(&self, register: u64) -> u64 {
        if self.about.reflected { register } else { register >> self.shift() }
    }

    #[inline]
    pub(super) fn step(&self, register: u64, byte: u8) -> u64 {
        let of = |byte: u8| self.table.get(usize::from(byte)).copied().unwrap_or(0);
        if self.about.reflected {
            let [low, ..] = register.to_le_bytes();
            of(low ^ byte) ^ register >> 8
        } else {
            let [high, ..] = register.to_be_bytes();
            of(high ^ byte) ^ register << 8
        }
    }

    pub(super) fn run(&self, register: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
        bytes.into_iter().fold(register, |register, byte| self.step(register, byte))
    }

    /// The numbers after each byte of a message from one on, where the field counts as `own` says.
    fn numbers(&self, message: &[u8], covered: &Covered, span: &Span, numbers: &mut Vec<u64>) {
        numbers.clear();
        numbers.resize(covered.first.start + 1, 0);
        let mut register = 0;
        for (at, &byte) in message.iter().enumerate().skip(covered.first.start) {
            register = match span.own {
                Own::Apart => self.step(register, byte),
                _ if !covered.field.contains(&at) => self.step(register, byte),
                Own::Zero => self.step(register, 0),
                Own::LeftOut => register,
            };
            numbers.push(self.number(register));
        }
    }

    /// What registers may begin with: those of the catalogue, zero, and ones.
    fn initials(&self) -> Vec<u64> {
        let mut all = vec![0, self.about.mask()];
        for (known, _) in &self.known {
            if !all.contains(&known.initial) {
                all.push(known.initial);
            }
        }
        all
    }

    /// What it takes to say that a register begins with a number, and what the result is combined with.
    fn cost_of(&self, initial: u64, xor: u64) -> f64 {
        let known = self.known.iter().find(|(crc, _)| (crc.initial, crc.xor) == (initial, xor));
        let width = f64::from(self.about.width);
        let plain = [0, self.about.mask()];
        known.map_or_else(
            || {
                let of = |n: u64| if plain.contains(&n) { 1.0 } else { width + 1.0 };
                self.cost + of(initial) + of(xor)
            },
            |(_, cost)| *cost,
        )
    }

    /// The parameters under which most messages of a sample hold.
    pub(super) fn weigh(&self, (span, of_span): (Span, f64), form: Form, weighing: &mut Weighing<'_>) {
        let row = |message: &&[u8]| {
            let covered = span.of(message.len())?;
            let found = super::value(message.get(covered.field.clone())?, form)?;
            Some((covered.length, found ^ self.number(self.run(0, span.bytes(message)?))))
        };
        let messages = &weighing.sample.messages;
        // Most hypotheses fail in the first few.
        let (few, others) = messages.split_at(messages.len().min(FEW));
        let mut rows: Vec<(usize, u64)> = few.iter().filter_map(row).collect();
        if !are_alike(&rows) {
            return;
        }
        rows.extend(others.iter().filter_map(row));
        if !are_alike(&rows) {
            return;
        }
        let by_initial = |initial: u64| {
            let mut lengths: HashMap<usize, u64> = HashMap::new();
            let mut counts: HashMap<u64, usize> = HashMap::new();
            for &(length, rest) in &rows {
                let zeros = std::iter::repeat_n(0, length);
                let of_length = lengths
                    .entry(length)
                    .or_insert_with(|| self.number(self.run(self.register(initial), zeros)));
                *counts.entry(rest ^ *of_length).or_default() += 1;
            }
            let most = counts.into_iter().max_by_key(|(xor, count)| (*count, std::cmp::Reverse(*xor)));
            most.map(|(xor, count)| (count, initial, xor))
        };
        let better = |a: &(usize, u64, u64), b: &(usize, u64, u64)| {
            let costs = self.cost_of(b.1, b.2).total_cmp(&self.cost_of(a.1, a.2));
            a.0.cmp(&b.0).then(costs).then(b.1.cmp(&a.1))
        };
        let mut best = self.initials().into_iter().filter_map(by_initial).max_by(better);
        if best.is_none_or(|(count, ..)| count * 8 < rows.len() * 7)
            && let Some(solved) = self.solve(&rows).and_then(by_initial)
        {
            best = best.max(Some(solved));
        }
        let Some((count, initial, xor)) = best.filter(|(count, ..)| *count * 8 >= rows.len() * 6) else {
            return;
        };
        if count < 3 {
            return;
        }
        let cost = of_span + cost_of(form) + self.cost_of(initial, xor);
        let algorithm = Algorithm::crc(Crc { initial, xor, ..self.about });
        weighing.weigh(Candidate { span, form, algorithm, cost });
    }

    /// What registers begin with, from what results of messages of different lengths differ by.
    fn solve(&self, rows: &[(usize, u64)]) -> Option<u64> {
        let mut counts: HashMap<(usize, u64), usize> = HashMap::new();
        for row in rows {
            *counts.entry(*row).or_default() += 1;
        }
        let mut counts: Vec<((usize, u64), usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(row, count)| (std::cmp::Reverse(*count), *row));
        counts.truncate(8);
        let ((first, of_first), _) = *counts.first()?;
        let after = |register: u64, length: usize| self.run(register, std::iter::repeat_n(0, length));
        // Each row: which bits of the register a bit of the difference depends on, and that bit.
        let mut system: Vec<(u64, bool)> = Vec::new();
        for ((length, of_length), _) in counts.into_iter().skip(1).filter(|((length, _), _)| *length != first)
        {
            let columns: Vec<u64> = (0..self.about.width)
                .map(|bit| self.register(1 << bit))
                .map(|register| self.number(after(register, length) ^ after(register, first)))
                .collect();
            let difference = of_length ^ of_first;
            let more = (0..self.about.width).map(|bit| {
                let row =
                    columns.iter().zip(0..).fold(0u64, |row, (column, n)| row | (column >> bit & 1) << n);
                (row, difference >> bit & 1 == 1)
            });
            let mut extended = system.clone();
            // A damaged message contradicts the others.
            if more.into_iter().all(|equation| add(&mut extended, equation)) {
                system = extended;
            }
        }
        if system.is_empty() {
            return None;
        }
        // From the lowest pivot on, each bit depends on lower ones only; those without an equation are zero.
        system.sort_by_key(|(row, _)| row.leading_zeros());
        let mut initial = 0u64;
        for (row, is_one) in system.iter().rev() {
            let pivot = 63 - row.leading_zeros();
            let known = (row & !(1 << pivot) & initial).count_ones() % 2 == 1;
            if known != *is_one {
                initial |= 1 << pivot;
            }
        }
        Some(self.initial(self.register(initial)))
    }
}

/// Whether most messages of each length differ by the same.
fn are_alike(rows: &[(usize, u64)]) -> bool {
    let mut counts: HashMap<usize, HashMap<u64, usize>> = HashMap::new();
    for &(length, rest) in rows {
        *counts.entry(length).or_default().entry(rest).or_default() += 1;
    }
    let most = counts.values().map(|rests| rests.values().max().copied().unwrap_or(0));
    most.sum::<usize>() * 4 >= rows.len() * 3
}

/// Adds an equation to others that are in echelon form. False if it contradicts them.
fn add(system: &mut Vec<(u64, bool)>, (mut row, mut is_one): (u64, bool)) -> bool {
    for (other, value) in system.iter() {
        if row >> (63 - other.leading_zeros()) & 1 == 1 {
            row ^= other;
            is_one ^= value;
        }
    }
    if row == 0 {
        return !is_one;
    }
    system.push((row, is_one));
    system.sort_by_key(|(row, _)| row.leading_zeros());
    true
}

/// Spans that are the same up to where what they cover ends.
type Group<'t> = (f64, Vec<&'t Tried>);

fn groups(tried: &[Tried]) -> Vec<Group<'_>> {
    let mut groups: HashMap<(usize, Own, Option<Place>), Group<'_>> = HashMap::new();
    for one in tried {
        let place = (one.span.own != Own::Apart).then_some(one.span.place);
        let (least, group) =
            groups.entry((one.span.from, one.span.own, place)).or_insert_with(|| (f64::INFINITY, Vec::new()));
        *least = least.min(one.cost);
        group.push(one);
    }
    let mut sorted: Vec<_> = groups.into_iter().collect();
    sorted.sort_by(|(a, (x, _)), (b, (y, _))| x.total_cmp(y).then(a.cmp(b)));
    sorted.into_iter().map(|(_, group)| group).collect()
}

/// Weighs the CRCs that fit in the messages of a seed. False if it is cancelled.
pub(super) fn search(
    tried: &[Tried],
    seed: [&[u8]; 3],
    weighing: &mut Weighing<'_>,
    cancelled: &dyn Fn() -> bool,
) -> bool {
    let mut widths: Vec<usize> = tried
        .iter()
        .flat_map(|one| one.values.iter().map(|(form, _)| 8 * form.value_size(one.span.size)))
        .collect();
    widths.sort_unstable();
    widths.dedup();
    let groups = groups(tried);
    let length: usize = seed.iter().map(|message| message.len()).sum();
    for class in widths.into_iter().flat_map(Class::all) {
        if cancelled() {
            return false;
        }
        let most = WORK / 50 / length.max(1);
        let longest = seed.iter().map(|message| message.len()).max().unwrap_or(0);
        let zeros: Vec<Vec<u64>> =
            class.initials().into_iter().map(|initial| class.zeros(initial, longest)).collect();
        for (_, group) in groups.iter().take(most) {
            class.search(group, seed, &zeros, weighing);
        }
    }
    true
}

impl Class {
    /// The numbers of so many bytes of zero.
    fn zeros(&self, initial: u64, longest: usize) -> Vec<u64> {
        let mut register = self.register(initial);
        let next = |_| {
            let number = self.number(register);
            register = self.step(register, 0);
            number
        };
        (0..=longest).map(next).collect()
    }

    fn search(&self, group: &[&Tried], seed: [&[u8]; 3], zeros: &[Vec<u64>], weighing: &mut Weighing<'_>) {
        let Some(first) = group.first() else { return };
        let mut numbers: [Vec<u64>; 3] = Default::default();
        for ((message, covered), numbers) in seed.iter().zip(&first.covered).zip(&mut numbers) {
            self.numbers(message, covered, &first.span, numbers);
        }
        for Tried { span, cost, covered, values } in group {
            for (form, values) in values {
                if form.value_size(span.size) * 8 != usize::from(self.about.width) {
                    continue;
                }
                let rests = |number: usize| {
                    let covered = covered.get(number)?;
                    let end = if covered.second.is_empty() { covered.first.end } else { covered.second.end };
                    let number_there = numbers.get(number)?.get(end)?;
                    Some((covered.length, values.get(number)? ^ number_there))
                };
                let [Some(a), Some(b), Some(c)] = [0, 1, 2].map(rests) else { continue };
                let fits = zeros.iter().any(|zeros| {
                    let of = |(length, rest): (usize, u64)| zeros.get(length).map(|zero| zero ^ rest);
                    of(a) == of(b) && of(b) == of(c)
                });
                if fits {
                    self.weigh((*span, *cost), *form, weighing);
                }
            }
        }
    }
}
