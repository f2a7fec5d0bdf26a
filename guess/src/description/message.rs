//! The structure of messages: what all have, and what those of a kind have.

use std::ops::Range;

use super::Side;
use super::checked::Checked;
use super::digits;
use super::fields;
use super::names::Names;
use super::rule::{before, counted, evidence, fixed_length, is_text, length, length_width, without};
use super::stated::{Stated, is_whole};
use super::yaml::{Attribute, Document, Structure, quoted};
use super::{texts, values};
use crate::framing::{Encoding, Escapes, LengthField, Rule};
use crate::kinds::{self, Kind};
use crate::layout::{self, layout};
use crate::{Message, checks};

/// A structure, and what its description has beside it.
pub(super) struct Part {
    pub(super) structure: Structure,
    /// Lines under `-framescope`.
    pub(super) about: Vec<String>,
    pub(super) evidence: Vec<String>,
    /// What a message must be that one of another type follows, and that type.
    pub(super) then: Vec<(String, String)>,
}

/// A check that is less likely is only mentioned.
const SURE: f64 = 0.8;
/// Fewer messages of a kind show nothing of their fields.
const FEWEST: usize = 3;

/// Describes the messages of a side.
pub(super) fn describe(
    name: &str,
    side: &Side<'_>,
    document: &mut Document,
    is_cancelled: &dyn Fn() -> bool,
) -> Part {
    let rule = &side.framing.rule;
    let mut part = Part {
        structure: Structure { name: name.to_owned(), ..Structure::default() },
        about: Vec::new(),
        evidence: vec![evidence(rule)],
        then: Vec::new(),
    };
    part.evidence.extend(escaped(side));
    match rule {
        Rule::Lines(lines) => texts::lines(lines, &side.messages, &mut part, document),
        Rule::Headers(headers) => texts::headers(headers, &side.messages, &mut part, document),
        Rule::Value(values) => {
            let of_type = values::add(*values, document);
            part.structure.fields.push(Attribute::new("value").with("type", of_type));
        }
        _ => {}
    }
    if is_whole(rule) {
        return part;
    }
    // The messages without what the rule itself reads: their other bytes are at the same places.
    let plain: Vec<Vec<u8>> = side.messages.iter().map(|message| without(rule, message.bytes)).collect();
    let messages: Vec<Message<'_>> =
        side.messages.iter().zip(&plain).map(|(message, bytes)| message.with(bytes)).collect();
    let width = fixed_length(rule);
    let stated = Stated::of(side, width.as_ref());
    let whole: Vec<&[u8]> = side.messages.iter().map(|message| message.bytes).collect();
    let field = width.clone().filter(|width| !width.is_empty());
    let mut checks = checks::checks(&whole, field.clone(), is_cancelled);
    // Where no check is found, the kind may decide about a byte that one covers.
    let of_all = (checks.is_empty() && stated.is_empty()).then(|| {
        let plain: Vec<&[u8]> = plain.iter().map(Vec::as_slice).collect();
        kind_of(rule, &plain, &[])
    });
    if let Some(Some(kind)) = &of_all {
        checks.extend(checks::by_kind(&whole, in_message(rule, kind.at), field.as_ref(), is_cancelled));
    }
    part.evidence.extend(checks.iter().map(ToString::to_string));
    if let Rule::Terminator(end) = rule
        && stated.is_empty()
        && messages.iter().all(|message| is_text(message.bytes))
    {
        let with_check = checks.iter().filter(|check| check.confidence() > SURE);
        part.structure.fields =
            with_check.filter_map(|check| digits::lines(check, end, &whole)).next().unwrap_or_else(|| {
                let text = Attribute::new("text").with("type", "str").with("encoding", "UTF-8");
                vec![text.with("terminator", fields::terminator(end))]
            });
        part.about.push("summary: '{text}'".to_owned());
        part.evidence.push("all of it is text".to_owned());
        return part;
    }
    let check = checks.first().filter(|check| check.confidence() > SURE);
    let check = check.filter(|_| !matches!(rule, Rule::Terminator(_) | Rule::Magic(_) | Rule::Enclosed(_)));
    let check =
        check.and_then(|check| Checked::of(check, width.as_ref())).filter(|check| stated.is_free(check));
    let check = stated.check.clone().or(check);
    // A check at the end is no part of what a kind decides about.
    let trailer = check.as_ref().map_or(0, Checked::tail);
    let messages: Vec<Message<'_>> = messages
        .iter()
        .filter_map(|message| message.part(..message.bytes.len().checked_sub(trailer)?))
        .collect();
    let bytes: Vec<&[u8]> = messages.iter().map(|message| message.bytes).collect();
    let before = before(rule);
    let taken: Vec<Range<usize>> =
        check.iter().filter_map(|check| check.at.map(|at| at..at + check.size())).collect();
    let taken: Vec<Range<usize>> = taken.into_iter().chain(stated.ranges()).collect();
    let decides = check.as_ref().and_then(Checked::kind);
    let decides = decides.and_then(|kind| (0..=kind).find(|at| in_message(rule, *at) == kind));
    let kind = match (rule, stated.kind.or(decides)) {
        (Rule::Kind { .. }, _) | (_, None) => {
            of_all.filter(|_| check.is_none()).unwrap_or_else(|| kind_of(rule, &bytes, &taken))
        }
        (_, Some(at)) => kinds::at(&bytes, at),
    };
    let mut head = kind.as_ref().map_or(0, |kind| kind.at + 1).max(before).max(stated.head());
    if let Some(check) = &check {
        head = check.at.map_or(head, |at| head.max(at + check.size())).max(check.from);
    }
    let mut names = Names::default();
    let header = Header { messages: &messages, kind: kind.as_ref(), check: check.as_ref(), stated: &stated };
    let mut starts = Vec::new();
    let is_flagged = matches!(rule, Rule::Length(LengthField { encoding: Encoding::Flagged { .. }, .. }));
    let flagged = usize::from(is_flagged && before > 0);
    header.add(&mut part, &mut names, document, 0..before - flagged, &mut starts, is_cancelled);
    if flagged == 1 && kind.as_ref().is_some_and(|kind| kind.at + 1 == before) {
        header.add(&mut part, &mut names, document, before - 1..before, &mut starts, is_cancelled);
    } else if flagged == 1 {
        part.structure
            .fields
            .push(Attribute::new(names.unique("flags")).with("type", "u1").with("-hex", "true"));
    }
    length(rule, &side.messages, &mut part.structure, &mut names, document);
    header.add(&mut part, &mut names, document, before..head, &mut starts, is_cancelled);
    if let Some(kind) = &kind {
        part.about.push("kind: kind".to_owned());
        let values: Vec<String> =
            kind.values.iter().map(|(value, count)| format!("{value} ({count} times)")).collect();
        part.evidence.push(format!(
            "byte {} decides about the others, so it is the kind: {}",
            in_message(rule, kind.at),
            values.join(", ")
        ));
    }
    let body_id = body(
        &mut part,
        &mut names,
        document,
        &messages,
        (rule, head - before, head, trailer),
        (kind.as_ref(), &stated),
        is_cancelled,
    );
    if let Rule::Enclosed(enclosed) = rule
        && enclosed.after > 0
    {
        part.structure.fields.push(Attribute::new("trailer").with("size", enclosed.after.to_string()));
    }
    if let Some(body) = &body_id {
        starts.push((head, body.clone()));
    }
    if let Some(check) = &check {
        add_check(&mut part.structure, check, &starts);
    }
    part
}

