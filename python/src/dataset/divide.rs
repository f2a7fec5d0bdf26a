//! Divides captures that are read as one into shares that can be read by themselves.
//!
//! A conversation is read by one share only, as a whole. Those that are in one file are read with it; those that reach into another
//! by shares of their own, which read all files that these are in, and leave everything else there aside.

use std::collections::{BTreeMap, HashMap, HashSet};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{packed, unpacked};

/// Leaving a packet aside takes this part of the time that reading it takes.
const LEAVING_ASIDE: u64 = 8;
/// Fewer bytes than this are not worth a share of their own, next to so many that are left aside for it.
const MOST_LEFT: u64 = 4;
/// As many files a process can well have open.
const MOST_FILES: usize = 64;

/// A file: the conversations in it, what each weighs, and how many bytes it has.
struct File {
    conversations: Vec<(u64, u64)>,
    bytes: u64,
}

/// Where a conversation is.
#[derive(Clone, Copy)]
struct Extent {
    first: usize,
    last: usize,
    weight: u64,
}

#[derive(Default)]
struct Share {
    files: Vec<usize>,
    only: Option<Vec<u64>>,
    without: Vec<u64>,
    share: Option<(u32, u32)>,
    weight: u64,
}

struct Division<'f> {
    files: &'f [File],
    /// What a share should weigh.
    target: u64,
    /// Whether as many shares are wanted, whatever is read more than once for it.
    exact: bool,
    /// The files that are read together, by the first of each.
    packs: Vec<std::ops::Range<usize>>,
    shares: Vec<Share>,
}

/// Divides files, each given as its conversations' keys, what they weigh, and its length, into shares of about that weight.
#[pyfunction]
pub(super) fn divide_captures<'py>(
    py: Python<'py>,
    files: Vec<(Vec<u8>, Vec<u8>, u64)>,
    target: u64,
    exact: bool,
) -> PyResult<Bound<'py, PyList>> {
    let shares = py.detach(move || {
        let files: Vec<File> = files
            .iter()
            .map(|(keys, weights, bytes)| File {
                conversations: unpacked(keys).zip(unpacked(weights)).collect(),
                bytes: *bytes,
            })
            .collect();
        divided(&files, target.max(1), exact)
    });
    let list = PyList::empty(py);
    for share in shares {
        let dict = PyDict::new(py);
        dict.set_item("files", share.files)?;
        dict.set_item("only", share.only.map(|keys| packed(py, keys)))?;
        dict.set_item("without", (!share.without.is_empty()).then(|| packed(py, share.without)))?;
        dict.set_item("share", share.share)?;
        dict.set_item("weight", share.weight)?;
        list.append(dict)?;
    }
    Ok(list)
}

fn divided(files: &[File], target: u64, exact: bool) -> Vec<Share> {
    let mut division = Division { files, target, exact, packs: packs(files, target), shares: Vec::new() };
    let mut extents: HashMap<u64, Extent> = HashMap::new();
    for (pack, range) in division.packs.iter().enumerate() {
        for &(key, weight) in
            files.get(range.clone()).unwrap_or_default().iter().flat_map(|file| &file.conversations)
        {
            let extent = extents.entry(key).or_insert(Extent { first: pack, last: pack, weight: 0 });
            extent.last = pack;
            extent.weight = extent.weight.saturating_add(weight);
        }
    }
    let crossing: BTreeMap<(usize, usize, u64), u64> = extents
        .iter()
        .filter(|(_, extent)| extent.first != extent.last)
        .map(|(&key, extent)| ((extent.first, extent.last, key), extent.weight))
        .collect();
    for pack in 0..division.packs.len() {
        division.add_pack(pack, &extents);
    }
    division.add_crossing(&crossing);
    division.shares
}

