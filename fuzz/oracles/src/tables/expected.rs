//! What the columns of a row must hold, worked out from its JSON and the table's types alone.

use framescope_tables::arrow_schema::{DataType, Field, Fields, Schema};
use serde_json::{Map, Value as Json};

const OWN_VALUE: &str = "_value";

/// The columns of a row.
pub(super) struct Expected<'j> {
    line: &'j Json,
    /// The column of its protocol, and the fields in it.
    fields: Option<(&'j str, Map<String, Json>)>,
    extra: Vec<(String, Json)>,
    protocols: &'j [String],
}

impl<'j> Expected<'j> {
    pub(super) fn of(line: &'j Json, schema: &Schema, protocols: &'j [String]) -> Expected<'j> {
        let mut expected = Expected { line, fields: None, extra: Vec::new(), protocols };
        let protocol = line["protocol"].as_str().filter(|_| line["type"] != "gap");
        let named = |name: &str| protocols.iter().find(|column| column.trim_end_matches("_fields") == name);
        if let Some(column) = protocol.and_then(named) {
            let DataType::Struct(types) = schema.field_with_name(column).unwrap().data_type() else {
                panic!()
            };
            let fields = expected.group(line["fields"].as_array().unwrap(), types, "");
            expected.fields = Some((column, fields));
        }
        expected
    }

    /// The columns of a structure, from the fields in it.
    fn group(&mut self, fields: &[Json], types: &Fields, path: &str) -> Map<String, Json> {
        let mut map: Map<String, Json> =
            types.iter().map(|field| (field.name().clone(), Json::Null)).collect();
        let mut seen: Vec<&str> = Vec::new();
        for field in fields {
            let name = field["name"].as_str().unwrap();
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let column = types.iter().find(|column| column.name() == name);
            let Some(column) = column else {
                self.extra.push((path, field.clone()));
                continue;
            };
            match column.data_type() {
                DataType::List(item) => {
                    let value = self.value(field, item.data_type(), meaning(column), &path);
                    if map[name].is_null() {
                        map[name] = Json::Array(Vec::new());
                    }
                    map[name].as_array_mut().unwrap().push(value.unwrap_or_default());
                }
                _ if seen.contains(&name) => self.extra.push((path, field.clone())),
                data_type => {
                    if let Some(value) = self.value(field, data_type, meaning(column), &path) {
                        seen.push(name);
                        map[name] = value;
                    }
                }
            }
        }
        map
    }

    /// The value of a field in its column; None if it has no place there.
    fn value(
        &mut self,
        field: &Json,
        data_type: &DataType,
        meaning: Option<&str>,
        path: &str,
    ) -> Option<Json> {
        let own = field.get("value");
        let inner = field.get("fields").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        let column = match data_type {
            _ if meaning == Some("json") => return Some(field.to_string().into()),
            DataType::Struct(types) => {
                let type_of_value = types.iter().find(|one| one.name() == OWN_VALUE);
                let value = match own.filter(|value| !value.is_null()) {
                    None => Some(Json::Null),
                    Some(value) => type_of_value.and_then(|one| fitting(value, one.data_type())),
                };
                value.map(|value| {
                    let mut map = self.group(inner, types, path);
                    if type_of_value.is_some() {
                        map[OWN_VALUE] = value;
                    }
                    map.into()
                })
            }
            DataType::Boolean if meaning == Some("present") => own.is_none().then_some(Json::Bool(true)),
            data_type => own.and_then(|value| fitting(value, data_type)),
        };
        match column {
            None => self.extra.push((path.to_owned(), field.clone())),
            Some(_) if matches!(data_type, DataType::Struct(_)) => {}
            Some(_) => {
                // A column without structure has no place for fields in it.
                for field in inner {
                    let path = format!("{path}.{}", field["name"].as_str().unwrap());
                    self.extra.push((path, field.clone()));
                }
            }
        }
        column
    }

    pub(super) fn compare(&self, found: &Map<String, Json>) {
        let row = &self.line["row"];
        for name in
            ["row", "time", "flow", "direction", "src", "dst", "offset", "length", "protocol", "type", "kind"]
        {
            assert_eq!(found[name], self.line[name], "{name} of row {row}");
        }
        for (name, key) in [("reply_to", "reply_to"), ("latency", "latency_ns"), ("part_of", "part_of")] {
            assert_eq!(found[name], self.line[key], "{name} of row {row}");
        }
        for name in ["stage", "carried_in"] {
            assert_eq!(found[name], *self.line.get(name).unwrap_or(&Json::Null), "{name} of row {row}");
        }
        let mut codes: Vec<&Json> =
            self.line["problems"].as_array().unwrap().iter().map(|problem| &problem["code"]).collect();
        let mut problems: Vec<&Json> = found["problems"].as_array().into_iter().flatten().collect();
        let by_name = |code: &&Json| code.to_string();
        codes.sort_by_key(by_name);
        codes.dedup();
        problems.sort_by_key(by_name);
        assert_eq!(problems, codes, "the problems of row {row}");
        for column in self.protocols {
            let expected = self.fields.as_ref().filter(|(name, _)| *name == column);
            let expected = expected.map_or(Json::Null, |(_, map)| map.clone().into());
            if column != "extra" {
                assert!(
                    is_same(&found[column], &expected),
                    "{column} of row {row}: {} is not {expected}",
                    found[column]
                );
            }
        }
        self.compare_extra(&found["extra"]);
    }

    fn compare_extra(&self, found: &Json) {
        let found: Vec<(String, Json)> = found
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| {
                let json = serde_json::from_str(one["json"].as_str().unwrap()).unwrap();
                (one["field"].as_str().unwrap().to_owned(), json)
            })
            .collect();
        let expected = if self.fields.is_some() { &self.extra[..] } else { &[] };
        // In JSON a missing number is the same as one that is none.
        let is_nan = |one: &(String, Json)| one.1.get("value").is_some_and(Json::is_null);
        let sure = |all: &[(String, Json)]| -> Vec<(String, Json)> {
            all.iter().filter(|one| !is_nan(one)).cloned().collect()
        };
        assert_eq!(sure(&found), sure(expected), "the other fields of row {}", self.line["row"]);
    }
}

