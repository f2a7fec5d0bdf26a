//! The short ways through a message agree with its dissection: the outline, and a reader of some fields.

use framescope_checking::Random;
use framescope_parser::{Code, CodeSet, Dissection, Field, FieldSelection, Protocol};

/// What an index stores of a message matches its dissection.
pub(crate) fn check_outline(protocol: &dyn Protocol, message: &[u8], checked: bool) {
    let mut outline = Dissection::default();
    protocol.outline(message, checked, &mut outline);
    let said = |dissection: &Dissection<'_>| {
        let codes: CodeSet = dissection.problems.iter().map(|problem| problem.code).collect();
        (dissection.kind.map(|kind| (kind.number(), kind.name.map(str::to_owned))), codes)
    };
    assert_eq!(said(&outline), said(&Dissection::of(protocol, message)));
}

/// A reader of some fields reports these like a dissection does. Which are selected depends on the message.
pub fn check_selection(protocol: &dyn Protocol, message: &[u8]) {
    let dissection = Dissection::of(protocol, message);
    if dissection.has(Code::LimitExceeded) {
        // A reader of less may get further.
        return;
    }
    let mut all = Vec::new();
    collect(&dissection.fields, &mut Vec::new(), &mut all);
    let mut random = Random::of(message);
    let mut wanted = FieldSelection::default();
    for _ in 0..random.below(3) {
        if all.is_empty() {
            break;
        }
        let (path, _) = &all[random.below(all.len())];
        // The end of a path is enough.
        wanted = wanted.field(&path[random.below(path.len())..].join("."));
    }
    if random.one_in(3) {
        let names = protocol.names();
        let names: Vec<&String> = names.fields.iter().chain(&names.anywhere).collect();
        if !names.is_empty() {
            wanted = wanted.field(names[random.below(names.len())]);
        }
    }
    if random.one_in(4) {
        wanted = wanted.summary();
    }
    let Some(selected) = protocol.select(&wanted) else { return };
    let mut report = Dissection::default();
    selected.report(message, &mut report);
    let mut some = Vec::new();
    collect(&report.fields, &mut Vec::new(), &mut some);
    let of = |fields: Vec<(Vec<&str>, String)>| -> Vec<(Vec<String>, String)> {
        let is_wanted =
            |path: &[&str]| path.split_last().is_some_and(|(name, above)| wanted.wants(above, name));
        let fields = fields.into_iter().filter(|(path, _)| is_wanted(path));
        fields.map(|(path, said)| (path.into_iter().map(str::to_owned).collect(), said)).collect()
    };
    assert_eq!(of(some), of(all), "{wanted:?} of {message:02x?}");
    if wanted.wants_summary() {
        assert_eq!(report.summary, dissection.summary);
    }
}

/// The fields of a message by their paths, with their places and values as text.
fn collect<'d>(fields: &'d [Field<'_>], above: &mut Vec<&'d str>, all: &mut Vec<(Vec<&'d str>, String)>) {
    for field in fields {
        above.push(field.name);
        all.push((above.clone(), format!("{:?} {:?}", field.range, field.value)));
        collect(&field.fields, above, all);
        above.pop();
    }
}
