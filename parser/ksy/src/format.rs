//! A standalone description: reads one message from bytes and evaluates expressions in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use framescope_parser::Code;
use serde_json::Value as Json;

use crate::error::{LoadError, Located};
use crate::load;
use crate::plan::{Mask, Meta, NodeId, ObjectId, Plan, TypeId, Val};
use crate::run::arena::{Arena, Stop};
use crate::run::{Mode, Run, Scope};

/// What a `.ksy` file describes: the structure of a file or message.
///
/// ```
/// use framescope_ksy::Format;
///
/// let format = Format::from_ksy("
/// meta: {id: short}
/// seq:
///   - {id: length, type: u1}
///   - {id: text, type: str, size: length, encoding: UTF-8}
/// ")?;
/// let mut message = format.read(b"\x05hello");
/// assert!(message.error().is_none());
/// assert_eq!(message.eval("text.length * 2 + length")?, 15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Format {
    pub(crate) plan: Arc<Plan>,
    pub(crate) meta: Arc<Meta>,
    queries: Arc<Mutex<Queries>>,
}

/// The expressions that were evaluated in messages, compiled. All messages of a format share them.
#[derive(Debug, Default)]
struct Queries {
    /// The plan with the expressions added; none before the first.
    plan: Option<Arc<Plan>>,
    known: HashMap<Box<str>, NodeId>,
}

/// How many expressions are kept.
const MOST_QUERIES: usize = 256;

impl Queries {
    /// An expression in a plan that has it.
    fn compiled(&mut self, plan: &Arc<Plan>, expression: &str) -> Result<(Arc<Plan>, NodeId), EvalError> {
        if self.known.len() >= MOST_QUERIES {
            *self = Queries::default();
        }
        let plan = self.plan.get_or_insert_with(|| plan.clone());
        let node = match self.known.get(expression) {
            Some(&node) => node,
            None => {
                let node = load::compile_query(Arc::make_mut(plan), expression)
                    .map_err(|error| EvalError { code: Code::NoMatch, text: error.to_string(), offset: 0 })?;
                self.known.insert(expression.into(), node);
                node
            }
        };
        Ok((plan.clone(), node))
    }
}

impl Format {
    /// Loads a description from text. It can't import others.
    ///
    /// # Errors
    /// All mistakes in it, each with its line and column.
    pub fn from_ksy(text: &str) -> Result<Format, LoadError> {
        Format::load("description", text, None, &[])
    }

    /// Loads a description and its imports from files.
    ///
    /// # Errors
    /// All mistakes in it, each with file, line and column; or the file can't be read.
    pub fn from_file(path: &Path) -> Result<Format, LoadError> {
        Format::from_file_in(path, &[])
    }

    /// The same; imports by absolute path (`/common/x`) are looked up in these folders first, then in those that the variables
    /// `KSYPATH` and `KSPATH` list, and then in the folders around the file.
    ///
    /// # Errors
    /// As [`Format::from_file`].
    pub fn from_file_in(path: &Path, folders: &[PathBuf]) -> Result<Format, LoadError> {
        let name = path.display().to_string();
        let unreadable = |why: String| {
            LoadError::new(vec![Located {
                file: name.clone(),
                line: 0,
                column: 0,
                text: format!("can't be read: {why}"),
            }])
        };
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        if bytes.len() > 16 << 20 {
            return Err(unreadable("it is larger than 16 MiB".to_owned()));
        }
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
        Format::load(&name, &text, Some(path), folders)
    }

    pub(crate) fn load(
        name: &str,
        text: &str,
        path: Option<&Path>,
        folders: &[PathBuf],
    ) -> Result<Format, LoadError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (plan, meta) = load::load_in(name, text, path, folders)?;
        Ok(Format::new(Arc::new(plan), Arc::new(meta)))
    }

    pub(crate) fn new(plan: Arc<Plan>, meta: Arc<Meta>) -> Format {
        Format { plan, meta, queries: Arc::default() }
    }

    /// The same description, of which a message is another type.
    pub(crate) fn of_messages(&self, root: TypeId, mask: Option<Mask>, meta: &Meta) -> Format {
        let mut plan = (*self.plan).clone();
        (plan.root, plan.mask) = (root, mask);
        Format::new(Arc::new(plan), Arc::new(meta.clone()))
    }

    /// The name that the description gives itself.
    pub fn name(&self) -> &str {
        &self.meta.name
    }

    /// What is probably a mistake, though it is valid.
    pub fn warnings(&self) -> &[Located] {
        &self.plan.warnings
    }

    /// The files that it consists of, the main one first.
    pub fn files(&self) -> &[String] {
        &self.plan.files
    }

    /// Reads bytes as one value of the outermost type, up to the first fault.
    pub fn read<'m>(&self, bytes: &'m [u8]) -> Message<'m> {
        let mut arena = Arena::default();
        let mut run = Run::new(&self.plan, bytes, &mut arena, Mode::Strict);
        let error = run.read().err().map(|stop| error(&run, stop));
        Message { format: self.clone(), bytes, arena, error }
    }
}

