//! From a description's text to its plan: files, then types, then what stands in them.

pub(crate) mod compile;
pub(crate) mod declare;
pub(crate) mod expressions;
pub(crate) mod fields;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod infer;
pub(crate) mod keys;
pub(crate) mod meta;
pub(crate) mod parse;
pub(crate) mod resolve;
pub(crate) mod shapes;
pub(crate) mod sizes;
pub(crate) mod streams;
pub(crate) mod summary;
pub(crate) mod terminator;
pub(crate) mod values;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::error::{LoadError, Located, Mistake, Place};
use crate::expr::Ast;
use crate::load::infer::types::Ty;
use crate::load::parse::File;
use crate::plan::{Meta, NodeId, Plan, Sym, TypeId, TypePlan};
use crate::strings::Charset;
use crate::yaml::Node;
use crate::{expr, yaml};

/// Mistakes that are told at most.
const MOST_MISTAKES: usize = 100;

/// Reads a description. `path` is where it was found, so that what it imports is found too.
pub(crate) fn load(name: &str, text: &str, path: Option<&Path>) -> Result<(Plan, Meta), LoadError> {
    let mut loader = Loader::default();
    for (name, _) in crate::plan::Method::ALL {
        loader.intern(name);
    }
    loader.add_file(name.to_owned(), text, path.map(Path::to_owned));
    // What is no YAML, or not there, would make much else seem wrong.
    if !loader.mistakes.is_empty() {
        return Err(LoadError::new(loader.located(&loader.mistakes)));
    }
    loader.declare();
    loader.attributes();
    loader.expressions();
    loader.finish();
    let meta = loader.meta();
    if loader.mistakes.is_empty() {
        loader.plan.warnings = LoadError::new(loader.located(&loader.warnings)).mistakes().to_vec();
        Ok((loader.plan, meta))
    } else {
        Err(LoadError::new(loader.located(&loader.mistakes)))
    }
}

/// Compiles one more expression, which asks about a message as its outermost structure sees it.
pub(crate) fn compile_query(plan: &mut Plan, text: &str) -> Result<NodeId, String> {
    let ast = expr::parse(text).map_err(|error| format!("at character {}: {}", error.at + 1, error.text))?;
    let mut loader = Loader { plan: std::mem::take(plan), is_query: true, ..Loader::default() };
    loader.restore();
    let node = loader.compile(&ast, &Context::of(TypeId::ROOT, Place::default()));
    let mistake = loader.mistakes.first().map(|mistake| mistake.text.clone());
    *plan = loader.plan;
    mistake.map_or(Ok(node), Err)
}

#[derive(Default)]
pub(crate) struct Loader {
    plan: Plan,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
    files: Vec<File>,
    by_path: HashMap<PathBuf, u32>,
    /// The outermost types by the names other files know them by.
    tops: HashMap<String, TypeId>,
    types: Vec<Declared>,
    /// How many of the files were declared.
    declared: usize,
    is_query: bool,
    /// Bits of types, while one is asked for.
    known_bits: RefCell<HashMap<TypeId, Option<u64>>>,
}

/// A type while it is loaded; its plan is built beside it.
struct Declared {
    node: Node,
    inherited: Inherited,
    /// Of what is read or computed, the expressions as written, by slot.
    values: HashMap<u16, (Rc<Ast>, Place)>,
    /// What is known of each slot's value beforehand.
    slots: Vec<Ty>,
    /// Which types read this one, for what `_parent` may be.
    parents: Vec<Option<TypeId>>,
    value_types: HashMap<u16, Ty>,
    /// Whether what it holds was named, or is being.
    named: bool,
    /// Whether its expressions were compiled, or are being.
    completed: bool,
}

/// What nested types take from those around them.
#[derive(Clone)]
struct Inherited {
    encoding: Option<(Charset, Place)>,
    bits_le: bool,
    order: Inheritance,
}

#[derive(Clone, Copy, PartialEq)]
enum Inheritance {
    Unsaid,
    Le,
    Be,
    Switch,
}

/// Where an expression stands: what its names mean.
#[derive(Clone)]
struct Context {
    current: TypeId,
    place: Place,
    /// What `_` is, where it is something.
    element: Option<Ty>,
    /// Whether `_index` is something.
    repeated: bool,
}

impl Context {
    fn of(current: TypeId, place: Place) -> Context {
        Context { current, place, element: None, repeated: false }
    }
}

impl Loader {
    fn mistake(&mut self, place: Place, text: impl Into<String>) {
        if !self.is_full() {
            self.mistakes.push(Mistake::new(place, text));
        }
    }

    /// Whether so many mistakes were found that no more are told, and nobody need look for what was meant.
    fn is_full(&self) -> bool {
        self.mistakes.len() >= MOST_MISTAKES
    }

    fn warn(&mut self, place: Place, text: impl Into<String>) {
        if self.warnings.len() < MOST_MISTAKES {
            self.warnings.push(Mistake::new(place, text));
        }
    }

    fn located(&self, mistakes: &[Mistake]) -> Vec<Located> {
        let locate = |mistake: &Mistake| Located {
            file: self.plan.files.get(mistake.place.file as usize).cloned().unwrap_or_default(),
            line: mistake.place.line,
            column: mistake.place.column,
            text: mistake.text.clone(),
        };
        mistakes.iter().map(locate).collect()
    }

    pub(in crate::load) fn plan_mut(&mut self, id: TypeId) -> Option<&mut TypePlan> {
        let found = self.plan.types.get_mut(id.index());
        debug_assert!(found.is_some(), "{id:?} names no type");
        found.map(Arc::make_mut)
    }

    pub(in crate::load) fn declared(&self, id: TypeId) -> Option<&Declared> {
        let found = self.types.get(id.index());
        debug_assert!(found.is_some(), "{id:?} names no type");
        found
    }

    pub(in crate::load) fn declared_mut(&mut self, id: TypeId) -> Option<&mut Declared> {
        let found = self.types.get_mut(id.index());
        debug_assert!(found.is_some(), "{id:?} names no type");
        found
    }

    /// The loader's own tables for types that were loaded before, as far as a query needs them.
    fn restore(&mut self) {
        for (id, plan) in self.plan.types.iter().enumerate() {
            let node = Node { place: Place::default(), data: yaml::Data::List(Rc::new([])) };
            let inherited = Inherited { encoding: None, bits_le: false, order: Inheritance::Unsaid };
            self.types.push(Declared {
                node,
                inherited,
                values: HashMap::new(),
                slots: vec![Ty::Unknown; plan.slot_count()],
                parents: vec![None],
                value_types: HashMap::new(),
                named: true,
                completed: true,
            });
            if plan.outer.is_none() {
                self.tops.entry(plan.name.clone()).or_insert(TypeId::at(id));
            }
        }
    }

    fn intern(&mut self, name: &str) -> Sym {
        self.plan.intern(name)
    }
}
