//! Values of a request in a message that answers it: `{request.sequence}`, `{request.count + 1}`, also inside a text.

use std::sync::Arc;

use framescope_parser::{Protocol, Value};
use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::edit::{check_path, number};

/// Why a message can't be filled in.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum TemplateError {
    #[error(
        "'{{{0}}}' is not understood: write {{request.FIELD}} or {{request.FIELD + 1}}, and {{{{ for a brace"
    )]
    Unknown(String),
    #[error("{0}")]
    Field(String),
    #[error("there is no request when a connection begins, so '{{{0}}}' has no value")]
    NoRequest(String),
    #[error("the request has no field '{0}'")]
    Missing(String),
    #[error("'{{{0}}}' adds to what is no number")]
    NotANumber(String),
}

/// A part of a text.
enum Part<'t> {
    Text(&'t str),
    /// A field of the request, what is added to it, and how it is written.
    Field(&'t str, i128, &'t str),
}

/// The parts of a text.
fn parts(text: &str) -> Result<Vec<Part<'_>>, TemplateError> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        if !before.is_empty() {
            found.push(Part::Text(before));
        }
        if let Some(behind) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            found.push(Part::Text(from.get(..1).unwrap_or_default()));
            rest = behind;
            continue;
        }
        let inner = from.strip_prefix('{').and_then(|from| from.split_once('}'));
        let (inner, behind) = inner.ok_or_else(|| TemplateError::Unknown(from.to_owned()))?;
        found.push(field(inner)?);
        rest = behind;
    }
    if !rest.is_empty() {
        found.push(Part::Text(rest));
    }
    Ok(found)
}

fn field(inner: &str) -> Result<Part<'_>, TemplateError> {
    let wrong = || TemplateError::Unknown(inner.to_owned());
    let path = inner.trim().strip_prefix("request.").ok_or_else(wrong)?;
    let end = path.find([' ', '+']).unwrap_or(path.len());
    // A hyphen with spaces around it subtracts; without, it may be in a name.
    let (path, added) = path.split_at_checked(end).unwrap_or((path, ""));
    let added = added.trim();
    let added = match (added.strip_prefix('+'), added.strip_prefix('-')) {
        (Some(number), _) => number.trim().parse().map_err(|_| wrong())?,
        (_, Some(number)) => -number.trim().parse::<i128>().map_err(|_| wrong())?,
        _ if added.is_empty() => 0,
        _ => return Err(wrong()),
    };
    Ok(Part::Field(path, added, inner))
}

/// Whether a message can be filled in by a request of these protocols.
pub(super) fn check(
    message: &Json,
    has_request: bool,
    protocols: &[Arc<dyn Protocol>],
) -> Result<(), TemplateError> {
    match message {
        Json::String(text) => {
            for part in parts(text)? {
                let Part::Field(path, _, inner) = part else { continue };
                if !has_request {
                    return Err(TemplateError::NoRequest(inner.to_owned()));
                }
                check_path(path, protocols).map_err(|error| TemplateError::Field(error.to_string()))?;
            }
            Ok(())
        }
        Json::Array(items) => items.iter().try_for_each(|item| check(item, has_request, protocols)),
        Json::Object(map) => map.values().try_for_each(|item| check(item, has_request, protocols)),
        _ => Ok(()),
    }
}

/// The message with the values of a request. A text that is one value becomes that value: a number stays one.
pub(super) fn fill(
    message: &Json,
    request: &dyn Fn(&str) -> Option<Value<'static>>,
) -> Result<Json, TemplateError> {
    match message {
        Json::String(text) => filled(text, request),
        Json::Array(items) => items.iter().map(|item| fill(item, request)).collect(),
        Json::Object(map) => {
            let pairs = map.iter().map(|(key, value)| Ok((key.clone(), fill(value, request)?)));
            pairs.collect::<Result<_, _>>().map(Json::Object)
        }
        other => Ok(other.clone()),
    }
}

fn filled(text: &str, request: &dyn Fn(&str) -> Option<Value<'static>>) -> Result<Json, TemplateError> {
    let parts = parts(text)?;
    let value_of = |path: &str, added: i128, inner: &str| {
        let value = request(path).ok_or_else(|| TemplateError::Missing(path.to_owned()))?;
        match (added, number(&value)) {
            (0, _) => Ok(value),
            (added, Some(number)) => Ok(Value::Wide(number.saturating_add(added).into())),
            (_, None) => Err(TemplateError::NotANumber(inner.to_owned())),
        }
    };
    if let [Part::Field(path, added, inner)] = parts[..] {
        return Ok(as_json(&value_of(path, added, inner)?));
    }
    let mut out = String::new();
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Field(path, added, inner) => out.push_str(&as_text(&value_of(path, added, inner)?)),
        }
    }
    Ok(Json::String(out))
}

fn as_json(value: &Value<'_>) -> Json {
    match (value, number(value)) {
        (Value::Bool(b), _) => Json::Bool(*b),
        (_, Some(number)) => match (u64::try_from(number), i64::try_from(number)) {
            (Ok(number), _) => json!(number),
            (_, Ok(number)) => json!(number),
            _ => json!(number.to_string()),
        },
        (value, None) => serde_json::to_value(value).unwrap_or(Json::Null),
    }
}

fn as_text(value: &Value<'_>) -> String {
    match (value, number(value)) {
        (Value::Text(text), _) => text.clone().into_owned(),
        (Value::Bool(b), _) => b.to_string(),
        (_, Some(number)) => number.to_string(),
        (value, None) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn request(path: &str) -> Option<Value<'static>> {
        Some(match path {
            "sequence" => Value::Unsigned(7),
            "payload.user" => Value::Text("ada".into()),
            "id" => Value::Bytes(vec![0, 255].into()),
            "flag" => Value::Bool(true),
            _ => return None,
        })
    }

    #[test]
    fn values_keep_their_types_and_are_written_in_texts() {
        let message = json!({"a": "{request.sequence}", "b": ["{request.sequence + 1}", "{request.sequence - 8}"],
            "c": "hi {request.payload.user}, {{{request.sequence}}}", "d": "{request.id}", "e": "{request.flag}", "f": 1});
        let expected =
            json!({"a": 7, "b": [8, -1], "c": "hi ada, {7}", "d": {"bytes": "00ff"}, "e": true, "f": 1});
        assert_eq!(fill(&message, &request).unwrap(), expected);
    }

    #[test]
    fn what_has_no_value_is_said() {
        let error = |text: &str| fill(&json!(text), &request).unwrap_err().to_string();
        assert_eq!(error("{request.nothing}"), "the request has no field 'nothing'");
        assert!(error("{sequence}").contains("write {request.FIELD}"));
        assert!(error("{request.sequence").contains("is not understood"));
        assert!(error("{request.payload.user + 1}").contains("no number"));
        assert!(error("{request.sequence * 2}").contains("is not understood"));
    }
}