/// Why a message can't be read, or an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// What is wrong.
    pub code: Code,
    /// A sentence about it.
    pub text: String,
    /// Where in the message, in bytes.
    pub offset: usize,
}

impl std::fmt::Display for EvalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}: {}", self.code, self.offset, self.text)
    }
}

impl std::error::Error for EvalError {}

fn error(run: &Run<'_, '_>, stop: Stop) -> EvalError {
    match stop {
        Stop::NeedMore(more) => EvalError {
            code: Code::EndOfStream,
            text: format!("{more} more bytes are needed"),
            offset: run.message.length(),
        },
        // A format reads whole messages only.
        Stop::Missing => {
            EvalError { code: Code::Incomplete, text: "bytes are missing".to_owned(), offset: 0 }
        }
        Stop::Fault(fault) => {
            let field = fault.field.map_or(String::new(), |sym| format!("{}: ", run.plan.name(sym)));
            let at = run.arena.in_message(fault.span).map_or(0, |(start, _)| start);
            EvalError { code: fault.code, text: format!("{field}{}", fault.text), offset: at as usize }
        }
    }
}

/// A message read by a description.
#[derive(Debug)]
pub struct Message<'m> {
    format: Format,
    bytes: &'m [u8],
    arena: Arena,
    error: Option<EvalError>,
}

impl Message<'_> {
    /// Why not all of it could be read. What was read before that can be evaluated.
    pub fn error(&self) -> Option<&EvalError> {
        self.error.as_ref()
    }

    /// The value of an expression, as the outermost structure sees it: numbers, texts and booleans as JSON has them, bytes
    /// as `{"bytes":"00ff"}`, members of enumerations as `{"enum":"name","value":3}` and numbers that no member has as they are,
    /// lists, structures as objects, and null where there is nothing.
    ///
    /// # Errors
    /// The text is not an expression (code `no-match`), or it has no value in this message.
    pub fn eval(&mut self, expression: &str) -> Result<Json, EvalError> {
        self.evaluated(expression, |run, val| run.json(val))
    }

    /// The same as JSON text, in which whole numbers have all their digits: [`serde_json::Value`] has none beyond 64 bits.
    ///
    /// # Errors
    /// As [`Message::eval`].
    pub fn eval_text(&mut self, expression: &str) -> Result<String, EvalError> {
        self.evaluated(expression, |run, val| run.json_text(val))
    }

    fn evaluated<T>(
        &mut self,
        expression: &str,
        shown: impl FnOnce(&Run<'_, '_>, Val) -> T,
    ) -> Result<T, EvalError> {
        let Format { plan, queries, .. } = &self.format;
        // What another thread did not finish is compiled again.
        let mut queries = queries.lock().unwrap_or_else(PoisonError::into_inner);
        let (plan, node) = queries.compiled(plan, expression)?;
        drop(queries);
        let mut run = Run::resume(&plan, self.bytes, &mut self.arena, Mode::Strict);
        let val = run.eval(node, &Scope::of(ObjectId::ROOT));
        match val {
            Ok(val) => {
                if let Val::Obj(id) = val {
                    run.read_instances(id, 2);
                }
                Ok(shown(&run, val))
            }
            Err(stop) => Err(error(&run, stop)),
        }
    }
}

impl Run<'_, '_> {
    /// Reads the instances of a structure, as far as they have values, and those of nested structures.
    pub(crate) fn read_instances(&mut self, id: ObjectId, depth: u32) {
        let plan = self.plan;
        let ty = plan.type_of(self.arena.object(id).ty);
        for attr in &ty.instances {
            // An instance without a value in this message is left out.
            let _ = self.value_of(id, attr.slot);
        }
        if depth == 0 {
            return;
        }
        let mut inner: Vec<ObjectId> = Vec::new();
        for attr in &ty.seq {
            match self.arena.slot(id, attr.slot).val {
                Val::Obj(found) => inner.push(found),
                Val::Arr(array) => {
                    let found = self.arena.array(array).iter().filter_map(|item| match item.val {
                        Val::Obj(found) => Some(found),
                        _ => None,
                    });
                    inner.extend(found);
                }
                _ => {}
            }
        }
        for found in inner {
            self.read_instances(found, depth - 1);
        }
    }
}
