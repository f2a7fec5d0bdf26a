//! From a description's text to its plan: files, then types, then what stands in them.

mod attr;
mod compile;
mod finish;
mod infer;
mod meta;
mod terminator;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::error::{LoadError, Located, Mistake, Place, nearest};
use crate::expr::{self, Ast, TypeName};
use crate::plan::{Doc, EnumPlan, Member, NodeId, Plan, Sym, TypeId, TypePlan};
use crate::strings::Charset;
use crate::yaml::{self, Node};

pub(crate) use attr::MOST_ARGUMENTS;
pub(crate) use infer::Ty;
pub(crate) use meta::{Head, HeadTest, HeadWhat, Meta};

/// Files that a description may consist of.
const MOST_FILES: usize = 200;
/// Mistakes that are told at most.
const MOST_MISTAKES: usize = 100;
/// Types that a description may have.
const MOST_TYPES: usize = 10_000;

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
    let node = loader.compile(&ast, &Context::of(0, Place::default()));
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

struct File {
    path: Option<PathBuf>,
    root: Node,
    opaque: bool,
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

const TOP_KEYS: [&str; 9] =
    ["meta", "doc", "doc-ref", "params", "seq", "types", "instances", "enums", "to-string"];

/// The keys that begin with a minus and mean something here, and of what they are keys.
const OWN_KEYS: [(&[&str], &str); 6] = [
    (&["meta"], "-framescope"),
    (&["a field", "an instance"], "-check"),
    (&["a field", "an instance"], "-problem"),
    (&["a field", "an instance"], "-hex"),
    (&["an enum's member"], "-orig-id"),
    (&["a description", "a type"], "-webide-representation"),
];

/// Those that other programs have, also at places where they mean nothing here.
const FOREIGN_KEYS: [&str; 3] = ["-orig-id", "-webide-representation", "-webide-parse-mode"];

const META_KEYS: [&str; 15] = [
    "id",
    "title",
    "application",
    "file-extension",
    "xref",
    "license",
    "ks-version",
    "ks-debug",
    "ks-opaque-types",
    "imports",
    "encoding",
    "endian",
    "bit-endian",
    "tags",
    "ks-zero-copy-substream",
];

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

