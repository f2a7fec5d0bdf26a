//! Bodies: in chunks, packed, long, endless, and handed on.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use framescope_parser::{Role, SpanType};

use crate::support::{Piece, client, lost, server};
use crate::{GET, carrying, kinds, player};

pub(crate) fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A body in chunks of this size.
pub(crate) fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
    [body.chunks(size).flat_map(chunk).collect(), b"0\r\n\r\n".to_vec()].concat()
}

/// A response with these lines in its head.
pub(crate) fn response(lines: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes(), body].concat()
}

#[test]
fn a_packed_body_in_chunks_is_shown_as_a_tree() {
    let json = br#"{"user": {"name": "ada"}, "tags": [1, 2]}"#;
    let lines = "Content-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
    let played = player().play(&[server(response(lines, &chunked(&gzipped(json), 20)))]);
    let row = &played.rows(Role::Server)[0];
    assert!(row.fields.contains("{user{name=\"ada\"} tags{item=1 item=2}}"), "{}", row.fields);
    assert!(row.fields.contains("chunks{chunk{size=20} "), "{}", row.fields);
    assert_eq!(row.problems, Vec::<String>::new());
}

#[test]
fn what_a_body_holds_is_shown_by_its_type() {
    let fields = |media_type: &str, body: &str| {
        let lines = format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
        let played = player().play(&[server(response(&lines, body.as_bytes()))]);
        let row = &played.rows(Role::Server)[0];
        let body = row.fields.rsplit_once(" body").map_or("", |(_, body)| body).to_owned();
        (body, row.problems.clone())
    };
    let none = Vec::<String>::new();
    assert_eq!(fields("text/plain", "hello"), ("=\"hello\"".into(), none.clone()));
    assert_eq!(
        fields("application/x-www-form-urlencoded", "a=1&b+c=%C3%BC&d"),
        ("{a=\"1\" b c=\"ü\" d=\"\"}".into(), none.clone())
    );
    let parts = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n";
    assert_eq!(
        fields("multipart/form-data; boundary=\"x\"", parts).0,
        "{part{content-disposition=\"form-data; name=\\\"a\\\"\" content=\"one\"} part{content=\"two\"}}"
    );
    let (body, problems) = fields("application/problem+json; charset=utf-8", "{\"a\": }");
    assert_eq!(body, "=\"{\\\"a\\\": }\"");
    assert!(problems[0].starts_with("invalid-json: this is not valid JSON"), "{problems:?}");
    assert_eq!(fields("text/plain", "[not json").1, none);
}

#[test]
fn a_body_that_unpacks_to_too_much_or_not_at_all_is_a_problem() {
    let problem = |coding: &str, body: &[u8]| {
        let lines = format!("Content-Encoding: {coding}\r\nContent-Length: {}\r\n", body.len());
        player().play(&[server(response(&lines, body))]).problems()
    };
    let bomb = gzipped(&vec![0; 20 << 20]);
    assert!(
        problem("gzip", &bomb)[0]
            .starts_with("expands-too-much: the body is not all shown: it unpacks to more than")
    );
    assert!(problem("br", b"no")[0].starts_with("unpacking-failed"));
    assert!(problem("snappy", b"no")[0].starts_with("unknown-coding"));
}

#[test]
fn a_long_body_is_in_parts() {
    let body = vec![b'x'; (1 << 20) + 100_000];
    let lines = format!("Content-Length: {}\r\n", body.len());
    let all = [response(&lines, &body), crate::ok("next").into_bytes()].concat();
    let played = player().play(&[server(&all[..])]);
    let rows = played.rows(Role::Server);
    assert_eq!(rows[0].length, 44);
    assert_eq!(rows.last().unwrap().kind.as_deref(), Some("200"));
    assert_eq!(rows.len(), 2 + body.len().div_ceil(64 << 10));
    assert!(rows[1..rows.len() - 1].iter().all(|row| row.kind.as_deref() == Some("BODY")));
    // A loss inside, over several parts, moves nothing.
    let (start, end) = (300_000, 600_000);
    let played = player().play(&[
        server(&all[..start]),
        lost(Role::Server, (end - start) as u64),
        server(&all[end..]),
    ]);
    assert_eq!(played.rows(Role::Server).last().unwrap().length, 42);
    assert_eq!(played.rows(Role::Server).last().unwrap().span_type, SpanType::Message);
}

