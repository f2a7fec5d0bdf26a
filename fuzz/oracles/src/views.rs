//! The narrower views agree with the full one: the valid view of a frame refuses just what the raw one finds wrong, an
//! outline reports what a dissection does, and every field that is reported has a name that was declared.

use std::collections::HashSet;
use std::sync::LazyLock;

use framescope_checking::is_refused;
use framescope_parser::missive::{Missive, RawFrame};
use framescope_parser::{Code, Dissection, Field, Problem, Protocol};

use crate::agreement::{check_outline, check_selection};
use crate::decode::{MISSIVE, messages};

/// Takes `data` as a frame, and as a stream of frames.
pub fn views(data: &[u8]) {
    for missive in &*MISSIVE {
        view(missive, data);
    }
    let missive = &MISSIVE[0];
    for message in messages(missive, data) {
        // The first frame of a stream was checked with it.
        if message.as_ptr() != data.as_ptr() {
            view(missive, message);
        }
        check_outline(missive, message, false);
        check_selection(missive, message);
    }
    check_outline(missive, data, false);
    check_selection(missive, data);
}

/// Every field that is reported is one of those that the protocol declares.
fn check_names(fields: &[Field<'_>], above: &str, names: &HashSet<String>) {
    for field in fields {
        let path = if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
        assert!(names.contains(&path), "{path} is not among the names");
        check_names(&field.fields, &path, names);
    }
}

/// Where both views of a frame exist they agree: the valid one refuses just what has an error outside of its payload,
/// and its typed payload just what has one inside.
fn view(missive: &Missive, data: &[u8]) {
    let valid = missive.decode(data);
    let raw = RawFrame::new(data);
    let length = match &valid {
        Ok((_, rest)) => data.len() - rest.len(),
        Err(error) => {
            assert!(error.offset <= data.len(), "{error} outside of {} bytes", data.len());
            assert!(!error.to_string().is_empty());
            raw.bytes().len()
        }
    };
    let framed = raw.header_check_holds()
        && raw.missing() == 0
        && raw.header().is_some_and(|header| header.payload_length <= missive.payload_limit);
    if !framed {
        assert!(valid.is_err(), "{valid:?}");
        return;
    }
    let dissection = Dissection::of(missive, &data[..length]);
    static NAMES: LazyLock<HashSet<String>> =
        LazyLock::new(|| MISSIVE[0].names().fields.into_iter().collect());
    check_names(&dissection.fields, "", &NAMES);
    let payload = dissection.field("payload").map_or(0..0, |field| field.range.clone());
    let of_payload = |problem: &Problem| {
        matches!(problem.code, Code::PayloadOverrun)
            || problem.code == Code::InvalidUtf8 && problem.range.start >= payload.start
    };
    let refused = |problem: &&Problem| is_refused(problem.code);
    let (inside, outside): (Vec<&Problem>, Vec<_>) =
        dissection.problems.iter().filter(refused).partition(|problem| of_payload(problem));
    let (frame, _) = match valid {
        Ok(valid) => valid,
        Err(error) => {
            let is_there =
                |problem: &&&Problem| (problem.range.start..=problem.range.end).contains(&error.offset);
            assert!(
                outside.iter().any(|problem| is_there(&problem)),
                "{error} is not a problem of {outside:?}"
            );
            return;
        }
    };
    assert!(outside.is_empty(), "{outside:?}");
    let number = |name: &str| dissection.field(name).and_then(|field| field.value.as_u64());
    assert_eq!(number("sequence"), Some(frame.sequence.into()));
    assert_eq!(number("channel"), Some(frame.channel.into()));
    assert_eq!(number("kind"), Some(frame.kind.0.into()));
    assert_eq!(number("flags"), Some(frame.flags.0.into()));
    assert_eq!(number("checksum"), raw.checksum().map(Into::into));
    assert_eq!((frame.payload, frame.tag.map_or(&[][..], |tag| tag)), (raw.payload(), raw.tag()));
    assert_eq!(
        frame.to_frame_buf().to_bytes().unwrap(),
        &data[..length],
        "a valid frame is written as it was read"
    );
    let fields = dissection.field("extensions").map_or(&[][..], |field| &field.fields);
    assert_eq!(frame.extensions().count(), fields.len());
    for (extension, field) in frame.extensions().zip(fields) {
        assert!(extension.value().is_ok());
        assert_eq!(field.range.len(), 3 + extension.bytes.len());
        assert_eq!(frame.find(extension.tag).map(|first| first.tag), Some(extension.tag));
    }
    match frame.read_payload() {
        Ok(said) => {
            assert!(inside.is_empty(), "{said:?} though {inside:?}");
            assert_eq!(said.kind(), frame.kind);
            let bytes = said.to_bytes().unwrap();
            assert!(frame.payload.starts_with(&bytes), "a payload is written as it was read");
        }
        Err(error) => {
            assert!(!inside.is_empty(), "{error} is not a problem");
            assert!(error.offset <= length, "{error} outside of {length} bytes");
        }
    }
}
