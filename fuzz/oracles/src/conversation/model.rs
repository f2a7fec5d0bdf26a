//! A generated grammar, its description, and a plain machine of states for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use framescope_parser::Role;

use crate::linear::Choices;

/// The kind of a message that is only in an optional state.
const OPTIONAL: u8 = 0xEE;

/// What a message of a state is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layout {
    Plain,
    Sized,
    Conditional,
    LookedUp,
    Line,
}

const LAYOUTS: [(Layout, &str); 5] = [
    (Layout::Plain, "plain"),
    (Layout::Sized, "sized"),
    (Layout::Conditional, "conditional"),
    (Layout::LookedUp, "looked_up"),
    (Layout::Line, "line"),
];

const TYPES: &str = "
types:
  plain: {seq: [{id: kind, type: u1}, {id: length, type: u1}, {id: body, size: length}]}
  sized: {seq: [{id: kind, type: u1}, {id: body, size: _conversation.size}]}
  conditional: {seq: [{id: kind, type: u1}, {id: extra, type: u1, if: _conversation.size > 4}, {id: mark, type: u1}]}
  looked_up: {seq: [{id: kind, type: u1}, {id: key, type: u1}, {id: body, size: '_conversation.sizes[key]'}]}
  line: {seq: [{id: kind, type: u1}, {id: text, terminator: 10}]}
";

/// When a rule applies.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Kind(u8),
    Large,
    Always,
}

/// What is set.
#[derive(Clone, Copy, Debug)]
pub(super) enum SetTo {
    Nothing,
    Size,
    Entry,
    Removed,
}

const SETS: [(SetTo, &str); 4] = [
    (SetTo::Nothing, ""),
    (SetTo::Size, "size: kind % 10"),
    (SetTo::Entry, "'sizes[kind]': _conversation.size + 1"),
    (SetTo::Removed, "'sizes[kind]': null"),
];

#[derive(Debug)]
pub(super) struct RuleOf {
    when: When,
    set: usize,
    next: Option<usize>,
    peer: Option<usize>,
}

#[derive(Debug)]
pub(super) struct StateOf {
    layout: usize,
    is_optional: bool,
    next: Option<usize>,
    set: usize,
    rules: Vec<RuleOf>,
}

#[derive(Debug)]
pub(super) struct Grammar {
    states: Vec<StateOf>,
    first: [usize; 2],
}

impl Grammar {
    pub(super) fn choose(choices: &mut Choices<'_>) -> Grammar {
        let count = 1 + choices.below(6);
        let mut states = Vec::new();
        for at in 0..count {
            let is_optional = at + 1 < count && choices.below(4) == 1;
            let next = match choices.below(3) {
                _ if is_optional => Some(at + 1),
                0 => None,
                _ => Some(choices.below(count)),
            };
            let mut rules = Vec::new();
            for _ in 0..choices.below(4) {
                let when = match choices.below(6) {
                    0 => When::Always,
                    1 => When::Large,
                    kind => When::Kind(kind as u8),
                };
                let mut state = || Some(choices.below(count + 1)).filter(|state| *state < count);
                let (next, peer) = (state(), state());
                let set = if next.or(peer).is_none() { 1 } else { choices.below(SETS.len()) };
                rules.push(RuleOf { when, set, next, peer });
                if matches!(when, When::Always) {
                    break;
                }
            }
            let layout = choices.below(LAYOUTS.len());
            states.push(StateOf { layout, is_optional, next, set: choices.below(SETS.len()), rules });
        }
        Grammar { states, first: [choices.below(count), choices.below(count)] }
    }

    /// The states that a direction can reach.
    fn reached(&self) -> BTreeSet<usize> {
        let (mut reached, mut left) = (BTreeSet::new(), self.first.to_vec());
        while let Some(at) = left.pop() {
            if reached.insert(at) {
                let state = &self.states[at];
                left.extend(state.next);
                left.extend(state.rules.iter().flat_map(|rule| [rule.next, rule.peer]).flatten());
            }
        }
        reached
    }

