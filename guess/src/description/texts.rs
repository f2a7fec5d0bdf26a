//! Messages of lines, and messages with headers, as the language has them.

use super::fields::terminator;
use super::message::Part;
use super::rule::is_text;
use super::yaml::{Attribute, Document, Structure, list, quoted};
use crate::Message;
use crate::framing::{Follow, Headers, Lines, Word, named};

/// A text of the language's expressions, without what they can't quote.
fn literal(text: &[u8]) -> String {
    let clean: String = String::from_utf8_lossy(text)
        .chars()
        .filter(|c| !c.is_control() && *c != '"' && *c != '\\')
        .collect();
    format!("\"{clean}\"")
}

fn text(id: &str) -> Attribute {
    Attribute::new(id).with("type", "str").with("encoding", "UTF-8")
}

/// Describes messages of lines.
pub(super) fn lines(lines: &Lines, messages: &[Message<'_>], part: &mut Part, document: &mut Document) {
    match lines.mark {
        Some(mark) => {
            let name = document.fresh(&part.structure.name, "line");
            let at = mark.at;
            let is_marked = literal(&[mark.byte]);
            document.types.push(Structure {
                name: name.clone(),
                fields: vec![
                    text("code").with("size", quoted(&format!("_io.size < {at} ? _io.size : {at}"))),
                    text("mark").with("size", "1").with("if", format!("_io.size > {at}")),
                    text("text").with("size-eos", "true"),
                ],
                instances: vec![(
                    "goes_on".to_owned(),
                    format!("_io.size > {at} ? mark == {is_marked} : false"),
                )],
                ..Structure::default()
            });
            let until = "not line[0].goes_on or (not _.goes_on and _.code == line[0].code)";
            let line = Attribute::new("line").with("type", name).with("terminator", terminator(&lines.end));
            let line = line.with("repeat", "until").with("repeat-until", quoted(until));
            part.structure.fields.push(line);
            part.about.push("summary: '{line[0]}'".to_owned());
        }
        None => words(lines, messages, part, document),
    }
}

fn words(lines: &Lines, messages: &[Message<'_>], part: &mut Part, document: &mut Document) {
    let owner = part.structure.name.clone();
    let line_type = document.fresh(&owner, "line");
    document.types.push(Structure {
        name: line_type.clone(),
        fields: vec![
            text("word").with("terminator", "0x20").with("eos-error", "false").with("repeat", "eos"),
        ],
        instances: vec![("first".to_owned(), "word.size > 0 ? word[0] : \"\"".to_owned())],
        ..Structure::default()
    });
    let unit = unit(lines, &line_type, are_text(messages));
    let instances: &mut Vec<(String, String)> = &mut part.structure.instances;
    let through = lines.words.iter().filter_map(|(word, follow)| Some((word, follow.through.as_ref()?)));
    let until: String = through
        .map(|(word, last)| {
            let is_last = match last.as_slice() {
                [] => "_.line.word.size == 0".to_owned(),
                last => format!("(_.line.first == {} and _.line.word.size == 1)", literal(last)),
            };
            format!("unit[0].line.first == {} ? {is_last} : ", literal(word))
        })
        .collect();
    if until.is_empty() {
        part.structure.fields = unit;
        instances.push(("first".to_owned(), "line.first".to_owned()));
        part.about.push("summary: '{line}'".to_owned());
    } else {
        let name = document.fresh(&owner, "unit");
        document.types.push(Structure { name: name.clone(), fields: unit, ..Structure::default() });
        let until = quoted(&format!("{until}true"));
        let field =
            Attribute::new("unit").with("type", name).with("repeat", "until").with("repeat-until", until);
        part.structure.fields.push(field);
        instances.push(("first".to_owned(), "unit[0].line.first".to_owned()));
        part.about.push("summary: '{unit[0]}'".to_owned());
    }
    for (word, follow) in &lines.words {
        let Some(last) = &follow.apart else { continue };
        let name = document.fresh(&owner, "text");
        let line = text("line").with("terminator", terminator(&lines.end)).with("repeat", "until");
        let fields = vec![line.with("repeat-until", quoted(&format!("_ == {}", literal(last))))];
        document.types.push(Structure { name: name.clone(), fields, ..Structure::default() });
        part.then.push((format!("first == {}", literal(word)), name));
    }
}

/// Whether all of messages is text, and so what their lines and headers say to follow.
fn are_text(messages: &[Message<'_>]) -> bool {
    messages.iter().all(|message| is_text(message.bytes))
}

/// A line, and the bytes that it says to follow.
fn unit(lines: &Lines, line_type: &str, is_text: bool) -> Vec<Attribute> {
    let line = Attribute::new("line").with("type", line_type).with("terminator", terminator(&lines.end));
    let mut fields = vec![line];
    let (mut is_counted, mut size) = (Vec::new(), String::new());
    for (word, Follow { counted, .. }) in &lines.words {
        let Some(counted) = counted else { continue };
        let (least, number) = match counted {
            Word::At(number) => (*number, format!("line.word[{number}].to_i")),
            Word::Last => (1, "line.word[line.word.size - 1].to_i".to_owned()),
        };
        let is_it = format!("line.first == {} and line.word.size > {least}", literal(word));
        size.push_str(&format!("{is_it} ? {number} : "));
        is_counted.push(format!("({is_it})"));
    }
    if !is_counted.is_empty() {
        let is_counted = quoted(&is_counted.join(" or "));
        let data = if is_text { text("text") } else { Attribute::new("bytes") };
        fields.push(data.with("size", quoted(&format!("{size}0"))).with("if", is_counted.clone()));
        fields.push(Attribute::new("bytes_end").with("contents", list(&lines.end)).with("if", is_counted));
    }
    fields
}

/// Describes messages with headers.
pub(super) fn headers(headers: &Headers, messages: &[Message<'_>], part: &mut Part, document: &mut Document) {
    let end = &headers.end;
    let (Some(first_of_end), name) = (end.first(), document.fresh(&part.structure.name, "header")) else {
        return;
    };
    let blank = messages.iter().any(|message| message.bytes == end.as_slice());
    let whole = |message: &Message<'_>| message.bytes != end.as_slice();
    let heads = messages.iter().filter(|message| whole(message)).map(|message| {
        let to = memchr::memmem::find(message.bytes, &end.repeat(2)).unwrap_or(0);
        message.bytes.get(..to).unwrap_or_default()
    });
    let heads: Vec<&[u8]> = heads.collect();
    let spaced = |head: &&[u8]| {
        let lines = head.split(|byte| Some(byte) == end.last()).skip(1);
        lines.filter(|line| line.contains(&b':')).all(|line| memchr::memmem::find(line, b": ").is_some())
    };
    let separator = if heads.iter().all(spaced) { &b": "[..] } else { b":" };
    let mut spellings: Vec<&[u8]> =
        heads.iter().flat_map(|head| named(head, end)).map(|(name, _)| name).collect();
    spellings.retain(|name| headers.length.as_ref().is_some_and(|length| length.eq_ignore_ascii_case(name)));
    spellings.sort_unstable();
    spellings.dedup();
    let is_length: Vec<String> = spellings.iter().map(|name| format!("name == {}", literal(name))).collect();
    let mut header = Structure { name: name.clone(), ..Structure::default() };
    let is_more = |field: Attribute| field.with("if", "not is_end");
    header.fields = vec![
        is_more(text("name").with("terminator", terminator(separator))),
        is_more(text("value").with("terminator", terminator(end))),
        Attribute::new("end").with("contents", list(end)).with("if", "is_end"),
    ];
    header.parameters = vec![("before", "s4")];
    header.instances.push(("is_end".to_owned(), format!("peeked == 0x{first_of_end:02x}")));
    header.peeks.push(("peeked", "_io.pos", "u1".to_owned()));
    let length = match is_length.is_empty() {
        true => "before".to_owned(),
        false => {
            format!("is_end ? before : before < 0 and ({}) ? value.to_i : before", is_length.join(" or "))
        }
    };
    header.instances.push(("length".to_owned(), length));
    document.types.push(header);
    let given = |field: Attribute, also: &str| match (blank, also) {
        (false, "") => field,
        (false, also) => field.with("if", quoted(also)),
        (true, "") => field.with("if", "not is_blank"),
        (true, also) => field.with("if", quoted(&format!("is_blank ? false : {also}"))),
    };
    let structure = &mut part.structure;
    if blank {
        structure.fields.push(Attribute::new("blank").with("contents", list(end)).with("if", "is_blank"));
        structure.peeks.push(("peeked", "0", "u1".to_owned()));
        structure.instances.push(("is_blank".to_owned(), format!("peeked == 0x{first_of_end:02x}")));
    }
    structure.fields.push(given(text("head").with("terminator", terminator(end)), ""));
    let of_type = format!("{name}(_index == 0 ? -1 : header[_index - 1].length)");
    let header = Attribute::new("header").with("type", quoted(&of_type)).with("repeat", "until");
    structure.fields.push(given(header.with("repeat-until", "_.is_end"), ""));
    structure.instances.push(("length".to_owned(), "header[header.size - 1].length".to_owned()));
    let (body, rest) = match are_text(messages) {
        true => (text("text"), text("rest")),
        false => (Attribute::new("bytes"), Attribute::new("bytes_to_end")),
    };
    structure.fields.push(given(body.with("size", "length"), "length > 0"));
    if let Some(close) = headers.close {
        let end = Attribute::new("body_end").with("contents", list(&[close]));
        structure.fields.push(given(end, "length >= 0"));
        structure.fields.push(given(rest.with("terminator", terminator(&[close])), "length < 0"));
    }
    part.about.push("summary: '{head}'".to_owned());
}