/// What the bytes of messages are escaped by, and how to look inside.
fn escaped(side: &Side<'_>) -> Option<String> {
    let messages: Vec<&[u8]> = side.messages.iter().map(|message| message.bytes).collect();
    let carrier = Escapes::of(&side.framing.rule, &messages)?.carrier();
    let first = side.messages.first()?;
    let server = if first.side == 0 { first.target } else { first.source };
    let selector = server.map_or("file".to_owned(), |server| format!("tcp.port={}", server.port()));
    Some(format!(
        "its bytes are escaped as {} has it: with --as {selector}={carrier}, what is inside is guessed",
        carrier.to_uppercase()
    ))
}

/// The kind of messages: what the rule says, or a byte that decides about the others and is none of those in `taken`.
fn kind_of(rule: &Rule, messages: &[&[u8]], taken: &[Range<usize>]) -> Option<Kind> {
    match rule {
        Rule::Kind { at, .. } => kinds::at(messages, *at),
        // A letter of a text is no kind.
        _ if layout::is_text(messages) => None,
        _ => kinds::kind(messages, taken),
    }
}

/// Where a byte is in messages that is at a place without what the rule itself reads.
fn in_message(rule: &Rule, at: usize) -> usize {
    at + if at >= before(rule) { length_width(rule) } else { 0 }
}

