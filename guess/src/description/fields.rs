//! The fields of a layout, as the language has them.

use super::names::Names;
use super::yaml::{Attribute, Document, Structure, list};
use crate::layout::{
    Clock, Compression, Encoding, Field, Form, Layout, Meaning, Number, Order, Place, Serialisation, Size,
    Times,
};

/// Bytes that are less surely always the same are not required.
const SURE: f64 = 0.9;
/// Longer ones are no mark of a message.
const LONGEST_MARK: usize = 16;

fn is_required(bytes: &[u8], field: &Field) -> bool {
    field.confidence >= SURE && bytes.iter().any(|byte| *byte != 0) && bytes.len() <= LONGEST_MARK
}

/// Adds the fields of a layout to a structure; those of parts become types of the document.
pub(super) fn add(layout: &Layout, into: &mut Structure, names: &mut Names, document: &mut Document) {
    let mut ids: Vec<String> = Vec::new();
    for (number, field) in layout.fields.iter().enumerate() {
        let attribute = one(layout, number, field, &ids, names, &into.name, document);
        ids.push(attribute.id.clone());
        into.fields.push(attribute);
    }
}

fn one(
    layout: &Layout,
    number: usize,
    field: &Field,
    ids: &[String],
    names: &mut Names,
    owner: &str,
    document: &mut Document,
) -> Attribute {
    let id = names.unique(&name(&field.meaning, field));
    let mut attribute = Attribute::new(&id);
    let size = size(layout, number, field, ids);
    match &field.meaning {
        Meaning::Constant(bytes) if is_required(bytes, field) => {
            attribute = attribute.with("contents", list(bytes));
        }
        Meaning::Integer(number)
        | Meaning::Length(number)
        | Meaning::Count(number)
        | Meaning::Offset(number)
        | Meaning::Sequence { number, .. }
        | Meaning::Echo { number: Some(number), .. } => {
            attribute = integer(attribute, *number, &size, document)
        }
        Meaning::Flags { number, .. } => {
            attribute = integer(attribute, *number, &size, document).with("-hex", "true");
        }
        Meaning::Enumeration { number, values } => {
            attribute = integer(attribute, *number, &size, document);
            if let Form::Binary(1 | 2 | 4 | 8) = number.form {
                let name = format!("{owner}_{id}");
                let values = values.iter().map(|(value, _)| (*value, format!("value_{value}")));
                document.enums.insert(name.clone(), values.collect());
                attribute = attribute.with("enum", name);
            }
        }
        Meaning::Time { order, clock } => attribute = time(attribute, *order, *clock, &size),
        Meaning::Port { order, .. } => {
            attribute = integer(attribute, Number::binary(2, *order), &size, document);
        }
        Meaning::Float(order) => {
            let width = if field.size == Size::Fixed(4) { 4 } else { 8 };
            attribute = attribute.with("type", format!("f{width}{}", suffix(*order)));
        }
        Meaning::Text { encoding, padding } => {
            attribute = attribute.with("type", "str").with("encoding", encoding_name(*encoding));
            attribute = sized(attribute, &size);
            if let Some(padding) = padding {
                attribute = attribute.with("pad-right", padding.to_string());
            }
        }
        Meaning::Serialised(Serialisation::Json) => {
            attribute = sized(attribute.with("type", "str").with("encoding", "UTF-8"), &size);
        }
        Meaning::Compressed(Compression::Zlib) => {
            attribute = sized(attribute, &size).with("process", "zlib");
        }
        Meaning::Fields(inner) => {
            let name = document.fresh(owner, &id);
            let structure = structure(&name, inner, document);
            document.types.push(structure);
            attribute = sized(attribute, &size).with("type", name);
        }
        Meaning::Repeated { element, times } => {
            let name = document.fresh(owner, &id);
            let structure = structure(&name, element, document);
            document.types.push(structure);
            attribute = attribute.with("type", name);
            attribute = match times {
                Times::By { field } => {
                    let count = value(layout, *field, ids);
                    attribute.with("repeat", "expr").with("repeat-expr", count)
                }
                Times::ToEnd => {
                    let attribute = match &size {
                        Written::Rest => attribute,
                        size => sized(attribute, size),
                    };
                    attribute.with("repeat", "eos")
                }
            };
        }
        _ => attribute = sized(attribute, &size),
    }
    attribute.doc(doc(field))
}

pub(super) fn structure(name: &str, layout: &Layout, document: &mut Document) -> Structure {
    let mut structure = Structure { name: name.to_owned(), ..Structure::default() };
    add(layout, &mut structure, &mut Names::default(), document);
    structure
}

fn doc(field: &Field) -> String {
    let percent = (field.confidence * 100.0).round();
    match field.meaning {
        Meaning::Bytes => field.evidence.clone(),
        // It was not guessed.
        _ if field.of == 0 => field.evidence.clone(),
        _ => format!("{} ({percent} % sure)", field.evidence),
    }
}

/// How a size is said.
enum Written {
    /// As an expression.
    Expression(String),
    Terminated(Vec<u8>),
    Rest,
    /// The type says it.
    ByType,
}

