//! What is wrong in a description is reported with its place and what to write instead.
#![allow(clippy::unwrap_used, clippy::panic)] // A test that finds none of what it looks for fails.

use framescope_ksy::Format;

#[test]
fn every_diagnostic_has_its_place_and_a_way_out() {
    let cases: [(&str, u32, u32, &str); 14] = [
        ("seq:\n  - {id: a, type: u1}\n", 1, 1, "add 'meta:' with 'id: my_protocol'"),
        ("meta: {id: m}\nseq:\n  - id: a\n    tpye: u1\n", 4, 5, "did you mean 'type'?"),
        (
            "meta: {id: m}\nseq:\n  - id: a\n    type: u3\n",
            4,
            11,
            "there is no type 'u3'; did you mean 'u1'?",
        ),
        ("meta: {id: m}\nseq:\n  - id: a\n    type: u4\n", 4, 11, "write u4le or u4be"),
        ("meta: {id: m}\nseq:\n  - id: a\n    type: str\n    size: 3\n", 4, 11, "add 'encoding: UTF-8'"),
        (
            "meta: {id: m}\nseq:\n  - {id: length, type: u1}\n  - id: a\n    size: lenght * 2\n",
            5,
            11,
            "did you mean 'length'?",
        ),
        (
            "meta: {id: m}\nseq:\n  - {id: length, type: u1}\n  - id: a\n    size: 2 * lenght\n",
            5,
            15,
            "did you mean 'length'?",
        ),
        (
            "meta: {id: m}\nseq:\n  - {id: a, type: u1}\n  - {id: a, type: u1}\n",
            4,
            5,
            "another field of this type",
        ),
        (
            "meta: {id: m}\nseq:\n  - id: a\n    type: u1\n    enum: knid\nenums: {kind: {1: x}}\n",
            5,
            11,
            "did you mean 'kind'?",
        ),
        ("meta: {id: m}\nseq:\n  - id: a\n    type: u1\n    if: a = 1\n", 5, 11, "did you mean '=='?"),
        (
            "meta: {id: m}\nseq:\n  - id: a\n    size: 3\n    process: lz4\n",
            5,
            14,
            "expected one of xor, rol, ror, zlib",
        ),
        ("meta: {id: m}\nseq:\n  - id: A\n    type: u1\n", 3, 9, "such as 'a'"),
        ("meta: {id: m}\nseq:\n  - id: a\n    type: u1\n    if: '1 + true'\n", 5, 10, "can't be applied to"),
        ("meta: [\n", 2, 1, "invalid YAML"),
    ];
    for (text, line, column, hint) in cases {
        let error = Format::from_ksy(text).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(hint), "{text}{said}");
        assert_eq!((error.line(), error.column()), (line, column), "{text}{said}");
    }
}

#[test]
fn all_diagnostics_are_reported_together() {
    let error =
        Format::from_ksy("meta: {id: m}\nseq:\n  - {id: a, type: u9}\n  - {id: b, sise: 3}\n").unwrap_err();
    let lines: Vec<u32> = error.diagnostics().iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [3, 4], "{error}");
}

#[test]
fn a_misspelt_or_misplaced_extension_key_is_a_warning() {
    let text = "\
meta:
  id: m
  ks-version: '0.12'
  -framscope: {limit: 9}
  -license-text: free
seq:
  - id: a
    type: u1
    -ckeck: xor
    -hexx: true
    -key: 3
    -orig-id: A
  - {id: b, type: u1, enum: e, -framescope: {}}
enums:
  e: {1: {id: one, -orig_id: ONE}}
";
    let format = Format::from_ksy(text).unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<(u32, u32, &str)> =
        format.warnings().iter().map(|found| (found.line, found.column, found.text.as_str())).collect();
    assert_eq!(
        warnings,
        [
            (3, 15, "this asks for version 0.12 of the language, and what came after 0.11 is not known here",),
            (4, 3, "'-framscope' is an unknown key; did you mean '-framescope'?"),
            (9, 5, "'-ckeck' is an unknown key; did you mean '-check'?"),
            (10, 5, "'-hexx' is an unknown key; did you mean '-hex'?"),
            (13, 32, "'-framescope' has no effect here: it is a key of meta"),
            (15, 20, "'-orig_id' is an unknown key; did you mean '-orig-id'?"),
        ]
    );
    assert_eq!(framescope_ksy::Described::from_ksy(text).unwrap().warnings(), format.warnings());
}

#[test]
fn a_mistake_under_a_key_that_begins_with_a_minus_refuses_nothing() {
    let text = "\
meta: {id: m}
seq:
  - id: a
    type: u2be
    -check: crc-16/xmoden
  - id: b
    type: u1
    -problem: no-such-code
    -hex: 3
    -check: {algorithm: sum, from: c}
-webide-representation: '{a} {c}'
";
    let format = Format::from_ksy(text).unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<(u32, u32, &str)> = format
        .warnings()
        .iter()
        .map(|found| (found.line, found.column, found.text.split(';').next().unwrap_or_default()))
        .collect();
    assert_eq!(
        warnings,
        [
            (5, 13, "'crc-16/xmoden' is not a check"),
            (8, 15, "'no-such-code' is not a problem code"),
            (9, 11, "'-hex' must be true or false"),
            (10, 36, "there is no field 'c' in this type"),
            (11, 31, "there is no 'c' in this type"),
        ]
    );
}
