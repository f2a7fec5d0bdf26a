//! Types of other files: what they know of the file that uses them, and how they are shown.
#![allow(clippy::unwrap_used)] // A test that finds none of what it looks for fails.

use std::path::PathBuf;

use framescope_ksy::{Described, Format};
use framescope_parser::{Dissection, Protocol, Value};
use serde_json::Value as Json;

/// A folder of descriptions, which is removed with the value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("framescope-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const LIBRARY: &str = "
meta: {id: library}
seq:
  - {id: n, type: u1}
  - {id: inner, type: inner}
types:
  inner:
    seq: [{id: m, type: u1}]
    instances:
      sum: {value: m + _root.n + _parent.n}
  apart:
    seq: [{id: x, type: u1}]
";

const USER: &str = "
meta: {id: user, imports: [library], -framescope: {segment-delimited: true}}
seq:
  - {id: whole, type: library}
  - {id: nested, type: 'library::apart'}
  - {id: own, type: own}
types:
  own: {seq: [{id: y, type: u1}]}
";

#[test]
fn parent_and_root_do_not_cross_from_one_file_to_another() {
    let folder = Folder::new("imported");
    folder.write("library.ksy", LIBRARY);
    let format = Format::from_file(&folder.write("user.ksy", USER)).unwrap();
    let mut message = format.read(&[1, 2, 3, 4]);
    assert!(message.error().is_none(), "{:?}", message.error());
    for (text, expected) in [
        ("whole._parent", Json::Null),
        ("whole._root.n", 1.into()),
        ("whole.inner._parent.n", 1.into()),
        ("whole.inner.sum", (2 + 1 + 1).into()),
        ("nested._parent", Json::Null),
        ("nested._root", Json::Null),
        ("own._parent.nested.x", 3.into()),
        ("own._root.own.y", 4.into()),
    ] {
        assert_eq!(message.eval(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn a_structure_without_a_parent_has_its_own_bytes_only() {
    let folder = Folder::new("shown");
    folder.write("library.ksy", LIBRARY);
    let path = folder.write("user.ksy", USER);
    let without_parent = USER.replace("type: library}", "type: own, parent: false}");
    for described in
        [Described::from_file(&path).unwrap(), Described::from_text(&without_parent, &path).unwrap()]
    {
        let message = Dissection::of(&described, &[1, 2, 3, 4]);
        let names: Vec<&str> = message.fields[0].fields.iter().map(|field| field.name).collect();
        assert!(!names.contains(&"_unread"), "{names:?}");
        assert_eq!(message.fields[0].value, Value::Group);
    }
}

#[test]
fn what_a_description_says_for_its_use_by_itself_has_no_effect_where_it_is_imported() {
    let folder = Folder::new("by-itself");
    folder.write(
        "other.ksy",
        "meta: {id: other, -framescope: {transport: udp, ports: [7, 8], about: others, kind: n, limit: 99}}\nseq: [{id: n, type: u1}]",
    );
    let user = "meta: {id: user, imports: [other], -framescope: {transport: tcp, ports: 9, conversation: {client: [own, other], server: other}}}
types: {own: {seq: [{id: m, type: u1}]}}";
    let described = Described::from_file(&folder.write("user.ksy", user)).unwrap();
    assert_eq!(described.usual_places(), ["tcp.port=9"]);
    // What it says of its messages holds.
    let reads = &described.stages()[1].protocol(&[]).unwrap();
    assert!(Dissection::of(*reads, b"\x03").kind.is_some());
    folder.write("other.ksy", "meta: {id: other, -framescope: {tpye: udp}}\nseq: [{id: n, type: u1}]");
    let error = Described::from_file(&folder.0.join("user.ksy")).unwrap_err();
    assert!(error.to_string().contains("'tpye' is not a key of -framescope"), "{error}");
}
