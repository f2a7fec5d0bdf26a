//! Loads a description: text becomes a plan in passes over the whole specification, in the order of [`load`]. It never
//! looks at a message.

pub(crate) mod agree;
pub(crate) mod asked;
pub(crate) mod carries;
pub(crate) mod checks;
mod compile;
pub(crate) mod conversation;
pub(crate) mod declare;
pub(crate) mod expressions;
pub(crate) mod fields;
pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod infer;
pub(crate) mod items;
pub(crate) mod keys;
pub(crate) mod meta;
pub(crate) mod parse;
pub(crate) mod resolve;
pub(crate) mod shapes;
pub(crate) mod sizes;
pub(crate) mod streams;
pub(crate) mod summary;
pub(crate) mod terminator;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod values;

use crate::expr::SyntaxError;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::error::{Diagnostic, LoadError, Located, Place};
use crate::expr::Ast;
use crate::load::asked::Question;
use crate::load::infer::types::Ty;
use crate::load::parse::File;
use crate::plan::{Meta, NodeId, Plan, Sym, TypeId, TypePlan};
use crate::strings::Charset;
use crate::yaml::Node;
use crate::{expr, yaml};

/// The most diagnostics that are reported.
const MOST_DIAGNOSTICS: usize = 100;

/// Loads a description that imports none by absolute path.
#[cfg(test)]
pub(crate) fn load(name: &str, text: &str, path: Option<&Path>) -> Result<(Plan, Meta), LoadError> {
    load_in(name, text, path, &[])
}

/// Loads a description. `path` is its file, from which imports are resolved; those by absolute path first in `folders`.
pub(crate) fn load_in(
    name: &str,
    text: &str,
    path: Option<&Path>,
    folders: &[PathBuf],
) -> Result<(Plan, Meta), LoadError> {
    let mut loader = Loader { folders: folders.to_vec(), ..Loader::default() };
    for (name, _) in crate::plan::Method::ALL {
        loader.intern(name);
    }
    loader.add_file(name.to_owned(), text, path.map(Path::to_owned));
    // Invalid YAML or a missing import would make much else seem wrong.
    if !loader.diagnostics.is_empty() {
        return Err(LoadError::new(loader.located(&loader.diagnostics)));
    }
    loader.declare();
    loader.attributes();
    loader.conversation_draft();
    loader.expressions();
    loader.answer_sizes();
    loader.finish();
    let mut meta = loader.meta();
    meta.carries = loader.carries(&meta).map(Arc::new);
    meta.conversation = loader.conversation(&meta).map(Arc::new);
    loader.answer_sizes();
    if loader.diagnostics.is_empty() {
        loader.plan.warnings = LoadError::new(loader.located(&loader.warnings)).diagnostics().to_vec().into();
        Ok((loader.plan, meta))
    } else {
        Err(LoadError::new(loader.located(&loader.diagnostics)))
    }
}

/// Why a query can't be evaluated.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("at character {}: {}", .0.at + 1, .0.text)]
    Syntax(SyntaxError),
    /// A name in it is unknown, or a size differs between messages.
    #[error("{0}")]
    Meaning(String),
}

/// Compiles one more expression, evaluated in the outermost structure.
pub(crate) fn compile_query(plan: &mut Plan, text: &str) -> Result<NodeId, QueryError> {
    let ast = expr::parse(text).map_err(QueryError::Syntax)?;
    let root = plan.root;
    let mut loader = Loader { plan: std::mem::take(plan), is_query: true, ..Loader::default() };
    loader.restore();
    let node = loader.compile(&ast, &Context::of(root, Place::default()));
    loader.answer_sizes();
    let diagnostic = loader.diagnostics.into_iter().next();
    *plan = loader.plan;
    diagnostic.map_or(Ok(node), |diagnostic| Err(QueryError::Meaning(diagnostic.text)))
}

#[derive(Default)]
pub(crate) struct Loader {
    plan: Plan,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
    files: Vec<File>,
    by_path: HashMap<PathBuf, u32>,
    /// Where imports by absolute path are looked up first.
    folders: Vec<PathBuf>,
    /// The outermost types, by the names under which other files import them.
    tops: HashMap<String, TypeId>,
    types: Vec<Declared>,
    /// How many of the files are declared.
    declared: usize,
    is_query: bool,
    /// The types that messages are, other than the outermost.
    roots: Vec<TypeId>,
    variables: Vec<conversation::variables::Variable>,
    draft: Option<conversation::Draft>,
    /// The sizes that expressions ask for, until they are known or known to differ between messages.
    asked: Vec<Question>,
}

