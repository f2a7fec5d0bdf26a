//! What holds for any conversation, however it is cut and whatever is lost of it.

use framescope_parser::{Role, SpanType};
use proptest::prelude::*;

use crate::bodies::{chunked, gzipped, response};
use crate::support::checks::{assert_same, assert_silent_is_the_same, cut, lengths, lose, play_checked};
use crate::support::{Piece, Pieces, client, ends, server};
use crate::{carrying, ok, player};

/// A request and its response.
fn exchange() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let body = prop::collection::vec(any::<u8>(), 0..200);
    (0..9u8, body, 1..40usize).prop_map(|(which, body, size)| {
        let get = b"GET /x?y HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
        let post = [format!("POST /p HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body]
            .concat();
        let chunks = chunked(&body, size);
        match which {
            0 => (get, ok("hello").into_bytes()),
            1 => (
                b"HEAD / HTTP/1.1\r\n\r\n".to_vec(),
                b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n".to_vec(),
            ),
            2 => (post, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n".to_vec()),
            3 => (get, response("Transfer-Encoding: chunked\r\n", &chunks)),
            4 => {
                (get, response("Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n", &chunks))
            }
            5 => {
                let packed = gzipped(&body);
                let lines = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len());
                (get, response(&lines, &packed))
            }
            6 => {
                let packed = chunked(&gzipped(&body), 1);
                (post, response("Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", &packed))
            }
            7 => ([&b"\r\n"[..], &post].concat(), response("Content-Length: 1\r\nX: a\r\n b\r\n", b"x")),
            _ => (
                b"PUT /q HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                    .iter()
                    .copied()
                    .chain(chunks)
                    .collect(),
                ok("").into_bytes(),
            ),
        }
    })
}

/// What may end a connection.
fn ending() -> impl Strategy<Value = Pieces> {
    let bytes = prop::collection::vec(any::<u8>(), 0..100);
    (0..4u8, bytes).prop_map(|(which, bytes)| match which {
        0 => vec![],
        1 => vec![
            client("GET / HTTP/1.0\r\n\r\n"),
            server(response("Content-Type: text/event-stream\r\n", &bytes)),
        ],
        2 => vec![client("GET / HTTP/1.0\r\n\r\n"), server(response("", &bytes))],
        _ => vec![client("GET / HTTP/1.1\r\n"), server(bytes)],
    })
}

fn conversation() -> impl Strategy<Value = Pieces> {
    (prop::collection::vec(exchange(), 1..6), ending(), any::<bool>()).prop_map(
        |(exchanges, ending, pipelined)| {
            let mut pieces = Pieces::new();
            match pipelined {
                true => {
                    let (requests, responses): (Vec<_>, Vec<_>) = exchanges.into_iter().unzip();
                    pieces.extend([client(requests.concat()), server(responses.concat())]);
                }
                false => pieces.extend(
                    exchanges.into_iter().flat_map(|(request, response)| [client(request), server(response)]),
                ),
            }
            pieces.extend(ending);
            pieces.extend(ends());
            pieces
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn how_the_bytes_are_cut_does_not_matter(pieces in conversation(), lengths in lengths()) {
        let player = carrying();
        let whole = play_checked(&player, &pieces);
        assert_same(&whole, &player.play(&cut(&pieces, &lengths)));
        assert_silent_is_the_same(&player, &whole);
    }

    #[test]
    fn messages_that_a_loss_does_not_touch_are_found(
        count in 2..12usize,
        at in 0..2000usize,
        length in 1..300usize,
        lengths in lengths(),
    ) {
        let exchange = |number: usize| {
            let body = format!("{{\"number\": {number}, \"text\": \"{}\"}}", "x".repeat(number * 7));
            [client(format!("GET /{number} HTTP/1.1\r\n\r\n")), server(ok(&body))]
        };
        let pieces: Pieces = (0..count).flat_map(exchange).chain(ends()).collect();
        let whole = player().play(&pieces);
        let total: u64 = whole.rows(Role::Server).iter().map(|row| row.length).sum();
        let at = at % total as usize;
        let damaged = lose(&pieces, Role::Server, at, length);
        let played = play_checked(&player(), &damaged);
        let touched = at as u64..(at + length) as u64;
        for row in whole.rows(Role::Server) {
            let is_touched = row.offset < touched.end && touched.start < row.offset + row.length;
            // The one before may be held until what follows it shows that it is right.
            prop_assert!(is_touched || played.rows(Role::Server).contains(row), "{row:?} in {:?}", played.rows(Role::Server));
        }
        prop_assert_eq!(played.rows(Role::Client), whole.rows(Role::Client));
        assert_same(&played, &player().play(&cut(&damaged, &lengths)));
    }

    #[test]
    fn any_bytes_become_rows(
        pieces in prop::collection::vec((any::<bool>(), 0..8u8, prop::collection::vec(any::<u8>(), 0..60)), 0..12),
        lengths in lengths(),
    ) {
        let piece = |(is_client, which, noise): (bool, u8, Vec<u8>)| {
            let role = if is_client { Role::Client } else { Role::Server };
            let piece = match which {
                0 => Piece::Lost(1 + noise.len() as u64),
                1 => Piece::Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n".to_vec()),
                2 => Piece::Bytes(b"GET / HTTP/1.1\r\n".to_vec()),
                3 => Piece::Bytes(b"\r\n\r\n".to_vec()),
                4 => Piece::Bytes(b"CONNECT a HTTP/1.1\r\n\r\n".to_vec()),
                5 => Piece::Bytes(b"HTTP/1.1 101 x\r\n\r\n".to_vec()),
                _ => Piece::Bytes(noise),
            };
            (role, piece)
        };
        let pieces: Pieces = pieces.into_iter().map(piece).chain(ends()).collect();
        let played = play_checked(&carrying(), &pieces);
        let is_tunnel = played.rows.iter().flatten().any(|row| {
            row.span_type == SpanType::Message && matches!(row.kind.as_deref(), Some("UPGRADED" | "TUNNEL"))
        });
        // What follows an upgrade is in rows by its segments.
        if !is_tunnel {
            assert_same(&played, &carrying().play(&cut(&pieces, &lengths)));
        }
    }
}
