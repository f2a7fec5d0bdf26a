//! Inputs for programs that read messages, one after another: each begins with a message, whole, damaged or cut off.

use framescope_ksy::Described;
use framescope_parser::Protocol;

use crate::decode::MISSIVE;
use crate::random::Random;
use crate::{mutate_frames, mutate_messages, spans};

/// Longest that an input is made.
const LONGEST: usize = 2048;
/// How many streams are kept to be changed further.
const KEPT: usize = 200;

/// Endless inputs of a described protocol, or without one of Missive, the same for the same `seed`. `known` are streams to begin
/// with; without any, messages are made up.
pub fn inputs<'p>(
    described: Option<&'p Described>,
    known: Vec<Vec<u8>>,
    seed: u32,
) -> impl Iterator<Item = Vec<u8>> + 'p {
    let mut kept = known;
    kept.retain(|stream| stream.len() <= LONGEST);
    if kept.is_empty() {
        kept.push(Vec::new());
    }
    let protocol = described.map_or(&MISSIVE[0] as &dyn Protocol, |described| described);
    let first = seed.wrapping_mul(1_000_003);
    (0..).map(move |number: u32| {
        let seed = first.wrapping_add(number);
        let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9));
        let at = random.below(kept.len());
        let (mut data, size) = (kept[at].clone(), kept[at].len());
        data.resize(LONGEST, 0);
        let mut bytes = havoc(seed);
        let length = match described {
            Some(described) => mutate_messages(described, &mut data, size, LONGEST, seed, &mut bytes),
            None => mutate_frames(&mut data, size, LONGEST, seed, &mut bytes),
        };
        data.truncate(length);
        if kept.len() < KEPT {
            kept.push(data.clone());
        } else {
            kept[at].clone_from(&data);
        }
        // From any of its messages on, and now and then cut off.
        let starts: Vec<u64> = spans(protocol, &data, &[]).iter().map(|span| span.offset).collect();
        let start = starts.get(random.below(starts.len())).map_or(0, |&start| start as usize);
        let mut input = data.split_off(start);
        if random.one_in(8) {
            input.truncate(random.below(input.len() + 1));
        }
        input
    })
}

/// Changes some bytes, as a fuzzer would.
pub(crate) fn havoc(seed: u32) -> impl FnMut(&mut [u8], usize, usize) -> usize {
    let mut random = Random::new(seed);
    move |data, size, most| {
        let size = if random.one_in(2) { random.below(most + 1).min(size + 4) } else { size };
        if size > 0 {
            data[random.below(size)] = random.byte();
        }
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::{Input, Memo, Step};

    #[test]
    fn inputs_are_the_same_for_the_same_seed_and_of_every_sort() {
        let made: Vec<Vec<u8>> = inputs(None, Vec::new(), 7).take(2000).collect();
        assert!(inputs(None, Vec::new(), 7).take(100).eq(made.iter().take(100).cloned()));
        let step = |bytes: &Vec<u8>| {
            let input = Input { bytes, first_segment: bytes.len(), last: true, offset: 0 };
            (!bytes.is_empty()).then(|| MISSIVE[0].next(input, &mut Memo::default()))
        };
        let steps: Vec<Step> = made.iter().filter_map(step).collect();
        let share = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count() * 100 / steps.len();
        let whole = share(|step| matches!(step, Step::Message(_) | Step::Checked(_)));
        let cut = share(|step| matches!(step, Step::Partial(_)));
        assert!((50..90).contains(&whole) && (5..40).contains(&cut), "{whole} % whole, {cut} % cut off");
    }
}
