//! Messages to learn forms from.

use std::collections::BTreeSet;
use std::ops::Range;

use framescope_ksy::Described;
use framescope_parser::missive::Missive;
use framescope_parser::{Captured, Context, Dissection, Field, Protocol, Value};

use crate::messages::{made_valid_in, random_head};
use crate::{Random, Verdict, inputs, verdict};

/// How many messages are generated for each number that has a name, and for how many.
const TRIES_OF_A_NAME: u32 = 80;
const ENOUGH_OF_A_NAME: usize = 16;
const MOST_NAMES: usize = 200;
/// How many values are tried to make messages valid, of each sort for each try, and one.
const REPAIRS_A_TRY: usize = 10;
const MOST_OF_ONE: usize = 60;
/// How many fields a message may have to be learned from.
const MOST_FIELDS: usize = 100;

/// The numbers that a description names.
pub(super) fn named(protocol: &Described) -> Vec<i128> {
    let of_enumerations = protocol.enumerations().into_iter().flat_map(|one| one.members);
    let mut all: BTreeSet<i128> = of_enumerations.map(|(number, _)| number).collect();
    all.extend(protocol.constants().iter().filter_map(Value::as_u64).map(i128::from));
    all.into_iter().collect()
}

/// Generated messages, in a context.
pub(super) fn generated(protocol: &Described, context: &Context<'_>, tries: u32) -> Vec<Vec<u8>> {
    let mut generator =
        Generator { protocol, context, left: tries as usize * REPAIRS_A_TRY, found: Vec::new() };
    for seed in 0..tries {
        let mut random = Random::new(seed);
        let bytes = generator.head(&mut random);
        generator.add(&bytes, &mut random);
    }
    generator.left += tries as usize * REPAIRS_A_TRY;
    generator.of_named_numbers();
    generator.left += tries as usize * REPAIRS_A_TRY;
    generator.of_texts();
    generator.found
}

/// Makes valid messages of random bytes.
struct Generator<'p> {
    protocol: &'p Described,
    context: &'p Context<'p>,
    /// How many values may still be tried to make them valid.
    left: usize,
    found: Vec<Vec<u8>>,
}

impl Generator<'_> {
    /// Bytes that begin like a message, half of the time with small numbers in them: those may be lengths of what is there.
    fn head(&self, random: &mut Random) -> Vec<u8> {
        if random.one_in(2) {
            return random_head(self.protocol, 100, random);
        }
        let length = random.below(100);
        let mut bytes: Vec<u8> =
            (0..length).map(|_| random.one_of(&[0, 0, 0, 0, 1, 2, 3, 4, 16, 40])).collect();
        self.protocol.put_head(&mut bytes, &mut |choices| random.below(choices));
        bytes
    }

    fn add(&mut self, bytes: &[u8], random: &mut Random) {
        let granted = self.left.min(MOST_OF_ONE);
        if granted == 0 {
            return;
        }
        let mut read = Dissection::default();
        Captured::whole(bytes).in_context(Some(self.context)).dissect(self.protocol, &mut read);
        // A large one is no simpler to learn from, and takes long to be made valid.
        if count(&read.fields) > MOST_FIELDS {
            self.left -= 1;
            return;
        }
        let mut tries = granted;
        self.found.extend(made_valid_in(self.protocol, self.context, bytes, &mut tries, random));
        // One that is valid as it is costs something too.
        self.left -= (granted - tries).max(1);
    }

    /// In which a number is each of those that have a name there: a kind that random bytes hardly ever are.
    fn of_named_numbers(&mut self) {
        let mut all = self.protocol.enumerations();
        // Those outside come first.
        all.sort_by_key(|enumeration| enumeration.path.matches('.').count());
        let all = all.into_iter().flat_map(|one| {
            let path = one.path;
            one.members.into_iter().map(move |(number, _)| (path.clone(), number))
        });
        for (path, number) in all.take(MOST_NAMES) {
            let before = self.found.len();
            for seed in 0..TRIES_OF_A_NAME {
                if self.found.len() >= before + ENOUGH_OF_A_NAME {
                    break;
                }
                let mut random = Random::new(seed);
                let mut bytes = self.head(&mut random);
                if put(self.protocol, self.context, &path, number, &mut bytes).is_some() {
                    self.add(&bytes, &mut random);
                }
            }
        }
    }

    /// That begin with a text that the description names.
    fn of_texts(&mut self) {
        let constants = self.protocol.constants();
        for text in constants.iter().filter_map(Value::as_bytes).take(MOST_NAMES) {
            for seed in 0..TRIES_OF_A_NAME / 8 {
                let mut random = Random::new(seed);
                let end: &[u8] = random.one_of(&[b"\n", b"\r\n", b" ", b"\0", b" a 0\r\n", b"\n\n\0"]);
                let bytes = [text, end, &random_head(self.protocol, 20, &mut random)].concat();
                self.add(&bytes, &mut random);
            }
        }
    }
}

fn count(fields: &[Field<'_>]) -> usize {
    fields.iter().map(|field| 1 + count(&field.fields)).sum()
}

/// Writes a number into the bytes of the field at a path.
fn put(
    protocol: &Described,
    context: &Context<'_>,
    path: &str,
    number: i128,
    bytes: &mut [u8],
) -> Option<()> {
    let range = {
        let mut read = Dissection::default();
        Captured::whole(bytes).in_context(Some(context)).dissect(protocol, &mut read);
        let (range, before) = find(&read.fields, path)?;
        let is_little = match bytes.get(range.clone())? {
            [] => return None,
            own => is_little(own, before),
        };
        (range, is_little)
    };
    let (range, is_little) = range;
    let place = bytes.get_mut(range)?;
    let number = number.to_le_bytes();
    for (at, byte) in place.iter_mut().enumerate() {
        *byte = number.get(at).copied().unwrap_or(0);
    }
    if !is_little {
        place.reverse();
    }
    Some(())
}

fn is_little(bytes: &[u8], number: i128) -> bool {
    let little = number.to_le_bytes();
    bytes.iter().enumerate().all(|(at, byte)| little.get(at) == Some(byte))
}

/// The bytes of the field whose path ends so, and its number.
fn find(fields: &[Field<'_>], path: &str) -> Option<(Range<usize>, i128)> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    for field in fields.iter().filter(|field| field.name == first) {
        match (rest, &field.value) {
            (None, Value::Enum(kind)) => return Some((field.range.clone(), kind.number())),
            (None, _) => {}
            (Some(rest), _) => return find(&field.fields, rest),
        }
    }
    None
}

/// Missive's.
pub(super) fn frames(tries: usize) -> Vec<Vec<u8>> {
    let missive = Missive::default();
    let whole = |mut bytes: Vec<u8>| match verdict(&missive as &dyn Protocol, &bytes) {
        Verdict::Valid(length) => {
            bytes.truncate(length);
            Some(bytes)
        }
        _ => None,
    };
    inputs(None, Vec::new(), 1).take(tries).filter_map(whole).collect()
}