/// Adds the field of a check where it belongs.
fn add_check(structure: &mut Structure, check: &Checked, starts: &[(usize, String)]) {
    let from = match check.is_from_length {
        true => {
            structure.fields.iter().find(|field| field.id.starts_with("length")).map(|field| field.id.clone())
        }
        false => starts.iter().find(|(at, _)| *at == check.from).map(|(_, id)| id.clone()),
    };
    let behind = check.back().saturating_sub(check.size());
    let last = structure.fields.last().map(|field| field.id.clone()).unwrap_or_default();
    if check.at.is_none() && check.between > 0 {
        structure.fields.push(Attribute::new("separator").with("size", check.between.to_string()));
        structure.fields.push(check.attribute(from.as_deref(), &last));
        structure
            .fields
            .extend((behind > 0).then(|| Attribute::new("trailer").with("size", behind.to_string())));
    } else if check.at.is_none() {
        let last = if behind > 0 { "trailer" } else { "check" };
        structure.fields.push(check.attribute(from.as_deref(), last));
        if behind > 0 {
            structure.fields.push(Attribute::new("trailer").with("size", behind.to_string()));
        }
    } else if let Some(field) = structure.fields.iter_mut().find(|field| field.id == "check") {
        *field = check.attribute(from.as_deref(), &last);
    }
}

/// What is known of the bytes that all messages have.
struct Header<'m, 's> {
    messages: &'m [Message<'s>],
    kind: Option<&'m Kind>,
    check: Option<&'m Checked>,
    stated: &'m Stated,
}

impl Header<'_, '_> {
    /// Adds the fields of a range. `starts` hears where those begin that may have to be named.
    fn add(
        &self,
        part: &mut Part,
        names: &mut Names,
        document: &mut Document,
        range: Range<usize>,
        starts: &mut Vec<(usize, String)>,
        is_cancelled: &dyn Fn() -> bool,
    ) {
        let owner = part.structure.name.clone();
        let kind = self.kind.map(|kind| kind.at);
        let check = self.check.and_then(|check| check.at.map(|at| (at, check.size())));
        let mut cuts = vec![range.start, range.end];
        cuts.extend(kind.iter().flat_map(|at| [*at, at + 1]));
        cuts.extend(check.iter().flat_map(|(at, size)| [*at, at + size]));
        cuts.extend(self.check.iter().map(|check| check.from));
        cuts.extend(self.stated.ranges().flat_map(|range| [range.start, range.end]));
        cuts.retain(|cut| (range.start..=range.end).contains(cut));
        cuts.sort_unstable();
        cuts.dedup();
        for pair in cuts.windows(2) {
            let &[from, to] = pair else { continue };
            let known = part.structure.fields.len();
            if kind == Some(from) {
                let field = Attribute::new("kind").with("type", "u1").with("enum", format!("{owner}_kind"));
                part.structure.fields.push(field);
                let values = self.kind.iter().flat_map(|kind| kind.values.keys());
                let values = values.map(|value| (u64::from(*value), format!("kind_{value}")));
                document.enums.insert(format!("{owner}_kind"), values.collect());
            } else if check.is_some_and(|(at, _)| at == from) {
                part.structure.fields.push(Attribute::new("check"));
            } else if let Some(said) = self.stated.field(&(from..to)) {
                fields::add(&said, &mut part.structure, names, document);
            } else {
                let messages: Vec<Message<'_>> =
                    self.messages.iter().filter_map(|message| message.part(from..to)).collect();
                fields::add(&layout(&messages, &[], is_cancelled), &mut part.structure, names, document);
            }
            if let Some(first) = part.structure.fields.get(known) {
                starts.push((from, first.id.clone()));
            }
        }
    }
}

