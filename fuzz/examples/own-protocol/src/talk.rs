//! How to compare a parser of whole conversations, [`guestbook`](crate::guestbook), with their description.
//!
//! The fuzzer's bytes are a [`Transcript`]: which side says what, in which segments.

use std::sync::LazyLock;

use framescope_checking::{Piece, Transcript, Verdict, hear};
use framescope_ksy::Described;
use framescope_parser::{Dissection, Role};

use crate::guestbook::{Client, Guestbook, Parsed, Server};

/// The description.
pub static GUESTBOOK: LazyLock<Described> = LazyLock::new(|| {
    Described::from_ksy(include_str!("../guestbook.ksy")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
});

/// What a message is: its length, and its fields that both have. What is refused is the last of a conversation.
#[derive(Debug, PartialEq)]
enum Found {
    Message(usize, Vec<(&'static str, String)>),
    Refused,
    Incomplete,
}

/// Panics where the parser and the description disagree about what one of the sides says.
pub fn conversation_agrees(said: &Transcript) {
    let mut expected = Vec::new();
    hear(said, &*GUESTBOOK, &[], &mut |heard| {
        expected.push((
            heard.role,
            match &heard.verdict {
                Verdict::Valid(length) => {
                    let mut message = Dissection::default();
                    heard.message.dissect(heard.protocol, &mut message);
                    Found::Message(*length, described(&message))
                }
                // Text that is wrong already is refused by this parser when it is complete.
                Verdict::Incomplete(_) => Found::Incomplete,
                Verdict::Refused(_) => Found::Refused,
            },
        ));
    });
    assert_eq!(parsed(said), expected, "{said:?}");
}

/// What the parser reads, as the segments arrive.
fn parsed(said: &Transcript) -> Vec<(Role, Found)> {
    let (mut guestbook, mut waiting, mut found) =
        (Guestbook::default(), [Vec::new(), Vec::new()], Vec::new());
    for piece in said.pieces() {
        let Piece::Segment(role, bytes) = piece else { continue };
        let data = &mut waiting[role.index()];
        data.extend_from_slice(bytes);
        while !data.is_empty() {
            let next = match role {
                Role::Client => result(guestbook.client(data), of_client),
                Role::Server => result(guestbook.server(data), of_server),
            };
            match next {
                Found::Incomplete => break,
                Found::Message(length, _) => drop(data.drain(..length)),
                Found::Refused => {
                    found.push((*role, next));
                    return found;
                }
            }
            found.push((*role, next));
        }
    }
    let is_left = |role: &Role| !waiting[role.index()].is_empty();
    found.extend(Role::BOTH.into_iter().filter(is_left).map(|role| (role, Found::Incomplete)));
    found
}

fn result<M>(parsed: Parsed<M>, fields: fn(M) -> Vec<(&'static str, String)>) -> Found {
    match parsed {
        Ok(Some((message, length))) => Found::Message(length, fields(message)),
        Ok(None) => Found::Incomplete,
        Err(_) => Found::Refused,
    }
}

fn of_client(message: Client<'_>) -> Vec<(&'static str, String)> {
    match message {
        Client::Hello { version } => vec![("version", version.to_string())],
        Client::Request { number, text, .. } => {
            vec![("number", number.to_string()), ("text", format!("{text:?}"))]
        }
        Client::File { data } => vec![("length", data.len().to_string())],
    }
}

fn of_server(message: Server<'_>) -> Vec<(&'static str, String)> {
    match message {
        Server::Welcome { banner } => vec![("banner", format!("{banner:?}"))],
        Server::Reply { number, .. } => vec![("number", number.to_string())],
    }
}

/// The same fields as the description has them.
fn described(message: &Dissection<'_>) -> Vec<(&'static str, String)> {
    let is_file = message.field("data").is_some();
    let names = if is_file { &["length"][..] } else { &["version", "banner", "number", "text"] };
    let value = |name: &&'static str| Some((*name, message.field(name)?.value.to_string()));
    names.iter().filter_map(value).collect()
}
