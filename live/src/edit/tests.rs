#![allow(clippy::unwrap_used)]

use std::path::Path;

use framescope_capture::{Source, read};
use framescope_ksy::Described;
use framescope_parser::Code;
use framescope_parser::bare::Bare;
use framescope_parser::missive::{Flags, FrameBuf, Key, Missive, Payload};
use framescope_parser::text::Text;

use super::*;

fn edit(text: &str) -> Edit {
    Edit::parse_with(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn changed(protocol: &dyn Protocol, bytes: &[u8], text: &str) -> Vec<u8> {
    edit(text).change(protocol, None, bytes).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn said(protocol: &dyn Protocol, bytes: &[u8], path: &str) -> String {
    Dissection::of(protocol, bytes).field(path).unwrap().value.to_string()
}

fn format(name: &str) -> Described {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/formats");
    Described::from_file(&folder.join(format!("{name}.ksy"))).unwrap()
}

fn login() -> (Missive, Vec<u8>) {
    let missive = Missive { key: Some(Key::new(*b"secret")), ..Missive::default() };
    let frame = FrameBuf::of(Payload::Login { user: "ada", credential: b"pw" }).unwrap();
    let mut bytes = Vec::new();
    frame.flags(Flags::CHECKSUM | Flags::AUTH).sequence(7).encode(missive.key.as_ref(), &mut bytes).unwrap();
    (missive, bytes)
}

#[test]
fn fields_of_a_frame_are_changed_and_all_checks_hold() {
    let (missive, bytes) = login();
    for (text, path, value) in [
        ("sequence += 1", "sequence", "8"),
        ("sequence-1", "sequence", "6"),
        ("missive.sequence = 0xdeadbeef", "sequence", "3735928559"),
        ("kind = PING", "kind", "PING (6)"),
        ("kind = 0x2a", "kind", "0x2a"),
        ("flags.reply = true", "flags.reply", "true"),
        ("payload.user = 'bob'", "payload.user", "\"bob\""),
        ("user = \"someone \\\"else\\\"\"", "payload.user", "\"someone \\\"else\\\"\""),
        ("payload.credential = x\"00 ff 00\"", "payload.credential", "00ff00"),
    ] {
        let new = changed(&missive, &bytes, text);
        let found = Dissection::of(&missive, &new);
        if path != "kind" {
            assert_eq!(said(&missive, &new, path), value, "{text}");
        }
        assert!(!found.has(Code::ChecksumMismatch) && !found.has(Code::TagMismatch), "{text}: {found:?}");
        assert!(missive.decode(&new).is_ok() || path == "kind", "{text}");
    }
}

#[test]
fn what_is_derived_is_wrong_on_purpose_and_only_that() {
    let (missive, bytes) = login();
    let new = changed(&missive, &bytes, "checksum");
    assert_eq!(new[..new.len() - 4], bytes[..bytes.len() - 4]);
    assert!(Dissection::of(&missive, &new).has(Code::ChecksumMismatch));
    let new = changed(&missive, &bytes, "tag");
    let found = Dissection::of(&missive, &new);
    assert!(found.has(Code::TagMismatch) && !found.has(Code::ChecksumMismatch));
    let new = changed(&missive, &bytes, "payload.user_length += 60000");
    let found = Dissection::of(&missive, &new);
    assert!(found.has(Code::PayloadOverrun) && !found.has(Code::ChecksumMismatch), "{:?}", found.problems);
    let new = changed(&missive, &bytes, "header_check = 0x1234");
    assert_eq!((new[18], new[19]), (0x12, 0x34));
    let new = changed(&missive, &bytes, "payload_length-1");
    assert_eq!(new.len(), bytes.len());
    assert_eq!((new[11], new[18..20] == bytes[18..20]), (bytes[11] - 1, false));
}

#[test]
fn fields_of_described_messages_are_changed_wherever_they_are() {
    let game = format("game");
    let fields = |json: &str| -> Vec<u8> {
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let message = Dissection::with_fields(crate::encoding::fields_of(&json).unwrap());
        let mut out = Vec::new();
        game.encode(&message, &mut out).unwrap();
        out
    };
    let chat = fields(
        r#"{"version": 2, "is_reliable": false, "is_fragment": false, "reserved": 0, "kind": "chat", "sequence": 9,
            "body": {"to": "eve", "text": "hi"}}"#,
    );
    for (text, path, value) in [
        ("sequence += 300", "sequence", "309"),
        ("version = 3", "version", "3"),
        ("is_fragment = true", "is_fragment", "true"),
        ("body.text = \"hello, you\"", "body.text", "\"hello, you\""),
        ("text = \"ho\"", "body.text", "\"ho\""),
        ("kind = join", "kind", "join (1)"),
    ] {
        let new = changed(&game, &chat, text);
        if path != "kind" {
            assert_eq!(said(&game, &new, path), value, "{text}");
        }
        assert!(!Dissection::of(&game, &new).has(Code::ChecksumMismatch), "{text}");
    }
    let new = changed(&game, &chat, "length+1");
    assert_eq!((new[6], new.len()), (chat[6] + 1, chat.len()));
    assert_ne!(new[new.len() - 2..], chat[chat.len() - 2..], "the check covers the length");
    let new = changed(&game, &chat, "check");
    assert_eq!(new[..new.len() - 2], chat[..chat.len() - 2]);
    let step = fields(
        r#"{"version": 2, "is_reliable": false, "is_fragment": false, "reserved": 0, "kind": "move", "sequence": 9,
            "body": {"entity": 1, "position": {"x": 1.5, "y": -2.0}, "heading": -900, "jumps": true, "fires": false, "weapon": 5}}"#,
    );
    for (text, path, value) in [
        ("x = 0.1", "body.position.x", "0.10000000149011612"),
        ("body.position.y = 7", "body.position.y", "7"),
        ("heading -= 1", "body.heading", "-901"),
        ("weapon += 2", "body.weapon", "7"),
        ("fires = true", "body.fires", "true"),
    ] {
        let new = changed(&game, &step, text);
        assert_eq!(said(&game, &new, path), value, "{text}");
        assert!(Dissection::of(&game, &new).problems.is_empty(), "{text}");
    }
    // The description of Missive is a second way to read the same bytes.
    let (keyed, bytes) = login();
    let described = format("missive").with_key(keyed.key.clone());
    for text in ["payload_length += 1", "sequence = 99", "checksum", "tag", "payload.user = \"somebody\""] {
        assert_eq!(changed(&described, &bytes, text), changed(&keyed, &bytes, text), "{text}");
    }
}

#[test]
fn texts_and_numbers_in_texts_change_their_length() {
    assert_eq!(changed(&Bare, b"\x01ada", "text = \"grace\""), b"\x01grace");
    assert_eq!(changed(&Bare, b"\x01ada", "kind = DATA"), b"\x03ada");
    assert_eq!(changed(&Text, b"hello", "text = 'y'"), b"y");
    let resp = format("resp");
    let bytes = b"$5\r\nhello\r\n";
    let found = Dissection::of(&resp, bytes);
    assert!(found.problems.is_empty(), "{found:?}");
}

#[test]
fn names_and_values_that_do_not_fit_are_errors() {
    let all = Options::default();
    let error = |text: &str| Edit::parse(text, &all).unwrap_err().to_string();
    assert_eq!(error("sequnce = 1"), "there is no column or field 'sequnce'; did you mean 'sequence'?");
    assert!(error("row = 1").contains("is a column"));
    assert!(error("sequence ? 1").contains("this is '? 1'"));
    assert!(error("sequence += x").contains("'x' is no whole number"));
    assert!(error("sequence = \"a").contains("is no value"));
    assert!(error("kind == LOGN: sequence = 1").contains("did you mean 'LOGIN'?"));
    assert!(error(".a = 1").contains("is no field"));
    let (missive, bytes) = login();
    let refused =
        |text: &str| Edit::parse(text, &all).unwrap().change(&missive, None, &bytes).unwrap_err().to_string();
    assert_eq!(refused("payload.content = 'x'"), "this LOGIN has no field 'payload.content'");
    assert!(refused("payload = 1").contains("it is a group"));
    assert!(refused("sequence = 0x1_0000_0000").contains("is more than"));
    assert!(refused("kind = nothing").contains("no such name"));
}

#[test]
fn a_row_of_an_index_is_changed_if_the_filter_is_for_it() {
    let (_, bytes) = login();
    let index =
        read(Source::from_bytes("frames", bytes.clone()), &Options::default(), &mut |_| true).unwrap();
    let edit = Edit::parse("kind == LOGIN and src == [::1]:9000: sequence = 8", &Options::default()).unwrap();
    assert!(edit.filter().is_some() && edit.path() == "sequence");
    let changed = edit.apply(&index, index.row_id(0).unwrap()).unwrap().unwrap();
    assert_eq!((changed[15], changed.len()), (8, bytes.len()));
    let value = Value::Unsigned(9);
    let set = Edit::set("sequence", &value).unwrap();
    assert_eq!(set.apply(&index, index.row_id(0).unwrap()).unwrap().unwrap()[15], 9);
}

#[test]
fn an_item_of_a_list_is_chosen_by_its_number() {
    let list = "{meta: {id: list, endian: be}, seq: [{id: count, type: u1}, {id: item, type: pair, repeat: expr, repeat-expr: count}], \
        types: {pair: {seq: [{id: name, type: u1}, {id: value, type: u2}]}}}";
    let list: Arc<dyn Protocol> = Arc::new(Described::from_ksy(list).unwrap());
    let bytes = b"\x02\x01\0\x05\x02\0\x06";
    assert_eq!(changed(&*list, bytes, "item[1].value = 7"), b"\x02\x01\0\x05\x02\0\x07");
    assert_eq!(changed(&*list, bytes, "value += 1"), b"\x02\x01\0\x06\x02\0\x06");
    assert!(edit("item[2].value = 7").change(&*list, None, bytes).is_err());
}

#[test]
fn headers_are_changed_also_to_what_is_not_so() {
    let options = framescope_inspect::Reading::default().options();
    let bytes = b"POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello";
    let decode_as = vec!["file=http".parse().unwrap()];
    let reading = Options { decode_as, protocols: options.protocols.clone(), ..Options::default() };
    let index = read(Source::from_bytes("request", *bytes), &reading, &mut |_| true).unwrap();
    let change = |text: &str| {
        let edit = Edit::parse(text, &options).unwrap();
        let changed = edit.apply(&index, index.row_id(0).unwrap()).unwrap();
        String::from_utf8(changed.unwrap_or_else(|error| panic!("{text}: {error}"))).unwrap()
    };
    let host = change("headers.host = \"elsewhere\"").to_lowercase();
    assert_eq!(host, "post /a http/1.1\r\nhost: elsewhere\r\ncontent-length: 5\r\n\r\nhello");
    assert!(change("headers.content-length = \"50\"").ends_with("Content-Length: 50\r\n\r\nhello"));
    assert!(change("headers.content-length = \"4\"").ends_with("Content-Length: 4\r\n\r\nhello"));
}
