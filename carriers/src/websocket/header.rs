//! The header of a frame.

use framescope_parser::{Captured, Kind};

pub(super) const CONTINUATION: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// The opcodes that have a name.
pub(super) const OPCODES: [(u8, &str); 6] = [
    (CONTINUATION, "CONTINUATION"),
    (TEXT, "TEXT"),
    (BINARY, "BINARY"),
    (CLOSE, "CLOSE"),
    (PING, "PING"),
    (PONG, "PONG"),
];

/// The most bytes of payload that a control frame may have.
pub(super) const MAX_CONTROL: u64 = 125;

/// A frame up to this length is one row; of a longer one the header is, and its payload follows in parts.
pub(super) const MAX_FRAME: u64 = 16 << 20;

/// What the first bytes of a frame say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    /// RSV1, RSV2 and RSV3, the first one as 4.
    pub(super) reserved: u8,
    pub(super) opcode: u8,
    pub(super) masked: bool,
    /// How many bytes follow the first two for the length: 0, 2 or 8.
    pub(super) length_bytes: usize,
    /// How many bytes of payload follow.
    pub(super) payload: u64,
}

/// Why the header is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It takes so many more bytes than there are.
    NeedMore(usize),
    /// Bytes of it are missing.
    Missing,
    /// No frame begins like this.
    NoFrame,
}

impl Header {
    /// The header at the beginning of a message. Its masking key is not needed for that.
    pub(super) fn read(message: &Captured<'_, '_>) -> Result<Header, Unread> {
        let get = |from: usize, to: usize| match message.get(from..to) {
            Some(bytes) => Ok(bytes),
            None => match to.checked_sub(message.length()) {
                Some(more @ 1..) => Err(Unread::NeedMore(more)),
                _ => Err(Unread::Missing),
            },
        };
        let &[first, second] = get(0, 2)? else { return Err(Unread::Missing) };
        let length_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let wide = get(2, 2 + length_bytes)?;
        let number = wide.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let header = Header {
            fin: first & 0x80 != 0,
            reserved: first >> 4 & 7,
            opcode: first & 0xf,
            masked: second & 0x80 != 0,
            length_bytes,
            payload: if length_bytes == 0 { u64::from(second & 0x7f) } else { number },
        };
        // A frame of an extension has one of both; where both are set, this is something else.
        let is_frame = number >> 63 == 0 && (header.is_known() || header.reserved & 3 == 0);
        if is_frame { Ok(header) } else { Err(Unread::NoFrame) }
    }

    /// How many bytes come before the payload.
    pub(super) fn length(&self) -> usize {
        2 + self.length_bytes + if self.masked { 4 } else { 0 }
    }

    /// How many bytes of the frame are one row.
    pub(super) fn row(&self) -> usize {
        let header = self.length();
        match usize::try_from(self.payload) {
            Ok(payload) if !self.is_split() => header.saturating_add(payload),
            _ => header,
        }
    }

    /// Whether the payload follows in rows of its own.
    pub(super) fn is_split(&self) -> bool {
        self.payload.saturating_add(self.length() as u64) > MAX_FRAME
    }

    /// Whether the opcode has a name.
    pub(super) fn is_known(&self) -> bool {
        name_of(self.opcode).is_some()
    }

    pub(super) fn is_control(&self) -> bool {
        self.opcode & 8 != 0
    }

    pub(super) fn is_compressed(&self) -> bool {
        self.reserved & 4 != 0
    }

    /// Whether the length could not be written shorter.
    pub(super) fn is_minimal(&self) -> bool {
        match self.length_bytes {
            2 => self.payload > 125,
            8 => self.payload > 0xffff,
            _ => true,
        }
    }

    pub(super) fn kind(&self) -> Kind<'static> {
        Kind::new(self.opcode.into(), name_of(self.opcode))
    }

    /// The key, which stands before the payload; no key is one of zeros.
    pub(super) fn key(&self, message: &Captured<'_, '_>) -> Option<[u8; 4]> {
        if !self.masked {
            return Some([0; 4]);
        }
        let at = 2 + self.length_bytes;
        message.get(at..at + 4)?.try_into().ok()
    }
}

fn name_of(opcode: u8) -> Option<&'static str> {
    OPCODES.iter().find(|(number, _)| *number == opcode).map(|(_, name)| *name)
}

/// What a close code is called: those of RFC 6455 and of IANA's registry.
pub(super) fn close_code(code: u16) -> Kind<'static> {
    let name = match code {
        1000 => "NORMAL_CLOSURE",
        1001 => "GOING_AWAY",
        1002 => "PROTOCOL_ERROR",
        1003 => "UNSUPPORTED_DATA",
        1005 => "NO_STATUS_RECEIVED",
        1006 => "ABNORMAL_CLOSURE",
        1007 => "INVALID_PAYLOAD_DATA",
        1008 => "POLICY_VIOLATION",
        1009 => "MESSAGE_TOO_BIG",
        1010 => "MANDATORY_EXTENSION",
        1011 => "INTERNAL_ERROR",
        1012 => "SERVICE_RESTART",
        1013 => "TRY_AGAIN_LATER",
        1014 => "BAD_GATEWAY",
        1015 => "TLS_HANDSHAKE",
        _ => return Kind::new(code.into(), None),
    };
    Kind::new(code.into(), Some(name))
}

/// Whether a close code may be sent.
pub(super) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
