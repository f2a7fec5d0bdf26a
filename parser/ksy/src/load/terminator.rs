//! The bytes with which every message ends, if there are any: a message begins after them.

use crate::load::Loader;
use crate::plan::{Attr, Repeat, Shape, Size, TypeId};

/// How deeply structures at the end of structures are followed.
const DEEPEST: u32 = 8;

impl Loader {
    /// The bytes with which a message ends and that occur nowhere else in it, as far as the description shows: the terminator of its
    /// last field, if no field before it may hold arbitrary bytes.
    pub(super) fn message_terminator(&self, id: TypeId, depth: u32) -> Option<Vec<u8>> {
        let plan = self.plan.type_of(id);
        let (last, before) = plan.seq.split_last()?;
        let is_free = |attr: &Attr| match attr.shape {
            Shape::Int { .. } | Shape::Float { .. } | Shape::Bits { .. } | Shape::Contents(_) => false,
            _ => terminated(attr).is_none(),
        };
        // The last items of a list are as good as a message where its first ones were lost.
        if depth > DEEPEST || last.condition.is_some() || last.process.is_some() {
            return None;
        }
        let is_plain = |attr: &Attr| matches!(attr.repeat, Repeat::Once) && attr.process.is_none();
        if before.iter().any(|attr| is_free(attr) || !is_plain(attr)) {
            return None;
        }
        match (&last.shape, terminated(last)) {
            (_, Some(bytes)) => Some(bytes.to_vec()),
            (Shape::User(user), None) if !last.limit.is_bounded() => {
                self.message_terminator(user.id, depth + 1)
            }
            _ => None,
        }
    }
}

/// The terminator of a field that extends up to it.
fn terminated(attr: &Attr) -> Option<&[u8]> {
    let terminator = attr.limit.terminator.as_ref()?;
    let is_last = matches!(attr.limit.size, Size::Open) && (terminator.consume || terminator.include);
    is_last.then_some(terminator.bytes.as_slice()).filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::load::testing::loaded;

    #[test]
    fn a_last_terminator_ends_messages_unless_it_may_occur_before() {
        let line = "{id: line, type: str, terminator: 10}";
        assert_eq!(loaded(line, "").1.terminator, Some(b"\n".to_vec()));
        assert_eq!(loaded(&format!("{{id: n, type: u1}}, {line}"), "").1.terminator, Some(b"\n".to_vec()));
        assert_eq!(loaded(&format!("{{id: free, size: 3}}, {line}"), "").1.terminator, None);
        let item = "types: {item: {seq: [{id: code, size: 3}, {id: rest, size-eos: true}]}}";
        for list in [
            "{id: line, type: str, terminator: 10, repeat: until, repeat-until: _ == '.'}",
            "{id: line, type: item, terminator: 10, repeat: until, repeat-until: _.rest.size == 0}",
            "{id: line, type: item, terminator: 10}",
        ] {
            assert_eq!(loaded(list, item).1.terminator, Some(b"\n".to_vec()), "{list}");
            assert_eq!(loaded(&format!("{list}, {{id: after, type: u1}}"), item).1.terminator, None);
        }
    }
}