fn size(layout: &Layout, number: usize, field: &Field, ids: &[String]) -> Written {
    match &field.size {
        Size::Fixed(size) => Written::Expression(size.to_string()),
        Size::By { field, unit, plus } => {
            Written::Expression(linear(&value(layout, *field, ids), *unit, *plus))
        }
        Size::Terminated(bytes) => Written::Terminated(bytes.clone()),
        Size::Varint => Written::ByType,
        Size::Rest => {
            // What is placed from the end comes after it.
            let behind = layout.fields.get(number + 1).and_then(|next| match next.place {
                Place::End(back) => Some(back),
                _ => None,
            });
            match behind {
                Some(back) => Written::Expression(format!("_io.size - _io.pos - {back}")),
                None => Written::Rest,
            }
        }
    }
}

/// The value of a field that is a number: those of seven bits a byte are structures.
fn value(layout: &Layout, field: usize, ids: &[String]) -> String {
    let id = ids.get(field).map_or("0", String::as_str);
    match layout.fields.get(field).map(|field| &field.meaning) {
        Some(Meaning::Length(number) | Meaning::Count(number)) if !matches!(number.form, Form::Binary(_)) => {
            format!("{id}.value")
        }
        _ => id.to_owned(),
    }
}

/// `of * unit + plus`, as short as it can be.
pub(super) fn linear(of: &str, unit: usize, plus: i64) -> String {
    let scaled = if unit == 1 { of.to_owned() } else { format!("{of} * {unit}") };
    match plus {
        0 => scaled,
        plus if plus > 0 => format!("{scaled} + {plus}"),
        plus => format!("{scaled} - {}", plus.unsigned_abs()),
    }
}

fn sized(attribute: Attribute, size: &Written) -> Attribute {
    match size {
        Written::Expression(size) => attribute.with("size", size.clone()),
        Written::Terminated(bytes) => attribute.with("terminator", terminator(bytes)),
        Written::Rest | Written::ByType => attribute.with("size-eos", "true"),
    }
}

pub(super) fn terminator(bytes: &[u8]) -> String {
    match bytes {
        [byte] => format!("0x{byte:02x}"),
        bytes => list(bytes),
    }
}

fn integer(attribute: Attribute, number: Number, size: &Written, document: &mut Document) -> Attribute {
    let sign = if number.is_signed { 's' } else { 'u' };
    match number.form {
        Form::Binary(1) => attribute.with("type", format!("{sign}1")),
        Form::Binary(width @ (2 | 4 | 8)) => {
            attribute.with("type", format!("{sign}{width}{}", suffix(number.order)))
        }
        Form::Binary(width) if number.order == Order::Big => {
            attribute.with("type", format!("b{}", u32::from(width) * 8))
        }
        Form::Binary(_) => sized(attribute, size),
        Form::Leb128 | Form::Vlq => {
            let is_little = number.form == Form::Leb128;
            attribute.with("type", document.varint(is_little))
        }
    }
}

fn time(attribute: Attribute, order: Order, clock: Clock, size: &Written) -> Attribute {
    match (clock, size) {
        (Clock::UnixFloat, _) => attribute.with("type", format!("f8{}", suffix(order))),
        (_, Written::Expression(size)) if matches!(size.as_str(), "2" | "4" | "8") => {
            attribute.with("type", format!("u{size}{}", suffix(order)))
        }
        _ => sized(attribute, size),
    }
}

pub(super) fn suffix(order: Order) -> &'static str {
    match order {
        Order::Big => "",
        Order::Little => "le",
    }
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Ascii => "ASCII",
        Encoding::Utf8 => "UTF-8",
        Encoding::Utf16(Order::Big) => "UTF-16BE",
        Encoding::Utf16(Order::Little) => "UTF-16LE",
    }
}

fn name(meaning: &Meaning, field: &Field) -> String {
    let name = match meaning {
        Meaning::Constant(bytes) if bytes.iter().all(|byte| *byte == 0) => "zeros",
        Meaning::Constant(_) => "constant",
        Meaning::Integer(_) => "number",
        Meaning::Length(_) => "size",
        Meaning::Count(_) => "count",
        Meaning::Offset(_) => "offset",
        Meaning::Sequence { .. } => "sequence",
        Meaning::Echo { .. } => "request_id",
        Meaning::Time { .. } => "time",
        Meaning::Address { is_source: true, .. } => "source_address",
        Meaning::Address { .. } => "target_address",
        Meaning::Port { is_source: true, .. } => "source_port",
        Meaning::Port { .. } => "target_port",
        Meaning::Text { .. } => "text",
        Meaning::Float(_) => "float",
        Meaning::Flags { .. } => "flags",
        Meaning::Enumeration { .. } => "choice",
        Meaning::Fields(_) => "part",
        Meaning::Repeated { .. } => "items",
        Meaning::Padding(_) => "padding",
        Meaning::Serialised(serialisation) => match serialisation {
            Serialisation::Json => "json",
            Serialisation::Protobuf => "protobuf",
            Serialisation::MessagePack => "message_pack",
            Serialisation::Cbor => "cbor",
            Serialisation::Bson => "bson",
            Serialisation::Ber => "ber",
            Serialisation::Thrift | Serialisation::ThriftCompact => "thrift",
            Serialisation::CapnProto => "capn_proto",
            Serialisation::Pickle => "pickle",
            Serialisation::Amf => "amf",
        },
        Meaning::Compressed(_) => "compressed",
        Meaning::Random => "random",
        Meaning::Taken(_) | Meaning::Bytes => "bytes",
    };
    match field.place {
        Place::Start(at)
            if matches!(meaning, Meaning::Bytes | Meaning::Integer(_) | Meaning::Enumeration { .. }) =>
        {
            format!("{name}_at_{at}")
        }
        _ => name.to_owned(),
    }
}