#[test]
fn chunks_are_rows_where_they_are_written_as_things_happen() {
    let lines = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
    let stream = response(lines, &chunked(b"data: one\n\ndata: two\n\n", 11));
    let all = [stream, crate::ok("next").into_bytes()].concat();
    let played = player().play(&[client(GET), server(all)]);
    assert_eq!(kinds(&played, Role::Server), ["200", "BODY", "BODY", "BODY", "200"]);
    assert_eq!(played.rows(Role::Server)[1].fields, "size=11 data=\"data: one\\n\\n\"");
    let small = response("Transfer-Encoding: chunked\r\n", &chunked(&[b'x'; 40], 1));
    let played = player().play(&[server(small)]);
    assert_eq!(played.rows(Role::Server).len(), 42);
    // A chunk that is larger than a row may be is cut.
    let large = response("Transfer-Encoding: chunked\r\n", &chunked(&vec![b'x'; 3 << 20], 2 << 20));
    let played = player().play(&[server([large, crate::ok("next").into_bytes()].concat())]);
    let rows = played.rows(Role::Server);
    assert_eq!((rows[1].fields.as_str(), rows[1].length), ("size=2097152", 8));
    assert_eq!(rows.last().unwrap().kind.as_deref(), Some("200"));
    assert_eq!(rows.iter().filter(|row| row.fields.starts_with("size")).count(), 3);
}

#[test]
fn events_are_rows_where_no_chunks_are() {
    let lines = "Content-Type: text/event-stream\r\n";
    let played =
        player().play(&[server(response(lines, b"id: 1\ndata: a\n\n: hi\r\ndata:b\r\n\r\nretry: 3"))]);
    let fields: Vec<&str> = played.rows(Role::Server)[1..].iter().map(|row| row.fields.as_str()).collect();
    assert_eq!(fields, ["id=\"1\" data=\"a\"", "comment=\"hi\" data=\"b\"", "retry=\"3\""]);
}

#[test]
fn a_loss_in_chunks_costs_the_chunk_that_it_touches() {
    let lines = "Transfer-Encoding: chunked\r\n";
    let body = chunked(&vec![b'x'; 10_000], 2000);
    let all = [response(lines, &body), crate::ok("next").into_bytes()].concat();
    let played = player().play(&[server(&all[..3000]), lost(Role::Server, 100), server(&all[3100..])]);
    let types: Vec<SpanType> = played.rows(Role::Server).iter().map(|row| row.span_type).collect();
    assert_eq!(types, [SpanType::Message; 8]);
    let bad = [response(lines, b"5\r\nhello\r\nxyz\r\n"), crate::ok("next").into_bytes()].concat();
    let played = player().play(&[server(bad)]);
    let rows = played.rows(Role::Server);
    assert_eq!(kinds(&played, Role::Server), ["200", "BODY", "-", "200"]);
    assert!(matches!(rows[2].span_type, SpanType::Skipped(code) if code.as_str() == "bad-chunk"));
}

#[test]
fn a_body_that_ends_with_the_connection_is_one_row() {
    let played = player().play(&[server(response("Content-Type: text/plain\r\n", b"all of it"))]);
    assert_eq!(played.rows(Role::Server).len(), 1);
    assert!(played.rows(Role::Server)[0].fields.ends_with("body=\"all of it\""));
    let long = response("", &vec![b'x'; (1 << 20) + 1]);
    assert_eq!(player().play(&[server(long)]).rows(Role::Server).len(), 18);
}

#[test]
fn bodies_are_handed_on_without_chunks_and_codings() {
    let json = br#"{"a": 1}"#;
    let request = format!(
        "POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{}",
        "{\"b\": 2}"
    );
    let lines = "Content-Type: application/json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
    let stream = response(
        "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n",
        &chunked(b"[1]\n[2]\n", 4),
    );
    let played = carrying().play(&[
        client(request),
        server(response(lines, &chunked(&gzipped(json), 9))),
        client("GET /stream HTTP/1.1\r\n\r\n"),
        server(stream),
        (Role::Server, Piece::End),
    ]);
    let channels = &played.collected.channels;
    let of = |path: &str| {
        let number = channels.iter().find(|(_, about)| about.settings.get("path") == Some(path)).unwrap().0;
        Role::BOTH.map(|role| played.collected.messages(*number, role))
    };
    assert_eq!(of("/x"), [vec![b"{\"b\": 2}".to_vec()], vec![json.to_vec()]]);
    assert_eq!(of("/stream"), [vec![], vec![b"[1]\n".to_vec(), b"[2]\n".to_vec()]]);
    let about = channels.values().find(|about| about.settings.get("path") == Some("/x")).unwrap();
    assert_eq!(
        (about.protocol.as_deref(), about.settings.get("content-type")),
        (Some("json"), Some("application/json"))
    );
    assert!(about.is_delimited);
}
