//! What this program says of a conversation, message by message, beside what the other replies.
//!
//! The program reads `client:HEX` and `server:HEX` for each segment, all in one line, and replies with a line for each message:
//! who says it, and the same words as for a message alone. The last line is `end`.

use std::fmt::Write;
use std::io;
use std::sync::Arc;

use framescope_capture::export::hex;
use framescope_checking::{Heard, Piece, Transcript, Verdict, hear};
use framescope_parser::{Dissection, Protocol, Role};

use super::comparison::{Difference, Different, agreement};
use super::peer::{Peer, Reply};

/// The line for a conversation.
pub(super) fn line(said: &Transcript) -> String {
    let mut line = String::new();
    for piece in said.pieces() {
        if let Piece::Segment(role, bytes) = piece {
            let space = if line.is_empty() { "" } else { " " };
            // A text takes whatever is written.
            let _ = write!(line, "{space}{}:{}", role.as_str(), hex(bytes));
        }
    }
    line
}

/// What a receiver should say of a whole conversation: what it says of the first message that is not valid.
pub(super) fn verdict(protocol: &dyn Protocol, others: &[Arc<dyn Protocol>], said: &Transcript) -> Verdict {
    let mut all = Verdict::Valid(said.length());
    hear(said, protocol, others, &mut |heard| {
        if matches!(all, Verdict::Valid(_)) && !matches!(heard.verdict, Verdict::Valid(_)) {
            all = heard.verdict.clone();
        }
    });
    all
}

/// What the two say of the first message on which they disagree.
pub(super) fn different(
    protocol: &dyn Protocol,
    others: &[Arc<dyn Protocol>],
    said: &Transcript,
    peer: &mut Peer,
) -> io::Result<Option<Different>> {
    let mut replies = Vec::new();
    let mut reply = peer.ask(&line(said))?;
    let most = 2 * said.length() + 2;
    loop {
        match reply {
            Reply::Line(line) if line.trim() == "end" => break,
            Reply::Line(_) if replies.len() >= most => {
                let theirs = format!("{} lines and no 'end'", replies.len());
                return Ok(Some(Different {
                    ours: "'end' after the last message".to_owned(),
                    theirs,
                    is_silent: false,
                }));
            }
            Reply::Line(line) => replies.push(line),
            Reply::None(silence) => {
                let ours = format!("'end' after what it replied to: {}", replies.len());
                return Ok(Some(Different { ours, theirs: silence.to_string(), is_silent: true }));
            }
        }
        reply = peer.next_line();
    }
    let found = disagreement(protocol, others, said, &replies);
    Ok(found.map(|(ours, theirs)| Different { ours, theirs, is_silent: false }))
}

/// The replies about one side, and what was compared of them.
#[derive(Default)]
struct Side<'r> {
    replies: Vec<&'r str>,
    compared: usize,
}

/// What should have been replied, and what was.
fn disagreement(
    protocol: &dyn Protocol,
    others: &[Arc<dyn Protocol>],
    said: &Transcript,
    replies: &[String],
) -> Option<(String, String)> {
    let (mut client, mut server) = (Side::default(), Side::default());
    for reply in replies {
        match reply.trim().split_once(' ') {
            Some(("client", rest)) => client.replies.push(rest),
            Some(("server", rest)) => server.replies.push(rest),
            _ => {
                let ours = "a line is none of: client or server and a verdict, end";
                return Some((ours.to_owned(), reply.clone()));
            }
        }
    }
    // What the peer does not say is right if it refuses a message that is wrong before it is complete.
    let (mut found, mut missing, mut is_refused) = (None, None, false);
    hear(said, protocol, others, &mut |heard| {
        if found.is_some() || is_refused {
            return;
        }
        let side = if heard.role == Role::Client { &mut client } else { &mut server };
        let reply = side.replies.get(side.compared).copied();
        side.compared += 1;
        let Some(reply) = reply else {
            missing.get_or_insert_with(|| (ours(protocol, heard, side.compared, None), "nothing".to_owned()));
            return;
        };
        let fields = |_| {
            let mut dissection = Dissection::default();
            heard.message.dissect(heard.protocol, &mut dissection);
            (dissection, heard.message.bytes())
        };
        match agreement(&heard.verdict, reply, fields) {
            Ok(refuses) => is_refused = refuses,
            Err(difference) => {
                let text = if let Difference::Other(text) = difference { Some(text) } else { None };
                let theirs = format!("{} {reply}", heard.role.as_str());
                found = Some((ours(protocol, heard, side.compared, text), theirs));
            }
        }
    });
    let more = |side: &Side<'_>, role: Role| {
        let more = side.replies.get(side.compared)?;
        Some((format!("{} nothing more", role.as_str()), format!("{} {more}", role.as_str())))
    };
    found
        .or(missing.filter(|_| !is_refused))
        .or_else(|| more(&client, Role::Client))
        .or_else(|| more(&server, Role::Server))
}

