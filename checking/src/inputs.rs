//! Inputs for programs that read messages, one after another: each begins with a message, whole, damaged or cut off.

use framescope_ksy::Described;
use framescope_parser::Protocol;
use framescope_parser::missive::Missive;

use crate::random::{Random, havoc};
use crate::spans::spans;
use crate::{mutate_frames, mutate_messages};

/// The longest input that is generated.
const LONGEST: usize = 2048;
/// How many streams are kept to be changed further.
const KEPT: usize = 200;

/// Endless inputs of a described protocol, or of Missive without one; the same for the same `seed`. `known` are streams
/// to begin with; without any, messages are generated.
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
    let missive = Missive::default();
    let first = seed.wrapping_mul(1_000_003);
    (0..).map(move |number: u32| {
        let seed = first.wrapping_add(number);
        let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9));
        let at = random.below(kept.len());
        let mut data = kept.get(at).cloned().unwrap_or_default();
        let size = data.len();
        data.resize(LONGEST, 0);
        let mut bytes = havoc(seed);
        let length = match described {
            Some(described) => mutate_messages(described, &mut data, size, LONGEST, seed, &mut bytes),
            None => mutate_frames(&mut data, size, LONGEST, seed, &mut bytes),
        };
        data.truncate(length);
        if kept.len() < KEPT {
            kept.push(data.clone());
        } else if let Some(old) = kept.get_mut(at) {
            old.clone_from(&data);
        }
        // From any of its messages on, and sometimes cut off.
        let protocol = described.map_or(&missive as &dyn Protocol, |described| described);
        let spans = spans(protocol, &data);
        let start = spans.get(random.below(spans.len())).map_or(0, |(span, _)| span.offset);
        let mut input = data.split_off(usize::try_from(start).unwrap_or(0).min(data.len()));
        if random.one_in(8) {
            input.truncate(random.below(input.len() + 1));
        }
        input
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use framescope_parser::{Input, Memo, Step};

    #[test]
    fn inputs_are_the_same_for_the_same_seed_and_of_every_sort() {
        let made: Vec<Vec<u8>> = inputs(None, Vec::new(), 7).take(2000).collect();
        assert!(inputs(None, Vec::new(), 7).take(100).eq(made.iter().take(100).cloned()));
        let missive = Missive::default();
        let step = |bytes: &Vec<u8>| {
            let input = Input { bytes, first_segment: bytes.len(), last: true, offset: 0, context: None };
            (!bytes.is_empty()).then(|| missive.next(input, &mut Memo::default()))
        };
        let steps: Vec<Step> = made.iter().filter_map(step).collect();
        let share = |is: fn(&Step) -> bool| steps.iter().filter(|step| is(step)).count() * 100 / steps.len();
        let whole = share(|step| matches!(step, Step::Message(_) | Step::Checked(_)));
        let cut = share(|step| matches!(step, Step::Partial(_)));
        assert!((50..90).contains(&whole) && (5..40).contains(&cut), "{whole} % whole, {cut} % cut off");
    }
}
