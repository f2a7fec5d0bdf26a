//! Where messages end, and what they say.

use framescope_parser::{Code, Role, SpanType};

use crate::support::{Piece, client, lost, server};
use crate::{GET, kinds, ok, player};

#[test]
fn pipelined_requests_and_their_responses_are_rows() {
    let requests = format!("{GET}HEAD /x HTTP/1.1\r\n\r\n{GET}");
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let responses = format!("{}{head}HTTP/1.1 204 No Content\r\n\r\n", ok("hello"));
    let played = player().play(&[client(requests), server(responses)]);
    assert_eq!(kinds(&played, Role::Client), ["GET", "HEAD", "GET"]);
    assert_eq!(kinds(&played, Role::Server), ["200", "200", "204"]);
    let lengths: Vec<u64> = played.rows(Role::Server).iter().map(|row| row.length).collect();
    assert_eq!(lengths, [43, 38, 27]);
    assert_eq!(played.problems(), Vec::<String>::new());
}

#[test]
fn a_server_that_is_asked_to_continue_answers_twice() {
    let head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let played = player().play(&[
        client(head),
        server("HTTP/1.1 100 Continue\r\n\r\n"),
        client("hi"),
        server(ok("a")),
        client("HEAD / HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        client(GET),
        server(ok("b")),
    ]);
    assert_eq!(kinds(&played, Role::Client), ["POST", "HEAD", "GET"]);
    assert_eq!(kinds(&played, Role::Server), ["100", "200", "200", "200"]);
}

#[test]
fn a_response_before_the_request_is_complete_is_not_taken_for_the_next_ones() {
    let played = player().play(&[
        client("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab"),
        server("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
        client("cd"),
        client("HEAD / HTTP/1.1\r\n\r\n"),
        server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        client(GET),
        server(ok("b")),
    ]);
    assert_eq!(kinds(&played, Role::Server), ["401", "200", "200"]);
}

#[test]
fn header_fields_have_their_names_in_lower_case() {
    let request = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two:2\r\nContent-Length: 0\r\n\r\n";
    let played = player().play(&[client(request)]);
    let row = &played.rows(Role::Client)[0];
    assert_eq!(
        row.fields,
        "method=\"POST\" target=\"/a?b=c\"{path=\"/a\" query=\"b=c\"} version=\"HTTP/1.1\" \
         headers{host=\"x\" x-two=\"1\" x-two=\"2\" content-length=\"0\"}"
    );
    assert_eq!(row.summary, "POST /a?b=c");
}

#[test]
fn lenient_forms_are_read_and_said() {
    let problems = |request: &str| player().play(&[client(request)]).problems();
    let one = |request: &str, code: &str| {
        let problems = problems(request);
        assert!(problems.len() == 1 && problems[0].starts_with(code), "{request:?}: {problems:?}");
    };
    one("GET / HTTP/1.1\nHost: a\n\n", "obsolete-form");
    one("GET / HTTP/1.1\r\nA: 1\r\n  2\r\n\r\n", "obsolete-form");
    one("GET / HTTP/1.1\r\nA : 1\r\n\r\n", "malformed-head");
    one("GET / HTTP/1.1\r\nno colon\r\n\r\n", "malformed-head");
    one("GET / HTTP/1.1\r\nA: \x01\r\n\r\n", "malformed-head");
    one("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "conflicting-length");
    one(
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "conflicting-length",
    );
    one("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "malformed-head");
    assert_eq!(problems("GET http://a/b HTTP/1.0\r\n\r\n"), Vec::<String>::new());
}

#[test]
fn a_loss_costs_the_messages_that_it_touches() {
    let response = ok(&"x".repeat(100));
    let all = response.repeat(3);
    let played = player().play(&[
        server(&all.as_bytes()[..200]),
        lost(Role::Server, 30),
        server(&all.as_bytes()[230..]),
    ]);
    let types: Vec<SpanType> = played.rows(Role::Server).iter().map(|row| row.span_type).collect();
    assert_eq!(types, [SpanType::Message; 3], "the length of the second is known");
    let played = player().play(&[
        server(&all.as_bytes()[..150]),
        lost(Role::Server, 30),
        server(&all.as_bytes()[180..]),
    ]);
    let types: Vec<SpanType> = played.rows(Role::Server).iter().map(|row| row.span_type).collect();
    assert_eq!(
        types,
        [
            SpanType::Message,
            SpanType::Partial,
            SpanType::Gap,
            SpanType::Skipped(Code::Continuation),
            SpanType::Message
        ],
        "the end of its head is lost"
    );
}

#[test]
fn what_is_no_message_is_skipped() {
    let played = player().play(&[client(format!("GET /old\r\nnoise {GET}\r\n{GET}"))]);
    assert_eq!(kinds(&played, Role::Client), ["-", "GET", "-", "GET"]);
    let types: Vec<SpanType> = played.rows(Role::Client).iter().map(|row| row.span_type).collect();
    assert_eq!(types[0], SpanType::Skipped(Code::NotAFrame));
    assert!(matches!(types[2], SpanType::Skipped(code) if code.as_str() == "empty-line"));
}

#[test]
fn what_follows_an_upgrade_is_handed_on() {
    let request =
        "GET /chat?x=1 HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nSec-WebSocket-Protocol: chat\r\n\
                  Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n\r\n";
    let played = player().with("sni", "example.org").play(&[
        client(request),
        server(format!("{agreed}from server")),
        client("from client"),
        lost(Role::Client, 7),
        client("more"),
    ]);
    let channel = &played.collected.channels[&played.channel("http.upgrade")];
    assert_eq!(channel.protocol.as_deref(), Some("websocket"));
    assert!(channel.is_verbatim && !channel.is_delimited);
    for (name, value) in [
        ("sni", "example.org"),
        ("path", "/chat"),
        ("host", "example.org"),
        ("subprotocol", "chat"),
        ("extensions", "permessage-deflate; server_no_context_takeover"),
    ] {
        assert_eq!(channel.settings.get(name), Some(value), "{name}");
    }
    assert_eq!(played.all("http.upgrade", Role::Client), b"from clientmore");
    assert_eq!(played.all("http.upgrade", Role::Server), b"from server");
    assert_eq!(kinds(&played, Role::Client), ["GET", "UPGRADED", "-", "UPGRADED"]);
}

#[test]
fn an_upgrade_that_is_refused_changes_nothing() {
    let request = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    let played = player().play(&[client(request), server(ok("no")), client(GET), server(ok("yes"))]);
    assert_eq!(kinds(&played, Role::Client), ["GET", "GET"]);
    assert_eq!(kinds(&played, Role::Server), ["200", "200"]);
    assert!(played.collected.channels.is_empty());
}

#[test]
fn what_goes_through_a_tunnel_is_handed_on() {
    let connect = "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n";
    let refused = "HTTP/1.1 407 Authenticate\r\nContent-Length: 2\r\n\r\nno";
    let played = player().play(&[
        client(connect),
        server(refused),
        client(connect),
        client("\x16early"),
        server("HTTP/1.1 200 Connected\r\nContent-Length: 9\r\n\r\n\x16answer"),
        client("late"),
        (Role::Client, Piece::End),
    ]);
    assert_eq!(kinds(&played, Role::Client), ["CONNECT", "CONNECT", "TUNNEL", "TUNNEL"]);
    assert_eq!(kinds(&played, Role::Server), ["407", "200", "TUNNEL"]);
    assert_eq!(played.all("http.connect", Role::Client), b"\x16earlylate");
    assert_eq!(played.all("http.connect", Role::Server), b"\x16answer");
    let channel = &played.collected.channels[&played.channel("http.connect")];
    assert_eq!(channel.settings.get("target"), Some("a:443"));
}

#[test]
fn a_capture_that_begins_inside_is_read_from_the_next_start_line() {
    let played = player().inside().play(&[server(format!("the end of a body}}{}{}", ok("a"), ok("b")))]);
    assert_eq!(kinds(&played, Role::Server), ["-", "200", "200"]);
}
