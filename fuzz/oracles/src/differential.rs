//! Compares Missive described in .ksy with the native reader of the same format: the same messages, kinds, values,
//! problems, and the same bytes when they are written.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use framescope_ksy::Described;
use framescope_parser::missive::Missive;
use framescope_parser::{Code, Dissection, Field, Protocol, SpanType, Value};

use crate::decode::{bytes_of, places};
use crate::spans;

static DESCRIBED: LazyLock<Described> = LazyLock::new(|| {
    Described::from_ksy(include_str!("../../../corpus/formats/missive.ksy")).expect("it has no mistakes")
});

/// What the description does not say: which extensions there are and of what size, and that DATA is text only where an
/// extension anywhere in a list says nothing else.
const NOT_DESCRIBED: [Code; 4] =
    [Code::UnknownExtension, Code::CriticalExtension, Code::ExtensionSize, Code::InvalidUtf8];

/// Takes `data` as a stream of Missive.
pub fn differential(data: &[u8]) {
    let (native, described) = (Missive::default(), &*DESCRIBED);
    let found = spans(&native, data, &[]);
    let other = spans(described, data, &[]);
    assert_eq!(places(&other).collect::<Vec<_>>(), places(&found).collect::<Vec<_>>(), "framed differently");
    for span in found.iter().filter(|span| span.span_type == SpanType::Message) {
        message(&native, described, bytes_of(span, data));
    }
}

fn message(native: &Missive, described: &Described, bytes: &[u8]) {
    let (theirs, ours) = (Dissection::of(native, bytes), Dissection::of(described, bytes));
    assert_eq!(ours.kind.map(|kind| kind.to_string()), theirs.kind.map(|kind| kind.to_string()));
    assert_eq!(values(&ours), values(&theirs));
    // What an extension of another size holds beyond its fields is not described.
    if theirs.has(Code::ExtensionSize) {
        return;
    }
    let codes = |message: &Dissection<'_>| -> BTreeSet<Code> {
        let codes = message.problems.iter().map(|problem| problem.code);
        codes.filter(|code| !NOT_DESCRIBED.contains(code)).collect()
    };
    assert_eq!(codes(&ours), codes(&theirs), "{:?}\n{:?}", ours.problems, theirs.problems);
    // The native one derives lengths that point past their container; the described one keeps what is there.
    if ours.has(Code::PayloadOverrun) || ours.has(Code::ExtensionOverrun) {
        return;
    }
    let (mut own, mut other) = (Vec::new(), Vec::new());
    described.encode(&ours, &mut own).expect("what was read can be written");
    if native.encode(&theirs, &mut other).is_ok() {
        assert_eq!(own, other, "written otherwise");
    }
}

/// The values of header, tag and checksum by their ranges.
fn values(message: &Dissection<'_>) -> BTreeSet<(usize, usize, String)> {
    let is_compared = |field: &&Field<'_>| {
        !matches!(field.name, "flags" | "extensions" | "payload" | "_unread") && field.value != Value::Group
    };
    let leaf = |field: &Field<'_>| (field.range.start, field.range.end, field.value.to_string());
    message.fields.iter().filter(is_compared).map(leaf).collect()
}