fn meaning(field: &Field) -> Option<&str> {
    field.metadata().get("framescope").map(String::as_str)
}

/// A value as a column of a type has it; None if it is of another type.
fn fitting(value: &Json, data_type: &DataType) -> Option<Json> {
    let number = || value.as_u64().map(i128::from).or(value.as_i64().map(i128::from));
    let within =
        |least: i128, most: i128| number().filter(|n| (least..=most).contains(n)).map(|_| value.clone());
    match data_type {
        DataType::UInt8 => within(0, u8::MAX.into()),
        DataType::UInt16 => within(0, u16::MAX.into()),
        DataType::UInt32 => within(0, u32::MAX.into()),
        DataType::UInt64 => within(0, u64::MAX.into()),
        DataType::Int8 => within(i8::MIN.into(), i8::MAX.into()),
        DataType::Int16 => within(i16::MIN.into(), i16::MAX.into()),
        DataType::Int32 => within(i32::MIN.into(), i32::MAX.into()),
        DataType::Int64 => within(i64::MIN.into(), i64::MAX.into()),
        DataType::Float32 | DataType::Float64 => (value.is_f64() || value.is_null()).then(|| value.clone()),
        DataType::Boolean => value.is_boolean().then(|| value.clone()),
        DataType::Utf8 => value.is_string().then(|| value.clone()),
        DataType::Binary => value.get("bytes").map(|_| value.clone()),
        DataType::Dictionary(..) => {
            let name = value.get("enum")?;
            match (name, value["value"].as_u64()) {
                (Json::String(_), _) => Some(name.clone()),
                (_, Some(number)) => Some(format!("{number:#04x}").into()),
                (_, None) => Some(value["value"].to_string().into()),
            }
        }
        _ => None,
    }
}

/// The same, where JSON is compared as JSON.
fn is_same(found: &Json, expected: &Json) -> bool {
    match (found, expected) {
        (Json::Object(found), Json::Object(expected)) => {
            found.len() == expected.len()
                && found.iter().all(|(name, value)| expected.get(name).is_some_and(|one| is_same(value, one)))
        }
        (Json::Array(found), Json::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| is_same(a, b))
        }
        (Json::String(found), Json::String(expected)) => {
            let parsed = |text: &str| serde_json::from_str::<Json>(text).ok();
            found == expected || expected.starts_with('{') && parsed(found) == parsed(expected)
        }
        (found, expected) => found == expected,
    }
}

/// Whether a column holds what is written of a selected field, or null where that is of another type.
pub(super) fn is_selected(line: &Json, found: &Json, field: &Field) -> bool {
    let one = |line: &Json, found: &Json, data_type: &DataType| match meaning(field) {
        Some("json") => match found.as_str() {
            Some(text) => serde_json::from_str::<Json>(text).ok().as_ref() == Some(line),
            None => line.is_null(),
        },
        _ if line.is_string() && !matches!(data_type, DataType::Utf8) => found == line,
        _ => *found == fitting(line, data_type).unwrap_or_default(),
    };
    match field.data_type() {
        DataType::List(item) => {
            let lines = match line {
                Json::Array(lines) => &lines[..],
                Json::Null => &[],
                line => std::slice::from_ref(line),
            };
            let found = found.as_array().map_or(&[][..], Vec::as_slice);
            lines.len() == found.len()
                && lines.iter().zip(found).all(|(line, found)| one(line, found, item.data_type()))
        }
        // What occurs several times and was not expected to has its first value.
        data_type => match line {
            Json::Array(lines) if meaning(field) != Some("json") => {
                lines.iter().any(|line| one(line, found, data_type))
            }
            line => one(line, found, data_type),
        },
    }
}