/// What should be replied to a message, which is its side's `number`th.
fn ours(protocol: &dyn Protocol, heard: &Heard<'_>, number: usize, other: Option<String>) -> String {
    let stage = heard.message.context().and_then(|context| protocol.stages().get(usize::from(context.stage)));
    let stage = stage.map_or("", |stage| &stage.name);
    let role = heard.role.as_str();
    let verdict = other.unwrap_or_else(|| heard.verdict.to_string());
    format!("{role} {verdict} (message {number} of the {role}, read as '{stage}')")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use framescope_ksy::Described;

    #[test]
    fn each_sides_replies_are_compared_in_their_order() {
        let ksy = "{meta: {id: talk, -framescope: {conversation: {client: [hello, ask], server: answer}}}, types: {\
            hello: {seq: [{id: magic, contents: HI}]}, ask: {seq: [{id: n, type: u1, valid: {max: 9}}, {id: m, type: u1}]}, \
            answer: {seq: [{id: n, type: u1}]}}}";
        let talk = Described::from_ksy(ksy).unwrap();
        let said = Transcript::new([
            Piece::Segment(Role::Client, b"HI\x01\x02".to_vec()),
            Piece::Segment(Role::Server, b"\x03".to_vec()),
            Piece::Segment(Role::Client, b"\x0a".to_vec()),
            Piece::Segment(Role::Server, b"\x04".to_vec()),
        ]);
        assert_eq!(line(&said), "client:48490102 server:03 client:0a server:04");
        let says = |replies: &[&str]| {
            let replies: Vec<String> = replies.iter().map(|reply| (*reply).to_owned()).collect();
            disagreement(&talk, &[], &said, &replies).map(|(ours, _)| ours)
        };
        let [hello, ask, first, second] =
            ["client valid 2 magic=4849", "client valid 2 n=1 m=2", "server valid 1 n=3", "server valid 1"];
        // The order of the two sides does not matter, and what is said after a refusal means nothing.
        for agreed in [
            &[hello, ask, first, "client refused: too much"][..],
            &[first, hello, ask, "client refused"],
            &[hello, ask, "client refused"],
        ] {
            assert_eq!(says(agreed), None, "{agreed:?}");
        }
        let missing = "client refused: cannot-resync (message 3 of the client, read as 'ask')";
        for (replies, expected) in [
            (&[hello, ask, first][..], missing),
            (&[hello, ask, first, "client incomplete"], missing),
            (&[hello, ask, second], missing),
            (
                &[hello, ask, "server valid 1 n=4"],
                "server n is 3 (message 1 of the server, read as 'answer')",
            ),
            (&[hello, "client valid 2 n=7"], "client n is 1 (message 2 of the client, read as 'ask')"),
            (&[hello, "client refused"], "client valid 2 (message 2 of the client, read as 'ask')"),
            (&[hello, ask, first, "client refused", second], "server nothing more"),
            (&["yes"], "a line is none of: client or server and a verdict, end"),
        ] {
            assert_eq!(says(replies).as_deref(), Some(expected), "{replies:?}");
        }
    }
}
