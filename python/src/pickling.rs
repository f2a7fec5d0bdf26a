//! Messages and captures for other processes. A message takes along all that is known of it, so that nothing has to be there to read
//! it from; a capture takes along how it is opened again.

use framescope_capture::RowId;
use framescope_inspect::Reading;
use framescope_parser::{Code, Direction, SpanType};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::capture::Capture;
use crate::facts::Facts;
use crate::message::Message;
use crate::names;
use crate::opened::Rows;
use crate::opening::open_capture_with;
use crate::origin::{Origin, type_name};
use crate::tree::{Name, Node, Numbered, Place, Problem, Stored, Tree};
use crate::values::{self, Content};

/// A field: its name, where the fields in it end, whether it may be repeated, its range, what its value is, and the value.
type NodeState<'py> = (Bound<'py, PyString>, u32, bool, usize, usize, u8, Bound<'py, PyAny>);

impl Message {
    /// What is known of it beside its bytes and fields.
    fn known(&self) -> Facts {
        match &self.origin {
            Origin::Row { opened, row } => match opened.index.row(*row) {
                Some(known) => Facts::of(&opened.index, *row, &known),
                None => Facts::default(),
            },
            Origin::Framed(framed) => Facts {
                direction: framed.known.direction,
                offset: framed.known.offset,
                length: framed.known.length,
                span_type: framed.known.span_type,
                protocol: Some(framed.speech().in_stage(framed.known.stage).name().to_owned()),
                stage: framed
                    .speech()
                    .protocol
                    .stages()
                    .get(usize::from(framed.known.stage))
                    .map(|stage| stage.name.clone()),
                ..Facts::default()
            },
            Origin::Apart(facts) => (**facts).clone(),
        }
    }

    /// All that is known of it, as Python pickles it.
    pub(crate) fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let content = self.content(py)?;
        let mut facts = self.known();
        if facts.kind.is_none() {
            facts.kind = self.kind(py)?.map(|kind| kind.to_string());
        }
        let tree = content.tree();
        let (own, bytes) = (PyBytes::new(py, tree.own()), PyBytes::new(py, &content.bytes));
        let kind =
            tree.kind.as_ref().map(|kind| (kind.number, kind.name.map(|name| values::name(py, tree, name))));
        let problems: Vec<_> = tree
            .problems
            .iter()
            .map(|problem| {
                (problem.code.as_str(), problem.range.start, problem.range.end, problem.text.as_str())
            })
            .collect();
        let nodes: PyResult<Vec<NodeState<'py>>> =
            tree.nodes.iter().map(|node| node_state(py, tree, node)).collect();
        let parts: [Bound<'py, PyAny>; 7] = [
            facts.to_dict(py)?.into_any(),
            bytes.into_any(),
            own.into_any(),
            kind.into_pyobject(py)?.into_any(),
            PyString::new(py, &self.summary_text(py)?).into_any(),
            PyList::new(py, problems)?.into_any(),
            PyList::new(py, nodes?)?.into_any(),
        ];
        PyTuple::new(py, parts)
    }
}

fn node_state<'py>(py: Python<'py>, tree: &Tree, node: &Node) -> PyResult<NodeState<'py>> {
    let name = |name: Name| values::name(py, tree, name);
    let place = |place: &Place| {
        let (is_own, range) = match place {
            Place::Message(range) => (false, range),
            Place::Own(range) => (true, range),
        };
        (is_own, range.start, range.end).into_pyobject(py).map(Bound::into_any)
    };
    let (what, value) = match &node.value {
        Stored::Unsigned(n) => (0, n.into_pyobject(py)?.into_any()),
        Stored::Hex(n) => (1, n.into_pyobject(py)?.into_any()),
        Stored::Signed(n) => (2, n.into_pyobject(py)?.into_any()),
        Stored::Wide(n) => (3, n.number().into_pyobject(py)?.into_any()),
        Stored::Float(x) => (4, x.into_pyobject(py)?.into_any()),
        Stored::Bool(b) => (5, b.into_pyobject(py)?.to_owned().into_any()),
        Stored::Text(at) => (6, place(at)?),
        Stored::Bytes(at) => (7, place(at)?),
        Stored::Enum { value, is_negative, name: text } => {
            (8, (*value, *is_negative, text.map(name)).into_pyobject(py)?.into_any())
        }
        Stored::Group => (9, py.None().into_bound(py)),
        Stored::Missing => (10, py.None().into_bound(py)),
    };
    Ok((name(node.name), node.end, node.is_repeated, node.range.start, node.range.end, what, value))
}

