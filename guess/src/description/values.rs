//! Values of known serialisations, as the language has them.

use super::yaml::{Attribute, Document, Structure, quoted};
use crate::framing::Values;

/// Adds the type of such values, and returns its name.
pub(super) fn add(values: Values, document: &mut Document) -> String {
    let structure = match values {
        Values::Resp => resp(),
        Values::MessagePack => message_pack(),
        Values::Cbor => cbor(),
    };
    let name = structure.name.clone();
    if document.types.iter().all(|known| known.name != name) {
        document.types.push(structure);
    }
    name
}

fn structure(name: &str, fields: Vec<Attribute>, instances: &[(&str, &str)]) -> Structure {
    let instances = instances.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Structure { name: name.to_owned(), fields, instances, ..Structure::default() }
}

fn items(name: &str) -> Attribute {
    let field = Attribute::new("item").with("type", name).with("repeat", "expr").with("repeat-expr", "items");
    field.with("if", quoted("items > 0"))
}

fn resp() -> Structure {
    let name = "resp_value";
    let has_bytes = quoted("is_bytes and line != \"-1\"");
    let fields = vec![
        Attribute::new("sign").with("type", "u1").with("-hex", "true"),
        Attribute::new("line").with("type", "str").with("encoding", "UTF-8").with("terminator", "[13, 10]"),
        Attribute::new("bytes").with("size", "line.to_i").with("if", has_bytes.clone()),
        Attribute::new("bytes_end").with("contents", "[13, 10]").with("if", has_bytes),
        items(name),
    ];
    let is_list = "sign == 0x2a or sign == 0x7e or sign == 0x3e";
    let is_map = "sign == 0x25 or sign == 0x7c";
    let items = format!(
        "line == \"-1\" ? 0 : {is_list} ? line.to_i : {is_map} ? 2 * line.to_i + (sign == 0x7c ? 1 : 0) : 0"
    );
    structure(
        name,
        fields,
        &[("is_bytes", "sign == 0x24 or sign == 0x21 or sign == 0x3d"), ("items", items.as_str())],
    )
}

fn message_pack() -> Structure {
    let name = "message_pack_value";
    let of_width = |first: u8| {
        [format!("0x{first:02x}: u1"), format!("0x{:02x}: u2", first + 1), format!("0x{:02x}: u4", first + 2)]
    };
    let mut cases = [of_width(0xc4), of_width(0xc7), of_width(0xd9)].concat();
    cases.extend(["0xdc: u2", "0xdd: u4", "0xde: u2", "0xdf: u4"].map(str::to_owned));
    let has_count = "(kind >= 0xc4 and kind <= 0xc9) or (kind >= 0xd9 and kind <= 0xdf)";
    let cases = format!("{{switch-on: kind, cases: {{{}}}}}", cases.join(", "));
    let fields = vec![
        Attribute::new("kind").with("type", "u1").with("-hex", "true"),
        Attribute::new("count").with("type", cases).with("if", quoted(has_count)),
        Attribute::new("bytes").with("size", "size").with("if", quoted("size > 0")),
        items(name),
    ];
    let size = "kind >= 0xa0 and kind <= 0xbf ? kind & 31 \
        : kind >= 0xd9 and kind <= 0xdb or kind >= 0xc4 and kind <= 0xc6 ? count \
        : kind >= 0xc7 and kind <= 0xc9 ? count + 1 \
        : kind == 0xcc or kind == 0xd0 ? 1 : kind == 0xcd or kind == 0xd1 ? 2 \
        : kind == 0xca or kind == 0xce or kind == 0xd2 ? 4 : kind == 0xcb or kind == 0xcf or kind == 0xd3 ? 8 \
        : kind >= 0xd4 and kind <= 0xd8 ? (1 << (kind - 0xd4)) + 1 : 0";
    let items = "kind >= 0x80 and kind <= 0x8f ? 2 * (kind & 15) : kind >= 0x90 and kind <= 0x9f ? kind & 15 \
        : kind == 0xdc or kind == 0xdd ? count : kind == 0xde or kind == 0xdf ? 2 * count : 0";
    structure(name, fields, &[("size", size), ("items", items)])
}

fn cbor() -> Structure {
    let name = "cbor_value";
    let until = Attribute::new("open_item").with("type", name).with("repeat", "until");
    let fields = vec![
        Attribute::new("kind").with("type", "b3"),
        Attribute::new("small").with("type", "b5"),
        Attribute::new("wide")
            .with("type", "{switch-on: small, cases: {24: u1, 25: u2, 26: u4, 27: u8}}")
            .with("if", quoted("small >= 24 and small <= 27")),
        Attribute::new("bytes")
            .with("size", "number")
            .with("if", quoted("(kind == 2 or kind == 3) and small < 31")),
        items(name),
        until.with("repeat-until", "_.is_break").with("if", quoted("small == 31 and kind != 7")),
    ];
    let items = "small == 31 ? 0 : kind == 4 ? number : kind == 5 ? 2 * number : kind == 6 ? 1 : 0";
    structure(
        name,
        fields,
        &[
            ("number", "small < 24 ? small : wide"),
            ("is_break", "kind == 7 and small == 31"),
            ("items", items),
        ],
    )
}