/// A type while it is loaded. Its plan is built at the same time.
struct Declared {
    node: Node,
    inherited: Inherited,
    /// The expressions of computed instances, by slot.
    values: HashMap<u16, (Rc<Ast>, Place)>,
    /// The kind of each slot's value, as far as it is known.
    slots: Vec<Ty>,
    /// The types with fields of this type, for what `_parent` may be.
    parents: Vec<Option<TypeId>>,
    value_types: HashMap<u16, Ty>,
    /// Whether its fields are resolved, or being resolved.
    named: bool,
    /// Whether its expressions are compiled, or being compiled.
    completed: bool,
}

/// What nested types inherit.
#[derive(Clone)]
struct Inherited {
    encoding: Option<(Charset, Place)>,
    bits_le: bool,
    order: Inheritance,
}

#[derive(Clone, Copy, PartialEq)]
enum Inheritance {
    Unspecified,
    Le,
    Be,
    Switch,
}

/// Where an expression is written: what its names mean.
#[derive(Clone)]
struct Context {
    current: TypeId,
    place: Place,
    /// The kind of `_`, where it exists.
    element: Option<Ty>,
    /// Whether `_index` exists.
    repeated: bool,
}

impl Context {
    fn of(current: TypeId, place: Place) -> Context {
        Context { current, place, element: None, repeated: false }
    }
}

impl Loader {
    fn report(&mut self, place: Place, text: impl Into<String>) {
        if !self.is_full() {
            self.diagnostics.push(Diagnostic::new(place, text));
        }
    }

    /// Whether the limit is reached, so that no more is reported and no hint is needed.
    fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST_DIAGNOSTICS
    }

    /// Does something whose mistakes are warnings. Returns whether there were any.
    fn leniently(&mut self, work: impl FnOnce(&mut Loader)) -> bool {
        let before = self.diagnostics.len();
        work(self);
        let found = self.diagnostics.split_off(before.min(self.diagnostics.len()));
        let any = !found.is_empty();
        found.into_iter().for_each(|mistake| self.warn(mistake.place, mistake.text));
        any
    }

    fn warn(&mut self, place: Place, text: impl Into<String>) {
        if self.warnings.len() < MOST_DIAGNOSTICS {
            self.warnings.push(Diagnostic::new(place, text));
        }
    }

    fn located(&self, diagnostics: &[Diagnostic]) -> Vec<Located> {
        let locate = |mistake: &Diagnostic| Located {
            file: self.plan.files.get(mistake.place.file as usize).cloned().unwrap_or_default(),
            line: mistake.place.line,
            column: mistake.place.column,
            text: mistake.text.clone(),
        };
        diagnostics.iter().map(locate).collect()
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

    /// Restores the loader's tables for a loaded plan, as far as a query needs them.
    fn restore(&mut self) {
        for (id, plan) in self.plan.types.iter().enumerate() {
            let node = Node { place: Place::default(), data: yaml::Data::List(Rc::new([])) };
            let inherited = Inherited { encoding: None, bits_le: false, order: Inheritance::Unspecified };
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

#[cfg(test)]
mod tests {
    use super::testing::loaded;
    use super::{QueryError, compile_query};

    #[test]
    fn a_query_is_compiled_beside_the_plan_and_reports_unknown_names() {
        let (mut plan, _) = loaded("{id: length, type: u1}", "");
        let before = plan.expressions.nodes.len();
        let node = compile_query(&mut plan, "length + 1").unwrap();
        assert!(node.index() >= before);
        let unknown = compile_query(&mut plan, "lenght").unwrap_err();
        assert_eq!(unknown, QueryError::Meaning("there is no 'lenght'; did you mean 'length'?".into()));
        let error = compile_query(&mut plan, "1 +").unwrap_err();
        assert!(error.to_string().starts_with("at character 4: "), "{error}");
    }

    #[test]
    fn a_copy_of_a_plan_shares_its_types_and_names() {
        let (plan, _) = loaded("{id: length, type: u1}", "");
        let mut copy = plan.clone();
        compile_query(&mut copy, "length").unwrap();
        assert!(std::sync::Arc::ptr_eq(plan.root(), copy.root()));
        assert_eq!(copy.symbol("length"), plan.symbol("length"));
    }
}
