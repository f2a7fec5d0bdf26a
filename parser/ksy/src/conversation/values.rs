//! What earlier messages of a conversation have set: variables and tables, within a limit.

use std::collections::BTreeMap;

use framescope_parser::Role;
use miniz_oxide::inflate::stream::InflateState;

use crate::plan::{ConversationPlan, EnumId};
use crate::run::inflate::Inflation;

/// The most bytes that the variables of one conversation hold.
pub(crate) const MOST_KEPT: usize = 64 << 10;
/// What an entry of a table counts beside its key and value.
const ENTRY: usize = 64;

/// A value that is kept. Most are small numbers, so that keeping one needs no memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Stored {
    #[default]
    Unknown,
    Int(i64),
    Enum(EnumId, i64),
    /// A number that does not fit.
    Wide(Box<(Option<EnumId>, i128)>),
    Float(f64),
    Bool(bool),
    Text(Box<str>),
    Bytes(Box<[u8]>),
}

impl Stored {
    pub(crate) fn number(of: Option<EnumId>, n: i128) -> Stored {
        match (of, i64::try_from(n)) {
            (None, Ok(n)) => Stored::Int(n),
            (Some(of), Ok(n)) => Stored::Enum(of, n),
            (of, Err(_)) => Stored::Wide(Box::new((of, n))),
        }
    }

    /// How many bytes of memory it refers to.
    fn extra(&self) -> usize {
        match self {
            Stored::Text(text) => text.len(),
            Stored::Bytes(bytes) => bytes.len(),
            Stored::Wide(_) => size_of::<(Option<EnumId>, i128)>(),
            _ => 0,
        }
    }
}

/// The key of an entry: a number, or a text or bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Number(i128),
    Bytes(Box<[u8]>),
}

impl Key {
    fn extra(&self) -> usize {
        match self {
            Key::Number(_) => 0,
            Key::Bytes(bytes) => bytes.len(),
        }
    }
}

/// A table from keys to values.
#[derive(Clone, Debug, Default)]
struct Table {
    /// Each with when it was set.
    entries: BTreeMap<Key, (u64, Stored)>,
    by_age: BTreeMap<u64, Key>,
    age: u64,
    /// The value of keys without an entry.
    default: Stored,
}

#[derive(Clone, Debug)]
enum Held {
    One(Stored),
    Table(Box<Table>),
}

/// What the messages of a conversation have set so far.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    held: Box<[Held]>,
    /// How many bytes texts, bytes and entries are together.
    kept: usize,
    /// Where the compressed data of each direction is, if messages continue it.
    inflations: Option<Box<[Inflation; 2]>>,
}

/// A change that a message makes.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) variable: u16,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Value(Stored),
    Entry(Key, Stored),
    Remove(Key),
    /// It is not known what was set, or under which key.
    Unknown,
}

impl Values {
    pub(crate) fn new(plan: &ConversationPlan) -> Values {
        let held = plan.variables.iter().map(|variable| match variable.is_table {
            true => Held::Table(Box::new(Table { default: variable.initial.clone(), ..Table::default() })),
            false => Held::One(variable.initial.clone()),
        });
        let held: Box<[Held]> = held.collect();
        let kept = held.iter().map(|one| if let Held::One(value) = one { value.extra() } else { 0 }).sum();
        Values { held, kept, inflations: None }
    }

    /// How many bytes of memory it refers to.
    pub(crate) fn size(&self) -> usize {
        let tables = self.held.iter().filter(|one| matches!(one, Held::Table(_))).count();
        let inflations = self.inflations.iter().flat_map(|inflations| inflations.iter());
        let inflations = inflations.map(|inflation| match inflation {
            Inflation::Within(_) => size_of::<Inflation>() + size_of::<InflateState>(),
            _ => size_of::<Inflation>(),
        });
        size_of_val(&*self.held) + tables * size_of::<Table>() + self.kept + inflations.sum::<usize>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.inflations.is_none()
    }

    /// Messages continue the compressed data of those before them.
    pub(crate) fn inflates(&mut self) {
        self.inflations = Some(Box::default());
    }

    /// Where the compressed data of a direction is.
    pub(crate) fn inflation(&self, role: Role) -> Option<&Inflation> {
        self.inflations.as_ref()?.get(role.index())
    }

    /// A message has continued the compressed data of a direction, if it has any.
    pub(crate) fn continue_with(&mut self, role: Role, state: Option<Box<InflateState>>) {
        let found = self.inflations.as_mut().and_then(|inflations| inflations.get_mut(role.index()));
        if let (Some(inflation), Some(state)) = (found, state) {
            *inflation = Inflation::Within(state.into());
        }
    }

    /// Compressed data of a direction may have been lost.
    pub(crate) fn lose(&mut self, role: Role) {
        let found = self.inflations.as_mut().and_then(|inflations| inflations.get_mut(role.index()));
        if let Some(inflation) = found {
            *inflation = Inflation::Lost;
        }
    }

