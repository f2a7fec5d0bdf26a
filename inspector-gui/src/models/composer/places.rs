//! Fields by their paths, as the tree shows them: names joined by dots, the items of a list with their number.

use std::collections::HashMap;

use framescope_parser::{Dissection, Field};

/// The place of each of some fields in its list, with its name as it is shown.
pub(crate) fn shown_names<'f>(fields: &'f [Field<'_>]) -> impl Iterator<Item = String> + 'f {
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for field in fields {
        counts.entry(field.name).or_default().0 += 1;
    }
    fields.iter().map(move |field| match counts.get_mut(field.name) {
        Some((count, seen)) if *count > 1 => {
            *seen += 1;
            format!("{}[{}]", field.name, *seen - 1)
        }
        _ => field.name.to_owned(),
    })
}

/// Where in the tree the field at a path is: its number among the fields of each level.
pub(crate) fn locate(fields: &[Field<'_>], path: &str) -> Option<Vec<usize>> {
    // A name may contain dots, so every one that fits is tried.
    for (number, (name, field)) in shown_names(fields).zip(fields).enumerate() {
        let Some(rest) = path.strip_prefix(name.as_str()) else { continue };
        if rest.is_empty() {
            return Some(vec![number]);
        }
        let inner = rest.strip_prefix('.').and_then(|rest| locate(&field.fields, rest));
        if let Some(mut inner) = inner {
            inner.insert(0, number);
            return Some(inner);
        }
    }
    None
}

/// The path of the field at a place.
pub(crate) fn path_of(fields: &[Field<'_>], place: &[usize]) -> Option<String> {
    let (first, rest) = place.split_first()?;
    let name = shown_names(fields).nth(*first)?;
    match rest {
        [] => Some(name),
        rest => Some(format!("{name}.{}", path_of(&fields.get(*first)?.fields, rest)?)),
    }
}

/// The field at a place.
pub(crate) fn at<'f, 'a>(message: &'f Dissection<'a>, place: &[usize]) -> Option<&'f Field<'a>> {
    let (first, rest) = place.split_first()?;
    rest.iter().try_fold(message.fields.get(*first)?, |field, number| field.fields.get(*number))
}

/// The same, to change it.
pub(crate) fn at_mut<'f, 'a>(message: &'f mut Dissection<'a>, place: &[usize]) -> Option<&'f mut Field<'a>> {
    let (first, rest) = place.split_first()?;
    rest.iter().try_fold(message.fields.get_mut(*first)?, |field, number| field.fields.get_mut(*number))
}

/// The field at a path.
pub(crate) fn field<'f, 'a>(message: &'f Dissection<'a>, path: &str) -> Option<&'f Field<'a>> {
    at(message, &locate(&message.fields, path)?)
}

/// Whether a field has bytes of its own: it has no fields in it, or these only explain the same bytes, as flags do.
pub(crate) fn is_leaf(field: &Field<'_>) -> bool {
    field.fields.is_empty()
        || (!matches!(field.value, framescope_parser::Value::Group)
            && field.fields.iter().all(|inner| inner.range == field.range))
}

/// Visits the leaves with their paths and places.
pub(crate) fn each_leaf<'f, 'a>(
    fields: &'f [Field<'a>],
    visit: &mut dyn FnMut(&str, &[usize], &'f Field<'a>),
) {
    fn inside<'f, 'a>(
        fields: &'f [Field<'a>],
        above: &str,
        place: &mut Vec<usize>,
        visit: &mut dyn FnMut(&str, &[usize], &'f Field<'a>),
    ) {
        for (number, (name, field)) in shown_names(fields).zip(fields).enumerate() {
            let path = crate::models::details::under(above, &name);
            place.push(number);
            match is_leaf(field) {
                true => visit(&path, place, field),
                false => inside(&field.fields, &path, place, visit),
            }
            place.pop();
        }
    }
    inside(fields, "", &mut Vec::new(), visit);
}

/// A path without the numbers of items: all items of a list are alike.
pub(crate) fn alike(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        rest = after.split_once(']').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}
