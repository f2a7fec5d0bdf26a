//! The conversations that are kept to be changed further: those in which the peer did what it had not done before.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use framescope_checking::{Random, Transcript};
use framescope_parser::Role;

use super::playing::End;
use super::reading::Row;
use super::speech::{Speech, spliced};

/// How many are kept.
const KEPT: usize = 500;

/// Conversations that are kept.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    kept: Vec<Transcript>,
    seen: HashSet<u64>,
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
    pub(super) fn next(&self, speech: &Speech, random: &mut Random) -> Transcript {
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