fn stored(names: &mut Naming, what: u8, value: &Bound<'_, PyAny>) -> PyResult<Stored> {
    let place = || -> PyResult<Place> {
        let (is_own, start, end) = value.extract::<(bool, usize, usize)>()?;
        Ok(if is_own { Place::Own(start..end) } else { Place::Message(start..end) })
    };
    Ok(match what {
        0 => Stored::Unsigned(value.extract()?),
        1 => Stored::Hex(value.extract()?),
        2 => Stored::Signed(value.extract()?),
        3 => Stored::Wide(value.extract::<i128>()?.into()),
        4 => Stored::Float(value.extract()?),
        5 => Stored::Bool(value.extract()?),
        6 => Stored::Text(place()?),
        7 => Stored::Bytes(place()?),
        8 => {
            let (value, is_negative, name) = value.extract::<(u64, bool, Option<String>)>()?;
            Stored::Enum { value, is_negative, name: name.map(|name| names.name(&name)) }
        }
        9 => Stored::Group,
        10 => Stored::Missing,
        _ => return Err(PyValueError::new_err("a message that was pickled by another version")),
    })
}

/// Gives names to fields that are made again.
#[derive(Default)]
struct Naming {
    rare: Vec<Box<str>>,
}

impl Naming {
    fn name(&mut self, name: &str) -> Name {
        match names::lock().names().id(name) {
            Some(id) => Name::Known(id),
            None => {
                self.rare.push(name.into());
                Name::Rare(u32::try_from(self.rare.len() - 1).unwrap_or(u32::MAX))
            }
        }
    }
}

/// A code by its name: one that is built in, or that a protocol declares.
fn code_named(name: &str) -> PyResult<Code> {
    let declared = || {
        let protocols = Reading::default().options().protocols;
        protocols.iter().find_map(|protocol| protocol.codes()?.code_named(name))
    };
    let code = Code::from_name(name).or_else(declared);
    code.ok_or_else(|| PyValueError::new_err(format!("there is no problem '{name}' in this version")))
}

/// A message that was pickled.
#[pyfunction]
fn _message(
    facts: &Bound<'_, PyDict>,
    bytes: Vec<u8>,
    own: Vec<u8>,
    kind: Option<(i128, Option<String>)>,
    summary: String,
    problems: Vec<(String, usize, usize, String)>,
    nodes: &Bound<'_, PyList>,
) -> PyResult<Message> {
    let mut naming = Naming::default();
    let kind = kind.map(|(number, name)| Numbered { number, name: name.map(|name| naming.name(&name)) });
    let mut tree = Tree::default();
    (tree.kind, tree.summary) = (kind, Some(summary));
    for (code, start, end, text) in problems {
        tree.problems.push(Problem { code: code_named(&code)?, range: start..end, text });
    }
    for node in nodes.iter() {
        let (name, end, is_repeated, from, to, what, value) =
            node.extract::<(String, u32, bool, usize, usize, u8, Bound<'_, PyAny>)>()?;
        let value = stored(&mut naming, what, &value)?;
        tree.nodes.push(Node { name: naming.name(&name), end, is_repeated, range: from..to, value });
    }
    tree.set_own(own, naming.rare);
    let facts = Facts::from_dict(facts)?;
    Ok(Message::with_content(Origin::Apart(Box::new(facts)), Content::dissected(bytes, tree)))
}

impl Facts {
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let skipped = match self.span_type {
            SpanType::Skipped(code) => Some(code.as_str()),
            _ => None,
        };
        dict.set_item("type", (type_name(self.span_type), skipped))?;
        dict.set_item("direction", self.direction.as_str())?;
        dict.set_item("row", self.row)?;
        dict.set_item("time_ns", self.time_ns)?;
        dict.set_item("flow", self.flow)?;
        dict.set_item("src", &self.src)?;
        dict.set_item("dst", &self.dst)?;
        dict.set_item("offset", self.offset)?;
        dict.set_item("length", self.length)?;
        dict.set_item("protocol", &self.protocol)?;
        dict.set_item("kind", &self.kind)?;
        dict.set_item("stage", &self.stage)?;
        dict.set_item("missing", &self.missing)?;
        dict.set_item("reply_to", self.reply_to)?;
        dict.set_item("latency_ns", self.latency_ns)?;
        dict.set_item("part_of", self.part_of)?;
        dict.set_item("packets", &self.packets)?;
        dict.set_item("file", &self.file)?;
        dict.set_item("packet", self.packet)?;
        dict.set_item("comments", &self.comments)?;
        dict.set_item("carried_in", &self.carried_in)?;
        dict.set_item("carried_by", &self.carried_by)?;
        Ok(dict)
    }

    fn from_dict(dict: &Bound<'_, PyDict>) -> PyResult<Facts> {
        let item = |name: &str| dict.as_any().get_item(name);
        let (span_type, code) = item("type")?.extract::<(String, Option<String>)>()?;
        let span_type = match (span_type.as_str(), code) {
            ("message", _) => SpanType::Message,
            ("partial", _) => SpanType::Partial,
            ("skipped", Some(code)) => SpanType::Skipped(code_named(&code)?),
            _ => SpanType::Gap,
        };
        let is_backward = item("direction")?.extract::<String>()? == Direction::Backward.as_str();
        Ok(Facts {
            row: item("row")?.extract()?,
            time_ns: item("time_ns")?.extract()?,
            flow: item("flow")?.extract()?,
            direction: if is_backward { Direction::Backward } else { Direction::Forward },
            src: item("src")?.extract()?,
            dst: item("dst")?.extract()?,
            offset: item("offset")?.extract()?,
            length: item("length")?.extract()?,
            span_type,
            protocol: item("protocol")?.extract()?,
            kind: item("kind")?.extract()?,
            stage: item("stage")?.extract()?,
            missing: item("missing")?.extract()?,
            reply_to: item("reply_to")?.extract()?,
            latency_ns: item("latency_ns")?.extract()?,
            part_of: item("part_of")?.extract()?,
            packets: item("packets")?.extract()?,
            file: item("file")?.extract()?,
            packet: item("packet")?.extract()?,
            comments: item("comments")?.extract()?,
            carried_in: item("carried_in")?.extract()?,
            carried_by: item("carried_by")?.extract()?,
        })
    }
}

