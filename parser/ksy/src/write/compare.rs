//! Compares a written message with what was wanted, and notes the differences.

use std::collections::{HashMap, HashSet};

use framescope_parser::{Field, Value};

use crate::plan::Plan;

use crate::write::Solution;

pub(super) fn compare_fields(
    plan: &Plan,
    wanted: &[Field<'_>],
    found: &[Field<'_>],
    solution: &Solution,
    notes: &mut Vec<String>,
) {
    let all = || plan.types.iter().flat_map(|ty| ty.seq.iter().chain(&ty.instances));
    // Values derived from other bytes may differ.
    let derived: HashSet<&str> = all()
        .filter(|attr| attr.check.is_some() || attr.value.is_some())
        .map(|attr| plan.name(attr.sym))
        .collect();
    compare(wanted, found, "", &derived, solution, notes);
}

fn compare(
    wanted: &[Field<'_>],
    found: &[Field<'_>],
    above: &str,
    derived: &HashSet<&str>,
    solution: &Solution,
    notes: &mut Vec<String>,
) {
    // Fields with the same name are the items of a list.
    let mut items: HashMap<&str, (Vec<&Field<'_>>, usize)> = HashMap::new();
    for field in found {
        items.entry(field.name).or_default().0.push(field);
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for field in wanted {
        *counts.entry(field.name).or_default() += 1;
    }
    for field in wanted {
        let name = field.name;
        let (others, passed) = items.entry(name).or_default();
        let before = *passed;
        *passed += 1;
        if notes.len() >= super::MOST_NOTES || name.starts_with('_') || derived.contains(name) {
            continue;
        }
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        let is_list = counts.get(name).is_some_and(|&count| count > 1);
        let item = format!("{path}[{before}]");
        if solution.contains_key(&path) || solution.contains_key(&item) {
            continue;
        }
        let path = if is_list { item } else { path };
        match others.get(before) {
            None => notes.push(format!("{path} is given, but this message has no such field")),
            Some(other) => {
                if !is_same(&field.value, &other.value) {
                    let (wanted, found) = (short(&field.value), short(&other.value));
                    notes.push(format!("{path} reads back as {found}, but {wanted} is given"));
                }
                compare(&field.fields, &other.fields, &path, derived, solution, notes);
            }
        }
    }
}

/// A value, shortened.
fn short(value: &Value<'_>) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// Whether two values mean the same, however they are shown.
pub(super) fn is_same(a: &Value<'_>, b: &Value<'_>) -> bool {
    let bytes = || a.as_bytes().is_some() && a.as_bytes() == b.as_bytes();
    let number = || a.as_u64().is_some() && a.as_u64() == b.as_u64();
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a == b || a.is_nan() && b.is_nan(),
        // A member's name without its number, and what JSON can't express as a number.
        (Value::Text(name), Value::Enum(_)) => !name.is_empty(),
        (Value::Group, Value::Float(n)) => !n.is_finite(),
        #[allow(clippy::cast_precision_loss)] // A float is what the field holds.
        (Value::Unsigned(n), Value::Float(m)) => *n as f64 == *m,
        _ => a == b || bytes() || number(),
    }
}
