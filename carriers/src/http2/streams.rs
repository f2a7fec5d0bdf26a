//! Where the streams of a connection are: what is buffered of the message that each side sends on it.

use std::sync::Arc;

use super::head::Head;

/// One stream of a connection. A copy shares what is buffered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    /// What the client sends, and what the server sends.
    pub(crate) halves: [Half; 2],
    /// What was asked for.
    pub(crate) request: Option<Arc<Request>>,
}

/// What later parts of a stream depend on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) authority: String,
    pub(crate) message_encoding: String,
    pub(crate) is_connect: bool,
    /// Of an extended CONNECT, such as `websocket`.
    pub(crate) protocol: Option<String>,
    pub(crate) subprotocol: Option<String>,
}

impl Request {
    pub(crate) fn of(head: &Head) -> Request {
        let text = |bytes: &Option<Vec<u8>>| {
            String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned()
        };
        let maybe = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|_| text(bytes));
        Request {
            path: text(&head.path),
            authority: text(&head.authority),
            message_encoding: text(&head.message_encoding),
            is_connect: head.method.as_deref() == Some(b"CONNECT"),
            protocol: maybe(&head.protocol),
            subprotocol: maybe(&head.subprotocol),
        }
    }

    pub(crate) fn memory(&self) -> usize {
        size_of::<Request>() + self.path.len() + self.authority.len() + self.message_encoding.len()
    }
}

/// What one side sends on a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Half {
    pub(crate) state: State,
    /// How many bytes of the body are known to be missing.
    pub(crate) missing: u64,
    /// Whether others may be.
    pub(crate) may_lack: bool,
    /// Whether its channel has been told so since it brought something.
    pub(crate) knows_loss: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) enum State {
    /// It has not begun.
    #[default]
    Idle,
    /// A message whose body is buffered.
    Message {
        head: Arc<Vec<u8>>,
        body: Arc<Vec<u8>>,
        content_length: Option<u64>,
    },
    /// Its head was handed on, and so is each part of its body.
    Parts,
    /// Messages with a prefix of five bytes.
    Grpc(Joined),
    /// A stream of bytes.
    Tunnel,
    Ended,
}

/// The messages of gRPC that DATA frames carry, joined.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joined {
    pub(crate) channel: u64,
    /// The beginning of a message.
    pub(crate) begun: Arc<Vec<u8>>,
    /// How many bytes of a message that is too long are left out.
    pub(crate) left_out: usize,
    /// Whether bytes were lost, so that where a message begins is not known.
    pub(crate) is_lost: bool,
}

/// The prefix of a message of gRPC: a flag, and the length in four bytes.
pub(crate) const PREFIX: usize = 5;

impl Joined {
    /// The length of the message that begins with these bytes, prefix included.
    pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
        let &[_, a, b, c, d] = bytes.first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        Some(length.saturating_add(PREFIX))
    }

    /// Whether a message begins here, as far as a lost place can be judged: most DATA frames begin with one.
    pub(crate) fn may_begin(data: &[u8], most: usize) -> bool {
        let mut rest = data;
        loop {
            let Some(length) = Joined::length(rest) else { return rest.is_empty() };
            if length > most || rest.first().is_some_and(|&flag| flag & 0x7e != 0) {
                return false;
            }
            match rest.get(length..) {
                Some(behind) => rest = behind,
                None => return true,
            }
        }
    }
}

impl Half {
    /// How many bytes are buffered.
    pub(crate) fn buffered(&self) -> usize {
        match &self.state {
            State::Message { head, body, .. } => head.len() + body.len(),
            State::Grpc(joined) => joined.begun.len(),
            _ => 0,
        }
    }

    /// Why what was read of a message is not all of it, as a line.
    pub(crate) fn lack(&self, received: u64, content_length: Option<u64>) -> Option<String> {
        match (self.missing, self.may_lack) {
            (missing @ 1.., _) => Some(format!("{missing} bytes were not captured")),
            (0, true) if content_length != Some(received) => Some("bytes may not have been captured".into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_grpc_may_begin_where_prefixes_follow_each_other() {
        let may = |data: &[u8]| Joined::may_begin(data, 1 << 20);
        assert!(may(b"\0\0\0\0\x02ab\x01\0\0\0\x01c") && may(b"\0\0\0\x01\0ab"));
        assert!(!may(b"\0\0\0\0\x02abc") && !may(b"\x02\0\0\0\0") && !may(b"\0\xff\xff\0\0abc"));
    }
}
