//! The fields that frames may have, with their types.

use alloc::vec;
use alloc::vec::Vec;

use super::header::{Flags, Kind};
use super::{Missive, extension::Tag};
use crate::{FieldShape, FieldType};

pub(super) fn fields(missive: &Missive) -> Vec<FieldShape> {
    let number = |name: &str, bits| FieldShape::new(name, FieldType::Unsigned { bits });
    let bytes = |name: &str| FieldShape::new(name, FieldType::Bytes);
    let kinds = (0..=u8::MAX).filter_map(|kind| Some((kind.into(), missive.kind_name(Kind(kind))?.into())));
    let flags = Flags::NAMED.map(|(_, name)| FieldShape::new(name, FieldType::Bool));
    vec![
        number("magic", 16),
        number("version", 8),
        FieldShape::new("kind", FieldType::Enum { names: kinds.collect() }),
        FieldShape { fields: flags.into(), ..number("flags", 16) },
        number("extensions_length", 16),
        number("payload_length", 32),
        number("sequence", 32),
        number("channel", 16),
        number("header_check", 16),
        // Those of an unknown version are bytes.
        FieldShape { fields: extensions(missive), ..bytes("extensions") },
        FieldShape { fields: payload(), ..bytes("payload") },
        bytes("tag"),
        number("checksum", 32),
    ]
}

fn extensions(missive: &Missive) -> Vec<FieldShape> {
    let tags = (0..=u8::MAX).filter_map(|tag| Some((tag.into(), missive.tag_name(Tag(tag))?.into())));
    let tag = FieldShape {
        fields: vec![FieldShape::new("critical", FieldType::Bool)],
        ..FieldShape::new("tag", FieldType::Enum { names: tags.collect() })
    };
    let extension = |name: &str, value: FieldType| {
        let length = FieldShape::new("length", FieldType::Unsigned { bits: 16 });
        FieldShape::group(name, vec![tag.clone(), length, FieldShape::new("value", value)])
    };
    vec![
        extension("timestamp", FieldType::Unsigned { bits: 64 }),
        extension("content_type", FieldType::Text),
        extension("sender", FieldType::Text),
        extension("trace_id", FieldType::Bytes),
        extension("extension", FieldType::Bytes).repeated(),
        FieldShape::new("overrun", FieldType::Bytes),
    ]
}

/// The fields of the payloads of all kinds.
fn payload() -> Vec<FieldShape> {
    let fields = [
        ("user_length", FieldType::Unsigned { bits: 16 }),
        ("user", FieldType::Text),
        ("credential_length", FieldType::Unsigned { bits: 16 }),
        ("credential", FieldType::Bytes),
        ("reason", FieldType::Text),
        ("content", FieldType::Text),
        ("note", FieldType::Text),
        ("code", FieldType::Unsigned { bits: 16 }),
        ("text", FieldType::Text),
        ("overrun", FieldType::Bytes),
        ("trailing", FieldType::Bytes),
    ];
    fields.map(|(name, kind)| FieldShape::new(name, kind)).into()
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;

    use super::*;
    use crate::Protocol;

    #[test]
    fn the_shape_has_the_fields_that_the_names_have() {
        fn paths(fields: &[FieldShape], above: &str, found: &mut Vec<String>) {
            for field in fields {
                let path = format!("{above}{}", field.name);
                paths(&field.fields, &format!("{path}."), found);
                found.push(path);
            }
        }
        let missive = Missive::default();
        let (mut shaped, mut named) = (Vec::new(), missive.names().fields);
        paths(&missive.shape().unwrap(), "", &mut shaped);
        shaped.sort_unstable();
        named.sort_unstable();
        assert_eq!(shaped, named);
    }
}