impl Capture {
    /// How it is opened again, and which of its messages these are: a filter, or their numbers.
    pub(crate) fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let Some(reopening) = &self.opened.reopening else {
            return Err(PyTypeError::new_err(
                "a capture of bytes or of a file object can't be pickled: pickle its messages, or write it to a file and open that",
            ));
        };
        let rows = match (&self.expression, &self.rows) {
            _ if self.is_whole() => py.None().into_bound(py),
            (Some(expression), _) => PyString::new(py, expression).into_any(),
            (None, Rows::Range(range)) => (range.start, range.end).into_pyobject(py)?.into_any(),
            (None, Rows::Listed(rows)) => {
                let bytes: Vec<u8> = rows.iter().flat_map(|row| row.number().to_le_bytes()).collect();
                PyBytes::new(py, &bytes).into_any()
            }
        };
        let parts = [reopening.source(py)?, reopening.options(py)?.into_any(), rows];
        PyTuple::new(py, parts)
    }
}

/// A capture that was pickled.
#[pyfunction]
fn _capture<'py>(
    py: Python<'py>,
    source: &Bound<'py, PyAny>,
    options: &Bound<'py, PyDict>,
    rows: &Bound<'py, PyAny>,
) -> PyResult<Capture> {
    let whole = open_capture_with(py, source, options)?;
    let count = whole.rows.len();
    let rows = if rows.is_none() {
        return Ok(whole);
    } else if let Ok(expression) = rows.cast::<PyString>() {
        return whole.filter(py, expression.to_str()?);
    } else if let Ok(bytes) = rows.cast::<PyBytes>() {
        let (numbers, _) = bytes.as_bytes().as_chunks::<4>();
        Rows::Listed(numbers.iter().map(|number| RowId::from(u32::from_le_bytes(*number))).collect())
    } else {
        let (start, end) = rows.extract()?;
        Rows::Range(start..end)
    };
    let is_there = |row: RowId| row.index() < count;
    let all_there = match &rows {
        Rows::Range(range) => range.end as usize <= count,
        Rows::Listed(rows) => rows.iter().all(|row| is_there(*row)),
    };
    if !all_there {
        let name = whole.shared_index().source().name();
        return Err(PyValueError::new_err(format!(
            "{name} has only {count} messages now: it was changed since"
        )));
    }
    Ok(whole.view(rows))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(_message, module)?)?;
    module.add_function(wrap_pyfunction!(_capture, module)?)
}
