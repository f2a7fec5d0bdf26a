//! The header fields of one block, and the text that they become: that of an HTTP/1.1 message, with the pseudo-header fields that
//! have no place in its first line as lines that begin with a colon.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use framescope_parser::Settings;

use super::hpack::LOST;

/// What is kept of a block beside its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: Option<Vec<u8>>,
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) status: Option<Vec<u8>>,
    /// Of an extended CONNECT, RFC 8441.
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) content_type: Option<Vec<u8>>,
    pub(crate) content_length: Option<u64>,
    pub(crate) message_encoding: Option<Vec<u8>>,
    pub(crate) subprotocol: Option<Vec<u8>>,
    pub(crate) extensions: Option<Vec<u8>>,
    /// Whether names or values are lost.
    pub(crate) has_lost: bool,
    /// Whether a name or a value had a character that would end its line.
    pub(crate) has_breaks: bool,
    /// The pseudo-header fields that have no place in the first line.
    pseudo: Vec<u8>,
    lines: Vec<u8>,
}

/// What a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Request,
    Response,
    Trailers,
}

impl Head {
    /// Takes the next header field.
    pub(crate) fn push(&mut self, name: Option<&[u8]>, value: Option<&[u8]>) {
        self.has_lost |= name.is_none() || value.is_none();
        let value = value.unwrap_or(LOST);
        let owned = || Some(value.to_vec());
        match name.unwrap_or(LOST) {
            b":method" => self.method = owned(),
            b":path" => self.path = owned(),
            b":status" => self.status = owned(),
            name => {
                match name {
                    b":authority" => self.authority = owned(),
                    b":protocol" => self.protocol = owned(),
                    b"content-type" => self.content_type = owned(),
                    b"content-length" => {
                        self.content_length = str::from_utf8(value).ok().and_then(|n| n.parse().ok())
                    }
                    b"grpc-encoding" => self.message_encoding = owned(),
                    b"sec-websocket-protocol" => self.subprotocol = owned(),
                    b"sec-websocket-extensions" => self.extensions = owned(),
                    _ => {}
                }
                let binary = true_binary(name, value);
                let value = binary.as_deref().unwrap_or(value);
                let to = if name.starts_with(b":") { &mut self.pseudo } else { &mut self.lines };
                let breaks = [line(to, name), push(to, b": "), line(to, value), push(to, b"\r\n")];
                self.has_breaks |= breaks.contains(&true);
            }
        }
    }

    /// What the block begins, sent by a client or not, and after another block of its stream or not.
    pub(crate) fn form(&self, is_client: bool, is_later: bool) -> Form {
        match (self.status.is_some(), self.method.is_some()) {
            (true, _) => Form::Response,
            (_, true) => Form::Request,
            _ if is_later => Form::Trailers,
            _ if is_client => Form::Request,
            _ => Form::Response,
        }
    }

    /// The status, if it is a number.
    pub(crate) fn status_number(&self) -> Option<u16> {
        str::from_utf8(self.status.as_deref()?).ok()?.parse().ok()
    }

    pub(crate) fn is_grpc(&self) -> bool {
        let is_other =
            |rest: &[u8]| rest.first().is_some_and(|&byte| byte != b'+' && byte != b';' && byte != b'-');
        let content_type = self.content_type.as_deref().unwrap_or_default();
        let rest = content_type.strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| !is_other(rest) && !rest.starts_with(b"-web-text"))
    }

    /// Whether the body is a stream of events, each of which matters when it comes.
    pub(crate) fn is_event_stream(&self) -> bool {
        self.content_type.as_deref().is_some_and(|kind| kind.starts_with(b"text/event-stream"))
    }

    /// The first line, the number of the stream, and all header fields, each with a line break.
    pub(crate) fn text(&mut self, form: Form, stream: u32) -> Vec<u8> {
        let unknown: &[u8] = if self.has_lost { LOST } else { b"(none)" };
        let mut text = Vec::with_capacity(self.lines.len() + self.pseudo.len() + 64);
        let mut word = |text: &mut Vec<u8>, word: Option<&[u8]>| {
            self.has_breaks |= line(text, word.filter(|word| !word.is_empty()).unwrap_or(unknown));
        };
        match form {
            Form::Request => {
                let is_connect = self.method.as_deref() == Some(b"CONNECT");
                word(&mut text, self.method.as_deref());
                text.push(b' ');
                let target = self.path.as_deref().or(self.authority.as_deref().filter(|_| is_connect));
                word(&mut text, target);
                text.extend_from_slice(b" HTTP/2\r\n");
            }
            Form::Response => {
                text.extend_from_slice(b"HTTP/2 ");
                word(&mut text, self.status.as_deref());
                text.extend_from_slice(b"\r\n");
            }
            Form::Trailers => text.extend_from_slice(b"TRAILERS HTTP/2\r\n"),
        }
        text.extend_from_slice(format!(":stream: {stream}\r\n").as_bytes());
        text.extend_from_slice(&self.pseudo);
        text.extend_from_slice(&self.lines);
        text
    }
}

