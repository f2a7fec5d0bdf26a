//! How much the values of a field say: as many bits as it takes to tell them by the simplest explanation, so that a check that
//! gives all of them is worth no more than that.

use super::spans::Place;
use super::{Form, value};

/// A number of at most eight bytes as its bytes, the highest first.
fn bytes_of(value: u64, size: usize) -> impl Iterator<Item = u8> {
    value.to_be_bytes().into_iter().skip(8usize.saturating_sub(size))
}

/// Logarithms of counts, and of counts and what a byte weighs that was not there before.
struct Logarithms(Vec<(f64, f64)>);

impl Logarithms {
    fn up_to(most: usize) -> Logarithms {
        const NEW: f64 = 1.0 / 256.0;
        Logarithms((0..=most).map(|n| ((n as f64 + 1.0).log2(), (n as f64 + NEW).log2())).collect())
    }

    /// How many bits it takes to say these bytes, where earlier ones let expect later ones.
    fn adaptive(&self, symbols: impl Iterator<Item = u8>) -> f64 {
        let (mut counts, mut bits) = ([0u8; 256], 0.0f64);
        for (symbol, (of_all, _)) in symbols.zip(&self.0) {
            let Some(count) = counts.get_mut(usize::from(symbol)) else { continue };
            let of_count = self.0.get(usize::from(*count)).map_or(0.0, |(_, of_count)| *of_count);
            bits += (of_all - of_count).min(8.0);
            *count = count.saturating_add(1);
        }
        bits
    }
}

/// The same if each bit of them is expected for itself.
fn bitwise(symbols: &[u8]) -> f64 {
    let mut bits = 0.0;
    for bit in 0..8 {
        let mut counts = [0.5f64; 2];
        for symbol in symbols {
            let [zeros, ones] = &mut counts;
            let all = *zeros + *ones;
            let count = if symbol >> bit & 1 == 1 { ones } else { zeros };
            bits += (all / *count).log2();
            *count += 1.0;
        }
    }
    bits
}

/// How many bytes from each end a byte of a check is compared with.
const NEAR: usize = 24;
/// What it costs to choose one of those explanations.
const CHOICE: f64 = 7.0;

/// How many bits the values of a field are worth in different messages.
pub(super) fn worth(messages: &[&[u8]], place: Place, size: usize, form: Form) -> f64 {
    let rows: Vec<(&[u8], u64)> = messages
        .iter()
        .filter_map(|message| {
            let at = place.at(message.len())?;
            Some((*message, value(message.get(at..at.checked_add(size)?)?, form)?))
        })
        .collect();
    let value_size = form.value_size(size);
    let logarithms = Logarithms::up_to(rows.len());
    (0..value_size)
        .map(|number| {
            let symbols: Vec<u8> =
                rows.iter().map(|(_, value)| bytes_of(*value, value_size).nth(number).unwrap_or(0)).collect();
            // Its own bytes explain nothing.
            let is_own = |other: Place, length: usize| {
                let (Some(own), Some(other)) = (place.at(length), other.at(length)) else { return false };
                (own..own + size).contains(&other)
            };
            let others = (0..NEAR).map(Place::Start).chain((1..=NEAR).map(Place::End));
            let copied = others.flat_map(|other| {
                [false, true].map(|is_xor| {
                    let differences = rows.iter().zip(&symbols).map(|((message, _), &symbol)| {
                        let at = other.at(message.len()).filter(|_| !is_own(other, message.len()));
                        let byte = at.and_then(|at| message.get(at)).copied();
                        byte.map_or(symbol, |b| if is_xor { symbol ^ b } else { symbol.wrapping_sub(b) })
                    });
                    CHOICE + logarithms.adaptive(differences)
                })
            });
            let before = symbols.iter().zip([0].iter().chain(&symbols));
            let steps = CHOICE + logarithms.adaptive(before.map(|(now, before)| now.wrapping_sub(*before)));
            let lengths = rows.iter().zip(&symbols);
            let by_length = CHOICE
                + logarithms.adaptive(lengths.map(|((message, _), symbol)| {
                    let [low, ..] = message.len().to_le_bytes();
                    symbol.wrapping_sub(low)
                }));
            let all = 8.0 * symbols.len() as f64;
            let plain =
                [all, logarithms.adaptive(symbols.iter().copied()), bitwise(&symbols), steps, by_length];
            copied.chain(plain).fold(all, f64::min)
        })
        .sum()
}

/// How many bits it takes to say which ones of some messages are damaged.
pub(super) fn choice(of: usize, all: usize) -> f64 {
    (0..of).map(|n| ((all.saturating_sub(n)) as f64 / (n + 1) as f64).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_constant_counted_or_copied_is_worth_little() {
        let of = |byte: &dyn Fn(u8) -> u8| {
            let messages: Vec<Vec<u8>> =
                (0..20u8).map(|n| vec![n.wrapping_mul(77) ^ 0x31, 5, byte(n)]).collect();
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            worth(&messages, Place::Start(2), 1, Form::Big)
        };
        assert!(of(&|_| 9) < 20.0);
        assert!(of(&|n| n + 100) < 40.0);
        assert!(of(&|n| (n.wrapping_mul(77) ^ 0x31).wrapping_add(3)) < 40.0);
        let random = [200, 3, 117, 90, 41, 250, 163, 77, 18, 133, 229, 5, 66, 178, 99, 143, 31, 212, 54, 190];
        assert!(of(&|n| random[usize::from(n)]) > 145.0);
    }
}