    pub(super) fn description(&self) -> String {
        let mut text = String::from("meta:\n  id: made\n  endian: be\n  -framescope:\n    conversation:\n");
        let [client, server] = self.first;
        let mut put = |line: std::fmt::Arguments<'_>| text.write_fmt(line).expect("it is a text");
        put(format_args!("      variables: {{size: 3, sizes: {{default: 2}}}}\n"));
        put(format_args!("      client: s{client}\n      server: s{server}\n      states:\n"));
        for at in self.reached() {
            let state = &self.states[at];
            put(format_args!("        s{at}:\n          read: {}\n", LAYOUTS[state.layout].1));
            if state.is_optional {
                put(format_args!("          optional: true\n          if: kind == {OPTIONAL}\n"));
            }
            if let Some(next) = state.next {
                put(format_args!("          next: s{next}\n"));
            }
            put(format_args!("          set: {{{}}}\n          then:\n", SETS[state.set].1));
            for RuleOf { when, set, next, peer } in &state.rules {
                let when = match when {
                    When::Kind(kind) => format!("when: kind == {kind}, "),
                    When::Large => "when: _conversation.size > 4, ".to_owned(),
                    When::Always => String::new(),
                };
                let to = |key: &str, state: &Option<usize>| {
                    state.map_or(String::new(), |at| format!(", {key}: s{at}"))
                };
                let (next, peer) = (to("next", next), to("peer", peer));
                put(format_args!("            - {{{when}set: {{{}}}{next}{peer}}}\n", SETS[*set].1));
            }
            if state.rules.is_empty() {
                put(format_args!("            []\n"));
            }
        }
        text.push_str(TYPES);
        text
    }
}

/// A message, the state it is read in, and how many of its bytes are said before the other side says something.
pub(super) struct Said {
    pub(super) state: usize,
    kind: u8,
    pub(super) bytes: Vec<u8>,
    pub(super) held: usize,
}

/// A plain machine of states over the same messages.
pub(super) struct Model<'g> {
    grammar: &'g Grammar,
    at: [usize; 2],
    /// The states that the other side set, from the next message on.
    pending: [Option<usize>; 2],
    size: usize,
    sizes: BTreeMap<u8, usize>,
}

impl<'g> Model<'g> {
    pub(super) fn new(grammar: &'g Grammar) -> Self {
        Model { grammar, at: grammar.first, pending: [None; 2], size: 3, sizes: BTreeMap::new() }
    }

    /// What a side says next.
    pub(super) fn begins(&mut self, role: Role, choices: &mut Choices<'_>) -> Said {
        let at = &mut self.at[role.index()];
        if let Some(state) = self.pending[role.index()].take() {
            *at = state;
        }
        // The kind of an optional message is that of all of them: the first is there, or none is.
        let is_absent = choices.below(2) == 0;
        while self.grammar.states[*at].is_optional && is_absent {
            *at = self.grammar.states[*at].next.expect("an optional state has one");
        }
        let at = *at;
        let state = &self.grammar.states[at];
        let kind = if state.is_optional { OPTIONAL } else { choices.below(8) as u8 };
        let layout = LAYOUTS[state.layout].0;
        let bytes = self.message(kind, layout, choices);
        // Where a message ends must not depend on what the other side sets meanwhile.
        let held = match layout {
            Layout::Plain | Layout::Line if choices.below(4) == 1 => 1 + choices.below(bytes.len()),
            _ => bytes.len(),
        };
        Said { state: at, kind, bytes, held }
    }

    /// What a message changes when all of it was said.
    pub(super) fn ends(&mut self, role: Role, said: &Said) {
        let &Said { state: at, kind, .. } = said;
        let state = &self.grammar.states[at];
        self.set(state.set, kind);
        let applies = |rule: &&RuleOf| match rule.when {
            When::Kind(wanted) => kind == wanted,
            When::Large => self.size > 4,
            When::Always => true,
        };
        let rule = state.rules.iter().find(applies);
        self.at[role.index()] = rule.and_then(|rule| rule.next).or(state.next).unwrap_or(at);
        if let Some(peer) = rule.and_then(|rule| rule.peer) {
            self.pending[role.reverse().index()] = Some(peer);
        }
        if let Some(rule) = rule {
            self.set(rule.set, kind);
        }
    }

    fn message(&self, kind: u8, layout: Layout, choices: &mut Choices<'_>) -> Vec<u8> {
        let mut body =
            |length: usize| (0..length).map(|_| b'a' + choices.below(26) as u8).collect::<Vec<u8>>();
        match layout {
            Layout::Plain => {
                let body = body(usize::from(kind) % 5);
                [&[kind, body.len() as u8][..], &body].concat()
            }
            Layout::Sized => [&[kind][..], &body(self.size)].concat(),
            Layout::Conditional => [&[kind][..], &body(1 + usize::from(self.size > 4))].concat(),
            Layout::LookedUp => {
                let key = choices.below(8) as u8;
                let size = self.sizes.get(&key).copied().unwrap_or(2);
                let mut body =
                    |length: usize| (0..length).map(|_| choices.below(256) as u8).collect::<Vec<u8>>();
                [&[kind, key][..], &body(size)].concat()
            }
            Layout::Line => [&[kind][..], &body(3), b"\n"].concat(),
        }
    }

    fn set(&mut self, set: usize, kind: u8) {
        match SETS[set].0 {
            SetTo::Nothing => {}
            SetTo::Size => self.size = usize::from(kind) % 10,
            SetTo::Entry => {
                self.sizes.insert(kind, self.size + 1);
            }
            SetTo::Removed => {
                self.sizes.remove(&kind);
            }
        }
    }
}