/// The request in HTTP/1.1 with which a client asked for HTTP/2: the first stream is for its response.
#[derive(Debug)]
pub(crate) struct Upgraded {
    method: String,
    path: String,
    host: String,
    /// The parameters of SETTINGS that it had.
    pub(crate) settings: Vec<u8>,
}

impl Upgraded {
    /// What HTTP/1.1 says of it, if that was before.
    pub(crate) fn of(given: &Settings) -> Option<Upgraded> {
        let text = |name: &str| given.get(name).unwrap_or_default().to_owned();
        let settings = BASE64_URL_SAFE_NO_PAD.decode(given.get("http2-settings")?.trim_end_matches('='));
        let settings = settings.unwrap_or_default();
        Some(Upgraded { method: text("method"), path: text("path"), host: text("host"), settings })
    }

    /// The same request, as if it had been sent in HTTP/2.
    pub(crate) fn head(&self) -> Head {
        let mut head = Head::default();
        let fields = [(":method", &self.method), (":path", &self.path), (":authority", &self.host)];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            head.push(Some(name.as_bytes()), Some(value.as_bytes()));
        }
        head.push(Some(b":upgraded"), Some(b"from HTTP/1.1"));
        head
    }
}

/// Metadata of gRPC that is sent as the bytes that it is, which both sides have to allow, in the form that it has elsewhere: base64.
fn true_binary(name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let bytes = value.strip_prefix(b"\0").filter(|_| name.ends_with(b"-bin"))?;
    Some(BASE64_STANDARD_NO_PAD.encode(bytes).into_bytes())
}

fn push(to: &mut Vec<u8>, bytes: &[u8]) -> bool {
    to.extend_from_slice(bytes);
    false
}

/// Appends bytes to a line: what would end it becomes a space. Says whether anything would have.
fn line(to: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let breaks = |byte: u8| matches!(byte, b'\r' | b'\n' | 0);
    to.extend(bytes.iter().map(|&byte| if breaks(byte) { b' ' } else { byte }));
    bytes.iter().any(|&byte| breaks(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Head {
        let mut head = Head::default();
        for (name, value) in fields {
            head.push(Some(name.as_bytes()), Some(value.as_bytes()));
        }
        head
    }

    fn text(mut head: Head, form: Form) -> String {
        String::from_utf8(head.text(form, 5)).unwrap()
    }

    #[test]
    fn a_head_becomes_the_text_of_a_message() {
        let request = [(":method", "GET"), (":scheme", "https"), (":path", "/a b"), ("accept", "*/*")];
        assert_eq!(
            text(head(&request), Form::Request),
            "GET /a b HTTP/2\r\n:stream: 5\r\n:scheme: https\r\naccept: */*\r\n"
        );
        let connect = [(":method", "CONNECT"), (":authority", "a:1")];
        assert_eq!(
            text(head(&connect), Form::Request),
            "CONNECT a:1 HTTP/2\r\n:stream: 5\r\n:authority: a:1\r\n"
        );
        assert_eq!(text(head(&[(":status", "204")]), Form::Response), "HTTP/2 204\r\n:stream: 5\r\n");
        assert_eq!(text(head(&[("a", "b")]), Form::Trailers), "TRAILERS HTTP/2\r\n:stream: 5\r\na: b\r\n");
    }

    #[test]
    fn what_is_lost_is_said_and_no_value_ends_its_line() {
        let mut lost = Head::default();
        lost.push(None, None);
        lost.push(None, Some(b"x\r\ny: z"));
        assert_eq!(
            text(lost.clone(), Form::Request),
            "(lost) (lost) HTTP/2\r\n:stream: 5\r\n(lost): (lost)\r\n(lost): x  y: z\r\n"
        );
        assert!(lost.has_lost && lost.has_breaks);
    }

    #[test]
    fn binary_metadata_is_shown_in_base64() {
        let head = head(&[("trace-bin", "\0\0\u{1}\u{2}"), ("other-bin", "AAEC")]);
        assert!(!head.has_breaks);
        let text = text(head, Form::Trailers);
        assert!(text.ends_with("\r\ntrace-bin: AAEC\r\nother-bin: AAEC\r\n"), "{text}");
    }

    #[test]
    fn grpc_is_known_by_its_content_type() {
        let is = |kind: &str| head(&[("content-type", kind)]).is_grpc();
        assert!(is("application/grpc") && is("application/grpc+proto") && is("application/grpc-web+json"));
        assert!(!is("application/grpc-web-text") && !is("application/grpcish") && !is("text/html"));
    }
}