/// Files that follow each other, as many as are worth one share.
fn packs(files: &[File], target: u64) -> Vec<std::ops::Range<usize>> {
    let (mut packs, mut from, mut bytes) = (Vec::new(), 0, 0_u64);
    for (at, file) in files.iter().enumerate() {
        let is_full = bytes.saturating_add(file.bytes) > target || at - from >= MOST_FILES;
        if at > from && is_full {
            packs.push(from..at);
            (from, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(file.bytes);
    }
    if from < files.len() {
        packs.push(from..files.len());
    }
    packs
}

impl Division<'_> {
    /// The bytes of the files from one pack to another.
    fn bytes(&self, first: usize, last: usize) -> u64 {
        let ranges = self.packs.get(first..=last).unwrap_or_default();
        let files = ranges.iter().flat_map(|range| self.files.get(range.clone()).unwrap_or_default());
        files.fold(0, |all, file| all.saturating_add(file.bytes))
    }

    /// In how many shares conversations are read, for each of which all these bytes are looked at.
    fn count(&self, weight: u64, conversations: usize, bytes: u64) -> u32 {
        let wanted = weight.div_ceil(self.target);
        let most = if self.exact { u64::MAX } else { (weight / (bytes / LEAVING_ASIDE).max(1)).max(1) };
        let count = wanted.min(most).min(conversations as u64).max(1);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Adds the shares of the conversations that are in one pack only.
    fn add_pack(&mut self, pack: usize, extents: &HashMap<u64, Extent>) {
        let Some(range) = self.packs.get(pack).cloned() else { return };
        let (mut own, mut without) = (HashSet::new(), HashSet::new());
        let mut weight = 0_u64;
        for file in self.files.get(range.clone()).unwrap_or_default() {
            for (key, of_file) in &file.conversations {
                match extents.get(key) {
                    Some(extent) if extent.first != extent.last => drop(without.insert(*key)),
                    _ => {
                        own.insert(*key);
                        weight = weight.saturating_add(*of_file);
                    }
                }
            }
        }
        if own.is_empty() {
            return;
        }
        let mut without: Vec<u64> = without.into_iter().collect();
        without.sort_unstable();
        let count = self.count(weight, own.len(), self.bytes(pack, pack));
        for number in 0..count {
            self.shares.push(Share {
                files: range.clone().collect(),
                only: None,
                without: without.clone(),
                share: (count > 1).then_some((number, count)),
                weight: weight / u64::from(count),
            });
        }
    }

    /// Adds the shares of the conversations that are in several packs, in the order of where they are.
    fn add_crossing(&mut self, crossing: &BTreeMap<(usize, usize, u64), u64>) {
        let most_left = self.target.saturating_mul(MOST_LEFT);
        let is_long = |division: &Self, first, last| division.bytes(first, last) / LEAVING_ASIDE > most_left;
        let (mut long, mut near): (Vec<(u64, u64)>, Near) = (Vec::new(), Near::default());
        let mut long_from = usize::MAX;
        let mut long_to = 0;
        for (&(first, last, key), &weight) in crossing {
            if is_long(self, first, last) {
                long.push((key, weight));
                (long_from, long_to) = (long_from.min(first), long_to.max(last));
                continue;
            }
            let would_be = near.with(first, last, weight);
            let is_full = would_be.weight > self.target || is_long(self, would_be.first, would_be.last);
            if !near.keys.is_empty() && is_full {
                self.add_only(std::mem::take(&mut near));
                near = near.with(first, last, weight);
            } else {
                near = would_be;
            }
            near.keys.push((key, weight));
        }
        self.add_only(near);
        if !long.is_empty() {
            let weight = long.iter().fold(0_u64, |all, (_, weight)| all.saturating_add(*weight));
            let count = self.count(weight, long.len(), self.bytes(long_from, long_to));
            for part in by_weight(long, count) {
                self.add_only(Near { keys: part, first: long_from, last: long_to, weight: 0 });
            }
        }
    }

    /// Adds shares of just these conversations; they read the files that these are in.
    fn add_only(&mut self, near: Near) {
        if near.keys.is_empty() {
            return;
        }
        let weight = near.keys.iter().fold(0_u64, |all, (_, weight)| all.saturating_add(*weight));
        let count = self.count(weight, near.keys.len(), self.bytes(near.first, near.last));
        let files: Vec<(usize, HashSet<u64>)> = (near.first..=near.last)
            .filter_map(|pack| self.packs.get(pack).cloned())
            .flatten()
            .filter_map(|file| {
                let keys = self.files.get(file)?.conversations.iter().map(|(key, _)| *key);
                Some((file, keys.collect()))
            })
            .collect();
        for part in by_weight(near.keys, count) {
            let mut keys: Vec<u64> = part.iter().map(|(key, _)| *key).collect();
            keys.sort_unstable();
            let has_some = |all: &HashSet<u64>| keys.iter().any(|key| all.contains(key));
            let files = files.iter().filter(|(_, all)| has_some(all)).map(|(file, _)| *file).collect();
            let weight = part.iter().map(|(_, weight)| *weight).sum();
            self.shares.push(Share { files, only: Some(keys), weight, ..Share::default() });
        }
    }
}

/// Conversations that are read by one share, and the packs that they are in.
#[derive(Default)]
struct Near {
    keys: Vec<(u64, u64)>,
    first: usize,
    last: usize,
    weight: u64,
}

impl Near {
    /// The same with room for another.
    fn with(&mut self, first: usize, last: usize, weight: u64) -> Near {
        let keys = std::mem::take(&mut self.keys);
        match keys.is_empty() {
            true => Near { keys, first, last, weight },
            false => Near {
                keys,
                first: self.first.min(first),
                last: self.last.max(last),
                weight: self.weight.saturating_add(weight),
            },
        }
    }
}

/// Conversations in so many parts of nearly the same weight, the same in every run.
fn by_weight(mut keys: Vec<(u64, u64)>, count: u32) -> Vec<Vec<(u64, u64)>> {
    keys.sort_unstable_by_key(|&(key, weight)| (std::cmp::Reverse(weight), key));
    let mut parts: Vec<(u64, Vec<(u64, u64)>)> = (0..count).map(|_| (0, Vec::new())).collect();
    for (key, weight) in keys {
        if let Some((of_part, part)) = parts.iter_mut().min_by_key(|(weight, part)| (*weight, part.len())) {
            *of_part = of_part.saturating_add(weight);
            part.push((key, weight));
        }
    }
    parts.into_iter().map(|(_, part)| part).filter(|part| !part.is_empty()).collect()
}
