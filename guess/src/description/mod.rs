//! Writes what was guessed as a description that the parser loads.

mod checked;
mod digits;
mod fields;
mod message;
mod names;
mod rule;
mod stated;
mod texts;
mod values;
mod yaml;

use std::collections::BTreeSet;

use crate::framing::{Framing, OPTIONAL, Preamble};
use crate::stated::Statement;
use crate::{Message, Sample};
use message::Part;
pub(crate) use rule::{evidence, fixed_length};
pub(crate) use stated::{describe_stated, is_whole};
use yaml::{Attribute, Document, Structure, list, quoted};

/// What is believed of one side, or of both if they say the same.
#[derive(Clone, Debug)]
pub(crate) struct Side<'s> {
    pub(crate) framing: Framing,
    pub(crate) messages: Vec<Message<'s>>,
    /// What a person said of them.
    pub(crate) stated: Vec<Statement>,
}

/// A description, and why it is believed.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) evidence: Vec<String>,
}

/// Describes the messages of both sides, which are `[both]`, or those of the client and of the server.
pub(crate) fn describe(
    id: &str,
    sample: &Sample,
    sides: &[Side<'_>],
    evidence: Vec<String>,
    is_cancelled: &dyn Fn() -> bool,
) -> Written {
    describe_with(id, "Guessed from a capture", about_of(sample), sides, evidence, is_cancelled)
}

/// The same with a title, and with what is known of where they are spoken.
fn describe_with(
    id: &str,
    title: &str,
    about: Vec<String>,
    sides: &[Side<'_>],
    evidence: Vec<String>,
    is_cancelled: &dyn Fn() -> bool,
) -> Written {
    let mut document = Document { id: id.to_owned(), title: title.to_owned(), about, ..Document::default() };
    let longest = sides.iter().flat_map(|side| &side.messages).map(|message| message.bytes.len()).max();
    document.about.push(format!("limit: {}", (longest.unwrap_or(0) * 16).clamp(64 << 10, 64 << 20)));
    let mut evidence = evidence;
    match sides {
        [both] if both.framing.preamble == Preamble::Bytes(0) && !both.framing.rule.has_stages() => {
            let part = message::describe("message", both, &mut document, is_cancelled);
            evidence.extend(part.evidence);
            document.about.extend(part.about);
            document.root = Some(part.structure);
        }
        sides => conversation(sides, &mut document, &mut evidence, is_cancelled),
    }
    document.doc.push(
        "What a capture shows of messages that no description explains. What is not sure says so.".to_owned(),
    );
    document.doc.extend(evidence.iter().map(|line| format!("- {line}")));
    Written { text: document.text(), evidence }
}

/// A conversation: what comes before the first message of each side, and its messages.
fn conversation(
    sides: &[Side<'_>],
    document: &mut Document,
    evidence: &mut Vec<String>,
    is_cancelled: &dyn Fn() -> bool,
) {
    document.about.push("conversation:".to_owned());
    let names: &[(&str, &str)] = match sides {
        [_] => &[("both", "message")],
        _ => &[("client", "request"), ("server", "response")],
    };
    let mut stages = Vec::new();
    for (side, (who, name)) in sides.iter().zip(names) {
        let mut states: Vec<String> = Vec::new();
        match &side.framing.preamble {
            Preamble::Bytes(0) => {}
            Preamble::Segments(count) => {
                for _ in 0..*count {
                    let field = Attribute::new("bytes").with("size-eos", "true");
                    let fields = Structure { fields: vec![field], ..Structure::default() };
                    states.push(preamble(document, who, fields, true));
                }
            }
            Preamble::Optional { mark, each } => {
                for _ in 0..OPTIONAL {
                    let mut fields = opening(each, mark.len(), document);
                    fields.fields.insert(0, Attribute::new("mark").with("contents", list(mark)));
                    let name = preamble(document, who, fields, false);
                    stages.push(format!("    {name}: {{optional: true}}"));
                    states.push(name);
                }
            }
            one => {
                let count = if let Preamble::Counted(_, count) = one { *count } else { 1 };
                for _ in 0..count {
                    let fields = opening(one, 0, document);
                    states.push(preamble(document, who, fields, false));
                }
            }
        }
        let Part { structure, about, evidence: more, then } =
            message::describe(name, side, document, is_cancelled);
        states.push(structure.name.clone());
        if !then.is_empty() {
            stages.push(format!("    {}:", structure.name));
            stages.push("      then:".to_owned());
        }
        for (when, next) in &then {
            stages.push(format!("        - {{when: {}, next: {next}}}", quoted(when)));
        }
        stages.extend(then.iter().map(|(_, next)| format!("    {next}: {{next: {}}}", structure.name)));
        let structure = Structure { about, ..structure };
        document.types.push(structure);
        let of = |line: String| if sides.len() > 1 { format!("{who}: {line}") } else { line };
        evidence.extend(more.into_iter().map(of));
        document.about.push(format!("  {who}: [{}]", states.join(", ")));
    }
    if !stages.is_empty() {
        document.about.push("  states:".to_owned());
        document.about.extend(stages);
    }
}

/// Adds a type for what comes before the first message, and returns its name.
fn preamble(document: &mut Document, who: &str, fields: Structure, is_segment: bool) -> String {
    let name = document.fresh(who, "preamble");
    let about = if is_segment { vec!["segment-delimited: true".to_owned()] } else { Vec::new() };
    document.types.push(Structure { name: name.clone(), about, ..fields });
    name
}

/// The fields of a message before the first, without the bytes that it is known to begin with.
fn opening(preamble: &Preamble, known: usize, document: &mut Document) -> Structure {
    let bytes = Attribute::new("bytes");
    let field = match preamble {
        Preamble::Bytes(count) => bytes.with("size", count.saturating_sub(known).to_string()),
        Preamble::Through(end) => bytes.with("terminator", fields::terminator(end)),
        Preamble::Counted(field, _) => return rule::counted_message(field, known, document),
        Preamble::Segments(_) | Preamble::Optional { .. } => bytes.with("size-eos", "true"),
    };
    Structure { fields: vec![field], ..Structure::default() }
}

/// Where it is spoken.
fn about_of(sample: &Sample) -> Vec<String> {
    let channels: BTreeSet<&str> = sample.talks.iter().filter_map(|talk| talk.channel.as_deref()).collect();
    if let [channel] = channels.iter().collect::<Vec<_>>().as_slice() {
        return vec![format!("carried-by: {}", quoted(channel))];
    }
    let transports: BTreeSet<&str> =
        sample.talks.iter().map(|talk| if talk.is_datagrams() { "udp" } else { "tcp" }).collect();
    let mut about = Vec::new();
    if let [transport] = transports.iter().collect::<Vec<_>>().as_slice() {
        about.push(format!("transport: {transport}"));
    }
    let ports: BTreeSet<u16> = sample
        .talks
        .iter()
        .filter_map(|talk| talk.endpoints.get(1).copied().flatten())
        .map(|at| at.port())
        .collect();
    if (1..=4).contains(&ports.len()) {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        about.push(format!("ports: [{}]", ports.join(", ")));
    }
    about
}

impl Document {
    /// A name for a type that has none yet.
    fn fresh(&self, owner: &str, name: &str) -> String {
        let base = format!("{owner}_{name}");
        let is_taken = |name: &str| self.types.iter().any(|known| known.name == name);
        let mut found = base.clone();
        let mut number = 1;
        while is_taken(&found) {
            number += 1;
            found = format!("{base}_{number}");
        }
        found
    }

    /// The type of numbers of seven bits a byte.
    fn varint(&mut self, is_little: bool) -> String {
        let name = if is_little { "leb128" } else { "vlq" };
        if self.types.iter().any(|known| known.name == name) {
            return name.to_owned();
        }
        let group = "seven_bits";
        if !self.types.iter().any(|known| known.name == group) {
            self.types.push(Structure {
                name: group.to_owned(),
                fields: vec![
                    Attribute::new("goes_on").with("type", "b1"),
                    Attribute::new("digits").with("type", "b7"),
                ],
                ..Structure::default()
            });
        }
        let last = VARINT_GROUPS - 1;
        let value = (0..VARINT_GROUPS).map(|at| match (is_little, at) {
            (true, 0) => "groups[0].digits".to_owned(),
            (true, _) => format!("(groups.size > {at} ? groups[{at}].digits << {} : 0)", 7 * at),
            (false, _) => {
                format!("(groups.size > {at} ? groups[{at}].digits << (7 * (groups.size - {})) : 0)", at + 1)
            }
        });
        self.types.push(Structure {
            name: name.to_owned(),
            fields: vec![
                Attribute::new("groups")
                    .with("type", group)
                    .with("repeat", "until")
                    .with("repeat-until", quoted(&format!("not _.goes_on or _index == {last}"))),
            ],
            instances: vec![("value".to_owned(), value.collect::<Vec<_>>().join(" + "))],
            ..Structure::default()
        });
        name.to_owned()
    }
}

/// A number of more groups of seven bits is no length.
const VARINT_GROUPS: usize = 5;
