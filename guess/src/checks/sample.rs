//! The messages that hypotheses are tried on: few, different, and as far as possible several of one length.

use std::collections::{HashMap, HashSet};

/// How many messages hypotheses are weighed with, and how many bytes these may have together.
const MESSAGES: usize = 48;
const BYTES: usize = 128 << 10;
/// How many of all messages are considered.
const CONSIDERED: usize = 4096;
/// How many messages show whether a hypothesis is worth weighing, and how often that is tried with others.
const SEED: usize = 3;
const SEEDS: usize = 3;

/// Different messages of all.
pub(super) struct Sample<'m> {
    /// In the order in which they are.
    pub(super) messages: Vec<&'m [u8]>,
    /// Groups of three of them that a hypothesis is tried on first.
    pub(super) seeds: Vec<[usize; SEED]>,
    /// The numbers of those of one length, if there are several; the most common length first.
    pub(super) alike: Vec<Vec<usize>>,
}

impl<'m> Sample<'m> {
    pub(super) fn of(all: &[&'m [u8]]) -> Sample<'m> {
        let step = all.len().div_ceil(CONSIDERED).max(1);
        let mut seen = HashSet::new();
        let different: Vec<&[u8]> =
            all.iter().step_by(step).copied().filter(|one| seen.insert(*one)).collect();
        let mut lengths: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, message) in different.iter().enumerate() {
            lengths.entry(message.len()).or_default().push(number);
        }
        let mut groups: Vec<(usize, Vec<usize>)> = lengths.into_iter().collect();
        groups.sort_by_key(|(length, group)| (std::cmp::Reverse(group.len().min(12)), *length));
        let mut chosen = Vec::new();
        for ((_, group), most) in groups.iter().zip([12, 6, 6]) {
            chosen.extend(spread(group, most));
        }
        let every: Vec<usize> = (0..different.len()).collect();
        chosen.extend(spread(&every, MESSAGES));
        let (mut taken, mut left, mut numbers) = (HashSet::new(), BYTES, Vec::new());
        for number in chosen {
            let length = different.get(number).map_or(0, |message| message.len());
            if numbers.len() == MESSAGES || length > left && numbers.len() >= SEED || !taken.insert(number) {
                continue;
            }
            left = left.saturating_sub(length);
            numbers.push(number);
        }
        numbers.sort_unstable();
        let messages = numbers.iter().filter_map(|&number| different.get(number).copied()).collect();
        Sample::seeded(messages)
    }

    fn seeded(messages: Vec<&'m [u8]>) -> Sample<'m> {
        let mut lengths: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, message) in messages.iter().enumerate() {
            lengths.entry(message.len()).or_default().push(number);
        }
        let mut alike: Vec<(usize, Vec<usize>)> =
            lengths.into_iter().filter(|(_, group)| group.len() >= SEED).collect();
        alike.sort_by_key(|(length, group)| (std::cmp::Reverse(group.len()), *length));
        let alike: Vec<Vec<usize>> = alike.into_iter().map(|(_, group)| group).collect();
        let mut by_length: Vec<usize> = (0..messages.len()).collect();
        by_length.sort_by_key(|&number| messages.get(number).map_or(0, |message| message.len()));
        // One of each length before another of the same.
        let parts =
            (0..SEEDS).flat_map(|part| alike.iter().filter_map(move |group| group.as_chunks().0.get(part)));
        let threes = parts.chain(by_length.as_chunks().0);
        let mut seeds: Vec<[usize; SEED]> = Vec::new();
        for three in threes {
            if seeds.len() < SEEDS && !seeds.iter().flatten().any(|number| three.contains(number)) {
                seeds.push(*three);
            }
        }
        Sample { messages, seeds, alike }
    }

    /// The messages of a seed.
    pub(super) fn seed(&self, numbers: &[usize; SEED]) -> Option<[&'m [u8]; SEED]> {
        let [a, b, c] = numbers.map(|number| self.messages.get(number).copied());
        Some([a?, b?, c?])
    }
}

/// So many of a list, evenly spread.
fn spread(all: &[usize], most: usize) -> impl Iterator<Item = usize> {
    all.iter().step_by(all.len().div_ceil(most).max(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_different_messages_of_one_length_where_there_are_such() {
        let messages: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n / 2; 3 + usize::from(n % 4)]).collect();
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let sample = Sample::of(&messages);
        assert_eq!(sample.messages.len(), 40);
        assert_eq!(sample.seeds.len(), 3);
        for seed in &sample.seeds {
            let seed = sample.seed(seed).unwrap();
            assert!(seed.iter().all(|message| message.len() == seed[0].len()));
        }
        assert_eq!(Sample::of(&[b"a".as_slice(); 100]).messages.len(), 1);
    }
}