/// What remains of each message: the fields of its kind.
fn body(
    part: &mut Part,
    names: &mut Names,
    document: &mut Document,
    messages: &[Message<'_>],
    (rule, after, head, trailer): (&Rule, usize, usize, usize),
    (kind, stated): (Option<&Kind>, &Stated),
    is_cancelled: &dyn Fn() -> bool,
) -> Option<String> {
    let rest = |message: &Message<'_>| message.bytes.len().saturating_sub(head);
    if messages.iter().all(|message| rest(message) == 0) {
        return None;
    }
    let id = names.unique("body");
    let mut field = Attribute::new(&id);
    field = match rule {
        Rule::Length(length) => field.with("size", quoted(&counted(length, after + trailer))),
        Rule::Fixed(size) => field.with("size", size.saturating_sub(head + trailer).to_string()),
        Rule::Segment => {
            part.about.push("segment-delimited: true".to_owned());
            match trailer {
                0 => field.with("size-eos", "true"),
                trailer => field.with("size", quoted(&format!("_io.size - _io.pos - {trailer}"))),
            }
        }
        Rule::Terminator(end) => field.with("terminator", fields::terminator(end)),
        Rule::Enclosed(enclosed) if enclosed.is_doubled => {
            let name = document.fresh(&part.structure.name, "stretch");
            let escape = enclosed.end.get(..1).unwrap_or_default();
            document.types.push(Structure {
                name: name.clone(),
                fields: vec![
                    Attribute::new("bytes").with("terminator", fields::terminator(escape)),
                    Attribute::new("code").with("type", "u1"),
                ],
                ..Structure::default()
            });
            let last = enclosed.end.last().copied().unwrap_or(0);
            let field = field.with("type", name).with("repeat", "until");
            part.structure.fields.push(field.with("repeat-until", format!("_.code == 0x{last:02x}")));
            return Some(id);
        }
        Rule::Enclosed(enclosed) => field.with("terminator", fields::terminator(&enclosed.end)),
        // What has structures of its own is described before.
        Rule::Lines(_) | Rule::Headers(_) | Rule::Value(_) => return None,
        Rule::Magic(magic) => field
            .with("terminator", fields::terminator(magic))
            .with("consume", "false")
            .with("eos-error", "false"),
        Rule::Kind { lengths, .. } => {
            let sizes = lengths.iter().enumerate().filter(|(_, length)| **length > 0);
            let sized = sizes.map(|(value, length)| {
                let size = usize::from(*length).saturating_sub(head + trailer);
                format!("kind.to_i == {value} ? {size} : ")
            });
            field.with("size", quoted(&format!("{}0", sized.collect::<String>())))
        }
    };
    let mut of_group = |group: &str, kind: Option<u8>, messages: Vec<Message<'_>>| {
        let is_said = stated.has_body(kind);
        if messages.len() < FEWEST && !is_said {
            return None;
        }
        let found = stated.layout(&messages, (head, trailer), kind, is_cancelled);
        if !is_said && found.fields.iter().all(|field| field.meaning == crate::layout::Meaning::Bytes) {
            return None;
        }
        let name = document.fresh(group, "body");
        let structure = fields::structure(&name, &found, document);
        document.types.push(structure);
        Some(name)
    };
    let owner = part.structure.name.clone();
    let bodies = |wanted: Option<u8>| -> Vec<Message<'_>> {
        let is_wanted = |message: &&Message<'_>| {
            kind.zip(wanted).is_none_or(|(kind, value)| message.bytes.get(kind.at) == Some(&value))
        };
        messages.iter().filter(is_wanted).filter_map(|message| message.part(head..)).collect()
    };
    match kind {
        None => {
            if let Some(name) = of_group(&owner, None, bodies(None)) {
                field = field.with("type", name);
            }
        }
        Some(kind) => {
            let cases: Vec<String> = kind
                .values
                .keys()
                .filter_map(|value| {
                    let name = of_group(&format!("{owner}_{value}"), Some(*value), bodies(Some(*value)))?;
                    Some(format!("{owner}_kind::kind_{value}: {name}"))
                })
                .collect();
            if !cases.is_empty() {
                field = field.with("type", format!("{{switch-on: kind, cases: {{{}}}}}", cases.join(", ")));
            }
        }
    }
    part.structure.fields.push(field);
    Some(id)
}