    /// Warns of a key that begins with a minus, and so may be another program's, if it looks like one that is known here.
    fn own_key(&mut self, key: &Node, what: &str) {
        let Some(name) = key.text().filter(|name| name.starts_with('-')) else { return };
        let known = || OWN_KEYS.iter().filter(|(at, _)| at.contains(&what)).map(|(_, key)| *key);
        if known().any(|known| known == name) {
            return;
        }
        if let Some((at, _)) = OWN_KEYS.iter().find(|(_, known)| *known == name) {
            // Others have these at other places too.
            if !FOREIGN_KEYS.contains(&name) {
                let at = at.join(" or ");
                self.warn(key.place, format!("'{name}' says nothing here: it is a key of {at}"));
            }
            return;
        }
        let distance = |known: &str| strsim::damerau_levenshtein(&name.to_lowercase(), known);
        let near = known().map(|known| (distance(known), known)).min();
        // A long name is meant with two letters wrong, a short one may be another word.
        if let Some((distance, known)) = near
            && distance <= if known.len() < 8 { 1 } else { 2 }
            && !FOREIGN_KEYS.contains(&name)
        {
            self.warn(key.place, format!("'{name}' is not known here; did you mean '{known}'?"));
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

    /// Says which of a map's keys nobody knows. Those that begin with a minus are other programs'.
    fn known_keys(&mut self, node: &Node, known: &[&str], what: &str) {
        for (key, _) in node.map().unwrap_or_default() {
            let Some(name) = key.text() else {
                self.mistake(key.place, format!("a key of {what} is a name"));
                continue;
            };
            if name.starts_with('-') {
                self.own_key(key, what);
            } else if !known.contains(&name) {
                self.mistake(
                    key.place,
                    format!("'{name}' is no key of {what}{}", nearest(name, known.iter().copied())),
                );
            }
        }
    }

    /// Reads a file and all that it imports.
    fn add_file(&mut self, name: String, text: &str, path: Option<PathBuf>) -> u32 {
        let file = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.plan.files.push(name);
        let root = match yaml::read(file, text) {
            Ok(root) => root,
            Err(mistake) => {
                self.mistakes.push(mistake);
                yaml::read(file, "{}").unwrap_or_else(|_| unreachable!())
            }
        };
        if root.map().is_none() {
            self.mistake(
                root.place,
                format!("a description is a map with 'meta' and 'seq', not {}", root.what()),
            );
        }
        if let Some(canonical) = path.as_ref().and_then(|path| path.canonicalize().ok()) {
            self.by_path.insert(canonical, file);
        }
        let meta = root.get("meta").cloned();
        let opaque =
            meta.as_ref().and_then(|meta| meta.get("ks-opaque-types")).and_then(Node::boolean) == Some(true);
        self.files.push(File { path, root, opaque });
        for import in
            meta.as_ref().and_then(|meta| meta.get("imports")).and_then(Node::list).unwrap_or_default()
        {
            match import.text() {
                Some(target) => {
                    self.import(file, target, import.place);
                }
                None => self.mistake(import.place, "an import is the name of a file without its ending .ksy"),
            }
        }
        file
    }

    /// Reads the file that an import names, unless that was done before.
    fn import(&mut self, from: u32, target: &str, place: Place) -> Option<u32> {
        if self.files.len() >= MOST_FILES {
            self.mistake(place, format!("the description imports more than {MOST_FILES} files"));
            return None;
        }
        let Some(path) = self.files.get(from as usize).and_then(|file| file.path.clone()) else {
            self.mistake(place, format!("'{target}' can't be imported: only a description that is read from a file has files beside it"));
            return None;
        };
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        let relative = format!("{}.ksy", target.trim_start_matches('/'));
        let folders: Vec<PathBuf> = match target.starts_with('/') {
            false => vec![beside],
            true => {
                let listed = std::env::var_os("KSPATH").unwrap_or_default();
                let listed = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty());
                let own =
                    beside.ancestors().take(4).flat_map(|folder| [folder.to_owned(), folder.join("ks_path")]);
                listed.chain(own).collect()
            }
        };
        let found = folders.iter().map(|folder| folder.join(&relative)).find(|path| path.is_file());
        let Some(found) = found else {
            let first = folders.first().map(|folder| folder.join(&relative)).unwrap_or_default();
            self.mistake(place, format!("'{target}' is imported, and there is no file {}", first.display()));
            return None;
        };
        if let Some(&known) = found.canonicalize().ok().and_then(|path| self.by_path.get(&path)) {
            return Some(known);
        }
        match std::fs::read_to_string(&found) {
            Ok(text) => Some(self.add_file(found.display().to_string(), &text, Some(found))),
            Err(error) => {
                self.mistake(place, format!("{} can't be read: {error}", found.display()));
                None
            }
        }
    }

    /// Makes a type of each file that was read and of each type in it, without what stands in them.
    fn declare(&mut self) {
        while let Some(read) = self.files.get(self.declared) {
            let file = u32::try_from(self.declared).unwrap_or(u32::MAX);
            self.declared += 1;
            let root = read.root.clone();
            let stem = read
                .path
                .as_ref()
                .and_then(|path| path.file_stem())
                .map(|stem| stem.to_string_lossy().into_owned());
            self.known_keys(&root, &TOP_KEYS, "a description");
            let id = root.get("meta").and_then(|meta| meta.get("id"));
            if id.is_none() && file == 0 {
                self.mistake(
                    root.place,
                    "the description has no name: add 'meta:' with 'id: my_protocol' in it",
                );
            }
            let id = id.and_then(Node::text).map(str::to_owned).or(stem.clone()).unwrap_or_default();
            let nothing = Inherited { encoding: None, bits_le: false, order: Inheritance::Unsaid };
            if let Some(top) = self.declare_type(&id, &root, None, file, &nothing, 0) {
                self.tops.entry(id).or_insert(top);
                if let Some(stem) = stem {
                    self.tops.entry(stem).or_insert(top);
                }
            }
        }
    }

    fn declare_type(
        &mut self,
        name: &str,
        node: &Node,
        outer: Option<TypeId>,
        file: u32,
        around: &Inherited,
        depth: u32,
    ) -> Option<TypeId> {
        if self.types.len() >= MOST_TYPES || depth > 50 {
            self.mistake(node.place, "there are too many types, or too deeply in each other");
            return None;
        }
        let id = TypeId::try_from(self.types.len()).ok()?;
        let mut inherited = around.clone();
        if let Some(meta) = node.get("meta") {
            self.known_keys(meta, &META_KEYS, "meta");
            self.inherit(meta, &mut inherited);
        }
        let doc = self.doc(node);
        let plan = TypePlan { name: name.to_owned(), outer, file, doc, ..TypePlan::default() };
        self.plan.types.push(Arc::new(plan));
        self.types.push(Declared {
            node: node.clone(),
            inherited: inherited.clone(),
            values: HashMap::new(),
            slots: Vec::new(),
            parents: Vec::new(),
            value_types: HashMap::new(),
            completed: false,
        });
        if let Some(types) = node.get("types") {
            if types.map().is_none() && !types.is_null() {
                self.mistake(
                    types.place,
                    format!("'types' is a map from names to types, not {}", types.what()),
                );
            }
            for (key, nested) in types.map().unwrap_or_default() {
                let Some(name) = self.identifier(key) else { continue };
                self.known_keys(nested, &TOP_KEYS, "a type");
                if let Some(child) = self.declare_type(&name, nested, Some(id), file, &inherited, depth + 1)
                    && let Some(plan) = self.plan_mut(id)
                {
                    plan.children.insert(name.into(), child);
                }
            }
        }
        if let Some(enums) = node.get("enums") {
            for (key, members) in enums.map().unwrap_or_default() {
                let Some(name) = self.identifier(key) else { continue };
                let declared = self.enumeration(&name, members);
                let number = u32::try_from(self.plan.enums.len()).unwrap_or(u32::MAX);
                self.plan.enums.push(declared);
                if let Some(plan) = self.plan_mut(id) {
                    plan.enums.insert(name.into(), number);
                }
            }
        }
        Some(id)
    }

    fn plan_mut(&mut self, id: TypeId) -> Option<&mut TypePlan> {
        self.plan.types.get_mut(id as usize).map(Arc::make_mut)
    }

    fn inherit(&mut self, meta: &Node, inherited: &mut Inherited) {
        if let Some(encoding) = meta.get("encoding") {
            match encoding.text() {
                Some(name) => inherited.encoding = Some((self.charset(name, encoding.place), encoding.place)),
                None => self.mistake(encoding.place, "an encoding is a name, such as UTF-8"),
            }
        }
        if let Some(endian) = meta.get("endian") {
            match endian.text() {
                Some("le") => inherited.order = Inheritance::Le,
                Some("be") => inherited.order = Inheritance::Be,
                None if endian.map().is_some() => inherited.order = Inheritance::Switch,
                _ => self.mistake(endian.place, "'endian' is le, be, or a map with switch-on and cases"),
            }
        }
        if let Some(endian) = meta.get("bit-endian") {
            match endian.text() {
                Some("le") => inherited.bits_le = true,
                Some("be") => inherited.bits_le = false,
                _ => self.mistake(endian.place, "'bit-endian' is le or be"),
            }
        }
    }

    fn charset(&mut self, name: &str, place: Place) -> Charset {
        let charset = Charset::named(name);
        if charset == Charset::Unknown {
            let known = [
                "UTF-8",
                "ASCII",
                "UTF-16LE",
                "UTF-16BE",
                "ISO-8859-1",
                "windows-1252",
                "Shift_JIS",
                "IBM437",
            ];
            self.warn(
                place,
                format!(
                    "no encoding is called '{name}', so that reading this text fails{}",
                    nearest(name, known)
                ),
            );
        }
        charset
    }

    /// A name that the language allows.
    fn identifier(&mut self, node: &Node) -> Option<String> {
        let name = node.text().unwrap_or_default();
        let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !plain {
            let better: String = name
                .to_lowercase()
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            self.mistake(
                node.place,
                format!("'{name}' is no name: names begin with a small letter and have small letters, digits and _ (such as '{better}')"),
            );
            return None;
        }
        Some(name.to_owned())
    }

    fn doc(&mut self, node: &Node) -> Doc {
        let text = node.get("doc").and_then(Node::text).unwrap_or_default().trim().to_owned();
        let references = match node.get("doc-ref") {
            Some(reference) => match reference.list() {
                Some(list) => list.iter().filter_map(Node::text).map(|text| text.trim().to_owned()).collect(),
                None => reference.text().map(|text| text.trim().to_owned()).into_iter().collect(),
            },
            None => Vec::new(),
        };
        Doc { text, references }
    }

    fn enumeration(&mut self, name: &str, node: &Node) -> EnumPlan {
        let mut plan = EnumPlan { name: name.to_owned(), ..EnumPlan::default() };
        let mut by_value = BTreeMap::new();
        if node.map().is_none() {
            self.mistake(node.place, format!("an enum is a map from numbers to names, not {}", node.what()));
        }
        for (key, member) in node.map().unwrap_or_default() {
            let Some(value) = key.integer() else {
                let key_text = key.text().unwrap_or_default();
                self.mistake(key.place, format!("'{key_text}' is no number; an enum maps numbers to names"));
                continue;
            };
            for (key, _) in member.map().unwrap_or_default() {
                self.own_key(key, "an enum's member");
            }
            let id = member.get("id").unwrap_or(member);
            // YAML 1.1 reads some names as booleans; as text they are names.
            let Some(id_text) = self.identifier(id) else { continue };
            let shown = member.get("-orig-id").and_then(Node::text).unwrap_or(&id_text).to_owned();
            let at = u32::try_from(plan.members.len()).unwrap_or(u32::MAX);
            if by_value.insert(value, at).is_some() {
                self.mistake(key.place, format!("{value} has two names in this enum"));
            }
            plan.members.push(Member { value, id: id_text, shown });
        }
        plan.by_value = by_value.into_iter().collect();
        plan
    }

    /// A type by its written name, as `current` sees it.
    fn find_type(&mut self, name: &TypeName, current: TypeId, place: Place) -> Option<TypeId> {
        let found = self.look_up(&name.path, name.absolute, current);
        if found.is_some() || self.is_query {
            return found;
        }
        // A type that the description does not have may be told by a file beside it.
        let file = self.plan.type_of(current).map_or(0, |plan| plan.file);
        if self.files.get(file as usize).is_some_and(|file| file.opaque)
            && let [single] = name.path.as_slice()
        {
            self.import(file, single, place)?;
            let known = self.types.len();
            self.declare();
            for late in known..self.types.len() {
                self.attributes_of(TypeId::try_from(late).unwrap_or(TypeId::MAX));
            }
            return self.look_up(&name.path, false, current);
        }
        None
    }

    fn look_up(&self, path: &[String], absolute: bool, current: TypeId) -> Option<TypeId> {
        let (first, rest) = path.split_first()?;
        let child = |of: TypeId, name: &str| self.plan.type_of(of)?.children.get(name).copied();
        let mut around = Some(current);
        let mut found = None;
        while let Some(id) = around {
            let plan = self.plan.type_of(id)?;
            if !absolute || plan.outer.is_none() {
                found = child(id, first);
            }
            if found.is_none() && plan.outer.is_none() && plan.name == *first {
                found = Some(id);
            }
            if found.is_some() {
                break;
            }
            around = plan.outer;
        }
        let found = found.or_else(|| self.tops.get(first).copied())?;
        rest.iter().try_fold(found, |of, name| child(of, name))
    }

    /// An enumeration by its written path, as `current` sees it.
    fn find_enum(&self, path: &[String], current: TypeId) -> Option<u32> {
        let (name, types) = path.split_last()?;
        if !types.is_empty() {
            let of = self.look_up(types, false, current)?;
            return self.plan.type_of(of)?.enums.get(name.as_str()).copied();
        }
        let mut around = Some(current);
        while let Some(id) = around {
            let plan = self.plan.type_of(id)?;
            if let Some(&found) = plan.enums.get(name.as_str()) {
                return Some(found);
            }
            around = plan.outer;
        }
        None
    }

    /// Names of the types that can be seen from one, for a hint.
    fn visible_types(&self, current: TypeId) -> Vec<String> {
        let mut names: Vec<String> = self.tops.keys().cloned().collect();
        let mut around = Some(current);
        while let Some(plan) = around.and_then(|id| self.plan.type_of(id)) {
            names.extend(plan.children.keys().map(|name| name.to_string()));
            around = plan.outer;
        }
        names
    }

    fn visible_enums(&self, current: TypeId) -> Vec<String> {
        let mut names = Vec::new();
        let mut around = Some(current);
        while let Some(plan) = around.and_then(|id| self.plan.type_of(id)) {
            names.extend(plan.enums.keys().map(|name| name.to_string()));
            around = plan.outer;
        }
        names
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
                completed: true,
            });
            if plan.outer.is_none() {
                self.tops.entry(plan.name.clone()).or_insert(TypeId::try_from(id).unwrap_or(0));
            }
        }
    }

    fn intern(&mut self, name: &str) -> Sym {
        self.plan.intern(name)
    }
}