    /// The value of a variable.
    pub(crate) fn one(&self, variable: u16) -> &Stored {
        match self.held.get(usize::from(variable)) {
            Some(Held::One(value)) => value,
            _ => &Stored::Unknown,
        }
    }

    /// The value of an entry.
    pub(crate) fn entry(&self, variable: u16, key: &Key) -> &Stored {
        match self.held.get(usize::from(variable)) {
            Some(Held::Table(table)) => table.entries.get(key).map_or(&table.default, |(_, value)| value),
            _ => &Stored::Unknown,
        }
    }

    /// Makes a change. Returns whether something had to be dropped for it, or could not be kept.
    pub(crate) fn change(&mut self, change: Change) -> bool {
        match (self.held.get_mut(usize::from(change.variable)), change.what) {
            (Some(Held::One(value)), What::Value(new)) => {
                self.kept -= value.extra();
                let fits = self.kept + new.extra() <= MOST_KEPT;
                *value = if fits { new } else { Stored::Unknown };
                self.kept += value.extra();
                !fits
            }
            (Some(Held::Table(table)), What::Entry(key, new)) => table.insert(key, new, &mut self.kept),
            (Some(Held::Table(table)), What::Remove(key)) => {
                table.remove(&key, &mut self.kept);
                false
            }
            (Some(_), _) => {
                self.forget(change.variable);
                false
            }
            (None, _) => false,
        }
    }

    /// A variable may have been set to anything. Of a table, the entries that are there stay.
    pub(crate) fn forget(&mut self, variable: u16) {
        match self.held.get_mut(usize::from(variable)) {
            Some(Held::One(value)) => {
                self.kept -= value.extra();
                *value = Stored::Unknown;
            }
            Some(Held::Table(table)) => table.default = Stored::Unknown,
            None => {}
        }
    }
}

impl Table {
    fn insert(&mut self, key: Key, value: Stored, kept: &mut usize) -> bool {
        self.remove(&key, kept);
        let cost = ENTRY + key.extra() + value.extra();
        let mut dropped = false;
        while *kept + cost > MOST_KEPT {
            dropped = true;
            let Some((_, oldest)) = self.by_age.first_key_value() else { return true };
            let oldest = oldest.clone();
            self.remove(&oldest, kept);
        }
        self.age += 1;
        self.by_age.insert(self.age, key.clone());
        self.entries.insert(key, (self.age, value));
        *kept += cost;
        dropped
    }

    fn remove(&mut self, key: &Key, kept: &mut usize) {
        if let Some((age, value)) = self.entries.remove(key) {
            self.by_age.remove(&age);
            *kept -= ENTRY + key.extra() + value.extra();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Key, MOST_KEPT, Stored, Values, What};
    use crate::plan::{ConversationPlan, VariablePlan};

    fn values() -> Values {
        let variable = |is_table, initial| VariablePlan { is_table, initial, assumed: Stored::Unknown };
        let variables = vec![variable(false, Stored::Int(7)), variable(true, Stored::Int(0))];
        Values::new(&ConversationPlan { variables, ..ConversationPlan::default() })
    }

    fn enter(values: &mut Values, key: i128, text: &str) -> bool {
        let what = What::Entry(Key::Number(key), Stored::Text(text.into()));
        values.change(Change { variable: 1, what })
    }

    #[test]
    fn an_entry_is_there_until_it_is_taken_out_and_the_default_is_unknown_after_a_loss() {
        let mut values = values();
        assert!(!enter(&mut values, 3, "three"));
        assert_eq!(*values.entry(1, &Key::Number(3)), Stored::Text("three".into()));
        assert_eq!(*values.entry(1, &Key::Number(4)), Stored::Int(0));
        values.forget(1);
        values.forget(0);
        assert_eq!(*values.entry(1, &Key::Number(3)), Stored::Text("three".into()));
        assert_eq!((values.entry(1, &Key::Number(4)), values.one(0)), (&Stored::Unknown, &Stored::Unknown));
        values.change(Change { variable: 1, what: What::Remove(Key::Number(3)) });
        assert_eq!((values.entry(1, &Key::Number(3)), values.kept), (&Stored::Unknown, 0));
    }

    #[test]
    fn a_table_that_grows_without_end_loses_its_oldest_entries() {
        let mut values = values();
        let dropped = (0..10_000).filter(|&key| enter(&mut values, key, "text")).count();
        assert_eq!(dropped, 10_000 - MOST_KEPT / (64 + 4));
        assert!(values.kept <= MOST_KEPT);
        assert_eq!(*values.entry(1, &Key::Number(0)), Stored::Int(0));
        assert_eq!(*values.entry(1, &Key::Number(9_999)), Stored::Text("text".into()));
        assert!(enter(&mut values, 1, &"x".repeat(MOST_KEPT)), "one that is too long is not kept");
        let long = Stored::Text("x".repeat(MOST_KEPT + 1).into());
        assert!(values.change(Change { variable: 0, what: What::Value(long) }));
        assert_eq!((values.one(0), values.kept), (&Stored::Unknown, 0));
    }
}
