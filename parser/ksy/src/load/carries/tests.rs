use crate::load::load;
use crate::plan::{Meta, Ordering};

/// A description of a multiplexer, with something under its `-framescope`.
fn described(own: &str) -> String {
    format!(
        "
meta:
  id: mux
  endian: be
  -framescope: {own}
seq:
  - {{id: channel, type: u2}}
  - {{id: kind, type: u1, enum: kind}}
  - {{id: number, type: u4}}
  - {{id: length, type: u2}}
  - {{id: payload, size: length}}
  - {{id: name, type: str, size: 4, encoding: UTF-8}}
  - {{id: body, type: body}}
types:
  body: {{seq: [{{id: data, size: 2}}]}}
  other: {{meta: {{-framescope: {{carries: a}}}}, seq: [{{id: a, size: 1}}]}}
enums: {{kind: {{1: open, 2: data}}}}
"
    )
}

fn loaded(own: &str) -> Meta {
    load("t", &described(own), None).unwrap_or_else(|error| panic!("{own}: {error}")).1
}

fn refused(own: &str) -> String {
    let error = load("t", &described(own), None).unwrap_err();
    let first = error.diagnostics().first().unwrap();
    format!("{}:{}: {}", first.line, first.column, first.text)
}

#[test]
fn the_short_form_is_a_field() {
    for own in ["{carries: payload}", "{carries: [payload]}", "{carries: {field: payload, as: stream}}"] {
        let carries = loaded(own).carries.unwrap();
        let [stream] = carries.streams.as_slice() else { panic!("{own}") };
        assert_eq!((stream.name.as_str(), stream.protocol.as_deref()), ("mux", None));
        assert!(stream.is_verbatim && !stream.is_delimited && !stream.has_channels);
    }
    let nested = loaded("{carries: body.data}").carries.unwrap();
    assert_eq!(nested.rules.first().unwrap().path.as_ref().unwrap().len(), 2);
}

#[test]
fn rules_with_one_name_fill_the_same_streams() {
    let own = "{carries: [{field: payload, channel: channel, protocol: inner, name: data, if: kind == kind::data}, {field: body.data, channel: channel, name: data, if: kind == kind::open, end: true}, {field: payload, index: number, from: 1, wraps: 16, count: 4, name: files}]}";
    let carries = loaded(own).carries.unwrap();
    let streams: Vec<_> =
        carries.streams.iter().map(|one| (one.name.as_str(), one.protocol.as_deref(), one.order)).collect();
    assert_eq!(streams, [("mux.data", Some("inner"), Ordering::Sent), ("mux.files", None, Ordering::Index)]);
    assert!(carries.streams.iter().map(|one| one.is_delimited).eq([false, true]));
    assert!(carries.streams.iter().map(|one| one.is_verbatim).eq([true, false]));
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_do() {
    for (carries, expected) in [
        ("paylod", "5:26: there is no 'paylod' in this type; did you mean 'payload'?"),
        (
            "name",
            "5:26: what is carried must be bytes with a size, not text: remove its 'type' and 'encoding'",
        ),
        (
            "body",
            "5:26: what is carried must be bytes with a size, not a structure of the type body: remove its 'type'",
        ),
        ("payload + payload", "5:26: 'field' must be the path of a field, such as body.payload"),
        ("[]", "5:26: 'carries' must name at least one field"),
        ("[[payload]]", "5:27: each item of 'carries' must be a field, or a map with 'field'"),
        ("{feild: payload}", "5:26: 'field' is missing"),
        (
            "{field: payload, chanel: channel}",
            "5:43: 'chanel' is not a key of 'carries'; did you mean 'channel'?",
        ),
        (
            "{field: payload, channel: body}",
            "5:52: 'channel' must be a number, text or bytes, not a structure",
        ),
        ("{field: payload, if: number}", "5:47: 'if' must be a boolean, not a whole number"),
        ("{field: payload, offset: name}", "5:51: 'offset' must be a whole number, not text"),
        ("{field: payload, as: packets}", "5:47: 'as' must be stream"),
        ("{field: payload, name: a b}", "5:49: 'name' must be a name"),
        (
            "{field: payload, offset: number, index: number}",
            "5:66: the place of bytes is either an 'offset' or an 'index'",
        ),
        ("{field: payload, from: 1}", "5:49: 'from' and 'wraps' are about the numbers of an 'index'"),
        ("{field: payload, index: number, from: 9, wraps: 8}", "5:26: the first number, 9, must be below 8"),
        ("{field: payload, index: number, wraps: 1}", "5:65: 'wraps' must be a whole number, at least 2"),
        (
            "{field: payload, as: stream, last: kind == kind::data}",
            "5:61: 'last' is about parts of messages: use 'as: messages'",
        ),
        (
            "{field: payload, message: number}",
            "5:26: nothing says when a message is complete: add 'last', 'count' or 'length'",
        ),
        (
            "{field: payload, index: number, count: 3, first: true}",
            "5:75: 'first' is for parts without 'offset'",
        ),
        ("[payload, body.data]", "5:36: two fields of every message would be one inner stream"),
        (
            "[{field: payload, channel: channel}, {field: body.data, if: true}]",
            "5:63: this is without a 'channel', and elsewhere 'mux' is not",
        ),
        (
            "[{field: payload, if: true}, {field: body.data, if: false, as: messages}]",
            "5:55: this is 'as: messages', and elsewhere 'mux' is not",
        ),
        (
            "[{field: payload, if: true}, {field: body.data, if: false, offset: number}]",
            "5:55: this has an 'offset', and elsewhere 'mux' is not",
        ),
        (
            "[{field: payload, protocol: a}, {field: payload, protocol: b}]",
            "5:58: 'mux' has another protocol elsewhere",
        ),
    ] {
        let text = refused(&format!("{{carries: {carries}}}"));
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn a_type_that_no_message_contains_carries_nothing() {
    let (plan, _) = load("t", &described("{}"), None).unwrap();
    let warning = plan.warnings.first().unwrap().to_string();
    assert_eq!(warning, "t:16:41: 'carries' has no effect here: no message contains 'other'");
}

#[test]
fn a_protocol_names_its_carriers_as_rules_select_them() {
    let by = |own: &str| loaded(own).carried_by;
    assert_eq!(by("{carried-by: websocket.binary}"), ["websocket.binary"]);
    assert_eq!(
        by("{carried-by: [tls, 'websocket.binary:path=/chat']}"),
        ["tls", "websocket.binary:path=/chat"]
    );
    let with = "{carried-by: {channel: websocket.binary, path: /chat, subprotocol: mine}}";
    assert_eq!(by(with), ["websocket.binary:path=/chat,subprotocol=mine"]);
    for (own, expected) in [
        ("{carried-by: []}", "5:29: 'carried-by' must name at least one channel"),
        ("{carried-by: {path: /chat}}", "5:29: 'channel' is missing"),
        ("{carried-by: a b}", "5:29: 'carried-by' must be a name"),
        ("{carried-by: {channel: tls, sni: }}", "5:47: 'sni' must be the name of a setting with a value"),
        ("{carried-by: [[tls]]}", "5:30: each item of 'carried-by' must be the name of a channel"),
    ] {
        let text = refused(own);
        assert!(text.starts_with(expected), "{text}");
    }
    let (plan, _) = load("t", &described("{carried-by: websoket.binary}"), None).unwrap();
    assert!(plan.warnings.iter().any(|warning| warning.text.ends_with("did you mean 'websocket.binary'?")));
}
