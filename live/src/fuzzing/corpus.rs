//! The conversations that are kept to be changed further: those in which the peer did what it had not done before.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use framescope_checking::{Random, Transcript};
use framescope_parser::Role;

use super::playing::{End, Script};
use super::reading::Row;
use super::speech::{Speech, rearranged, spliced, spoken};

/// How many kinds of messages are kept, how many messages of each, and how many are said one after another.
const KINDS: usize = 64;
const OF_A_KIND: usize = 12;
const LONGEST_WALK: usize = 10;
/// How many are kept.
const KEPT: usize = 500;

/// Conversations that are kept.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    kept: Vec<Transcript>,
    seen: HashSet<u64>,
    /// Valid messages by their kind.
    messages: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Corpus {
    /// Keeps what both sides said, if something in it is new.
    pub(super) fn offer(&mut self, said: &Transcript, rows: &[Row], end: End, has_new_edges: bool) -> bool {
        let is_new = self.is_new(rows, end) || has_new_edges;
        if is_new && said.length() > 0 {
            self.keep(said.clone());
        }
        is_new
    }

    /// Takes the messages of a conversation in which all that the client said is valid.
    pub(super) fn take_messages(&mut self, speech: &Speech, said: &Transcript, rows: &[Row]) {
        let own = || rows.iter().filter(|row| row.role == Role::Client);
        if own().any(|row| row.refused.is_some() || row.is_cut) {
            return;
        }
        for (row, message) in own().zip(speech.messages(said)) {
            if self.messages.len() >= KINDS && !self.messages.contains_key(&row.kind) {
                continue;
            }
            let known = self.messages.entry(row.kind.clone()).or_default();
            if known.len() < OF_A_KIND && !known.contains(&message.bytes) {
                known.push(message.bytes);
            }
        }
    }

    /// Valid messages of any kinds in any order, whatever state they belong to.
    fn walk(&self, random: &mut Random) -> Script {
        let kinds: Vec<&Vec<Vec<u8>>> = self.messages.values().collect();
        let one = |random: &mut Random| {
            let of_kind = kinds.get(random.below(kinds.len()))?;
            of_kind.get(random.below(of_kind.len())).cloned()
        };
        let count = 2 + random.below(LONGEST_WALK - 1);
        let says = (0..count).filter_map(|_| one(random)).collect();
        spoken(says, random)
    }

    /// Keeps a conversation.
    pub(super) fn keep(&mut self, said: Transcript) {
        if self.kept.len() == KEPT {
            // Some old one: what is found late is deep.
            self.kept.remove(self.seen.len() % (KEPT / 2));
        }
        self.kept.push(said);
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Which answer follows which message after which answer, and how it ended.
    fn is_new(&mut self, rows: &[Row], end: End) -> bool {
        let hash = BuildHasherDefault::<DefaultHasher>::default();
        let (mut is_new, mut before, mut asked) = (false, "", ("", None));
        for row in rows {
            let what = match row.role {
                Role::Client => {
                    asked = (&row.kind, row.refused.or(row.misplaced));
                    (before, asked, "")
                }
                Role::Server => {
                    let what = (before, asked, &row.says[..]);
                    before = &row.says;
                    what
                }
            };
            is_new |= self.seen.insert(hash.hash_one(what));
        }
        is_new |= self.seen.insert(hash.hash_one((before, asked, end as u8)));
        is_new
    }

    /// What to say next: mostly a known conversation, changed.
    pub(super) fn next(&self, speech: &Speech, random: &mut Random) -> Script {
        if !self.messages.is_empty() && random.one_in(4) {
            return self.walk(random);
        }
        if !self.kept.is_empty() && random.one_in(4) {
            return rearranged(&self.pick(random), &self.pick(random), random);
        }
        let said = self.changed(speech, random);
        speech.script(&said, random)
    }

    fn changed(&self, speech: &Speech, random: &mut Random) -> Transcript {
        if self.kept.is_empty() || random.one_in(5) {
            return speech.fresh(random);
        }
        let known = self.pick(random);
        match random.below(8) {
            0 => spliced(&known, &self.pick(random), random),
            1 => known,
            2 | 3 => {
                let once = speech.changed(&known, random);
                speech.changed(&once, random)
            }
            _ => speech.changed(&known, random),
        }
    }

    /// The later it was kept, the likelier it is.
    fn pick(&self, random: &mut Random) -> Transcript {
        let at = random.below(self.kept.len()).max(random.below(self.kept.len()));
        self.kept.get(at).cloned().unwrap_or_default()
    }
}
